package oci

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/internal/strict"
	"golang.org/x/sync/errgroup"
)

// maxCopied bounds the manifests of one copy, evidence about evidence included.
const maxCopied = 20_000

// The states of what a copy met.
const (
	Copied = "copied"
	There  = "there" // already, the same
	Left   = "left"  // behind
)

// Part is one manifest, tag or blob that a copy met, and what became of it.
type Part struct {
	// Kind is "image", "index", "file", "artifact", "referrer", "signatures",
	// "attestations", "sbom", "layer" or "tag".
	Kind   string  `json:"kind"`
	Digest v1.Hash `json:"digest"`
	// Type is an artifact's type, or a layer's media type.
	Type string `json:"type,omitempty"`
	Tag  string `json:"tag,omitempty"`
	// About is the manifest that it is evidence about, or a part of.
	About *v1.Hash `json:"about,omitempty"`
	State string   `json:"state"`
	// Why is the reason for what was left behind.
	Why string `json:"why,omitempty"`
}

// Report is what a copy did.
type Report struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Digests are those of what was asked for: one, or all that a layout lists.
	Digests []v1.Hash `json:"digests"`
	Parts   []Part    `json:"parts"`
}

// Left counts what was left behind.
func (r Report) Left() int {
	n := 0
	for _, p := range r.Parts {
		if p.State == Left {
			n++
		}
	}
	return n
}

// TakenError means that a tag at the destination leads elsewhere. Nothing was
// copied.
type TakenError struct {
	Tag        string
	Have, Want v1.Hash
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("the tag %s at the destination leads to %s, and not to %s", e.Tag, e.Have, e.Want)
}

// PlaceError means that the places cannot mean what they say. Nothing was copied.
type PlaceError struct{ Why string }

func (e *PlaceError) Error() string { return e.Why }

// CopyOptions is how [Copy] may differ.
type CopyOptions struct {
	From, To Access
	// Force moves tags at the destination that lead elsewhere.
	Force bool
}

// Copy copies what from names to the place to, with all that is known about it:
// the children of an index, what refers to any of it, what refers to that, and
// what cosign keeps under tags. Everything is held against its digest. What is
// there already is not sent again.
//
// What cannot be copied of the evidence is left behind and stands in the report
// with its reason. An error means that what was asked for could not be copied,
// or that it is not known what there is to copy; the report then says what was
// done until then.
func Copy(ctx context.Context, from, to Place, o CopyOptions) (Report, error) {
	report := Report{From: from.String(), To: to.String(), Digests: []v1.Hash{}, Parts: []Part{}}
	if to.digest != (v1.Hash{}) {
		return report, &PlaceError{fmt.Sprintf("%s: the destination is named by digest, which follows from what is copied: name a tag, or none", to)}
	}
	src, err := from.open(o.From, false)
	if err != nil {
		return report, err
	}
	roots, err := from.find(ctx, src)
	if err != nil {
		return report, err
	}
	if to.tag != "" && len(roots) > 1 {
		return report, &PlaceError{fmt.Sprintf("%s holds %d images and files, and %s is one tag: name one of them, or no tag", from, len(roots), to)}
	}
	dst, err := to.open(o.To, true)
	if err != nil {
		return report, err
	}
	for i := range roots {
		if to.tag != "" {
			roots[i].tags = []string{to.tag}
		}
		if err := free(ctx, dst, roots[i], o.Force); err != nil {
			return report, err
		}
	}
	c := &copier{src: src, dst: dst, force: o.Force, jobs: make(chan struct{}, Jobs), done: make(map[v1.Hash]*sync.Once), states: make(map[v1.Hash]outcome)}
	each := make([][]Part, len(roots))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(Jobs)
	for i, r := range roots {
		report.Digests = append(report.Digests, r.Digest)
		g.Go(func() (err error) {
			each[i], err = c.all(gctx, r)
			return err
		})
	}
	err = g.Wait()
	for _, parts := range each {
		report.Parts = append(report.Parts, parts...)
	}
	if err != nil {
		return report, err
	}
	parts, err := c.list(ctx)
	report.Parts = append(report.Parts, parts...)
	if err == nil {
		err = dst.finish(ctx)
	}
	return report, err
}

