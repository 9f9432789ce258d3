package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// Limits on a layout that others wrote. A manifest is bounded as registries
// bound it (OCI distribution 1.1: at least 4 MiB); an index of more entries
// than MaxEntries is no release's.
const (
	MaxManifest = 4 << 20
	MaxEntries  = 100_000
)

// Layout is an OCI image layout in a folder
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).
type Layout struct{ dir string }

// Open returns the layout in dir, which must be one.
func Open(dir string) (Layout, error) {
	data, err := os.ReadFile(filepath.Join(dir, "oci-layout"))
	if errors.Is(err, fs.ErrNotExist) {
		return Layout{}, fmt.Errorf("%s is no OCI image layout: it has no file oci-layout", dir)
	}
	if err != nil {
		return Layout{}, err
	}
	var mark struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := strict.JSON(data, &mark); err != nil {
		return Layout{}, fmt.Errorf("reading %s: %w", filepath.Join(dir, "oci-layout"), err)
	}
	if mark.Version != "1.0.0" {
		return Layout{}, fmt.Errorf("%s is an OCI image layout of version %q, expected 1.0.0", dir, mark.Version)
	}
	return Layout{dir}, nil
}

// Create returns the layout in dir and makes one where dir is empty or absent.
func Create(dir string) (Layout, error) {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return Open(dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Layout{}, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		return Layout{}, err
	}
	l := Layout{dir}
	if err := l.writeIndex(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}); err != nil {
		return Layout{}, err
	}
	return l, atomicfile.Write(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
}

// Index returns what the layout lists.
func (l Layout) Index() (v1.IndexManifest, error) {
	var index v1.IndexManifest
	path := filepath.Join(l.dir, "index.json")
	f, err := os.Open(path)
	if err != nil {
		return index, err
	}
	defer f.Close()
	data, err := strict.Read(f, 64*MaxManifest)
	if err != nil {
		return index, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := strict.JSON(data, &index); err != nil {
		return index, fmt.Errorf("reading %s: %w", path, err)
	}
	if len(index.Manifests) > MaxEntries {
		return index, fmt.Errorf("reading %s: lists more than %d manifests", path, MaxEntries)
	}
	return index, nil
}

func (l Layout) writeIndex(index v1.IndexManifest) error {
	data, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(l.dir, "index.json"), data, 0o644)
}

func (l Layout) blobPath(h v1.Hash) (string, error) {
	// Only sha256: a name from a hostile index must never become a path.
	if h.Algorithm != "sha256" || len(h.Hex) != 64 {
		return "", fmt.Errorf("blob %s: only sha256 digests are accepted", h)
	}
	if _, err := hex.DecodeString(h.Hex); err != nil {
		return "", fmt.Errorf("blob %s: not a digest", h)
	}
	return filepath.Join(l.dir, "blobs", "sha256", h.Hex), nil
}

// Blob returns the bytes called h, at most limit, and holds them against it.
func (l Layout) Blob(h v1.Hash, limit int64) ([]byte, error) {
	path, err := l.blobPath(h)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("blob %s is not a regular file", h)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("blob %s %w: more than %d bytes", h, strict.ErrTooLarge, limit)
	}
	if hashOf(data) != h {
		return nil, fmt.Errorf("blob %s holds other bytes: %s", h, hashOf(data))
	}
	return data, nil
}

// Manifest returns the manifest called h.
func (l Layout) Manifest(h v1.Hash) (v1.Manifest, error) {
	var m v1.Manifest
	data, err := l.Blob(h, MaxManifest)
	if err != nil {
		return m, err
	}
	if err := strict.JSON(data, &m); err != nil {
		return m, fmt.Errorf("reading manifest %s: %w", h, err)
	}
	return m, nil
}

func hashOf(data []byte) v1.Hash {
	sum := sha256.Sum256(data)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// WriteBlob stores data under its own digest.
func (l Layout) WriteBlob(data []byte) (v1.Hash, error) {
	h := hashOf(data)
	path, err := l.blobPath(h)
	if err != nil {
		return h, err
	}
	if l.holds(path, int64(len(data))) {
		return h, nil
	}
	return h, atomicfile.Write(path, data, 0o644)
}

// holds reports whether a blob of that size is at path already. Its bytes were
// held against its name when it was written, and are again when it is read.
func (l Layout) holds(path string, size int64) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// CopyBlob stores the file at path, which must have digest want: it is hashed
// while it is copied, so what is stored is what was judged, or nothing is.
func (l Layout) CopyBlob(ctx context.Context, path string, want v1.Hash) (size int64, err error) {
	to, err := l.blobPath(want)
	if err != nil {
		return 0, err
	}
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := atomicfile.New(to)
	if err != nil {
		return 0, err
	}
	defer out.Discard()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := in.Read(buf)
		h.Write(buf[:n])
		if _, err := out.Write(buf[:n]); err != nil {
			return 0, err
		}
		size += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want.Hex {
		return 0, fmt.Errorf("%s changed: it was %s, it is sha256:%s", path, want, got)
	}
	return size, out.Commit(0o644)
}

// AddManifest stores m and lists it, once however often it is added.
func (l Layout) AddManifest(m v1.Manifest, annotations map[string]string) (v1.Descriptor, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return v1.Descriptor{}, err
	}
	h, err := l.WriteBlob(data)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{
		MediaType: m.MediaType, Size: int64(len(data)), Digest: h,
		ArtifactType: m.ArtifactType, Annotations: annotations,
	}
	index, err := l.Index()
	if err != nil {
		return v1.Descriptor{}, err
	}
	for _, have := range index.Manifests {
		if have.Digest == h {
			return have, nil
		}
	}
	index.Manifests = append(index.Manifests, d)
	return d, l.writeIndex(index)
}
