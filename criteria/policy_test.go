package criteria_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// least takes parameters of several types, one of which it checks itself.
func least() criteria.Kind {
	type params struct {
		Least int      `json:"least"`
		Names []string `json:"names"`
		Max   *float64 `json:"max"`
	}
	k := testsPass()
	k.Name = "least"
	k.Uses = []criteria.Fact{criteria.FactCoverage}
	k.Level = criteria.Basic
	k.Params = map[criteria.Level]string{criteria.Basic: `{"least": 1}`, criteria.Advanced: `{"least": 100, "names": ["a"]}`}
	k.New = func(text []byte) (criteria.Criterion, error) {
		var p params
		if err := criteria.DecodeParams(text, &p); err != nil {
			return nil, err
		}
		if p.Least < 1 {
			return nil, &criteria.ParamError{Key: "least", Msg: fmt.Sprintf("is %d, expected 1 or more", p.Least)}
		}
		return criterion(func(criteria.Input) criteria.Outcome { return criteria.Passed("%s", text) }), nil
	}
	return k
}

func advanced() criteria.Kind {
	k := analysed()
	k.Name, k.Level = "advanced-only", criteria.Advanced
	return k
}

// compile accepts every expression but those that say where they are wrong.
func compile(o criteria.Own) (criteria.Criterion, error) {
	if i := strings.Index(o.Expression, "!"); i >= 0 {
		line := strings.Count(o.Expression[:i], "\n")
		return nil, &criteria.ExpressionError{Line: line + 1, Column: i - strings.LastIndex(o.Expression[:i], "\n"), Msg: "found !"}
	}
	if o.Expression == "" {
		return nil, errors.New("expression is missing")
	}
	return criterion(func(criteria.Input) criteria.Outcome { return criteria.Passed("%s", o.Expression) }), nil
}

