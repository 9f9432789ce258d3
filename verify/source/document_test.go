package source_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

const bill = `{"bomFormat":"CycloneDX"}`

var billDigest = criteria.DigestOf([]byte(bill))

// documents returns what a source hands over for digest.
func documents(t testing.TB, s verify.Source, digest criteria.Digest) ([]string, error) {
	t.Helper()
	src, ok := s.(verify.DocumentSource)
	if !ok {
		t.Fatalf("%T does not look for documents", s)
	}
	var out []string
	err := src.Document(context.Background(), digest, func(r io.Reader) error {
		data, err := io.ReadAll(r)
		out = append(out, string(data))
		return err
	})
	return out, err
}

func TestFilesDocument(t *testing.T) {
	cdx, xml, other := beside.Document(billDigest, "application/vnd.cyclonedx+json"), beside.Document(billDigest, "application/vnd.cyclonedx+xml"), beside.Document(billDigest, "")
	dir := write(t, map[string]string{
		"a/" + cdx: bill, "b/" + cdx: "altered", "b/" + xml: bill, "c/" + other: bill, "empty/readme": "", "d/below/" + cdx: bill,
		"e/" + cdx + "/file": "a folder in its place", "f/" + beside.Lines(billDigest): "{}", "g/sha256-" + billDigest.Hex() + ".json": bill,
	})
	in := func(names ...string) []string {
		var out []string
		for _, n := range names {
			out = append(out, filepath.Join(dir, n))
		}
		return out
	}
	long, err := criteria.ParseDigest("sha512:" + strings.Repeat("a", 128))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		paths  []string
		digest criteria.Digest
		want   []string
		err    string // "absent", or what it says
	}{
		{"in_a_folder", in("a"), billDigest, []string{bill}, ""},
		{"in_two_folders", in("empty", "a", "b"), billDigest, []string{bill, "altered", bill}, ""},
		{"of_another_kind", in("c"), billDigest, []string{bill}, ""},
		{"absent", in("empty"), billDigest, nil, "absent"},
		{"another", in("a"), one, nil, "absent"},
		{"below", in("d"), billDigest, nil, "absent"},
		{"bundles_of_that_name", in("f", "g"), billDigest, nil, "absent"},
		{"named_itself", in("a/" + cdx), billDigest, []string{bill}, ""},
		{"beside_a_file_that_is_named", in("empty/readme"), billDigest, nil, "no folder was named"},
		{"another_file_is_named", in("a/" + cdx), one, nil, "no folder was named"},
		{"no_folder_there", in("empty", "none"), billDigest, nil, "none"},
		{"no_folder_there_but_found", in("a", "none"), billDigest, []string{bill}, "none"},
		{"a_folder_in_its_place", in("e"), billDigest, nil, "is no regular file"},
		{"another_algorithm", in("a"), long, nil, "named by sha256"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sources := map[string]verify.Source{"Files": source.Files(tt.paths...), "Once": source.Once(tt.paths...)}
			if loaded, err := source.Load(context.Background(), tt.paths...); err == nil {
				sources["Load"] = loaded
			}
			for name, s := range sources {
				got, err := documents(t, s, tt.digest)
				if !slices.Equal(got, tt.want) {
					t.Errorf("%s hands over %q, want %q", name, got, tt.want)
				}
				switch {
				case tt.err == "" && err != nil, tt.err == "absent" && !errors.Is(err, verify.ErrNoDocument):
					t.Errorf("%s = %v, want %q", name, err, tt.err)
				case tt.err != "" && tt.err != "absent" && (err == nil || errors.Is(err, verify.ErrNoDocument) || !strings.Contains(err.Error(), tt.err)):
					t.Errorf("%s = %v, want that it could not look: %s", name, err, tt.err)
				}
			}
		})
	}
}

// A document is no bundle, however large it is and whatever it holds.
func TestDocumentsAreNoBundles(t *testing.T) {
	dir := write(t, map[string]string{
		beside.Document(billDigest, "application/vnd.cyclonedx+json"): bundleAbout(one),
		beside.Document(billDigest, "application/spdx+json"):          strings.Repeat("x", 1<<20),
		"a.sigstore.json": bundleAbout(one, two),
	})
	for _, paths := range [][]string{{dir}, {filepath.Join(dir, "a.sigstore.json"), filepath.Join(dir, beside.Document(billDigest, "application/spdx+json"))}} {
		got, err := source.Files(paths...).Bundles(context.Background(), one)
		if err != nil || !slices.Equal(texts(got), []string{bundleAbout(one, two)}) {
			t.Errorf("Files(%v) = %q, %v, want the bundle", paths, texts(got), err)
		}
	}
}

