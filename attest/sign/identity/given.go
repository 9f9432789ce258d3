package identity

import (
	"context"
	"errors"
	"os"
	"strings"
)

// given is a token that somebody handed over.
type given struct {
	token       Token
	environment Environment
}

// Given returns the source that the value of --identity-token names, as cosign
// reads it: a token, or the path of a file that holds one. "@" before it says
// that it is a path. A file that others may change is refused.
//
// A token among the arguments is seen by every user of the machine; a file, or
// the variable SIGSTORE_ID_TOKEN, is not.
func Given(value string, e Environment) (Source, error) {
	if path, ok := strings.CutPrefix(value, "@"); ok {
		// Errors name the path.
		if looksLikeToken(path) {
			return nil, errors.New("reading --identity-token: a token follows the @, expected the path of a file")
		}
		return file{path, e, true}, nil
	}
	t, err := parse(value)
	if err == nil {
		return given{t, e}, nil
	}
	// What has three parts in base64 was meant to be a token: it says what is
	// wrong with it, and no error quotes it as a path.
	if looksLikeToken(value) {
		return nil, errors.New("reading --identity-token: the token " + err.Error())
	}
	if _, statErr := os.Stat(value); statErr != nil {
		return nil, errors.New("reading --identity-token: is neither a token nor the path of a file; write @ before a path to have it named")
	}
	return file{value, e, true}, nil
}

// looksLikeToken reports whether value begins as base64 of a JSON object does.
func looksLikeToken(value string) bool { return strings.HasPrefix(strings.TrimSpace(value), "eyJ") }

func (given) Name() string { return "--identity-token" }

func (g given) Token(_ context.Context, audience string) (Token, error) {
	if err := g.token.Valid(g.environment.Now(), audience); err != nil {
		return Token{}, getting(g, err)
	}
	return g.token, nil
}
