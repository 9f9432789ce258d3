package sign

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hallmark-project/hallmark/attest/sign/identity"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	sigstore "github.com/sigstore/sigstore-go/pkg/sign"
)

// certifier has a certificate authority certify a key made for the occasion:
// once for all statements of a release, so that a person is asked once and the
// certificate log holds one entry.
type certifier struct {
	url      string
	audience string
	tokens   identity.Source
	announce func(identity.Token) error
	expect   func(issuer, identity string) error
	now      func() time.Time

	mu      sync.Mutex
	pair    *sigstore.EphemeralKeypair
	leaf    *x509.Certificate
	summary certificate.Summary
	// fault is why there is no certificate, as of when: statements that are
	// signed side by side must not ask a person, an issuer or an authority, one
	// after the other, what was answered already.
	fault error
	since time.Time
}

// respite is for how long nobody is asked again after there was no certificate.
const respite = 10 * time.Second

// reserve is how much of a certificate's life must be left to sign with it: the
// timestamp or log entry has to be made within.
const reserve = time.Minute

// certified returns the key and its certificate, fresh if need be.
func (c *certifier) certified(ctx context.Context) (*sigstore.EphemeralKeypair, *x509.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaf != nil && c.now().Before(c.leaf.NotAfter.Add(-reserve)) {
		return c.pair, c.leaf, nil
	}
	if c.fault != nil && time.Since(c.since) < respite {
		return nil, nil, c.fault
	}
	pair, leaf, err := c.certify(ctx)
	if err != nil && ctx.Err() == nil {
		c.fault, c.since = err, time.Now()
	}
	return pair, leaf, err
}

// certify asks for a certificate.
func (c *certifier) certify(ctx context.Context) (*sigstore.EphemeralKeypair, *x509.Certificate, error) {
	token, err := c.tokens.Token(ctx, c.audience)
	if err != nil {
		return nil, nil, err
	}
	if err := token.Valid(c.now(), c.audience); err != nil {
		return nil, nil, fmt.Errorf("%w (this machine's clock says %s)", err, c.now().UTC().Format(time.RFC3339))
	}
	if c.announce != nil {
		if err := c.announce(token); err != nil {
			return nil, nil, err
		}
	}
	pair, err := sigstore.NewEphemeralKeypair(nil)
	if err != nil {
		return nil, nil, errors.New("making a key for the occasion")
	}
	var der []byte
	err = ask(ctx, authorityService, c.url, func(ctx context.Context, client *http.Client) error {
		// The client of sigstore-go follows redirects, to which the transport
		// says no.
		f := sigstore.NewFulcio(&sigstore.FulcioOptions{BaseURL: c.url, Timeout: patience, Transport: straight{client.Transport}})
		var err error
		der, err = f.GetCertificate(ctx, pair, &sigstore.CertificateProviderOptions{IDToken: token.Raw()})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, &OutageError{Service: authorityService, URL: c.url, Err: errors.New("what it answers is no certificate")}
	}
	if err := c.mine(pair, leaf); err != nil {
		return nil, nil, fmt.Errorf("the %s %s: %w", authorityService, c.url, err)
	}
	if c.summary, err = certificate.SummarizeCertificate(leaf); err != nil {
		return nil, nil, fmt.Errorf("the %s %s: its certificate names nobody: %v", authorityService, c.url, err)
	}
	if c.expect != nil {
		if err := c.expect(c.summary.Issuer, c.summary.SubjectAlternativeName); err != nil {
			return nil, nil, err
		}
	}
	c.pair, c.leaf = pair, leaf
	return pair, leaf, nil
}

// mine holds a certificate against what was asked for.
func (c *certifier) mine(pair *sigstore.EphemeralKeypair, leaf *x509.Certificate) error {
	want, err := x509.MarshalPKIXPublicKey(pair.GetPublicKey())
	if err != nil {
		return err
	}
	if string(want) != string(leaf.RawSubjectPublicKeyInfo) {
		return errors.New("its certificate is for another key")
	}
	now := c.now()
	if now.Before(leaf.NotBefore.Add(-skew)) || !now.Before(leaf.NotAfter) {
		return fmt.Errorf("its certificate is valid from %s to %s, and this machine's clock says %s: set the clock",
			leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// skew is how far two clocks may be apart.
const skew = 5 * time.Minute

// straight follows no redirect: who was to be asked gets the token and nobody
// else.
type straight struct{ http.RoundTripper }

func (s straight) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode >= 300 && resp.StatusCode < 400 {
		resp.Body.Close()
		return nil, errRedirect
	}
	return resp, err
}
