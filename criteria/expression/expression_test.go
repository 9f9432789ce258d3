package expression_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/expression"
	"github.com/hallmark-project/hallmark/internal/strict"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func commit(t *testing.T) criteria.Digest {
	t.Helper()
	d, err := criteria.ParseDigest("gitCommit:" + strings.Repeat("1a", 20))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// input is a release with evidence of three kinds about it.
func input(t *testing.T) criteria.Input {
	t.Helper()
	score := 7.5
	source := criteria.Subject{Name: "source", Digest: commit(t)}
	artifact := criteria.Subject{Name: "widget.tar.gz", Digest: criteria.DigestOf([]byte("widget"))}
	return criteria.Input{
		Release: criteria.Release{
			Name: "widget", Version: "1.2.0", Resource: "pkg:golang/example.test/widget@v1.2.0",
			Source: source, Artifacts: []criteria.Subject{artifact},
		},
		Subject: artifact,
		Now:     now,
		Evidence: []criteria.Evidence{
			{
				Name: "unit.xml", Format: "junit", Digest: criteria.DigestOf([]byte("unit")),
				About: []criteria.Digest{artifact.Digest}, Time: now.Add(-time.Hour),
				Facts: criteria.Facts{Tests: &criteria.Tests{Passed: 12, Skipped: 1}},
			},
			{
				Name: "osv.json", Format: "osv",
				Facts: criteria.Facts{Vulnerabilities: &criteria.Vulnerabilities{Packages: 3, Items: []criteria.Vulnerability{
					{ID: "GO-2026-0001", Aliases: []string{"CVE-2026-1"}, Severities: []criteria.Severity{{Method: "CVSS_V3", Score: &score}}},
					{ID: "GO-2026-0002", Severities: []criteria.Severity{{Method: "label", Value: "high"}}},
				}}},
			},
			{
				Name: "epss.csv", Format: "epss",
				Facts: criteria.Facts{Prediction: &criteria.Prediction{Scores: map[string]float64{"CVE-2026-1": 0.25, "CVE-2026-2": 0.5}}},
			},
		},
	}
}

var needs = []criteria.Fact{criteria.FactTests, criteria.FactVulnerabilities, criteria.FactPrediction}

func TestEvaluate(t *testing.T) {
	for _, tt := range []struct {
		expression string
		want       criteria.Status
	}{
		{`evidence.all(e, !has(e.tests) || e.tests.failed == 0)`, criteria.Pass},
		{`evidence.exists(e, has(e.tests) && e.tests.passed >= 12 && e.tests.skipped <= 1)`, criteria.Pass},
		{`evidence.exists(e, has(e.tests) && e.tests.passed > 12)`, criteria.Fail},
		{`evidence.filter(e, has(e.tests)).all(e, now - e.time < duration('72h'))`, criteria.Pass},
		{`evidence.filter(e, has(e.tests)).all(e, now - e.time < duration('30m'))`, criteria.Fail},
		{`release.version.matches('^[0-9]+\\.[0-9]+\\.[0-9]+$') && release.artifacts.size() == 1`, criteria.Pass},
		{`subject.digest.startsWith('sha256:') && release.source.digest.startsWith('gitCommit:')`, criteria.Pass},
		{`subject in release.artifacts && subject.name == 'widget.tar.gz'`, criteria.Pass},
		{`evidence.exists(e, subject.digest in e.about)`, criteria.Pass},
		{`evidence.filter(e, has(e.vulnerabilities)).all(e, e.vulnerabilities.items.all(v, v.severities.all(s, !has(s.score) || s.score < 8)))`, criteria.Pass},
		{`evidence.filter(e, has(e.vulnerabilities)).all(e, e.vulnerabilities.items.all(v, v.severities.all(s, !has(s.score) || s.score < 7.5)))`, criteria.Fail},
		{`evidence.filter(e, has(e.prediction)).all(e, e.prediction.scores.all(id, e.prediction.scores[id] <= 0.5))`, criteria.Pass},
		{`now.getFullYear() == 2026 && now.getHours() == 12`, criteria.Pass},
		{`has(release.previous)`, criteria.Fail},
		{`evidence.map(e, e.name)[1] == 'osv.json' && evidence.map(e, has(e.tests), e.tests.passed)[0] == 12`, criteria.Pass},
		{`evidence.exists_one(e, has(e.tests)) && evidence.filter(e, e.format == 'epss').size() == 1`, criteria.Pass},
		{`[0, 1].all(i, evidence[i].name.size() > 5)`, criteria.Pass},
		{`has(evidence[0].tests.failed)`, criteria.Pass},
		{`has(evidence[0].signer)`, criteria.Fail},
		{`evidence[0] == evidence[0] && evidence[0] != evidence[1]`, criteria.Pass},

		// What a report does not say is not zero: these would be a pass if it were.
		{`evidence.all(e, e.tests.failed == 0)`, criteria.Faulty},
		{`evidence[1].tests.failed == 0`, criteria.Faulty},
		{`evidence[1].vulnerabilities.items.all(v, v.severities.all(s, s.score < 9.0))`, criteria.Faulty},
		{`evidence[1].time < now`, criteria.Faulty},
		{`evidence[1].digest == evidence[2].digest`, criteria.Faulty},
		{`release.previous.digest != release.source.digest`, criteria.Faulty},
		{`evidence[7].tests.failed == 0`, criteria.Faulty},
		{`evidence[2].prediction.scores['CVE-1999-1'] < 0.9`, criteria.Faulty},
		{`12 / (evidence[0].tests.failed) >= 0`, criteria.Faulty},
		{`evidence[0].tests.passed + 9223372036854775807 > 0`, criteria.Faulty},
	} {
		c, err := expression.Compile(criteria.Own{Name: "mine", Needs: needs, Expression: tt.expression})
		if err != nil {
			t.Errorf("Compile(%q) = %v", tt.expression, err)
			continue
		}
		in := input(t)
		got := c.Evaluate(in)
		if got.Status != tt.want {
			t.Errorf("Evaluate(%q) = %v (%s), want %v", tt.expression, got.Status, got.Reason, tt.want)
		}
		if again := c.Evaluate(in); !cmp.Equal(got, again) {
			t.Errorf("Evaluate(%q) = %v, then %v", tt.expression, got, again)
		}
		if got.Reason == "" {
			t.Errorf("Evaluate(%q) gives no reason", tt.expression)
		}
	}
}

// A finding has an id, so that the exception to it can be granted like any.
func TestFalseIsOneFinding(t *testing.T) {
	c, err := expression.Compile(criteria.Own{Name: "no-skips", Needs: needs[:1], Expression: "evidence.all(e,\n  has(e.tests) &&\n  e.tests.skipped == 0)"})
	if err != nil {
		t.Fatal(err)
	}
	in := input(t)
	in.Evidence = in.Evidence[:1]
	want := criteria.Outcome{
		Status: criteria.Fail,
		Reason: "false: evidence.all(e, has(e.tests) && e.tests.skipped == 0)",
		Findings: []criteria.Finding{{
			ID: "no-skips", Status: criteria.Fail, Message: "false: evidence.all(e, has(e.tests) && e.tests.skipped == 0)",
		}},
	}
	if diff := cmp.Diff(want, c.Evaluate(in)); diff != "" {
		t.Errorf("Evaluate: (-want +got)\n%s", diff)
	}
}

func TestAbsentFactIsNamed(t *testing.T) {
	c, err := expression.Compile(criteria.Own{Name: "mine", Needs: needs, Expression: `evidence[1].tests.failed == 0`})
	if err != nil {
		t.Fatal(err)
	}
	want := "the expression reads tests of osv.json, which is absent: ask has() first"
	if got := c.Evaluate(input(t)).Reason; got != want {
		t.Errorf("Evaluate: reason %q, want %q", got, want)
	}
}

func TestNoEvidenceIsUnknown(t *testing.T) {
	for _, text := range []string{"true", "evidence.all(e, has(e.tests))", "evidence.size() == 0"} {
		c, err := expression.Compile(criteria.Own{Name: "mine", Needs: needs[:1], Expression: text})
		if err != nil {
			t.Fatal(err)
		}
		in := input(t)
		for _, evidence := range [][]criteria.Evidence{nil, in.Evidence[1:]} {
			in.Evidence = evidence
			if got := c.Evaluate(in); got.Status != criteria.Unknown {
				t.Errorf("Evaluate(%q) without tests = %v, want unknown", text, got.Status)
			}
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, tt := range []struct {
		expression string
		line, col  int
		msg        string
	}{
		{"", 1, 1, "expression is missing"},
		{" \n ", 1, 1, "expression is missing"},
		{`evidence.all(e, e.testz.failed == 0)`, 1, 19, `Evidence has no field "testz": did you mean "tests"?`},
		{`evidence.all(e, e.tests.faild == 0)`, 1, 25, `Tests has no field "faild": did you mean "failed"?`},
		{"evidence.all(e,\n  !has(e.tests) ||\n  e.tests.faild == 0)", 3, 11, `Tests has no field "faild": did you mean "failed"?`},
		{`has(evidence[0].testz)`, 1, 17, `Evidence has no field "testz": did you mean "tests"?`},
		{`release.sauce.digest == ''`, 1, 9, `Release has no field "sauce": did you mean "source"?`},
		{`evidenc.size() > 0`, 1, 1, `unknown name "evidenc": did you mean "evidence"?`},
		{`quux > 0`, 1, 1, `unknown name "quux": known here are evidence, now, release, subject`},
		{`evidence.siz() > 0`, 1, 13, `unknown name "siz": did you mean "size"?`},
		{`evidence[0].facts.tests.failed == 0`, 1, 13, `Evidence has no field "facts"`},
		{`evidence[0].tests.passed == '12'`, 1, 26, `found no matching overload for '==' applied to '(int, string)'`},
		{`evidence.size()`, 1, 1, "gives int, expected true or false"},
		{`release`, 1, 1, "gives Release, expected true or false"},
		{`evidence.all(e, `, 1, 17, "mismatched input"},
		{`release.version.matches('(')`, 1, 25, "invalid matches argument"},
		{`now - now < duration('3 days')`, 1, 22, "invalid duration argument"},

		// Silence would be consent.
		{`evidence.all(e, !has(e.secrets) || e.secrets.results.size() == 0)`, 1, 24, "reads secrets, which is not among the needs"},

		// Nothing that depends on the machine, hides a type, or makes objects.
		{`now.getHours('Europe/Amsterdam') > 8`, 1, 13, "found no matching overload for 'getHours'"},
		{`dyn(evidence[0]).tests.failed == 0`, 1, 4, `unknown name "dyn"`},
		{`[][0].tests.failed == 0`, 1, 7, `what "tests" is a field of is not known`},
		{`[1, 'a'].size() > 0`, 1, 5, "expected type 'int' but found 'string'"},
		{`'a' + 'b' == 'ab'`, 1, 5, "texts and lists cannot be joined"},
		{`[[1]].map(x, x + x).size() == 2`, 1, 16, "texts and lists cannot be joined"},
		{`Tests{failed: 0}.failed == 0`, 1, 6, "objects cannot be made here"},
		{`google.protobuf.Struct{} == google.protobuf.Struct{}`, 1, 23, "objects cannot be made here"},
		{strings.Repeat("(", 5000) + "true" + strings.Repeat(")", 5000), 1, 1, "expression"},
		{"true" + strings.Repeat(" && true", 3000), 1, 1, "expression code point size exceeds limit"},
		{`[1].all(a, [1].all(b, [1].all(c, [1].all(d, a+b+c+d > 0))))`, 1, 41, "nesting limit"},
	} {
		_, err := expression.Compile(criteria.Own{Name: "mine", Needs: needs, Expression: tt.expression})
		var ee *criteria.ExpressionError
		if !errors.As(err, &ee) {
			t.Errorf("Compile(%.60q) = %v, want an *ExpressionError", tt.expression, err)
			continue
		}
		if ee.Line != tt.line || ee.Column != tt.col || !strings.Contains(ee.Msg, tt.msg) {
			t.Errorf("Compile(%.60q) = %v, want %d:%d: …%s…", tt.expression, ee, tt.line, tt.col, tt.msg)
		}
		if strings.Contains(ee.Msg, "\n") {
			t.Errorf("Compile(%.60q): message of several lines: %q", tt.expression, ee.Msg)
		}
	}
}

// The fault's place is that in the policy file, however the expression is
// written there.
func TestPlaceInPolicyFile(t *testing.T) {
	policy := func(expr string) string {
		return "profile: basic\nown:\n  - name: mine\n    scope: source\n    needs: [tests]\n    expression: " + expr + "\n"
	}
	for _, tt := range []struct {
		name, expr string
		want       string
	}{
		{"plain", `evidence.all(e, e.tests.faild == 0)`, "policy.yaml:6:41: "},
		{"single_quoted", `'evidence.all(e, e.tests.faild == 0)'`, "policy.yaml:6:42: "},
		{"double_quoted", `"evidence.all(e, e.tests.faild == 0)"`, "policy.yaml:6:42: "},
		{"literal", "|\n      evidence.all(e, e.tests.faild == 0)", "policy.yaml:7:31: "},
		{"literal_third_line", "|\n      evidence.all(e,\n        !has(e.tests) ||\n        e.tests.faild == 0)", "policy.yaml:9:19: "},
		{"literal_stripped", "|-\n      evidence.all(e,\n        e.tests.faild == 0)", "policy.yaml:8:19: "},
		{"folded_one_line", ">-\n      evidence.all(e, e.tests.faild == 0)", "policy.yaml:7:31: "},
	} {
		_, err := criteria.ParsePolicy("policy.yaml", []byte(policy(tt.expr)), nil, expression.Compile)
		var faults strict.Errors
		if !errors.As(err, &faults) || len(faults) != 1 {
			t.Errorf("%s: ParsePolicy = %v, want one fault", tt.name, err)
			continue
		}
		want := tt.want + `own criterion mine: Tests has no field "faild": did you mean "failed"?`
		if got := faults[0].Error(); got != want {
			t.Errorf("%s: ParsePolicy = %s, want %s", tt.name, got, want)
		}
	}
}

// Through the engine, as a policy uses it.
func TestInAPolicy(t *testing.T) {
	p, err := criteria.ParsePolicy("policy.yaml", []byte(`profile: basic
own:
  - name: no-skips
    title: Nothing is skipped
    scope: source
    needs: [tests]
    expression: evidence.all(e, has(e.tests) && e.tests.skipped == 0)
waivers:
  - id: W-1
    criterion: own-no-skips
    finding: no-skips
    reason: the machine is being repaired
    owner: a@example.test
    requester: a@example.test
    approver: b@example.test
    created: 2026-11-01T00:00:00Z
    expires: 2026-12-31T00:00:00Z
`), nil, expression.Compile)
	if err != nil {
		t.Fatal(err)
	}
	in := input(t)
	report := in.Evidence[0]
	report.About, report.Gives = []criteria.Digest{in.Release.Source.Digest}, []criteria.Fact{criteria.FactTests}
	for _, tt := range []struct {
		name     string
		evidence []criteria.Evidence
		want     criteria.Status
	}{
		{"none", nil, criteria.Unknown},
		{"skipping", []criteria.Evidence{report}, criteria.Waived},
	} {
		d := p.Evaluate(in.Release, tt.evidence, now)
		if got := d.Judgements[0].Outcome.Status; got != tt.want {
			t.Errorf("%s: Evaluate = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// An expression that would take forever ends as an error, at the same step on
// every machine.
func TestCostLimit(t *testing.T) {
	c, err := expression.Compile(criteria.Own{
		Name: "slow", Needs: []criteria.Fact{criteria.FactComponents},
		Expression: `evidence.all(e, e.components.items.all(a, e.components.items.all(b, a.name != b.version)))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	in := input(t)
	in.Evidence = []criteria.Evidence{{Name: "sbom", Facts: criteria.Facts{Components: many(20_000)}}}
	start := time.Now()
	got := c.Evaluate(in)
	if want := "the expression takes more than 2000000 steps over this evidence"; got.Status != criteria.Faulty || got.Reason != want {
		t.Errorf("Evaluate = %v %q, want error %q", got.Status, got.Reason, want)
	}
	t.Logf("stopped after %v", time.Since(start))
}

// What one SBOM of 100,000 components needs stays well below the limit.
func TestLargeEvidenceIsWithinTheLimit(t *testing.T) {
	c, err := expression.Compile(criteria.Own{
		Name: "large", Needs: []criteria.Fact{criteria.FactComponents},
		Expression: `evidence.all(e, e.components.items.all(c, has(c.purl) && c.purl.startsWith('pkg:') && c.licences.all(l, l != 'AGPL-3.0-only')))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	in := input(t)
	in.Evidence = []criteria.Evidence{{Name: "sbom", Facts: criteria.Facts{Components: many(100_000)}}}
	start := time.Now()
	if got := c.Evaluate(in); got.Status != criteria.Pass {
		t.Errorf("Evaluate = %v %q, want pass", got.Status, got.Reason)
	}
	t.Logf("took %v", time.Since(start))
}

func many(n int) *criteria.Components {
	c := &criteria.Components{Format: "CycloneDX"}
	for i := range n {
		c.Items = append(c.Items, criteria.Component{
			Name: fmt.Sprint("c", i), PURL: fmt.Sprint("pkg:generic/c", i), Licences: []string{"MIT", "Apache-2.0"},
		})
	}
	return c
}

// Whatever the text, there is a criterion or a placed error, and never a pass
// without evidence.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`evidence.all(e, !has(e.tests) || e.tests.failed == 0)`,
		`evidence.exists(e, e.prediction.scores.exists(k, k == 'a'))`,
		`release.version.matches('^v')`, `now`, `"\u00e9" == 'é' // x`, "[{}][0]", `a.?b`, "evidence\n.map(x, x)", `bytes('a') == b'a'`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		own := criteria.Own{Name: "fuzzed", Needs: needs, Expression: text}
		c, err := expression.Compile(own)
		if err != nil {
			var ee *criteria.ExpressionError
			if !errors.As(err, &ee) || ee.Line < 1 || ee.Column < 1 || ee.Msg == "" {
				t.Fatalf("Compile(%q) = %v, want a placed *ExpressionError", text, err)
			}
			return
		}
		in := input(t)
		if a, b := c.Evaluate(in), c.Evaluate(in); !cmp.Equal(a, b) {
			t.Fatalf("Evaluate(%q) = %v, then %v", text, a, b)
		}
		in.Evidence = nil
		if got := c.Evaluate(in); got.Status != criteria.Unknown {
			t.Fatalf("Evaluate(%q) without evidence = %v, want unknown", text, got.Status)
		}
	})
}
