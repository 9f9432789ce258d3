package criteria

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest names bytes, or a commit, by algorithm and value. Only [ParseDigest]
// and [DigestOf] make one; the zero value matches nothing, itself included.
type Digest struct{ alg, hex string }

// hexLength is the number of hex digits of each algorithm's value. gitCommit
// takes the 40 digits of SHA-1 repositories and the 64 of SHA-256 ones (in-toto
// DigestSet, https://github.com/in-toto/attestation/blob/v1.2.0/spec/v1/digest_set.md).
var hexLength = map[string][]int{
	"sha256":    {64},
	"sha384":    {96},
	"sha512":    {128},
	"gitCommit": {40, 64},
}

// ParseDigest reads "ALGORITHM:HEX": sha256, sha384, sha512 or gitCommit, and
// the value in lower-case hex of that algorithm's length.
func ParseDigest(s string) (Digest, error) {
	alg, value, ok := strings.Cut(s, ":")
	if !ok {
		return Digest{}, fmt.Errorf("%q is not a digest: expected one such as sha256:<64 hex digits>", s)
	}
	lengths, ok := hexLength[alg]
	if !ok {
		return Digest{}, fmt.Errorf("%q: unknown digest algorithm %q: known are sha256, sha384, sha512, gitCommit", s, alg)
	}
	for _, c := range value {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return Digest{}, fmt.Errorf("%q: a digest's value is written in lower-case hex", s)
		}
	}
	for _, n := range lengths {
		if len(value) == n {
			return Digest{alg, value}, nil
		}
	}
	return Digest{}, fmt.Errorf("%q: %s takes %d hex digits, found %d", s, alg, lengths[0], len(value))
}

// DigestOf returns the SHA-256 digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest{"sha256", hex.EncodeToString(sum[:])}
}

// Algorithm returns the algorithm's name as in-toto's DigestSet spells it.
func (d Digest) Algorithm() string { return d.alg }

// Hex returns the value in lower-case hex, without the algorithm.
func (d Digest) Hex() string { return d.hex }

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// Matches reports whether both name the same thing. The zero value matches
// nothing: an absent digest must never equal another absent one.
func (d Digest) Matches(other Digest) bool { return !d.IsZero() && d == other }

// String returns "ALGORITHM:HEX", or "" for the zero value.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return d.alg + ":" + d.hex
}

// Short returns the algorithm and the first twelve digits, for tables.
func (d Digest) Short() string {
	if len(d.hex) <= 12 {
		return d.String()
	}
	return d.alg + ":" + d.hex[:12]
}

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]; "" gives the zero value.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
