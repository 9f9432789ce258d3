package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
)

// layoutStore is a layout as [Copy] sees it: its index as it was when it was
// opened, and what was added since.
type layoutStore struct {
	layout Layout

	mu      sync.Mutex
	index   []v1.Descriptor
	waiting []v1.Descriptor // to be listed
	about   map[v1.Hash][]v1.Descriptor
}

func newLayoutStore(l Layout) (*layoutStore, error) {
	s := &layoutStore{layout: l, about: make(map[v1.Hash][]v1.Descriptor)}
	index, err := l.Index()
	if err != nil {
		return nil, err
	}
	s.index = index.Manifests
	for _, d := range s.index {
		if !manifestType(string(d.MediaType)) {
			continue
		}
		m, err := s.manifest(context.Background(), d.Digest)
		if err != nil {
			return nil, err
		}
		if subject := subjectOf(m); subject != (v1.Hash{}) {
			s.about[subject] = append(s.about[subject], entryOf(m))
		}
		// Whoever copied a repository tag by tag has its fallback tags here.
		if h, err := parseHash(unTagged(d.Annotations[refNameAnnotation])); err == nil && m.MediaType == types.OCIImageIndex {
			listed, err := parseReferrers(m.Data)
			if err != nil {
				return nil, fmt.Errorf("reading %s in %s: %w", d.Annotations[refNameAnnotation], l.dir, err)
			}
			s.about[h] = append(s.about[h], listed.Manifests...)
		}
	}
	return s, nil
}

// unTagged is the digest that a fallback tag stands for.
func unTagged(tag string) string {
	if len(tag) == len("sha256-")+64 && tag[:7] == "sha256-" {
		return "sha256:" + tag[7:]
	}
	return ""
}

func (s *layoutStore) String() string { return s.layout.dir }

func (s *layoutStore) manifest(_ context.Context, h v1.Hash) (Manifest, error) {
	data, err := s.layout.Blob(h, MaxManifest)
	if err != nil {
		return Manifest{}, err
	}
	mediaType, err := mediaTypeOf(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("manifest %s in %s: %w", h, s.layout.dir, err)
	}
	return Manifest{v1.Descriptor{MediaType: mediaType, Size: int64(len(data)), Digest: h}, data}, nil
}

func (s *layoutStore) tagged(ctx context.Context, tag string) (Manifest, bool, error) {
	s.mu.Lock()
	var found []v1.Hash
	for _, d := range s.index {
		if d.Annotations[refNameAnnotation] == tag && !slices.Contains(found, d.Digest) {
			found = append(found, d.Digest)
		}
	}
	for _, d := range s.waiting {
		if d.Annotations[refNameAnnotation] == tag {
			found = []v1.Hash{d.Digest} // the last one takes it
		}
	}
	s.mu.Unlock()
	switch len(found) {
	case 0:
		return Manifest{}, false, nil
	case 1:
		m, err := s.manifest(ctx, found[0])
		return m, err == nil, err
	}
	return Manifest{}, false, fmt.Errorf("%s has the tag %q twice, for different manifests", s.layout.dir, tag)
}

// roots leaves out what refers to something, and what is found by the tag of
// something else.
func (s *layoutStore) roots(ctx context.Context) ([]root, error) {
	var out []root
	place := make(map[v1.Hash]int)
	for _, d := range s.index {
		tag := d.Annotations[refNameAnnotation]
		if isEvidenceTag(tag) || !manifestType(string(d.MediaType)) {
			continue
		}
		m, err := s.manifest(ctx, d.Digest)
		if err != nil {
			return nil, err
		}
		if subjectOf(m) != (v1.Hash{}) {
			continue
		}
		i, ok := place[d.Digest]
		if !ok {
			i = len(out)
			place[d.Digest] = i
			out = append(out, root{Manifest: m})
		}
		// The tag by which a file is found is given anew.
		if tag != "" && checkTag(tag) == nil && unTagged(strings.TrimSuffix(tag, ".file")) == "" {
			out[i].tags = append(out[i].tags, tag)
		}
	}
	// What an index lists is copied with it.
	below := make(map[v1.Hash]bool)
	for _, r := range out {
		children, err := parseChildren(r.Manifest)
		if err != nil {
			return nil, fmt.Errorf("reading index %s: %w", r.Digest, err)
		}
		for _, c := range children {
			below[c.Digest] = true
		}
	}
	return slices.DeleteFunc(out, func(r root) bool { return below[r.Digest] && len(r.tags) == 0 }), nil
}

func (s *layoutStore) referrers(_ context.Context, h v1.Hash) ([]v1.Descriptor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := make(map[v1.Hash]bool)
	var out []v1.Descriptor
	for _, d := range s.about[h] {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			out = append(out, d)
		}
	}
	return out, nil
}

func (s *layoutStore) reader(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	f, err := s.layout.OpenBlob(d.Digest)
	if err != nil {
		return nil, err
	}
	return newChecked(f, d), nil
}

// holds reads all of it: a copy that broke off leaves parts behind.
func (s *layoutStore) holds(ctx context.Context, m Manifest, listed bool) (bool, error) {
	s.mu.Lock()
	isListed := listsDigest(s.index, m.Digest) || listsDigest(s.waiting, m.Digest)
	s.mu.Unlock()
	if listed && !isListed {
		return false, nil
	}
	if _, err := s.layout.Blob(m.Digest, MaxManifest); err != nil {
		return false, nil //nolint:nilerr // then it is written
	}
	if m.MediaType.IsIndex() {
		return true, nil // its children are asked about themselves
	}
	image, err := parseImage(m.Data)
	if err != nil {
		return false, err
	}
	for _, d := range append([]v1.Descriptor{image.Config}, image.Layers...) {
		if !isForeign(d) && !s.hasBlob(ctx, d) {
			return false, nil
		}
	}
	return true, nil
}

// hasBlob reports whether a blob is there, whole.
func (s *layoutStore) hasBlob(ctx context.Context, d v1.Descriptor) bool {
	r, err := s.reader(ctx, d)
	if err != nil {
		return false
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	return err == nil && n == d.Size
}

func (s *layoutStore) putBlob(ctx context.Context, d v1.Descriptor, _ store, open func() (io.ReadCloser, error)) error {
	if s.hasBlob(ctx, d) {
		return nil
	}
	path, err := s.layout.blobPath(d.Digest)
	if err != nil {
		return err
	}
	out, err := atomicfile.New(path)
	if err != nil {
		return err
	}
	defer out.Discard()
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	// Whatever in is, what is stored under a digest has it.
	n, err := io.Copy(out, newChecked(in, d))
	if err != nil {
		return err
	}
	if n != d.Size {
		return fmt.Errorf("blob %s: %w", d.Digest, errChanged)
	}
	return out.Commit(0o644)
}

// putManifest stores m, to be listed when all is copied: nobody sees half of it.
// What only an index lists needs no entry of its own.
func (s *layoutStore) putManifest(_ context.Context, m Manifest, listed bool, tags ...string) error {
	if _, err := s.layout.WriteBlob(m.Data); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := entryOf(m)
	for _, tag := range tags {
		e := entry
		e.Annotations = make(map[string]string, len(entry.Annotations)+1)
		for k, v := range entry.Annotations {
			e.Annotations[k] = v
		}
		e.Annotations[refNameAnnotation] = tag
		s.waiting = append(s.waiting, e)
	}
	if listed && len(tags) == 0 {
		s.waiting = append(s.waiting, entry)
	}
	return nil
}

func (s *layoutStore) finish(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	index, err := s.layout.relist(s.waiting)
	if err == nil {
		s.index, s.waiting = index, nil
	}
	return err
}

// list adds what refers to something to what it is asked about: the index lists
// it already.
func (s *layoutStore) list(ctx context.Context, listings []Listing) []error {
	errs := make([]error, len(listings))
	for i, l := range listings {
		s.mu.Lock()
		s.about[l.Subject] = append(s.about[l.Subject], l.Entries...)
		s.mu.Unlock()
		if l.Unsaid {
			// They do not say themselves what they refer to, so a tag must.
			errs[i] = s.fallback(ctx, l)
		}
	}
	return errs
}

func (s *layoutStore) fallback(ctx context.Context, l Listing) error {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
	tag := fallbackTag(l.Subject)
	if m, ok, err := s.tagged(ctx, tag); err != nil {
		return err
	} else if ok {
		if index, err = parseReferrers(m.Data); err != nil {
			return err
		}
	}
	changed := false
	for _, e := range l.Entries {
		if !listsDigest(index.Manifests, e.Digest) {
			index.Manifests = append(index.Manifests, e)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	data, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return s.putManifest(ctx, Manifest{v1.Descriptor{MediaType: types.OCIImageIndex, Size: int64(len(data)), Digest: hashOf(data)}, data}, true, tag)
}

func (s *layoutStore) merge(ctx context.Context, tag string, m Manifest) error {
	there, ok, err := s.tagged(ctx, tag)
	if err != nil {
		return err
	}
	if !ok {
		return s.putManifest(ctx, m, true, tag)
	}
	image, err := parseImage(there.Data)
	if err != nil {
		return err
	}
	added, err := parseImage(m.Data)
	if err != nil {
		return err
	}
	if !mergeLayers(&image, added.Layers) {
		return nil
	}
	config, data, err := attachedImage(&image)
	if err != nil {
		return err
	}
	if _, err := s.layout.WriteBlob(config); err != nil {
		return err
	}
	return s.putManifest(ctx, Manifest{v1.Descriptor{MediaType: image.MediaType, Size: int64(len(data)), Digest: hashOf(data)}, data}, true, tag)
}

// relist adds entries to the index, each once. An entry with a tag takes it from
// whatever had it, and takes the place of the same manifest without one.
func (l Layout) relist(entries []v1.Descriptor) ([]v1.Descriptor, error) {
	unlock, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	index, err := l.Index()
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		tag := e.Annotations[refNameAnnotation]
		same := func(d v1.Descriptor) bool {
			return d.Digest == e.Digest && (tag == "" || d.Annotations[refNameAnnotation] == tag)
		}
		if slices.ContainsFunc(index.Manifests, same) {
			continue
		}
		if tag != "" {
			for i, d := range index.Manifests {
				if d.Annotations[refNameAnnotation] == tag {
					index.Manifests[i].Annotations = without(d.Annotations, refNameAnnotation)
				}
			}
			index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
				return d.Digest == e.Digest && d.Annotations[refNameAnnotation] == ""
			})
		}
		index.Manifests = append(index.Manifests, e)
	}
	if len(index.Manifests) > MaxEntries {
		return nil, fmt.Errorf("listing %d manifests in the layout's index: expected at most %d", len(index.Manifests), MaxEntries)
	}
	after, err := json.Marshal(index)
	if err != nil || string(before) == string(after) {
		return index.Manifests, err
	}
	return index.Manifests, l.writeIndex(index)
}

func without(annotations map[string]string, key string) map[string]string {
	var out map[string]string
	for k, v := range annotations {
		if k != key {
			if out == nil {
				out = make(map[string]string, len(annotations))
			}
			out[k] = v
		}
	}
	return out
}

// isMissing reports whether a place does not have what was asked for.
func isMissing(err error) bool {
	return IsMissing(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrNotExist)
}
