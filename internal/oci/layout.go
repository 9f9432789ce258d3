package oci

import (
	"bytes"
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
	"github.com/rogpeppe/go-internal/lockedfile"
)

// Limits on a layout that others wrote. A manifest is bounded as registries
// bound it (OCI distribution 1.1: at least 4 MiB); an index of more entries
// than MaxEntries is no release's.
const (
	MaxManifest = 4 << 20
	MaxEntries  = 100_000
)

// The files of a layout that are not blobs.
const (
	markFile  = "oci-layout"
	indexFile = "index.json"
)

// Layout is an OCI image layout in a folder
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).
type Layout struct{ dir string }

// Open returns the layout in dir, which must be one.
func Open(dir string) (Layout, error) {
	data, err := readRegular(filepath.Join(dir, markFile), MaxManifest)
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
		return Layout{}, fmt.Errorf("reading %s: %w", filepath.Join(dir, markFile), err)
	}
	if mark.Version != "1.0.0" {
		return Layout{}, fmt.Errorf("%s is an OCI image layout of version %q, expected 1.0.0", dir, mark.Version)
	}
	return Layout{dir}, nil
}

// Create returns the layout in dir and makes one where dir is empty or absent.
// What was interrupted while it was made is completed.
func Create(dir string) (Layout, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Layout{}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Layout{}, err
	}
	if len(entries) == 0 {
		// The mark comes first: a folder that holds something and no mark is
		// somebody else's.
		if err := atomicfile.Write(filepath.Join(dir, markFile), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644); err != nil {
			return Layout{}, err
		}
	}
	l, err := Open(dir)
	if err != nil {
		return Layout{}, err
	}
	unlock, err := l.lock()
	if err != nil {
		return Layout{}, err
	}
	defer unlock()
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		return Layout{}, err
	}
	if _, err := os.Lstat(filepath.Join(dir, indexFile)); errors.Is(err, fs.ErrNotExist) {
		return l, l.writeIndex(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}})
	} else if err != nil {
		return Layout{}, err
	}
	return l, nil
}

// lock keeps others that write into the layout, in this process or another,
// from taking a turn between reading the index and replacing it: their entry
// would be lost. It locks the mark, which nobody replaces; readers need no lock.
func (l Layout) lock() (unlock func(), err error) {
	f, err := lockedfile.Edit(filepath.Join(l.dir, markFile))
	if err != nil {
		return nil, fmt.Errorf("locking the layout: %w", err)
	}
	return func() { f.Close() }, nil
}

// readRegular reads a file of at most limit bytes. A pipe or device, which an
// unpacked archive may well put in a file's place, is refused: opening it could
// wait for ever.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readAll(f, info.Size(), limit)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s %w: more than %d bytes", path, strict.ErrTooLarge, limit)
	}
	return data, nil
}

// readAll reads at most one byte beyond limit. size is what there may be to read.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	var data bytes.Buffer
	data.Grow(int(min(size, limit)) + bytes.MinRead)
	_, err := data.ReadFrom(io.LimitReader(r, limit+1))
	return data.Bytes(), err
}

// Index returns what the layout lists.
func (l Layout) Index() (v1.IndexManifest, error) {
	data, _, err := l.indexBytes()
	if err != nil {
		return v1.IndexManifest{}, err
	}
	return l.parseIndex(data)
}

func (l Layout) indexBytes() ([]byte, v1.Hash, error) {
	data, err := readRegular(filepath.Join(l.dir, indexFile), 64*MaxManifest)
	if err != nil {
		return nil, v1.Hash{}, fmt.Errorf("reading the layout's index: %w", err)
	}
	return data, hashOf(data), nil
}

func (l Layout) parseIndex(data []byte) (v1.IndexManifest, error) {
	var index v1.IndexManifest
	path := filepath.Join(l.dir, indexFile)
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
	return atomicfile.Write(filepath.Join(l.dir, indexFile), data, 0o644)
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
	data, err := readAll(f, info.Size(), limit)
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
	// What is there already may be anything: a run of another program that was
	// cut off leaves half a blob under its full name.
	if have, err := l.Blob(h, int64(len(data))); err == nil && len(have) == len(data) {
		return h, nil
	}
	return h, atomicfile.Write(path, data, 0o644)
}

// CopyBlob stores the file at path, which must have digest want: it is hashed
// while it is copied, so what is stored is what was judged, or nothing is.
func (l Layout) CopyBlob(ctx context.Context, path string, want v1.Hash) (size int64, err error) {
	to, err := l.blobPath(want)
	if err != nil {
		return 0, err
	}
	if info, err := os.Stat(path); err != nil {
		return 0, err
	} else if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is no regular file", path)
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

// storeManifest stores m with its configuration, and returns its entry for
// [Layout.List].
func (l Layout) storeManifest(m v1.Manifest, annotations map[string]string) (v1.Descriptor, error) {
	if _, err := l.WriteBlob(empty); err != nil {
		return v1.Descriptor{}, err
	}
	data, entry, err := encode(m, annotations)
	if err != nil {
		return v1.Descriptor{}, err
	}
	_, err = l.WriteBlob(data)
	return entry, err
}

// List adds entries to the index, each once however often it is listed. It
// reads and writes the whole index, so list many at once.
func (l Layout) List(entries ...v1.Descriptor) error {
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	index, err := l.Index()
	if err != nil {
		return err
	}
	listed := make(map[v1.Hash]bool, len(index.Manifests)+len(entries))
	for _, have := range index.Manifests {
		listed[have.Digest] = true
	}
	before := len(index.Manifests)
	for _, e := range entries {
		if !listed[e.Digest] {
			listed[e.Digest] = true
			index.Manifests = append(index.Manifests, e)
		}
	}
	switch n := len(index.Manifests); {
	case n == before:
		return nil
	case n > MaxEntries:
		return fmt.Errorf("listing %d manifests in the layout's index: expected at most %d", n, MaxEntries)
	}
	return l.writeIndex(index)
}
