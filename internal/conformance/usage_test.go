package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
)

func TestUsage(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct {
		args string
		want int
	}{
		{"", misused},
		{"verify", misused},
		{"verify-bundle", misused},
		{"verify-bundle --bundle b --key k", misused},
		{"verify-bundle --bundle b --key k one two", misused},
		{"verify-bundle --bundle b --colour red a", misused},
		{"verify-bundle --bundle b --certificate-identity i a", misused},
		{"verify-bundle --bundle b --certificate-oidc-issuer i a", misused},
		{"verify-bundle --bundle b --certificate-identity= --certificate-oidc-issuer= a", misused},
		{"verify-bundle --bundle b --key k --certificate-identity i --certificate-oidc-issuer o a", misused},
		{"verify-bundle --key k a", misused},
		{"verify-bundle --bundle " + missing + " --key k a", unknown},
		{"sign-bundle --bundle b a", misused},
		{"sign-bundle --identity-token t a", misused},
		{"sign-bundle --identity-token eyJ --bundle b " + missing, unknown},
		{"verify-bundle -h", yes},
	} {
		if code, said := answer(t, strings.Fields(tt.args)); code != tt.want {
			t.Errorf("%q: exit code %d, want %d: %s", tt.args, code, tt.want, said)
		}
	}
}

// What looks like a digest and is a file is a file.
func TestFileThatIsCalledLikeADigest(t *testing.T) {
	s := sigstoretest.New(present)
	c := as(s, planV1(s), nil)
	c.artifact = []byte("another artifact")
	dir := t.TempDir()
	args := c.args(t, dir, false)
	digest := as(s, planV1(s), nil).args(t, t.TempDir(), true)
	name := digest[len(digest)-1]
	t.Chdir(dir)
	if err := os.Rename(args[len(args)-1], name); err != nil {
		t.Skipf("no file can be called %s here: %v", name, err)
	}
	args[len(args)-1] = name
	if code, said := answer(t, args); code != no {
		t.Errorf("exit code %d, want %d: %s", code, no, said)
	}
}
