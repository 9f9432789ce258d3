// Command image makes an OCI image layout with an image of greet for each
// platform it is released for, and an index of them. The same files give the
// same digests on any machine: nothing is compressed, and no clock is read.
//
//	go run ./examples/container/image DIST LAYOUT
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What is made.
const (
	name     = "greet"
	version  = "1.2.0"
	revision = "5e56881774df3010319816adb1989a1399beb72b"
)

// committed is when the revision was made. An image needs some time, and any
// other would make it another image.
var committed = time.Date(2026, 11, 22, 17, 15, 35, 0, time.UTC)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: image DIST LAYOUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(dist, layout string) error {
	l := blobs(filepath.Join(layout, "blobs", "sha256"))
	if err := os.MkdirAll(string(l), 0o755); err != nil {
		return err
	}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Annotations: annotations()}
	for _, p := range []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "darwin", Architecture: "arm64"}} {
		d, err := l.image(dist, p)
		if err != nil {
			return err
		}
		fmt.Println(d.Digest, p.String())
		d.Platform = &p
		index.Manifests = append(index.Manifests, d)
	}
	d, err := l.put(types.OCIImageIndex, index)
	if err != nil {
		return err
	}
	fmt.Println(d.Digest, "index")

	// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
	d.Annotations = map[string]string{"org.opencontainers.image.ref.name": version}
	top, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{d}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(layout, "index.json"), top, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(layout, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
}

// blobs is the layout's folder of blobs.
type blobs string

// image puts the image for one platform: its program in dist and nothing else.
func (l blobs) image(dist string, p v1.Platform) (v1.Descriptor, error) {
	files, err := archive(filepath.Join(dist, fmt.Sprintf("%s_%s_%s_%s", name, version, p.OS, p.Architecture)))
	if err != nil {
		return v1.Descriptor{}, err
	}
	id, _, err := v1.SHA256(bytes.NewReader(files))
	if err != nil {
		return v1.Descriptor{}, err
	}
	// Compressed, the layer would change with the version of the compressor, and
	// not every tool takes one that is no gzip: so it is stored in one.
	var stored bytes.Buffer
	z, err := gzip.NewWriterLevel(&stored, gzip.NoCompression)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if _, err := z.Write(files); err != nil {
		return v1.Descriptor{}, err
	}
	if err := z.Close(); err != nil {
		return v1.Descriptor{}, err
	}
	layer, err := l.put(types.OCILayer, stored.Bytes())
	if err != nil {
		return v1.Descriptor{}, err
	}
	config, err := l.put(types.OCIConfigJSON, v1.ConfigFile{
		Created: v1.Time{Time: committed}, OS: p.OS, Architecture: p.Architecture,
		Config:  v1.Config{Entrypoint: []string{"/" + name}, User: "65534:65534"},
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{id}},
		History: []v1.History{{Created: v1.Time{Time: committed}, CreatedBy: "examples/container/image"}},
	})
	if err != nil {
		return v1.Descriptor{}, err
	}
	return l.put(types.OCIManifestSchema1, v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: config, Layers: []v1.Descriptor{layer}, Annotations: annotations(),
	})
}

// archive is the file at path as the only one of a file system.
func archive(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data)), ModTime: committed, Format: tar.FormatUSTAR}); err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

// put stores v, as it is or as JSON, under its digest.
func (l blobs) put(media types.MediaType, v any) (v1.Descriptor, error) {
	data, ok := v.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return v1.Descriptor{}, err
		}
	}
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: media, Digest: digest, Size: size}, os.WriteFile(filepath.Join(string(l), digest.Hex), data, 0o644)
}

func annotations() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title": name, "org.opencontainers.image.version": version, "org.opencontainers.image.revision": revision,
	}
}