// find returns what p names at src: one manifest, or all of a layout.
func (p Place) find(ctx context.Context, src store) ([]root, error) {
	var m Manifest
	var err error
	switch {
	case p.digest != (v1.Hash{}):
		if m, err = src.manifest(ctx, p.digest); !isMissing(err) {
			break
		}
		// Who holds a released file has its digest, and not its artifact's.
		file, ok, fileErr := src.tagged(ctx, fileTag(p.digest))
		if fileErr != nil {
			return nil, fileErr
		}
		if ok {
			m, err = file, nil
		}
	case p.tag != "":
		var ok bool
		if m, ok, err = src.tagged(ctx, p.tag); err == nil && !ok {
			return nil, fmt.Errorf("%s has no tag %s", src, p.tag)
		}
	default:
		roots, err := src.roots(ctx)
		if err == nil && len(roots) == 0 {
			err = fmt.Errorf("%s holds no image and no file", src)
		}
		return roots, err
	}
	if err != nil {
		return nil, err
	}
	return []root{{Manifest: m}}, nil
}

// free says whether the tags of r may be written.
func free(ctx context.Context, dst store, r root, force bool) error {
	for _, tag := range r.tags {
		have, ok, err := dst.tagged(ctx, tag)
		if err != nil {
			return err
		}
		if ok && have.Digest != r.Digest && !force {
			return &TakenError{tag, have.Digest, r.Digest}
		}
	}
	return nil
}

// copier is one copy.
type copier struct {
	src, dst store
	force    bool
	jobs     chan struct{} // how much goes on at once

	mu       sync.Mutex
	done     map[v1.Hash]*sync.Once
	states   map[v1.Hash]outcome
	listings []Listing // in the order in which they are met
}

// outcome is what became of a manifest with its layers and children.
type outcome struct {
	state string
	parts []Part // of its children, and layers left behind
	err   error
}

