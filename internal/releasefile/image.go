package releasefile

import (
	"context"
	"fmt"

	"github.com/hallmark-project/hallmark/criteria"
)

// Image is a manifest in a registry that is released: an image, an index, or a
// child of an index.
type Image struct {
	// Subject is its name, as the release file gives it and for a child with its
	// platform, and its digest.
	Subject criteria.Subject
	// Repository is where it lies, REGISTRY/REPOSITORY.
	Repository string
}

// Resolver asks a registry, once, what a reference is: the manifest that it
// names, and the children of an index.
type Resolver func(ctx context.Context, reference string) ([]Image, error)

// images resolves the images of the release file and adds them to g.
func (f *File) images(ctx context.Context, g *Gathered, resolve Resolver) error {
	for i, ref := range f.Images {
		at := item(f.root, "images", i)
		if ref == "" {
			return f.faultAt(at, "an image needs a reference: REGISTRY/REPOSITORY:TAG")
		}
		if resolve == nil {
			return f.faultAt(at, "images cannot be released here: there is nobody to ask what they are")
		}
		found, err := resolve(ctx, ref)
		if err != nil {
			return fmt.Errorf("resolving an image: %w", err)
		}
		for _, image := range found {
			if _, ok := g.images[image.Subject.Name]; ok {
				return f.faultAt(at, "image %s stands twice", image.Subject.Name)
			}
			for _, other := range g.Release.Artifacts {
				if other.Digest == image.Subject.Digest {
					return f.faultAt(at, "image %s is %s, which is listed already: what is said of one is said of the other", image.Subject.Name, other.Name)
				}
			}
			g.images[image.Subject.Name] = image
			g.Release.Artifacts = append(g.Release.Artifacts, image.Subject)
		}
	}
	return nil
}

// Images returns the release's artifacts that lie in registries, in the
// release's order.
func (g *Gathered) Images() []Image {
	var out []Image
	for _, a := range g.Release.Artifacts {
		if image, ok := g.images[a.Name]; ok {
			out = append(out, image)
		}
	}
	return out
}

// Files returns the release's artifacts that are files, in the release's order.
func (g *Gathered) Files() []criteria.Subject {
	var out []criteria.Subject
	for _, a := range g.Release.Artifacts {
		if _, ok := g.images[a.Name]; !ok {
			out = append(out, a)
		}
	}
	return out
}
