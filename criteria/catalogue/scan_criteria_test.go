package catalogue

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// scanAnswer is what one criterion should say of some facts.
type scanAnswer struct {
	name   string
	params string
	facts  []criteria.Facts
	want   criteria.Status
	reason string // part of the reason, or of a note
}

// answers asks name about each of tests, through the engine.
func answers(t *testing.T, name, profile string, gives criteria.Fact, tests []scanAnswer) {
	t.Helper()
	source := commitID("source")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ev []criteria.Evidence
			for i, f := range tt.facts {
				e := about(source, f, gives)
				e.Name = fmt.Sprintf("report-%d", i+1)
				e.Digest = criteria.DigestOf([]byte(e.Name))
				ev = append(ev, e)
			}
			o := ask(t, name, profile, tt.params, release("1.2.0", source, commitID("previous")), ev...)
			if o.Status != tt.want {
				t.Errorf("Evaluate(%s) = %v (%s), want %v\n%s\n%v", tt.params, o.Status, o.Reason, tt.want, writeFindings(o), o.Notes)
			}
			said := o.Reason + "\n" + strings.Join(o.Notes, "\n")
			for _, f := range o.Findings {
				said += "\n" + f.Message
			}
			if !strings.Contains(said, tt.reason) {
				t.Errorf("Evaluate(%s) says %q, want %q in it", tt.params, said, tt.reason)
			}
		})
	}
}

// refusedParams checks that each of params is refused with the text beside it.
func refusedParams(t *testing.T, kind criteria.Kind, params map[string]string) {
	t.Helper()
	params[`{"unheardOf":1}`] = "unknown parameter"
	for p, want := range params {
		_, err := kind.New([]byte(p))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: New(%s) = %v, want %q", kind.Name, p, err, want)
		}
	}
}

