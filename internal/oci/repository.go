package oci

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// manifestTypes is what is asked for where a manifest is.
var manifestTypes = strings.Join([]string{
	string(types.OCIManifestSchema1), string(types.OCIImageIndex),
	string(types.DockerManifestSchema2), string(types.DockerManifestList),
}, ", ")

// Repository is one repository of a registry. It is safe for concurrent use.
// Whatever it returns by digest has that digest, and whatever it cannot say is
// an error and never an absence.
type Repository struct {
	client *client

	// api is whether the registry lists referrers itself, once it is known.
	api struct {
		sync.Mutex
		known, has bool
	}
	// stored are small blobs known to be there: the empty configuration is
	// asked about once.
	stored sync.Map // v1.Hash
	// fallback keeps publishers in this process from racing each other: a lock
	// for each subject.
	fallback sync.Map // v1.Hash to *sync.Mutex
	kept     kept
}

// OpenRepository returns the repository called name, REGISTRY/REPOSITORY. It
// asks nothing of the registry yet.
func OpenRepository(name string, a Access) (*Repository, error) {
	r, err := parseRepository(name)
	if err != nil {
		return nil, fmt.Errorf("repository %q: %w", name, err)
	}
	return &Repository{client: newClient(r, a)}, nil
}

// Open returns the repository that ref is in.
func (r Reference) Open(a Access) *Repository {
	return &Repository{client: newClient(r.repository, a)}
}

// String is the repository's name in full: REGISTRY/REPOSITORY.
func (r *Repository) String() string { return r.client.name.Name() }

// Manifest is a manifest as it is stored: its bytes are those that its
// descriptor says.
type Manifest struct {
	v1.Descriptor
	Data []byte
}

// Manifest returns the manifest that a tag or a digest names.
func (r *Repository) Manifest(ctx context.Context, identifier string) (Manifest, error) {
	var m Manifest
	want, byDigest := v1.Hash{}, strings.Contains(identifier, ":")
	if byDigest {
		h, err := parseHash(identifier)
		if err != nil {
			return m, err
		}
		want = h
	}
	err := r.client.do(ctx, request{
		doing: "reading manifest " + identifier, method: http.MethodGet, path: "manifests/" + identifier,
		header: http.Header{"Accept": {manifestTypes}}, limit: MaxManifest,
	}, func(a *answer) (err error) {
		m, err = readManifest(a, want)
		return err
	})
	return m, err
}

// readManifest reads a manifest from an answer and holds it against want,
// unless that is zero, and against what the registry itself says it is.
func readManifest(a *answer, want v1.Hash) (Manifest, error) {
	declared := a.Header.Get("Content-Type")
	mediaType, _, _ := mime.ParseMediaType(declared)
	data, err := readLimited(a, MaxManifest)
	if err != nil {
		return Manifest{}, err
	}
	h := hashOf(data)
	if said := a.Header.Get("Docker-Content-Digest"); strings.HasPrefix(said, "sha256:") && said != h.String() {
		return Manifest{}, final("it says that the manifest is %s, and sends %s, which is %s", clean(said, 80), describe(mediaType), h)
	}
	if want != (v1.Hash{}) && h != want {
		return Manifest{}, final("it sends %s that is %s", describe(mediaType), h)
	}
	var doc struct {
		MediaType string `json:"mediaType"`
	}
	if err := strict.JSON(data, &doc); err != nil {
		return Manifest{}, final("it sends %s, expected a manifest: %v", describe(mediaType), err)
	}
	// One document that two readers could take for two kinds of thing is none
	// (OCI image specification 1.1, "mediaType": it should match).
	switch kind := types.MediaType(doc.MediaType); {
	case kind == "" && manifestType(mediaType):
	case kind == "":
		return Manifest{}, final("it sends %s, expected a manifest", describe(mediaType))
	case manifestType(mediaType) && mediaType != doc.MediaType:
		return Manifest{}, final("it says that the manifest is %s, and the manifest that it is %s", clean(mediaType, 80), clean(doc.MediaType, 80))
	default:
		mediaType = doc.MediaType
	}
	return Manifest{v1.Descriptor{MediaType: types.MediaType(mediaType), Size: int64(len(data)), Digest: h}, data}, nil
}

func manifestType(s string) bool { return strings.Contains(manifestTypes, s) && s != "" }

func describe(mediaType string) string {
	if mediaType == "" {
		return "something"
	}
	return clean(mediaType, 80)
}

// Has reports whether the manifest that a tag or digest names is there, and
// under which digest, if the registry says so.
func (r *Repository) has(ctx context.Context, identifier string) (bool, error) {
	found := false
	err := r.client.do(ctx, request{
		doing: "looking for manifest " + identifier, method: http.MethodHead, path: "manifests/" + identifier,
		header: http.Header{"Accept": {manifestTypes}}, accept: []int{http.StatusNotFound},
	}, func(a *answer) error {
		found = a.StatusCode == http.StatusOK
		if said := a.Header.Get("Docker-Content-Digest"); found && strings.HasPrefix(said, "sha256:") && strings.Contains(identifier, ":") && said != identifier {
			return final("it says that it has %s there", clean(said, 80))
		}
		return nil
	})
	return found, err
}