// job runs f when it is its turn.
func (c *copier) job(ctx context.Context, f func() error) error {
	select {
	case c.jobs <- struct{}{}:
		defer func() { <-c.jobs }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// all copies a root, its tags, and what is known about it.
func (c *copier) all(ctx context.Context, r root) ([]Part, error) {
	out := c.manifest(ctx, r.Manifest, true)
	own := c.part(r.Manifest, kindOf(r.Manifest), nil)
	own.State = out.state
	if out.err != nil {
		own.State, own.Why = Left, out.err.Error()
		return append([]Part{own}, out.parts...), out.err
	}
	parts := append([]Part{own}, out.parts...)
	for _, tag := range r.tags {
		p, err := c.tag(ctx, r.Manifest, tag)
		parts = append(parts, p)
		if err != nil {
			return parts, err
		}
	}
	more, err := c.evidence(ctx, r.Manifest)
	return append(parts, more...), err
}

// tag gives m a tag at the destination, which was found to be free.
func (c *copier) tag(ctx context.Context, m Manifest, tag string) (Part, error) {
	p := Part{Kind: "tag", Digest: m.Digest, Tag: tag, State: Copied}
	have, ok, err := c.dst.tagged(ctx, tag)
	if err == nil && ok && have.Digest == m.Digest {
		p.State = There
		return p, nil
	}
	if err == nil {
		err = c.dst.putManifest(ctx, m, true, tag)
	}
	if err != nil {
		p.State, p.Why = Left, err.Error()
	}
	return p, err
}

func (c *copier) part(m Manifest, kind string, about *v1.Hash) Part {
	return Part{Kind: kind, Digest: m.Digest, Type: entryOf(m).ArtifactType, About: about}
}

func kindOf(m Manifest) string {
	switch t := entryOf(m).ArtifactType; {
	case m.MediaType.IsIndex():
		return "index"
	case t == FileType:
		return "file"
	case t != "":
		return "artifact"
	}
	return "image"
}

// manifest copies m with its layers and children, once.
func (c *copier) manifest(ctx context.Context, m Manifest, listed bool) outcome {
	c.mu.Lock()
	once, ok := c.done[m.Digest]
	if !ok {
		once = new(sync.Once)
		c.done[m.Digest] = once
	}
	n := len(c.done)
	c.mu.Unlock()
	if n > maxCopied {
		return outcome{err: fmt.Errorf("there are more than %d manifests to copy", maxCopied)}
	}
	once.Do(func() {
		out := c.copyManifest(ctx, m, listed)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.states[m.Digest] = out
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.states[m.Digest]
}

func (c *copier) copyManifest(ctx context.Context, m Manifest, listed bool) outcome {
	children, err := parseChildren(m)
	if err != nil {
		return outcome{err: fmt.Errorf("reading index %s: %w", m.Digest, err)}
	}
	out := outcome{state: There}
	parts := make([][]Part, len(children))
	g, gctx := errgroup.WithContext(ctx)
	for i, d := range children {
		g.Go(func() error {
			var child Manifest
			err := c.job(gctx, func() (err error) {
				child, err = c.src.manifest(gctx, d.Digest)
				return err
			})
			if err != nil {
				return err
			}
			inner := c.manifest(gctx, child, false)
			p := c.part(child, kindOf(child), &m.Digest)
			p.State = inner.state
			if inner.err != nil {
				p.State, p.Why = Left, inner.err.Error()
			}
			parts[i] = append([]Part{p}, inner.parts...)
			return inner.err
		})
	}
	err = g.Wait()
	for _, p := range parts {
		out.parts = append(out.parts, p...)
	}
	if err != nil {
		out.err = err
		return out
	}
	there, left, err := c.layers(ctx, m, listed)
	out.parts = append(out.parts, left...)
	if err == nil && !there {
		out.state = Copied
		err = c.job(ctx, func() error { return c.dst.putManifest(ctx, m, listed) })
	}
	out.err = err
	return out
}

// layers copies the blobs of m, unless m is there with them, and returns those
// that are left behind because they must be.
func (c *copier) layers(ctx context.Context, m Manifest, listed bool) (there bool, left []Part, err error) {
	var all, blobs []v1.Descriptor
	if !m.MediaType.IsIndex() {
		image, err := parseImage(m.Data)
		if err == nil {
			// An artifact's manifest of an older kind has neither.
			_, err = parseHash(image.Config.Digest.String())
		}
		if err != nil {
			return false, nil, fmt.Errorf("reading manifest %s: %w", m.Digest, err)
		}
		all = append([]v1.Descriptor{image.Config}, image.Layers...)
	}
	for _, d := range all {
		switch {
		case isForeign(d):
			left = append(left, Part{
				Kind: "layer", Digest: d.Digest, Type: string(d.MediaType), About: &m.Digest, State: Left,
				Why: "its maker lets nobody pass it on: it is fetched from " + clean(strings.Join(d.URLs, ", "), 200),
			})
		case !slices.ContainsFunc(blobs, func(b v1.Descriptor) bool { return b.Digest == d.Digest }):
			blobs = append(blobs, d)
		}
	}
	if err := c.job(ctx, func() (err error) {
		there, err = c.dst.holds(ctx, m, listed)
		return err
	}); err != nil || there {
		return there, left, err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, d := range blobs {
		g.Go(func() error {
			return c.job(gctx, func() error {
				return c.dst.putBlob(gctx, d, c.src, func() (io.ReadCloser, error) {
					r, err := c.src.reader(gctx, d)
					if err != nil {
						return nil, apart(err)
					}
					return source{r, c.src}, nil
				})
			})
		})
	}
	return false, left, g.Wait()
}

// evidence copies what is known about m and about its children, and what is
// known about that. An error means that it is not known what there is.
func (c *copier) evidence(ctx context.Context, m Manifest) ([]Part, error) {
	var out []Part
	level := []Manifest{m}
	seen := map[v1.Hash]bool{m.Digest: true}
	for len(level) > 0 {
		parts := make([][]Part, len(level))
		next := make([][]Manifest, len(level))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(Jobs)
		for i, m := range level {
			g.Go(func() (err error) {
				if parts[i], next[i], err = c.about(gctx, m); err != nil {
					return err
				}
				children, err := parseChildren(m)
				if err != nil {
					return err
				}
				for _, d := range children {
					child, err := c.src.manifest(gctx, d.Digest)
					if err != nil {
						return err
					}
					next[i] = append(next[i], child)
				}
				return nil
			})
		}
		err := g.Wait()
		level = nil
		for i, p := range parts {
			out = append(out, p...)
			for _, m := range next[i] {
				if !seen[m.Digest] {
					seen[m.Digest] = true
					level = append(level, m)
				}
			}
		}
		if err != nil {
			return out, err
		}
		if len(seen) > maxCopied {
			return out, fmt.Errorf("there are more than %d manifests to copy", maxCopied)
		}
	}
	return out, nil
}

// about copies what is known about m alone, and returns what of it was copied.
func (c *copier) about(ctx context.Context, m Manifest) ([]Part, []Manifest, error) {
	referrers, err := c.src.referrers(ctx, m.Digest)
	if err != nil {
		return nil, nil, fmt.Errorf("what refers to %s is not known: %w", m.Digest, err)
	}
	about := m.Digest
	parts := make([][]Part, len(referrers))
	copied := make([]*Manifest, len(referrers))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4 * Jobs)
	for i, d := range referrers {
		g.Go(func() error {
			p := Part{Kind: "referrer", Digest: d.Digest, Type: d.ArtifactType, About: &about}
			var r Manifest
			err := c.job(gctx, func() (err error) {
				r, err = c.src.manifest(gctx, d.Digest)
				return err
			})
			if err == nil {
				p = c.part(r, "referrer", &about)
				out := c.manifest(gctx, r, true)
				p.State, err = out.state, out.err
				parts[i] = out.parts
			}
			if cause := gctx.Err(); cause != nil {
				return cause
			}
			if err != nil {
				p.State, p.Why = Left, clean(err.Error(), 500)
			} else {
				copied[i] = &r
			}
			parts[i] = append([]Part{p}, parts[i]...)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	var out []Part
	var evidence []Manifest
	said, unsaid := Listing{Subject: about}, Listing{Subject: about, Unsaid: true}
	for i, p := range parts {
		out = append(out, p...)
		if r := copied[i]; r != nil {
			evidence = append(evidence, *r)
			if subjectOf(*r) == about {
				said.Entries = append(said.Entries, entryOf(*r))
			} else {
				unsaid.Entries = append(unsaid.Entries, entryOf(*r))
			}
		}
	}
	c.mu.Lock()
	for _, l := range []Listing{said, unsaid} {
		if len(l.Entries) > 0 {
			c.listings = append(c.listings, l)
		}
	}
	c.mu.Unlock()
	more, tagged, err := c.tags(ctx, m)
	return append(out, more...), append(evidence, tagged...), err
}

// evidenceTags are the ends of the tags under which cosign keeps what it knows
// about a manifest.
var evidenceTags = []struct{ end, kind string }{{".sig", "signatures"}, {".att", "attestations"}, {".sbom", "sbom"}}

// isEvidenceTag reports whether tag is made of the digest of what it is about.
func isEvidenceTag(tag string) bool {
	for _, e := range evidenceTags {
		if hex, ok := strings.CutSuffix(tag, e.end); ok && unTagged(hex) != "" {
			return true
		}
	}
	return unTagged(tag) != ""
}

// tags copies what is found by tags that are made of the digest of m: what
// cosign keeps, and the tag by which who holds a file finds its artifact.
func (c *copier) tags(ctx context.Context, m Manifest) ([]Part, []Manifest, error) {
	var out []Part
	var evidence []Manifest
	for _, e := range evidenceTags {
		tag := fallbackTag(m.Digest) + e.end
		found, ok, err := c.src.tagged(ctx, tag)
		if err != nil {
			return out, evidence, fmt.Errorf("what %s holds about %s is not known: %w", tag, m.Digest, err)
		}
		if !ok {
			continue
		}
		p := c.part(found, e.kind, &m.Digest)
		p.Tag = tag
		var below []Part
		p.State, below, err = c.tagged(ctx, found, tag)
		if cause := ctx.Err(); cause != nil {
			return out, evidence, cause
		}
		if err != nil {
			p.State, p.Why = Left, clean(err.Error(), 500)
		} else {
			evidence = append(evidence, found)
		}
		out = append(append(out, p), below...)
	}
	if h := fileIn(m); h != (v1.Hash{}) {
		p, err := c.fileTag(ctx, m, fileTag(h))
		if cause := ctx.Err(); cause != nil {
			return out, evidence, cause
		}
		if err != nil {
			p.State, p.Why = Left, clean(err.Error(), 500)
		}
		out = append(out, p)
	}
	return out, evidence, nil
}

// tagged copies a manifest that is found by a tag. Where the destination has
// another one there, signatures are added to its; nothing of it is lost.
func (c *copier) tagged(ctx context.Context, m Manifest, tag string) (string, []Part, error) {
	have, ok, err := c.dst.tagged(ctx, tag)
	switch {
	case err != nil:
		return Left, nil, err
	case ok && have.Digest == m.Digest:
		return There, nil, nil
	}
	_, left, err := c.layers(ctx, m, false)
	if err != nil {
		return Left, left, err
	}
	switch {
	case !ok || c.force && strings.HasSuffix(tag, ".sbom"):
		err = c.dst.putManifest(ctx, m, true, tag)
	case strings.HasSuffix(tag, ".sbom"):
		err = &TakenError{tag, have.Digest, m.Digest}
	default:
		var before, after Manifest
		before = have
		if err = c.dst.merge(ctx, tag, m); err == nil {
			after, _, err = c.dst.tagged(ctx, tag)
		}
		if err == nil && before.Digest == after.Digest {
			return There, left, nil
		}
	}
	return Copied, left, err
}

// fileIn is the digest of the released file that m holds.
func fileIn(m Manifest) v1.Hash {
	var image v1.Manifest
	if strict.JSON(m.Data, &image) != nil || image.ArtifactType != FileType || len(image.Layers) != 1 {
		return v1.Hash{}
	}
	return image.Layers[0].Digest
}

// fileTag has who holds a released file find its artifact at the destination.
// One that is there under another name keeps its place: bundles refer to it.
func (c *copier) fileTag(ctx context.Context, m Manifest, tag string) (Part, error) {
	p := Part{Kind: "tag", Digest: m.Digest, Tag: tag, State: Copied}
	have, ok, err := c.dst.tagged(ctx, tag)
	switch {
	case err != nil:
		return p, err
	case ok && have.Digest == m.Digest:
		p.State = There
		return p, nil
	case ok && !c.force:
		return p, &TakenError{tag, have.Digest, m.Digest}
	}
	return p, c.dst.putManifest(ctx, m, true, tag)
}

// list makes the evidence found where the destination does not list it itself.
func (c *copier) list(ctx context.Context) ([]Part, error) {
	var out []Part
	for i, err := range c.dst.list(ctx, c.listings) {
		if err == nil {
			continue
		}
		if cause := ctx.Err(); cause != nil {
			return out, cause
		}
		l := c.listings[i]
		for _, e := range l.Entries {
			out = append(out, Part{
				Kind: "referrer", Digest: e.Digest, Type: e.ArtifactType, About: &l.Subject, State: Left,
				Why: "it is there and cannot be found: " + clean(err.Error(), 500),
			})
		}
	}
	return out, nil
}