func TestNoSecrets(t *testing.T) {
	scan := func(change func(*criteria.Scan), results ...criteria.ScanResult) criteria.Facts {
		s := &criteria.Scan{Complete: true, Rules: -1, Results: results}
		if change != nil {
			change(s)
		}
		return criteria.Facts{Secrets: s}
	}
	leak := criteria.ScanResult{
		Rule: "aws", Level: "error", Message: "An AWS key", Path: "conf.py", Line: 3, Commit: strings.Repeat("a", 40),
		Fingerprint: strings.Repeat("a", 40) + ":conf.py:aws:3",
	}
	with := func(change func(*criteria.ScanResult)) criteria.ScanResult {
		r := leak
		change(&r)
		return r
	}
	live := with(func(r *criteria.ScanResult) { r.Live = true })
	suppressed := with(func(r *criteria.ScanResult) { r.Suppressed = true })
	history := `{range: history}`
	baseline := func(f string) string { return fmt.Sprintf(`{range: history, baseline: ["%s"]}`, f) }
	spans := func(r string) func(*criteria.Scan) { return func(s *criteria.Scan) { s.Range = r } }
	from, to := commitID("previous").Hex(), commitID("source").Hex()
	one := func(f criteria.Facts) []criteria.Facts { return []criteria.Facts{f} }
	answers(t, "no-secrets", "basic", criteria.FactSecrets, []scanAnswer{
		{"no_report", history, nil, criteria.Unknown, "no secrets scan"},
		{"clean", history, one(scan(nil)), criteria.Pass, "pipeline's word"},
		{"range_not_said", `{}`, one(scan(nil)), criteria.Unknown, "declare it with the parameter range"},
		{"files_only", `{range: tree}`, one(scan(nil)), criteria.Unknown, "not the history"},
		{"since_previous", `{range: since-previous}`, one(scan(nil)), criteria.Pass, "since previous"},
		{"report_says_history", `{}`, one(scan(spans("history"))), criteria.Pass, "the whole history"},
		{"report_says_tree_whatever_is_declared", history, one(scan(spans("tree"))), criteria.Unknown, "not the history"},
		{"report_says_the_range", `{}`, one(scan(spans(from + ".." + to))), criteria.Pass, "since previous"},
		{"report_says_another_range", history, one(scan(spans(to + ".." + from))), criteria.Unknown, "not the commits"},
		{"incomplete", history, one(scan(func(s *criteria.Scan) { s.Complete = false })), criteria.Unknown, "finished"},
		{"incomplete_beside_complete", history, []criteria.Facts{scan(nil), scan(func(s *criteria.Scan) { s.Complete = false })}, criteria.Unknown, "report-2"},
		{"no_rules", history, one(scan(func(s *criteria.Scan) { s.Rules = 0 })), criteria.Unknown, "lists no rule"},
		{"tree_beside_history", `{}`, []criteria.Facts{scan(spans("tree")), scan(spans("history"))}, criteria.Pass, "history"},
		{"leak", history, one(scan(nil, leak)), criteria.Fail, "An AWS key (conf.py:3)"},
		{"leak_in_the_second", history, []criteria.Facts{scan(nil), scan(nil, leak)}, criteria.Fail, "An AWS key"},
		{"leak_in_an_incomplete_scan", history, one(scan(func(s *criteria.Scan) { s.Complete = false }, leak)), criteria.Fail, "An AWS key"},
		{"triaged", baseline(leak.Fingerprint), one(scan(nil, leak)), criteria.Pass, "1 listed in the baseline"},
		{"triaged_before_a_rebase", baseline(strings.Repeat("b", 40) + ":conf.py:aws:3"), one(scan(nil, leak)), criteria.Pass, "1 listed"},
		{"triaged_without_commit", baseline("conf.py:aws:3"), one(scan(nil, leak)), criteria.Pass, "1 listed"},
		{"triaged_by_place_where_the_report_has_no_fingerprint", baseline("conf.py:aws:3"), one(scan(nil, with(func(r *criteria.ScanResult) { r.Fingerprint = "" }))), criteria.Pass, "1 listed"},
		{"triaged_on_another_line", baseline("conf.py:aws:4"), one(scan(nil, leak)), criteria.Fail, "An AWS key"},
		{"triaged_as_another_rule", baseline("conf.py:gcp:3"), one(scan(nil, leak)), criteria.Fail, "An AWS key"},
		{"commit_alone_triages_nothing", baseline(strings.Repeat("a", 40) + ":"), one(scan(nil, leak)), criteria.Fail, "An AWS key"},
		{"live_is_never_triaged", baseline(leak.Fingerprint), one(scan(nil, live)), criteria.Fail, "An AWS key"},
		{"suppressed", history, one(scan(nil, suppressed)), criteria.Pass, "1 suppressed in the report"},
		{"suppressed_but_live", history, one(scan(nil, with(func(r *criteria.ScanResult) { r.Suppressed, r.Live = true, true }))), criteria.Fail, "An AWS key"},
		{"no_longer_found", history, one(scan(nil, with(func(r *criteria.ScanResult) { r.Baseline = "absent" }))), criteria.Pass, ""},
		{"no_message", history, one(scan(nil, with(func(r *criteria.ScanResult) { r.Message = "" }))), criteria.Fail, "a secret of kind aws"},
	})
	refusedParams(t, noSecrets, map[string]string{`{"range":"all"}`: "none of", `{"baseline":[" "]}`: "empty"})

	// The first release has no previous one from which on to look.
	o := ask(t, "no-secrets", "basic", `{range: since-previous}`, release("1.0.0", commitID("source"), criteria.Digest{}),
		about(commitID("source"), scan(nil), criteria.FactSecrets))
	if o.Status != criteria.Unknown {
		t.Errorf("since-previous in a first release = %v, want unknown", o.Status)
	}
}

