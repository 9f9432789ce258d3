package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"golang.org/x/sync/errgroup"
)

var _ attest.DocumentPublisher = (*Registry)(nil)

// Registry publishes into one repository of an OCI registry: files as
// artifacts, and bundles as referrers of files, images and indexes. It is safe
// for concurrent use.
type Registry struct {
	// Legacy has what is attested about images kept in cosign's older layout,
	// too, under the tag sha256-HEX.att. Set it before publishing. That layout
	// holds the promise of a version 1 log and not the proof of a version 2 one,
	// so what was logged in such a one stands there without its entry.
	Legacy bool

	repository *oci.Repository
	documents  documents

	mu       sync.Mutex
	subjects map[v1.Hash]v1.Descriptor
}

// NewRegistry returns the publisher into the repository called name,
// REGISTRY/REPOSITORY. It asks nothing of the registry yet.
func NewRegistry(name string, a oci.Access) (*Registry, error) {
	r, err := oci.OpenRepository(name, a)
	if err != nil {
		return nil, fmt.Errorf("publishing: %w", err)
	}
	return &Registry{repository: r, subjects: make(map[v1.Hash]v1.Descriptor)}, nil
}

// AddFile stores a released file, so that bundles about it can refer to it and
// who holds the file finds them. Bytes other than subject's are refused.
func (r *Registry) AddFile(ctx context.Context, subject criteria.Subject, path string) error {
	h, err := named(subject.Digest)
	if err != nil {
		return err
	}
	d, err := r.repository.PutFile(ctx, subject.Name, path, h)
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subjects[h] = d
	return nil
}

// Publish implements [attest.Publisher]. The subject is a file that is in the
// repository, or an image or index there, by its digest.
func (r *Registry) Publish(ctx context.Context, subject criteria.Digest, b attest.Bundle) (string, error) {
	at, err := r.PublishAll(ctx, nil, []About{{subject, b}})
	if err != nil {
		var incomplete *IncompleteError
		if errors.As(err, &incomplete) && len(incomplete.Missing) == 1 {
			return "", fmt.Errorf("publishing: %w", incomplete.Missing[0].Err)
		}
		return "", err
	}
	return at[0].Location, nil
}

// AddDocument implements [attest.DocumentPublisher]: the document becomes a
// referrer of the subject, of the document's own media type.
func (r *Registry) AddDocument(ctx context.Context, subject criteria.Digest, d attest.Document, data []byte) (string, error) {
	doc, _, err := r.documents.check(subject, d, data)
	if err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	to, err := r.subject(ctx, subject)
	if err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	entry, err := r.repository.PutDocument(ctx, doc, data, to)
	if err == nil {
		r.documents.stored(d, doc)
		err = r.repository.List(ctx, []oci.Listing{{Subject: to.Digest, Entries: []v1.Descriptor{entry}}})[0]
	}
	if err != nil {
		return "", fmt.Errorf("publishing document %s: %w", d.Name, err)
	}
	return r.at(entry.Digest), nil
}

// File is a released file and where it lies.
type File struct {
	Subject criteria.Subject
	Path    string
}

// About is a bundle and what it is published about.
type About struct {
	Subject criteria.Digest
	Bundle  attest.Bundle
}

// Published is what is in the registry now.
type Published struct {
	// What is a file's name, or "bundle sha256:… about sha256:…".
	What     string
	Location string // REGISTRY/REPOSITORY@DIGEST
}

// Missing is what is not there, or not known to be.
type Missing struct {
	What string
	Err  error
}

// IncompleteError says which half of a release was published. Publishing again
// completes it: what is there is not sent twice.
type IncompleteError struct {
	Repository string
	Published  []Published
	Missing    []Missing
}

// Error says what is missing, each cause once.
func (e *IncompleteError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "publishing into %s: %d of %d published, missing", e.Repository, len(e.Published), len(e.Published)+len(e.Missing))
	said := make(map[string]bool)
	left := 0
	for i, m := range e.Missing {
		cause := m.Err.Error()
		if i >= 5 && said[cause] || i >= 20 {
			left++
			continue
		}
		if said[cause] {
			fmt.Fprintf(&b, "\n  %s", m.What)
			continue
		}
		said[cause] = true
		fmt.Fprintf(&b, "\n  %s: %s", m.What, cause)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n  and %d more", left)
	}
	return b.String()
}

