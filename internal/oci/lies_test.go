package oci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// published is a registry with one file and one bundle about it.
func published(t *testing.T, api bool) (w *world, h string, blob string) {
	t.Helper()
	w = newWorld(t, api)
	r := w.open(t)
	d, digest := putFile(t, r, "one", "1")
	refer(t, r, d, bundle("a"))
	return w, digest.String(), hashOf(bundle("a")).String()
}

// to passes all requests on but those whose path holds part.
func to(part string, f func(rw http.ResponseWriter, r *http.Request, registry http.Handler)) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if strings.Contains(r.URL.Path, part) {
			f(rw, r, registry)
			return
		}
		registry.ServeHTTP(rw, r)
	}
}

// hijack answers with bytes of its own and cuts the connection.
func hijack(rw http.ResponseWriter, answer string) {
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, answer)
}

// A registry that lies, breaks off or never ends is never one that has nothing:
// each is an error, which says what it was.
func TestLies(t *testing.T) {
	const html = "<html><body>please log in</body></html>"
	lie := func(contentType, body string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			rw.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(rw, body)
		}
	}
	status := func(code int, body string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			rw.WriteHeader(code)
			_, _ = io.WriteString(rw, body)
		}
	}
	endless := func(contentType string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
			rw.Header().Set("Content-Type", contentType)
			for r.Context().Err() == nil {
				if _, err := rw.Write(bytes.Repeat([]byte(" "), 1<<16)); err != nil {
					return
				}
			}
		}
	}
	hangs := func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		// Only who has read all that was sent is told that the client has gone.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	stalls := func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		rw.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(rw, "{")
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	short := func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		hijack(rw, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.index.v1+json\r\nContent-Length: 1000\r\n\r\n{\"schemaVersion\":2")
	}
	cut := func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { hijack(rw, "") }
	const index = "application/vnd.oci.image.index.v1+json"
	w, h, blob := published(t, true)
	for _, tt := range []struct {
		name, at string
		between  func(http.ResponseWriter, *http.Request, http.Handler)
		want     string
	}{
		{"blob_of_other_bytes", "/blobs/" + blob, lie("application/octet-stream", "other"), "it sends application/octet-stream that is sha256:"},
		{"blob_in_html", "/blobs/" + blob, lie("text/html", html), "it sends text/html that is sha256:"},
		{"blob_cut_off", "/blobs/" + blob, short, "its answer was cut off: unexpected EOF, after 4 attempts"},
		{"blob_that_is_gone", "/blobs/" + blob, status(404, ""), "404 Not Found"},
		{"blob_without_end", "/blobs/" + blob, endless("application/octet-stream"), "it answers with more than 1048576 bytes"},
		{"blob_that_hangs", "/blobs/" + blob, hangs, "nothing came for too long: "},
		{"blob_that_stalls", "/blobs/" + blob, stalls, "nothing came for too long: 1s"},
		{"blob_behind_a_server_error", "/blobs/" + blob, status(500, ""), "500 Internal Server Error, after 4 attempts"},
		{"referrers_cut_off", "/referrers/", short, "its answer was cut off"},
		{"referrers_cut", "/referrers/", cut, "EOF, after 4 attempts"},
		{"referrers_not_JSON", "/referrers/", lie(index, "{"), "its list of referrers: line 1, column 2: ends in the middle"},
		{"referrers_that_are_an_image", "/referrers/", lie(index, `{"schemaVersion":2,"layers":[]}`), "its list of referrers is no image index"},
		{"referrers_of_another_version", "/referrers/", lie(index, `{"schemaVersion":3,"manifests":[]}`), "its list of referrers is no image index"},
		{"referrers_twice", "/referrers/", lie(index, `{"schemaVersion":2,"manifests":[],"manifests":[]}`), `key "manifests" stands twice`},
		{"referrers_of_odd_digests", "/referrers/", lie(index, `{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"md5:00"}]}`), `md5`},
		{"referrers_that_are_not_there", "/referrers/", lie(index, `{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"sha256:`+strings.Repeat("0", 64)+`"}]}`), "404 Not Found"},
		{"referrers_without_end", "/referrers/", endless(index), "it answers with more than 4194304 bytes"},
		{"referrers_forbidden", "/referrers/", status(403, `{"errors":[{"code":"DENIED","message":"no\u001b[31m"}]}`), "403 Forbidden: DENIED (no\ufffd[31m): these credentials may not read here"},
		{"referrers_busy", "/referrers/", status(429, ""), "429 Too Many Requests: the registry asks for fewer requests, after 4 attempts"},
		{"everything_in_html", "/v2/", lie("text/html", html), "it sends text/html, expected a manifest"},
		{"tag_that_is_not_ours", ".file", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			lie("application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"x","size":2,"digest":"sha256:`+strings.Repeat("0", 64)+`"},"layers":[]}`)(rw, r, registry)
		}, "which does not hold that file"},
		{"tag_of_another_digest", ".file", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			rw.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
			lie("application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}`)(rw, r, registry)
		}, "it says that the manifest is sha256:000"},
		{"tag_of_two_kinds", ".file", lie("application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json"}`), "it says that the manifest is application/vnd.oci.image.manifest.v1+json, and the manifest that it is application/vnd.oci.image.index.v1+json"},
		{"fallback_that_is_an_image", "/manifests/sha256-", lie("application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}`), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.set(to(tt.at, tt.between))
			began := time.Now()
			got, err := w.open(t).Bundles(context.Background(), mustHash(t, h), maxBundle)
			if err == nil {
				t.Fatalf("Bundles = %d bundles and no error", len(got))
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), w.host+"/team/app: ") {
				t.Errorf("Bundles = %v\nwant %s/team/app: … %s", err, w.host, tt.want)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// A page for people instead of a list of referrers means that there is no such
// list; the fallback tag decides then.
func TestReferrersInHTML(t *testing.T) {
	w, h, _ := published(t, false)
	w.set(to("/referrers/", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(rw, "<html>")
	}))
	if got := found(t, w.open(t), mustHash(t, h)); len(got) != 1 {
		t.Errorf("Bundles = %d, want one", len(got))
	}
}

