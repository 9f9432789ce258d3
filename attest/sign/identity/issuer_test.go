package identity

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// issuer is an OpenID Connect provider on loopback that signs with RS256. Its
// fields alter what it does.
type issuer struct {
	t   *testing.T
	url string
	key *rsa.PrivateKey

	// metadata alters what it says of itself.
	metadata func(map[string]any)
	// alter changes the claims of a token before it is signed.
	alter func(map[string]any)
	// sign signs claims; nil means with key.
	sign func(map[string]any) string
	// comeBack alters what the browser brings back.
	comeBack func(url.Values)
	// token answers instead of the token endpoint, if it says so.
	token func(w http.ResponseWriter, form url.Values) (done bool)
	// device answers instead of the device endpoint, if it says so.
	device func(w http.ResponseWriter, form url.Values) (done bool)

	mu    sync.Mutex
	codes map[string]url.Values // what was asked for with each code
	polls int
}

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, key: testKey(), codes: make(map[string]url.Values)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		doc := map[string]any{
			"issuer": i.url, "authorization_endpoint": i.url + "/auth", "token_endpoint": i.url + "/token",
			"device_authorization_endpoint": i.url + "/device", "jwks_uri": i.url + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256", "plain"},
		}
		if i.metadata != nil {
			i.metadata(doc)
		}
		say(w, http.StatusOK, doc)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": b64(i.key.N.Bytes()), "e": b64(big.NewInt(int64(i.key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /auth", i.authorize)
	mux.HandleFunc("POST /device", i.deviceCode)
	mux.HandleFunc("POST /token", i.redeem)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	i.url = s.URL
	return i
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// jwt signs claims with the test's key.
func jwt(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return jwtOf(string(payload))
}

func jwtOf(payload string) string {
	in := b64([]byte(`{"alg":"RS256","kid":"k","typ":"JWT"}`)) + "." + b64([]byte(payload))
	sum := sha256.Sum256([]byte(in))
	signature, err := rsa.SignPKCS1v15(rand.Reader, testKey(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return in + "." + b64(signature)
}

// person are the claims of somebody who logged in, good for ten minutes.
func person(with map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": "https://issuer.example", "sub": "1234", "aud": "sigstore", "iat": now, "nbf": now - 5, "exp": now + 600,
		"email": "alice@example.com", "email_verified": true,
	}
	maps.Copy(c, with)
	return c
}

func (i *issuer) mint(audience, nonce string) string {
	c := person(map[string]any{"iss": i.url, "aud": audience})
	if nonce != "" {
		c["nonce"] = nonce
	}
	if i.alter != nil {
		i.alter(c)
	}
	if i.sign != nil {
		return i.sign(c)
	}
	return jwt(c)
}

// authorize is the page where somebody logs in, who always does.
func (i *issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || !strings.Contains(q.Get("scope"), "openid") {
		i.t.Errorf("the browser was sent to %s", r.URL)
	}
	code := rand.Text()
	i.mu.Lock()
	i.codes[code] = q
	i.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		i.t.Errorf("redirect_uri = %q: %v", q.Get("redirect_uri"), err)
		return
	}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}}
	if i.comeBack != nil {
		i.comeBack(answer)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (i *issuer) deviceCode(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if i.device != nil && i.device(w, r.PostForm) {
		return
	}
	i.mu.Lock()
	i.codes[deviceSecret] = r.PostForm
	i.mu.Unlock()
	say(w, http.StatusOK, map[string]any{
		"device_code": deviceSecret, "user_code": "WDJB-MJHT", "verification_uri": i.url + "/activate", "expires_in": 600, "interval": 7,
	})
}

func (i *issuer) redeem(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	i.mu.Lock()
	i.polls++
	i.mu.Unlock()
	if i.token != nil && i.token(w, r.PostForm) {
		return
	}
	code := r.PostForm.Get("code")
	if strings.HasSuffix(r.PostForm.Get("grant_type"), "device_code") {
		code = r.PostForm.Get("device_code")
	}
	i.mu.Lock()
	asked, there := i.codes[code]
	delete(i.codes, code)
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case !there, asked.Get("client_id") != r.PostForm.Get("client_id"), asked.Get("redirect_uri") != r.PostForm.Get("redirect_uri"):
		say(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	case asked.Get("code_challenge") != b64(sum[:]):
		say(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "PKCE"})
		return
	}
	say(w, http.StatusOK, map[string]any{
		"access_token": "access", "token_type": "Bearer", "expires_in": 600, "id_token": i.mint(asked.Get("client_id"), asked.Get("nonce")),
	})
}

const deviceSecret = "GmRhmhcxhwAzkoEqiMEg"

// environment is one that has these variables and nothing else.
func environment(t *testing.T, pairs ...string) Environment {
	t.Helper()
	vars := make(map[string]string)
	for n := 0; n < len(pairs); n += 2 {
		vars[pairs[n]] = pairs[n+1]
	}
	return Environment{
		Env: func(name string) string { return vars[name] }, Now: time.Now,
		ProductName: t.TempDir() + "/none",
	}
}
