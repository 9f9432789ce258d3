//go:build integration

package integration

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Who the tokens say their holders are, as certificates have it.
const (
	workflowIdentity = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
	emailIdentity    = "alice@example.test"
	spiffeIdentity   = "spiffe://example.test/release"
)

// token asks issuer for an identity token. Of the claims, audience, lifetime
// (below zero: expired for so long), email and claim.NAME can be asked for.
func token(t testing.TB, issuer string, claims url.Values) string {
	t.Helper()
	text := string(get(t, issuer+"/mint?"+claims.Encode()))
	if text == "" {
		t.Fatalf("%s gave an empty token", issuer)
	}
	return text
}

// workflowToken is a token as GitHub Actions gives them, good for ten minutes.
func workflowToken(t testing.TB) string { return token(t, services.Issuer.Actions, nil) }

// emailToken is a token of a person.
func emailToken(t testing.TB) string { return token(t, services.Issuer.Email, nil) }

// spiffeToken is a token of a workload.
func spiffeToken(t testing.TB) string { return token(t, services.Issuer.Spiffe, nil) }

// expiredToken was good until an hour ago.
func expiredToken(t testing.TB) string {
	return token(t, services.Issuer.Actions, url.Values{"lifetime": {"-1h"}})
}

// foreignToken is for another audience than Sigstore.
func foreignToken(t testing.TB) string {
	return token(t, services.Issuer.Actions, url.Values{"audience": {"https://cloud.example"}})
}

// actionsEnvironment is the environment of a GitHub Actions job that may ask
// for identity tokens.
func actionsEnvironment() []string {
	return []string{
		"GITHUB_ACTIONS=true", "CI=true",
		"ACTIONS_ID_TOKEN_REQUEST_URL=" + services.Issuer.RequestURL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + services.Issuer.RequestToken,
	}
}

// get fetches from a server of ours.
func get(t testing.TB, url string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(within(t, 30*time.Second), http.MethodGet, url, nil)
	check(t, err)
	answer, err := http.DefaultClient.Do(r)
	check(t, err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	check(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s", url, answer.Status, data)
	}
	return data
}

// decodeURL is what a text in base64url without padding stands for.
func decodeURL(t testing.TB, text string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	check(t, err)
	return data
}
