package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// DefaultAudience is the audience that the public Fulcio expects, and most
// private ones.
const DefaultAudience = "sigstore"

// maxToken is far more than an issuer writes: tokens travel in HTTP headers, of
// which servers commonly take 8 KiB.
const maxToken = 64 << 10

// Token is an OIDC identity token that nobody has verified. However it is
// printed or encoded, it shows whose it is and nothing else; [Token.Raw] alone
// gives it away. The zero value is nobody's and is never valid.
type Token struct {
	// raw is a function because fmt looks into everything else.
	raw    func() string
	claims claims
}

// Parse reads a token in the compact form of a JWT (RFC 7519), with or without
// white space around it. It verifies nothing: its signature and the algorithm
// of it are for Fulcio to judge.
func Parse(raw string) (Token, error) {
	t, err := parse(raw)
	if err != nil {
		return Token{}, fmt.Errorf("reading an identity token: %w", err)
	}
	return t, nil
}

func parse(raw string) (Token, error) {
	raw = strings.TrimSpace(raw)
	switch {
	case raw == "":
		return Token{}, errors.New("is empty: expected a JWT")
	case len(raw) > maxToken:
		return Token{}, fmt.Errorf("is too large: %d bytes, expected at most %d", len(raw), maxToken)
	}
	parts := strings.Split(raw, ".")
	switch len(parts) {
	case 3:
	case 5:
		return Token{}, errors.New("is encrypted: expected a signed JWT, which has three parts")
	default:
		return Token{}, fmt.Errorf("is no JWT: it has %d parts between dots, expected three; an access token is no identity token", len(parts))
	}
	header, err := part("header", parts[0])
	if err != nil {
		return Token{}, err
	}
	if err := object(header); err != nil {
		return Token{}, fmt.Errorf("has a header that cannot be read: %w", err)
	}
	payload, err := part("payload", parts[1])
	if err != nil {
		return Token{}, err
	}
	c, err := readClaims(payload)
	if err != nil {
		return Token{}, fmt.Errorf("has claims that cannot be read: %w", err)
	}
	if _, err := part("signature", parts[2]); err != nil {
		return Token{}, err
	}
	return Token{func() string { return raw }, c}, nil
}

// part passes on no error of the decoder: what it quotes is the token.
//
// RFC 7515, section 2: base64url "with all trailing '=' characters omitted".
// https://www.rfc-editor.org/rfc/rfc7515#section-2
func part(name, text string) ([]byte, error) {
	if text == "" {
		return nil, fmt.Errorf("has an empty %s", name)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder skips line breaks, which have no place in a token.
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("has a damaged %s: expected base64url without padding", name)
	}
	return data, nil
}

// object refuses what is no single JSON object.
func object(data []byte) error {
	if len(data) == 0 || data[0] != '{' {
		return errors.New("expected a JSON object")
	}
	return strict.CheckJSON(data)
}

// Raw returns the token itself, for Fulcio alone.
func (t Token) Raw() string {
	if t.raw == nil {
		return ""
	}
	return t.raw()
}

// Issuer returns who says that it issued t.
func (t Token) Issuer() string { return t.claims.Issuer }

// Subject returns the claim sub.
func (t Token) Subject() string { return t.claims.Subject }

// Email returns the claim email, "" if there is none.
func (t Token) Email() string { return t.claims.Email }

// Audience returns whom t is meant for.
func (t Token) Audience() []string { return append([]string(nil), t.claims.Audience...) }

// Expires returns when t ends.
func (t Token) Expires() time.Time { return time.Time(t.claims.Expires) }

// String names whose token it is, with everything escaped that could deceive
// who reads it.
func (t Token) String() string {
	if t.raw == nil {
		return "token of nobody"
	}
	return "token of " + Escape(t.Identity())
}

// GoString is [Token.String].
func (t Token) GoString() string { return t.String() }

// Format writes [Token.String] whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// MarshalText gives [Token.String] to encoders: JSON, YAML, log/slog.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalJSON is [Token.MarshalText] for encoders that ask for JSON first.
func (t Token) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }
