package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const requestToken = "the-runners-own-request-token"

// workflow are the claims of a job of GitHub Actions.
func workflow(audience string) map[string]any {
	return map[string]any{
		"iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme/app:ref:refs/heads/main", "aud": audience,
		"exp": time.Now().Add(5 * time.Minute).Unix(), "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
	}
}

// actions returns the source of a job whose runner answers as h does.
func actions(t *testing.T, h http.Handler) Source {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	source, err := Ambient(t.Context(), environment(t, "GITHUB_ACTIONS", "true",
		"ACTIONS_ID_TOKEN_REQUEST_URL", s.URL+"/idtoken/run/42?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", requestToken))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestGitHub(t *testing.T) {
	const audience = "sig store&x=/ü"
	source := actions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/idtoken/run/42" || q.Get("api-version") != "2.0" || len(q) != 2 {
			t.Errorf("the runner was asked %s %s", r.Method, r.URL)
		}
		if r.Header.Get("Authorization") != "Bearer "+requestToken {
			t.Error("the runner was not given its request token")
		}
		say(w, http.StatusOK, map[string]any{"count": 1, "value": jwt(workflow(q.Get("audience")))})
	}))
	got, err := source.Token(t.Context(), audience)
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"; got.Identity() != want || !got.Known() {
		t.Errorf("Identity() = %q, want %q", got.Identity(), want)
	}
	// Tokens expire: asking again gives another.
	again, err := source.Token(t.Context(), "sigstore")
	if err != nil || again.Raw() == got.Raw() {
		t.Errorf("Token the second time = %v, %v, want another one", again, err)
	}
}

func TestGitHub_refused(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
	}{
		"forbidden": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("Authorization"), http.StatusForbidden)
		}, "answered 403 Forbidden; give the job, or the workflow, permissions: {id-token: write"},
		"gone":       {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusGone) }, "answered 410 Gone"},
		"HTML":       {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><body>Welcome</body></html>") }, "not valid JSON"},
		"nothing":    {func(http.ResponseWriter, *http.Request) {}, "holds no JSON document"},
		"no value":   {func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, map[string]any{"count": 0}) }, "holds no value"},
		"two values": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"value":"a","value":"b"}`) }, "stands twice"},
		"a number":   {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"value":1}`) }, "a JSON number stands where"},
		"no token":   {func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, map[string]any{"value": "x.y"}) }, "the token is no JWT"},
		"another audience": {func(w http.ResponseWriter, _ *http.Request) {
			say(w, http.StatusOK, map[string]any{"value": jwt(workflow("https://github.com/acme"))})
		}, `is for "https://github.com/acme", expected audience "sigstore"`},
		"expired": {func(w http.ResponseWriter, _ *http.Request) {
			c := workflow("sigstore")
			c["exp"] = time.Now().Add(-time.Hour).Unix()
			say(w, http.StatusOK, map[string]any{"value": jwt(c)})
		}, "has expired"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("a", 1<<16)); err != nil {
					return
				}
			}
		}, "the answer is too large: more than 1048576 bytes"},
		"ten megabytes of token": {func(w http.ResponseWriter, _ *http.Request) {
			say(w, http.StatusOK, map[string]any{"value": strings.Repeat("a", 10<<20)})
		}, "the answer is too large"},
		"token too large": {func(w http.ResponseWriter, _ *http.Request) {
			say(w, http.StatusOK, map[string]any{"value": strings.Repeat("a", 100<<10)})
		}, "the token is too large"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/x?secret=1", http.StatusFound)
		}, "redirects to http://elsewhere.example/x, which is not followed"},
		"redirect to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}, "which is not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := actions(t, http.HandlerFunc(test.answer)).Token(t.Context(), "sigstore")
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "getting an identity token from GitHub Actions: ") {
				t.Fatalf("Token = %v, %v, want an error with %q", got, err, test.want)
			}
			if strings.Contains(err.Error(), requestToken) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 500 {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

// The request token is for GitHub alone: it follows no redirect, not even to the
// same machine.
func TestGitHub_redirectCarriesNothing(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		say(w, http.StatusOK, map[string]any{"value": jwt(workflow("sigstore"))})
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		source := actions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, status)
		}))
		if got, err := source.Token(t.Context(), "sigstore"); err == nil {
			t.Errorf("a redirect with %d gave %v, want an error", status, got)
		}
	}
	if asked.Load() > 0 {
		t.Errorf("another host was asked %d times", asked.Load())
	}
}

func TestGitHub_triesAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	source := actions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case 2:
			// The connection is cut.
			panic(http.ErrAbortHandler)
		default:
			if r.Header.Get("Authorization") != "Bearer "+requestToken {
				t.Error("the request token was not sent again")
			}
			say(w, http.StatusOK, map[string]any{"value": jwt(workflow("sigstore"))})
		}
	}))
	if _, err := source.Token(t.Context(), "sigstore"); err != nil {
		t.Errorf("Token = %v, want the third answer", err)
	}
}

func TestGitHub_givesUp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	source := actions(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "busy", http.StatusBadGateway)
	}))
	if _, err := source.Token(t.Context(), "sigstore"); err == nil || !strings.Contains(err.Error(), "answered 502 Bad Gateway") || asked.Load() != attempts {
		t.Errorf("Token = %v after %d attempts, want the status after %d", err, asked.Load(), attempts)
	}
}

func TestGitHub_interrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	source := actions(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		cancel()
		<-release
	}))
	defer close(release)
	start := time.Now()
	if _, err := source.Token(ctx, "sigstore"); !errors.Is(err, context.Canceled) {
		t.Errorf("Token = %v, want context.Canceled", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %s to be interrupted", d)
	}
}

// What cannot be sent is not quoted either.
func TestGitHub_requestTokenWithLineBreak(t *testing.T) {
	source, err := Ambient(t.Context(), environment(t, "ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:1/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", requestToken+"\r\nX: y"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(t.Context(), "sigstore"); err == nil || strings.Contains(err.Error(), requestToken) {
		t.Errorf("Token = %v, want an error without the request token", err)
	}
}

func TestSecureURL(t *testing.T) {
	for raw, want := range map[string]bool{
		"https://issuer.example": true, "https://issuer.example:8443/a?b=c": true, "https://[2001:db8::1]/": true,
		"http://127.0.0.1:8080/x": true, "http://localhost/": true, "http://LOCALHOST:1": true, "http://[::1]:1/": true, "http://127.1.2.3/": true,
		"http://[::ffff:127.0.0.1]/": true,
		"http://issuer.example":      false, "http://localhost.example/": false, "http://127.0.0.1.example/": false, "http://0.0.0.0/": false,
		"http://10.0.0.1/": false, "http://169.254.169.254/": false, "": false, "/etc/passwd": false, "file:///etc/passwd": false,
		"ftp://127.0.0.1/": false, "https:issuer.example": false, "https://": false, "https://:443/": false, "https://u@issuer.example/": false,
		"https://u:p@127.0.0.1/": false, "https://issuer.example/#x": false, "https://ıssuer.example": false, "https://issuer.example\n": false,
		"javascript:alert(1)": false, "--version": false, "//issuer.example": false, "http://2130706433/": false,
	} {
		if _, err := secureURL(raw); (err == nil) != want {
			t.Errorf("secureURL(%q) = %v, want accepted: %v", raw, err, want)
		}
	}
}
