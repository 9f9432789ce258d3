package identity

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// somebody logs in at an issuer. What is shown to them is kept.
type somebody struct {
	Login
	mu    sync.Mutex
	shown []string
	// page is what the browser showed last.
	page   string
	status int
}

func somebodyAt(issuer string) *somebody {
	s := new(somebody)
	s.Login = Login{
		Issuer: issuer, Env: func(string) string { return "" }, Now: time.Now,
		Show: func(text string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.shown = append(s.shown, text)
		},
		Open: func(ctx context.Context, page string) error { return s.visit(ctx, page) },
	}
	return s
}

// visit follows redirections as a browser does.
func (s *somebody) visit(ctx context.Context, page string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page, s.status = string(body), resp.StatusCode
	return err
}

func (s *somebody) saw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.shown, "\n")
}

func TestBrowser(t *testing.T) {
	i := newIssuer(t)
	for _, clientID := range []string{"", "hallmark"} {
		s := somebodyAt(i.url)
		s.ClientID = clientID
		source, err := Browser(s.Login)
		if err != nil {
			t.Fatal(err)
		}
		got, err := source.Token(t.Context(), "sigstore")
		if err != nil {
			t.Fatal(err)
		}
		want := clientID
		if want == "" {
			want = "sigstore"
		}
		if got.Identity() != "alice@example.com" || got.Audience()[0] != want {
			t.Errorf("Token = %v for %v, want alice's for %s", got, got.Audience(), want)
		}
		if s.status != http.StatusOK || !strings.Contains(s.page, "You are logged in") || strings.Contains(s.page, "<script") {
			t.Errorf("the browser shows %d %q", s.status, s.page)
		}
		if saw := s.saw(); !strings.Contains(saw, i.url+"/auth?") || strings.Contains(saw, "code_verifier") || strings.Contains(saw, "No browser") {
			t.Errorf("the terminal shows %q", saw)
		}
		// One release asks once.
		again, err := source.Token(t.Context(), "sigstore")
		if err != nil || again.Raw() != got.Raw() || len(s.shown) != 1 {
			t.Errorf("Token the second time = %v, %v after %d prompts, want the same without asking", again, err, len(s.shown))
		}
	}
}

