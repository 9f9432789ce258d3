package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// provider is what an issuer says of itself, after it was checked.
type provider struct {
	config oidc.ProviderConfig
	// issParameter is true where the answer to a browser names the issuer.
	issParameter bool
}

// discover asks an issuer for its endpoints.
// https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
func discover(ctx context.Context, issuer string) (*provider, error) {
	own, err := secureURL(issuer)
	if err != nil {
		return nil, fmt.Errorf("the issuer %w", err)
	}
	u := *own
	u.Path = strings.TrimSuffix(u.Path, "/") + "/.well-known/openid-configuration"
	a, err := send(ctx, client(), func() (*http.Request, error) {
		return http.NewRequest(http.MethodGet, u.String(), nil)
	})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, a.failed(&u)
	}
	p, err := readProvider(issuer, a.body)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", shownURL(&u), err)
	}
	return p, nil
}

// readProvider reads what the issuer says of itself.
func readProvider(issuer string, data []byte) (*provider, error) {
	own, err := secureURL(issuer)
	if err != nil {
		return nil, fmt.Errorf("the issuer %w", err)
	}
	var doc struct {
		Issuer        string   `json:"issuer"`
		AuthURL       string   `json:"authorization_endpoint"`
		TokenURL      string   `json:"token_endpoint"`
		DeviceAuthURL string   `json:"device_authorization_endpoint"`
		JWKSURL       string   `json:"jwks_uri"`
		Algorithms    []string `json:"id_token_signing_alg_values_supported"`
		Challenges    []string `json:"code_challenge_methods_supported"`
		IssParameter  bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := strict.JSON(data, &doc); err != nil {
		return nil, err
	}
	// "The issuer value returned MUST be identical to the Issuer URL that was
	// used as the prefix": else one issuer could speak for another.
	if doc.Issuer != issuer {
		return nil, fmt.Errorf("it is about the issuer \"%s\", expected \"%s\"", clip(Escape(doc.Issuer)), clip(Escape(issuer)))
	}
	// PKCE (RFC 7636) is what keeps a code useless for whoever else gets it. An
	// issuer that lists methods and not this one would drop the challenge.
	// Azure's has it and lists nothing.
	if doc.Challenges != nil && !slices.Contains(doc.Challenges, "S256") {
		return nil, fmt.Errorf("the issuer %s does not do PKCE with S256, without which a login on this machine could be taken by another program", shownURL(own))
	}
	for _, endpoint := range []struct{ name, url string }{
		{"authorization_endpoint", doc.AuthURL},
		{"token_endpoint", doc.TokenURL},
		{"device_authorization_endpoint", doc.DeviceAuthURL},
		{"jwks_uri", doc.JWKSURL},
	} {
		if endpoint.url == "" {
			continue
		}
		e, err := secureURL(endpoint.url)
		if err != nil {
			return nil, fmt.Errorf("its %s %w", endpoint.name, err)
		}
		if own.Scheme == "https" && e.Scheme != "https" {
			return nil, fmt.Errorf("its %s is %s, expected https://", endpoint.name, shownURL(e))
		}
	}
	if doc.TokenURL == "" || doc.JWKSURL == "" {
		return nil, errors.New("it lacks token_endpoint or jwks_uri")
	}
	algorithms := slices.DeleteFunc(doc.Algorithms, func(a string) bool { return !slices.Contains(signatures(), a) })
	if len(doc.Algorithms) > 0 && len(algorithms) == 0 {
		return nil, fmt.Errorf("the issuer %s signs with no algorithm that is known here", shownURL(own))
	}
	return &provider{oidc.ProviderConfig{
		IssuerURL: issuer, AuthURL: doc.AuthURL, TokenURL: doc.TokenURL, DeviceAuthURL: doc.DeviceAuthURL,
		JWKSURL: doc.JWKSURL, Algorithms: algorithms,
	}, doc.IssParameter}, nil
}

// signatures are those that a public key verifies: none, and those with a
// secret that both sides share, say nothing about who signed.
func signatures() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512,
		oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}
}

// redeem asks the token endpoint for an identity token. A code is good for one
// attempt, so none is repeated here.
func (p *provider) redeem(ctx context.Context, form url.Values) (raw string, err error) {
	a, u, err := post(ctx, p.config.TokenURL, form)
	if err != nil {
		return "", err
	}
	var body struct {
		IDToken string `json:"id_token"`
	}
	if err := a.decode(u, &body, form.Get("code"), form.Get("device_code"), form.Get("code_verifier")); err != nil {
		return "", err
	}
	if body.IDToken == "" {
		return "", fmt.Errorf("the answer of %s holds no id_token: does the issuer know the scope openid?", shownURL(u))
	}
	return body.IDToken, nil
}

// post sends form to address, once.
func post(ctx context.Context, address string, form url.Values) (answer, *url.URL, error) {
	u, err := secureURL(address)
	if err != nil {
		return answer{}, nil, fmt.Errorf("the endpoint %w", err)
	}
	r, err := http.NewRequest(http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, nil, errors.New("making the request: something in it cannot be sent")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	a, err := once(ctx, client(), r)
	return a, u, err
}

// decode reads an answer into v, or returns the error that it holds: a
// [*refusal] where the issuer says why, else a [*statusError]. An issuer may
// quote the secrets that it was sent.
func (a answer) decode(u *url.URL, v any, secrets ...string) error {
	if a.status == http.StatusOK {
		if err := strict.JSON(a.body, v); err != nil {
			return fmt.Errorf("reading the answer of %s: %w", shownURL(u), err)
		}
	}
	var failure struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	// Some issuers answer errors with 200.
	if err := strict.JSON(a.body, &failure); err == nil && failure.Error != "" && a.status < 500 {
		return &refusal{failure.Error, Scrub(failure.Description, secrets...)}
	}
	if a.status != http.StatusOK {
		return a.failed(u)
	}
	return nil
}
