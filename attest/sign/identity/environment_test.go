package identity

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// put writes a token file that only its owner may read.
func put(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "oidc-token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// login is a person who would log in.
type login struct{ Source }

func (login) Name() string { return "somebody who logs in" }

// Several identities at once: the one that was meant most deliberately is
// taken, whatever else is there.
func TestChoose_order(t *testing.T) {
	metadata := httptest.NewServer(metadataServer(jwt(person(nil))))
	defer metadata.Close()
	raw := jwt(person(nil))
	everything := []string{
		"GCE_METADATA_HOST", metadata.Listener.Addr().String(),
		"SPIFFE_ENDPOINT_SOCKET", "unix:///nowhere/agent.sock",
		"file", put(t, raw),
		"BUILDKITE", "true",
		"GITHUB_ACTIONS", "true", "ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t",
		"SIGSTORE_ID_TOKEN", raw,
		"given", put(t, raw),
	}
	for n, want := range map[int]string{
		0: "somebody who logs in", 2: "Google Cloud's metadata server", 4: "the SPIFFE workload API", 6: "the file ",
		8: "Buildkite's agent", 14: "GitHub Actions", 16: "the variable SIGSTORE_ID_TOKEN", 18: "the file ",
	} {
		e := environment(t, everything[:n]...)
		e.File = e.Env("file")
		s, err := Choose(t.Context(), e.Env("given"), e, login{})
		if err != nil {
			t.Errorf("Choose with %d variables: %v", n/2, err)
			continue
		}
		if !strings.HasPrefix(s.Name(), want) {
			t.Errorf("Choose with %d variables = %s, want %s", n/2, s.Name(), want)
		}
		if n == 18 && s.Name() != "the file "+e.Env("given") {
			t.Errorf("Choose = %s, want the file that was given", s.Name())
		}
	}
}

// What is there and gives no token is an error, and nobody else signs.
func TestChoose_neverFallsThrough(t *testing.T) {
	for name, test := range map[string]struct {
		vars []string
		file string
		want string
	}{
		"GitHub without permission":  {[]string{"GITHUB_ACTIONS", "true"}, "", "permissions: {id-token: write"},
		"GitHub without its token":   {[]string{"ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example"}, "", "permissions: {id-token: write"},
		"GitHub without encryption":  {[]string{"ACTIONS_ID_TOKEN_REQUEST_URL", "http://actions.example/x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret"}, "", "is http://actions.example/x, expected https://"},
		"GitHub without an address":  {[]string{"ACTIONS_ID_TOKEN_REQUEST_URL", "actions", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret"}, "", "names no host"},
		"GitHub at somebody's":       {[]string{"ACTIONS_ID_TOKEN_REQUEST_URL", "https://u:secret@actions.example", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret"}, "", "holds a user or password"},
		"GitLab without id_tokens":   {[]string{"GITLAB_CI", "true", "CI", "true"}, "", "id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}"},
		"file that is not there":     {nil, "/nowhere/token", "there is no file /nowhere/token"},
		"SPIFFE elsewhere":           {[]string{"SPIFFE_ENDPOINT_SOCKET", "tcp://192.0.2.1:80"}, "", "is not on this machine"},
		"SPIFFE by name":             {[]string{"SPIFFE_ENDPOINT_SOCKET", "tcp://localhost:80"}, "", "expected unix:///path"},
		"SPIFFE by another protocol": {[]string{"SPIFFE_ENDPOINT_SOCKET", "https://127.0.0.1\x1b[2J"}, "", `is "https://127.0.0.1\x1b[2J", expected unix:///path`},
		"metadata elsewhere":         {[]string{"GCE_METADATA_HOST", "metadata.attacker.example"}, "", "expected the metadata server"},
		"metadata nowhere":           {[]string{"GCE_METADATA_HOST", "127.0.0.1:1"}, "", "asking http://127.0.0.1:1/computeMetadata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := environment(t, test.vars...)
			e.File = test.file
			s, err := Choose(t.Context(), "", e, login{})
			if err == nil || s != nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Choose = %v, %v, want an error with %q", s, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestChoose_nobody(t *testing.T) {
	if s, err := Choose(t.Context(), "", environment(t), nil); !errors.Is(err, ErrNone) {
		t.Errorf("Choose where there is nobody = %v, %v, want ErrNone", s, err)
	}
	// In a CI nobody sits at the terminal, even where it looks so.
	if s, err := Choose(t.Context(), "", environment(t, "CI", "true"), login{}); !errors.Is(err, ErrNone) {
		t.Errorf("Choose in a CI = %v, %v, want ErrNone", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := environment(t, "GCE_METADATA_HOST", "127.0.0.1:1")
	if s, err := Choose(ctx, "", e, login{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Choose when interrupted = %v, %v, want context.Canceled", s, err)
	}
}

func TestNamed(t *testing.T) {
	e := environment(t, "ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t", "SPIFFE_ENDPOINT_SOCKET", "/run/agent.sock")
	for name, want := range map[string]string{
		"buildkite-agent": "Buildkite's agent", "envvar": "the variable SIGSTORE_ID_TOKEN", "filesystem": "the file " + DefaultFile,
		"github-actions": "GitHub Actions", "google": "Google Cloud's metadata server", "spiffe": "the SPIFFE workload API",
	} {
		s, err := Named(name, e)
		if err != nil || s.Name() != want {
			t.Errorf("Named(%q) = %v, %v, want %s", name, s, err, want)
		}
	}
	for _, name := range Names() {
		if _, err := Named(name, e); err != nil {
			t.Errorf("Named(%q) = %v, want it known", name, err)
		}
	}
	if _, err := Named("github", e); err == nil || !strings.Contains(err.Error(), "known are buildkite-agent, ") {
		t.Errorf("Named(github) = %v", err)
	}
	if _, err := Named("gogle", e); err == nil || !strings.Contains(err.Error(), `did you mean "google"?`) {
		t.Errorf("Named(gogle) = %v", err)
	}
	// What was asked for by name and is not there is no other.
	for _, name := range []string{"github-actions", "spiffe"} {
		if s, err := Named(name, environment(t)); err == nil {
			t.Errorf("Named(%q) in an empty environment = %v, want an error", name, s)
		}
	}
	for _, name := range []string{"envvar", "filesystem", "buildkite-agent"} {
		e := environment(t)
		e.File = filepath.Join(t.TempDir(), "none")
		t.Setenv("PATH", t.TempDir())
		s, err := Named(name, e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Token(t.Context(), "sigstore"); err == nil {
			t.Errorf("%s.Token in an empty environment = %v, want an error", name, got)
		}
	}
}

// metadataServer is Google's, with one service account, or none.
func metadataServer(token string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		switch {
		case r.Header.Get("Metadata-Flavor") != "Google":
			http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
		case token == "":
			http.NotFound(w, r)
		case r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/email":
			_, _ = w.Write([]byte("release@project.iam.gserviceaccount.com"))
		case r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/identity" && r.URL.RawQuery == "audience=sigstore&format=full":
			_, _ = w.Write([]byte(token))
		default:
			http.NotFound(w, r)
		}
	})
}
