package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// loginTime is how long somebody may take to log in.
const loginTime = 5 * time.Minute

// Browser returns a source that lets a person log in with a browser on this
// machine: an authorization code with PKCE, which comes back to a listener on
// loopback (RFC 8252, RFC 7636). Where no browser can be opened, the address
// is shown.
func Browser(l Login) (Source, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.RedirectURL != "" {
		u, err := secureURL(l.RedirectURL)
		if err != nil || u.Scheme != "http" || u.RawQuery != "" || u.Path == "" || u.Port() == "" || u.Port() == "0" {
			return nil, fmt.Errorf("logging in: the redirect URL is \"%s\", expected http://localhost:PORT/PATH", clip(Escape(l.RedirectURL)))
		}
	}
	return Keep(browser{l, loginTime}, l.Now), nil
}

type browser struct {
	login    Login
	patience time.Duration
}

func (b browser) Name() string { return "a login at " + Escape(b.login.issuer()) }

func (b browser) Token(ctx context.Context, audience string) (Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.patience, fmt.Errorf("nobody has logged in for %s", b.patience))
	defer cancel()
	t, err := b.token(ctx, audience)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Token{}, getting(b, err)
	}
	return t, nil
}

func (b browser) token(ctx context.Context, audience string) (Token, error) {
	clientID := b.login.ClientID
	if clientID == "" {
		clientID = audience
	}
	p, err := discover(ctx, b.login.issuer())
	if err != nil {
		return Token{}, err
	}
	if p.config.AuthURL == "" {
		return Token{}, errors.New("the issuer has no page to log in at (authorization_endpoint)")
	}
	// Each holds at least 128 bits.
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	back, err := listen(b.login.RedirectURL, state, p)
	if err != nil {
		return Token{}, err
	}
	defer back.close()

	page, err := url.Parse(p.config.AuthURL)
	if err != nil {
		return Token{}, errors.New("the issuer's page to log in at is no URL")
	}
	query := page.Query()
	maps.Copy(query, url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "scope": {"openid email"},
		"redirect_uri": {back.url}, "state": {state}, "nonce": {nonce},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	})
	page.RawQuery = query.Encode()
	open := b.login.Open
	if open == nil {
		open = systemBrowser(b.login.Env)
	}
	b.login.Show("Log in with a browser on this machine, at:\n\n  " + page.String() + "\n")
	if err := open(ctx, page.String()); err != nil {
		b.login.Show(fmt.Sprintf("No browser was opened here (%s): open that address yourself.", Scrub(err.Error())))
	}
	code, err := back.wait(ctx)
	if err != nil {
		return Token{}, err
	}
	raw, err := p.redeem(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back.url},
		"client_id": {clientID}, "code_verifier": {verifier},
	})
	if err != nil {
		return Token{}, err
	}
	return b.login.verified(ctx, p, raw, clientID, nonce)
}
