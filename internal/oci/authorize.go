package oci

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxToken bounds the answer of a token service.
const maxToken = 64 << 10

// authorizer answers a registry that asks who we are: with the credential
// itself, or with a token that the registry's token service gives for it
// (https://distribution.github.io/distribution/spec/auth/token/).
type authorizer struct {
	client *client

	asking     sync.Mutex // one at a time negotiates; the others take what it got
	mu         sync.Mutex
	asked      bool // the credential was looked up
	credential Credential
	wasShown   bool
	basic      string            // the header, where the registry takes the credential itself
	tokens     map[string]string // by scope
}

// scope is what r needs the right to do.
func (a *authorizer) scope(r request) string {
	s := "repository:" + a.client.name.RepositoryStr() + ":pull"
	if r.push {
		s += ",push"
	}
	if r.from != "" {
		s += " repository:" + r.from + ":pull"
	}
	return s
}

// header is what is sent along, if the registry asked for it before.
func (a *authorizer) header(scope string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.basic != "" {
		return a.basic
	}
	return a.tokens[scope]
}

func (a *authorizer) shown() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wasShown
}

// scrub takes secrets out of what a registry says, which may repeat them.
func (a *authorizer) scrub(s string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	secrets := []string{a.credential.Password, a.credential.IdentityToken, a.credential.RegistryToken}
	for _, t := range a.tokens {
		secrets = append(secrets, strings.TrimPrefix(t, "Bearer "))
	}
	if a.basic != "" {
		secrets = append(secrets, strings.TrimPrefix(a.basic, "Basic "))
	}
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	return s
}

// answer does what the registry's challenges ask. before is the header that it
// has just refused: where another request has got a new one since, that one is
// tried.
func (a *authorizer) answer(ctx context.Context, home *url.URL, headers []string, scope, before string) error {
	a.asking.Lock()
	defer a.asking.Unlock()
	if a.header(scope) != before {
		return nil
	}
	credential, err := a.lookUp(ctx)
	if err != nil {
		return errFinal{err}
	}
	var basic, bearer *challenge
	for _, h := range headers {
		for _, c := range parseChallenges(h) {
			switch {
			case c.scheme == "bearer" && bearer == nil:
				bearer = &c
			case c.scheme == "basic" && basic == nil:
				basic = &c
			}
		}
	}
	switch {
	case credential.RegistryToken != "":
		a.keep(scope, "Bearer "+credential.RegistryToken, true)
		return nil
	case bearer != nil:
		token, err := a.token(ctx, home, *bearer, scope, credential)
		if err != nil {
			return err
		}
		a.keep(scope, "Bearer "+token, credential != Credential{})
		return nil
	case basic != nil && credential.Password != "":
		a.mu.Lock()
		defer a.mu.Unlock()
		a.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(credential.Username+":"+credential.Password))
		a.wasShown = true
		return nil
	case credential.IsZero():
		return &Error{Status: http.StatusUnauthorized}
	}
	return final("it asks for credentials in a way that is not known here")
}

func (a *authorizer) keep(scope, header string, shown bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens == nil {
		a.tokens = make(map[string]string)
	}
	a.tokens[scope] = header
	a.wasShown = a.wasShown || shown
}

func (a *authorizer) lookUp(ctx context.Context) (Credential, error) {
	if a.client.access.Credentials == nil {
		return Credential{}, nil
	}
	a.mu.Lock()
	asked, credential := a.asked, a.credential
	a.mu.Unlock()
	if asked {
		return credential, nil
	}
	credential, err := a.client.access.Credentials.For(ctx, a.client.name.RegistryStr(), a.client.name.RepositoryStr())
	if err != nil {
		return Credential{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.credential = true, credential
	return credential, nil
}

// token asks the token service that the registry names. It is the registry's to
// name it, and what it is shown, it could show on: so what is refused is only
// what others could read, or that would have us ask around inside.
func (a *authorizer) token(ctx context.Context, home *url.URL, c challenge, scope string, credential Credential) (string, error) {
	realm, err := follow(home, home, c.parameters["realm"])
	if err != nil {
		return "", final("it names no token service that may be asked: %v", err)
	}
	scopes := strings.Fields(scope)
	for _, s := range strings.Fields(c.parameters["scope"]) {
		if !covered(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	r := request{limit: maxToken}
	u := *realm
	authorization := ""
	switch {
	case credential.IdentityToken != "":
		form := url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {credential.IdentityToken}, "client_id": {"hallmark"},
			"service": {c.parameters["service"]}, "scope": {strings.Join(scopes, " ")},
		}.Encode()
		r.method = http.MethodPost
		r.header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		r.size = int64(len(form))
		r.body = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
	default:
		q := u.Query()
		if s := c.parameters["service"]; s != "" {
			q.Set("service", s)
		}
		q["scope"] = scopes
		r.method = http.MethodGet
		if credential.Password != "" {
			q.Set("account", credential.Username)
			authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(credential.Username+":"+credential.Password))
		}
		u.RawQuery = q.Encode()
	}
	answer, err := a.client.send(ctx, r, &u, authorization)
	if err != nil {
		return "", err
	}
	defer answer.close()
	if !credential.IsZero() {
		a.mu.Lock()
		a.wasShown = true
		a.mu.Unlock()
	}
	switch {
	case answer.StatusCode == http.StatusOK:
	case isRedirect(answer.StatusCode):
		return "", final("its token service, %s, sends us elsewhere", u.Host)
	case answer.StatusCode == http.StatusBadRequest && !credential.IsZero():
		// What token services answer to a refresh token that is no good.
		return "", &Error{Status: http.StatusUnauthorized}
	default:
		// Its words are not shown: they may repeat what it was shown.
		e, ok := a.client.refusal(answer).(*Error)
		if ok {
			e.Said = ""
		}
		return "", e
	}
	data, err := readLimited(answer, maxToken)
	if err != nil {
		return "", err
	}
	var doc struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := strict.JSON(data, &doc); err != nil {
		return "", final("its token service, %s, answers with no token", u.Host)
	}
	token := doc.Token
	if token == "" {
		token = doc.AccessToken
	}
	// A line's end would begin another header.
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", final("its token service, %s, answers with no token", u.Host)
	}
	return token, nil
}

// covered reports whether scopes hold all that s asks for.
func covered(scopes []string, s string) bool {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return false
	}
	for _, have := range scopes {
		j := strings.LastIndexByte(have, ':')
		if j < 0 || have[:j] != s[:i] {
			continue
		}
		all := true
		for _, action := range strings.Split(s[i+1:], ",") {
			all = all && strings.Contains(","+have[j+1:]+",", ","+action+",")
		}
		if all {
			return true
		}
	}
	return false
}

// challenge is one way to authenticate that a registry offers.
type challenge struct {
	scheme     string // in lower case
	parameters map[string]string
}

// parseChallenges reads a WWW-Authenticate header (RFC 9110, section 11.6.1):
// schemes, each with parameters separated by commas. What it cannot read it
// leaves out.
func parseChallenges(h string) []challenge {
	var out []challenge
	for {
		h = strings.TrimLeft(h, " \t,")
		if h == "" {
			return out
		}
		word, rest := token(h)
		if word == "" {
			return out
		}
		trimmed := strings.TrimLeft(rest, " \t")
		if !strings.HasPrefix(trimmed, "=") || len(out) == 0 {
			out = append(out, challenge{strings.ToLower(word), make(map[string]string)})
			h = trimmed
			continue
		}
		value, after := parameter(strings.TrimLeft(trimmed[1:], " \t"))
		last := out[len(out)-1].parameters
		if key := strings.ToLower(word); last[key] == "" {
			last[key] = value
		}
		h = after
	}
}

// token cuts off the word that h begins with.
func token(h string) (word, rest string) {
	i := strings.IndexFunc(h, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
	if i < 0 {
		return h, ""
	}
	return h[:i], h[i:]
}

// parameter cuts off the value that h begins with, quoted or not.
func parameter(h string) (value, rest string) {
	if !strings.HasPrefix(h, `"`) {
		i := strings.IndexAny(h, " \t,")
		if i < 0 {
			return h, ""
		}
		return h[:i], h[i:]
	}
	var b strings.Builder
	for i := 1; i < len(h); i++ {
		switch h[i] {
		case '"':
			return b.String(), h[i+1:]
		case '\\':
			if i++; i == len(h) {
				return b.String(), ""
			}
		}
		b.WriteByte(h[i])
	}
	return b.String(), ""
}
