package oci

import (
	"encoding/json"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hallmark-project/hallmark/internal/strict"
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

// entryOf is the entry by which an index lists m.
func entryOf(m Manifest) v1.Descriptor {
	var doc struct {
		ArtifactType string            `json:"artifactType"`
		Annotations  map[string]string `json:"annotations"`
		Config       struct {
			MediaType string `json:"mediaType"`
		} `json:"config"`
	}
	d := m.Descriptor
	if strict.JSON(m.Data, &doc) != nil {
		return d
	}
	d.ArtifactType, d.Annotations = doc.ArtifactType, doc.Annotations
	// OCI image specification 1.1: an artifact without a type has its
	// configuration's; that of an image says nothing.
	if d.ArtifactType == "" && doc.Config.MediaType != string(types.OCIConfigJSON) && doc.Config.MediaType != string(types.DockerConfigJSON) {
		d.ArtifactType = doc.Config.MediaType
	}
	return d
}

// subjectOf is what m says that it refers to.
func subjectOf(m Manifest) v1.Hash {
	var doc struct {
		Subject *v1.Descriptor `json:"subject"`
	}
	if strict.JSON(m.Data, &doc) != nil || doc.Subject == nil {
		return v1.Hash{}
	}
	return doc.Subject.Digest
}

// mediaTypeOf is what a manifest is, by what it says or, as it need not say it,
// by what it has.
func mediaTypeOf(data []byte) (types.MediaType, error) {
	var doc struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests jsontext.Value  `json:"manifests"`
		Layers    jsontext.Value  `json:"layers"`
	}
	if err := strict.JSON(data, &doc); err != nil {
		return "", err
	}
	switch {
	case doc.MediaType != "":
		return doc.MediaType, nil
	case doc.Manifests != nil && doc.Layers == nil:
		return types.OCIImageIndex, nil
	case doc.Layers != nil && doc.Manifests == nil:
		return types.OCIManifestSchema1, nil
	}
	return "", errors.New("it is no manifest")
}

// isForeign reports whether a layer is one that its maker lets nobody pass on:
// it is fetched from where its URLs say.
func isForeign(d v1.Descriptor) bool { return !d.MediaType.IsDistributable() }
