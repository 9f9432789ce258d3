package oci

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// documentManifest is the manifest by which a document refers to subject. Its
// artifact type is the document's media type, so that who looks for bills of
// materials among an artifact's referrers finds them (OCI image specification
// 1.1, "artifactType").
func documentManifest(layer v1.Descriptor, name string, subject v1.Descriptor) v1.Manifest {
	layer.Annotations = map[string]string{titleAnnotation: path.Base(name)}
	m := artifact(string(layer.MediaType), layer)
	m.Subject = &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest}
	m.Annotations = map[string]string{titleAnnotation: path.Base(name)}
	return m
}

// StoreDocument stores data, called name, as a referrer of subject and returns
// its entry for [Layout.List].
func (l Layout) StoreDocument(mediaType, name string, data []byte, subject v1.Descriptor) (v1.Descriptor, error) {
	h, err := l.WriteBlob(data)
	if err != nil {
		return v1.Descriptor{}, err
	}
	layer := v1.Descriptor{MediaType: types.MediaType(mediaType), Size: int64(len(data)), Digest: h}
	m := documentManifest(layer, name, subject)
	return l.storeManifest(m, m.Annotations)
}

// PutDocument stores data, called name, as a referrer of subject and returns its
// entry. Where the registry does not list referrers itself, who publishes calls
// [Repository.List] with it.
func (r *Repository) PutDocument(ctx context.Context, mediaType, name string, data []byte, subject v1.Descriptor) (v1.Descriptor, error) {
	layer := v1.Descriptor{MediaType: types.MediaType(mediaType), Size: int64(len(data)), Digest: hashOf(data)}
	m := documentManifest(layer, name, subject)
	return r.putReferrer(ctx, m, data)
}

// OpenBlob opens the blob called h for reading, whatever it holds; the caller
// holds it against h. Where there is none, the error is [fs.ErrNotExist].
func (l Layout) OpenBlob(h v1.Hash) (io.ReadCloser, error) {
	p, err := l.blobPath(h)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(p)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: p, Err: errors.New("is no regular file")}
	}
	return os.Open(p)
}

// ReadBlob has read take in the blob called h, whatever it holds; the caller holds
// it against h. Where reading breaks off, read is called again, from the start.
// limit is how much is worth waiting for.
func (r *Repository) ReadBlob(ctx context.Context, h v1.Hash, limit int64, read func(io.Reader) error) error {
	return r.client.do(ctx, request{
		doing: "reading blob " + h.String(), method: http.MethodGet, path: "blobs/" + h.String(), limit: limit,
	}, func(a *answer) error { return read(a.body) })
}
