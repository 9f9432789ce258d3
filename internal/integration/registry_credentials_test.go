//go:build integration

package integration

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	registryUser     = "releaser"
	registryPassword = "pa55 w0rd: of the registry"
	registryToken    = "a-token-of-the-registry"
)

// gate is a registry behind p that wants to know who asks, and says again what
// it was shown, as some do.
type gate struct {
	*proxy
	mu    sync.Mutex
	shown []string // Authorization headers
}

// newGate stands before registry. It takes the password itself or, with tokens,
// a token that its token service gives for it.
func newGate(t testing.TB, registry string, tokens bool) *gate {
	t.Helper()
	g := &gate{proxy: newProxy(t, registry)}
	g.lie(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		header := r.Header.Get("Authorization")
		g.mu.Lock()
		g.shown = append(g.shown, header)
		g.mu.Unlock()
		user, password, ok := r.BasicAuth()
		known := ok && user == registryUser && password == registryPassword
		refuse := func(challenge string) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			said, _ := json.Marshal("who is " + header + " " + password)
			fmt.Fprintf(w, `{"errors":[{"code":"UNAUTHORIZED","message":%s}]}`, said)
		}
		switch {
		case r.URL.Path == "/token" && known:
			fmt.Fprintf(w, `{"token":%q}`, registryToken)
		case r.URL.Path == "/token", !tokens && !known:
			refuse(`Basic realm="the registry"`)
		case tokens && header != "Bearer "+registryToken:
			refuse(fmt.Sprintf(`Bearer realm="http://%s/token",service="the registry"`, r.Host))
		default:
			r.Header.Del("Authorization")
			next.ServeHTTP(w, r)
		}
	})
	return g
}

// dockerConfig is a config.json with a password for a registry.
func dockerConfig(registry, password string) string {
	auth := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + password))
	return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, auth)
}

// login are the ways in which a program comes to know a password for registry.
func logins(t testing.TB, registry, password string) map[string]func(p *program, args []string) result {
	t.Helper()
	put := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	return map[string]func(p *program, args []string) result{
		"docker config": func(p *program, args []string) result {
			home := filepath.Dir(filepath.Dir(put(".docker/config.json", dockerConfig(registry, password))))
			return p.with("HOME=" + home).run(args...)
		},
		"DOCKER_CONFIG": func(p *program, args []string) result {
			return p.with("DOCKER_CONFIG=" + filepath.Dir(put("config.json", dockerConfig(registry, password)))).run(args...)
		},
		"podman": func(p *program, args []string) result {
			return p.with("REGISTRY_AUTH_FILE=" + put("auth.json", dockerConfig(registry, password))).run(args...)
		},
		"pull secret": func(p *program, args []string) result {
			return p.run(append(append([]string{}, args[0], "--registry-credentials", put(".dockerconfigjson", dockerConfig(registry, password))), args[1:]...)...)
		},
		"environment": func(p *program, args []string) result {
			return p.with("HALLMARK_REGISTRY="+registry, "HALLMARK_REGISTRY_USERNAME="+registryUser, "HALLMARK_REGISTRY_PASSWORD="+password).run(args...)
		},
	}
}

// A registry that wants to know who asks is told what other tools have kept for
// it, by whichever way, and never what is kept for another. A password that is
// wrong is said to be, and not said.
func TestRegistryCredentials(t *testing.T) {
	t.Parallel()
	for how, tokens := range map[string]bool{"password": false, "token": true} {
		g := newGate(t, services.Registry, tokens)
		for way := range logins(t, g.host, "") {
			t.Run(how+", "+way, func(t *testing.T) {
				t.Parallel()
				single := pushImage(t, services.Registry).via(g.proxy)
				r := newMixed(t, single)
				files := g.host + "/" + place(t) + "/files"
				release := append(keyArgs(t, r.release), "--registry", files, "--allow-http-registry")
				// Flags stand behind the command's name.
				verify := []string{"--allow-http-registry", "-t", r.trust(), "--registry", files, r.artifacts[0]}
				encoded := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + registryPassword))

				logins(t, g.host, registryPassword)[way](hallmark(t), release).exits(0).says("published "+files).hides(registryPassword, registryToken, encoded)
				for _, p := range []*program{hallmarkVerify(t), verifyOf(hallmark(t))} {
					right, wrong := logins(t, g.host, registryPassword)[way], logins(t, g.host, "not "+registryPassword)[way]
					right(p, verify).exits(0).hides(registryPassword, registryToken, encoded)
					right(p, []string{"--allow-http-registry", "-t", r.trust(), single.reference()}).exits(0)
					encoded := base64.StdEncoding.EncodeToString([]byte(registryUser + ":not " + registryPassword))
					wrong(p, verify).exits(3).says("401 Unauthorized", "refuses the credentials that it was shown").hides(registryPassword, encoded)
					// What is kept for another registry is not for this one.
					logins(t, "registry.example", registryPassword)[way](p, verify).exits(3).says("401 Unauthorized", "there are none for it").hides(registryPassword, encoded)
				}
				wrong := logins(t, g.host, "not "+registryPassword)[way]
				wrong(hallmark(t), release).exits(3).says("refuses the credentials that it was shown", "log in as someone who may, with: docker login "+g.host).hides(registryPassword)
			})
		}
	}
	for name, tt := range map[string]struct {
		config, says string
		code         int
	}{
		"a config that is none":          {`{"auths":`, "config.json", 3},
		"a password that is not encoded": {`{"auths":{"REGISTRY":{"auth":"pa55 w0rd"}}}`, "config.json", 3},
		"nothing":                        {`{}`, "docker login", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, services.Registry, false)
			r := signedRelease(t)
			dir := t.TempDir()
			check(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(strings.Replace(tt.config, "REGISTRY", g.host, 1)), 0o600))
			hallmark(t).with("DOCKER_CONFIG="+dir).run("publish", "-f", r.file, "--out", r.out, "--registry", g.host+"/"+place(t), "--allow-http-registry").
				exits(tt.code).says(tt.says).hides("pa55 w0rd")
		})
	}
}

