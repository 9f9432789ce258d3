package verification

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/cli/console"
)

// Line is the answer about one subject of a list, one line with -o jsonl.
type Line struct {
	Subject
	// Line is where the list names it, zero where there is no list.
	Line int `json:"line,omitempty"`
	// Recorded is when it verified, where the resume file says so and it was
	// not verified again.
	Recorded *time.Time `json:"recorded,omitempty"`

	from string
	at   time.Time
}

// Summary is what a list comes to, the last line with -o jsonl.
type Summary struct {
	// Outcome is the worst of all.
	Outcome  string `json:"outcome"`
	Verified int    `json:"verified"`
	Refused  int    `json:"refused"`
	Unknown  int    `json:"unknown"`
	// Recorded are those among the verified that the resume file named.
	Recorded int `json:"recorded,omitempty"`
	// Entries are the lines of the list, or of this shard of it.
	Entries int `json:"entries,omitempty"`
}

func (s *Summary) add(outcome string, recorded bool) {
	switch outcome {
	case Verified:
		s.Verified++
		if s.Outcome == "" {
			s.Outcome = Verified
		}
	case Refused:
		s.Refused++
		s.Outcome = Refused
	default:
		s.Unknown++
		if s.Outcome != Refused {
			s.Outcome = Unknown
		}
	}
	if recorded {
		s.Recorded++
	}
}

// writer writes answers one by one.
type writer interface {
	subject(Line) error
	end(Summary) error
}

func newWriter(io console.IO, format string, part shard, all, own int) writer {
	switch format {
	case "json":
		return &documentWriter{io: io}
	case "jsonl":
		return newLines(io)
	}
	return tableWriter{io, part, all, own}
}

// lineWriter writes a line of JSON for each answer and one for the summary,
// whose absence shows that the rest is not all.
type lineWriter struct{ io console.IO }

func newLines(io console.IO) lineWriter { return lineWriter{io} }

func (w lineWriter) subject(l Line) error { return w.io.JSONLine(l) }

func (w lineWriter) end(s Summary) error {
	return w.io.JSONLine(struct {
		Summary Summary `json:"summary"`
	}{s})
}

// documentWriter writes one document as -o json has it without a list, but with
// the outcome behind the subjects: it is known last. What is not all is no JSON.
type documentWriter struct {
	io    console.IO
	begun bool
}

func (w *documentWriter) subject(l Line) error {
	lead := ",\n    "
	if !w.begun {
		lead, w.begun = "{\n  \"subjects\": [\n    ", true
	}
	text, err := indented(l, "    ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.io.Out, "%s%s", lead, text)
	return err
}

func (w *documentWriter) end(s Summary) error {
	lead := "\n  ],\n"
	if !w.begun {
		lead = "{\n  \"subjects\": [],\n"
	}
	text, err := indented(s, "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.io.Out, "%s  \"outcome\": %q,\n  \"summary\": %s\n}\n", lead, s.Outcome, text)
	return err
}

func indented(v any, prefix string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	err := e.Encode(v)
	return strings.TrimRight(b.String(), "\n"), err
}

// tableWriter writes a line for each answer, all of them to where results go.
type tableWriter struct {
	io       console.IO
	part     shard
	all, own int
}

func (w tableWriter) subject(l Line) error {
	var err error
	switch {
	case l.Recorded != nil:
		_, err = fmt.Fprintf(w.io.Out, "%s %s (on %s)\n", w.io.Paint(console.Green, "verified"), l.Name, l.Recorded.UTC().Format(time.RFC3339))
	case l.Outcome == Verified:
		_, err = fmt.Fprintf(w.io.Out, "%s %s\n", w.io.Paint(console.Green, "verified"), l.Name)
	default:
		word := w.io.Paint(console.Red, "refused")
		if l.Outcome != Refused {
			word = w.io.Paint(console.Yellow, "could not tell")
		}
		_, err = fmt.Fprintf(w.io.Out, "%s %s: %s\n", word, l.Name, strings.ReplaceAll(strings.Join(l.Lines(), "; "), "\n", " "))
	}
	return err
}

func (w tableWriter) end(s Summary) error {
	words := []string{fmt.Sprintf("%d verified", s.Verified)}
	if s.Recorded > 0 {
		words[0] += fmt.Sprintf(" (%d of them before)", s.Recorded)
	}
	if s.Refused > 0 {
		words = append(words, fmt.Sprintf("%d refused", s.Refused))
	}
	if s.Unknown > 0 {
		words = append(words, fmt.Sprintf("could not tell about %d", s.Unknown))
	}
	lead := ""
	if w.part.count > 0 {
		lead = fmt.Sprintf("shard %d/%d, %d of %d lines: ", w.part.index, w.part.count, w.own, w.all)
	}
	_, err := fmt.Fprintf(w.io.Out, "%s%s\n", lead, strings.Join(words, ", "))
	return err
}
