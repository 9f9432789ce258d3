//go:build unix

package helper_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/oci/credentials/helper"
)

// install puts a helper that is this shell script on PATH.
func install(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestAsk(t *testing.T) {
	install(t, "fake", `
[ "$1" = get ] || exit 3
read -r server
case $server in
r.example) echo '{"ServerURL":"r.example","Username":"u","Secret":"p"}' ;;
token.example) echo '{"ServerURL":"token.example","Username":"<token>","Secret":"t"}' ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`)
	for _, tt := range []struct{ server, user, password, token string }{
		{"r.example", "u", "p", ""},
		{"token.example", "", "", "t"},
		{"other.example", "", "", ""},
	} {
		got, err := helper.Ask(context.Background(), "fake", tt.server)
		if err != nil || got.Username != tt.user || got.Password != tt.password || got.IdentityToken != tt.token {
			t.Errorf("Ask(%s) = user %q, password %q, token %q, %v", tt.server, got.Username, got.Password, got.IdentityToken, err)
		}
	}
}

// A helper that has no credential to give says nothing that is repeated, and
// one that hangs is not waited for.
func TestAskInVain(t *testing.T) {
	for name, script := range map[string]string{
		"fails":       "echo s3cret; echo s3cret >&2; exit 2\n",
		"says-little": "echo '{\"Username\":\"s3cret\"}'\n",
		"is-no-json":  "echo s3cret\n",
		"never-ends":  "while :; do echo s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret; done\n",
		"hangs":       "sleep 60\n",
	} {
		t.Run(name, func(t *testing.T) {
			install(t, name, script)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			got, err := helper.Ask(ctx, name, "r.example")
			if err == nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Ask = %v, %v, want an error without the secret", got, err)
			}
		})
	}
	for _, name := range []string{"absent-from-here", "", "../fails", "a b", "a/b"} {
		if got, err := helper.Ask(context.Background(), name, "r.example"); err == nil {
			t.Errorf("Ask(%q) = %v, want an error", name, got)
		}
	}
}