// A registry that asks nobody is shown nothing, and what is shown to one is not
// shown to where it sends us.
func TestCredentialsStayHome(t *testing.T) {
	t.Parallel()
	t.Run("not asked", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, services.Registry)
		var mu sync.Mutex
		shown := 0
		p.lie(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			mu.Lock()
			defer mu.Unlock()
			if r.Header.Get("Authorization") != "" {
				shown++
			}
			next.ServeHTTP(w, r)
		})
		r := newRelease(t)
		logins(t, p.host, registryPassword)["environment"](hallmark(t), append(keyArgs(t, r), "--registry", p.host+"/"+place(t), "--allow-http-registry")).exits(0)
		if shown != 0 {
			t.Errorf("credentials were shown %d times to who had not asked", shown)
		}
	})
	for how, tokens := range map[string]bool{"password": false, "token": true} {
		t.Run("sent elsewhere, "+how, func(t *testing.T) {
			t.Parallel()
			elsewhere := newProxy(t, services.Registry)
			var mu sync.Mutex
			var asked, shown int
			elsewhere.lie(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				if r.Header.Get("Authorization") != "" || strings.Contains(r.URL.String(), registryToken) || r.Header.Get("Cookie") != "" {
					shown++
				}
				next.ServeHTTP(w, r)
			})
			g := newGate(t, services.Registry, tokens)
			honestly := g.lies[0].fault
			g.honest()
			g.lie(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				honestly(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, "/blobs/sha256:") && r.Method == http.MethodGet {
						redirect(elsewhere.url)(w, r, next)
						return
					}
					next.ServeHTTP(w, r)
				}))
			})
			r := newRelease(t)
			files := g.host + "/" + place(t)
			login := logins(t, g.host, registryPassword)["environment"]
			login(hallmark(t), append(keyArgs(t, r), "--registry", files, "--allow-http-registry")).exits(0)
			verify := []string{"--allow-http-registry", "-t", r.trust(), "--registry", files, r.artifacts[0]}
			login(hallmarkVerify(t), verify).exits(0)
			if asked == 0 || shown != 0 {
				t.Errorf("elsewhere was asked %d times and shown credentials %d times, want some and none", asked, shown)
			}

			// It may ask, and is not told.
			elsewhere.honest()
			elsewhere.lie(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				mu.Lock()
				defer mu.Unlock()
				if r.Header.Get("Authorization") != "" {
					shown++
				}
				w.Header().Set("WWW-Authenticate", `Basic realm="elsewhere"`)
				w.WriteHeader(http.StatusUnauthorized)
			})
			login(hallmarkVerify(t), verify).exits(3).says(elsewhere.host, "those for "+g.host+" are not shown there").hides(registryPassword)
			if shown != 0 {
				t.Errorf("elsewhere was shown credentials %d times", shown)
			}
		})
	}
}

// A helper that docker is set up with is asked by hallmark. hallmark-verify
// starts no other program, and says so.
func TestCredentialHelper(t *testing.T) {
	t.Parallel()
	g := newGate(t, services.Registry, false)
	r := newRelease(t)
	files := g.host + "/" + place(t)
	dir := t.TempDir()
	helper := fmt.Sprintf("#!/bin/sh\nread server\n[ \"$1 $server\" = 'get %s' ] || exit 1\nprintf '%%s' '{\"ServerURL\":\"%s\",\"Username\":\"%s\",\"Secret\":\"%s\"}'\n", g.host, g.host, registryUser, registryPassword)
	check(t, os.WriteFile(filepath.Join(dir, "docker-credential-story"), []byte(helper), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(fmt.Sprintf(`{"credHelpers":{%q:"story"}}`, g.host)), 0o600))
	env := []string{"DOCKER_CONFIG=" + dir, "PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}
	hallmark(t).with(env...).run(append(keyArgs(t, r), "--registry", files, "--allow-http-registry")...).exits(0).hides(registryPassword)
	verify := []string{"--allow-http-registry", "-t", r.trust(), "--registry", files, r.artifacts[0]}
	verifyOf(hallmark(t)).with(env...).run(verify...).exits(0).hides(registryPassword)
	hallmarkVerify(t).with(env...).run(verify...).exits(3).says("story", g.host).hides(registryPassword)
}
