package wildcard_test

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/wildcard"
)

func TestCompile(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"refs/heads/main", "refs/heads/main", true},
		{"refs/heads/main", "refs/heads/main2", false},
		{"refs/heads/ma.n", "refs/heads/main", false},
		{"refs/tags/v*", "refs/tags/v1.2.0", true},
		{"refs/tags/v*", "refs/tags/v", true},
		{"refs/tags/v*", "refs/tags/v1/2", false},
		{"refs/tags/v*", "x/refs/tags/v1", false},
		{"refs/tags/v*", "refs/tags/v1\n", true},
		{"https://a.example/**", "https://a.example/b/c", true},
		{"https://a.example/**/x", "https://a.example/b/c/x", true},
		{"https://a.example/*/x", "https://a.example/b/c/x", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXb/YbZc", false},
		{"a***c", "a/b/c", true},
		{"*", "", true},
		{"*", "a/b", false},
		{"a*", "a\xff", true},
		{"\xff*", "\xffa", false},
		{"", "", true},
		{"", "a", false},
		{"v(1|2)*", "v1", false},
		{"v(1|2)*", "v(1|2)x", true},
	} {
		if got := wildcard.Compile(tt.pattern).MatchString(tt.s); got != tt.want {
			t.Errorf("Compile(%q) matches %q: %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}

func TestExpression(t *testing.T) {
	if got, want := wildcard.Expression("pkg:oci/a.b@*?x=**"), `pkg:oci/a\.b@[^/]*\?x=.*`; got != want {
		t.Errorf("Expression = %q, want %q", got, want)
	}
}
