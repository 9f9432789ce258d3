// Package publish puts bundles, and the documents that they refer to, where
// consumers look for them: in a directory beside the artifacts, in an OCI image
// layout, in an OCI registry. Publishing twice adds nothing. It verifies nothing;
// whoever published reads back and verifies as a consumer would.
package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
)

var (
	_ attest.DocumentPublisher = (*Directory)(nil)
	_ attest.DocumentPublisher = (*Layout)(nil)
)

// Layout publishes into an OCI image layout.
type Layout struct {
	layout oci.Layout
	dir    string
	mu     sync.Mutex
	// files are the artifacts that are known to be in the layout: what is
	// there once is never removed. seen is the layout when one was looked for.
	files map[v1.Hash]v1.Descriptor
	seen  *oci.Contents
	// bundles are those that this publisher stored.
	bundles map[criteria.Digest]oci.Bundle
	// documents are those whose bytes this publisher stored.
	documents documents
	// together is true inside [Layout.Together], which lists waiting.
	together bool
	waiting  []v1.Descriptor
}

// NewLayout returns the publisher into the layout in dir, which is made if
// absent. A folder that holds anything else is refused.
func NewLayout(dir string) (*Layout, error) {
	l, err := oci.Create(dir)
	if err != nil {
		return nil, fmt.Errorf("publishing into an OCI image layout: %w", err)
	}
	return &Layout{layout: l, dir: dir, files: make(map[v1.Hash]v1.Descriptor), bundles: make(map[criteria.Digest]oci.Bundle)}, nil
}

// Together calls fill, and lists all that fill publishes when it has returned:
// consumers see it at once, or nothing of it where fill fails. The layout's
// index is written once, where publishing one by one writes it, and so takes
// time, by the square of their number.
func (l *Layout) Together(fill func() error) error {
	l.mu.Lock()
	if l.together {
		l.mu.Unlock()
		return errors.New("publishing together: it was begun already")
	}
	l.together = true
	l.mu.Unlock()

	err := fill()

	l.mu.Lock()
	defer l.mu.Unlock()
	entries := l.waiting
	l.together, l.waiting = false, nil
	if err == nil {
		if err = l.layout.List(entries...); err == nil {
			return nil
		}
		err = fmt.Errorf("publishing: %w", err)
	}
	// What was not listed is not there.
	clear(l.files)
	return err
}

// list makes what was stored visible, or has it wait for [Layout.Together].
func (l *Layout) list(entry v1.Descriptor) error {
	if l.together {
		l.waiting = append(l.waiting, entry)
		return nil
	}
	return l.layout.List(entry)
}

// AddFile stores a released file, so that bundles about it can refer to it. It
// is hashed while it is copied: bytes other than subject's are refused.
func (l *Layout) AddFile(ctx context.Context, subject criteria.Subject, path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, err := hash(subject.Digest)
	if err != nil {
		return err
	}
	d, err := l.layout.StoreFile(ctx, subject.Name, path, h)
	if err == nil {
		err = l.list(d)
	}
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	l.files[h] = d
	return nil
}

// Publish implements [attest.Publisher]. The subject must be in the layout.
func (l *Layout) Publish(_ context.Context, subject criteria.Digest, b attest.Bundle) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := l.file(subject)
	if err != nil {
		return "", err
	}
	id := criteria.DigestOf(b)
	stored, ok := l.bundles[id]
	if !ok {
		if stored, err = l.layout.StoreBundle(b); err != nil {
			return "", fmt.Errorf("publishing: %w", err)
		}
		l.bundles[id] = stored
	}
	d, err := l.layout.Refer(stored, file)
	return l.listed(d, err)
}

// AddDocument implements [attest.DocumentPublisher]: the document becomes a
// referrer of the subject, of the document's own media type. The subject must be
// in the layout.
func (l *Layout) AddDocument(_ context.Context, subject criteria.Digest, d attest.Document, data []byte) (string, error) {
	doc, first, err := l.documents.check(subject, d, data)
	if err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := l.file(subject)
	if err != nil {
		return "", err
	}
	if first {
		if _, err := l.layout.WriteBlob(data); err != nil {
			return "", fmt.Errorf("publishing: %w", err)
		}
		l.documents.stored(d, doc)
	}
	entry, err := l.layout.ReferDocument(doc, file)
	return l.listed(entry, err)
}

// file returns the entry of the artifact that holds subject.
func (l *Layout) file(subject criteria.Digest) (v1.Descriptor, error) {
	h, err := hash(subject)
	if err != nil {
		return v1.Descriptor{}, err
	}
	file, ok := l.files[h]
	if !ok {
		if l.seen, err = l.layout.Contents(l.seen); err != nil {
			return v1.Descriptor{}, fmt.Errorf("publishing: %w", err)
		}
		file, ok = l.seen.File(h)
	}
	if !ok {
		return v1.Descriptor{}, fmt.Errorf("publishing: the layout in %s holds nothing with digest %s", l.dir, subject)
	}
	l.files[h] = file
	return file, nil
}

// listed lists what was stored, unless err says that it was not, and returns
// where it is.
func (l *Layout) listed(entry v1.Descriptor, err error) (string, error) {
	if err == nil {
		err = l.list(entry)
	}
	if err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	return l.dir + "@" + entry.Digest.String(), nil
}

func hash(d criteria.Digest) (v1.Hash, error) {
	if d.Algorithm() != "sha256" {
		return v1.Hash{}, fmt.Errorf("publishing: an OCI image layout names files by sha256, not by %q", d.Algorithm())
	}
	return v1.Hash{Algorithm: "sha256", Hex: d.Hex()}, nil
}
