package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// gitHubHint is what a workflow lacks that may have no tokens.
const gitHubHint = "give the job, or the workflow, permissions: {id-token: write, contents: read}; a pull request from a fork never has it"

// gitHubActions asks the runner's issuer, which is told by two variables:
// https://docs.github.com/en/actions/reference/security/oidc.
type gitHubActions struct {
	url         *url.URL
	environment Environment
}

func findGitHub(_ context.Context, e Environment) (Source, error) {
	if e.Env("GITHUB_ACTIONS") != "true" && e.Env("ACTIONS_ID_TOKEN_REQUEST_URL") == "" {
		return nil, nil
	}
	return newGitHub(e)
}

func newGitHub(e Environment) (Source, error) {
	address := e.Env("ACTIONS_ID_TOKEN_REQUEST_URL")
	if address == "" || e.Env("ACTIONS_ID_TOKEN_REQUEST_TOKEN") == "" {
		return nil, errors.New("looking for an identity token: this job of GitHub Actions may have none; " + gitHubHint)
	}
	u, err := secureURL(address)
	if err != nil {
		return nil, fmt.Errorf("looking for an identity token: ACTIONS_ID_TOKEN_REQUEST_URL %w", err)
	}
	return gitHubActions{u, e}, nil
}

func (gitHubActions) Name() string { return "GitHub Actions" }

func (g gitHubActions) Token(ctx context.Context, audience string) (Token, error) {
	t, err := g.token(ctx, audience)
	if err != nil {
		return Token{}, getting(g, err)
	}
	return t, nil
}

func (g gitHubActions) token(ctx context.Context, audience string) (Token, error) {
	u := *g.url
	query := u.Query()
	query.Set("audience", audience)
	u.RawQuery = query.Encode()
	a, err := send(ctx, client(), func() (*http.Request, error) {
		r, err := http.NewRequest(http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+g.environment.Env("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
		r.Header.Set("Accept", "application/json; api-version=2.0")
		return r, nil
	})
	if err != nil {
		return Token{}, err
	}
	switch a.status {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return Token{}, fmt.Errorf("%w; %s", a.failed(&u), gitHubHint)
	default:
		return Token{}, a.failed(&u)
	}
	var body struct {
		Value string `json:"value"`
	}
	if err := strict.JSON(a.body, &body); err != nil {
		return Token{}, fmt.Errorf("reading the answer of %s: %w", shownURL(&u), err)
	}
	if body.Value == "" {
		return Token{}, fmt.Errorf("the answer of %s holds no value", shownURL(&u))
	}
	return accept(body.Value, g.environment.Now, audience)
}
