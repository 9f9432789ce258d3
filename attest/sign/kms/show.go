package kms

import (
	"bytes"
	"strings"
	"sync"
	"unicode"
)

// Limits of what a plug-in may say to people, far more than they read.
const (
	maxLine  = 300 // characters of one line
	maxLines = 20
)

// show returns what a plug-in said as one line that is safe to print: without
// secrets, and without what could act on a terminal or reorder what is read
// (https://www.unicode.org/reports/tr36/).
func show(text string, secrets []string) string {
	// Cut after hiding, so that no half of a secret stays.
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxLine {
		text = string(runes[:maxLine]) + "…"
	}
	return text
}

// teller hands on what a plug-in writes to its stderr, line by line, as far as
// people read.
type teller struct {
	tell    func(line string)
	secrets []string

	mu    sync.Mutex
	line  bytes.Buffer
	told  int
	last  string
	ended bool
}

// maxRest is how much of a line is kept, so that a line without end takes no
// memory: more than maxLine characters together with what is hidden in them.
const maxRest = 16 << 10

func (t *teller) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, ends := bytes.Cut(rest, []byte("\n"))
		t.line.Write(line[:min(len(line), maxRest-min(maxRest, t.line.Len()))])
		if !ends {
			break
		}
		t.flush()
		rest = after
	}
	return len(p), nil
}

func (t *teller) flush() {
	line := show(t.line.String(), t.secrets)
	t.line.Reset()
	if line == "" || t.ended {
		return
	}
	t.last = line
	if t.told < maxLines && t.tell != nil {
		t.tell(line)
	}
	t.told++
}

// end tells what is left and returns the last line. Nothing is told after it,
// though whoever the plug-in left behind may still write.
func (t *teller) end() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	t.ended = true
	return t.last
}