// Unwrap returns the causes.
func (e *IncompleteError) Unwrap() []error {
	var out []error
	for _, m := range e.Missing {
		out = append(out, m.Err)
	}
	return out
}

// PublishAll publishes files and then bundles, several at a time, and says
// where each is, in their order. It does as much as it can: an error is an
// [*IncompleteError], which lists both halves, or says that ctx ended. Bundles
// about one subject become visible together where the registry does not list
// referrers itself.
func (r *Registry) PublishAll(ctx context.Context, files []File, bundles []About) ([]Published, error) {
	type item struct {
		Published
		err     error
		subject v1.Descriptor
		entry   v1.Descriptor
		legacy  []oci.Attachment
	}
	items := make([]item, len(files)+len(bundles))
	var g errgroup.Group
	g.SetLimit(oci.Jobs)
	for i, f := range files {
		it := &items[i]
		it.What = f.Subject.Name
		g.Go(func() error {
			if it.err = r.AddFile(ctx, f.Subject, f.Path); it.err == nil {
				h, _ := named(f.Subject.Digest)
				it.Location = r.at(r.known(h).Digest)
			}
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	for i, b := range bundles {
		it := &items[len(files)+i]
		it.What = fmt.Sprintf("bundle %s about %s", criteria.DigestOf(b.Bundle), b.Subject)
		// What is about a file that is not there has nothing to refer to.
		if k := slices.IndexFunc(files, func(f File) bool { return f.Subject.Digest.Matches(b.Subject) }); k >= 0 && items[k].err != nil {
			it.err = items[k].err
			continue
		}
		g.Go(func() error {
			if it.subject, it.err = r.subject(ctx, b.Subject); it.err == nil {
				it.entry, it.err = r.repository.PutBundle(ctx, b.Bundle, it.subject)
			}
			// cosign attests images there, and what is attested about a file is
			// not about the artifact that holds it.
			if it.err == nil && r.Legacy && it.subject.ArtifactType != oci.FileType {
				var a oci.Attachment
				a, it.err = r.repository.PutAttachment(ctx, b.Bundle)
				it.legacy = []oci.Attachment{a}
			}
			it.Location = r.at(it.entry.Digest)
			return nil
		})
	}
	_ = g.Wait()

	var listings []oci.Listing
	place := make(map[v1.Hash]int)
	for _, it := range items[len(files):] {
		if it.err != nil {
			continue
		}
		i, ok := place[it.subject.Digest]
		if !ok {
			i = len(listings)
			place[it.subject.Digest] = i
			listings = append(listings, oci.Listing{Subject: it.subject.Digest})
		}
		listings[i].Entries = append(listings[i].Entries, it.entry)
		listings[i].Attached = append(listings[i].Attached, it.legacy...)
	}
	errs := r.repository.List(ctx, listings)
	for i := range items[len(files):] {
		it := &items[len(files)+i]
		if it.err == nil {
			it.err = errs[place[it.subject.Digest]]
		}
	}

	var out []Published
	var missing []Missing
	for _, it := range items {
		if it.err != nil {
			missing = append(missing, Missing{it.What, it.err})
		} else {
			out = append(out, it.Published)
		}
	}
	if len(missing) > 0 {
		return nil, &IncompleteError{r.repository.String(), slices.Clip(out), missing}
	}
	return out, nil
}

func (r *Registry) at(h v1.Hash) string { return r.repository.String() + "@" + h.String() }

func (r *Registry) known(h v1.Hash) v1.Descriptor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.subjects[h]
}

// subject is the manifest that bundles about digest refer to.
func (r *Registry) subject(ctx context.Context, digest criteria.Digest) (v1.Descriptor, error) {
	h, err := named(digest)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if d := r.known(h); d.Digest != (v1.Hash{}) {
		return d, nil
	}
	d, err := r.repository.Subject(ctx, h)
	if err != nil {
		return d, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subjects[h] = d
	return d, nil
}

// named is d as registries name things.
func named(d criteria.Digest) (v1.Hash, error) {
	if d.Algorithm() != "sha256" {
		return v1.Hash{}, fmt.Errorf("a registry names files and images by sha256, not by %q", d.Algorithm())
	}
	return v1.Hash{Algorithm: "sha256", Hex: d.Hex()}, nil
}
