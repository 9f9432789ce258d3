package sign_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// repository is a TUF repository on loopback.
type repository struct {
	*httptest.Server
	root  []byte
	files map[string][]byte
}

// newRepository distributes targets; its metadata expires at expires.
func newRepository(t testing.TB, expires time.Time, targets map[string]string) *repository {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signature.LoadSigner(private, crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	key, err := metadata.KeyFromPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	r := &repository{files: make(map[string][]byte)}
	list := metadata.Targets(expires)
	for name, content := range targets {
		file, err := metadata.TargetFile().FromBytes(name, []byte(content), "sha256")
		if err != nil {
			t.Fatal(err)
		}
		list.Signed.Targets[name] = file
		r.files[fmt.Sprintf("targets/%s.%s", file.Hashes["sha256"], name)] = []byte(content)
	}
	root := metadata.Root(expires)
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		if err := root.Signed.AddKey(key, role); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, timestamp := metadata.Snapshot(expires), metadata.Timestamp(expires)
	sealed := func(err error, data func(bool) ([]byte, error), name string) {
		if err != nil {
			t.Fatal(err)
		}
		if r.files[name], err = data(false); err != nil {
			t.Fatal(err)
		}
	}
	_, err = list.Sign(signer)
	sealed(err, list.ToBytes, "1.targets.json")
	_, err = snapshot.Sign(signer)
	sealed(err, snapshot.ToBytes, "1.snapshot.json")
	_, err = timestamp.Sign(signer)
	sealed(err, timestamp.ToBytes, "timestamp.json")
	_, err = root.Sign(signer)
	sealed(err, root.ToBytes, "1.root.json")
	r.root = r.files["1.root.json"]
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		data, ok := r.files[strings.TrimPrefix(path.Clean(req.URL.Path), "/")]
		if !ok {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestFetch(t *testing.T) {
	content := map[string]string{"trusted_root.json": `{"root":1}`, "signing_config.v0.2.json": `{"config":1}`}
	later := time.Now().Add(time.Hour)
	r, cache := newRepository(t, later, content), t.TempDir()
	from := sign.Repository{URL: r.URL, Root: r.root, Cache: cache}
	for _, when := range []string{"first", "again", "out of order"} {
		if when == "out of order" {
			r.Close()
		}
		root, config, err := from.Fetch(t.Context())
		if err != nil || string(root) != content["trusted_root.json"] || string(config) != content["signing_config.v0.2.json"] {
			t.Errorf("%s: Fetch() = %s, %s, %v, want what the repository distributes", when, root, config, err)
		}
	}

	other := newRepository(t, later, content)
	altered := newRepository(t, later, content)
	for name := range altered.files {
		if strings.HasSuffix(name, ".trusted_root.json") {
			altered.files[name] = []byte(`{"root":2}`)
		}
	}
	lacking := newRepository(t, later, map[string]string{"trusted_root.json": "{}"})
	expired := newRepository(t, time.Now().Add(-time.Hour), content)
	for name, from := range map[string]sign.Repository{
		"another's root":   {URL: other.URL, Root: r.root, Cache: t.TempDir()},
		"an altered file":  {URL: altered.URL, Root: altered.root, Cache: t.TempDir()},
		"no configuration": {URL: lacking.URL, Root: lacking.root, Cache: t.TempDir()},
		"expired":          {URL: expired.URL, Root: expired.root, Cache: t.TempDir()},
		"nobody there":     {URL: r.URL, Root: r.root, Cache: t.TempDir()},
		"no root":          {URL: other.URL, Cache: t.TempDir()},
		"no cache":         {URL: other.URL, Root: other.root},
	} {
		if root, config, err := from.Fetch(t.Context()); err == nil || root != nil && config != nil {
			t.Errorf("%s: Fetch() = %s, %s, %v, want an error", name, root, config, err)
		}
	}
}
