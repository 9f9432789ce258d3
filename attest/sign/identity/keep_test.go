package identity

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// counted gives a new token each time.
type counted struct {
	now   func() time.Time
	calls int
	fail  bool
}

func (*counted) Name() string { return "a source" }

func (c *counted) Token(_ context.Context, audience string) (Token, error) {
	c.calls++
	if c.fail {
		return Token{}, errors.New("no")
	}
	return Parse(jwt(map[string]any{"iss": "i", "sub": "s", "aud": audience, "exp": c.now().Add(10 * time.Minute).Unix(), "n": c.calls}))
}

func TestKeep(t *testing.T) {
	at := time.Now()
	now := func() time.Time { return at }
	c := &counted{now: now}
	s := Keep(c, now)
	get := func(audience string) Token {
		t.Helper()
		token, err := s.Token(t.Context(), audience)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := get("sigstore")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if token, err := s.Token(t.Context(), "sigstore"); err != nil || token.Raw() != first.Raw() {
				t.Errorf("Token = %v, %v, want the first", token, err)
			}
		})
	}
	all.Wait()
	if c.calls != 1 {
		t.Errorf("the source was asked %d times, want once", c.calls)
	}
	if other := get("other"); other.Audience()[0] != "other" {
		t.Errorf("the token for another audience is for %v", other.Audience())
	}
	// Shortly before it ends, another one is asked for.
	at = at.Add(9*time.Minute + 20*time.Second)
	if get("sigstore").Raw() != first.Raw() {
		t.Error("a token that is good for 40 seconds was not kept")
	}
	at = at.Add(20 * time.Second)
	if get("sigstore").Raw() == first.Raw() {
		t.Error("a token that is good for 20 seconds was handed out again")
	}
	// A failure is not kept.
	at = at.Add(time.Hour)
	c.fail = true
	if token, err := s.Token(t.Context(), "sigstore"); err == nil {
		t.Errorf("Token = %v, want the source's error", token)
	}
	c.fail = false
	get("sigstore")
}
