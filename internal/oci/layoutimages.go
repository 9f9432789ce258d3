package oci

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// Held is an image, an index or a file in an OCI image layout.
type Held struct {
	// Name is its tag, or the name of a file; empty where it has none.
	Name string
	// File is true where Image is not an image but the file of that digest.
	File bool
	Image
}

// Layout is the folder of a place that is an OCI image layout, empty for another.
func (p Place) Layout() string { return p.layout }

// Held returns the image that the place's tag names or, where it has no tag, all
// images and files that its layout lists and that refer to nothing. What an index
// lists stands below it.
func (p Place) Held(ctx context.Context) ([]Held, error) {
	if p.layout == "" {
		return nil, errors.New("reading a layout: the place is none")
	}
	l, err := Open(p.layout)
	if err != nil {
		return nil, err
	}
	s, err := newLayoutStore(l)
	if err != nil {
		return nil, err
	}
	var roots []root
	if p.tag != "" {
		m, ok, err := s.tagged(ctx, p.tag)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("reading %s: it has no tag %q", p.layout, p.tag)
		}
		roots = []root{{Manifest: m, tags: []string{p.tag}}}
	} else if roots, err = s.roots(ctx); err != nil {
		return nil, err
	}
	var out []Held
	for _, r := range roots {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h := Held{Image: Image{Descriptor: r.Descriptor}}
		if len(r.tags) > 0 {
			h.Name = r.tags[0]
		}
		var m v1.Manifest
		if err := strict.JSON(r.Data, &m); err == nil && m.ArtifactType == FileType && len(m.Layers) == 1 {
			h.File, h.Digest, h.Name = true, m.Layers[0].Digest, m.Layers[0].Annotations[titleAnnotation]
		} else if err := s.children(ctx, &h.Image, r.Manifest, map[v1.Hash]bool{r.Digest: true}, 1); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

func (s *layoutStore) children(ctx context.Context, image *Image, m Manifest, seen map[v1.Hash]bool, depth int) error {
	index, err := parseChildren(m)
	if err != nil {
		return fmt.Errorf("reading index %s: %w", m.Digest, err)
	}
	for _, d := range index {
		if seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		if image.Children = append(image.Children, childOf(d)); len(image.Children) > maxChildren {
			return fmt.Errorf("reading index %s: it leads to more than %d manifests", m.Digest, maxChildren)
		}
		if !d.MediaType.IsIndex() {
			continue
		}
		if depth == maxNested {
			return fmt.Errorf("reading index %s: indexes in indexes, deeper than %d", m.Digest, maxNested)
		}
		inner, err := s.manifest(ctx, d.Digest)
		if err != nil {
			return err
		}
		if err := s.children(ctx, image, inner, seen, depth+1); err != nil {
			return err
		}
	}
	return nil
}
