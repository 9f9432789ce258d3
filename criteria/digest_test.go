package criteria_test

import (
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
)

func TestParseDigest(t *testing.T) {
	hex := func(n int) string { return strings.Repeat("a", n) }
	for _, s := range []string{
		"sha256:" + hex(64), "sha384:" + hex(96), "sha512:" + hex(128), "gitCommit:" + hex(40), "gitCommit:" + hex(64),
	} {
		d, err := criteria.ParseDigest(s)
		if err != nil || d.String() != s || d.IsZero() || !d.Matches(d) {
			t.Errorf("ParseDigest(%q) = %v, %v", s, d, err)
		}
		if alg, value, _ := strings.Cut(s, ":"); d.Algorithm() != alg || d.Hex() != value || d.Short() != alg+":"+value[:12] {
			t.Errorf("ParseDigest(%q) has parts %q, %q, %q", s, d.Algorithm(), d.Hex(), d.Short())
		}
	}
	for _, tt := range []struct{ text, want string }{
		{"", "is not a digest"},
		{hex(64), "is not a digest"},
		{"sha256:", "takes 64 hex digits, found 0"},
		{"sha256:" + hex(63), "takes 64 hex digits, found 63"},
		{"sha256:" + hex(65), "takes 64 hex digits, found 65"},
		{"sha256:" + strings.ToUpper(hex(64)), "lower-case hex"},
		{"sha256:" + hex(63) + "g", "lower-case hex"},
		{"sha256: " + hex(63), "lower-case hex"},
		{"sha256:" + hex(64) + "\n", "lower-case hex"},
		{"SHA256:" + hex(64), `unknown digest algorithm "SHA256"`},
		{"sha1:" + hex(40), `unknown digest algorithm "sha1"`},
		{"md5:" + hex(32), `unknown digest algorithm "md5"`},
		{"sha256:sha256:" + hex(64), "lower-case hex"},
		{"gitCommit:" + hex(41), "takes 40 hex digits, found 41"},
		{":" + hex(64), `unknown digest algorithm ""`},
	} {
		if d, err := criteria.ParseDigest(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) || !d.IsZero() {
			t.Errorf("ParseDigest(%q) = %v, %v, want an error with %q", tt.text, d, err, tt.want)
		}
	}
}

func TestDigest_zero_matches_nothing(t *testing.T) {
	var zero criteria.Digest
	some := criteria.DigestOf(nil)
	if zero.Matches(zero) || zero.Matches(some) || some.Matches(zero) {
		t.Error("the zero digest matches")
	}
	if zero.String() != "" || zero.Short() != "" {
		t.Errorf("the zero digest is written %q, %q", zero, zero.Short())
	}
	if err := some.UnmarshalText(nil); err != nil || !some.IsZero() {
		t.Errorf(`UnmarshalText("") = %v, %v`, some, err)
	}
}

func TestDigest_algorithms_do_not_mix(t *testing.T) {
	value := strings.Repeat("a", 64)
	a, _ := criteria.ParseDigest("sha256:" + value)
	b, _ := criteria.ParseDigest("gitCommit:" + value)
	if a.Matches(b) {
		t.Error("a file and a commit match because their hex digits do")
	}
}

func FuzzParseDigest(f *testing.F) {
	for _, s := range []string{"", "sha256:" + strings.Repeat("0", 64), "gitCommit:" + strings.Repeat("f", 40), "sha256:", ":", "sha512:" + strings.Repeat("A", 128)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := criteria.ParseDigest(s)
		if err != nil {
			if !d.IsZero() {
				t.Fatalf("ParseDigest(%q) = %v beside %v", s, d, err)
			}
			return
		}
		text, _ := d.MarshalText()
		var again criteria.Digest
		if err := again.UnmarshalText(text); err != nil || !again.Matches(d) || string(text) != s {
			t.Fatalf("ParseDigest(%q) = %v, written %q, read again %v, %v", s, d, text, again, err)
		}
	})
}
