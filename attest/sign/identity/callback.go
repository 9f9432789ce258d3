package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// callbackPath is what the public issuer, and those like it, let our client
// come back to.
const callbackPath = "/auth/callback"

// maxCode is far more than issuers write.
const maxCode = 8 << 10

// callback waits on loopback for the one answer that a browser brings back.
//
// Any program of this machine, and any page in the browser, can ask it
// something. Only the answer that knows the state ends the wait.
type callback struct {
	url      string
	host     string
	path     string
	state    string
	provider *provider
	servers  []*http.Server
	once     sync.Once
	got      chan outcome
}

type outcome struct {
	code string
	err  error
}

// listen begins to wait at address, or where that is empty at any free port.
func listen(address, state string, p *provider) (*callback, error) {
	// RFC 8252, section 8.3, prefers the address to the name "localhost". cosign
	// comes back to the name, so that is what issuers know which are set up for
	// it; both kinds of address are taken below.
	u := &url.URL{Scheme: "http", Host: "localhost:0", Path: callbackPath}
	if address != "" {
		var err error
		if u, err = url.Parse(address); err != nil {
			return nil, errors.New("the redirect URL is none")
		}
	}
	listeners, err := loopbackListeners(u.Hostname(), u.Port())
	if err != nil {
		return nil, fmt.Errorf("waiting for the browser to come back: %w", err)
	}
	_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
	u.Host = net.JoinHostPort(u.Hostname(), port)
	c := &callback{url: u.String(), host: u.Host, path: u.Path, state: state, provider: p, got: make(chan outcome, 1)}
	if address != "" {
		// Issuers compare it letter by letter with the one that they know.
		c.url = address
	}
	for _, l := range listeners {
		s := &http.Server{
			Handler: c, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
			WriteTimeout: 5 * time.Second, MaxHeaderBytes: 64 << 10,
		}
		s.SetKeepAlivesEnabled(false)
		c.servers = append(c.servers, s)
		go func() { _ = s.Serve(l) }()
	}
	return c, nil
}

// loopbackListeners listens at host and port. For "localhost" it takes the
// port on each kind of address that the machine has: a browser may try either,
// and what is left free could be taken by another program.
func loopbackListeners(host, port string) ([]net.Listener, error) {
	if host != "localhost" {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	const tries = 5
	for i := 1; ; i++ {
		four, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			return nil, err
		}
		_, taken, _ := net.SplitHostPort(four.Addr().String())
		six, err := net.Listen("tcp6", net.JoinHostPort("::1", taken))
		if err == nil {
			return []net.Listener{four, six}, nil
		}
		if any, anyErr := net.Listen("tcp6", "[::1]:0"); anyErr != nil {
			// There is no IPv6 on this machine.
			return []net.Listener{four}, nil
		} else {
			any.Close()
		}
		four.Close()
		if port != "0" || i == tries {
			return nil, err
		}
	}
}

func (c *callback) close() {
	for _, s := range c.servers {
		// The page that says that it is done is still being sent.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
		cancel()
	}
}

// wait returns the code that the browser brings.
func (c *callback) wait(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case o := <-c.got:
		return o.code, o.err
	}
}

func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
	} {
		w.Header().Set(name, value)
	}
	// A page elsewhere, whose name was made to lead here, names itself.
	if r.Host != c.host {
		page(w, http.StatusMisdirectedRequest, "Nothing to see here.")
		return
	}
	if r.URL.Path != c.path {
		page(w, http.StatusNotFound, "Nothing to see here.")
		return
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		page(w, http.StatusMethodNotAllowed, "Nothing to see here.")
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	// RFC 6749, section 10.12: "the client MUST implement CSRF protection for its
	// redirection URI". An answer to another login neither ends this one nor
	// becomes part of it.
	if err != nil || len(query["state"]) != 1 || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(c.state)) != 1 {
		page(w, http.StatusBadRequest, "This is not the answer to the login that hallmark waits for. It still waits.")
		return
	}
	o := c.outcome(query)
	first := false
	c.once.Do(func() { first = true })
	switch {
	case !first:
		page(w, http.StatusGone, "This login is over.")
		return
	case o.err != nil:
		page(w, http.StatusOK, "The login failed. The terminal says why; you can close this page.")
	default:
		page(w, http.StatusOK, "You are logged in. Go back to the terminal; you can close this page.")
	}
	c.got <- o
}

// outcome reads an answer that knows the state.
func (c *callback) outcome(query url.Values) outcome {
	// RFC 9207, section 2.4: clients "MUST compare the value of the iss parameter
	// … If the values differ, clients MUST reject the authorization response".
	// https://www.rfc-editor.org/rfc/rfc9207#section-2.4
	if iss, there := query["iss"]; there && (len(iss) != 1 || iss[0] != c.provider.config.IssuerURL) {
		return outcome{err: errors.New("the browser brought the answer of another issuer")}
	} else if !there && c.provider.issParameter {
		return outcome{err: errors.New("the browser brought an answer that does not name its issuer")}
	}
	if code := query.Get("error"); code != "" {
		return outcome{err: &refusal{code, Scrub(query.Get("error_description"), c.state)}}
	}
	code := query["code"]
	if len(code) != 1 || code[0] == "" || len(code[0]) > maxCode {
		return outcome{err: errors.New("the browser brought no code")}
	}
	return outcome{code: code[0]}
}

func page(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=\"en\"><head><title>hallmark</title></head><body><p>%s</p></body></html>\n", html.EscapeString(text))
}