func TestParsePolicy_faults(t *testing.T) {
	const own = "profile: basic\nown:\n  - name: mine\n    scope: source\n    needs: [tests]\n"
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "p.yaml: is empty"},
		{"no_profile", "criteria: {}\n", "p.yaml:1:1: profile is missing: basic, standard or advanced"},
		{"unknown_profile", "profile: basc\n", `p.yaml:1:10: unknown level "basc": known are basic, standard, advanced`},
		{"profile_none", "profile: none\n", `p.yaml:1:10: unknown level "none": known are basic, standard, advanced`},
		{"inline_limit_no_size", "profile: basic\nattest: {inlineLimit: 16MB}\n", `p.yaml:2:23: "16MB" is no size: write for example 16MiB or 512KiB`},
		{"inline_limit_number", "profile: basic\nattest:\n  inlineLimit: 16\n", `p.yaml:3:16: "16" is no size: write for example 16MiB or 512KiB`},
		{"inline_limit_zero", "profile: basic\nattest: {inlineLimit: 0B}\n", `p.yaml:2:23: "0B" is no size: write for example 16MiB or 512KiB`},
		{"inline_limit_missing", "profile: basic\nattest:\n  inlineLimit:\n", `p.yaml:3:15: a value is missing: expected a size such as 16MiB`},
		{"inline_limit_too_large", "profile: basic\nattest:\n  inlineLimit: 41MiB\n", `p.yaml:3:16: attest.inlineLimit is 41MiB: at most 40MiB, as no verifier takes a larger bundle`},
		{"inline_limit_near", "profile: basic\nattest:\n  inlinelimit: 1MiB\n", `p.yaml:3:3: unknown key "inlinelimit": did you mean "inlineLimit"?`},
		{"unknown_key", "profile: basic\nwaiver: []\n", `p.yaml:2:1: unknown key "waiver": did you mean "waivers"?`},
		{"unknown_criterion_near", "profile: basic\ncriteria:\n  leest: {}\n", `p.yaml:3:3: unknown key "leest": did you mean "least"?`},
		{"unknown_criterion_far", "profile: basic\ncriteria:\n  something-else: {}\n", `p.yaml:3:3: unknown key "something-else": known here are advanced-only, least`},
		{"criteria_is_list", "profile: basic\ncriteria: [least]\n", "p.yaml:2:11: expected keys and values"},
		{"unknown_parameter_near", "profile: basic\ncriteria:\n  least: {max: 1, leats: 2}\n", `p.yaml:3:19: criterion least: leats: unknown parameter: did you mean "least"?`},
		{"unknown_parameter_far", "profile: basic\ncriteria:\n  least:\n    something: 2\n", `p.yaml:4:5: criterion least: something: unknown parameter: known here are least, names, max`},
		{"unknown_parameter_none_known", "profile: basic\ncriteria:\n  advanced-only:\n    x: 2\n", `p.yaml:4:5: criterion advanced-only: x: unknown parameter: this criterion takes none`},
		{"parameter_of_another_type", "profile: basic\ncriteria:\n  least:\n    least: many\n", "p.yaml:4:5: criterion least: line 1, column 10: at /least: a JSON string stands where a whole number is expected"},
		{"parameter_out_of_range", "profile: basic\ncriteria:\n  least:\n    max: 1\n    least: 0\n", "p.yaml:5:5: criterion least: least: is 0, expected 1 or more"},
		{"parameter_null", "profile: basic\ncriteria:\n  least:\n    least: null\n", "p.yaml:4:12: criterion least: least: a value is missing"},
		{"parameter_empty", "profile: basic\ncriteria:\n  least:\n    least:\n", "p.yaml:4:11: criterion least: least: a value is missing"},
		{"parameter_not_a_number", "profile: basic\ncriteria:\n  least:\n    max: .nan\n", "p.yaml:4:5: json: unsupported value: NaN"},
		{"parameters_are_text", "profile: basic\ncriteria:\n  least: strict\n", "p.yaml:3:10: expected the parameters of least as keys and values"},
		{"duplicate_criterion", "profile: basic\ncriteria:\n  least: {}\n  least: {}\n", `p.yaml:4:3: key "least" stands twice, first on line 3`},
		{"max_age_of_unread_fact", "profile: basic\ncriteria:\n  least:\n    maxAge:\n      test: 3d\n", `p.yaml:5:7: maxAge: criterion least reads no fact "test": did you mean "tests"?`},
		{"max_age_of_far_fact", "profile: basic\ncriteria:\n  least: {maxAge: {components: 3d}}\n", `p.yaml:3:20: maxAge: criterion least reads no fact "components": it reads tests, coverage`},
		{"max_age_no_length", "profile: basic\ncriteria:\n  least: {maxAge: {tests: long}}\n", `p.yaml:3:27: "long" is no length of time: write for example 72h or 30d`},
		{"max_age_is_list", "profile: basic\ncriteria:\n  least: {maxAge: [tests]}\n", `p.yaml:3:19: expected keys and values`},
		{"not_applicable_no_reason", "profile: basic\nnotApplicable:\n  - criterion: least\n", "p.yaml:3:5: notApplicable needs a reason"},
		{"not_applicable_blank_reason", "profile: basic\nnotApplicable:\n  - {criterion: least, reason: \" \"}\n", "p.yaml:3:5: notApplicable needs a reason"},
		{"not_applicable_unknown", "profile: basic\nnotApplicable:\n  - {criterion: leat, reason: r}\n", `p.yaml:3:5: this policy asks no criterion "leat": did you mean "least"?`},
		{"not_applicable_not_asked", "profile: basic\nnotApplicable:\n  - {criterion: advanced-only, reason: r}\n", `p.yaml:3:5: this policy asks no criterion "advanced-only"`},
		{"not_applicable_twice", "profile: basic\nnotApplicable:\n  - {criterion: least, reason: r}\n  - {criterion: least, reason: s}\n", `p.yaml:4:5: criterion "least" is declared not applicable twice`},
		{"own_no_name", strings.Replace(own, "name: mine", "expression: x", 1), "p.yaml:3:5: a criterion of one's own needs a name"},
		{"own_bad_name", strings.Replace(own, "name: mine", "name: My_Own", 1) + "    expression: x\n", `p.yaml:3:5: "My_Own" is no name: lower-case words joined by hyphens`},
		{"own_no_scope", strings.Replace(own, "scope: source", "expression: x", 1), `p.yaml:3:5: scope is "": expected source or artifact`},
		{"own_unknown_scope", strings.Replace(own, "scope: source", "scope: all", 1) + "    expression: x\n", `p.yaml:3:5: scope is "all": expected source or artifact`},
		{"own_no_needs", strings.Replace(own, "needs: [tests]", "expression: x", 1), "p.yaml:3:5: needs is missing: the facts that the expression reads, so that silence stays unknown"},
		{"own_unknown_need", strings.Replace(own, "[tests]", "[test]", 1) + "    expression: x\n", `p.yaml:3:5: unknown fact "test": did you mean "tests"?`},
		{"own_age_of_unread_fact", own + "    expression: x\n    maxAge: {coverage: 1d}\n", `p.yaml:7:14: maxAge: criterion own-mine reads no fact "coverage": it reads tests`},
		{"own_no_expression", own, "p.yaml:3:5: own criterion mine: expression is missing"},
		{"own_expression_plain", own + "    expression: tests.passed !\n", "p.yaml:6:30: own criterion mine: found !"},
		{"own_expression_quoted", own + "    expression: \"a !\"\n", "p.yaml:6:20: own criterion mine: found !"},
		{"own_expression_literal", own + "    expression: |\n      a &&\n      b !\n", "p.yaml:8:9: own criterion mine: found !"},
		{"own_twice", own + "    expression: x\n" + strings.TrimPrefix(own, "profile: basic\nown:\n") + "    expression: y\n", `p.yaml:7:5: two criteria of one's own are named "mine"`},
		{"several", "profile: basic\ncriteria: {leest: {}}\nnotApplicable: [{criterion: least}]\n", "p.yaml:2:12: unknown key \"leest\": did you mean \"least\"?\np.yaml:3:17: notApplicable needs a reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 5 { // the same fault every time, though parameters are a map
				_, err := criteria.ParsePolicy("p.yaml", []byte(tt.text), []criteria.Kind{least(), advanced()}, compile)
				if err == nil || err.Error() != tt.want {
					t.Fatalf("ParsePolicy()\n got %v\nwant %s", err, tt.want)
				}
				var one *strict.Error
				if !errors.As(err, &one) {
					t.Errorf("ParsePolicy() gives a %T", err)
				}
			}
		})
	}
	if _, err := criteria.ParsePolicy("p.yaml", []byte(own+"    expression: x\n"), nil, nil); err == nil || err.Error() != "p.yaml:3:5: criteria of one's own are not supported here" {
		t.Errorf("ParsePolicy() without a compiler = %v", err)
	}
}

