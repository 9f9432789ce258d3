package console

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Watched returns c with an Out that [IO.Run] watches: whoever asked for JSON
// gets a document also when all there is to say is an error, and an answer that
// could not be written in full does not end as a yes.
func (c IO) Watched() IO {
	c.Out = &stream{to: c.Out}
	return c
}

// stream remembers whether something was written, and the first error.
type stream struct {
	to    io.Writer
	wrote bool
	err   error
}

func (s *stream) Write(data []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.wrote = s.wrote || len(data) > 0
	n, err := s.to.Write(data)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		s.err = fmt.Errorf("writing the output: %w", err)
		err = s.err
	}
	return n, err
}

// Problem is what a command writes with -o json or jsonl when it has no other
// answer.
type Problem struct {
	// Outcome is refused, unknown, or misused for a fault of usage or
	// configuration.
	Outcome string   `json:"outcome"`
	Error   string   `json:"error"`
	Hints   []string `json:"hints,omitempty"`
}

// problem writes err to a watched Out where args ask for JSON and nothing was
// written yet, and returns what the process has to end with.
func (c IO) problem(args []string, err error) error {
	out, ok := c.Out.(*stream)
	if !ok {
		return err
	}
	if format := wantsJSON(args); err != nil && !out.wrote && out.err == nil && format != "" {
		p := Problem{Outcome: "unknown", Error: plain(err).Error()}
		switch Code(err) {
		case No:
			p.Outcome = "refused"
		case Usage:
			p.Outcome = "misused"
		}
		var own *ExitError
		if errors.As(err, &own) {
			p.Hints = own.Hints
		}
		// If this fails as well, out.err says so.
		if format == "jsonl" {
			_ = c.JSONLine(p)
		} else {
			_ = c.JSON(p)
		}
	}
	switch {
	case out.err == nil || errors.Is(err, out.err):
		return err
	case err == nil:
		return Unable(out.err)
	case isQuiet(err):
		return &ExitError{Code: Code(err), Err: out.err}
	}
	return errors.Join(err, out.err)
}

// isQuiet reports whether err says nothing but a code.
func isQuiet(err error) bool {
	own, ok := err.(*ExitError) //nolint:errorlint // what wraps it says something
	return ok && own.Err == nil
}

// wantsJSON returns the form of JSON that args choose, json or jsonl, or
// nothing. It looks at the words, since the flags may be what could not be
// understood.
func wantsJSON(args []string) string {
	chosen := ""
	for i, word := range args {
		if word == "--" {
			break
		}
		name, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !strings.HasPrefix(word, "-") || name != "o" && name != "output" {
			continue
		}
		if !ok && i+1 < len(args) {
			value = args[i+1]
		}
		chosen = value
	}
	if chosen == "json" || chosen == "jsonl" {
		return chosen
	}
	return ""
}
