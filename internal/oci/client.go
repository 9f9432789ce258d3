package oci

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// maxSaid bounds what is read of an answer that is an error: a line of it is
// shown.
const maxSaid = 16 << 10

// maxRedirects bounds how often an answer may name another place.
const maxRedirects = 5

// client speaks to one repository. Everything that bounds a registry is here:
// how long it is waited for, how much is read, where it may send us, who sees
// credentials, how often something is tried again.
type client struct {
	name     name.Repository
	access   Access
	patience Patience
	http     http.RoundTripper // no client: redirects are followed by our rules

	scheme struct {
		sync.Mutex
		known string
	}
	auth   authorizer
	silent silence
}

func newClient(repository name.Repository, a Access) *client {
	p := a.Patience.orDefault()
	c := &client{name: repository, access: a, patience: p}
	c.http = &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: p.Connect, KeepAlive: 30 * time.Second, ControlContext: guard(a.Refuse)}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: a.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: p.Connect,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     90 * time.Second,
		// What is asked for is held against a digest of its bytes as they are
		// stored, and a bound on what is sent bounds what is unpacked.
		DisableCompression: true,
	}
	c.auth.client = c
	return c
}

// request is one exchange with a registry.
type request struct {
	doing  string // a gerund, for errors
	method string
	path   string   // below the repository, "manifests/v1"
	url    *url.URL // instead of path, where the registry names a place itself
	query  url.Values
	header http.Header
	body   func() (io.ReadCloser, error)
	size   int64 // of body
	limit  int64 // of the answer, for how long it may take
	push   bool  // needs the right to write
	from   string
	accept []int // statuses that are no error
}

// answer is what came back. Its body must be closed.
type answer struct {
	*http.Response
	body io.ReadCloser
}

// do makes an exchange, and again where that helps: read takes what came back
// in, and is part of what is tried again.
func (c *client) do(ctx context.Context, r request, read func(*answer) error) error {
	for attempt := 1; ; attempt++ {
		err := c.silent.is()
		if err == nil {
			err = c.once(ctx, r, read)
			c.silent.note(err, c.patience.Answer)
		}
		if err == nil {
			return nil
		}
		if cause := ctx.Err(); cause != nil {
			return fmt.Errorf("%s/%s: %s: %w", c.name.RegistryStr(), c.name.RepositoryStr(), r.doing, cause)
		}
		e := c.fault(r, err)
		e.Attempts = attempt
		wait, again := c.again(e, attempt)
		if !again {
			return e
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// silence remembers that a registry was waited for in vain: who has a thousand
// things to ask does not wait for each.
type silence struct {
	mu    sync.Mutex
	err   error
	until time.Time
}

func (s *silence) is() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) {
		return s.err
	}
	return nil
}

// note keeps err, if it is that nothing came, in mind for a while.
func (s *silence) note(err error, while time.Duration) {
	if !errors.Is(err, errStalled) && !errors.Is(err, errSlow) && !isTimeout(err) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.until = err, time.Now().Add(while)
}

// fault makes an [Error] of whatever went wrong.
func (c *client) fault(r request, err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{cause: err}
	}
	e.Registry, e.Repository, e.Doing, e.method = c.name.RegistryStr(), c.name.RepositoryStr(), r.doing, r.method
	e.shown = c.auth.shown()
	return e
}

// again says whether another attempt helps, and after how long.
func (c *client) again(e *Error, attempt int) (time.Duration, bool) {
	if attempt >= c.patience.Attempts {
		return 0, false
	}
	wait := c.patience.Backoff << (attempt - 1)
	// All at once is how a registry came to be busy.
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1))
	if e.Status == 0 {
		return wait, passing(e.cause)
	}
	if e.After > c.patience.Wait {
		return 0, false
	}
	return max(wait, e.After), passes(e.Status)
}