// What passes is tried again, and no more often than that.
func TestPassingFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func(rw http.ResponseWriter)
	}{
		{"500", func(rw http.ResponseWriter) { rw.WriteHeader(500) }},
		{"502", func(rw http.ResponseWriter) { rw.WriteHeader(502) }},
		{"503", func(rw http.ResponseWriter) { rw.WriteHeader(503) }},
		{"504", func(rw http.ResponseWriter) { rw.WriteHeader(504) }},
		{"429", func(rw http.ResponseWriter) { rw.WriteHeader(429) }},
		{"429_with_retry_after", func(rw http.ResponseWriter) { rw.Header().Set("Retry-After", "1"); rw.WriteHeader(429) }},
		{"429_with_a_date", func(rw http.ResponseWriter) {
			rw.Header().Set("Retry-After", time.Now().UTC().Format(http.TimeFormat))
			rw.WriteHeader(429)
		}},
		{"cut", func(rw http.ResponseWriter) { hijack(rw, "") }},
		{"cut_off", func(rw http.ResponseWriter) { hijack(rw, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, api := range []bool{true, false} {
				w := newWorld(t, api)
				// Each request is met with the fault once.
				var mu sync.Mutex
				met := make(map[string]bool)
				w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
					key := r.Method + " " + r.URL.Path
					mu.Lock()
					first := !met[key] && r.URL.Path != "/v2/" && !strings.Contains(r.URL.RawQuery, "digest=")
					// Of other answers, what follows the status says nothing.
					first = first && (tt.name != "cut_off" || r.Method == http.MethodGet)
					// Waiting for each would take long.
					first = first && (tt.name != "429_with_retry_after" || r.Method == http.MethodPut)
					met[key] = true
					mu.Unlock()
					if first {
						tt.fault(rw)
						return
					}
					registry.ServeHTTP(rw, r)
				})
				a := access
				a.Patience.Wait = 3 * time.Second
				r := open(t, w.host+"/team/app", a)
				d, h := putFile(t, r, "one", "1")
				refer(t, r, d, bundle("a"), bundle("b"))
				if got := found(t, r, h); len(got) != 2 {
					t.Errorf("referrers API %t: Bundles = %d, want two", api, len(got))
				}
			}
		})
	}
}

