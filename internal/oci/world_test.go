package oci_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// quick waits for nothing longer than a test should.
var quick = oci.Patience{
	Connect: 5 * time.Second, Answer: 2 * time.Second, Stall: time.Second,
	Backoff: 5 * time.Millisecond, Wait: 2 * time.Second, Settle: 20 * time.Millisecond,
}

// access reaches registries on loopback.
var access = oci.Access{AllowHTTP: true, Patience: quick, UserAgent: "hallmark-test"}

// world is a registry that runs, with something between it and who asks.
type world struct {
	t       testing.TB
	host    string
	handler http.Handler // the registry itself
	// between handles a request, or passes it to the registry.
	mu      sync.Mutex
	between func(w http.ResponseWriter, r *http.Request, registry http.Handler)
	seen    []string // method and path of each request
}

// newWorld starts a registry, which lists referrers itself or does not.
func newWorld(t testing.TB, referrers bool) *world {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers))
	w := &world{t: t, handler: inner}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		between := w.between
		w.seen = append(w.seen, r.Method+" "+r.URL.Path)
		w.mu.Unlock()
		if between != nil {
			between(rw, r, inner)
			return
		}
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	w.host = strings.TrimPrefix(s.URL, "http://")
	return w
}

// set puts f between, from now on.
func (w *world) set(f func(w http.ResponseWriter, r *http.Request, registry http.Handler)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.between = f
}

// requests returns those since the last call, but for probes.
func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, s := range w.seen {
		if s != "GET /v2/" {
			out = append(out, s)
		}
	}
	w.seen = nil
	return out
}

func (w *world) open(t testing.TB) *oci.Repository {
	t.Helper()
	return open(t, w.host+"/team/app", access)
}

func open(t testing.TB, name string, a oci.Access) *oci.Repository {
	t.Helper()
	r, err := oci.OpenRepository(name, a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bundle returns a bundle that nobody signed; word makes it another.
func bundle(word string) []byte {
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.test/%s","subject":[],"predicate":{}}`, word)
	return []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"dsseEnvelope":{"payload":"` +
		base64.StdEncoding.EncodeToString([]byte(statement)) + `","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}`)
}

func hashOf(data []byte) v1.Hash {
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	return h
}

// file writes a file and returns its path and digest.
func file(t testing.TB, content string) (string, v1.Hash) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, hashOf([]byte(content))
}

// putFile stores a file of that content.
func putFile(t testing.TB, r *oci.Repository, name, content string) (v1.Descriptor, v1.Hash) {
	t.Helper()
	path, h := file(t, content)
	d, err := r.PutFile(context.Background(), name, path, h)
	if err != nil {
		t.Fatalf("PutFile(%s) = %v", name, err)
	}
	return d, h
}

// refer stores bundles as referrers of subject and lists them.
func refer(t testing.TB, r *oci.Repository, subject v1.Descriptor, bundles ...[]byte) []v1.Descriptor {
	t.Helper()
	var entries []v1.Descriptor
	for _, b := range bundles {
		d, err := r.PutBundle(context.Background(), b, subject)
		if err != nil {
			t.Fatalf("PutBundle = %v", err)
		}
		entries = append(entries, d)
	}
	for _, err := range r.List(context.Background(), []oci.Listing{{Subject: subject.Digest, Entries: entries}}) {
		if err != nil {
			t.Fatalf("List = %v", err)
		}
	}
	return entries
}

const maxBundle = 1 << 20

// found returns the bundles about a digest.
func found(t testing.TB, r *oci.Repository, h v1.Hash) []string {
	t.Helper()
	bundles, err := r.Bundles(context.Background(), h, maxBundle)
	if err != nil {
		t.Fatalf("Bundles(%s) = %v", h, err)
	}
	var out []string
	for _, b := range bundles {
		out = append(out, string(b))
	}
	return out
}

func mustHash(t testing.TB, s string) v1.Hash {
	t.Helper()
	h, err := v1.NewHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// pool trusts s alone.
func pool(s *httptest.Server) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(s.Certificate())
	return p
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
