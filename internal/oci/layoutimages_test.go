package oci_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// Of a layout, the images, indexes and files are found that a tag names or that
// refer to nothing, with what an index lists below it.
func TestHeld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	index, err := random.Index(16, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(16, 1)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := random.Index(16, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	path, err := layout.Write(dir, empty)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})); err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(image); err != nil {
		t.Fatal(err)
	}
	held := func(place string) []oci.Held {
		t.Helper()
		p, err := oci.ParsePlace(place)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Held(t.Context())
		if err != nil {
			t.Fatalf("Held of %s: %v", place, err)
		}
		return got
	}
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	got := held("oci:" + dir + ":v1")
	if len(got) != 1 || got[0].Digest != want || got[0].Name != "v1" || got[0].File || len(got[0].Children) != 3 {
		t.Fatalf("Held of the tag = %+v, want the index with three images", got)
	}
	for _, m := range manifest.Manifests {
		if !slices.ContainsFunc(got[0].Children, func(c oci.Child) bool { return c.Digest == m.Digest }) {
			t.Errorf("%s is not among the children", m.Digest)
		}
	}
	if got := held("oci:" + dir); len(got) != 2 {
		t.Errorf("Held of the layout = %+v, want index and image", got)
	}
	for _, place := range []string{"oci:" + dir + ":v2", "oci:" + t.TempDir(), "registry.example/a:1"} {
		p, err := oci.ParsePlace(place)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Held(t.Context()); err == nil {
			t.Errorf("Held of %s = %+v, want an error", place, got)
		}
	}
}
