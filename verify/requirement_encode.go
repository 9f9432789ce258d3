package verify

import (
	"strings"
)

// writeRequirements writes what e requires beside the verdict.
func (e Expect) writeRequirements(line func(string, ...any)) {
	if len(e.Attestations) > 0 {
		line("")
		line("# Statements that must be there beside the verdict.")
		line("attestations:")
	}
	for _, a := range e.Attestations {
		lead := "  - "
		pair := func(key, value string) {
			line("%s%s: %s", lead, key, value)
			lead = "    "
		}
		if a.Name != "" {
			pair("name", scalar(a.Name))
		}
		pair("predicateType", scalar(a.PredicateType))
		writeSigners(line, "    ", a.Signers)
		if a.Threshold > 0 {
			line("    threshold: %d", a.Threshold)
		}
		if a.Time != "" {
			pair("time", scalar(a.Time))
		}
		if a.MaxAge != 0 {
			pair("maxAge", a.MaxAge.String())
		}
		writeConditions(line, "    ", "where", a.Where)
		writeConditions(line, "    ", "all", a.All)
		writeConditions(line, "    ", "any", a.Any)
	}
}

// writeConditions writes a list of conditions below key, which stands at indent.
func writeConditions(line func(string, ...any), indent, key string, list []Condition) {
	if len(list) == 0 {
		return
	}
	line("%s%s:", indent, key)
	for _, c := range list {
		if c.Path == "" {
			line("%s  -", indent)
			writeConditions(line, indent+"    ", "all", c.All)
			writeConditions(line, indent+"    ", "any", c.Any)
			continue
		}
		line("%s  - path: %s", indent, scalar(c.Path))
		for _, v := range []struct {
			key   string
			value *Value
		}{{"equals", c.Equals}, {"not", c.Not}, {"atLeast", c.AtLeast}, {"atMost", c.AtMost}, {"contains", c.Contains}} {
			if v.value != nil {
				line("%s    %s: %s", indent, v.key, v.value)
			}
		}
		if c.OneOf != nil {
			var words []string
			for _, v := range c.OneOf {
				words = append(words, v.String())
			}
			line("%s    oneOf: [%s]", indent, strings.Join(words, ", "))
		}
		if c.Matches != "" {
			line("%s    matches: %s", indent, scalar(c.Matches))
		}
		if c.Exists {
			line("%s    exists: true", indent)
		}
	}
}
