package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Source is where tokens come from.
type Source interface {
	// Token returns a token that is valid now for audience. Tokens expire after
	// minutes, so it may be asked again; a source that was given one token says
	// when that has expired.
	Token(ctx context.Context, audience string) (Token, error)
	// Name says which source it is, for people.
	Name() string
}

// ErrNone means that no identity is at hand. Ask a person to log in where there
// is one, or say what can be set.
var ErrNone = errors.New("no identity token is at hand")

// accept parses what a source was given and holds it against what was asked.
func accept(raw string, now func() time.Time, audience string) (Token, error) {
	t, err := parse(raw)
	if err != nil {
		return Token{}, fmt.Errorf("the token %w", err)
	}
	if err := t.Valid(now(), audience); err != nil {
		return Token{}, err
	}
	return t, nil
}

// getting adds to an error which source it comes from.
func getting(s Source, err error) error {
	return fmt.Errorf("getting an identity token from %s: %w", s.Name(), err)
}

// Scrub returns text that came with a failure, as far as it may be shown: on
// one line, cut, and without secrets or anything that looks like a token.
func Scrub(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "(secret)")
		}
	}
	words := strings.Fields(text)
	for i, w := range words {
		// "eyJ" is how base64 of a JSON object begins.
		if at := strings.Index(w, "eyJ"); at >= 0 {
			words[i] = w[:at] + "(token)"
		}
	}
	return clip(Escape(strings.Join(words, " ")))
}