// An upload that breaks off is begun anew.
func TestUploadBreaksOff(t *testing.T) {
	w := newWorld(t, true)
	var broken atomic.Int32
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/uploads/") && broken.Add(1)%2 == 1 {
			hijack(rw, "")
			return
		}
		registry.ServeHTTP(rw, r)
	})
	r := w.open(t)
	d, h := putFile(t, r, "one", strings.Repeat("1", 1<<20))
	refer(t, r, d, bundle("a"))
	if got := found(t, r, h); len(got) != 1 {
		t.Errorf("Bundles = %d, want one", len(got))
	}
}

// Who asks to be left alone for longer than anybody waits is left alone.
func TestRetryAfter(t *testing.T) {
	w := newWorld(t, true)
	w.set(to("/manifests/", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		rw.Header().Set("Retry-After", "3600")
		rw.WriteHeader(429)
	}))
	r := w.open(t)
	_, err := r.Manifest(context.Background(), "v1")
	var e *oci.Error
	if !errors.As(err, &e) || e.After != time.Hour || e.Attempts != 1 {
		t.Fatalf("Manifest = %#v, want one attempt and an hour to wait", err)
	}
	if want := w.host + "/team/app: reading manifest v1: 429 Too Many Requests: the registry asks to be left alone for 1h0m0s"; err.Error() != want {
		t.Errorf("Manifest = %v\nwant %s", err, want)
	}
	if n := len(w.requests()); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}

// Who does not answer at all is not asked for ever.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	l.Close()
	for _, allow := range []bool{true, false} {
		a := access
		a.AllowHTTP = allow
		_, err = open(t, host+"/team/app", a).Manifest(context.Background(), "v1")
		if err == nil || !strings.Contains(err.Error(), "connection refused") || oci.IsMissing(err) {
			t.Errorf("Manifest = %v, want connection refused", err)
		}
	}
}

// An end of the caller's patience ends it at once.
func TestCancelled(t *testing.T) {
	w := newWorld(t, true)
	w.set(to("/manifests/", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.open(t).Manifest(ctx, "v1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Manifest = %v, want deadline exceeded", err)
	}
}

// What a registry will not take is said, with what it says itself, and it is
// not asked again.
func TestRefusedWrites(t *testing.T) {
	const denied = `{"errors":[{"code":"DENIED","message":"%s"}]}`
	for _, tt := range []struct {
		name, at, method string
		status           int
		said             string
		want             string
	}{
		{"forbidden", "/uploads/", "POST", 403, "denied", "403 Forbidden: DENIED (denied): these credentials may not write here, or the repository is read-only or full"},
		{"read-only", "/uploads/", "POST", 405, "read only", "405 Method Not Allowed: DENIED (read only): the registry takes nothing: it is read-only, or the tag is immutable"},
		{"too_large", "/uploads/", "PUT", 413, "too large", "413 Request Entity Too Large: DENIED (too large): the registry takes nothing this large, or has no room left"},
		{"quota", "/uploads/", "POST", 403, "quota exceeded", "DENIED (quota exceeded)"},
		{"immutable", "/manifests/sha256-", "PUT", 400, "tag is immutable", "400 Bad Request: DENIED (tag is immutable): the tag is there and cannot be changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, true)
			var asked atomic.Int32
			w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
				if strings.Contains(r.URL.Path, tt.at) && r.Method == tt.method {
					asked.Add(1)
					_, _ = io.Copy(io.Discard, r.Body)
					rw.WriteHeader(tt.status)
					fmt.Fprintf(rw, denied, tt.said)
					return
				}
				registry.ServeHTTP(rw, r)
			})
			path, h := file(t, "1")
			_, err := w.open(t).PutFile(context.Background(), "one", path, h)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("PutFile = %v\nwant %s", err, tt.want)
			}
			if asked.Load() != 1 {
				t.Errorf("it was asked %d times", asked.Load())
			}
		})
	}
}

// A registry that stores other bytes than it was sent is found out.
func TestStoresSomethingElse(t *testing.T) {
	w := newWorld(t, true)
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			rw.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
			rw.WriteHeader(http.StatusCreated)
			return
		}
		registry.ServeHTTP(rw, r)
	})
	path, h := file(t, "1")
	if _, err := w.open(t).PutFile(context.Background(), "one", path, h); err == nil || !strings.Contains(err.Error(), "it stored something else: sha256:000") {
		t.Errorf("PutFile = %v, want that it stored something else", err)
	}
}