func TestBrowser_refused(t *testing.T) {
	other := newIssuer(t)
	for name, test := range map[string]struct {
		alter func(*issuer)
		want  string
	}{
		"denied": {func(i *issuer) {
			i.comeBack = func(v url.Values) {
				v.Del("code")
				v.Set("error", "access_denied")
				v.Set("error_description", "not\x1b[2J today")
			}
		}, `the login was denied: not\x1b[2J today`},
		"another error": {func(i *issuer) {
			i.comeBack = func(v url.Values) { v.Del("code"); v.Set("error", "server_error\n") }
		}, `the issuer answered server_error\n`},
		"no code":        {func(i *issuer) { i.comeBack = func(v url.Values) { v.Del("code") } }, "the browser brought no code"},
		"two codes":      {func(i *issuer) { i.comeBack = func(v url.Values) { v.Add("code", "x") } }, "the browser brought no code"},
		"foreign code":   {func(i *issuer) { i.comeBack = func(v url.Values) { v.Set("code", "x") } }, "the issuer answered invalid_grant"},
		"another issuer": {func(i *issuer) { i.comeBack = func(v url.Values) { v.Set("iss", "https://attacker.example") } }, "the answer of another issuer"},
		"no issuer": {func(i *issuer) {
			i.metadata = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }
		}, "an answer that does not name its issuer"},
		"wrong nonce":     {func(i *issuer) { i.alter = func(c map[string]any) { c["nonce"] = "x" } }, "its nonce is not that of this login"},
		"no nonce":        {func(i *issuer) { i.alter = func(c map[string]any) { delete(c, "nonce") } }, "its nonce is not that of this login"},
		"other audience":  {func(i *issuer) { i.alter = func(c map[string]any) { c["aud"] = "x" } }, `expected audience "sigstore"`},
		"other issuer":    {func(i *issuer) { i.alter = func(c map[string]any) { c["iss"] = other.url } }, "issued by a different provider"},
		"expired":         {func(i *issuer) { i.alter = func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() } }, "has expired"},
		"not verified":    {func(i *issuer) { i.alter = func(c map[string]any) { c["email_verified"] = false } }, "has not verified"},
		"unsigned":        {func(i *issuer) { i.sign = unsigned }, "unexpected signature algorithm"},
		"altered":         {func(i *issuer) { i.sign = altered }, "failed to verify"},
		"no token":        {func(i *issuer) { i.sign = func(map[string]any) string { return "" } }, "holds no id_token"},
		"no JWT":          {func(i *issuer) { i.sign = func(map[string]any) string { return "x" } }, "the token is no JWT"},
		"verifier quoted": {func(i *issuer) { i.token = quotes }, "the issuer answered invalid_grant: code (secret) verifier (secret)"},
		"token endpoint is HTML": {func(i *issuer) {
			i.token = func(w http.ResponseWriter, _ url.Values) bool { _, _ = io.WriteString(w, "<html>"); return true }
		}, "not valid JSON"},
		"token endpoint is endless": {func(i *issuer) {
			i.token = func(w http.ResponseWriter, _ url.Values) bool {
				_, _ = io.WriteString(w, strings.Repeat(" ", 10<<20))
				return true
			}
		}, "the answer is too large"},
		"token endpoint redirects": {func(i *issuer) {
			i.token = func(w http.ResponseWriter, _ url.Values) bool {
				w.Header().Set("Location", other.url+"/token")
				w.WriteHeader(http.StatusTemporaryRedirect)
				return true
			}
		}, "which is not followed"},
		"another issuer's metadata": {func(i *issuer) { i.metadata = func(m map[string]any) { m["issuer"] = other.url } }, "is about the issuer"},
		"no PKCE": {func(i *issuer) {
			i.metadata = func(m map[string]any) { m["code_challenge_methods_supported"] = []string{"plain"} }
		}, "does not do PKCE with S256"},
		"token in the clear": {func(i *issuer) {
			i.metadata = func(m map[string]any) { m["token_endpoint"] = "http://attacker.example/token" }
		}, "its token_endpoint is http://attacker.example/token, expected https://"},
		"keys in the clear": {func(i *issuer) {
			i.metadata = func(m map[string]any) { m["jwks_uri"] = "http://attacker.example/keys" }
		}, "its jwks_uri is"},
		"page of another protocol": {func(i *issuer) {
			i.metadata = func(m map[string]any) { m["authorization_endpoint"] = "file:///etc/passwd" }
		}, "its authorization_endpoint names no host"},
		"no page":   {func(i *issuer) { i.metadata = func(m map[string]any) { delete(m, "authorization_endpoint") } }, "has no page to log in at"},
		"no keys":   {func(i *issuer) { i.metadata = func(m map[string]any) { delete(m, "jwks_uri") } }, "lacks token_endpoint or jwks_uri"},
		"keys gone": {func(i *issuer) { i.metadata = func(m map[string]any) { m["jwks_uri"] = i.url + "/none" } }, "verifying the token"},
		"shared secrets": {func(i *issuer) {
			i.metadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"HS256", "none"} }
		}, "signs with no algorithm that is known here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			test.alter(i)
			s := somebodyAt(i.url)
			source, err := Browser(s.Login)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			got, err := source.Token(ctx, "sigstore")
			found := false
			for _, want := range strings.Split(test.want, "|") {
				found = found || err != nil && strings.Contains(err.Error(), want)
			}
			if !found {
				t.Fatalf("Token = %v, %v, want an error with %q", got, err, test.want)
			}
			if strings.Contains(err.Error(), "eyJ") || len(err.Error()) > 600 {
				t.Errorf("the error says too much: %v", err)
			}
			if strings.Contains(test.want, "denied") && !strings.Contains(s.page, "The login failed") {
				t.Errorf("the browser shows %q", s.page)
			}
		})
	}
}

