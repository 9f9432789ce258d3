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

// Document is a document that statements refer to, as what refers to it is
// stored: its bytes may be large, and are hashed once, however many artifacts it
// is about.
type Document struct {
	layer v1.Descriptor
	name  string
}

// NewDocument returns the document called name, whose bytes are size many and
// have digest h.
func NewDocument(mediaType, name string, h v1.Hash, size int64) Document {
	name = path.Base(name)
	return Document{v1.Descriptor{
		MediaType: types.MediaType(mediaType), Size: size, Digest: h, Annotations: map[string]string{titleAnnotation: name},
	}, name}
}

// manifest is the one by which d refers to subject. Its artifact type is the
// document's media type, so that who looks for bills of materials among an
// artifact's referrers finds them (OCI image specification 1.1, "artifactType").
func (d Document) manifest(subject v1.Descriptor) v1.Manifest {
	m := artifact(string(d.layer.MediaType), d.layer)
	m.Subject = &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest}
	m.Annotations = map[string]string{titleAnnotation: d.name}
	return m
}

// ReferDocument stores d, whose bytes are in the layout, as a referrer of subject
// and returns its entry for [Layout.List].
func (l Layout) ReferDocument(d Document, subject v1.Descriptor) (v1.Descriptor, error) {
	m := d.manifest(subject)
	return l.storeManifest(m, m.Annotations)
}

// PutDocument stores d, whose bytes are data, as a referrer of subject and
// returns its entry. Where the registry does not list referrers itself, who
// publishes calls [Repository.List] with it.
func (r *Repository) PutDocument(ctx context.Context, d Document, data []byte, subject v1.Descriptor) (v1.Descriptor, error) {
	return r.putReferrer(ctx, d.manifest(subject), data)
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
