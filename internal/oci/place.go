package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1"
)

// Place is where images and artifacts lie: a repository of a registry, or an OCI
// image layout written "oci:DIR", with a tag or a digest of one of them.
type Place struct {
	layout    string // the folder; empty where it is a repository
	reference Reference
	tag       string
	digest    v1.Hash
}

// ParsePlace reads REGISTRY/REPOSITORY or oci:DIR, either with :TAG, the
// former also with @DIGEST. Whether a tag or a digest is needed is for who uses
// it to say.
func ParsePlace(s string) (Place, error) {
	if rest, ok := strings.CutPrefix(s, "oci:"); ok {
		return parseLayoutPlace(s, rest)
	}
	for _, transport := range []string{"docker://", "docker-daemon:", "docker-archive:", "oci-archive:", "dir:", "containers-storage:"} {
		if strings.HasPrefix(s, transport) {
			return Place{}, fmt.Errorf("place %q: %s is not known here: write REGISTRY/REPOSITORY:TAG or oci:DIR", s, strings.TrimSuffix(transport, "//"))
		}
	}
	ref, err := parseLoosely(s)
	if err != nil {
		return Place{}, err
	}
	return Place{reference: ref, tag: ref.Tag, digest: ref.Digest}, nil
}

// parseLayoutPlace splits DIR:TAG where skopeo does, at the first colon that
// does not belong to a drive.
func parseLayoutPlace(s, rest string) (Place, error) {
	drive := ""
	if runtime.GOOS == "windows" && len(rest) > 1 && rest[1] == ':' {
		drive, rest = rest[:2], rest[2:]
	}
	dir, tag, tagged := strings.Cut(rest, ":")
	dir = drive + dir
	if dir == "" {
		return Place{}, fmt.Errorf("place %q: names no folder: write oci:DIR or oci:DIR:TAG", s)
	}
	if tagged {
		if err := checkTag(tag); err != nil {
			return Place{}, fmt.Errorf("place %q: %w", s, err)
		}
	}
	return Place{layout: filepath.Clean(dir), tag: tag}, nil
}

// String is the place as [ParsePlace] reads it.
func (p Place) String() string {
	if p.layout == "" {
		return p.reference.String()
	}
	if p.tag != "" {
		return "oci:" + p.layout + ":" + p.tag
	}
	return "oci:" + p.layout
}

// open opens the place for reading, or, where write is set, for writing: a
// folder that is absent then becomes a layout.
func (p Place) open(a Access, write bool) (store, error) {
	if p.layout == "" {
		return registryStore{p.reference.Open(a)}, nil
	}
	open := Open
	if write {
		open = Create
	}
	l, err := open(p.layout)
	if err != nil {
		return nil, err
	}
	return newLayoutStore(l)
}

// store is what can be copied from and to.
type store interface {
	fmt.Stringer
	// manifest returns a manifest by digest, and tagged by tag; false where there
	// is no such tag.
	manifest(ctx context.Context, h v1.Hash) (Manifest, error)
	tagged(ctx context.Context, tag string) (Manifest, bool, error)
	// roots are what a layout lists that refers to nothing, with its tags.
	roots(ctx context.Context) ([]root, error)
	// referrers are what refers to h.
	referrers(ctx context.Context, h v1.Hash) ([]v1.Descriptor, error)
	// reader opens a blob. Its bytes are those of d, or reading them fails.
	reader(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// holds reports whether a manifest is there with all that belongs to it, and,
	// if it is to be listed, that it is.
	holds(ctx context.Context, m Manifest, listed bool) (bool, error)
	// putBlob stores what open gives, unless it is there. from is where it comes
	// from, in case it is near.
	putBlob(ctx context.Context, d v1.Descriptor, from store, open func() (io.ReadCloser, error)) error
	// putManifest stores a manifest, under tags where there are some. listed says
	// that it is to be found by itself, where that makes a difference.
	putManifest(ctx context.Context, m Manifest, listed bool, tags ...string) error
	// list makes manifests found as referrers.
	list(ctx context.Context, l []Listing) []error
	// merge adds the layers of an image of signatures to the one under tag.
	merge(ctx context.Context, tag string, m Manifest) error
	// finish makes visible what was stored.
	finish(ctx context.Context) error
}

// root is a manifest with the tags it has.
type root struct {
	Manifest
	tags []string
}

// errChanged is met where bytes are not those that they are called.
var errChanged = errors.New("its bytes are others than its digest says")
