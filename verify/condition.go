package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits on the conditions of one requirement, and on what they are asked of.
// Each reads a predicate once.
const (
	maxConditions = 64
	maxNesting    = 4
	maxAsked      = 16 << 20 // bytes of a predicate that conditions are asked of; see also maxLooks
)

// Condition is asked of a predicate: a path with one comparison, or several
// conditions of which all or any must hold. What is not there meets none.
type Condition struct {
	// All and Any are conditions: every one of All must hold, or one of Any.
	All []Condition `yaml:"all"`
	Any []Condition `yaml:"any"`
	// Path leads to what is compared: keys joined by dots, [0] for an element of a
	// list, [*] for each of at least one, [any] for some element, and ["a key"]
	// where it holds other characters.
	Path string `yaml:"path"`
	// Equals is the value that must be there; text, number and truth differ.
	Equals *Value `yaml:"equals"`
	// Not is a value of the same kind that must not be there; another must.
	Not *Value `yaml:"not"`
	// OneOf are values of which one must be there.
	OneOf []Value `yaml:"oneOf"`
	// Matches is a pattern of a text: * stands for any characters but a slash, **
	// for any characters.
	Matches string `yaml:"matches"`
	// AtLeast and AtMost bound a number, or a time in RFC 3339, both included.
	AtLeast *Value `yaml:"atLeast"`
	AtMost  *Value `yaml:"atMost"`
	// Contains is a value that must be in a list.
	Contains *Value `yaml:"contains"`
	// Exists is true: something must be there, whatever it is.
	Exists bool `yaml:"exists"`
}

