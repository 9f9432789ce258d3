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

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

var plain = oci.Access{AllowHTTP: true, Patience: oci.Patience{
	Answer: 2 * time.Second, Stall: time.Second, Attempts: 2, Backoff: time.Millisecond, Settle: time.Millisecond,
}}

// newRegistry starts a registry and returns a repository in it.
func newRegistry(t *testing.T, referrers bool, between func(http.Handler) http.Handler) string {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	if between != nil {
		h = between(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://") + "/team/app"
}

func openRegistry(t *testing.T, name string) verify.Source {
	t.Helper()
	s, err := source.Registry(name, plain)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// vector is one of package verify's.
type vector struct {
	name    string
	expect  []string // "accept", or codes, sorted, each once
	time    time.Time
	trust   []byte
	root    []byte // the trusted root that trust names, if it names one
	bundles []attest.Bundle
}

// content is the artifact that the vectors are about.
const content = "greet 1.2.0, linux"

func vectors(t *testing.T) []vector {
	t.Helper()
	paths, err := filepath.Glob("../testdata/vectors/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var out []vector
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v := vector{name: strings.TrimSuffix(filepath.Base(path), ".txtar")}
		about := ""
		for _, line := range strings.Split(string(a.Comment), "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "expect":
				v.expect = strings.Fields(value)
				slices.Sort(v.expect)
				v.expect = slices.Compact(v.expect)
			case "subject":
				about = value
			case "time":
				if v.time, err = time.Parse(time.RFC3339, value); err != nil {
					t.Fatal(err)
				}
			}
		}
		if about != criteria.DigestOf([]byte(content)).String() {
			continue
		}
		for _, f := range a.Files {
			switch f.Name {
			case "trust.yaml":
				v.trust = f.Data
			case "trusted_root.json":
				v.root = f.Data
			default:
				v.bundles = append(v.bundles, attest.Bundle(f.Data))
			}
		}
		out = append(out, v)
	}
	return out
}

// What verifies from files verifies from registries of both kinds, and what is
// refused is refused for the same reasons.
func TestVectorsInRegistries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "greet")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	subject := criteria.Subject{Name: "greet", Digest: criteria.DigestOf([]byte(content))}
	ran := 0
	for _, v := range vectors(t) {
		for _, referrers := range []bool{true, false} {
			name := newRegistry(t, referrers, nil)
			p, err := publish.NewRegistry(name, plain)
			if err != nil {
				t.Fatal(err)
			}
			var about []publish.About
			for _, b := range v.bundles {
				about = append(about, publish.About{Subject: subject.Digest, Bundle: b})
			}
			_, err = p.PublishAll(context.Background(), []publish.File{{Subject: subject, Path: path}}, about)
			if err != nil {
				// What is no bundle is not published; a file may hold anything.
				if !strings.Contains(err.Error(), ": reading the bundle") {
					t.Errorf("%s: publishing = %v", v.name, err)
				}
				continue
			}
			ran++
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "trusted_root.json"), v.root, 0o600); err != nil {
				t.Fatal(err)
			}
			want, err := verify.ParseTrust(filepath.Join(dir, "trust.yaml"), v.trust)
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := verify.New(openRegistry(t, name), want, verify.WithClock(func() time.Time { return v.time }))
			if err != nil {
				t.Fatal(err)
			}
			_, err = verifier.Verify(context.Background(), subject.Digest)
			var got []string
			var no *verify.RejectionError
			switch {
			case err == nil:
				got = []string{"accept"}
			case errors.As(err, &no):
				for _, r := range no.Reasons {
					got = append(got, string(r.Code))
				}
				slices.Sort(got)
				got = slices.Compact(got)
			default:
				got = []string{"error"}
			}
			if diff := cmp.Diff(v.expect, got); diff != "" {
				t.Errorf("%s, referrers API %t (-want +got):\n%s%v", v.name, referrers, diff, err)
			}
		}
	}
	if ran < 60 {
		t.Errorf("%d vectors ran, expected most of them to", ran)
	}
}

