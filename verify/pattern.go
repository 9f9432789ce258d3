package verify

import (
	"regexp"
	"strings"
)

// pattern is text in which * stands for any characters but a slash, and ** for
// any characters. Everything else stands for itself: a star cannot be escaped,
// because nothing that is compared here holds one.
type pattern struct {
	text string
	// exp is nil where the text stands for itself alone.
	exp *regexp.Regexp
}

func newPattern(text string) pattern {
	if !strings.Contains(text, "*") {
		return pattern{text: text}
	}
	// What is quoted compiles. Text that is no UTF-8 matches nothing.
	exp, err := regexp.Compile(`(?s)\A` + expression(text) + `\z`)
	if err != nil {
		exp = regexp.MustCompile(`[^\x00-\x{10FFFF}]`)
	}
	return pattern{text: text, exp: exp}
}

// expression is p as a regular expression that is not anchored yet.
func (p pattern) expression() string { return expression(p.text) }

func expression(text string) string {
	var b strings.Builder
	for rest := text; rest != ""; {
		star := strings.IndexByte(rest, '*')
		if star < 0 {
			b.WriteString(regexp.QuoteMeta(rest))
			break
		}
		b.WriteString(regexp.QuoteMeta(rest[:star]))
		rest = rest[star:]
		if after := strings.TrimLeft(rest, "*"); len(rest)-len(after) > 1 {
			b.WriteString(`.*`)
			rest = after
		} else {
			b.WriteString(`[^/]*`)
			rest = after
		}
	}
	return b.String()
}

// match reports whether p stands for all of s. Its cost is linear in the length
// of s.
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
