package evidence

import "regexp"

// plainDoctype is a document type declaration before the root element that
// only names a document type, without declarations of its own.
var plainDoctype = regexp.MustCompile(`^(?:\s*(?:<\?[^>]*\?>|<!--(?:[^-]|-[^-])*-->))*\s*(<!DOCTYPE\s+[A-Za-z][A-Za-z0-9:._-]*(?:\s+(?:SYSTEM|PUBLIC)(?:\s+(?:"[^"<>]*"|'[^'<>]*')){1,2})?\s*>)`)

// withoutDoctype blanks a plain document type declaration, which JaCoCo and
// Cobertura always write: nothing is fetched, and what it names is not needed.
// One that declares entities stays, and is refused by strict.XML.
func withoutDoctype(data []byte) []byte {
	m := plainDoctype.FindSubmatchIndex(data)
	if m == nil {
		return data
	}
	out := append([]byte(nil), data...)
	for i := m[2]; i < m[3]; i++ {
		if out[i] != '\n' {
			out[i] = ' '
		}
	}
	return out
}
