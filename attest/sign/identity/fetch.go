package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	// maxAnswer is what any endpoint may answer: a token and some words about
	// it, a list of endpoints, or an issuer's keys.
	maxAnswer = 1 << 20
	// answerTime is how long one request may take. Issuers answer within a
	// second or not at all.
	answerTime = 30 * time.Second
	// attempts is how often a request is made that failed for a reason that may
	// pass; GitHub's issuer is known to need it.
	attempts   = 3
	retryPause = 500 * time.Millisecond
)

// errTooMuch means that an endpoint did not stop answering.
var errTooMuch = fmt.Errorf("the answer is too large: more than %d bytes", maxAnswer)

// client returns a client that follows no redirect, since what it carries is
// meant for one host alone, and that reads no more than [maxAnswer]. It uses
// the proxies of the environment as net/http does.
func client() *http.Client {
	return &http.Client{
		Transport:     limited{http.DefaultTransport},
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// limited cuts no answer off, but fails where one is too large.
type limited struct{ under http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.under.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{resp.Body, maxAnswer}
	return resp, nil
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooMuch
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}

// answer is what an endpoint said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// statusError is an answer with another status than was hoped for.
type statusError struct {
	where, status string
	code          int
}

func (e *statusError) Error() string { return e.where + " answered " + e.status }

// connectionError is a failure between here and an endpoint, which may pass.
type connectionError struct {
	doing string
	err   error
}

func (e *connectionError) Error() string { return e.doing + ": " + e.err.Error() }
func (e *connectionError) Unwrap() error { return e.err }

// send makes a request, again where it failed for a reason that may pass, and
// returns the answer whatever its status. build makes the request anew each
// time.
func send(ctx context.Context, c *http.Client, build func() (*http.Request, error)) (answer, error) {
	for i := 1; ; i++ {
		r, err := build()
		if err != nil {
			return answer{}, errors.New("making the request: something in it cannot be sent")
		}
		a, err := once(ctx, c, r)
		var cut *connectionError
		passing := errors.As(err, &cut) || a.status >= 500 || a.status == http.StatusTooManyRequests
		if !passing || i == attempts || ctx.Err() != nil {
			return a, err
		}
		if err := pause(ctx, time.Duration(i)*retryPause); err != nil {
			return answer{}, err
		}
	}
}

// once makes one request.
func once(ctx context.Context, c *http.Client, r *http.Request) (answer, error) {
	where := shownURL(r.URL)
	resp, err := c.Do(r.WithContext(ctx))
	if err != nil {
		return answer{}, &connectionError{"asking " + where, bare(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if errors.Is(err, errTooMuch) {
		return answer{}, fmt.Errorf("reading the answer of %s: %w", where, err)
	}
	if err != nil {
		return answer{}, &connectionError{"reading the answer of " + where, bare(err)}
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		to := "elsewhere"
		if u, err := resp.Location(); err == nil {
			to = shownURL(u)
		}
		return answer{}, fmt.Errorf("%s redirects to %s, which is not followed", where, to)
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

// failed says what an answer's status is, in the words of net/http and not of
// whoever answered.
func (a answer) failed(u *url.URL) *statusError {
	return &statusError{shownURL(u), strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))), a.status}
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// bare returns err without the URL, which may hold more than should be shown.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// shownURL returns where u leads, without user, password and query.
func shownURL(u *url.URL) string {
	return Escape((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// secureURL parses an address that credentials are sent to or come from. It has
// to be https, or on this machine.
func secureURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("is no URL")
	case u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("names no host: expected https://")
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("names a host with letters beyond ASCII: write it as DNS does, with xn--")
	case u.User != nil:
		return nil, errors.New("holds a user or password, which has no place in it")
	case u.Fragment != "":
		return nil, errors.New("holds a fragment, which has no place in it")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("is %s, expected https://, or http:// on this machine", shownURL(u))
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// direct returns a client as [client] does, which asks no proxy.
func direct() *http.Client {
	c := client()
	c.Transport = limited{&http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		ResponseHeaderTimeout: answerTime,
		DisableKeepAlives:     true,
	}}
	return c
}