func TestParsePolicy_asks(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"basic", "profile: basic\n", []string{`least basic {"least":1}`}},
		{"standard_takes_basic_parameters", "profile: standard\n", []string{`least basic {"least":1}`}},
		{"advanced", "profile: advanced\n", []string{`least basic {"least":100,"names":["a"]}`, `advanced-only advanced {}`}},
		{"own_parameters_over_the_profiles", "profile: advanced\ncriteria: {least: {least: 7}}\n", []string{`least basic {"least":7,"names":["a"]}`, `advanced-only advanced {}`}},
		{"named_is_asked", "profile: basic\ncriteria:\n  advanced-only:\n", []string{`least basic {"least":1}`, `advanced-only basic {}`}},
		{"own", "profile: basic\nown: [{name: mine, scope: artifact, needs: [tests], expression: x}]\n", []string{`least basic {"least":1}`, `own-mine basic {"expression":"x"}`}},
		{"own_of_a_higher_level", "profile: basic\nown: [{name: mine, level: advanced, scope: artifact, needs: [tests], expression: x}]\n", []string{`least basic {"least":1}`, `own-mine basic {"expression":"x"}`}},
	} {
		p, err := criteria.ParsePolicy("p", []byte(tt.text), []criteria.Kind{least(), advanced()}, compile)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, a := range p.Asked() {
			got = append(got, fmt.Sprintf("%s %s %s", a.Name, a.Level, a.Params))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: Asked() differs (-want +got):\n%s", tt.name, diff)
		}
		if want := criteria.DigestOf([]byte(tt.text)); !p.Digest().Matches(want) {
			t.Errorf("%s: Digest() = %v, want %v", tt.name, p.Digest(), want)
		}
	}
}