func TestLayoutDocument(t *testing.T) {
	dir, file, _ := layoutOfOne(t)
	l, err := publish.NewLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	src := source.Layout(dir)
	if got, err := documents(t, src, billDigest); got != nil || !errors.Is(err, verify.ErrNoDocument) {
		t.Errorf("Document = %q, %v, want none", got, err)
	}
	if _, err := l.AddDocument(context.Background(), file, attest.Document{Name: "b", MediaType: "application/vnd.cyclonedx+json", Digest: billDigest}, []byte(bill)); err != nil {
		t.Fatal(err)
	}
	if got, err := documents(t, src, billDigest); err != nil || !slices.Equal(got, []string{bill}) {
		t.Errorf("Document = %q, %v, want the bill", got, err)
	}
	blob := filepath.Join(dir, "blobs", "sha256", billDigest.Hex())
	if err := os.WriteFile(blob, []byte("altered"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := documents(t, src, billDigest); err != nil || !slices.Equal(got, []string{"altered"}) {
		t.Errorf("Document = %q, %v, want what lies there, for the verifier to see", got, err)
	}
	// Damage to a document hides no bundle.
	if got, err := src.Bundles(context.Background(), file); err != nil || len(got) != 1 {
		t.Errorf("Bundles = %d bundles, %v, want one", len(got), err)
	}
	for name, replace := range map[string]func() error{
		"folder": func() error { return os.Mkdir(blob, 0o700) },
		"link":   func() error { return os.Symlink(filepath.Join(dir, "index.json"), blob) },
	} {
		if err := os.Remove(blob); err != nil {
			t.Fatal(err)
		}
		if err := replace(); err != nil {
			t.Skip(err)
		}
		if got, err := documents(t, src, billDigest); got != nil || err == nil || errors.Is(err, verify.ErrNoDocument) {
			t.Errorf("with a %s in its place, Document = %q, %v, want that it could not look", name, got, err)
		}
	}
	long, err := criteria.ParseDigest("sha384:" + strings.Repeat("a", 96))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := documents(t, src, long); got != nil || err == nil || errors.Is(err, verify.ErrNoDocument) {
		t.Errorf("Document(%s) = %q, %v, want that it could not look", long, got, err)
	}
	if got, err := documents(t, source.Layout(t.TempDir()), billDigest); got != nil || err == nil || errors.Is(err, verify.ErrNoDocument) {
		t.Errorf("Document of no layout = %q, %v, want that it could not look", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := src.(verify.DocumentSource).Document(ctx, billDigest, func(io.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Document after cancelling = %v", err)
	}
}

// A registry that lies is seen through, and one that breaks off is no registry
// without the document.
func TestRegistryDocumentLies(t *testing.T) {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var between func(http.ResponseWriter, *http.Request) bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if between == nil || !strings.HasSuffix(r.URL.Path, "/blobs/"+billDigest.String()) || !between(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	defer s.Close()
	name := strings.TrimPrefix(s.URL, "http://") + "/greet"
	access := oci.Access{AllowHTTP: true, Patience: oci.Patience{Attempts: 2, Backoff: time.Millisecond, Answer: 5 * time.Second}}
	p, err := publish.NewRegistry(name, access)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "one")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.AddFile(context.Background(), criteria.Subject{Name: "one", Digest: one}, path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddDocument(context.Background(), one, attest.Document{Name: "b", MediaType: "application/spdx+json", Digest: billDigest}, []byte(bill)); err != nil {
		t.Fatal(err)
	}
	src, err := source.Registry(name, access)
	if err != nil {
		t.Fatal(err)
	}
	broken := 0
	for _, tt := range []struct {
		name    string
		between func(http.ResponseWriter, *http.Request) bool
		want    []string
		fails   bool
	}{
		{"honest", nil, []string{bill}, false},
		{"other_bytes", func(w http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(w, "other"); return true }, []string{"other"}, false},
		{"cut_off_once", func(w http.ResponseWriter, _ *http.Request) bool {
			if broken++; broken > 1 {
				return false
			}
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, bill[:5])
			return true
		}, []string{bill[:5], bill}, false},
		{"cut_off_always", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, bill[:5])
			return true
		}, []string{bill[:5], bill[:5]}, true},
		{"broken", func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}, nil, true},
		{"forbidden", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }, nil, true},
	} {
		between = tt.between
		got, err := documents(t, src, billDigest)
		if !slices.Equal(got, tt.want) || (err != nil) != tt.fails || errors.Is(err, verify.ErrNoDocument) {
			t.Errorf("%s: Document = %q, %v, want %q, fails: %v", tt.name, got, err, tt.want, tt.fails)
		}
	}
	between = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true }
	if got, err := documents(t, src, billDigest); got != nil || !errors.Is(err, verify.ErrNoDocument) {
		t.Errorf("Document that the registry does not have = %q, %v, want none", got, err)
	}
}
