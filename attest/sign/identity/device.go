package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// Device returns a source that lets a person log in with a browser on any
// machine, by a code that is shown here (RFC 8628).
func Device(l Login) (Source, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return Keep(device{l, pause}, l.Now), nil
}

type device struct {
	login Login
	// pause is the function of that name, except in tests.
	pause func(context.Context, time.Duration) error
}

// How often an issuer may want to be asked. It gives the interval, and it could
// be anything.
const (
	usualInterval   = 5 * time.Second
	longestInterval = time.Minute
)

func (d device) Name() string { return "a login at " + Escape(d.login.issuer()) }

func (d device) Token(ctx context.Context, audience string) (Token, error) {
	t, err := d.token(ctx, audience)
	if err != nil {
		return Token{}, getting(d, err)
	}
	return t, nil
}

func (d device) token(ctx context.Context, audience string) (Token, error) {
	clientID := d.login.ClientID
	if clientID == "" {
		clientID = audience
	}
	p, err := discover(ctx, d.login.issuer())
	if err != nil {
		return Token{}, err
	}
	if p.config.DeviceAuthURL == "" {
		return Token{}, errors.New("the issuer has no login by code (device_authorization_endpoint): log in with a browser on this machine")
	}
	verifier := oauth2.GenerateVerifier()
	asked := d.login.Now()
	code, err := begin(ctx, p, url.Values{
		"client_id": {clientID}, "scope": {"openid email"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	})
	if err != nil {
		return Token{}, err
	}
	d.login.Show(fmt.Sprintf("Log in with a browser on any machine, at:\n\n  %s\n\nand there give the code %s if it is asked for. It has to be the same as here.\n", Escape(code.page), Escape(code.user)))
	raw, err := d.poll(ctx, p, code, asked.Add(code.lasts), url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code.device},
		"client_id": {clientID}, "code_verifier": {verifier},
	})
	if err != nil {
		return Token{}, err
	}
	// RFC 8628 has no nonce; what binds the token to this login is that it came
	// from the issuer itself for this device code.
	return d.login.verified(ctx, p, raw, clientID, "")
}

// deviceCode is what an issuer answers to the first request.
type deviceCode struct {
	device, user, page string
	lasts, interval    time.Duration
}

// begin asks for a code.
// https://www.rfc-editor.org/rfc/rfc8628#section-3.2
func begin(ctx context.Context, p *provider, form url.Values) (deviceCode, error) {
	a, u, err := post(ctx, p.config.DeviceAuthURL, form)
	if err != nil {
		return deviceCode{}, err
	}
	return a.deviceCode(u)
}

// deviceCode reads the answer of u.
func (a answer) deviceCode(u *url.URL) (deviceCode, error) {
	var body struct {
		DeviceCode string  `json:"device_code"`
		UserCode   string  `json:"user_code"`
		Page       string  `json:"verification_uri"`
		Complete   string  `json:"verification_uri_complete"`
		ExpiresIn  float64 `json:"expires_in"`
		Interval   float64 `json:"interval"`
	}
	if err := a.decode(u, &body); err != nil {
		return deviceCode{}, err
	}
	if body.DeviceCode == "" || body.UserCode == "" || body.Page == "" || !(body.ExpiresIn > 0) {
		return deviceCode{}, fmt.Errorf("the answer of %s lacks one of device_code, user_code, verification_uri and expires_in", shownURL(u))
	}
	if len(body.DeviceCode) > maxCode || len(body.UserCode) > 100 {
		return deviceCode{}, fmt.Errorf("the answer of %s holds a code that is too long", shownURL(u))
	}
	code := deviceCode{device: body.DeviceCode, user: body.UserCode, page: body.Page, lasts: loginTime, interval: usualInterval}
	if body.Complete != "" {
		code.page = body.Complete
	}
	if _, err := secureURL(code.page); err != nil {
		return deviceCode{}, fmt.Errorf("the page to log in at %w", err)
	}
	code.lasts = seconds(body.ExpiresIn, 30*time.Minute)
	if body.Interval > 0 {
		code.interval = seconds(body.Interval, longestInterval)
	}
	return code, nil
}

// seconds is n as a duration, at least one second and at most most.
func seconds(n float64, most time.Duration) time.Duration {
	if n >= most.Seconds() {
		return most
	}
	return max(time.Duration(n*float64(time.Second)), time.Second)
}

// poll asks until somebody has logged in, or refuses to, or the code expires.
// https://www.rfc-editor.org/rfc/rfc8628#section-3.5
func (d device) poll(ctx context.Context, p *provider, code deviceCode, until time.Time, form url.Values) (string, error) {
	for {
		if err := d.pause(ctx, code.interval); err != nil {
			return "", err
		}
		if !d.login.Now().Before(until) {
			return "", fmt.Errorf("nobody has logged in for %s: the code has expired", ago(code.lasts))
		}
		raw, err := p.redeem(ctx, form)
		var no *refusal
		var status *statusError
		var cut *connectionError
		switch {
		case err == nil:
			return raw, nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		case errors.As(err, &no) && no.code == "authorization_pending":
		case errors.As(err, &no) && no.code == "slow_down":
			// "the interval MUST be increased by 5 seconds for this and all
			// subsequent requests".
			code.interval += 5 * time.Second
		case errors.As(err, &cut), errors.As(err, &status) && (status.code >= 500 || status.code == http.StatusTooManyRequests):
			// "On encountering a connection timeout, clients MUST unilaterally reduce
			// their polling frequency before retrying."
			code.interval *= 2
		default:
			return "", err
		}
		code.interval = min(code.interval, longestInterval)
	}
}
