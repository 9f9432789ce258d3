package publish_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// bundle returns a bundle about subjects. Nobody signed it: publishing does not
// look.
func bundle(t testing.TB, word string, subjects ...criteria.Digest) attest.Bundle {
	t.Helper()
	type subject struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}
	var about []subject
	for _, s := range subjects {
		about = append(about, subject{"x", map[string]string{s.Algorithm(): s.Hex()}})
	}
	statement, err := json.Marshal(map[string]any{
		"_type": attest.StatementType, "predicateType": "https://example.test/" + word, "subject": about, "predicate": map[string]any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"publicKey": map[string]string{"hint": "x"}},
		"dsseEnvelope": map[string]any{
			"payload": base64.StdEncoding.EncodeToString(statement), "payloadType": attest.PayloadType,
			"signatures": []map[string]string{{"sig": "AA=="}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// artifact writes a file and returns what names it.
func artifact(t testing.TB, name, content string) (criteria.Subject, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return criteria.Subject{Name: name, Digest: criteria.DigestOf([]byte(content))}, path
}

// tree is every file below dir with its content.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range out {
		if strings.Contains(name, ".tmp") {
			t.Errorf("%s was left behind", name)
		}
	}
	return out
}

func publishOne(t testing.TB, p attest.Publisher, d criteria.Digest, b attest.Bundle) string {
	t.Helper()
	location, err := p.Publish(context.Background(), d, b)
	if err != nil {
		t.Fatalf("Publish(%s) = %v", d, err)
	}
	return location
}

func found(t testing.TB, s verify.Source, d criteria.Digest) []string {
	t.Helper()
	bundles, err := s.Bundles(context.Background(), d)
	if err != nil {
		t.Fatalf("Bundles(%s) = %v", d, err)
	}
	var out []string
	for _, b := range bundles {
		out = append(out, strings.TrimSpace(string(b)))
	}
	return out
}

func newDirectory(t testing.TB, dir string) *publish.Directory {
	t.Helper()
	d, err := publish.NewDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newLayout(t testing.TB, dir string) *publish.Layout {
	t.Helper()
	l, err := publish.NewLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func runtimeCanWriteAnywhere() bool { return os.Geteuid() <= 0 }

// TestTogether: what is published together is seen at its end, all of it, and
// is the same as what is published one by one; where it fails, nothing is seen.
func TestTogether(t *testing.T) {
	ctx := context.Background()
	one, onePath := artifact(t, "one", "1")
	two, twoPath := artifact(t, "two", "2")
	both := bundle(t, "both", one.Digest, two.Digest)
	fill := func(l *publish.Layout) error {
		for _, a := range []struct {
			subject criteria.Subject
			path    string
		}{{one, onePath}, {two, twoPath}} {
			if err := l.AddFile(ctx, a.subject, a.path); err != nil {
				return err
			}
			if _, err := l.Publish(ctx, a.subject.Digest, both); err != nil {
				return err
			}
		}
		return nil
	}
	single, together, failed := t.TempDir(), t.TempDir(), t.TempDir()
	if err := fill(newLayout(t, single)); err != nil {
		t.Fatal(err)
	}

	l, src := newLayout(t, together), source.Layout(together)
	err := l.Together(func() error {
		if err := fill(l); err != nil {
			return err
		}
		if got := found(t, src, one.Digest); len(got) != 0 {
			t.Errorf("before the end, Bundles = %v, want none", got)
		}
		if err := l.Together(func() error { return nil }); err == nil {
			t.Error("Together inside Together = nil, want an error")
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Together = %v", err)
	}
	if diff := cmp.Diff(tree(t, single), tree(t, together)); diff != "" {
		t.Errorf("published together (-one by one +together):\n%s", diff)
	}
	if diff := cmp.Diff([]string{string(both)}, found(t, src, two.Digest)); diff != "" {
		t.Errorf("Bundles: (-want +got)\n%s", diff)
	}

	stop := errors.New("stop")
	l, src = newLayout(t, failed), source.Layout(failed)
	err = l.Together(func() error {
		if err := fill(l); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("Together = %v, want %v", err, stop)
	}
	if got := found(t, src, one.Digest); len(got) != 0 {
		t.Errorf("after a failure, Bundles = %v, want none", got)
	}
	if _, err := l.Publish(ctx, one.Digest, both); err == nil {
		t.Error("Publish about a file that was never listed = nil, want an error")
	}
	if err := fill(l); err != nil {
		t.Fatalf("publishing after a failure: %v", err)
	}
	if diff := cmp.Diff(tree(t, single), tree(t, failed)); diff != "" {
		t.Errorf("published after a failure (-one by one +after):\n%s", diff)
	}
}

func TestLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	l := newLayout(t, dir)
	one, onePath := artifact(t, "one", strings.Repeat("1", 1<<20))
	two, twoPath := artifact(t, "two", "2")
	both, other := bundle(t, "both", one.Digest, two.Digest), bundle(t, "one", one.Digest)
	var first map[string]string
	for i := range 3 {
		if i == 2 {
			l = newLayout(t, dir) // another run
		}
		for s, path := range map[criteria.Subject]string{one: onePath, two: twoPath} {
			if i == 2 {
				break // and one that does not bring the files
			}
			if err := l.AddFile(context.Background(), s, path); err != nil {
				t.Fatal(err)
			}
		}
		publishOne(t, l, one.Digest, both)
		publishOne(t, l, two.Digest, both)
		publishOne(t, l, one.Digest, other)
		if i == 0 {
			first = tree(t, dir)
		} else if diff := cmp.Diff(first, tree(t, dir)); diff != "" {
			t.Errorf("publishing again: (-first +again)\n%s", diff)
		}
	}
	// mark, index, {}, two files with two manifests, two bundles, three referrers.
	if len(first) != 12 {
		t.Errorf("the layout has %d files, want 12: one bundle is stored once", len(first))
	}
	src := source.Layout(dir)
	if diff := cmp.Diff([]string{string(both), string(other)}, found(t, src, one.Digest)); diff != "" {
		t.Errorf("Bundles: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{string(both)}, found(t, src, two.Digest)); diff != "" {
		t.Errorf("Bundles: (-want +got)\n%s", diff)
	}
	if got := found(t, src, criteria.DigestOf([]byte("3"))); got != nil {
		t.Errorf("Bundles of something else = %v, want none", got)
	}

	// As others read it: go-containerregistry finds the referrers of the
	// artifact's manifest, with the annotations that cosign writes.
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	referrers := 0
	for _, d := range m.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Errorf("Image(%s) = %v", d.Digest, err)
			continue
		}
		manifest, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if d.ArtifactType != "application/vnd.dev.sigstore.bundle.v0.3+json" {
			if manifest.Layers[0].Annotations["org.opencontainers.image.title"] == "" {
				t.Errorf("artifact %s has no title", d.Digest)
			}
			continue
		}
		referrers++
		if manifest.Subject == nil || manifest.Annotations["dev.sigstore.bundle.content"] != "dsse-envelope" ||
			!strings.HasPrefix(manifest.Annotations["dev.sigstore.bundle.predicateType"], "https://example.test/") {
			t.Errorf("referrer %s = %+v, want a subject and cosign's annotations", d.Digest, manifest)
		}
		// By the manifest's digest, as an image is named, the same is found.
		byManifest, err := criteria.ParseDigest(manifest.Subject.Digest.String())
		if err != nil || len(found(t, src, byManifest)) == 0 {
			t.Errorf("Bundles(%s) found nothing, %v", manifest.Subject.Digest, err)
		}
	}
	if referrers != 3 {
		t.Errorf("found %d referrers, want 3", referrers)
	}
	if err := validate.Index(index, validate.Fast); err != nil {
		t.Errorf("validate.Index() = %v", err)
	}
}

func TestLayoutRefuses(t *testing.T) {
	ctx := context.Background()
	one, onePath := artifact(t, "one", "1")
	t.Run("foreign_folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := publish.NewLayout(dir); err == nil {
			t.Error("NewLayout accepted a folder of something else")
		}
		if diff := cmp.Diff(map[string]string{"notes.txt": "mine"}, tree(t, dir)); diff != "" {
			t.Errorf("the folder changed:\n%s", diff)
		}
	})
	t.Run("changed_file", func(t *testing.T) {
		dir := t.TempDir()
		l := newLayout(t, dir)
		before := tree(t, dir)
		other := criteria.Subject{Name: "one", Digest: criteria.DigestOf([]byte("another"))}
		if err := l.AddFile(ctx, other, onePath); err == nil || !strings.Contains(err.Error(), "changed") {
			t.Errorf("AddFile of other bytes = %v, want that it changed", err)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("something was stored:\n%s", diff)
		}
	})
	t.Run("no_such_subject", func(t *testing.T) {
		if _, err := newLayout(t, t.TempDir()).Publish(ctx, one.Digest, bundle(t, "x", one.Digest)); err == nil {
			t.Error("Publish about a file that is not there accepted")
		}
	})
	t.Run("commit", func(t *testing.T) {
		d, err := criteria.ParseDigest("gitCommit:" + strings.Repeat("a", 40))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newLayout(t, t.TempDir()).Publish(ctx, d, bundle(t, "x", d)); err == nil {
			t.Error("Publish about a commit accepted")
		}
	})
	t.Run("not_a_bundle", func(t *testing.T) {
		dir := t.TempDir()
		l := newLayout(t, dir)
		if err := l.AddFile(ctx, one, onePath); err != nil {
			t.Fatal(err)
		}
		before := tree(t, dir)
		for _, b := range []string{"", "{}", "[]", `{"dsseEnvelope":{"payload":"%"}}`, `{"dsseEnvelope":{"payload":"e30="}}`} {
			if _, err := l.Publish(ctx, one.Digest, attest.Bundle(b)); err == nil {
				t.Errorf("Publish(%q) accepted", b)
			}
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("something was stored:\n%s", diff)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		dir := t.TempDir()
		if err := newLayout(t, dir).AddFile(ctx, one, onePath); err == nil {
			t.Error("AddFile after cancelling = nil")
		}
		tree(t, dir)
	})
	t.Run("no_room_for_blobs", func(t *testing.T) {
		dir := t.TempDir()
		l := newLayout(t, dir)
		if err := os.RemoveAll(filepath.Join(dir, "blobs")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "blobs"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := l.AddFile(ctx, one, onePath); err == nil {
			t.Error("AddFile without a folder for blobs = nil")
		}
		tree(t, dir)
	})
}

// An interrupted start is completed, a blob that another program left half
// written is replaced, and a link in a blob's place is not written through.
func TestLayoutMends(t *testing.T) {
	dir := t.TempDir()
	one, onePath := artifact(t, "one", "1")
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLayout(t, dir)
	b := bundle(t, "x", one.Digest)
	blob := filepath.Join(dir, "blobs", "sha256", criteria.DigestOf(b).Hex())
	if err := os.WriteFile(blob, []byte(strings.Repeat(" ", len(b))), 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "blobs", "sha256", one.Digest.Hex())); err != nil {
		t.Skip(err)
	}
	if err := l.AddFile(context.Background(), one, onePath); err != nil {
		t.Fatal(err)
	}
	publishOne(t, l, one.Digest, b)
	if diff := cmp.Diff([]string{string(b)}, found(t, source.Layout(dir), one.Digest)); diff != "" {
		t.Errorf("Bundles: (-want +got)\n%s", diff)
	}
	if data, err := os.ReadFile(elsewhere); err != nil || string(data) != "kept" {
		t.Errorf("a file elsewhere was written through a link: %q, %v", data, err)
	}
}

// Several publishers at once, as in several processes, lose nothing.
func TestLayoutConcurrently(t *testing.T) {
	dir := t.TempDir()
	one, onePath := artifact(t, "one", "1")
	const publishers, each = 4, 8
	var wg sync.WaitGroup
	for i := range publishers {
		l := newLayout(t, dir)
		wg.Go(func() {
			if err := l.AddFile(context.Background(), one, onePath); err != nil {
				t.Error(err)
			}
			for j := range each {
				if _, err := l.Publish(context.Background(), one.Digest, bundle(t, fmt.Sprint(i, "-", j), one.Digest)); err != nil {
					t.Error(err)
				}
				// A reader meets a whole layout at any time.
				if _, err := source.Layout(dir).Bundles(context.Background(), one.Digest); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(found(t, source.Layout(dir), one.Digest)); got != publishers*each {
		t.Errorf("found %d bundles, want %d", got, publishers*each)
	}
	tree(t, dir)
}

// One verdict about a release of many artifacts.
func TestLayoutOfManyArtifacts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n = 100
	dir := t.TempDir()
	l := newLayout(t, dir)
	var digests []criteria.Digest
	start := time.Now()
	for i := range n {
		s, path := artifact(t, fmt.Sprint("artifact", i), fmt.Sprint(i))
		if err := l.AddFile(context.Background(), s, path); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, s.Digest)
	}
	b := bundle(t, "verdict", digests...)
	for _, d := range digests {
		publishOne(t, l, d, b)
	}
	t.Logf("published one bundle about %d artifacts in %v", n, time.Since(start))
	start = time.Now()
	src := source.Layout(dir)
	for _, d := range digests {
		if got := found(t, src, d); len(got) != 1 {
			t.Fatalf("Bundles(%s) = %d bundles, want 1", d, len(got))
		}
	}
	t.Logf("read %d times in %v", n, time.Since(start))
}