// passes reports whether a status may be another one the next time.
func passes(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusRequestTimeout,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// passing reports whether err is of the kind that the next attempt may not
// meet: a connection that was cut, and not a certificate that is wrong.
func passing(err error) bool {
	var never errFinal
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var dns *net.DNSError
	switch {
	case errors.As(err, &never), errors.Is(err, ErrAddress), errors.Is(err, errPlain), errors.Is(err, errStalled), errors.Is(err, errSlow),
		errors.As(err, &record), errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &host),
		errors.Is(err, syscall.ECONNREFUSED):
		return false
	case errors.As(err, &dns):
		return dns.IsTemporary && !dns.IsNotFound
	case isTimeout(err):
		return false
	}
	return true
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// once makes one exchange.
func (c *client) once(ctx context.Context, r request, read func(*answer) error) error {
	a, err := c.exchange(ctx, r)
	if err != nil {
		return err
	}
	defer a.body.Close()
	if a.StatusCode != http.StatusOK && !slices.Contains(r.accept, a.StatusCode) {
		return c.refusal(a)
	}
	if err := read(a); err != nil {
		return err
	}
	// What is left is read so that the connection can serve again, but not for
	// long.
	_, _ = io.CopyN(io.Discard, a.body, maxSaid)
	return nil
}

// refusal is the error that an unwelcome status stands for.
func (c *client) refusal(a *answer) error {
	body, _ := io.ReadAll(io.LimitReader(a.body, maxSaid))
	e := &Error{Status: a.StatusCode, Said: c.auth.scrub(said(body))}
	if v := a.Header.Get("Retry-After"); v != "" {
		if n, err := strconv.Atoi(v); err == nil && n >= 0 && n < 1<<20 {
			e.After = time.Duration(n) * time.Second
		} else if t, err := http.ParseTime(v); err == nil {
			e.After = max(0, time.Until(t).Round(time.Second))
		}
	}
	return e
}

// exchange sends r, with credentials where the registry asks for them, and goes
// where it is sent.
func (c *client) exchange(ctx context.Context, r request) (*answer, error) {
	scheme, err := c.schemeOf(ctx)
	if err != nil {
		return nil, err
	}
	to := r.url
	if to == nil {
		to = &url.URL{Scheme: scheme, Host: c.name.RegistryStr(), Path: "/v2/" + c.name.RepositoryStr() + "/" + r.path}
	}
	if len(r.query) > 0 {
		u := *to
		q := u.Query()
		for k, v := range r.query {
			q[k] = v
		}
		u.RawQuery = q.Encode()
		to = &u
	}
	home := &url.URL{Scheme: scheme, Host: c.name.RegistryStr()}
	scope := c.auth.scope(r)
	asked := false
	for redirects := 0; ; {
		atHome := sameHost(home, to)
		var authorization string
		if atHome {
			authorization = c.auth.header(scope)
		}
		a, err := c.send(ctx, r, to, authorization)
		if err != nil {
			return nil, err
		}
		switch {
		case a.StatusCode == http.StatusUnauthorized && atHome && !asked:
			asked = true
			challenges := a.Header.Values("WWW-Authenticate")
			a.close()
			if err := c.auth.answer(ctx, home, challenges, scope, authorization); err != nil {
				return nil, err
			}
		case a.StatusCode == http.StatusUnauthorized && !atHome:
			a.close()
			return nil, final("it sends us to %s, which asks for credentials: those for %s are not shown there", to.Host, home.Host)
		case isRedirect(a.StatusCode):
			location := a.Header.Get("Location")
			a.close()
			if r.method != http.MethodGet && r.method != http.MethodHead {
				return nil, final("it answers %s with a redirect, which is followed for reading only", r.method)
			}
			if redirects++; redirects > maxRedirects {
				return nil, final("it redirects more than %d times", maxRedirects)
			}
			if to, err = follow(home, to, location); err != nil {
				return nil, err
			}
		default:
			return a, nil
		}
	}
}

func (a *answer) close() {
	_, _ = io.CopyN(io.Discard, a.body, maxSaid)
	a.body.Close()
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow resolves where a registry sends us. Never from TLS into the clear, and
// never to an address of this machine or its network that the registry is not
// itself at: a registry has no business there and we may have.
func follow(home, from *url.URL, location string) (*url.URL, error) {
	if location == "" {
		return nil, final("it names no place to go to")
	}
	to, err := from.Parse(location)
	if err != nil {
		return nil, final("it sends us to what is no address")
	}
	switch {
	case to.Scheme != "https" && to.Scheme != "http", to.Host == "", to.User != nil:
		return nil, final("it sends us to what is no address of a registry")
	case to.Scheme == "http" && (from.Scheme == "https" || home.Scheme == "https"):
		return nil, final("it sends us from https to http at %s", clean(to.Host, 100))
	case !sameHost(home, to) && inside(to.Hostname()) && !inside(home.Hostname()):
		return nil, final("it sends us to an inner address, %s", clean(to.Host, 100))
	}
	return to, nil
}

// inside reports whether host is this machine or an address that only its own
// network knows.
func inside(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast()
}

// sameHost reports whether two addresses are of the same server, and spoken to
// in the same way.
func sameHost(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// The ends of an exchange that does not end by itself.
var (
	errStalled = errors.New("nothing came for too long")
	errSlow    = errors.New("it took too long")
)

// send sends r to one place. The exchange ends when it stalls, when it takes
// too long altogether, and when the answer's body is closed.
func (c *client) send(ctx context.Context, r request, to *url.URL, authorization string) (*answer, error) {
	total := c.patience.total(r.limit + r.size)
	ctx, stop := context.WithTimeoutCause(ctx, total, fmt.Errorf("%w: more than %s", errSlow, total))
	ctx, cancel := context.WithCancelCause(ctx)
	wait := func(d time.Duration) error { return fmt.Errorf("%w: %s", errStalled, d) }
	dog := &watchdog{ctx: ctx, stall: c.patience.Stall}
	connect := 2*c.patience.Connect + c.patience.Answer
	dog.timer = time.AfterFunc(connect, func() { cancel(wait(dog.waited())) })
	dog.reset(connect)
	dog.end = func() { dog.timer.Stop(); cancel(nil); stop() }

	// What is sent may itself fail to be read, and net/http then speaks of the
	// connection.
	var unread atomic.Pointer[error]
	open := func() (io.ReadCloser, error) {
		b, err := r.body()
		if err != nil {
			unread.Store(&err)
			return nil, err
		}
		return &upload{b, dog, c.patience.Answer, &unread}, nil
	}
	var body io.ReadCloser
	if r.body != nil {
		b, err := open()
		if err != nil {
			dog.end()
			return nil, err
		}
		body = b
	}
	// However long it takes to connect and to send, the wait for an answer
	// begins behind it.
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { dog.reset(c.patience.Answer) },
	})
	req, err := http.NewRequestWithContext(traced, r.method, to.String(), body)
	if err != nil {
		dog.end()
		return nil, errFinal{err}
	}
	if body != nil {
		req.ContentLength = r.size
		if r.size == 0 {
			req.Body = http.NoBody
		}
		req.GetBody = open
	}
	for k, v := range r.header {
		req.Header[k] = v
	}
	if c.access.UserAgent != "" {
		req.Header.Set("User-Agent", c.access.UserAgent)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		err = dog.cause(err)
		dog.end()
		if why := unread.Load(); why != nil {
			return nil, *why
		}
		var record tls.RecordHeaderError
		if errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/" {
			err = errPlain
		}
		return nil, err
	}
	dog.reset(c.patience.Stall)
	return &answer{resp, &watched{resp.Body, dog}}, nil
}

