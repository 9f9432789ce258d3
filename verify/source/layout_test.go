package source_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify/source"
)

// layoutOfOne is a layout with one file and one bundle about it.
func layoutOfOne(t *testing.T) (dir string, file criteria.Digest, bundle []byte) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(t.TempDir(), "one")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := publish.NewLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	file = criteria.DigestOf([]byte("one"))
	if err := l.AddFile(context.Background(), criteria.Subject{Name: "one", Digest: file}, path); err != nil {
		t.Fatal(err)
	}
	bundle = []byte(`{"dsseEnvelope":{"payload":"eyJwcmVkaWNhdGVUeXBlIjoieCJ9"}}`)
	if _, err := l.Publish(context.Background(), file, attest.Bundle(bundle)); err != nil {
		t.Fatal(err)
	}
	return dir, file, bundle
}

func TestLayoutDamaged(t *testing.T) {
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, dir, blobs string, bundle []byte)
	}{
		{"no_layout", func(t *testing.T, dir, _ string, _ []byte) { os.Remove(filepath.Join(dir, "oci-layout")) }},
		{"other_version", func(t *testing.T, dir, _ string, _ []byte) {
			write(t, filepath.Join(dir, "oci-layout"), `{"imageLayoutVersion":"2.0.0"}`)
		}},
		{"no_index", func(t *testing.T, dir, _ string, _ []byte) { os.Remove(filepath.Join(dir, "index.json")) }},
		{"index_is_a_folder", func(t *testing.T, dir, _ string, _ []byte) {
			os.Remove(filepath.Join(dir, "index.json"))
			if err := os.Mkdir(filepath.Join(dir, "index.json"), 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{"half_an_index", func(t *testing.T, dir, _ string, _ []byte) {
			write(t, filepath.Join(dir, "index.json"), `{"schemaVersion":2,`)
		}},
		{"index_of_a_path", func(t *testing.T, dir, _ string, _ []byte) {
			write(t, filepath.Join(dir, "index.json"), `{"schemaVersion":2,"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}`)
		}},
		{"bundle_missing", func(t *testing.T, _, blobs string, bundle []byte) {
			os.Remove(filepath.Join(blobs, criteria.DigestOf(bundle).Hex()))
		}},
		{"bundle_altered", func(t *testing.T, _, blobs string, bundle []byte) {
			write(t, filepath.Join(blobs, criteria.DigestOf(bundle).Hex()), strings.ToUpper(string(bundle)))
		}},
		{"bundle_is_a_link", func(t *testing.T, dir, blobs string, bundle []byte) {
			path := filepath.Join(blobs, criteria.DigestOf(bundle).Hex())
			os.Remove(path)
			if err := os.Symlink(filepath.Join(dir, "oci-layout"), path); err != nil {
				t.Skip(err)
			}
		}},
		{"a_manifest_altered", func(t *testing.T, _, blobs string, bundle []byte) {
			entries, err := os.ReadDir(blobs)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				path := filepath.Join(blobs, e.Name())
				if data, _ := os.ReadFile(path); strings.Contains(string(data), `"subject"`) {
					write(t, path, strings.Replace(string(data), `"subject"`, `"subjecT"`, 1))
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, file, bundle := layoutOfOne(t)
			tt.damage(t, dir, filepath.Join(dir, "blobs", "sha256"), bundle)
			got, err := source.Layout(dir).Bundles(context.Background(), file)
			if err == nil {
				t.Errorf("Bundles = %d bundles and no error, want that it could not look", len(got))
			}
		})
	}
}

// What is added after the first look is found at the next.
func TestLayoutIsReadAnew(t *testing.T) {
	dir, file, bundle := layoutOfOne(t)
	src := source.Layout(dir)
	for want := 1; want <= 2; want++ {
		got, err := src.Bundles(context.Background(), file)
		if err != nil || len(got) != want || string(got[0]) != string(bundle) {
			t.Errorf("Bundles = %q, %v, want %d", got, err, want)
		}
		l, err := publish.NewLayout(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Publish(context.Background(), file, attest.Bundle(`{"dsseEnvelope":{"payload":"eyJwcmVkaWNhdGVUeXBlIjoieSJ9"}}`)); err != nil {
			t.Fatal(err)
		}
	}
}
