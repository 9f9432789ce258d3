package criteria_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/hallmark-project/hallmark/criteria"
)

// What a report says cannot move a terminal's cursor or turn a line around.
func TestEvaluate_showsNoControls(t *testing.T) {
	const evil = "\x1b[2K\rpass\u202e\u2028\x00"
	speaks := kind("speaks", criteria.AboutArtifacts, func(criteria.Input) criteria.Outcome {
		o := criteria.Conclude(evil, []criteria.Finding{{
			ID: "a" + evil, Aliases: []string{"b", evil}, Status: criteria.Fail,
			Where: evil, Severity: evil, Message: evil, Fingerprint: evil,
		}})
		o.Notes = []string{evil}
		return o
	}, criteria.FactTests)
	rel := widget()
	bad := criteria.ReadEvidence(report{name: "report", gives: []criteria.Fact{criteria.FactSecrets}, err: fmt.Errorf("found %s", evil)}, evil, []byte("x"), criteria.Declared{})
	d := policy(t, "profile: basic\n", speaks).Evaluate(rel, []criteria.Evidence{evidence("tests"+evil, passingTests(linux, darwin), criteria.Declared{}), bad}, now)
	data, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := criteria.ParseDecision(data)
	if err != nil {
		t.Fatal(err)
	}
	if j := again.Judgements[0]; !strings.Contains(j.Reason, "pass") || len(j.Findings) != 1 || len(j.Findings[0].Aliases) != 2 {
		t.Fatalf("the judgement lost its words: %+v", j)
	}
	for _, escape := range []string{`\u001b`, `\u0000`, `\r`, `\u2028`, "\u202e"} {
		if bytes.Contains(data, []byte(escape)) {
			t.Errorf("the decision holds %q", escape)
		}
	}
	for i, r := range string(data) {
		if unicode.IsControl(r) && r != '\n' {
			t.Fatalf("the decision holds %q at %d", r, i)
		}
	}
}

func TestReleaseCheck_refusesControls(t *testing.T) {
	for what, edit := range map[string]func(*criteria.Release){
		"name":     func(r *criteria.Release) { r.Name += "\x1b" },
		"version":  func(r *criteria.Release) { r.Version += "\n" },
		"resource": func(r *criteria.Release) { r.Resource += "\r" },
		"source":   func(r *criteria.Release) { r.Source.Name += "\u202e" },
		"artifact": func(r *criteria.Release) { r.Artifacts[0].Name += "\u202e" },
	} {
		r := widget()
		edit(&r)
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), "control character") {
			t.Errorf("Check(%s with a control character) = %v, want an error", what, err)
		}
	}
	if err := widget().Check(); err != nil {
		t.Errorf("Check() = %v", err)
	}
}

// A policy that declares the whole catalogue inapplicable and asks a question
// of its own reaches no level.
func TestEvaluate_ownCriteriaMakeNoLevel(t *testing.T) {
	const text = "profile: basic\nown:\n  - name: sure\n    scope: artifact\n    needs: [tests]\n    expression: 'true'\n"
	yes := func(criteria.Own) (criteria.Criterion, error) {
		return criterion(func(criteria.Input) criteria.Outcome { return criteria.Passed("true") }), nil
	}
	ev := []criteria.Evidence{evidence("tests", passingTests(linux, darwin), criteria.Declared{})}
	for _, tt := range []struct {
		text string
		want int
	}{
		{text, 1},
		{text + "notApplicable:\n  - criterion: tests-pass\n    reason: there are none\n", 0},
	} {
		p, err := criteria.ParsePolicy("p", []byte(tt.text), []criteria.Kind{testsPass()}, yes)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Evaluate(widget(), ev, now)
		if !d.Passed || len(d.Levels) != tt.want {
			t.Errorf("Evaluate(%q): passed %t, levels %v, want %d levels", tt.text, d.Passed, d.Levels, tt.want)
		}
	}
}

func TestWaiver_refusesControls(t *testing.T) {
	const text = "profile: basic\nwaivers:\n  - id: %s\n    criterion: tests-pass\n    finding: failed\n    reason: %s\n    owner: ada\n    requester: ada\n    approver: bob\n    created: 2026-11-01T00:00:00Z\n    expires: 2026-12-01T00:00:00Z\n"
	for _, tt := range []struct {
		id, reason string
		ok         bool
	}{
		{"w1", "flaky", true},
		{"w1", `"two\nlines\n"`, true},
		{`"w\e[1m"`, "flaky", false},
		{"w1", `"x\e[2K"`, false},
	} {
		_, err := criteria.ParsePolicy("p", fmt.Appendf(nil, text, tt.id, tt.reason), []criteria.Kind{testsPass()}, nil)
		if ok := err == nil; ok != tt.ok || err != nil && !strings.Contains(err.Error(), "control character") {
			t.Errorf("ParsePolicy(waiver %s, %s) = %v, want ok %t", tt.id, tt.reason, err, tt.ok)
		}
	}
}

// Ten thousand reports on one subject cost time in proportion.
func TestEvaluate_manyReports(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	const n = 20_000
	ev := make([]criteria.Evidence, n)
	for i := range ev {
		ev[i] = evidence(fmt.Sprint("tests", i), passingTests(linux, darwin), criteria.Declared{})
	}
	p := policy(t, "profile: basic\n", testsPass())
	start := time.Now()
	d := p.Evaluate(widget(), ev, now)
	if took := time.Since(start); took > neverEnding {
		t.Errorf("judging %d reports took %v", n, took)
	} else {
		t.Logf("judging %d reports took %v", n, took)
	}
	if j := d.Judgements[0]; !d.Passed || len(j.Evidence) != n {
		t.Errorf("passed %t on %d reports, want true on %d", d.Passed, len(j.Evidence), n)
	}
}
