package criteria

import (
	"strings"
	"unicode"
)

// plain returns s with what could act on a terminal, or reorder what a person
// reads, shown as U+FFFD: reasons quote what reports say, and a test's name that
// moves the cursor could write "pass" over "fail".
func plain(s string) string {
	if !strings.ContainsFunc(s, acts) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if acts(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// acts reports whether r is a control character, ends a line for some readers,
// or changes the direction of writing (https://www.unicode.org/reports/tr36/).
func acts(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
}

// plain returns o with every text as [plain] shows it.
func (o Outcome) plain() Outcome {
	o.Reason = plain(o.Reason)
	for i := range o.Findings {
		f := &o.Findings[i]
		f.ID, f.Where, f.Severity = plain(f.ID), plain(f.Where), plain(f.Severity)
		f.Message, f.Fingerprint = plain(f.Message), plain(f.Fingerprint)
		for j, a := range f.Aliases {
			if p := plain(a); p != a {
				aliases := append([]string{}, f.Aliases...)
				aliases[j] = p
				f.Aliases = aliases
			}
		}
	}
	for i := range o.Notes {
		o.Notes[i] = plain(o.Notes[i])
	}
	return o
}
