package catalogue

import (
	"fmt"
	"math"

	"github.com/hallmark-project/hallmark/criteria"
)

var coverage = criteria.Kind{
	Name:     "coverage",
	Title:    "The tests cover enough of the code",
	Doc:      "The tests ran at least the given share of the code, counted in the one metric that the policy names.",
	Practice: criteria.Testing,
	Level:    criteria.Standard,
	Refs:     []string{"TEST-2", "BPB test_statement_coverage80", "BPB test_statement_coverage90"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactCoverage},
	Params: map[criteria.Level]string{
		criteria.Standard: `{"metric":"statements","minimum":80}`,
		criteria.Advanced: `{"metric":"statements","minimum":90}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var c coverageCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		switch c.Metric {
		case "statements", "lines", "branches":
		default:
			return nil, &criteria.ParamError{Key: "metric", Msg: fmt.Sprintf("%q is none of statements, lines, branches", c.Metric)}
		}
		for key, v := range map[string]*float64{"minimum": c.Minimum, "previous": c.Previous, "maxDrop": c.MaxDrop} {
			if v != nil && !(*v >= 0 && *v <= 100) {
				return nil, &criteria.ParamError{Key: key, Msg: fmt.Sprintf("%v is not between 0 and 100 percent", *v)}
			}
		}
		if c.MaxDrop != nil && c.Previous == nil {
			return nil, &criteria.ParamError{Key: "maxDrop", Msg: "needs previous, the coverage of the last release"}
		}
		return c, nil
	},
}

type coverageCriterion struct {
	// Metric is statements, lines or branches. Metrics are never mixed or
	// taken one for the other: half of the branches can hide behind nine
	// tenths of the lines.
	Metric string `json:"metric"`
	// Minimum is the least percentage; absent, 100.
	Minimum *float64 `json:"minimum"`
	// Previous is the percentage of the last release, and MaxDrop by how many
	// points this one may be below it; absent, by none.
	Previous *float64 `json:"previous"`
	MaxDrop  *float64 `json:"maxDrop"`
}

func (c coverageCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	minimum, maxDrop := 100.0, 0.0
	if c.Minimum != nil {
		minimum = *c.Minimum
	}
	if c.MaxDrop != nil {
		maxDrop = *c.MaxDrop
	}
	var findings []criteria.Finding
	var notes []string
	reports, counted := 0, 0
	lowest := math.Inf(1)
	for _, e := range in.Evidence {
		if e.Facts.Coverage == nil {
			continue
		}
		reports++
		r := c.ratio(e.Facts.Coverage)
		if r == nil {
			notes = append(notes, fmt.Sprintf("%s does not count %s", e.Name, c.Metric))
			continue
		}
		counted++
		if r.Total <= 0 || r.Covered < 0 || r.Covered > r.Total {
			findings = append(findings, criteria.Finding{
				ID: "nothing-counted", Status: criteria.Unknown, Where: e.Name,
				Message: fmt.Sprintf("%d of %d %s covered: nothing was measured", r.Covered, r.Total, c.Metric),
			})
			continue
		}
		// Reports are not added up: they may count the same code twice. Each
		// has to be good enough, so none hides behind another.
		p := r.Percent()
		lowest = min(lowest, p)
		if p < minimum {
			findings = append(findings, criteria.Finding{
				ID: "too-low", Status: criteria.Fail, Where: e.Name,
				Message: fmt.Sprintf("%s of %s covered, at least %s must be", percent(p), c.Metric, percent(minimum)),
			})
		}
		if c.Previous != nil && *c.Previous-p > maxDrop {
			findings = append(findings, criteria.Finding{
				ID: "dropped", Status: criteria.Fail, Where: e.Name,
				Message: fmt.Sprintf("%s of %s covered, %s in the last release", percent(p), c.Metric, percent(*c.Previous)),
			})
		}
	}
	switch {
	case reports == 0:
		return criteria.CannotTell("no coverage report about %s", in.Subject.Name)
	case counted == 0:
		o := criteria.CannotTell("no report counts %s", c.Metric)
		o.Notes = notes
		return o
	}
	o := criteria.Conclude(fmt.Sprintf("%s of %s covered", percent(lowest), c.Metric), findings)
	o.Notes = append(o.Notes, notes...)
	return o
}

func (c coverageCriterion) ratio(cov *criteria.Coverage) *criteria.Ratio {
	switch c.Metric {
	case "statements":
		return cov.Statements
	case "lines":
		return cov.Lines
	case "branches":
		return cov.Branches
	}
	return nil
}

// percent rounds down, so that what is below a limit never reads as at it.
func percent(p float64) string { return fmt.Sprintf("%.2f %%", math.Floor(p*100)/100) }
