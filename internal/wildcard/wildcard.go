// Package wildcard is the one kind of pattern that people write in files: text in
// which * stands for any characters but a slash, and ** for any characters.
// Everything else stands for itself. A star cannot be escaped, because nothing
// that is compared holds one.
package wildcard

import (
	"regexp"
	"strings"
)

// Expression returns text as a regular expression (RE2) without anchors.
func Expression(text string) string {
	var b strings.Builder
	for text != "" {
		star := strings.IndexByte(text, '*')
		if star < 0 {
			b.WriteString(regexp.QuoteMeta(text))
			break
		}
		b.WriteString(regexp.QuoteMeta(text[:star]))
		after := strings.TrimLeft(text[star:], "*")
		if len(text)-star-len(after) > 1 {
			b.WriteString(`.*`)
		} else {
			b.WriteString(`[^/]*`)
		}
		text = after
	}
	return b.String()
}

// Compile returns what matches all of a string that text stands for, in time
// linear in the string's length. Text that is no UTF-8 stands for nothing.
func Compile(text string) *regexp.Regexp {
	exp, err := regexp.Compile(`(?s)\A` + Expression(text) + `\z`)
	if err != nil {
		return regexp.MustCompile(`[^\x00-\x{10FFFF}]`)
	}
	return exp
}