// comparisons are the keys of c's comparisons.
func (c Condition) comparisons() []string {
	var keys []string
	for _, k := range []struct {
		key   string
		given bool
	}{
		{"equals", c.Equals != nil},
		{"not", c.Not != nil},
		{"oneOf", c.OneOf != nil},
		{"matches", c.Matches != ""},
		{"atLeast", c.AtLeast != nil},
		{"atMost", c.AtMost != nil},
		{"contains", c.Contains != nil},
		{"exists", c.Exists},
	} {
		if k.given {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// faults says what is wrong with conditions that stand at at, and counts them.
func conditionFaults(at []any, list []Condition, depth int, count *int) []fault {
	var faults []fault
	add := func(path []any, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Sprintf(format, args...)})
	}
	for i, c := range list {
		here := deeper(at, i)
		if *count++; *count > maxConditions {
			if *count == maxConditions+1 {
				add(here, "more than %d conditions", maxConditions)
			}
			return faults
		}
		keys := c.comparisons()
		if c.All != nil || c.Any != nil {
			switch {
			case c.All != nil && c.Any != nil:
				add(here, "a condition is either all or any of others")
			case c.Path != "" || len(keys) > 0:
				add(here, "a condition is either a path with a comparison, or all or any of others")
			case len(c.All)+len(c.Any) == 0:
				add(here, "all or any of no condition: list some")
			case depth >= maxNesting:
				add(here, "conditions are nested deeper than %d levels", maxNesting)
			default:
				faults = append(faults, conditionFaults(deeper(here, "all"), c.All, depth+1, count)...)
				faults = append(faults, conditionFaults(deeper(here, "any"), c.Any, depth+1, count)...)
			}
			continue
		}
		if _, err := parsePath(c.Path); err != nil {
			add(deeper(here, "path"), "%v", err)
		}
		switch len(keys) {
		case 0:
			add(here, "a comparison is missing: equals, not, oneOf, matches, atLeast, atMost, contains or exists: true; that something is absent cannot be required")
		case 1:
			if why := c.fault(); why != "" {
				add(deeper(here, keys[0]), "%s %s", keys[0], why)
			}
		default:
			add(deeper(here, keys[1]), "%s and %s stand in one condition: write two", keys[0], keys[1])
		}
	}
	return faults
}

// fault says what is wrong with c's one comparison.
func (c Condition) fault() string {
	switch {
	case c.OneOf != nil && len(c.OneOf) == 0:
		return "lists nothing"
	case len(c.OneOf) > maxConditions:
		return fmt.Sprintf("lists %d values, expected at most %d", len(c.OneOf), maxConditions)
	case c.Matches != "" && strings.Trim(c.Matches, "*/") == "":
		return "stands for anything: exists: true asks whether something is there"
	case len(c.Matches) > maxPath:
		return fmt.Sprintf("has %d characters, expected at most %d", len(c.Matches), maxPath)
	}
	for _, bound := range []*Value{c.AtLeast, c.AtMost} {
		if bound != nil {
			if _, ok := bound.order(*bound); !ok {
				return fmt.Sprintf("is %s, expected a number, or a time such as 2026-11-22T12:00:00Z", bound)
			}
		}
	}
	return ""
}

func cloneConditions(in []Condition) []Condition {
	out := slices.Clone(in)
	for i, c := range out {
		c.All, c.Any, c.OneOf = cloneConditions(c.All), cloneConditions(c.Any), slices.Clone(c.OneOf)
		for _, v := range []**Value{&c.Equals, &c.Not, &c.AtLeast, &c.AtMost, &c.Contains} {
			if *v != nil {
				kept := **v
				*v = &kept
			}
		}
		out[i] = c
	}
	return out
}

// deeper is the place below at.
func deeper(at []any, step any) []any { return append(at[:len(at):len(at)], step) }

// condition is a [Condition] that is ready to be asked.
type condition struct {
	Condition
	all, any []*condition
	path     path
	pattern  pattern
}

// compile makes list, which has no faults, ready to be asked.
func compile(list []Condition) ([]*condition, error) {
	var out []*condition
	for _, c := range list {
		compiled := &condition{Condition: c, pattern: newPattern(c.Matches)}
		var err error
		if c.All != nil || c.Any != nil {
			if compiled.all, err = compile(c.All); err != nil {
				return nil, err
			}
			if compiled.any, err = compile(c.Any); err != nil {
				return nil, err
			}
		} else if compiled.path, err = parsePath(c.Path); err != nil {
			return nil, err
		}
		out = append(out, compiled)
	}
	return out, nil
}

// unmet says why c does not hold of predicate, or nothing.
func (c *condition) unmet(predicate jsontext.Value, left *looks) string {
	switch {
	case c.all != nil:
		for _, part := range c.all {
			if why := part.unmet(predicate, left); why != "" {
				return why
			}
		}
		return ""
	case c.any != nil:
		return anyUnmet(c.any, predicate, left)
	}
	why := c.path.hold(predicate, left, func(v jsontext.Value) string { return c.ask(v, left) })
	if why == "" {
		return ""
	}
	return fmt.Sprintf("%s: %s", c.path.text, why)
}

// anyUnmet says why none of list holds of predicate, or nothing.
func anyUnmet(list []*condition, predicate jsontext.Value, left *looks) string {
	var all []string
	for _, c := range list {
		why := c.unmet(predicate, left)
		if why == "" {
			return ""
		}
		all = append(all, why)
	}
	if len(all) > 3 {
		all = append(all[:3], fmt.Sprintf("and %d more", len(all)-3))
	}
	return strings.Join(all, "; or ")
}

// ask holds c's comparison against v, nil where nothing is there, and says why
// it does not hold, or nothing.
func (c *condition) ask(v jsontext.Value, left *looks) string {
	want := ""
	got, plain := read(v)
	met := false
	switch {
	case c.Exists:
		want, met = "something", len(v) > 0
	case c.Contains != nil:
		want = "a list with " + c.Contains.String()
		if v.Kind() == '[' {
			why := elements(v, func(e jsontext.Value) bool {
				one, ok := read(e)
				met = left.take() == "" && ok && one.Equal(*c.Contains)
				return !met && *left >= 0
			})
			met = met && why == ""
		}
	case c.Equals != nil:
		want, met = c.Equals.String(), plain && got.Equal(*c.Equals)
	case c.Not != nil:
		want = "something other than " + c.Not.String()
		met = plain && got.kind == c.Not.kind && !got.Equal(*c.Not)
	case c.OneOf != nil:
		var words []string
		for _, one := range c.OneOf {
			words = append(words, one.String())
			met = met || plain && got.Equal(one)
		}
		want = "one of " + clip(strings.Join(words, ", "))
	case c.Matches != "":
		want, met = "what matches "+scalar(c.Matches), got.kind == textValue && c.pattern.match(got.text)
	case c.AtLeast != nil:
		n, ok := got.order(*c.AtLeast)
		want, met = "at least "+c.AtLeast.String(), ok && n >= 0
	case c.AtMost != nil:
		n, ok := got.order(*c.AtMost)
		want, met = "at most "+c.AtMost.String(), ok && n <= 0
	}
	if met {
		return ""
	}
	return fmt.Sprintf("found %s, expected %s", shown(v), want)
}