// Blobs may lie elsewhere. Whoever keeps them sees no credentials, and what
// they send is held against the digest.
func TestRedirects(t *testing.T) {
	w, h, blob := published(t, true)
	var mu sync.Mutex
	var seen []http.Header
	content := bundle("a")
	store := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Clone())
		_, _ = rw.Write(content)
	}))
	defer store.Close()
	secured := func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if _, p, _ := r.BasicAuth(); p != "p" {
			rw.Header().Set("WWW-Authenticate", "Basic")
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasSuffix(r.URL.Path, blob) {
			http.Redirect(rw, r, store.URL+"/secret?signature=s3cret", http.StatusTemporaryRedirect)
			return
		}
		registry.ServeHTTP(rw, r)
	}
	w.set(secured)
	a := access
	a.Credentials = fixed{t, w.host, oci.Credential{Username: "u", Password: "p"}}
	if got := found(t, open(t, w.host+"/team/app", a), mustHash(t, h)); len(got) != 1 {
		t.Errorf("Bundles = %d, want one", len(got))
	}
	mu.Lock()
	if len(seen) == 0 {
		t.Error("the store was not asked")
	}
	for _, header := range seen {
		if header.Get("Authorization") != "" || header.Get("Cookie") != "" {
			t.Errorf("the store was shown %v", header)
		}
	}
	content = []byte("other")
	mu.Unlock()
	_, err := open(t, w.host+"/team/app", a).Bundles(context.Background(), mustHash(t, h), maxBundle)
	if err == nil || !strings.Contains(err.Error(), "that is sha256:") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Bundles = %v, want that the bytes are others", err)
	}
}

// Where a registry may not send us.
func TestRefusedRedirects(t *testing.T) {
	asks := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("WWW-Authenticate", "Basic")
		rw.WriteHeader(http.StatusUnauthorized)
	}))
	defer asks.Close()
	target := ""
	s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Location", target)
		rw.WriteHeader(http.StatusFound)
	}))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "https://")
	tls := oci.Access{Patience: quick, RootCAs: pool(s), AllowHTTP: true}
	for _, tt := range []struct{ to, want string }{
		{"http://" + host + "/v2/x", "it sends us from https to http at " + host},
		{asks.URL, "it sends us from https to http"},
		{"", "it names no place to go to"},
		{"ftp://x/", "what is no address of a registry"},
		{"https://user:pw@x/", "what is no address of a registry"},
		{"/v2/again", "it redirects more than 5 times"},
		{"https://[::1", "what is no address"},
	} {
		target = tt.to
		_, err := open(t, host+"/team/app", tls).Blob(context.Background(), hashOf(nil), 10)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), ":pw@") {
			t.Errorf("redirected to %q: Blob = %v, want %s", tt.to, err, tt.want)
		}
	}
	w := newWorld(t, true)
	w.set(to("/blobs/", func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if r.Method == http.MethodHead {
			registry.ServeHTTP(rw, r)
			return
		}
		http.Redirect(rw, r, asks.URL, http.StatusFound)
	}))
	_, err := w.open(t).Blob(context.Background(), hashOf(nil), 10)
	if err == nil || !strings.Contains(err.Error(), "asks for credentials: those for "+w.host+" are not shown there") {
		t.Errorf("Blob = %v, want that no credentials are shown there", err)
	}
	if err := open(t, w.host+"/team/app", access).PutBytes(context.Background(), []byte("x")); err == nil || !strings.Contains(err.Error(), "followed for reading only") {
		t.Errorf("PutBytes = %v, want that writing does not follow", err)
	}
}

// A registry elsewhere cannot have us ask around in our own network.
func TestInnerAddresses(t *testing.T) {
	for _, tt := range []struct {
		home, to string
		ok       bool
	}{
		{"https://registry.example", "https://store.example/x", true},
		{"https://registry.example", "https://169.254.169.254/latest/meta-data", false},
		{"https://registry.example", "https://127.0.0.1/x", false},
		{"https://registry.example", "https://[::1]/x", false},
		{"https://registry.example", "https://[::ffff:10.0.0.1]/x", false},
		{"https://registry.example", "https://localhost/x", false},
		{"https://registry.example", "https://10.1.2.3:8443/x", false},
		{"https://registry.example", "https://0.0.0.0/x", false},
		{"https://10.0.0.5:5000", "https://10.0.0.6/x", true},
		{"https://registry.example", "http://store.example/x", false},
		{"http://registry.example", "https://store.example/x", true},
		{"http://registry.example", "http://store.example/x", true},
	} {
		if err := oci.Follow(tt.home, tt.to); (err == nil) != tt.ok {
			t.Errorf("from %s to %s: %v, want allowed: %t", tt.home, tt.to, err, tt.ok)
		}
	}
}

