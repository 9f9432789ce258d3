package catalogue

import (
	"fmt"

	"github.com/hallmark-project/hallmark/criteria"
)

var testsPass = criteria.Kind{
	Name:     "tests-pass",
	Title:    "The tests pass",
	Doc:      "Tests ran on the released commit, none of them failed, and not too many were left out.",
	Practice: criteria.Testing,
	Level:    criteria.Basic,
	Refs:     []string{"TEST-1", "OSPS-QA-06.01", "SSDF PW.8.2", "Scorecard CI-Tests"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactTests},
	Params: map[criteria.Level]string{
		criteria.Basic:    `{"maxSkipped":0.2,"flaky":"pass"}`,
		criteria.Standard: `{"maxSkipped":0.1,"flaky":"pass"}`,
		criteria.Advanced: `{"maxSkipped":0.05,"flaky":"fail"}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var c testsPassCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		switch {
		case c.Minimum < 0:
			return nil, &criteria.ParamError{Key: "minimum", Msg: fmt.Sprintf("%d is negative", c.Minimum)}
		case !(c.MaxSkipped >= 0 && c.MaxSkipped <= 1):
			return nil, &criteria.ParamError{Key: "maxSkipped", Msg: fmt.Sprintf("%v is not a share between 0 and 1", c.MaxSkipped)}
		}
		switch c.Flaky {
		case "", "fail", "warn", "pass":
		default:
			return nil, &criteria.ParamError{Key: "flaky", Msg: fmt.Sprintf("%q is none of fail, warn, pass", c.Flaky)}
		}
		return c, nil
	},
}

type testsPassCriterion struct {
	// Minimum is how many tests must have run, all reports together; 1 even
	// where it is 0.
	Minimum int `json:"minimum"`
	// MaxSkipped is the share of tests that may be left out, 0 to 1.
	MaxSkipped float64 `json:"maxSkipped"`
	// Flaky is what tests that passed only when run again make of the answer:
	// fail, warn or pass; absent, fail.
	Flaky string `json:"flaky"`
}

func (c testsPassCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var findings []criteria.Finding
	var sum criteria.Tests
	reports := 0
	for _, e := range in.Evidence {
		t := e.Facts.Tests
		if t == nil {
			continue
		}
		reports++
		if t.Passed < 0 || t.Failed < 0 || t.Skipped < 0 || t.Flaky < 0 {
			return criteria.CannotTell("%s counts fewer than no tests", e.Name)
		}
		sum.Passed += t.Passed
		sum.Failed += t.Failed
		sum.Skipped += t.Skipped
		sum.Flaky += t.Flaky
		if t.Executed() == 0 {
			// A part of the tests that did not run is not made up for by
			// another part that did.
			findings = append(findings, criteria.Finding{
				ID: "no-tests", Status: criteria.Unknown, Where: e.Name, Message: "no test ran",
			})
		}
		for _, f := range t.Failures {
			id := f.Name
			if id == "" {
				id = "unnamed"
			}
			message := "test failed: " + id
			if f.Message != "" {
				message += ": " + f.Message
			}
			findings = append(findings, criteria.Finding{ID: id, Status: criteria.Fail, Message: message, Where: e.Name})
		}
		if more := t.Failed - len(t.Failures); more > 0 {
			findings = append(findings, criteria.Finding{
				ID: "more-failures", Status: criteria.Fail, Where: e.Name,
				Message: fmt.Sprintf("%d more tests failed than are named", more),
			})
		}
	}
	if reports == 0 {
		return criteria.CannotTell("no test report about %s", in.Subject.Name)
	}
	if sum.Executed() > 0 && sum.Executed() < c.Minimum {
		findings = append(findings, criteria.Finding{
			ID: "too-few", Status: criteria.Fail, Message: fmt.Sprintf("%d tests ran, at least %d must", sum.Executed(), c.Minimum),
		})
	}
	if all := sum.Executed() + sum.Skipped; sum.Executed() > 0 && float64(sum.Skipped) > c.MaxSkipped*float64(all) {
		findings = append(findings, criteria.Finding{
			ID: "skipped", Status: criteria.Fail,
			Message: fmt.Sprintf("%d of %d tests were skipped, at most %.1f %% may be", sum.Skipped, all, 100*c.MaxSkipped),
		})
	}
	flaky := fmt.Sprintf("%d tests passed only when run again", sum.Flaky)
	if sum.Flaky > 0 && c.Flaky != "pass" {
		status := criteria.Fail
		if c.Flaky == "warn" {
			status = criteria.Warn
		}
		findings = append(findings, criteria.Finding{ID: "flaky", Status: status, Message: flaky})
	}
	o := criteria.Conclude(fmt.Sprintf("%d tests ran, none failed", sum.Executed()), findings)
	if sum.Skipped > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("%d tests were skipped", sum.Skipped))
	}
	if sum.Flaky > 0 && c.Flaky == "pass" {
		o.Notes = append(o.Notes, flaky)
	}
	return o
}