func TestPolicy_not_applicable(t *testing.T) {
	p := policy(t, "profile: basic\nnotApplicable: [{criterion: analysed, reason: no code}]\n", analysed(), testsPass())
	ev := []criteria.Evidence{evidence("t", passingTests(linux, darwin), criteria.Declared{})}
	d := p.Evaluate(widget(), ev, now)
	j := judgement(t, d, "analysed", source)
	if j.Status != criteria.NotApplicable || j.Reason != "no code" || !d.Passed {
		t.Errorf("Evaluate() = %v (%s), passed %v", j.Status, j.Reason, d.Passed)
	}
	if diff := cmp.Diff([]string{"HALLMARK_RELEASE_BASIC", "HALLMARK_TESTS_PASS"}, d.Labels()); diff != "" {
		t.Errorf("Labels() differs (-want +got):\n%s", diff)
	}
}

func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		text string
		want time.Duration
		back string
	}{
		{"72h", 72 * time.Hour, "3d"},
		{"30d", 30 * day, "30d"},
		{"1d12h", 36 * time.Hour, "1d12h"},
		{"90m", 90 * time.Minute, "1h30m"},
		{"1h10m", 70 * time.Minute, "1h10m"},
		{"20m", 20 * time.Minute, "20m"},
		{"10s", 10 * time.Second, "10s"},
		{"1d10s", day + 10*time.Second, "1d10s"},
		{"1h10s", time.Hour + 10*time.Second, "1h0m10s"},
		{"100h", 100 * time.Hour, "4d4h"},
		{"99999d", 99999 * day, "99999d"},
	} {
		a, err := criteria.ParseAge(tt.text)
		if err != nil || time.Duration(a) != tt.want || a.String() != tt.back {
			t.Errorf("ParseAge(%q) = %v (%d), %v, want %s", tt.text, a, a, err, tt.back)
		}
		if again, err := criteria.ParseAge(a.String()); err != nil || again != a {
			t.Errorf("ParseAge(%q) = %v, %v, want %v", a.String(), again, err, a)
		}
	}
	for _, s := range []string{"", "0", "0d", "0h", "-1h", "1d-12h", "-1d", "+1d", "1", "d", "1w", "3 d", "100000d", "1d1d", "1.5d", "99999d2562047h", "9999999999h", "NaN", "1h1d"} {
		if a, err := criteria.ParseAge(s); err == nil {
			t.Errorf("ParseAge(%q) = %v, want an error", s, a)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte("profile: basic\n"))
	f.Add([]byte("profile: advanced\ncriteria: {least: {least: 3, maxAge: {tests: 3d}}}\n"))
	f.Add([]byte("profile: basic\nown:\n  - {name: a, scope: source, needs: [tests], expression: \"a!\"}\n"))
	f.Add([]byte(waiving()))
	f.Add([]byte("profile: basic\nnotApplicable: [{criterion: least, reason: r}]\n"))
	kinds := []criteria.Kind{least(), advanced(), noVulnerabilities()}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := criteria.ParsePolicy("p", data, kinds, compile)
		_, again := criteria.ParsePolicy("p", data, kinds, compile)
		if fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("ParsePolicy(%q) = %v, then %v", data, err, again)
		}
		if err != nil {
			return
		}
		d := p.Evaluate(widget(), nil, now)
		if d.Passed {
			t.Fatalf("policy %q lets a release pass without any evidence", data)
		}
		if _, err := d.Encode(); err != nil {
			t.Fatalf("policy %q: %v", data, err)
		}
	})
}

func TestInlineLimit(t *testing.T) {
	for text, want := range map[string]int64{
		"profile: basic\n":                                    8 << 20,
		"profile: basic\nattest: {}\n":                        8 << 20,
		"profile: basic\nattest: {inlineLimit: 1KiB}\n":       1 << 10,
		"profile: basic\nattest:\n  inlineLimit: \"40MiB\"\n": 40 << 20,
	} {
		p, err := criteria.ParsePolicy("p.yaml", []byte(text), nil, nil)
		if err != nil {
			t.Errorf("ParsePolicy(%q) = %v", text, err)
			continue
		}
		if got := p.InlineLimit(); got != want {
			t.Errorf("ParsePolicy(%q).InlineLimit() = %d, want %d", text, got, want)
		}
	}
}
