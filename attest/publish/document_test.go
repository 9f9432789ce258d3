package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

const bill = `{"bomFormat":"CycloneDX","components":[]}`

func document(mediaType, content string) attest.Document {
	return attest.Document{Name: "evidence/linux.json", MediaType: mediaType, Digest: criteria.DigestOf([]byte(content))}
}

const cyclonedx, spdx = "application/vnd.cyclonedx+json", "application/spdx+json"

func addDocument(t testing.TB, p attest.DocumentPublisher, s criteria.Digest, d attest.Document, content string) string {
	t.Helper()
	location, err := p.AddDocument(context.Background(), s, d, []byte(content))
	if err != nil {
		t.Fatalf("AddDocument(%s) = %v", d.Name, err)
	}
	return location
}

// readBack returns the documents that a source hands over.
func readBack(t testing.TB, s verify.Source, d criteria.Digest) []string {
	t.Helper()
	var out []string
	err := s.(verify.DocumentSource).Document(context.Background(), d, func(r io.Reader) error {
		data, err := io.ReadAll(r)
		out = append(out, string(data))
		return err
	})
	if err != nil && !errors.Is(err, verify.ErrNoDocument) {
		t.Fatalf("Document(%s) = %v", d, err)
	}
	return out
}

func TestDirectoryDocument(t *testing.T) {
	dir := t.TempDir()
	a, b := subject("greet_linux"), subject("greet_darwin")
	d := newNamed(t, dir, a, b)
	v := verdict(t, "2026-11-22T12:00:00Z", "PASSED", a, b)
	file := "sha256-" + criteria.DigestOf([]byte(bill)).Hex() + ".cdx.json"
	for range 2 {
		publishOne(t, d, a.Digest, v)
		if got := addDocument(t, d, a.Digest, document(cyclonedx, bill), bill); got != filepath.Join(dir, file) {
			t.Errorf("AddDocument = %s, want %s", got, file)
		}
		addDocument(t, d, b.Digest, document(cyclonedx, bill), bill)
	}
	want := map[string]string{lines(a): string(v) + "\n", "greet_linux.sigstore.json": string(v) + "\n", file: bill}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
	src := source.Files(dir)
	if diff := cmp.Diff([]string{bill}, readBack(t, src, criteria.DigestOf([]byte(bill)))); diff != "" {
		t.Errorf("Document (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{string(v)}, found(t, src, a.Digest)); diff != "" {
		t.Errorf("Bundles beside a document (-want +got):\n%s", diff)
	}
	// What was altered, or cut off, under that name is put right by the next run.
	for _, other := range []string{"", bill[:5], bill + "x", strings.ToUpper(bill)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		d = newNamed(t, dir, a, b)
		addDocument(t, d, a.Digest, document(cyclonedx, bill), bill)
		if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", other, diff)
		}
	}
	if err := os.Remove(filepath.Join(dir, file)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, file), 0o700); err != nil {
		t.Fatal(err)
	}
	d = newNamed(t, dir, a, b)
	if _, err := d.AddDocument(context.Background(), a.Digest, document(cyclonedx, bill), []byte(bill)); err == nil {
		t.Error("AddDocument over a folder = nil")
	}
	// An artifact is not overwritten by a document of its name.
	d = newNamed(t, t.TempDir(), criteria.Subject{Name: file, Digest: a.Digest})
	if _, err := d.AddDocument(context.Background(), a.Digest, document(cyclonedx, bill), []byte(bill)); err == nil || !strings.Contains(err.Error(), "has the name of document") {
		t.Errorf("AddDocument under an artifact's name = %v", err)
	}
}