func TestNoSecretsWaived(t *testing.T) {
	waiver := `waivers:
  - {id: W1, criterion: no-secrets, finding: aws, reason: r, owner: a, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01}
`
	policy, err := criteria.ParsePolicy("policy.yaml", []byte("profile: basic\ncriteria:\n  no-secrets: {range: history}\n"+strings.ReplaceAll(strings.ReplaceAll(waiver, "2026-11-01", "2026-11-01T00:00:00Z"), "2026-12-01", "2026-12-01T00:00:00Z")), All(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for live, want := range map[bool]criteria.Status{false: criteria.Waived, true: criteria.Fail} {
		scan := criteria.Facts{Secrets: &criteria.Scan{Complete: true, Rules: -1, Results: []criteria.ScanResult{{Rule: "aws", Path: "a", Line: 1, Live: live}}}}
		source := commitID("source")
		for _, j := range policy.Evaluate(release("1.2.0", source, commitID("previous")), []criteria.Evidence{about(source, scan, criteria.FactSecrets)}, now).Judgements {
			if j.Criterion == "no-secrets" && j.Status != want {
				t.Errorf("live %v: %v (%s), want %v", live, j.Status, j.Reason, want)
			}
		}
	}
}

func TestStaticAnalysis(t *testing.T) {
	severity := func(f float64) *float64 { return &f }
	scan := func(results ...criteria.ScanResult) *criteria.Scan {
		return &criteria.Scan{Complete: true, Rules: 3, Results: results}
	}
	by := func(tool string, s *criteria.Scan) criteria.Facts {
		return criteria.Facts{Tool: criteria.Tool{Name: tool}, Analysis: s}
	}
	one := func(s *criteria.Scan) []criteria.Facts { return []criteria.Facts{by("gosec", s)} }
	res := func(level string) criteria.ScanResult {
		return criteria.ScanResult{Rule: "G1", Level: level, Message: "bad", Path: "a.go", Line: 2}
	}
	with := func(level string, change func(*criteria.ScanResult)) criteria.ScanResult {
		r := res(level)
		change(&r)
		return r
	}
	rated := func(level string, f float64) criteria.ScanResult {
		return with(level, func(r *criteria.ScanResult) { r.Severity = severity(f) })
	}
	base := func(state string) criteria.ScanResult {
		return with("error", func(r *criteria.ScanResult) { r.Baseline = state })
	}
	empty := func() *criteria.Scan { return &criteria.Scan{Complete: true} }
	answers(t, "static-analysis", "standard", criteria.FactAnalysis, []scanAnswer{
		{"no_report", `{}`, nil, criteria.Unknown, "no static analysis report"},
		{"clean", `{}`, one(scan()), criteria.Pass, "nothing at or above error or severity 7.0"},
		{"error", `{}`, one(scan(res("error"))), criteria.Fail, "bad (a.go:2)"},
		{"warning_below", `{}`, one(scan(res("warning"))), criteria.Pass, "1 below the threshold"},
		{"warning_that_counts", `{level: warning}`, one(scan(res("warning"))), criteria.Fail, "bad"},
		{"note_that_counts", `{level: note}`, one(scan(res("note"))), criteria.Fail, "bad"},
		{"level_none", `{level: note}`, one(scan(res("none"))), criteria.Pass, "1 below"},
		{"unheard_of_level", `{}`, one(scan(res("catastrophe"))), criteria.Fail, "bad"},
		{"severe_warning", `{}`, one(scan(rated("warning", 9.8))), criteria.Fail, "bad"},
		{"severity_at_the_limit", `{}`, one(scan(rated("note", 7))), criteria.Fail, "bad"},
		{"severity_below", `{}`, one(scan(rated("note", 6.9))), criteria.Pass, "1 below"},
		{"suppressed", `{}`, one(scan(with("error", func(r *criteria.ScanResult) { r.Suppressed = true }))), criteria.Pass, "1 suppressed"},
		{"unchanged_counts", `{}`, one(scan(base("unchanged"))), criteria.Fail, "bad"},
		{"unchanged_left_out", `{newOnly: true}`, one(scan(base("unchanged"))), criteria.Pass, "1 in the report's baseline"},
		{"updated_counts", `{newOnly: true}`, one(scan(base("updated"))), criteria.Fail, "bad"},
		{"new_counts", `{newOnly: true}`, one(scan(base("new"))), criteria.Fail, "bad"},
		{"not_compared_counts", `{newOnly: true}`, one(scan(res("error"))), criteria.Fail, "bad"},
		{"no_longer_found", `{}`, one(scan(base("absent"))), criteria.Pass, "1 no longer found"},
		{"incomplete", `{}`, one(&criteria.Scan{Rules: 3}), criteria.Unknown, "does not say that the analysis succeeded"},
		{"incomplete_with_error", `{}`, one(&criteria.Scan{Rules: 3, Results: []criteria.ScanResult{res("error")}}), criteria.Fail, "bad"},
		{"no_rules", `{}`, one(empty()), criteria.Unknown, "lists no rule"},
		{"no_rules_in_one_of_two", `{}`, []criteria.Facts{by("a", scan()), by("b", empty())}, criteria.Unknown, "report-2 lists no rule"},
		{"tool_that_lists_only_broken_rules", `{listsOnlyBroken: [GoSec]}`, one(empty()), criteria.Pass, "nothing at or above"},
		{"another_tool_does_not", `{listsOnlyBroken: [other]}`, one(empty()), criteria.Unknown, "lists no rule"},
		{"two_tools_in_a_report_and_one_does_not", `{listsOnlyBroken: [gosec]}`, one(&criteria.Scan{Complete: true, Tools: []criteria.Tool{{Name: "gosec"}, {Name: "b"}}}), criteria.Unknown, "lists no rule"},
		{"tools_ran", `{tools: [GOSEC, b]}`, []criteria.Facts{by("gosec", scan()), by("b", scan())}, criteria.Pass, "2 reports"},
		{"tools_in_one_report", `{tools: [b]}`, one(&criteria.Scan{Complete: true, Rules: 3, Tools: []criteria.Tool{{Name: "a"}, {Name: "b"}}}), criteria.Pass, ""},
		{"tool_missing", `{tools: [codeql]}`, one(scan()), criteria.Unknown, "no report by codeql"},
		{"error_in_the_second", `{}`, []criteria.Facts{by("a", scan()), by("b", scan(res("error")))}, criteria.Fail, "bad"},
	})
	answers(t, "static-analysis", "advanced", criteria.FactAnalysis, []scanAnswer{
		{"warning_at_advanced", `{}`, one(scan(res("warning"))), criteria.Fail, "bad"},
		{"note_of_severity_4_at_advanced", `{}`, one(scan(rated("note", 4))), criteria.Fail, "bad"},
		{"note_at_advanced", `{}`, one(scan(res("note"))), criteria.Pass, "1 below"},
	})
	refusedParams(t, staticAnalysis, map[string]string{
		`{"level":"high"}`: "none of", `{"level":"none"}`: "none of", `{"severity":11}`: "between 0 and 10", `{"tools":[""]}`: "empty", `{"listsOnlyBroken":[""]}`: "empty",
	})
	// Without parameters nothing is too small to count.
	strictest := newCriterion(t, staticAnalysis, `{}`)
	for _, r := range []criteria.ScanResult{res("note"), rated("none", 0)} {
		in := criteria.Input{Evidence: []criteria.Evidence{{Facts: by("x", scan(r))}}}
		if o := strictest.Evaluate(in); o.Status != criteria.Fail {
			t.Errorf("Evaluate(%+v) without parameters = %v, want fail", r, o.Status)
		}
	}
}

func TestTestsPass(t *testing.T) {
	run := func(passed, failed, skipped, flaky int, failures ...criteria.TestFailure) criteria.Facts {
		return criteria.Facts{Tests: &criteria.Tests{Passed: passed, Failed: failed, Skipped: skipped, Flaky: flaky, Failures: failures}}
	}
	one := func(f criteria.Facts) []criteria.Facts { return []criteria.Facts{f} }
	answers(t, "tests-pass", "basic", criteria.FactTests, []scanAnswer{
		{"no_report", `{}`, nil, criteria.Unknown, "no test report"},
		{"passed", `{}`, one(run(5, 0, 0, 0)), criteria.Pass, "5 tests ran, none failed"},
		{"no_tests", `{}`, one(run(0, 0, 0, 0)), criteria.Unknown, "no test ran"},
		{"all_skipped", `{maxSkipped: 1}`, one(run(0, 0, 9, 0)), criteria.Unknown, "no test ran"},
		{"no_tests_beside_some", `{}`, []criteria.Facts{run(5, 0, 0, 0), run(0, 0, 0, 0)}, criteria.Unknown, "no test ran (report-2)"},
		{"minimum_of_0_is_still_1", `{minimum: 0}`, one(run(0, 0, 0, 0)), criteria.Unknown, "no test ran"},
		{"two_reports", `{minimum: 8}`, []criteria.Facts{run(5, 0, 0, 0), run(3, 0, 0, 0)}, criteria.Pass, "8 tests"},
		{"too_few", `{minimum: 9}`, []criteria.Facts{run(5, 0, 0, 0), run(3, 0, 0, 0)}, criteria.Fail, "8 tests ran, at least 9"},
		{"failed", `{}`, one(run(5, 1, 0, 0, criteria.TestFailure{Name: "TestA", Message: "want 1"})), criteria.Fail, "test failed: TestA: want 1 (report-1)"},
		{"failed_without_name", `{}`, one(run(5, 1, 0, 0)), criteria.Fail, "1 more tests failed"},
		{"unnamed_failure", `{}`, one(run(5, 1, 0, 0, criteria.TestFailure{})), criteria.Fail, "test failed: unnamed"},
		{"failed_in_the_second", `{}`, []criteria.Facts{run(5, 0, 0, 0), run(5, 1, 0, 0)}, criteria.Fail, "report-2"},
		{"skipped_at_the_limit", `{}`, one(run(8, 0, 2, 0)), criteria.Pass, "2 tests were skipped"},
		{"skipped_above", `{}`, one(run(7, 0, 2, 0)), criteria.Fail, "2 of 9 tests were skipped, at most 20.0 %"},
		{"flaky_noted", `{}`, one(run(5, 0, 0, 1)), criteria.Pass, "1 tests passed only when run again"},
		{"flaky_warned", `{flaky: warn}`, one(run(5, 0, 0, 1)), criteria.Warn, "only when run again"},
		{"flaky_refused", `{flaky: fail}`, one(run(5, 0, 0, 1)), criteria.Fail, "only when run again"},
		{"negative", `{}`, one(run(5, -1, 0, 0)), criteria.Unknown, "fewer than no tests"},
	})
	answers(t, "tests-pass", "advanced", criteria.FactTests, []scanAnswer{
		{"flaky_at_advanced", `{}`, one(run(50, 0, 0, 1)), criteria.Fail, "only when run again"},
	})
	refusedParams(t, testsPass, map[string]string{
		`{"minimum":-1}`: "negative", `{"maxSkipped":2}`: "between 0 and 1", `{"maxSkipped":-0.1}`: "between 0 and 1", `{"flaky":"maybe"}`: "none of",
	})
	strictest := newCriterion(t, testsPass, `{}`)
	for _, f := range []criteria.Facts{run(5, 0, 1, 0), run(5, 0, 0, 1)} {
		if o := strictest.Evaluate(criteria.Input{Evidence: []criteria.Evidence{{Facts: f}}}); o.Status != criteria.Fail {
			t.Errorf("Evaluate(%+v) without parameters = %v, want fail", *f.Tests, o.Status)
		}
	}
}

func TestCoverage(t *testing.T) {
	of := func(covered, total int64) *criteria.Ratio {
		return &criteria.Ratio{Covered: covered, Total: total}
	}
	statements := func(covered, total int64) criteria.Facts {
		return criteria.Facts{Coverage: &criteria.Coverage{Statements: of(covered, total)}}
	}
	lines := criteria.Facts{Coverage: &criteria.Coverage{Lines: of(99, 100), Branches: of(50, 100)}}
	one := func(f criteria.Facts) []criteria.Facts { return []criteria.Facts{f} }
	answers(t, "coverage", "standard", criteria.FactCoverage, []scanAnswer{
		{"no_report", `{}`, nil, criteria.Unknown, "no coverage report"},
		{"at_the_limit", `{}`, one(statements(80, 100)), criteria.Pass, "80.00 % of statements covered"},
		{"just_below", `{}`, one(statements(79999, 100000)), criteria.Fail, "79.99 % of statements covered, at least 80.00 %"},
		{"nothing", `{}`, one(statements(0, 0)), criteria.Unknown, "nothing was measured"},
		{"more_than_all", `{}`, one(statements(2, 1)), criteria.Unknown, "2 of 1"},
		{"negative", `{}`, one(statements(-1, 1)), criteria.Unknown, "-1 of 1"},
		{"another_metric", `{}`, one(lines), criteria.Unknown, "no report counts statements"},
		{"lines", `{metric: lines}`, one(lines), criteria.Pass, "99.00 % of lines"},
		{"branches_are_not_lines", `{metric: branches}`, one(lines), criteria.Fail, "50.00 % of branches"},
		{"beside_another_metric", `{}`, []criteria.Facts{lines, statements(90, 100)}, criteria.Pass, "report-1 does not count statements"},
		{"one_of_two_too_low", `{}`, []criteria.Facts{statements(100, 100), statements(7, 10)}, criteria.Fail, "(report-2)"},
		{"empty_beside_full", `{}`, []criteria.Facts{statements(100, 100), statements(0, 0)}, criteria.Unknown, "nothing was measured"},
		{"dropped", `{previous: 90, maxDrop: 1}`, one(statements(88, 100)), criteria.Fail, "90.00 % in the last release"},
		{"dropped_a_little", `{previous: 90, maxDrop: 2}`, one(statements(88, 100)), criteria.Pass, "88.00 %"},
		{"no_drop_allowed", `{previous: 88.5}`, one(statements(88, 100)), criteria.Fail, "88.50 % in the last release"},
		{"risen", `{previous: 80}`, one(statements(88, 100)), criteria.Pass, "88.00 %"},
	})
	answers(t, "coverage", "advanced", criteria.FactCoverage, []scanAnswer{
		{"below_90_at_advanced", `{}`, one(statements(89, 100)), criteria.Fail, "at least 90.00 %"},
	})
	refusedParams(t, coverage, map[string]string{
		`{}`: "none of statements", `{"metric":"functions"}`: "none of statements", `{"metric":"lines","minimum":101}`: "between 0 and 100", `{"metric":"lines","maxDrop":1}`: "needs previous",
	})
	strictest := newCriterion(t, coverage, `{"metric":"statements"}`)
	if o := strictest.Evaluate(criteria.Input{Evidence: []criteria.Evidence{{Facts: statements(99, 100)}}}); o.Status != criteria.Fail {
		t.Errorf("99 %% without a minimum = %v, want fail", o.Status)
	}
}

func TestSecurityPolicy(t *testing.T) {
	policy := func(words int, contacts ...criteria.Contact) criteria.Facts {
		return criteria.Facts{SecurityPolicy: &criteria.SecurityPolicy{Words: words, Disclosure: true, Contacts: contacts}}
	}
	email := func(v string) criteria.Contact {
		return criteria.Contact{Kind: "email", Value: v, Reporting: true}
	}
	link := func(v string) criteria.Contact {
		return criteria.Contact{Kind: "url", Value: v, Reporting: true}
	}
	blank := criteria.Contact{Kind: "email", Value: "[INSERT EMAIL]", Reporting: true, Placeholder: true}
	aside := criteria.Contact{Kind: "url", Value: "https://owasp.org"}
	good := email("security@greet.dev")
	one := func(f criteria.Facts) []criteria.Facts { return []criteria.Facts{f} }
	answers(t, "security-policy", "basic", criteria.FactSecurityPolicy, []scanAnswer{
		{"no_report", `{}`, nil, criteria.Unknown, "no security policy"},
		{"address", `{}`, one(policy(50, good)), criteria.Pass, "reported to security@greet.dev"},
		{"form", `{}`, one(policy(50, link("https://greet.dev/form"))), criteria.Pass, "reported to https://greet.dev/form"},
		{"advisory", `{}`, one(policy(50, link("../../security/advisories/new"))), criteria.Pass, "security/advisories"},
		{"nothing", `{}`, one(policy(50)), criteria.Fail, "names no contact"},
		{"mere_link", `{}`, one(policy(50, aside)), criteria.Fail, "1 links and addresses in it are about something else"},
		{"placeholder", `{}`, one(policy(50, blank)), criteria.Fail, "[INSERT EMAIL] was left from a template"},
		{"placeholder_beside_an_address", `{}`, one(policy(50, good, blank)), criteria.Fail, "was left from a template"},
		{"placeholder_about_something_else", `{}`, one(policy(50, good, criteria.Contact{Kind: "url", Value: "https://example.com", Placeholder: true})), criteria.Pass, ""},
		{"no_host", `{}`, one(policy(50, email("security@localhost"))), criteria.Fail, "not an address"},
		{"no_address", `{}`, one(policy(50, email("security"))), criteria.Fail, "not an address"},
		{"no_link", `{}`, one(policy(50, link("../README.md"))), criteria.Fail, "not an address"},
		{"other_scheme", `{}`, one(policy(50, link("ftp://greet.dev/x"))), criteria.Fail, "not an address"},
		{"other_kind", `{}`, one(policy(50, criteria.Contact{Kind: "pigeon", Value: "x", Reporting: true})), criteria.Fail, "not an address"},
		{"too_short", `{}`, one(policy(9, good)), criteria.Fail, "9 words, at least 10"},
		{"short_enough", `{minimumWords: 3}`, one(policy(9, good)), criteria.Pass, ""},
		{"contact_in_the_second", `{}`, []criteria.Facts{policy(50), policy(50, good)}, criteria.Pass, "security@greet.dev"},
		{"handling_not_described", `{}`, one(criteria.Facts{SecurityPolicy: &criteria.SecurityPolicy{Words: 50, Contacts: []criteria.Contact{good}}}), criteria.Pass, "does not say how reports are handled"},
	})
	refusedParams(t, securityPolicy, map[string]string{`{"minimumWords":-1}`: "negative"})
}

func TestPathPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, file string
		want          bool
	}{
		{"cmd/**", "cmd/a.go", true},
		{"cmd/**", "cmd/a/b.go", true},
		{"cmd/**", "cmdx/a.go", false},
		{"cmd/**", "cmd", false},
		{"**/*.proto", "a.proto", true},
		{"**/*.proto", "x/y/a.proto", true},
		{"**/*.proto", "x/y/a.go", false},
		{"a/**/z", "a/z", true},
		{"a/**/**/z", "a/b/c/z", true},
		{"**", "x/y", true},
		{"*", "x/y", false},
		{"docs", "docs/design.md", true},
		{"docs/design.md", "docs/design.md", true},
		{"docs/design.md", "docs/design.md.orig", false},
		{"docs/*.md", "docs/design.md", true},
	} {
		if got := pathPattern(tt.pattern).matches(tt.file); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.file, got, tt.want)
		}
	}
	for p, want := range map[pathPattern]bool{"": false, "/abs": false, "a//b": false, "../a": false, "a/[": false, "a/**": true, "a.md": true} {
		if p.valid() != want {
			t.Errorf("%q valid: %v, want %v", p, !want, want)
		}
	}
}

