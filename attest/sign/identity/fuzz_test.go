package identity

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// FuzzProvider: whatever an issuer says of itself, nothing is sent but to https
// or to this machine, and to this machine only by an issuer that is on it.
func FuzzProvider(f *testing.F) {
	for _, issuer := range []string{"https://issuer.example", "http://127.0.0.1:8080/dex"} {
		doc, err := json.Marshal(map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
			"device_authorization_endpoint": issuer + "/device", "id_token_signing_alg_values_supported": []string{"RS256", "none"},
			"code_challenge_methods_supported": []string{"S256"},
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(issuer, doc)
	}
	f.Add("https://issuer.example", []byte(`{"issuer":"https://issuer.example","token_endpoint":"http://127.0.0.1/","jwks_uri":"file:///x"}`))
	f.Fuzz(func(t *testing.T, issuer string, doc []byte) {
		p, err := readProvider(issuer, doc)
		if err != nil {
			return
		}
		own, err := url.Parse(issuer)
		if err != nil {
			t.Fatal(err)
		}
		if p.config.IssuerURL != issuer || p.config.TokenURL == "" || p.config.JWKSURL == "" {
			t.Errorf("accepted %+v of %q", p.config, issuer)
		}
		for _, address := range []string{p.config.AuthURL, p.config.TokenURL, p.config.DeviceAuthURL, p.config.JWKSURL} {
			if address == "" {
				continue
			}
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "https" && (u.Scheme != "http" || own.Scheme != "http" || !loopback(u.Hostname())) {
				t.Errorf("accepted the endpoint %q of %q", address, issuer)
			}
		}
		for _, a := range p.config.Algorithms {
			if a == "none" || a[0] == 'H' {
				t.Errorf("accepted the algorithm %q", a)
			}
		}
	})
}

// FuzzDeviceCode: whatever an issuer answers, it is neither asked without end
// nor without pause, and no page of another protocol is shown.
func FuzzDeviceCode(f *testing.F) {
	f.Add(200, []byte(`{"device_code":"d","user_code":"u","verification_uri":"https://issuer.example/a","expires_in":600,"interval":5}`))
	f.Add(200, []byte(`{"device_code":"d","user_code":"u","verification_uri":"https://issuer.example/a","verification_uri_complete":"file:///x","expires_in":1e308,"interval":-1e308}`))
	f.Add(400, []byte(`{"error":"invalid_client","error_description":"x"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		code, err := answer{status: status, body: body}.deviceCode(&url.URL{Scheme: "https", Host: "issuer.example"})
		if err != nil {
			for _, r := range err.Error() {
				if r < ' ' && r != '\n' {
					t.Errorf("the error acts on a terminal: %q", err)
				}
			}
			return
		}
		if code.interval <= 0 || code.interval > longestInterval || code.lasts <= 0 || code.lasts > 30*time.Minute {
			t.Errorf("would ask every %v for %v", code.interval, code.lasts)
		}
		if _, err := secureURL(code.page); err != nil || code.device == "" || code.user == "" {
			t.Errorf("accepted %+v", code)
		}
	})
}

// FuzzCallback: whatever comes to the listener, only what knows the state ends
// the wait, and only with one code or an error.
func FuzzCallback(f *testing.F) {
	const state = "the-state-of-this-login"
	for _, query := range []string{
		"code=x&state=" + state, "code=x&state=other", "state=" + state, "error=access_denied&state=" + state,
		"code=x&state=" + state + "&state=other", "code=x&iss=https://attacker.example&state=" + state, "%zz",
	} {
		f.Add("GET", "/auth/callback", query)
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		c := &callback{
			host: "localhost:1", path: callbackPath, state: state, got: make(chan outcome, 1),
			provider: &provider{config: oidc.ProviderConfig{IssuerURL: "https://issuer.example"}},
		}
		r := &http.Request{Method: method, Host: "localhost:1", URL: &url.URL{Path: path, RawQuery: query}}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		q, _ := url.ParseQuery(query)
		select {
		case o := <-c.got:
			if q.Get("state") != state || method != http.MethodGet || path != callbackPath {
				t.Errorf("%s %s?%s ended the wait", method, path, query)
			}
			if (o.code == "") == (o.err == nil) || len(o.code) > maxCode || o.code != "" && o.code != q.Get("code") {
				t.Errorf("%q gave %q, %v", query, o.code, o.err)
			}
			if iss, there := q["iss"]; there && iss[0] != "https://issuer.example" && o.err == nil {
				t.Errorf("%q of another issuer was accepted", query)
			}
		default:
			if w.Code == http.StatusOK {
				t.Errorf("%q was answered with 200 and not taken", query)
			}
		}
	})
}