// unsigned is a token of the algorithm "none".
func unsigned(c map[string]any) string {
	parts := strings.Split(jwt(c), ".")
	return b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2]
}

// altered bears the signature of other claims.
func altered(c map[string]any) string {
	parts := strings.Split(jwt(c), ".")
	c["email"] = "bob@example.com"
	return parts[0] + "." + strings.Split(jwt(c), ".")[1] + "." + parts[2]
}

// quotes answers with what it was sent.
func quotes(w http.ResponseWriter, form url.Values) bool {
	say(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "code " + form.Get("code") + " verifier " + form.Get("code_verifier")})
	return true
}

// A page in the same browser, or another program, tries its own answer first:
// it neither ends the login nor becomes part of it.
func TestBrowser_strangers(t *testing.T) {
	i := newIssuer(t)
	s := somebodyAt(i.url)
	s.Open = func(ctx context.Context, page string) error {
		u, err := url.Parse(page)
		if err != nil {
			return err
		}
		back, state := u.Query().Get("redirect_uri"), u.Query().Get("state")
		if len(state) < 26 || len(u.Query().Get("nonce")) < 26 {
			t.Errorf("state %q and nonce are short", state)
		}
		for _, stranger := range []struct {
			method, url, host string
			want              int
		}{
			{http.MethodGet, back + "?code=x&state=y", "", http.StatusBadRequest},
			{http.MethodGet, back + "?code=x", "", http.StatusBadRequest},
			{http.MethodGet, back + "?code=x&state=", "", http.StatusBadRequest},
			{http.MethodGet, back + "?code=x&state=y&state=" + state, "", http.StatusBadRequest},
			{http.MethodGet, back + "?error=access_denied&state=y", "", http.StatusBadRequest},
			{http.MethodGet, back + "?code=x;&state=" + state + "&%zz", "", http.StatusBadRequest},
			{http.MethodPost, back + "?code=x&state=" + state, "", http.StatusMethodNotAllowed},
			{http.MethodGet, strings.Replace(back, "/auth/callback", "/", 1), "", http.StatusNotFound},
			{http.MethodGet, back + "?code=x&state=" + state, "attacker.example", http.StatusMisdirectedRequest},
		} {
			r, err := http.NewRequestWithContext(ctx, stranger.method, stranger.url, nil)
			if err != nil {
				return err
			}
			r.Host = stranger.host
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				return err
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != stranger.want || strings.Contains(string(body), state) {
				t.Errorf("%s %s from %q = %d %q, want %d", stranger.method, stranger.url, stranger.host, resp.StatusCode, body, stranger.want)
			}
			if resp.Header.Get("Content-Security-Policy") == "" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("the answer has the headers %v", resp.Header)
			}
		}
		return s.visit(ctx, page)
	}
	source, err := Browser(s.Login)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := source.Token(t.Context(), "sigstore"); err != nil || got.Identity() != "alice@example.com" {
		t.Errorf("Token = %v, %v, want alice's in spite of the strangers", got, err)
	}
}

// The answer counts once, and the listener is gone afterwards.
func TestBrowser_listenerCloses(t *testing.T) {
	i := newIssuer(t)
	s := somebodyAt(i.url)
	var back string
	s.Open = func(ctx context.Context, page string) error {
		u, _ := url.Parse(page)
		back = u.Query().Get("redirect_uri")
		return s.visit(ctx, page)
	}
	source, err := Browser(s.Login)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(t.Context(), "sigstore"); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil || u.Hostname() != "localhost" {
		t.Fatalf("redirect_uri = %q, want localhost", back)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(host, u.Port()), time.Second); err == nil {
			c.Close()
			t.Errorf("%s still listens after the login", host)
		}
	}
}