// tagged returns the manifest that a tag names; false where there is no such
// tag.
func (r *Repository) tagged(ctx context.Context, tag string) (Manifest, bool, error) {
	m, err := r.Manifest(ctx, tag)
	if IsMissing(err) {
		return m, false, nil
	}
	return m, err == nil, err
}

// Blob returns the blob called h, of at most limit bytes.
func (r *Repository) Blob(ctx context.Context, h v1.Hash, limit int64) ([]byte, error) {
	var data []byte
	err := r.client.do(ctx, request{
		doing: "reading blob " + h.String(), method: http.MethodGet, path: "blobs/" + h.String(), limit: limit,
	}, func(a *answer) (err error) {
		if data, err = readLimited(a, limit); err != nil {
			return err
		}
		if got := hashOf(data); got != h {
			kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
			return final("it sends %s that is %s", describe(kind), got)
		}
		return nil
	})
	return data, err
}

// hasBlob reports whether a blob is there.
func (r *Repository) hasBlob(ctx context.Context, h v1.Hash) (bool, error) {
	found := false
	err := r.client.do(ctx, request{
		doing: "looking for blob " + h.String(), method: http.MethodHead, path: "blobs/" + h.String(), accept: []int{http.StatusNotFound},
	}, func(a *answer) error {
		found = a.StatusCode == http.StatusOK
		return nil
	})
	return found, err
}

// putBlob stores the blob called h, which open gives anew for each attempt. A
// blob that is there is not sent again, and one that the registry has in the
// repository mount need not be.
func (r *Repository) putBlob(ctx context.Context, h v1.Hash, size int64, mount string, open func() (io.ReadCloser, error)) error {
	found, err := r.hasBlob(ctx, h)
	if err != nil || found {
		return err
	}
	// OCI distribution 1.1, "POST then PUT". What was begun and broke off is
	// begun anew: a place to upload to serves once.
	r2 := request{
		doing: "writing blob " + h.String(), method: http.MethodPost, path: "blobs/uploads/", push: true,
		header: http.Header{"Content-Type": {"application/octet-stream"}}, accept: []int{http.StatusAccepted, http.StatusCreated},
	}
	if mount != "" && mount != r.client.name.RepositoryStr() {
		// OCI distribution 1.1, "Mounting a blob from another repository": the
		// registry answers 202 where it would rather be sent it.
		r2.from, r2.query = mount, map[string][]string{"mount": {h.String()}, "from": {mount}}
	}
	return r.client.do(ctx, r2, func(a *answer) error {
		if a.StatusCode == http.StatusCreated {
			return nil
		}
		home := a.Request.URL
		to, err := follow(home, home, a.Header.Get("Location"))
		if err != nil {
			return err
		}
		return r.client.once(ctx, request{
			doing: r2.doing, method: http.MethodPut, url: to, query: map[string][]string{"digest": {h.String()}}, push: true,
			header: http.Header{"Content-Type": {"application/octet-stream"}}, body: open, size: size,
			accept: []int{http.StatusCreated, http.StatusNoContent},
		}, func(*answer) error { return nil })
	})
}

// putBytes is putBlob for what is in memory.
func (r *Repository) putBytes(ctx context.Context, data []byte) (v1.Hash, error) {
	h := hashOf(data)
	return h, r.putNamed(ctx, h, data)
}

// putNamed is putBytes for what is known to have digest h.
func (r *Repository) putNamed(ctx context.Context, h v1.Hash, data []byte) error {
	if _, ok := r.stored.Load(h); ok {
		return nil
	}
	err := r.putBlob(ctx, h, int64(len(data)), "", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	if err == nil {
		r.stored.Store(h, true)
	}
	return err
}

// put stores a manifest under a tag or its digest. subject says whether the
// registry showed that it will list the manifest among its subject's referrers.
func (r *Repository) put(ctx context.Context, identifier string, mediaType types.MediaType, data []byte) (subject bool, err error) {
	h := hashOf(data)
	err = r.client.do(ctx, request{
		doing: "writing manifest " + identifier, method: http.MethodPut, path: "manifests/" + identifier, push: true,
		header: http.Header{"Content-Type": {string(mediaType)}},
		body:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, size: int64(len(data)),
		accept: []int{http.StatusCreated, http.StatusAccepted},
	}, func(a *answer) error {
		if said := a.Header.Get("Docker-Content-Digest"); strings.HasPrefix(said, "sha256:") && said != h.String() {
			return final("it stored something else: %s", clean(said, 80))
		}
		subject = a.Header.Get("OCI-Subject") != ""
		return nil
	})
	return subject, err
}
