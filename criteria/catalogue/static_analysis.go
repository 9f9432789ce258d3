package catalogue

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// The thresholds at Standard are what tools themselves call an error, and what
// GitHub calls high (a security-severity of 7.0): findings that a maintainer
// has to answer for before a release. Both are asked, for many tools give only
// one of the two: a rule of severity 9.8 is often reported as a warning, and
// tools without severities have only their levels.
var staticAnalysis = criteria.Kind{
	Name:     "static-analysis",
	Title:    "Static analysis found nothing serious",
	Doc:      "Static analysis ran to its end with rules to apply and left no open finding at or above the threshold.",
	Practice: criteria.Testing,
	Level:    criteria.Standard,
	Refs:     []string{"SAST-1", "OSPS-VM-06.02", "SSDF PW.7.2", "Scorecard SAST"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactAnalysis},
	Params: map[criteria.Level]string{
		criteria.Standard: `{"level":"error","severity":7}`,
		criteria.Advanced: `{"level":"warning","severity":4}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var c staticAnalysisCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		if c.Level == "" {
			c.Level = "note"
		}
		if !slices.Contains(scanLevels, c.Level) || c.Level == "none" {
			return nil, &criteria.ParamError{Key: "level", Msg: fmt.Sprintf("%q is none of error, warning, note", c.Level)}
		}
		if c.Severity != nil && !(*c.Severity >= 0 && *c.Severity <= 10) {
			return nil, &criteria.ParamError{Key: "severity", Msg: fmt.Sprintf("%v is not between 0 and 10", *c.Severity)}
		}
		for key, names := range map[string][]string{"tools": c.Tools, "listsOnlyBroken": c.ListsOnlyBroken} {
			for _, n := range names {
				if strings.TrimSpace(n) == "" {
					return nil, &criteria.ParamError{Key: key, Msg: "the name of a tool is empty"}
				}
			}
		}
		return c, nil
	},
}

type staticAnalysisCriterion struct {
	// Level is the least SARIF level that counts: error, warning or note.
	Level string `json:"level"`
	// Severity is the least security-severity that counts whatever the level,
	// 0 to 10; absent, any does.
	Severity *float64 `json:"severity"`
	// Tools are those that must have run.
	Tools []string `json:"tools"`
	// NewOnly leaves out what a report marks as found in its baseline already.
	NewOnly bool `json:"newOnly"`
	// ListsOnlyBroken are tools that list in a report only the rules that found
	// something, as gosec does. For them alone an empty list of rules does not
	// mean that nothing was looked for.
	ListsOnlyBroken []string `json:"listsOnlyBroken"`
}

// scanLevels from the one that says least.
var scanLevels = []string{"none", "note", "warning", "error"}

func (c staticAnalysisCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var findings []criteria.Finding
	ran := make(map[string]bool)
	scans, below, suppressed, gone, old := 0, 0, 0, 0, 0
	for _, e := range in.Evidence {
		s := e.Facts.Analysis
		if s == nil {
			continue
		}
		scans++
		tools := toolsOf(e.Facts.Tool, s)
		unknown := func(id, message string) {
			findings = append(findings, criteria.Finding{ID: id, Status: criteria.Unknown, Message: e.Name + " " + message})
		}
		if !s.Complete {
			unknown("incomplete", "does not say that the analysis succeeded")
		}
		if s.Rules <= 0 && !c.mayListNone(tools) {
			unknown("no-rules", "lists no rule: nothing was looked for, unless its tool lists only rules that found something (listsOnlyBroken)")
		}
		for _, t := range tools {
			ran[strings.ToLower(t)] = true
		}
		for _, r := range s.Results {
			switch {
			case r.Suppressed:
				suppressed++
				continue
			case r.Baseline == "absent": // found before, and not any more
				gone++
				continue
			case c.NewOnly && r.Baseline == "unchanged":
				old++
				continue
			case !c.counts(r):
				below++
				continue
			}
			f := criteria.Finding{
				ID: r.Rule, Status: criteria.Fail, Where: whereIs(r), Severity: r.Level,
				Message: r.Message, Fingerprint: r.Fingerprint,
			}
			if r.Severity != nil {
				f.Severity = fmt.Sprintf("%s %.1f", r.Level, *r.Severity)
			}
			findings = append(findings, f)
		}
	}
	if scans == 0 {
		return criteria.CannotTell("no static analysis report about %s", in.Subject.Name)
	}
	for _, t := range c.Tools {
		if !ran[strings.ToLower(strings.TrimSpace(t))] {
			findings = append(findings, criteria.Finding{ID: "tool:" + t, Status: criteria.Unknown, Message: "no report by " + t})
		}
	}
	o := criteria.Conclude(fmt.Sprintf("nothing at or above %s in %d reports", c.threshold(), scans), findings)
	for _, n := range []struct {
		count int
		what  string
	}{
		{below, "below the threshold"},
		{suppressed, "suppressed in the report itself"},
		{old, "in the report's baseline already"},
		{gone, "no longer found"},
	} {
		if n.count > 0 {
			o.Notes = append(o.Notes, fmt.Sprintf("%d %s", n.count, n.what))
		}
	}
	return o
}

func (c staticAnalysisCriterion) threshold() string {
	if c.Severity == nil {
		return c.Level + " or any severity"
	}
	return fmt.Sprintf("%s or severity %.1f", c.Level, *c.Severity)
}

// counts reports whether r is at or above the threshold. A level that nobody
// knows is above any.
func (c staticAnalysisCriterion) counts(r criteria.ScanResult) bool {
	if i := slices.Index(scanLevels, r.Level); i < 0 || i >= slices.Index(scanLevels, c.Level) {
		return true
	}
	return r.Severity != nil && (c.Severity == nil || *r.Severity >= *c.Severity)
}

func (c staticAnalysisCriterion) mayListNone(tools []string) bool {
	for _, t := range tools {
		if !slices.ContainsFunc(c.ListsOnlyBroken, func(n string) bool { return strings.EqualFold(strings.TrimSpace(n), t) }) {
			return false
		}
	}
	return len(tools) > 0
}

func toolsOf(one criteria.Tool, s *criteria.Scan) []string {
	var names []string
	for _, t := range s.Tools {
		names = append(names, t.Name)
	}
	if len(names) == 0 && one.Name != "" {
		names = append(names, one.Name)
	}
	return names
}
