package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxSkew is by how much an issuer's clock may be ahead of ours; Fulcio allows
// as much.
const maxSkew = 5 * time.Minute

// ErrExpired means that a token was fine once. Get another one from its source;
// a token that somebody gave has to be given anew.
var ErrExpired = errors.New("has expired")

// Valid says why Fulcio would refuse t at the time now: because it has expired
// or is not yet valid, is for somebody else than audience, or bears an address
// that its issuer did not verify. That it says nothing proves nothing.
func (t Token) Valid(now time.Time, audience string) error {
	switch expires, from := t.Expires(), time.Time(t.claims.NotBefore); {
	case t.raw == nil:
		return errors.New("there is no token")
	case !now.Before(expires):
		return fmt.Errorf("the %s %w at %s, %s ago", t, ErrExpired, stamp(expires), ago(now.Sub(expires)))
	case !from.IsZero() && now.Add(maxSkew).Before(from):
		return fmt.Errorf("the %s is not valid before %s, in %s: is this machine's clock right?", t, stamp(from), ago(from.Sub(now)))
	case audience == "":
		return errors.New("no audience was named: expected whom the token has to be for")
	case !slices.Contains(t.claims.Audience, audience):
		return fmt.Errorf("the %s is for %s, expected audience %q", t, list(t.claims.Audience), audience)
	case t.claims.Email != "" && !bool(t.claims.EmailVerified):
		return fmt.Errorf("the %s bears an address that its issuer has not verified", t)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func ago(d time.Duration) string { return max(d.Round(time.Second), time.Second).String() }

// list shows the first few of words that somebody else wrote.
func list(words []string) string {
	const most = 5
	var shown []string
	for _, w := range words[:min(len(words), most)] {
		shown = append(shown, `"`+clip(Escape(w))+`"`)
	}
	if len(words) > most {
		shown = append(shown, fmt.Sprintf("and %d others", len(words)-most))
	}
	return strings.Join(shown, ", ")
}

// clip cuts what is only shown for orientation. It takes what [Escape] returns.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
