package console

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// gutter is where the words of a [IO.Line] begin.
const gutter = 11

// Line writes words behind label, two spaces apart, and begins a new line below
// the first word where the next would go beyond 80 columns. No word is broken: a
// path or digest can be copied as it stands.
func (c IO) Line(color Color, label string, words ...string) error {
	var b strings.Builder
	if color != "" {
		b.WriteString(c.Paint(color, label))
	} else {
		b.WriteString(label)
	}
	b.WriteString(strings.Repeat(" ", max(2, gutter-utf8.RuneCountInString(label))))
	at := max(gutter, utf8.RuneCountInString(label)+2)
	for i, w := range words {
		n := utf8.RuneCountInString(w)
		switch {
		case i == 0:
		case at+2+n > width:
			b.WriteString("\n" + strings.Repeat(" ", gutter))
			at = gutter
		default:
			b.WriteString("  ")
			at += 2
		}
		b.WriteString(w)
		at += n
	}
	_, err := fmt.Fprintln(c.Out, b.String())
	return err
}
