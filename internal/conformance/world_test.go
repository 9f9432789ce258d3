package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
)

// What the suite's cases have in common.
const (
	beacon = "https://github.com/sigstore-test/beacon/.github/workflows/beacon.yml@refs/heads/main"
	issuer = "https://token.actions.githubusercontent.com"
)

var (
	artifact = []byte("DO NOT MODIFY ME!\n\nthis is \"a.txt\", a sample input for sigstore\n")
	// present is when all signing takes place. It is long ago, so that nothing
	// verifies by the clock alone.
	present = time.Date(2025, 6, 12, 8, 30, 0, 0, time.UTC)
)

// bundle is one case: a bundle, and what to verify it with.
type bundleCase struct {
	bundle   []byte
	root     []byte // trusted root
	key      []byte // PEM; empty is the identity
	identity string // default is the common one
	issuer   string // default is the common one
	artifact []byte // default is the common one
	both     bool   // pass the identity beside the key
}

// args writes c's files into dir and returns the command line.
func (c bundleCase) args(t testing.TB, dir string, digest bool) []string {
	t.Helper()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{"verify-bundle", "--bundle", write("bundle.sigstore.json", c.bundle)}
	if c.key != nil {
		args = append(args, "--key", write("key.pub", c.key))
	}
	if c.key == nil || c.both {
		who := c.identity
		if who == "" {
			who = beacon
		}
		from := c.issuer
		if from == "" {
			from = issuer
		}
		args = append(args, "--certificate-identity", who, "--certificate-oidc-issuer", from)
	}
	if c.root != nil {
		args = append(args, "--trusted-root", write("trusted_root.json", c.root))
	}
	about := c.artifact
	if about == nil {
		about = artifact
	}
	if digest {
		sum := sha256.Sum256(about)
		return append(args, "sha256:"+hex.EncodeToString(sum[:]))
	}
	return append(args, write("artifact", about))
}

// answer runs the client and returns its exit code and what it says.
func answer(t testing.TB, args []string) (int, string) {
	t.Helper()
	var stderr bytes.Buffer
	code := run(context.Background(), args, &stderr)
	return code, stderr.String()
}

// statement is an in-toto statement about the common artifact.
func statement(changes map[string]any) []byte {
	sum := sha256.Sum256(artifact)
	s := map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"name": "a.txt", "digest": map[string]any{"sha256": hex.EncodeToString(sum[:])}}},
		"predicateType": "https://slsa.dev/provenance/v1",
		"predicate":     map[string]any{"buildDefinition": map[string]any{}},
	}
	for key, value := range changes {
		if value == nil {
			delete(s, key)
		} else {
			s[key] = value
		}
	}
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return data
}

// subject is whom the common certificate is for.
func subject(s *sigstoretest.Sigstore) *sigstoretest.Subject {
	return &sigstoretest.Subject{
		Identity: beacon, Issuer: issuer, Logs: []*sigstoretest.CTLog{s.CT},
		NotBefore: present.Add(-time.Minute), NotAfter: present.Add(9 * time.Minute),
	}
}
