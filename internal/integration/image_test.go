//go:build integration

package integration

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// image is an image, an index or another artifact in a registry.
type image struct {
	registry, repository string
	digest               v1.Hash
	children             []v1.Hash // of an index
}

// String names it by digest.
func (i image) String() string { return i.registry + "/" + i.repository + "@" + i.digest.String() }

// newImage pushes an image that nobody else has, tagged v1, into a repository of
// its own.
func newImage(t testing.TB, registry string) image {
	t.Helper()
	i := image{registry: registry, repository: repository(t)}
	img, err := random.Image(256, 2)
	check(t, err)
	check(t, remote.Write(i.tag(t, "v1"), img))
	i.digest, err = img.Digest()
	check(t, err)
	return i
}

// newIndex pushes an index of several images, tagged v1.
func newIndex(t testing.TB, registry string) image {
	t.Helper()
	i := image{registry: registry, repository: repository(t)}
	idx, err := random.Index(256, 1, 3)
	check(t, err)
	check(t, remote.WriteIndex(i.tag(t, "v1"), idx))
	i.digest, err = idx.Digest()
	check(t, err)
	m, err := idx.IndexManifest()
	check(t, err)
	for _, d := range m.Manifests {
		i.children = append(i.children, d.Digest)
	}
	return i
}

func (i image) tag(t testing.TB, tag string) name.Tag {
	t.Helper()
	ref, err := name.NewTag(i.registry+"/"+i.repository+":"+tag, name.Insecure)
	check(t, err)
	return ref
}

// tags are those of i's repository.
func (i image) tags(t testing.TB) []string {
	t.Helper()
	repo, err := name.NewRepository(i.registry+"/"+i.repository, name.Insecure)
	check(t, err)
	tags, err := remote.List(repo)
	check(t, err)
	return tags
}

// repository is a name that only this test uses.
func repository(t testing.TB) string {
	var b strings.Builder
	for _, r := range strings.ToLower(t.Name()) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	s := b.String()
	return "acme/" + s[max(0, len(s)-60):]
}

// registries are both kinds.
func registries() map[string]string {
	return map[string]string{"with referrers": services.Registry, "without referrers": services.RegistryWithout}
}
