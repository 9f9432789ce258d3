// Package oci says how files and Sigstore bundles lie in OCI registries and
// image layouts: a file is an artifact manifest with one layer, a bundle is
// another that refers to it (OCI image specification 1.1, "subject"). Package
// publish writes so and package source reads so; nothing here trusts a bundle.
package oci

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// The media types and annotations of what is stored.
const (
	// BundleType is the artifact type and layer type of a bundle.
	BundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// FileType is the artifact type of a released file.
	FileType = "application/vnd.hallmark.release.file.v1"
	// emptyConfig is what an artifact without configuration points to.
	emptyConfig = "application/vnd.oci.empty.v1+json"
	fileLayer   = "application/octet-stream"

	titleAnnotation     = "org.opencontainers.image.title"
	refNameAnnotation   = "org.opencontainers.image.ref.name" // a tag, in a layout
	contentAnnotation   = "dev.sigstore.bundle.content"
	predicateAnnotation = "dev.sigstore.bundle.predicateType"
)

// StoreFile stores the file at path, called name, as an artifact and returns its
// entry for [Layout.List], by which bundles refer to it.
func (l Layout) StoreFile(ctx context.Context, name, path string, digest v1.Hash) (v1.Descriptor, error) {
	size, err := l.CopyBlob(ctx, path, digest)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("storing %s: %w", name, err)
	}
	return l.storeManifest(fileManifest(name, digest, size), map[string]string{titleAnnotation: name})
}

// Bundle is a bundle whose bytes lie in a layout and refer to nothing yet.
type Bundle struct {
	layer     v1.Descriptor
	predicate string
}

// StoreBundle stores the bytes of a bundle: once, however many subjects it has.
func (l Layout) StoreBundle(data []byte) (Bundle, error) {
	predicate, err := predicateType(data)
	if err != nil {
		return Bundle{}, err
	}
	h, err := l.WriteBlob(data)
	return Bundle{v1.Descriptor{MediaType: BundleType, Size: int64(len(data)), Digest: h}, predicate}, err
}

// Refer stores b as a referrer of subject and returns its entry for
// [Layout.List].
func (l Layout) Refer(b Bundle, subject v1.Descriptor) (v1.Descriptor, error) {
	m := bundleManifest(b.layer, b.predicate, subject)
	return l.storeManifest(m, m.Annotations)
}

// predicateType reads what a bundle claims to be about, for an annotation that
// people and tools select by. It is not verified and decides nothing.
func predicateType(bundle []byte) (string, error) {
	var b struct {
		Envelope struct {
			Payload string `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	if err := strict.JSON(bundle, &b); err != nil {
		return "", fmt.Errorf("reading the bundle: %w", err)
	}
	payload, err := base64.StdEncoding.DecodeString(b.Envelope.Payload)
	if err != nil {
		return "", fmt.Errorf("reading the bundle: the payload is not base64: %w", err)
	}
	var s struct {
		PredicateType string `json:"predicateType"`
	}
	if err := strict.JSON(payload, &s); err != nil {
		return "", fmt.Errorf("reading the bundle's statement: %w", err)
	}
	if s.PredicateType == "" {
		return "", fmt.Errorf("reading the bundle: the statement has no predicate type")
	}
	return s.PredicateType, nil
}

// Contents is what a layout's index leads to: a state of the layout, for who
// asks about many artifacts. Every manifest was held against its digest.
type Contents struct {
	layout Layout
	index  v1.Hash
	files  map[v1.Hash]v1.Descriptor
	about  map[v1.Hash][]v1.Descriptor // layers that hold bundles, by the manifest they refer to
}

// Contents reads all manifests that the layout lists, or returns before if the
// index is still the one that it was read from.
func (l Layout) Contents(before *Contents) (*Contents, error) {
	data, h, err := l.indexBytes()
	if err != nil {
		return nil, err
	}
	if before != nil && before.layout == l && before.index == h {
		return before, nil
	}
	index, err := l.parseIndex(data)
	if err != nil {
		return nil, err
	}
	c := &Contents{l, h, make(map[v1.Hash]v1.Descriptor, 2*len(index.Manifests)), make(map[v1.Hash][]v1.Descriptor)}
	for _, d := range index.Manifests {
		c.files[d.Digest] = d
	}
	for _, d := range index.Manifests {
		// Not everybody who lists a manifest says what kind it is.
		if d.ArtifactType != "" && d.ArtifactType != FileType && d.ArtifactType != BundleType {
			continue
		}
		m, err := l.Manifest(d.Digest)
		if err != nil {
			return nil, err
		}
		attached, isAttached := attachedTo(d)
		for _, layer := range m.Layers {
			switch {
			case m.Subject != nil && (isBundle(layer) || layer.MediaType == envelopeType):
				c.about[m.Subject.Digest] = append(c.about[m.Subject.Digest], layer)
			case isAttached && layer.MediaType == envelopeType:
				c.about[attached] = append(c.about[attached], layer)
			case m.ArtifactType == FileType:
				if _, ok := c.files[layer.Digest]; !ok {
					c.files[layer.Digest] = d
				}
			}
		}
	}
	return c, nil
}

// File returns the descriptor of the artifact that holds the file called h, or
// of the manifest that h itself names.
func (c *Contents) File(h v1.Hash) (v1.Descriptor, bool) {
	d, ok := c.files[h]
	return d, ok
}

// attachedTo returns what d, an image of attestations as cosign keeps them, is
// attached to.
func attachedTo(d v1.Descriptor) (v1.Hash, bool) {
	hex, isAttached := strings.CutSuffix(d.Annotations[refNameAnnotation], ".att")
	h, err := parseHash(strings.Replace(hex, "-", ":", 1))
	return h, isAttached && err == nil
}

// Bundles returns the bundles that refer to the file, or the manifest, called h.
func (c *Contents) Bundles(h v1.Hash, limit int64) ([][]byte, error) {
	layers := c.about[h] // of a child that only its index lists, too
	if subject, ok := c.files[h]; ok && subject.Digest != h {
		layers = append(slices.Clip(layers), c.about[subject.Digest]...)
	}
	var out [][]byte
	for _, layer := range layers {
		data, err := c.layout.Blob(layer.Digest, limit)
		if err != nil {
			return nil, err
		}
		if layer.MediaType == envelopeType {
			data = converted(data, layer.Annotations)
		}
		out = append(out, data)
	}
	return out, nil
}