func TestBrowser_redirectURL(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	i := newIssuer(t)
	s := somebodyAt(i.url)
	s.RedirectURL = "http://" + address + "/back"
	source, err := Browser(s.Login)
	if err != nil {
		t.Fatal(err)
	}
	// Another program has it.
	if got, err := source.Token(t.Context(), "sigstore"); err == nil || !strings.Contains(err.Error(), "waiting for the browser to come back") {
		t.Errorf("Token while the port is taken = %v, %v, want an error", got, err)
	}
	l.Close()
	if _, err := source.Token(t.Context(), "sigstore"); err != nil {
		t.Errorf("Token = %v", err)
	}
	for _, bad := range []string{"https://localhost:1/x", "http://attacker.example/x", "http://localhost/x", "http://localhost:0/x", "http://localhost:1", "http://localhost:1/x?y=z", "urn:ietf:wg:oauth:2.0:oob", "http://0.0.0.0:1/x"} {
		s.RedirectURL = bad
		if _, err := Browser(s.Login); err == nil {
			t.Errorf("Browser with the redirect URL %q, want an error", bad)
		}
	}
}

func TestBrowser_cannotOpen(t *testing.T) {
	i := newIssuer(t)
	s := somebodyAt(i.url)
	s.Open = func(ctx context.Context, page string) error {
		// The person opens what the terminal shows.
		go func() {
			_, rest, _ := strings.Cut(s.saw(), "\n\n  ")
			address, _, _ := strings.Cut(rest, "\n")
			_ = s.visit(ctx, address)
		}()
		return errors.New("there is no desktop")
	}
	source, err := Browser(s.Login)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(t.Context(), "sigstore"); err != nil {
		t.Fatal(err)
	}
	if saw := s.saw(); !strings.Contains(saw, "No browser was opened here (there is no desktop): open that address yourself.") {
		t.Errorf("the terminal shows %q", saw)
	}
}

func TestBrowser_interrupted(t *testing.T) {
	i := newIssuer(t)
	s := somebodyAt(i.url)
	ctx, cancel := context.WithCancel(t.Context())
	s.Open = func(context.Context, string) error { cancel(); return nil }
	source, err := Browser(s.Login)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := source.Token(ctx, "sigstore"); !errors.Is(err, context.Canceled) {
		t.Errorf("Token = %v, want context.Canceled", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %s to be interrupted", d)
	}
}

// Nobody comes back.
func TestBrowser_timeout(t *testing.T) {
	i := newIssuer(t)
	s := somebodyAt(i.url)
	s.Open = func(context.Context, string) error { return nil }
	b := browser{login: s.Login, patience: 100 * time.Millisecond}
	if _, err := b.Token(t.Context(), "sigstore"); err == nil || !strings.Contains(err.Error(), "nobody has logged in for 100ms") {
		t.Errorf("Token = %v, want it to say that nobody came", err)
	}
}

func TestLogin_refused(t *testing.T) {
	for _, bad := range []string{"http://issuer.example", "issuer.example", "https://u:p@issuer.example", "file:///x"} {
		for name, make := range map[string]func(Login) (Source, error){"Browser": Browser, "Device": Device} {
			if _, err := make(somebodyAt(bad).Login); err == nil {
				t.Errorf("%s at %q, want an error", name, bad)
			}
		}
	}
	if _, err := Browser(Login{}); err == nil {
		t.Error("Browser with nobody to show anything to, want an error")
	}
	s, err := Browser(Login{Show: func(string) {}, Env: func(string) string { return "" }, Now: time.Now})
	if err != nil || s.Name() != "a login at https://oauth2.sigstore.dev/auth" {
		t.Errorf("Browser = %v, %v, want the public issuer", s, err)
	}
}
