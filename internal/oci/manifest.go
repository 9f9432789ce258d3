package oci

import (
	"encoding/json"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// empty is the configuration of an artifact that has none.
var empty = []byte("{}")

// artifact is the manifest of an artifact with one layer. A layout and a
// registry hold the same bytes of it, so they name it by the same digest.
func artifact(artifactType string, layer v1.Descriptor) v1.Manifest {
	return v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: artifactType,
		Config: v1.Descriptor{MediaType: emptyConfig, Size: int64(len(empty)), Digest: hashOf(empty)},
		Layers: []v1.Descriptor{layer},
	}
}

// fileManifest is the manifest of a released file.
func fileManifest(name string, digest v1.Hash, size int64) v1.Manifest {
	return artifact(FileType, v1.Descriptor{
		MediaType: fileLayer, Size: size, Digest: digest, Annotations: map[string]string{titleAnnotation: name},
	})
}

// bundleManifest is the manifest by which a bundle refers to subject.
func bundleManifest(layer v1.Descriptor, predicate string, subject v1.Descriptor) v1.Manifest {
	m := artifact(BundleType, layer)
	m.Subject = &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest}
	m.Annotations = map[string]string{contentAnnotation: "dsse-envelope", predicateAnnotation: predicate}
	return m
}

// encode returns the bytes of m and the entry by which an index lists it.
func encode(m v1.Manifest, annotations map[string]string) ([]byte, v1.Descriptor, error) {
	data, err := json.Marshal(m)
	return data, v1.Descriptor{
		MediaType: m.MediaType, Size: int64(len(data)), Digest: hashOf(data),
		ArtifactType: m.ArtifactType, Annotations: annotations,
	}, err
}
