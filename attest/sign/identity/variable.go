package identity

import (
	"context"
	"fmt"
)

// tokenVariable is the variable that cosign and the Sigstore clients of other
// languages read.
const tokenVariable = "SIGSTORE_ID_TOKEN"

// variable is a token in the environment. It was given once: where it has
// expired, there is no other.
type variable struct{ environment Environment }

func findVariable(_ context.Context, e Environment) (Source, error) {
	if e.Env(tokenVariable) == "" {
		return nil, nil
	}
	return variable{e}, nil
}

func (v variable) Name() string {
	if v.environment.Env("GITLAB_CI") != "" {
		return "GitLab CI (" + tokenVariable + ")"
	}
	return "the variable " + tokenVariable
}

func (v variable) Token(_ context.Context, audience string) (Token, error) {
	raw := v.environment.Env(tokenVariable)
	if raw == "" {
		return Token{}, getting(v, fmt.Errorf("it is not set"))
	}
	t, err := accept(raw, v.environment.Now, audience)
	if err != nil {
		return Token{}, getting(v, err)
	}
	return t, nil
}