// The quickstart's reports are what real tools wrote: gosec found something,
// the rest is clean.
func TestScansOfQuickstart(t *testing.T) {
	source := commitID("source")
	report := func(format, path string) criteria.Evidence {
		file := filepath.Join("..", "..", "examples", "quickstart", filepath.FromSlash(path))
		if _, err := os.Stat(file); err != nil {
			t.Fatal(err)
		}
		return fileAs(t, format, file, criteria.Declared{About: []criteria.Digest{source}})
	}
	ev := []criteria.Evidence{
		report("sarif", "evidence/gosec.sarif"), report("sarif", "evidence/staticcheck.sarif"), report("sarif-secrets", "evidence/gitleaks.sarif"),
		report("junit", "evidence/unit.xml"), report("go-cover", "evidence/coverage.out"), report("security-md", "source/SECURITY.md"),
		report("threagile-risks", "evidence/risks.json"), report("threagile-model", "source/threat-model/threagile.yaml"),
	}
	policy, err := criteria.ParsePolicy("policy.yaml", []byte(`profile: advanced
vouched: [sarif, sarif-secrets, junit, go-cover, security-md, threagile-risks, threagile-model]
criteria:
  no-secrets: {range: history}
`), []criteria.Kind{coverage, noSecrets, securityPolicy, staticAnalysis, testsPass, threatModel}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]criteria.Status{
		"coverage": criteria.Pass, "no-secrets": criteria.Pass, "security-policy": criteria.Pass,
		"static-analysis": criteria.Fail, "tests-pass": criteria.Pass, "threat-model": criteria.Unknown,
	}
	judgements := policy.Evaluate(release("1.2.0", source, commitID("previous")), ev, time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)).Judgements
	if len(judgements) != len(want) {
		t.Errorf("%d judgements, want %d", len(judgements), len(want))
	}
	for _, j := range judgements {
		if j.Status != want[j.Criterion] {
			t.Errorf("%s = %v (%s), want %v\n%s", j.Criterion, j.Status, j.Reason, want[j.Criterion], writeFindings(j.Outcome))
		}
	}
}
