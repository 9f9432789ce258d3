package verify

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits on a path. Nothing that statements say lies deeper.
const (
	maxPath  = 512 // characters
	maxSteps = 24
)

// path leads from a predicate to what a condition is about.
//
//	buildDefinition.externalParameters.workflow.ref
//	materials[0].uri
//	annotations["org.opencontainers.image.version"]
//	vulnerabilities[*].score     each of them, and at least one
//	resolvedDependencies[any].uri
type path struct {
	text  string
	steps []step
}

// step is a key, a place in a list, or a choice of the elements of a list.
type step struct {
	key   string
	index int
	kind  stepKind
}

type stepKind int

const (
	stepKey stepKind = iota
	stepIndex
	stepEach // every element, and there is one
	stepAny  // some element
)

func parsePath(text string) (path, error) {
	p := path{text: text}
	if text == "" {
		return p, errors.New("path is missing: where in the predicate to look, such as result or materials[0].uri")
	}
	if len(text) > maxPath {
		return p, fmt.Errorf("the path has %d characters, expected at most %d", len(text), maxPath)
	}
	for rest := text; rest != ""; {
		var s step
		var err error
		switch {
		case rest[0] == '[':
			s, rest, err = bracketed(rest)
		case rest[0] == '.' && len(p.steps) > 0, len(p.steps) == 0:
			rest = strings.TrimPrefix(rest, ".")
			end := strings.IndexAny(rest, ".[]\"")
			if end < 0 {
				end = len(rest)
			}
			s, rest = step{key: rest[:end]}, rest[end:]
			if s.key == "" {
				err = errors.New("a key is missing")
			}
		default:
			err = fmt.Errorf("%q is not expected there", rest[:1])
		}
		if err != nil {
			return path{}, fmt.Errorf("%q is no path: %v; keys are joined by dots, elements of lists are [0], [*] or [any], and a key with other characters is [\"in quotes\"]", text, err)
		}
		if p.steps = append(p.steps, s); len(p.steps) > maxSteps {
			return path{}, fmt.Errorf("the path has more than %d steps", maxSteps)
		}
	}
	return p, nil
}

// bracketed reads the step that text begins with.
func bracketed(text string) (step, string, error) {
	if strings.HasPrefix(text, `["`) {
		quoted, err := strconv.QuotedPrefix(text[1:])
		if err != nil {
			return step{}, "", errors.New("a quote is not closed")
		}
		key, err := strconv.Unquote(quoted)
		rest := text[1+len(quoted):]
		if err != nil || !strings.HasPrefix(rest, "]") {
			return step{}, "", errors.New("a bracket is not closed")
		}
		return step{key: key}, rest[1:], nil
	}
	inner, rest, ok := strings.Cut(text[1:], "]")
	switch {
	case !ok:
		return step{}, "", errors.New("a bracket is not closed")
	case inner == "*":
		return step{kind: stepEach}, rest, nil
	case inner == "any":
		return step{kind: stepAny}, rest, nil
	}
	n, err := strconv.ParseUint(inner, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != inner {
		return step{}, "", fmt.Errorf("[%s] names no element", inner)
	}
	return step{kind: stepIndex, index: int(n)}, rest, nil
}

// looks are the values that may still be looked at in one statement: a path with
// stars looks at each of a hundred thousand components.
type looks int

// maxLooks bounds the values of one statement that its conditions look at.
const maxLooks = 500_000

// take takes one look, and says why there is none left, or nothing.
func (l *looks) take() string {
	if *l--; *l < 0 {
		return l.why()
	}
	return ""
}

func (l looks) why() string {
	return fmt.Sprintf("its conditions would look at more than %d values", maxLooks)
}

// plain reports whether p leads to one value at most.
func (p path) plain() bool {
	for _, s := range p.steps {
		if s.kind == stepEach || s.kind == stepAny {
			return false
		}
	}
	return true
}

// hold asks about what lies at p in v, and says why it does not hold, or
// nothing. What is not there, or is null, is asked as nil. The cost is linear in
// the size of v, at most once for each step.
func (p path) hold(v jsontext.Value, left *looks, ask func(jsontext.Value) string) string {
	return hold(v, p.steps, left, ask)
}

func hold(v jsontext.Value, steps []step, left *looks, ask func(jsontext.Value) string) string {
	if why := left.take(); why != "" {
		return why
	}
	if v.Kind() == 'n' {
		v = nil
	}
	if len(steps) == 0 || v == nil {
		return ask(v)
	}
	s, rest := steps[0], steps[1:]
	if s.kind == stepKey {
		found, why := member(v, s.key)
		if why != "" {
			return why
		}
		return hold(found, rest, left, ask)
	}
	if v.Kind() != '[' {
		return ask(nil)
	}
	last, n := "", 0
	why := elements(v, func(e jsontext.Value) bool {
		n++
		switch {
		case s.kind == stepIndex && n-1 < s.index:
			return true
		case s.kind == stepIndex:
			last = hold(e, rest, left, ask)
			return false
		}
		if w := hold(e, rest, left, ask); *left < 0 {
			last = w
			return false
		} else if s.kind == stepEach {
			if w != "" {
				last = fmt.Sprintf("%s (element %d)", w, n-1)
			}
			return w == ""
		} else if w == "" {
			last = ""
			return false
		} else if n == 1 {
			last = w
		}
		return true
	})
	switch {
	case why != "":
		return why
	case n == 0 || s.kind == stepIndex && n <= s.index:
		return ask(nil)
	case *left < 0:
		return left.why()
	case s.kind == stepAny && last != "" && n > 1:
		return fmt.Sprintf("%s (the first of %d, and none of them does)", last, n)
	}
	return last
}

// member returns the value of key in the object v, nil where there is none, or
// says why it cannot be told. A key that differs from it only in case is one to
// some readers.
func member(v jsontext.Value, key string) (found jsontext.Value, why string) {
	if v.Kind() != '{' {
		return nil, ""
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return nil, "it cannot be read"
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, "it cannot be read"
		}
		got := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, "it cannot be read"
		}
		switch {
		case got == key:
			end := int(d.InputOffset())
			found = v[end-len(value) : end : end]
		case strings.EqualFold(got, key):
			return nil, fmt.Sprintf("key %q stands beside or instead of %q", clip(got), key)
		}
	}
	return found, ""
}

// elements calls each with the elements of the list v until it returns false.
func elements(v jsontext.Value, each func(jsontext.Value) bool) (why string) {
	d := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return "it cannot be read"
	}
	for d.PeekKind() != ']' {
		value, err := d.ReadValue()
		if err != nil {
			return "it cannot be read"
		}
		end := int(d.InputOffset())
		if !each(v[end-len(value) : end : end]) {
			return ""
		}
	}
	return ""
}

// clip shortens what is quoted in a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
