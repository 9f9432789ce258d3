package sign

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/attest/sign/identity"
)

// The kinds of services, as messages call them.
const (
	authorityService = "certificate authority"
	logService       = "transparency log"
	timestampService = "timestamp authority"
)

// Limits on how a service is asked. An answer is a certificate, a log entry or
// a timestamp: kilobytes, but for a log of version 1, which repeats a DSSE
// envelope's hashes only. Who does not answer within patience is out of order.
const (
	maxAnswer = 4 << 20
	patience  = 30 * time.Second
	tries     = 3
	// mostWait bounds how long a service may have us wait before the next try.
	mostWait = 10 * time.Second
)

// errEndless stops reading what no service has to say.
var errEndless = errors.New("its answer is endless: more than 4 MiB")

// ask does something that asks the service at address, again where that may
// help: where it could not be reached, or says that it is busy. It tells apart
// who refuses from who is out of order. work is given the client to ask with.
func ask(ctx context.Context, service, address string, work func(context.Context, *http.Client) error) error {
	var d door
	var err error
	for try := 1; ; try++ {
		var cancel context.CancelFunc
		d = door{ctx: ctx, base: base}
		d.ctx, cancel = context.WithTimeout(ctx, patience)
		began := time.Now()
		err = work(d.ctx, &http.Client{Transport: &d, CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect }})
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
		if !d.used {
			return fmt.Errorf("asking the %s %s: %w", service, address, err)
		}
		busy := d.status == 0 || passing(d.status) || d.status >= 500
		// Who let us wait long will do so again.
		if !busy || try == tries || time.Since(began) > patience/2 || errors.Is(err, errRedirect) || errors.Is(err, errEndless) {
			break
		}
		wait := min(max(d.after, 300*time.Millisecond<<(2*(try-1))), mostWait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case d.status >= 400 && d.status < 500 && !passing(d.status):
		return &RefusedError{Service: service, URL: address, Status: d.status, Message: said(d.seen, err)}
	case d.ctx.Err() != nil && errors.Is(context.Cause(d.ctx), context.DeadlineExceeded):
		err = errors.New("no whole answer within " + patience.String())
	case d.status >= 400:
		err = errors.New("HTTP " + strconv.Itoa(d.status) + ": " + said(d.seen, err))
	default:
		err = plain{said(err.Error(), nil), err}
	}
	return &OutageError{Service: service, URL: address, Err: err}
}

// passing reports whether a status is no answer to what was asked: too many
// requests, too slow a one, or one that the service believes was given up. A log
// answers the latter to all who are in one batch with somebody who has gone.
func passing(status int) bool {
	const givenUp = 499 // of no RFC; gRPC's gateways write it for Canceled
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == givenUp
}

// plain is an error with a message that is safe to show.
type plain struct {
	message string
	err     error
}

func (p plain) Error() string { return p.message }
func (p plain) Unwrap() error { return p.err }

// said shows what a service answered, without a token that it repeats.
func said(text string, otherwise error) string {
	if strings.TrimSpace(text) == "" && otherwise != nil {
		text = otherwise.Error()
	}
	return identity.Scrub(text)
}

// base is what all services are asked through, so that connections are kept.
var base http.RoundTripper = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	ForceAttemptHTTP2:     true,
	TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	TLSHandshakeTimeout:   10 * time.Second,
	ResponseHeaderTimeout: patience,
	IdleConnTimeout:       time.Minute,
}

// door is through which one request goes out and its answer comes in: bounded,
// and remembered as far as an error needs it.
type door struct {
	used   bool
	ctx    context.Context
	base   http.RoundTripper
	status int
	after  time.Duration
	// seen is how a refusal begins.
	seen string
}

// RoundTrip implements [http.RoundTripper]. The libraries above ask without a
// context, so the door gives them one.
func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	d.used = true
	resp, err := d.base.RoundTrip(r.WithContext(d.ctx))
	if err != nil {
		return nil, err
	}
	d.status = resp.StatusCode
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		d.after = time.Duration(min(s, int(mostWait/time.Second))) * time.Second
	}
	body := &bounded{body: resp.Body, left: maxAnswer}
	resp.Body = body
	if resp.StatusCode >= 400 {
		// Not every client above reads what comes with a refusal.
		const enough = 600
		head, err := io.ReadAll(io.LimitReader(body, enough))
		d.seen = string(head)
		if err == nil {
			resp.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(strings.NewReader(d.seen), body), body}
		}
	}
	return resp, nil
}

// bounded is the body of an answer.
type bounded struct {
	body io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errEndless
	}
	n, err := b.body.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }
