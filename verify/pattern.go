package verify

import (
	"regexp"
	"strings"

	"github.com/hallmark-project/hallmark/internal/wildcard"
)

// pattern is text, exact or with stars (package wildcard).
type pattern struct {
	text string
	// exp is nil where the text stands for itself alone.
	exp *regexp.Regexp
}

func newPattern(text string) pattern {
	if !strings.Contains(text, "*") {
		return pattern{text: text}
	}
	return pattern{text: text, exp: wildcard.Compile(text)}
}

// match reports whether p stands for all of s.
func (p pattern) match(s string) bool {
	if p.exp == nil {
		return s == p.text
	}
	return p.exp.MatchString(s)
}

// literal is what p begins with before the first star.
func (p pattern) literal() string {
	before, _, _ := strings.Cut(p.text, "*")
	return before
}
