//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// A lie that is none would make tests pass that look at nothing. So each is
// looked at from the client's side.
func TestLies(t *testing.T) {
	t.Parallel()
	const text = `{"answer":"forty-two, and some more so that there is a middle"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "elsewhere") }))
	t.Cleanup(elsewhere.Close)

	type answer struct {
		code int
		body string
		err  error
	}
	const enough = 1 << 20
	ask := func(p *proxy) answer {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(strings.Repeat("x", enough)))
		if err != nil {
			return answer{err: err}
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			return answer{err: err}
		}
		defer a.Body.Close()
		data, err := io.ReadAll(io.LimitReader(a.Body, enough))
		return answer{a.StatusCode, string(data), err}
	}
	if got := ask(newProxy(t, server.URL)); got.code != http.StatusOK || got.body != text || got.err != nil {
		t.Fatalf("through an honest proxy: %+v", got)
	}
	for name, tt := range map[string]struct {
		fault
		ok func(answer) bool
	}{
		"hang":      {hang, func(a answer) bool { return errors.Is(a.err, context.DeadlineExceeded) }},
		"slow":      {slow(300 * time.Millisecond), func(a answer) bool { return a.body == text && a.err == nil }},
		"status":    {status(http.StatusInternalServerError), func(a answer) bool { return a.code == http.StatusInternalServerError }},
		"busy":      {busy(1), func(a answer) bool { return a.code == http.StatusTooManyRequests }},
		"html":      {html, func(a answer) bool { return a.code == http.StatusOK && strings.Contains(a.body, "Please sign in") }},
		"endless":   {endless, func(a answer) bool { return a.code == http.StatusOK && len(a.body) == enough }},
		"redirect":  {redirect(elsewhere.URL), func(a answer) bool { return a.body == "elsewhere" }},
		"truncated": {truncated, func(a answer) bool { return errors.Is(a.err, io.ErrUnexpectedEOF) && strings.HasPrefix(text, a.body) }},
		"altered":   {altered, func(a answer) bool { return a.err == nil && a.body != text && len(a.body) == len(text) }},
		"cutUpload": {cutUpload, func(a answer) bool { return a.err != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, server.URL).lie(tt.fault)
			if got := ask(p); !tt.ok(got) {
				t.Errorf("through a proxy that lies: %d %.100q %v", got.code, got.body, got.err)
			}
			p.honest()
			if got := ask(p); got.body != text {
				t.Errorf("through the same proxy, honest again: %+v", got)
			}
		})
	}
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		if got := ask(newProxy(t, server.URL).down()); got.err == nil {
			t.Errorf("from a proxy that is down: %+v", got)
		}
	})
	t.Run("first and after", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, server.URL).lie(first(2, status(http.StatusServiceUnavailable)))
		for i, want := range []int{503, 503, 200, 200} {
			if got := ask(p); got.code != want {
				t.Errorf("first: answer %d has code %d, want %d", i, got.code, want)
			}
		}
		p = newProxy(t, server.URL).lie(after(1, status(http.StatusServiceUnavailable)))
		for i, want := range []int{200, 503, 503} {
			if got := ask(p); got.code != want {
				t.Errorf("after: answer %d has code %d, want %d", i, got.code, want)
			}
		}
		if got := p.requests("POST /"); got != 3 {
			t.Errorf("the proxy has seen %d requests, want 3", got)
		}
	})
	t.Run("one path", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, server.URL).lieOn(path("/other", http.MethodPost), html)
		if got := ask(p); got.body != text {
			t.Errorf("on a path that it does not lie about: %+v", got)
		}
	})
}

// The interactive flows of the issuer are strict: a client that forgets PKCE or
// its verifier gets nothing.
func TestIssuerAuthorizationCode(t *testing.T) {
	t.Parallel()
	client := oauth2.Config{
		ClientID: "sigstore", Scopes: []string{"openid", "email"}, RedirectURL: "http://127.0.0.1:1/callback",
		Endpoint: oauth2.Endpoint{AuthURL: services.Issuer.Email + "/auth", TokenURL: services.Issuer.Email + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	authorize := func(options ...oauth2.AuthCodeOption) url.Values {
		t.Helper()
		r, err := http.NewRequestWithContext(within(t, time.Minute), http.MethodGet, client.AuthCodeURL("the state", options...), nil)
		check(t, err)
		answer, err := http.DefaultTransport.RoundTrip(r)
		check(t, err)
		answer.Body.Close()
		back, err := answer.Location()
		check(t, err)
		if got := back.Query().Get("state"); got != "the state" {
			t.Errorf("state = %q, want the one that was sent", got)
		}
		return back.Query()
	}
	verifier := oauth2.GenerateVerifier()
	pkce := oauth2.S256ChallengeOption(verifier)

	if q := authorize(); q.Get("error") != "invalid_request" || q.Get("code") != "" {
		t.Errorf("without PKCE: %v, want an error", q)
	}
	for _, wrong := range [][]oauth2.AuthCodeOption{nil, {oauth2.VerifierOption(oauth2.GenerateVerifier())}} {
		if _, err := client.Exchange(within(t, time.Minute), authorize(pkce).Get("code"), wrong...); err == nil {
			t.Error("with another verifier a token was given")
		}
	}
	code := authorize(pkce, oauth2.SetAuthURLParam("login_hint", "bob@example.test"), oauth2.SetAuthURLParam("nonce", "n")).Get("code")
	got, err := client.Exchange(within(t, time.Minute), code, oauth2.VerifierOption(verifier))
	check(t, err)
	claims := claimsOf(t, got.Extra("id_token").(string))
	for name, want := range map[string]any{"iss": services.Issuer.Email, "aud": "sigstore", "email": "bob@example.test", "email_verified": true, "nonce": "n"} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	if _, err := client.Exchange(within(t, time.Minute), code, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a code was good twice")
	}
}

// RFC 8628: nothing is given before a person agrees, and nothing if they do not.
func TestIssuerDevice(t *testing.T) {
	t.Parallel()
	client := oauth2.Config{
		ClientID: "sigstore", Scopes: []string{"openid", "email"},
		Endpoint: oauth2.Endpoint{DeviceAuthURL: services.Issuer.Email + "/device/code", TokenURL: services.Issuer.Email + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	for name, tt := range map[string]struct{ page, fault string }{
		"approved": {"", ""},
		"denied":   {"&deny=1", "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, err := client.DeviceAuth(within(t, time.Minute))
			check(t, err)
			agreed := make(chan time.Time, 1)
			go func() {
				time.Sleep(1500 * time.Millisecond)
				agreed <- time.Now()
				answer, err := http.Get(asked.VerificationURIComplete + tt.page)
				if err == nil {
					answer.Body.Close()
				}
			}()
			got, err := client.DeviceAccessToken(within(t, time.Minute), asked)
			if len(agreed) == 0 {
				t.Fatal("an answer came before anybody agreed")
			}
			if tt.fault != "" {
				var refused *oauth2.RetrieveError
				if !errors.As(err, &refused) || refused.ErrorCode != tt.fault {
					t.Errorf("error = %v, want %s", err, tt.fault)
				}
				return
			}
			check(t, err)
			if claims := claimsOf(t, got.Extra("id_token").(string)); claims["email"] != emailIdentity {
				t.Errorf("claims = %v, want those of %s", claims, emailIdentity)
			}
		})
	}
}

// Fulcio gives nothing for a token that is old, for somebody else, or altered:
// what tests take for bad tokens is bad.
func TestFulcioRefusesTokens(t *testing.T) {
	t.Parallel()
	good := workflowToken(t)
	head, _, _ := strings.Cut(good, ".")
	_, tail, _ := strings.Cut(emailToken(t), ".")
	for name, tok := range map[string]string{
		"expired": expiredToken(t), "for another audience": foreignToken(t), "altered": head + "." + tail[:len(tail)-4] + "AAAA", "no token": "hello",
	} {
		if code := certify(t, tok); code != http.StatusBadRequest && code != http.StatusUnauthorized {
			t.Errorf("%s: Fulcio answers %d, want a refusal", name, code)
		}
	}
}

// certify asks Fulcio for a certificate, with a signing request that it looks at
// only after the token.
func certify(t testing.TB, token string) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"credentials":      map[string]string{"oidcIdentityToken": token},
		"publicKeyRequest": map[string]any{"publicKey": map[string]string{"content": "x"}, "proofOfPossession": "eA=="},
	})
	check(t, err)
	r, err := http.NewRequestWithContext(within(t, time.Minute), http.MethodPost, services.Fulcio+"/api/v2/signingCert", strings.NewReader(string(body)))
	check(t, err)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	check(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	if strings.Contains(string(text), "public key") {
		t.Errorf("Fulcio took the token and went on to the key: %s", text)
	}
	return answer.StatusCode
}

// claimsOf reads a token without verifying it.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts, want 3", len(parts))
	}
	var claims map[string]any
	check(t, json.Unmarshal(decodeURL(t, parts[1]), &claims))
	return claims
}