// Where the registry cannot be asked, nothing is known; a digest that registries
// do not use has nothing in one.
func TestRegistryCannotTell(t *testing.T) {
	name := newRegistry(t, true, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	})
	s := openRegistry(t, name)
	if got, err := s.Bundles(context.Background(), one); err == nil || !strings.Contains(err.Error(), "502 Bad Gateway") {
		t.Errorf("Bundles = %v, %v, want that it could not look", got, err)
	}
	other, err := criteria.ParseDigest("sha512:" + strings.Repeat("0", 128))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Bundles(context.Background(), other); err != nil || len(got) != 0 {
		t.Errorf("Bundles(%s) = %v, %v, want none", other, got, err)
	}
	if _, err := source.Registry("https://registry.example/app", plain); err == nil {
		t.Error("Registry with a scheme = nil, want an error")
	}
}

// What is added later is found at the next look, by a source that lives on.
func TestRegistryIsAskedAnew(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		name := newRegistry(t, referrers, nil)
		p, err := publish.NewRegistry(name, plain)
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
		s := openRegistry(t, name)
		for want, word := range []string{"eyJwcmVkaWNhdGVUeXBlIjoieCJ9", "eyJwcmVkaWNhdGVUeXBlIjoieSJ9"} {
			if got, err := s.Bundles(context.Background(), one); err != nil || len(got) != want {
				t.Errorf("referrers API %t: Bundles = %d, %v, want %d", referrers, len(got), err, want)
			}
			if _, err := p.Publish(context.Background(), one, attest.Bundle(`{"dsseEnvelope":{"payload":"`+word+`"}}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A registry may list, under one artifact, a manifest whose subject is another,
// or hand over one for the other: what decides is what is signed, so nobody's
// verdict clears what it is not about.
func TestManifestThatLiesAboutItsSubject(t *testing.T) {
	good := slices.IndexFunc(vectors(t), func(v vector) bool { return v.name == "accept" })
	v := vectors(t)[good]
	judged, other := criteria.DigestOf([]byte(content)), criteria.DigestOf([]byte("something that nobody judged"))
	for _, referrers := range []bool{true, false} {
		// What is asked about the other is answered about target, the manifest that
		// holds the judged one.
		target := ""
		name := newRegistry(t, referrers, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/referrers/sha256:"+other.Hex()) {
					r.URL.Path = strings.ReplaceAll(r.URL.Path, other.Hex(), target)
				}
				if strings.HasSuffix(r.URL.Path, "/manifests/sha256-"+other.Hex()) {
					r.URL.Path = strings.ReplaceAll(r.URL.Path, other.Hex(), target)
				}
				h.ServeHTTP(w, r)
			})
		})
		path := filepath.Join(t.TempDir(), "greet")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := publish.NewRegistry(name, plain)
		if err != nil {
			t.Fatal(err)
		}
		subject := criteria.Subject{Name: "greet", Digest: judged}
		if _, err := p.PublishAll(context.Background(), []publish.File{{Subject: subject, Path: path}}, []publish.About{{Subject: judged, Bundle: v.bundles[0]}}); err != nil {
			t.Fatal(err)
		}
		host, repository, _ := strings.Cut(name, "/")
		resp, err := http.Head("http://" + host + "/v2/" + repository + "/manifests/sha256-" + judged.Hex() + ".file")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		target = strings.TrimPrefix(resp.Header.Get("Docker-Content-Digest"), "sha256:")
		found, err := openRegistry(t, name).Bundles(context.Background(), other)
		if err != nil || len(found) == 0 {
			t.Fatalf("referrers API %t: the registry does not lie: %d bundles, %v", referrers, len(found), err)
		}
		want, err := verify.ParseTrust("trust.yaml", v.trust)
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := verify.New(openRegistry(t, name), want, verify.WithClock(func() time.Time { return v.time }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(context.Background(), judged); err != nil {
			t.Errorf("referrers API %t: the judged artifact: %v", referrers, err)
		}
		_, err = verifier.Verify(context.Background(), other)
		var no *verify.RejectionError
		if !errors.As(err, &no) || !no.Has(verify.WrongSubject) {
			t.Errorf("referrers API %t: Verify = %v, want %s", referrers, err, verify.WrongSubject)
		}
	}
}
