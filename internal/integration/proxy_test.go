//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between a client and a server, and lies as it is told.
type proxy struct {
	url  string // for the URL of the server: the same path
	host string // for the host and port of the server

	server *httptest.Server
	mu     sync.Mutex
	lies   []lie
	seen   []string // METHOD path of each request
}

// fault answers a request in place of the server, or alters its answer: next is
// the server.
type fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

type lie struct {
	when func(*http.Request) bool
	fault
}

// newProxy stands before target, a URL or a host and port, and forwards
// everything until it is told otherwise.
func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	whole := target
	if !strings.Contains(target, "://") {
		whole = "http://" + target
	}
	u, err := url.Parse(whole)
	check(t, err)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = u.Scheme, u.Host
			// Registries give addresses for uploads: let them be ours.
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "proxy: "+err.Error(), http.StatusBadGateway)
		},
	}
	p := &proxy{}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.Method+" "+r.URL.Path)
		var answer fault
		for _, l := range p.lies {
			if l.when == nil || l.when(r) {
				answer = l.fault
				break
			}
		}
		p.mu.Unlock()
		if answer == nil {
			forward.ServeHTTP(w, r)
			return
		}
		answer(w, r, forward)
	}))
	t.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
	})
	p.host = strings.TrimPrefix(p.server.URL, "http://")
	p.url = p.server.URL + strings.TrimSuffix(u.Path, "/")
	return p
}

// lie has every request answered by f.
func (p *proxy) lie(f fault) *proxy { return p.lieOn(nil, f) }

// lieOn has those requests answered by f for which when is true. What was told
// first goes first.
func (p *proxy) lieOn(when func(*http.Request) bool, f fault) *proxy {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies = append(p.lies, lie{when, f})
	return p
}

// honest forgets all lies.
func (p *proxy) honest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies = nil
}

// requests are those so far whose "METHOD path" contains part.
func (p *proxy) requests(part string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, s := range p.seen {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}

// down refuses connections from now on.
func (p *proxy) down() *proxy {
	p.server.CloseClientConnections()
	p.server.Close()
	return p
}

// refusing is an address of loopback at which nobody listens.
func refusing(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

// method and path begin a condition for lieOn.
func method(names ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		for _, n := range names {
			if r.Method == n {
				return true
			}
		}
		return false
	}
}

// path is true of requests with a method, if any is given, whose path contains
// part.
func path(part string, methods ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, part) && (len(methods) == 0 || method(methods...)(r))
	}
}

// hang answers nothing until the client has gone.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	// Only who has read all that was sent is told that the client has gone.
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// slow answers as the server does, later.
func slow(d time.Duration) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		select {
		case <-time.After(d):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// status answers with code alone.
func status(code int) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, http.StatusText(code), code)
	}
}

// first applies f to the first n requests, and then lets the server answer.
func first(n int, f fault) fault { return sequence(n, f, honest) }

// after lets the server answer the first n requests, and then applies f.
func after(n int, f fault) fault { return sequence(n, honest, f) }

func honest(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }

// sequence applies one to the first n requests and other to all after them.
func sequence(n int, one, other fault) fault {
	var seen atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if seen.Add(1) <= int64(n) {
			one(w, r, next)
			return
		}
		other(w, r, next)
	}
}

// busy asks to come back after some seconds (RFC 6585, 429).
func busy(seconds int) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		http.Error(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}`, http.StatusTooManyRequests)
	}
}

// html is what a portal says that sits between.
func html(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html><title>Sign in</title><p>Please sign in to the guest network.")
}

// endless begins an answer and never ends it.
func endless(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	block := bytes.Repeat([]byte(" "), 64<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// redirect sends the client elsewhere.
func redirect(base string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, base+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
}

// truncated promises the server's whole answer and breaks off in its middle.
func truncated(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := record(r, next)
	answer.copyHeader(w)
	w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// altered is the server's answer with one bit of the byte in its middle flipped.
func altered(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rewritten(func(body []byte) []byte {
		if len(body) > 0 {
			body[len(body)/2] ^= 1
		}
		return body
	})(w, r, next)
}

// rewritten is the server's answer with another body.
func rewritten(change func([]byte) []byte) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := record(r, next)
		body := change(bytes.Clone(answer.Body.Bytes()))
		answer.copyHeader(w)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		if r.Method != http.MethodHead {
			_, _ = w.Write(body)
		}
	}
}

type recorded struct{ *httptest.ResponseRecorder }

// record is the server's answer.
func record(r *http.Request, next http.Handler) recorded {
	answer := httptest.NewRecorder()
	// What is compressed cannot be altered in one bit and still be read.
	r.Header.Set("Accept-Encoding", "identity")
	next.ServeHTTP(answer, r)
	return recorded{answer}
}

func (a recorded) copyHeader(w http.ResponseWriter) {
	for k, v := range a.Header() {
		w.Header()[k] = v
	}
}

// cutUpload takes half of what a client sends and breaks the connection.
func cutUpload(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.CopyN(io.Discard, r.Body, max(r.ContentLength/2, 1))
	panic(http.ErrAbortHandler)
}
