package catalogue

import (
	"errors"
	"fmt"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
)

// licence is a node of an SPDX licence expression
// (https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/). We walk it
// ourselves, because go-spdx multiplies an expression out before it compares,
// which takes exponential time for (A OR B) AND (C OR D) AND …; what the single
// licences are and which versions contain which is left to it.
type licence struct {
	// leaf is one licence, with + and WITH if any; empty for all and any.
	leaf     string
	all, any []*licence
}

// Limits on one expression. The longest in practice, of whole Linux
// distributions' packages, have some hundred licences.
const (
	maxExpression = 64 << 10
	maxNesting    = 100
)

// parseLicence reads an expression. Operators are written in upper or in lower
// case, AND binds more tightly than OR.
func parseLicence(expression string) (*licence, error) {
	if len(expression) > maxExpression {
		return nil, fmt.Errorf("is longer than %d bytes", maxExpression)
	}
	p := licenceParser{words: strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(expression))}
	if len(p.words) == 0 {
		return nil, errors.New("is empty")
	}
	l, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if len(p.words) > 0 {
		return nil, fmt.Errorf("%q is not expected there", p.words[0])
	}
	return l, nil
}

type licenceParser struct{ words []string }

// operator consumes the next word if it is op.
func (p *licenceParser) operator(op string) bool {
	if len(p.words) == 0 || (p.words[0] != op && p.words[0] != strings.ToLower(op)) {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *licenceParser) or(depth int) (*licence, error) {
	first, err := p.and(depth)
	if err != nil {
		return nil, err
	}
	out := &licence{any: []*licence{first}}
	for p.operator("OR") {
		next, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		out.any = append(out.any, next)
	}
	if len(out.any) == 1 {
		return first, nil
	}
	return out, nil
}

func (p *licenceParser) and(depth int) (*licence, error) {
	first, err := p.simple(depth)
	if err != nil {
		return nil, err
	}
	out := &licence{all: []*licence{first}}
	for p.operator("AND") {
		next, err := p.simple(depth)
		if err != nil {
			return nil, err
		}
		out.all = append(out.all, next)
	}
	if len(out.all) == 1 {
		return first, nil
	}
	return out, nil
}

func (p *licenceParser) simple(depth int) (*licence, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("is nested deeper than %d levels", maxNesting)
	}
	if len(p.words) == 0 {
		return nil, errors.New("ends where a licence is expected")
	}
	if p.operator("(") {
		inner, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.operator(")") {
			return nil, errors.New("lacks a closing parenthesis")
		}
		return inner, nil
	}
	word := p.words[0]
	switch word {
	case ")", "AND", "OR", "WITH", "and", "or", "with":
		return nil, fmt.Errorf("%q stands where a licence is expected", word)
	}
	p.words = p.words[1:]
	if p.operator("WITH") {
		if len(p.words) == 0 {
			return nil, errors.New("ends where an exception is expected")
		}
		word += " WITH " + p.words[0]
		p.words = p.words[1:]
	}
	return &licence{leaf: modern(word)}, nil
}

// exceptions of licences whose ids were one word before the expression syntax
// (https://spdx.org/licenses/#deprecated).
var exceptionNames = map[string]string{
	"autoconf-exception":  "Autoconf-exception",
	"bison-exception":     "Bison-exception-2.2",
	"classpath-exception": "Classpath-exception-2.0",
	"font-exception":      "Font-exception-2.0",
	"GCC-exception":       "GCC-exception",
}

// modern spells a deprecated one-word id such as
// GPL-2.0-with-classpath-exception as licence and exception. GPL-2.0 and
// GPL-2.0+ need no help: go-spdx knows them.
func modern(id string) string {
	base, exception, ok := strings.Cut(id, "-with-")
	name, known := exceptionNames[exception]
	if !ok || !known {
		return id
	}
	switch name {
	case "Autoconf-exception":
		if base == "GPL-3.0" {
			name += "-3.0"
		} else {
			name += "-2.0"
		}
	case "GCC-exception":
		if base == "GPL-3.0" {
			name += "-3.1"
		} else {
			name += "-2.0"
		}
	}
	return base + "-only WITH " + name
}

// ruling is what a policy says of a licence. The zero value is that it cannot
// say.
type ruling int

const (
	rulingUnknown ruling = iota
	rulingAllowed
	rulingDenied
)

// judge returns the ruling on l: one branch of OR has to be allowed, every
// branch of AND.
func (l *licence) judge(leaf func(string) ruling) ruling {
	switch {
	case l.leaf != "":
		return leaf(l.leaf)
	case len(l.any) > 0:
		out := rulingDenied
		for _, branch := range l.any {
			switch branch.judge(leaf) {
			case rulingAllowed:
				return rulingAllowed
			case rulingUnknown:
				out = rulingUnknown
			}
		}
		return out
	default:
		out := rulingAllowed
		for _, branch := range l.all {
			switch branch.judge(leaf) {
			case rulingDenied:
				return rulingDenied
			case rulingUnknown:
				out = rulingUnknown
			}
		}
		return out
	}
}

// licenceList is a list of licences as a policy writes it.
type licenceList struct {
	entries []string
	plain   map[string]bool // lower case, for the common exact match
}

func newLicenceList(entries []string) (licenceList, error) {
	l := licenceList{entries: entries, plain: make(map[string]bool)}
	for _, e := range entries {
		parsed, err := parseLicence(e)
		if err != nil || parsed.leaf == "" {
			return l, fmt.Errorf("%q is no single licence", e)
		}
		if ok, _ := spdxexp.ValidateLicenses([]string{parsed.leaf}); !ok {
			return l, fmt.Errorf("%q is not on the SPDX licence list", e)
		}
		l.plain[strings.ToLower(e)] = true
	}
	return l, nil
}

// has reports whether leaf, a valid licence, is one of l, or a version of one
// of them that leaf lets one choose: GPL-2.0-or-later is in a list with
// GPL-3.0-only.
func (l licenceList) has(leaf string) bool {
	if l.plain[strings.ToLower(leaf)] {
		return true
	}
	if len(l.entries) == 0 {
		return false
	}
	ok, err := spdxexp.Satisfies(leaf, l.entries)
	return err == nil && ok
}
