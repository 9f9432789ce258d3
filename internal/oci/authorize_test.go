package oci_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
	"github.com/hallmark-project/hallmark/internal/oci/credentials/helper"
)

// fixed gives one registry a credential, and fails the test for another.
type fixed struct {
	t    *testing.T
	host string
	oci.Credential
}

func (f fixed) For(_ context.Context, registry, _ string) (oci.Credential, error) {
	if registry != f.host {
		f.t.Errorf("credentials were asked for %s", registry)
	}
	return f.Credential, nil
}

// withBasic has the registry ask for a user name and a password.
func withBasic(w *world, user, password string) {
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			rw.Header().Set("WWW-Authenticate", `Basic realm="registry, of the \"team\""`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(rw, r)
	})
}

// tokens is a token service and the registry that believes it.
type tokens struct {
	mu     sync.Mutex
	issued map[string]string // token to scopes
	asked  []url.Values
	next   int
	deny   int // status to answer instead
}

// withTokens has the registry ask for tokens that give the right to what is
// done, and serve them at /token to whoever is user, password or refresh token.
func withTokens(w *world, user, password, refresh string) *tokens {
	k := &tokens{issued: make(map[string]string)}
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if r.URL.Path == "/token" {
			k.serve(rw, r, user, password, refresh)
			return
		}
		need := "pull"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			need = "push"
		}
		scopes, ok := k.issued[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok || !strings.Contains(scopes, need) {
			rw.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="tests",scope="repository:team/app:pull"`, w.host))
			rw.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(rw, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		registry.ServeHTTP(rw, r)
	})
	return k
}

func (k *tokens) serve(rw http.ResponseWriter, r *http.Request, user, password, refresh string) {
	_ = r.ParseForm()
	k.asked = append(k.asked, r.Form)
	if k.deny != 0 {
		rw.WriteHeader(k.deny)
		fmt.Fprintf(rw, `{"errors":[{"code":"DENIED","message":"%s is not good"}]}`, password)
		return
	}
	u, p, _ := r.BasicAuth()
	field := "token"
	if r.Method == http.MethodPost {
		field = "access_token"
		if r.PostForm.Get("refresh_token") != refresh || refresh == "" {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
	} else if u != user || p != password {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	k.next++
	token := fmt.Sprintf("t0ken-%d", k.next)
	k.issued[token] = strings.Join(r.Form["scope"], " ")
	_ = json.NewEncoder(rw).Encode(map[string]string{field: token})
}

func TestBasic(t *testing.T) {
	w := newWorld(t, true)
	withBasic(w, "u", "p")
	a := access
	a.Credentials = fixed{t, w.host, oci.Credential{Username: "u", Password: "p"}}
	r := open(t, w.host+"/team/app", a)
	d, h := putFile(t, r, "one", "1")
	refer(t, r, d, bundle("a"))
	if got := found(t, r, h); len(got) != 1 {
		t.Errorf("Bundles = %d, want one", len(got))
	}
}

func TestTokens(t *testing.T) {
	for name, c := range map[string]oci.Credential{
		"password": {Username: "u", Password: "p"},
		"refresh":  {IdentityToken: "r"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			k := withTokens(w, "u", "p", "r")
			a := access
			a.Credentials = fixed{t, w.host, c}
			r := open(t, w.host+"/team/app", a)
			d, h := putFile(t, r, "one", "1")
			refer(t, r, d, bundle("a"))
			if got := found(t, r, h); len(got) != 1 {
				t.Errorf("Bundles = %d, want one", len(got))
			}
			// One token to read and one to write serve for all.
			k.mu.Lock()
			defer k.mu.Unlock()
			if len(k.asked) != 2 {
				t.Errorf("tokens were asked for %d times, want 2: %v", len(k.asked), k.asked)
			}
			for i, want := range []string{"repository:team/app:pull", "repository:team/app:pull,push"} {
				got := strings.Join(k.asked[i]["scope"], " ")
				if !strings.HasPrefix(got+" ", want+" ") && got != want {
					t.Errorf("scope %d = %q, want %q", i, got, want)
				}
			}
		})
	}
}

// A token that has run out is replaced, and what was sent is sent again.
func TestTokenRunsOut(t *testing.T) {
	w := newWorld(t, true)
	k := withTokens(w, "u", "p", "")
	a := access
	a.Credentials = fixed{t, w.host, oci.Credential{Username: "u", Password: "p"}}
	r := open(t, w.host+"/team/app", a)
	for i := range 3 {
		d, h := putFile(t, r, "one", fmt.Sprint(i))
		refer(t, r, d, bundle(fmt.Sprint(i)))
		if got := found(t, r, h); len(got) != 1 {
			t.Errorf("Bundles = %d, want one", len(got))
		}
		k.mu.Lock()
		clear(k.issued)
		k.mu.Unlock()
	}
}

// What was asked, by whom, and what to do about it is said; secrets are not,
// also where the registry repeats them.
func TestRefusedCredentials(t *testing.T) {
	for _, tt := range []struct {
		name       string
		credential oci.Credential
		deny       int
		want, hint string
	}{
		{"none", oci.Credential{}, 0, "401 Unauthorized: the registry asks for credentials, and there are none for it", "log in with: docker login HOST"},
		{"wrong_password", oci.Credential{Username: "u", Password: "s3cret"}, 0, "401 Unauthorized: the registry refuses the credentials that it was shown", "log in as someone who may, with: docker login HOST"},
		{"wrong_refresh_token", oci.Credential{IdentityToken: "s3cret"}, 0, "401 Unauthorized: the registry refuses the credentials that it was shown", "log in as someone who may, with: docker login HOST"},
		{"wrong_token", oci.Credential{RegistryToken: "s3cret"}, 0, "401 Unauthorized: UNAUTHORIZED (authentication required): the registry refuses the credentials that it was shown", "log in as someone who may, with: docker login HOST"},
		{"denied", oci.Credential{Username: "u", Password: "p"}, 403, "403 Forbidden: these credentials may not read here", "log in as someone who may, with: docker login HOST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, true)
			withTokens(w, "u", "p", "r").deny = tt.deny
			a := access
			a.Credentials = fixed{t, w.host, tt.credential}
			_, err := open(t, w.host+"/team/app", a).Manifest(context.Background(), "v1")
			want := w.host + "/team/app: reading manifest v1: " + tt.want
			if err == nil || err.Error() != want {
				t.Errorf("Manifest = %v\nwant %s", err, want)
			}
			if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "s3cret") {
				t.Errorf("the error holds the secret: %#v", err)
			}
			if got, want := oci.Hint(err), strings.ReplaceAll(tt.hint, "HOST", w.host); got != want {
				t.Errorf("Hint = %q, want %q", got, want)
			}
		})
	}
}

// A registry that says what it was shown does not get it into our errors.
func TestEchoedSecrets(t *testing.T) {
	w := newWorld(t, true)
	w.set(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		if r.Header.Get("Authorization") == "" {
			rw.Header().Set("WWW-Authenticate", "Basic")
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, password, _ := r.BasicAuth()
		rw.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(rw, `{"errors":[{"code":"DENIED","message":"%s %s\u001b[2J is not good"}]}`, r.Header.Get("Authorization"), password)
	})
	a := access
	a.Credentials = fixed{t, w.host, oci.Credential{Username: "u", Password: "s3cret"}}
	_, err := open(t, w.host+"/team/app", a).Manifest(context.Background(), "v1")
	if want := w.host + "/team/app: reading manifest v1: 403 Forbidden: DENIED (Basic … …\ufffd[2J is not good): these credentials may not read here"; err == nil || err.Error() != want {
		t.Errorf("Manifest = %v\nwant %s", err, want)
	}
}

// Whatever a registry says of who gives tokens, credentials go nowhere in the
// clear from a registry that speaks TLS, and into no inner network.
func TestRealm(t *testing.T) {
	var reached atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer thief.Close()
	for _, realm := range []string{thief.URL, "ftp://x/", "http://user:pw@x/", "::", ""} {
		w := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`"`)
			rw.WriteHeader(http.StatusUnauthorized)
		}))
		defer w.Close()
		host := strings.TrimPrefix(w.URL, "https://")
		a := oci.Access{Patience: quick, RootCAs: pool(w), Credentials: fixed{t, host, oci.Credential{Username: "u", Password: "p"}}}
		_, err := open(t, host+"/team/app", a).Manifest(context.Background(), "v1")
		if err == nil || !strings.Contains(err.Error(), "it names no token service that may be asked") {
			t.Errorf("realm %q: Manifest = %v, want that it may not be asked", realm, err)
		}
	}
	if reached.Load() != 0 {
		t.Error("the token service in the clear was asked")
	}
}

// The whole way: a docker configuration that names a helper, which is a program
// on PATH, for a registry that gives tokens.
func TestHelperOnPath(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("the helper is a shell script")
	}
	w := newWorld(t, false)
	withTokens(w, "robot", "p455", "")
	dir := t.TempDir()
	script := "#!/bin/sh\nread -r server\n[ \"$server\" = " + w.host + " ] || { echo 'credentials not found in native keychain'; exit 1; }\necho '{\"Username\":\"robot\",\"Secret\":\"p455\"}'\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-tested"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"credHelpers":{"`+w.host+`":"tested"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	a := access
	a.Credentials = credentials.New(credentials.Options{Helper: helper.Ask, Env: func(name string) string {
		return map[string]string{"DOCKER_CONFIG": dir}[name]
	}})
	r := open(t, w.host+"/team/app", a)
	d, h := putFile(t, r, "one", "1")
	refer(t, r, d, bundle("a"))
	if got := found(t, r, h); len(got) != 1 {
		t.Errorf("Bundles = %d, want one", len(got))
	}
}