// As others read it: the bill is a referrer of the artifact, of its own media
// type, and go-containerregistry accepts the layout.
func TestLayoutDocument(t *testing.T) {
	dir := t.TempDir()
	l := newLayout(t, dir)
	a, path := artifact(t, "greet", "1")
	if _, err := l.AddDocument(context.Background(), a.Digest, document(cyclonedx, bill), []byte(bill)); err == nil {
		t.Error("AddDocument about a file that is not there = nil")
	}
	var first map[string]string
	for i := range 3 {
		if i == 2 {
			l = newLayout(t, dir) // another run
		}
		err := l.Together(func() error {
			if err := l.AddFile(context.Background(), a, path); err != nil {
				return err
			}
			addDocument(t, l, a.Digest, document(cyclonedx, bill), bill)
			addDocument(t, l, a.Digest, document(spdx, "{}"), "{}")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		publishOne(t, l, a.Digest, bundle(t, "x", a.Digest))
		if i == 0 {
			first = tree(t, dir)
		} else if diff := cmp.Diff(first, tree(t, dir)); diff != "" {
			t.Errorf("publishing again: (-first +again)\n%s", diff)
		}
	}
	src := source.Layout(dir)
	if diff := cmp.Diff([]string{bill}, readBack(t, src, criteria.DigestOf([]byte(bill)))); diff != "" {
		t.Errorf("Document (-want +got):\n%s", diff)
	}
	if got := found(t, src, a.Digest); len(got) != 1 {
		t.Errorf("found %d bundles beside documents, want 1", len(got))
	}
	at, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := at.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, d := range m.Manifests {
		if d.ArtifactType != cyclonedx && d.ArtifactType != spdx {
			continue
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		got[d.ArtifactType] = string(m.Layers[0].MediaType) + " " + m.Layers[0].Digest.Hex + " " + m.Layers[0].Annotations["org.opencontainers.image.title"]
		if m.Subject == nil || m.ArtifactType != d.ArtifactType {
			t.Errorf("referrer %s = %+v, want a subject", d.Digest, m)
		}
	}
	want := map[string]string{
		cyclonedx: cyclonedx + " " + criteria.DigestOf([]byte(bill)).Hex() + " linux.json",
		spdx:      spdx + " " + criteria.DigestOf([]byte("{}")).Hex() + " linux.json",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("referrers (-want +got):\n%s", diff)
	}
	if err := validate.Index(index, validate.Fast); err != nil {
		t.Errorf("validate.Index() = %v", err)
	}
}

// As others read it, whether the registry lists referrers itself or not.
func TestRegistryDocument(t *testing.T) {
	for _, lists := range []bool{true, false} {
		s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(lists)))
		defer s.Close()
		repository := strings.TrimPrefix(s.URL, "http://") + "/greet"
		access := oci.Access{AllowHTTP: true}
		p, err := publish.NewRegistry(repository, access)
		if err != nil {
			t.Fatal(err)
		}
		a, path := artifact(t, "greet", "1")
		if err := p.AddFile(context.Background(), a, path); err != nil {
			t.Fatal(err)
		}
		publishOne(t, p, a.Digest, bundle(t, "x", a.Digest))
		location := addDocument(t, p, a.Digest, document(cyclonedx, bill), bill)
		if again := addDocument(t, p, a.Digest, document(cyclonedx, bill), bill); again != location {
			t.Errorf("AddDocument again = %s, want %s", again, location)
		}
		src, err := source.Registry(repository, access)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{bill}, readBack(t, src, criteria.DigestOf([]byte(bill)))); diff != "" {
			t.Errorf("lists referrers: %v: Document (-want +got):\n%s", lists, diff)
		}
		if got := readBack(t, src, criteria.DigestOf([]byte("another"))); got != nil {
			t.Errorf("Document that is not there = %q", got)
		}
		if got := found(t, src, a.Digest); len(got) != 1 {
			t.Errorf("found %d bundles beside a document, want 1", len(got))
		}

		ref, err := name.NewDigest(location, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		img, err := remote.Image(ref)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := img.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		var m v1.Manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		if m.Subject == nil || m.ArtifactType != cyclonedx {
			t.Fatalf("the document's manifest is %s, want a referrer of type %s", raw, cyclonedx)
		}
		index, err := remote.Referrers(ref.Context().Digest(m.Subject.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		referrers, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		listed := 0
		for _, d := range referrers.Manifests {
			if d.Digest.String() == ref.DigestStr() {
				listed++
			}
		}
		if listed != 1 || len(referrers.Manifests) != 2 {
			t.Errorf("lists referrers: %v: the document is listed %d times among %d referrers", lists, listed, len(referrers.Manifests))
		}
	}
}

// Bytes other than those that were signed are published nowhere, nor what
// readers would take for something else.
func TestDocumentRefused(t *testing.T) {
	a, path := artifact(t, "greet", "1")
	dir, layoutDir := t.TempDir(), t.TempDir()
	l := newLayout(t, layoutDir)
	if err := l.AddFile(context.Background(), a, path); err != nil {
		t.Fatal(err)
	}
	before := tree(t, layoutDir)
	for name, tt := range map[string]struct {
		subject criteria.Digest
		d       attest.Document
		content string
		want    string
	}{
		"other_bytes":       {a.Digest, document(cyclonedx, bill), bill + " ", "holds other bytes"},
		"no_bytes":          {a.Digest, document(cyclonedx, bill), "", "holds other bytes"},
		"no_digest":         {a.Digest, attest.Document{Name: "b", MediaType: cyclonedx}, bill, "holds other bytes"},
		"no_subject":        {criteria.Digest{}, document(cyclonedx, bill), bill, "no subject"},
		"no_media_type":     {a.Digest, document("", bill), bill, "is no media type"},
		"media_type_of_two": {a.Digest, document("text/spdx; charset=utf-8", bill), bill, "is no media type"},
		"media_type_header": {a.Digest, document("text/spdx\r\nX: y", bill), bill, "is no media type"},
		"as_a_bundle":       {a.Digest, document(oci.BundleType, bill), bill, "is another kind of thing"},
		"as_a_file":         {a.Digest, document(oci.FileType, bill), bill, "is another kind of thing"},
	} {
		for _, p := range []attest.DocumentPublisher{newNamed(t, dir, a), l} {
			if _, err := p.AddDocument(context.Background(), tt.subject, tt.d, []byte(tt.content)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %T.AddDocument = %v, want %q", name, p, err, tt.want)
			}
		}
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("something was written: %v", got)
	}
	if diff := cmp.Diff(before, tree(t, layoutDir)); diff != "" {
		t.Errorf("something was stored:\n%s", diff)
	}
}

// A large bill about many artifacts is written, and looked at, once.
func TestLargeDocumentOfManyArtifacts(t *testing.T) {
	large := strings.Repeat("x", 32<<20)
	doc := document(cyclonedx, large)
	dir, layoutDir := t.TempDir(), t.TempDir()
	d, l := newNamed(t, dir), newLayout(t, layoutDir)
	const n = 100
	var artifacts []criteria.Subject
	err := l.Together(func() error {
		for i := range n {
			a, path := artifact(t, fmt.Sprint("greet", i), fmt.Sprint(i))
			artifacts = append(artifacts, a)
			if err := l.AddFile(context.Background(), a, path); err != nil {
				return err
			}
		}
		start := time.Now()
		for _, a := range artifacts {
			addDocument(t, l, a.Digest, doc, large)
			addDocument(t, d, a.Digest, doc, large)
		}
		t.Logf("%d times a document of %d bytes in %v", 2*n, len(large), time.Since(start))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := readBack(t, source.Layout(layoutDir), doc.Digest); len(got) != 1 || got[0] != large {
		t.Errorf("the layout holds %d documents", len(got))
	}
	if got := readBack(t, source.Files(dir), doc.Digest); len(got) != 1 || got[0] != large {
		t.Errorf("the directory holds %d documents", len(got))
	}
	// Somebody who says again that it is that document is not asked again, and
	// gets what was stored.
	if _, err := d.AddDocument(context.Background(), artifacts[0].Digest, doc, []byte("other")); err != nil {
		t.Errorf("AddDocument again = %v", err)
	}
	if got := readBack(t, source.Files(dir), doc.Digest); len(got) != 1 || got[0] != large {
		t.Errorf("the directory holds %d documents, or another", len(got))
	}
}