// watchdog ends an exchange in which nothing moves.
type watchdog struct {
	ctx   context.Context // of the exchange, for why it ended
	timer *time.Timer
	stall time.Duration
	end   func()
	mu    sync.Mutex
	armed time.Duration
}

func (d *watchdog) reset(after time.Duration) {
	d.mu.Lock()
	d.armed = after
	d.mu.Unlock()
	d.timer.Reset(after)
}

func (d *watchdog) waited() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.armed
}

// cause is why the exchange ended, where it was ended from here.
func (d *watchdog) cause(err error) error {
	if c := context.Cause(d.ctx); c != nil && d.ctx.Err() != nil {
		return c
	}
	return err
}

// watched is a body whose reading must not stall.
type watched struct {
	io.ReadCloser
	dog *watchdog
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	switch {
	case err == nil:
		if n > 0 {
			w.dog.reset(w.dog.stall)
		}
	case err != io.EOF:
		err = w.dog.cause(err)
	}
	return n, err
}

func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	w.dog.end()
	return err
}

// upload is a body on its way out.
type upload struct {
	io.ReadCloser
	dog    *watchdog
	answer time.Duration
	unread *atomic.Pointer[error]
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	// The end of what is read here is not yet on its way.
	u.dog.reset(u.dog.stall + u.answer)
	if err != nil && err != io.EOF {
		u.unread.Store(&err)
	}
	return n, err
}

// schemeOf says how the registry is spoken to. Where http is allowed, it is
// used with what shows that it speaks no TLS, and not where TLS merely fails:
// a certificate that is wrong stays wrong.
func (c *client) schemeOf(ctx context.Context) (string, error) {
	c.scheme.Lock()
	defer c.scheme.Unlock()
	if c.scheme.known != "" {
		return c.scheme.known, nil
	}
	if !c.access.AllowHTTP {
		c.scheme.known = "https"
		return "https", nil
	}
	probe := request{method: http.MethodGet, limit: maxSaid}
	a, err := c.send(ctx, probe, &url.URL{Scheme: "https", Host: c.name.RegistryStr(), Path: "/v2/"}, "")
	var record tls.RecordHeaderError
	switch {
	case err == nil:
		a.close()
		c.scheme.known = "https"
	case ctx.Err() != nil:
		return "", err
	case errors.Is(err, errPlain), errors.As(err, &record), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET),
		// Its port for TLS; the one for http is another.
		errors.Is(err, syscall.ECONNREFUSED) && !strings.Contains(c.name.RegistryStr(), ":"):
		c.scheme.known = "http"
	default:
		return "", err
	}
	return c.scheme.known, nil
}

// readLimited reads an answer of at most limit bytes.
func readLimited(a *answer, limit int64) ([]byte, error) {
	if a.ContentLength > limit {
		return nil, final("it answers with %d bytes, expected at most %d", a.ContentLength, limit)
	}
	var data bytes.Buffer
	if a.ContentLength > 0 {
		data.Grow(int(min(a.ContentLength, 1<<20)) + bytes.MinRead)
	}
	if _, err := data.ReadFrom(io.LimitReader(a.body, limit+1)); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("its answer was cut off: %w", err)
		}
		return nil, err
	}
	if int64(data.Len()) > limit {
		return nil, final("it answers with more than %d bytes", limit)
	}
	return data.Bytes(), nil
}
