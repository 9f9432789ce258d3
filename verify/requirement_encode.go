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
	if p := e.Provenance; p != nil {
		line("")
		line("# How it must have been built.")
		line("provenance:")
		line("  level: %d", p.Level)
		line("  sourceRepository: %s", scalar(p.SourceRepository))
		for _, k := range []struct{ key, value string }{{"ref", p.Ref}, {"tag", p.Tag}, {"commit", p.Commit}, {"workflow", p.Workflow}} {
			if k.value != "" {
				line("  %s: %s", k.key, scalar(k.value))
			}
		}
		line("  builders:")
		for _, b := range p.Builders {
			line("    - id: %s", scalar(b.ID))
			if b.Level > 0 {
				line("      level: %d", b.Level)
			}
			if b.TrustedRoot != "" {
				line("      trustedRoot: %s", scalar(b.TrustedRoot))
			}
			if len(b.Require) > 0 {
				line("      require: [%s]", words(b.Require, ", "))
			}
			writeSigners(line, "      ", b.Signers)
		}
	}
	if s := e.Source; s != nil {
		line("")
		line("# What must have been said of the commit that it was built from.")
		line("source:")
		line("  verifier: %s", scalar(s.Verifier))
		line("  resource: %s", scalar(s.Resource))
		line("  level: %d", s.Level)
		line("  maxAge: %s", s.MaxAge)
		writeSigners(line, "  ", s.Signers)
	}
	if s := e.SBOM; s != nil {
		line("")
		line("# A bill of materials about it that must be there.")
		line("sbom:")
		line("  formats: [%s]", words(s.Formats, ", "))
		writeSigners(line, "  ", s.Signers)
	}
	if x := e.VEX; x != nil {
		line("")
		line("# What must have been said of its vulnerabilities.")
		line("vex:")
		line("  resolved: %t", x.Resolved)
		if x.MaxAge != 0 {
			line("  maxAge: %s", x.MaxAge)
		}
		writeSigners(line, "  ", x.Signers)
	}
}

// words joins words that need no quotes.
func words[T ~string](list []T, by string) string {
	var out []string
	for _, w := range list {
		out = append(out, string(w))
	}
	return strings.Join(out, by)
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
