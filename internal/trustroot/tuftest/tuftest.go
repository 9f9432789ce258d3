// Package tuftest is a TUF repository on loopback, for tests: it publishes,
// rotates its keys, and lies if told to.
package tuftest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Repository is a TUF repository that is served at URL.
type Repository struct {
	URL string
	// Root is its first root.json.
	Root []byte

	server *httptest.Server
	key    key
	root   *metadata.Metadata[metadata.RootType]
	number int64

	mu    sync.Mutex
	files map[string][]byte
	asked int
	lie   func(http.ResponseWriter, *http.Request) bool
}

type key struct {
	public *metadata.Key
	signer signature.Signer
}

// New starts a repository that distributes targets, by metadata that expires at
// expires. It ends with the test.
func New(t testing.TB, expires time.Time, targets map[string]string) *Repository {
	t.Helper()
	r := &Repository{files: make(map[string][]byte)}
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.server.Close)
	r.URL = r.server.URL
	r.root = metadata.Root(expires)
	r.key = newKey(t)
	r.hand(t, r.key)
	r.writeRoot(t, r.key)
	r.Root = r.files["1.root.json"]
	r.Publish(t, expires, targets)
	return r
}

func newKey(t testing.TB) key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var k key
	if k.signer, err = signature.LoadSigner(private, crypto.Hash(0)); err != nil {
		t.Fatal(err)
	}
	if k.public, err = metadata.KeyFromPublicKey(private.Public()); err != nil {
		t.Fatal(err)
	}
	return k
}

// hand gives all roles to k.
func (r *Repository) hand(t testing.TB, k key) {
	t.Helper()
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		if err := r.root.Signed.AddKey(k.public, role); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *Repository) writeRoot(t testing.TB, by ...key) {
	t.Helper()
	r.root.ClearSignatures()
	for _, k := range by {
		if _, err := r.root.Sign(k.signer); err != nil {
			t.Fatal(err)
		}
	}
	r.write(t, fmt.Sprintf("%d.root.json", r.root.Signed.Version), r.root.ToBytes)
}

// Rotate gives all roles to a new key, as the old one vouches for, and takes
// them from the old one.
func (r *Repository) Rotate(t testing.TB) {
	t.Helper()
	old := r.key
	r.key = newKey(t)
	id, err := old.public.ID()
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		if err := r.root.Signed.RevokeKey(id, role); err != nil {
			t.Fatal(err)
		}
	}
	r.hand(t, r.key)
	r.root.Signed.Version++
	r.writeRoot(t, old, r.key)
}

// Publish distributes targets, by metadata of the next version that expires at
// expires.
func (r *Repository) Publish(t testing.TB, expires time.Time, targets map[string]string) {
	t.Helper()
	r.number++
	r.publish(t, r.number, expires, targets)
}

// Back publishes as if version were the next one.
func (r *Repository) Back(t testing.TB, version int64, expires time.Time, targets map[string]string) {
	t.Helper()
	r.publish(t, version, expires, targets)
}

func (r *Repository) publish(t testing.TB, version int64, expires time.Time, targets map[string]string) {
	t.Helper()
	list := metadata.Targets(expires)
	for name, content := range targets {
		file, err := metadata.TargetFile().FromBytes(name, []byte(content), "sha256")
		if err != nil {
			t.Fatal(err)
		}
		list.Signed.Targets[name] = file
		r.set(fmt.Sprintf("targets/%s.%s", hex.EncodeToString(file.Hashes["sha256"]), name), []byte(content))
	}
	snapshot, timestamp := metadata.Snapshot(expires), metadata.Timestamp(expires)
	list.Signed.Version, snapshot.Signed.Version, timestamp.Signed.Version = version, version, version
	snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(version)
	timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(version)
	sign := func(_ *metadata.Signature, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	sign(list.Sign(r.key.signer))
	r.write(t, fmt.Sprintf("%d.targets.json", version), list.ToBytes)
	sign(snapshot.Sign(r.key.signer))
	r.write(t, fmt.Sprintf("%d.snapshot.json", version), snapshot.ToBytes)
	sign(timestamp.Sign(r.key.signer))
	r.write(t, "timestamp.json", timestamp.ToBytes)
}

func (r *Repository) write(t testing.TB, name string, data func(bool) ([]byte, error)) {
	t.Helper()
	b, err := data(false)
	if err != nil {
		t.Fatal(err)
	}
	r.set(name, b)
}

func (r *Repository) set(name string, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[name] = data
}

// Alter puts data in place of every file whose name ends so.
func (r *Repository) Alter(end string, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range maps.Clone(r.files) {
		if strings.HasSuffix(name, end) {
			r.files[name] = data
		}
	}
}

// Lie has lie answer what it returns true for; nil is honest again.
func (r *Repository) Lie(lie func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lie = lie
}

// Asked is how often r was asked for anything.
func (r *Repository) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Close ends r before the test does.
func (r *Repository) Close() { r.server.Close() }

func (r *Repository) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.asked++
	data, ok := r.files[strings.TrimPrefix(path.Clean(req.URL.Path), "/")]
	lie := r.lie
	r.mu.Unlock()
	switch {
	case lie != nil && lie(w, req):
	case !ok:
		http.NotFound(w, req)
	default:
		_, _ = w.Write(data)
	}
}
