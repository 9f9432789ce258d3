package oci

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxChildren bounds the manifests below one index; maxNested how deep indexes
// lie in indexes. Both are more than anybody publishes.
const (
	maxChildren = 1000
	maxNested   = 4
)

// Image is what a reference led to when it was asked: what is judged, signed
// and verified is the digest, which cannot come to mean something else.
type Image struct {
	Reference Reference // with the digest
	v1.Descriptor
	// Children are the manifests below, where it is an index, those of inner
	// indexes and the inner indexes among them.
	Children []Child
}

// Child is a manifest that an index lists.
type Child struct {
	v1.Descriptor
	// Platform is "linux/arm64/v8", empty where the index names none.
	Platform string
	// Attestation is true where the manifest holds what BuildKit attested about
	// another: nobody runs it.
	Attestation bool
}

// Resolve asks once what ref is.
func (r *Repository) Resolve(ctx context.Context, ref Reference) (Image, error) {
	m, err := r.Manifest(ctx, ref.identifier())
	if err != nil {
		return Image{}, err
	}
	image := Image{Reference: ref, Descriptor: m.Descriptor}
	image.Reference.Digest = m.Digest
	seen := map[v1.Hash]bool{m.Digest: true}
	return image, r.children(ctx, &image, m, seen, 1)
}

func (r *Repository) children(ctx context.Context, image *Image, m Manifest, seen map[v1.Hash]bool, depth int) error {
	index, err := parseChildren(m)
	if err != nil {
		return r.wrong("reading index "+m.Digest.String(), "%w", err)
	}
	for _, d := range index {
		if seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		if image.Children = append(image.Children, childOf(d)); len(image.Children) > maxChildren {
			return r.wrong("reading index "+m.Digest.String(), "it leads to more than %d manifests", maxChildren)
		}
		if !d.MediaType.IsIndex() {
			continue
		}
		if depth == maxNested {
			return r.wrong("reading index "+m.Digest.String(), "indexes in indexes, deeper than %d", maxNested)
		}
		inner, err := r.Manifest(ctx, d.Digest.String())
		if err != nil {
			return err
		}
		if err := r.children(ctx, image, inner, seen, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// parseChildren returns what an index lists, and nothing of another manifest.
func childOf(d v1.Descriptor) Child {
	child := Child{Descriptor: d}
	if d.Platform != nil {
		child.Platform = d.Platform.String()
		// https://github.com/moby/buildkit/blob/v0.30.0/docs/attestations/attestation-storage.md
		child.Attestation = d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
	}
	if d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
		child.Attestation = true
	}
	return child
}

func parseChildren(m Manifest) ([]v1.Descriptor, error) {
	switch m.MediaType {
	case types.OCIImageIndex, types.DockerManifestList:
	case types.DockerManifestSchema1, types.DockerManifestSchema1Signed:
		return nil, fmt.Errorf("it is of Docker's schema 1, which has no digest of its own: push the image again with a current tool")
	default:
		return nil, nil
	}
	var index v1.IndexManifest
	if err := strict.JSON(m.Data, &index); err != nil {
		return nil, err
	}
	for _, d := range index.Manifests {
		if _, err := parseHash(d.Digest.String()); err != nil {
			return nil, err
		}
	}
	return index.Manifests, nil
}