// In the clear only where that is allowed, and not where TLS merely fails.
func TestPlain(t *testing.T) {
	w := newWorld(t, true)
	a := access
	a.AllowHTTP = false
	_, err := open(t, w.host+"/team/app", a).Manifest(context.Background(), "v1")
	if err == nil || !strings.HasSuffix(err.Error(), "it answers in plain http, and that is not allowed") || !strings.Contains(oci.Hint(err), "--allow-http-registry") {
		t.Errorf("Manifest = %v, %q, want that plain http is not allowed, and a hint", err, oci.Hint(err))
	}
	if got := w.requests(); len(got) != 0 {
		t.Errorf("it was asked %q in the clear", got)
	}

	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "https://")
	for _, allow := range []bool{true, false} {
		a.AllowHTTP = allow
		_, err = open(t, host+"/team/app", a).Manifest(context.Background(), "v1")
		if err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("Manifest of an unknown authority, http allowed %t = %v, want that its certificate is refused", allow, err)
		}
	}
}

// A blob that is longer than a line is read whole, and as slowly as it comes so
// long as it comes.
func TestSlow(t *testing.T) {
	w, h, blob := published(t, true)
	w.set(to("/blobs/"+blob, func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for _, b := range bundle("a") {
			_, _ = rw.Write([]byte{b})
			rw.(http.Flusher).Flush()
			time.Sleep(2 * time.Millisecond)
		}
	}))
	if got := found(t, w.open(t), mustHash(t, h)); len(got) != 1 {
		t.Errorf("Bundles = %d, want one", len(got))
	}
	// But not for ever.
	a := access
	a.Patience.Answer = 50 * time.Millisecond
	if _, err := open(t, w.host+"/team/app", a).Blob(context.Background(), mustHash(t, blob), 1000); err == nil || !strings.Contains(err.Error(), "it took too long: more than 100ms") {
		t.Errorf("Blob = %v, want that it took too long", err)
	}
}

// A registry that takes what it is sent and says nothing, or takes nothing, is
// not waited for.
func TestUploadHangs(t *testing.T) {
	for _, reads := range []bool{true, false} {
		w := newWorld(t, true)
		// A server that does not read does not see that nobody is there.
		over := make(chan struct{})
		t.Cleanup(func() { close(over) })
		w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			if r.Method == http.MethodPut {
				if reads {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				select {
				case <-r.Context().Done():
				case <-over:
				}
				return
			}
			registry.ServeHTTP(rw, r)
		})
		a := access
		a.Patience.Answer, a.Patience.Stall = 200*time.Millisecond, 200*time.Millisecond
		path, h := file(t, strings.Repeat("1", 32<<20))
		began := time.Now()
		_, err := open(t, w.host+"/team/app", a).PutFile(context.Background(), "one", path, h)
		if err == nil || !strings.Contains(err.Error(), "nothing came for too long") || !strings.Contains(err.Error(), "writing blob "+h.String()) {
			t.Errorf("registry reads %t: PutFile = %v, want that nothing came", reads, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("registry reads %t: it took %s", reads, took)
		}
	}
}

// Over TLS, all of it works, whether http is allowed or not.
func TestTLS(t *testing.T) {
	inner := newWorld(t, true)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		inner.handler.ServeHTTP(rw, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	for _, allow := range []bool{true, false} {
		a := oci.Access{Patience: quick, RootCAs: pool(s), AllowHTTP: allow}
		r := open(t, strings.TrimPrefix(s.URL, "https://")+"/team/app", a)
		d, h := putFile(t, r, "one", "1")
		refer(t, r, d, bundle("a"))
		if got := found(t, r, h); len(got) != 1 {
			t.Errorf("http allowed %t: Bundles = %d, want one", allow, len(got))
		}
	}
}
