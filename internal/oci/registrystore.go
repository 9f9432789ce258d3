package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1"
)

// registryStore is a repository as [Copy] sees it.
type registryStore struct{ *Repository }

func (r registryStore) manifest(ctx context.Context, h v1.Hash) (Manifest, error) {
	return r.Manifest(ctx, h.String())
}

func (r registryStore) roots(context.Context) ([]root, error) {
	return nil, &PlaceError{fmt.Sprintf("%s names no tag and no digest: write %s:TAG or %s@sha256:…", r, r, r)}
}

func (r registryStore) referrers(ctx context.Context, h v1.Hash) ([]v1.Descriptor, error) {
	return r.Referrers(ctx, h)
}

func (r registryStore) reader(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	req := request{doing: "reading blob " + d.Digest.String(), method: http.MethodGet, path: "blobs/" + d.Digest.String(), limit: d.Size}
	a, err := r.client.exchange(ctx, req)
	if err == nil && a.StatusCode != http.StatusOK {
		err = r.client.refusal(a)
		a.body.Close()
	}
	if err != nil {
		return nil, r.client.fault(req, err)
	}
	return newChecked(a.body, d), nil
}

func (r registryStore) holds(ctx context.Context, m Manifest, _ bool) (bool, error) {
	return r.has(ctx, m.Digest.String())
}

func (r registryStore) putBlob(ctx context.Context, d v1.Descriptor, from store, open func() (io.ReadCloser, error)) error {
	mount := ""
	if other, ok := from.(registryStore); ok && other.client.name.RegistryStr() == r.client.name.RegistryStr() {
		mount = other.client.name.RepositoryStr()
	}
	return r.Repository.putBlob(ctx, d.Digest, d.Size, mount, open)
}

func (r registryStore) putManifest(ctx context.Context, m Manifest, _ bool, tags ...string) error {
	if len(tags) == 0 {
		tags = []string{m.Digest.String()}
	}
	for _, tag := range tags {
		if _, err := r.put(ctx, tag, m.MediaType, m.Data); err != nil {
			return err
		}
	}
	return nil
}

func (r registryStore) list(ctx context.Context, l []Listing) []error { return r.List(ctx, l) }

func (r registryStore) merge(ctx context.Context, tag string, m Manifest) error {
	image, err := parseImage(m.Data)
	if err != nil {
		return err
	}
	for range maxRaces {
		if done, err := r.attach(ctx, tag, image.Layers); err != nil || done {
			return err
		}
	}
	return r.wrong("writing tag "+tag, "others wrote it, too, %d times over", maxRaces)
}

func (r registryStore) finish(context.Context) error { return nil }

// checked reads bytes that must be those of a descriptor. The last of them are
// given only with the knowledge that they are: who stores them under the digest
// gets an error instead of an end otherwise.
type checked struct {
	io.ReadCloser
	d    v1.Descriptor
	left int64
	hash hash.Hash
}

func newChecked(r io.ReadCloser, d v1.Descriptor) *checked {
	return &checked{r, d, d.Size, sha256.New()}
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.hash.Write(p[:n])
	if c.left -= int64(n); c.left < 0 {
		return 0, final("blob %s: %w: more than %d of them", c.d.Digest, errChanged, c.d.Size)
	}
	switch {
	case err == io.EOF && c.left > 0:
		return n, fmt.Errorf("blob %s was cut off: %w", c.d.Digest, io.ErrUnexpectedEOF)
	case err != nil && err != io.EOF:
		return n, err
	}
	// At its full length, and not only at its end: who was told how much there
	// is may never ask for the end.
	if c.left == 0 && (n > 0 || err == io.EOF) && hex.EncodeToString(c.hash.Sum(nil)) != c.d.Digest.Hex {
		return 0, final("blob %s: %w", c.d.Digest, errChanged)
	}
	return n, err
}

// apart keeps what went wrong at one place from being taken for another's. What
// is final stays so.
func apart(err error) error {
	var never errFinal
	var e *Error
	if errors.As(err, &e) && e.Status != 0 && !passes(e.Status) {
		return final("%v", err)
	}
	if errors.As(err, &never) {
		return final("%v", err)
	}
	return fmt.Errorf("%v", err)
}

// source is a reader of one place while another is written.
type source struct {
	io.ReadCloser
	from store
}

func (s source) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = apart(fmt.Errorf("reading from %s: %w", s.from, err))
	}
	return n, err
}
