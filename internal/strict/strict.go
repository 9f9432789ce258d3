// Package strict reads documents that others wrote and refuses what two
// readers could understand differently: duplicate keys, keys nobody defined,
// values of another type, several documents in one, references that multiply.
// Every error says where: file, line and column, and for a mistyped key the
// nearest known one.
//
// It decides nothing about what a document means. Start with [Read], then
// [YAML], [JSON] or [XML].
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits on what is read from outside. A report larger than MaxReport is not
// one that a person could act on; SBOMs with 100,000 components stay well
// below it. Nothing we read nests deeper than a few dozen levels.
const (
	MaxReport = 256 << 20 // bytes of one report
	MaxConfig = 4 << 20   // bytes of one file that a person writes
	MaxDepth  = 200       // nesting of one document
)

// Error says what is wrong with a document and where. Line and Column count
// from 1; Line is 0 where no place is known.
type Error struct {
	File         string
	Line, Column int
	Msg          string
}

func (e *Error) Error() string {
	switch {
	case e.File == "" && e.Line == 0:
		return e.Msg
	case e.Line == 0:
		return e.File + ": " + e.Msg
	case e.File == "":
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg)
	default:
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
	}
}

// Errors is every fault found in one document, in its order.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

var (
	// ErrEmpty means there was nothing to read: a tool that failed often
	// leaves an empty file, which must never count as a clean report.
	ErrEmpty = errors.New("is empty")
	// ErrTooLarge means the limit was reached before the end.
	ErrTooLarge = errors.New("is too large")
)

// Read reads all of r, at most limit bytes, and refuses what is no text in
// UTF-8: an empty file, a compressed one, one in UTF-16. A leading byte order
// mark is dropped.
func Read(r io.Reader, limit int64) ([]byte, error) {
	var data bytes.Buffer
	// Of what lies in memory the length is known, and growing to it by halves
	// would take several times as much. It is a hint and no promise.
	if known, ok := r.(interface{ Len() int }); ok {
		data.Grow(int(min(int64(known.Len()), limit)) + bytes.MinRead)
	}
	if _, err := data.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return Text(data.Bytes())
}

// Text returns data without a byte order mark, or says why it is no text.
func Text(data []byte) ([]byte, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, ErrEmpty
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return nil, errors.New("is compressed with gzip; give the report itself, decompressed")
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return nil, errors.New("is compressed with zstd; give the report itself, decompressed")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, errors.New("is a zip archive; give the report itself, unpacked")
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, errors.New("is in UTF-16; write it in UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte{0xef, 0xbb, 0xbf})
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, ErrEmpty
	case bytes.IndexByte(data, 0) >= 0:
		// UTF-16 without a mark is valid UTF-8 that is half NULs.
		return nil, errors.New("holds NUL bytes; write it as text in UTF-8")
	case !utf8.Valid(data):
		return nil, errors.New("is not text in UTF-8")
	}
	return data, nil
}

// Position returns the line and column, from 1, of the byte at offset.
func Position(data []byte, offset int64) (line, column int) {
	if offset < 0 {
		offset = 0
	}
	if offset > int64(len(data)) {
		offset = int64(len(data))
	}
	before := data[:offset]
	line = bytes.Count(before, []byte{'\n'}) + 1
	column = utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return line, column
}

// maxWord is longer than any word that we know: what is longer was not meant to
// be one, and is cut in messages.
const maxWord = 80

func clip(word string) string {
	if len(word) <= maxWord {
		return word
	}
	return strings.ToValidUTF8(word[:maxWord], "") + "…"
}

// Nearest returns the known word closest to word, or "" where none is close
// enough to be what was meant.
func Nearest(word string, known []string) string {
	if len(word) > maxWord {
		return ""
	}
	best, least := "", 1+len(word)/3
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d <= least && (best == "" || d < least) {
			best, least = k, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(y)]
}
