package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// PutFile stores the file at path, called name, as an artifact under a tag that
// who holds the file can find, and returns its manifest's entry. Where the file
// is there already, under whatever name, that artifact is kept: bundles refer to
// it. Bytes other than digest's are refused.
func (r *Repository) PutFile(ctx context.Context, name, path string, digest v1.Hash) (v1.Descriptor, error) {
	// What is stored must be what was judged, also where nothing is sent: a file
	// that changed is somebody's mistake.
	size, err := hashFile(ctx, path, digest)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("storing %s: %w", name, err)
	}
	have, ok, err := r.File(ctx, digest)
	if err != nil {
		return have, err
	}
	// A manifest that is there does not show that its layer is.
	err = r.putBlob(ctx, digest, size, "", func() (io.ReadCloser, error) { return openExactly(path, digest, size) })
	if err != nil {
		return v1.Descriptor{}, err
	}
	if _, err := r.putBytes(ctx, empty); err != nil {
		return v1.Descriptor{}, err
	}
	if ok {
		return have, nil
	}
	data, entry, err := encode(fileManifest(name, digest, size), map[string]string{titleAnnotation: name})
	if err != nil {
		return v1.Descriptor{}, err
	}
	if _, err := r.put(ctx, entry.Digest.String(), entry.MediaType, data); err != nil {
		return v1.Descriptor{}, err
	}
	if _, err := r.put(ctx, fileTag(digest), entry.MediaType, data); err != nil {
		return v1.Descriptor{}, err
	}
	// Somebody else may have stored the same file under another name meanwhile.
	have, ok, err = r.File(ctx, digest)
	if err == nil && !ok {
		err = r.wrong("reading tag "+fileTag(digest), "it is not there after it was written")
	}
	return have, err
}

// File returns the entry of the artifact that holds the file called h; false
// where there is none. A tag that leads to anything else could hide what is
// attested about the file, so that is an error.
func (r *Repository) File(ctx context.Context, h v1.Hash) (v1.Descriptor, bool, error) {
	m, ok, err := r.tagged(ctx, fileTag(h))
	if err != nil || !ok {
		return v1.Descriptor{}, false, err
	}
	var manifest v1.Manifest
	if err := strict.JSON(m.Data, &manifest); err != nil {
		return v1.Descriptor{}, false, r.wrong("reading tag "+fileTag(h), "%w", err)
	}
	if manifest.ArtifactType != FileType || len(manifest.Layers) != 1 || manifest.Layers[0].Digest != h {
		return v1.Descriptor{}, false, r.wrong("reading tag "+fileTag(h), "it leads to %s, which does not hold that file", m.Digest)
	}
	d := m.Descriptor
	d.ArtifactType = FileType
	return d, true, nil
}

// openFile opens a regular file: a pipe could be waited for, for ever.
func openFile(path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return os.Open(path)
}

// hashFile holds the file at path against want and returns its size.
func hashFile(ctx context.Context, path string, want v1.Hash) (int64, error) {
	f, err := openFile(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	var size int64
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
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
	return size, nil
}

// openExactly opens the file for sending. A registry holds what it gets against
// the digest, too; a file that changes meanwhile is sent as far as it reaches.
func openExactly(path string, _ v1.Hash, size int64) (io.ReadCloser, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, errFinal{err}
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, size), f}, nil
}

// Subject returns the entry of the manifest that bundles about digest refer to:
// that of the released file, or the manifest that digest itself names.
func (r *Repository) Subject(ctx context.Context, digest v1.Hash) (v1.Descriptor, error) {
	d, ok, err := r.File(ctx, digest)
	if err != nil || ok {
		return d, err
	}
	m, err := r.Manifest(ctx, digest.String())
	if IsMissing(err) {
		return d, r.wrong("looking for "+digest.String(), "it holds no file and no image with that digest")
	}
	return m.Descriptor, err
}

// PutBundle stores a bundle as a referrer of subject and returns its entry.
// Where the registry does not list referrers itself, who publishes calls
// [Repository.List] with the entries.
func (r *Repository) PutBundle(ctx context.Context, bundle []byte, subject v1.Descriptor) (v1.Descriptor, error) {
	predicate, err := predicateType(bundle)
	if err != nil {
		return v1.Descriptor{}, err
	}
	layer := v1.Descriptor{MediaType: BundleType, Size: int64(len(bundle)), Digest: hashOf(bundle)}
	return r.putReferrer(ctx, bundleManifest(layer, predicate, subject), bundle)
}

// putReferrer stores m, whose one layer is content, and returns its entry.
func (r *Repository) putReferrer(ctx context.Context, m v1.Manifest, content []byte) (v1.Descriptor, error) {
	data, entry, err := encode(m, m.Annotations)
	if err != nil {
		return entry, err
	}
	there, err := r.has(ctx, entry.Digest.String())
	if err != nil {
		return entry, err
	}
	// A manifest that is there does not show that its layer is.
	if err := r.putNamed(ctx, m.Layers[0].Digest, content); err != nil {
		return entry, err
	}
	if _, err := r.putBytes(ctx, empty); err != nil {
		return entry, err
	}
	if there {
		return entry, nil
	}
	listed, err := r.put(ctx, entry.Digest.String(), entry.MediaType, data)
	if err == nil && listed {
		// "OCI-Subject": the registry says itself that it lists referrers.
		r.api.Lock()
		r.api.known, r.api.has = true, true
		r.api.Unlock()
	}
	return entry, err
}
