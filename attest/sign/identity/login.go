package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// PublicIssuer is where people log in for the public Fulcio.
const PublicIssuer = "https://oauth2.sigstore.dev/auth"

// Login is how a person logs in. It happens only where somebody is there to do
// it: the caller decides that, and [Choose] never does it in a CI.
type Login struct {
	// Issuer is where to log in; empty means [PublicIssuer].
	Issuer string
	// ClientID is what the issuer knows us by, and whom its tokens are for;
	// empty means the audience that is asked for. It is a public client: it has
	// no secret.
	ClientID string
	// RedirectURL is where a browser comes back to, on this machine, where the
	// issuer knows one address only; empty means any free port. Only [Browser]
	// has a use for it.
	RedirectURL string
	// Show shows a line of text to the person.
	Show func(text string)
	// Open opens a web page; nil means the system's browser. Only [Browser] has
	// a use for it.
	Open func(ctx context.Context, url string) error
	Env  func(string) string
	Now  func() time.Time
}

func (l Login) issuer() string {
	if l.Issuer == "" {
		return PublicIssuer
	}
	return l.Issuer
}

func (l Login) check() error {
	if l.Show == nil || l.Env == nil || l.Now == nil {
		return errors.New("logging in: there is nobody to show anything to")
	}
	if _, err := secureURL(l.issuer()); err != nil {
		return fmt.Errorf("logging in: the issuer %w", err)
	}
	return nil
}

// verified returns the token that an issuer just gave, after it was verified
// as OpenID Connect Core 1.0, section 3.1.3.7, asks: issuer, audience,
// signature, time, and the nonce if there was one.
// https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
func (l Login) verified(ctx context.Context, p *provider, raw, clientID, nonce string) (Token, error) {
	t, err := accept(raw, l.Now, clientID)
	if err != nil {
		return Token{}, err
	}
	ctx = oidc.ClientContext(ctx, client())
	v := p.config.NewProvider(ctx).VerifierContext(ctx, &oidc.Config{ClientID: clientID, Now: l.Now})
	id, err := v.Verify(ctx, t.Raw())
	if err != nil {
		if ctx.Err() != nil {
			return Token{}, ctx.Err()
		}
		return Token{}, fmt.Errorf("verifying the token: %s", Scrub(err.Error()))
	}
	// "If a nonce value was sent in the Authentication Request, a nonce Claim
	// MUST be present and its value checked to verify that it is the same value."
	if nonce != "" && subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return Token{}, errors.New("verifying the token: its nonce is not that of this login")
	}
	return t, nil
}

// refusal is an error that an issuer answers, by its code. What it says about it
// was scrubbed.
// https://www.rfc-editor.org/rfc/rfc6749#section-5.2
type refusal struct{ code, description string }

func (r *refusal) Error() string {
	text := map[string]string{
		"access_denied": "the login was denied",
		"expired_token": "the code has expired before anybody logged in",
	}[r.code]
	if text == "" {
		text = "the issuer answered " + clip(Escape(r.code))
	}
	if r.description != "" {
		text += ": " + r.description
	}
	return text
}
