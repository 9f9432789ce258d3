package evidence

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

const sarifDriver = `"tool":{"driver":{"name":"lint","version":"1.2","rules":[
	{"id":"R1"},
	{"id":"R2","defaultConfiguration":{"level":"error"},"properties":{"security-severity":"9.8"},"shortDescription":{"text":"what R2 is"}},
	{"id":"R3","defaultConfiguration":{"level":"note"}}]},
	"extensions":[{"name":"more","guid":"AB","rules":[{"id":"X1","defaultConfiguration":{"level":"error"}}]}]}`

func sarifRunOf(rest string) string {
	return `{"version":"2.1.0","runs":[{` + sarifDriver + rest + `}]}`
}

func TestSARIFLevel(t *testing.T) {
	for _, tt := range []struct {
		name, result, level, rule string
	}{
		{"own_level", `{"ruleId":"R2","level":"note"}`, "note", "R2"},
		{"default_by_index", `{"ruleIndex":1}`, "error", "R2"},
		{"default_by_id", `{"ruleId":"R2"}`, "error", "R2"},
		{"default_by_rule_reference", `{"rule":{"id":"R3"}}`, "note", "R3"},
		{"default_by_rule_index", `{"rule":{"index":2}}`, "note", "R3"},
		{"hierarchical_id", `{"ruleId":"R2/part/of"}`, "error", "R2/part/of"},
		{"hierarchical_id_and_index", `{"ruleId":"R2/part","ruleIndex":1}`, "error", "R2/part"},
		{"index_of_another_rule", `{"ruleId":"R2","ruleIndex":2}`, "error", "R2"},
		{"index_out_of_range", `{"ruleId":"R3","ruleIndex":99}`, "note", "R3"},
		{"negative_index", `{"ruleId":"R3","ruleIndex":-1}`, "note", "R3"},
		{"extension_by_id", `{"ruleId":"X1"}`, "error", "X1"},
		{"extension_by_index", `{"rule":{"index":0,"toolComponent":{"index":0}}}`, "error", "X1"},
		{"extension_by_name", `{"rule":{"id":"X1","toolComponent":{"name":"more"}}}`, "error", "X1"},
		{"extension_by_guid", `{"rule":{"index":0,"toolComponent":{"guid":"ab"}}}`, "error", "X1"},
		{"rule_without_default", `{"ruleId":"R1"}`, "warning", "R1"},
		{"unlisted_rule", `{"ruleId":"R9"}`, "warning", "R9"},
		{"no_rule_at_all", `{}`, "warning", "no-rule"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, "sarif", sarifRunOf(`,"results":[`+tt.result+`]`))
			got := f.Analysis.Results
			if len(got) != 1 || got[0].Level != tt.level || got[0].Rule != tt.rule {
				t.Errorf("Read(%s) = %+v, want one result of rule %s at level %s", tt.result, got, tt.rule, tt.level)
			}
		})
	}
}

func TestSARIFOverriddenLevel(t *testing.T) {
	doc := sarifRunOf(`,"invocations":[{"executionSuccessful":true,"ruleConfigurationOverrides":[
		{"descriptor":{"id":"R1"},"configuration":{"level":"error"}}]}],
		"results":[{"ruleId":"R1"},{"ruleId":"R3"},{"ruleId":"R1","level":"note"}]`)
	var levels []string
	for _, r := range mustRead(t, "sarif", doc).Analysis.Results {
		levels = append(levels, r.Level)
	}
	if diff := cmp.Diff([]string{"error", "note", "note"}, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
}

func TestSARIFResults(t *testing.T) {
	at := `,"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":7,"snippet":{"text":"password = hunter2"}}}}]`
	for _, tt := range []struct {
		name, result string
		want         []criteria.ScanResult
	}{
		{"pass_is_no_finding", `{"ruleId":"R1","kind":"pass"}`, nil},
		{"review_is_no_finding", `{"ruleId":"R1","kind":"review"}`, nil},
		{
			"place_and_message", `{"ruleId":"R1","kind":"fail","message":{"text":"bad\nmore"}` + at + `}`,
			[]criteria.ScanResult{{Rule: "R1", Level: "warning", Message: "bad", Path: "a.go", Line: 7}},
		},
		{"severity", `{"ruleId":"R2"}`, []criteria.ScanResult{{Rule: "R2", Level: "error", Severity: ptr(9.8)}}},
		{
			"suppressed", `{"ruleId":"R1","suppressions":[{"kind":"inSource"},{"status":"accepted"}]}`,
			[]criteria.ScanResult{{Rule: "R1", Level: "warning", Suppressed: true}},
		},
		{
			"suppression_rejected", `{"ruleId":"R1","suppressions":[{"kind":"inSource"},{"status":"rejected"}]}`,
			[]criteria.ScanResult{{Rule: "R1", Level: "warning"}},
		},
		{
			"suppression_under_review", `{"ruleId":"R1","suppressions":[{"status":"underReview"}]}`,
			[]criteria.ScanResult{{Rule: "R1", Level: "warning"}},
		},
		{"not_suppressed", `{"ruleId":"R1","suppressions":[]}`, []criteria.ScanResult{{Rule: "R1", Level: "warning"}}},
		{"baseline", `{"ruleId":"R1","baselineState":"unchanged"}`, []criteria.ScanResult{{Rule: "R1", Level: "warning", Baseline: "unchanged"}}},
		{"fingerprint", `{"ruleId":"R1","fingerprints":{"b/v1":"2","a/v1":"1"}}`, []criteria.ScanResult{{Rule: "R1", Level: "warning", Fingerprint: "1"}}},
		{
			"partial_fingerprint", `{"ruleId":"R1","partialFingerprints":{"a":"1","primaryLocationLineHash":"2"}}`,
			[]criteria.ScanResult{{Rule: "R1", Level: "warning", Fingerprint: "2"}},
		},
		{"people_are_no_fingerprint", `{"ruleId":"R1","partialFingerprints":{"author":"A","email":"a@b.c"}}`, []criteria.ScanResult{{Rule: "R1", Level: "warning"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, "sarif", sarifRunOf(`,"results":[`+tt.result+`]`))
			if diff := cmp.Diff(tt.want, f.Analysis.Results); diff != "" {
				t.Errorf("Read(%s) (-want +got):\n%s", tt.result, diff)
			}
		})
	}
}

func TestSARIFRuns(t *testing.T) {
	commit := strings.Repeat("a", 40)
	from := func(rev string) string {
		return `,"results":[],"versionControlProvenance":[{"repositoryUri":"https://h.invalid/r","revisionId":"` + rev + `"}]`
	}
	run := func(rest string) string { return `{` + sarifDriver + rest + `}` }
	doc := func(runs ...string) string { return `{"version":"2.1.0","runs":[` + strings.Join(runs, ",") + `]}` }
	clean := criteria.Scan{Complete: true, Rules: 4}
	for _, tt := range []struct {
		name, doc string
		want      criteria.Scan
		subjects  int
	}{
		{"clean", doc(run(`,"results":[]`)), clean, 0},
		{"commit", doc(run(from(commit))), clean, 1},
		{"commit_in_capitals", doc(run(from(strings.ToUpper(commit)))), clean, 1},
		{"no_commit_id", doc(run(from("refs/heads/main"))), clean, 0},
		{"absent_results_of_a_successful_run", doc(run(`,"invocations":[{"executionSuccessful":true}]`)), clean, 0},
		{"unsuccessful", doc(run(`,"results":[],"invocations":[{"executionSuccessful":true},{"executionSuccessful":false}]`)), criteria.Scan{Rules: 4}, 0},
		{"success_not_said", doc(run(`,"results":[],"invocations":[{}]`)), criteria.Scan{Rules: 4}, 0},
		{"error_while_running", doc(run(`,"results":[],"invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"error"}]}]`)), criteria.Scan{Rules: 4}, 0},
		{"warning_while_running", doc(run(`,"results":[],"invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"warning"}]}]`)), clean, 0},
		{"no_rules", doc(`{"tool":{"driver":{"name":"lint"}},"results":[]}`), criteria.Scan{Complete: true}, 0},
		{
			"no_rules_in_one_of_two", doc(run(`,"results":[]`), `{"tool":{"driver":{"name":"other"}},"results":[]}`),
			criteria.Scan{Complete: true, Tools: []criteria.Tool{{Name: "lint", Version: "1.2"}, {Name: "other"}}},
			0,
		},
		{
			"second_run_unsuccessful", doc(run(from(commit)), run(from(commit)+`,"invocations":[{"executionSuccessful":false}]`)),
			criteria.Scan{Rules: 8, Tools: []criteria.Tool{{Name: "lint", Version: "1.2"}, {Name: "lint", Version: "1.2"}}},
			1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, "sarif", tt.doc)
			if diff := cmp.Diff(tt.want, *f.Analysis); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
			if len(f.Subjects) != tt.subjects {
				t.Errorf("Read is about %v, want %d subjects", f.Subjects, tt.subjects)
			}
		})
	}
}

func TestSARIFTime(t *testing.T) {
	ends := func(times ...string) string {
		var in []string
		for _, e := range times {
			in = append(in, `{"executionSuccessful":true,"endTimeUtc":"`+e+`"}`)
		}
		return sarifRunOf(`,"results":[],"invocations":[` + strings.Join(in, ",") + `]`)
	}
	first := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for doc, want := range map[string]time.Time{
		ends("2026-11-21T10:00:00Z", "2026-11-20T10:00:00.000Z"): first,
		ends("2026-11-20T10:00:00Z", ""):                         {},
		sarifRunOf(`,"results":[]`):                              {},
	} {
		if got := mustRead(t, "sarif", doc).Time; !got.Equal(want) {
			t.Errorf("Read(%s).Time = %v, want %v", doc, got, want)
		}
	}
}

func TestSARIFRefused(t *testing.T) {
	commits := `{"version":"2.1.0","runs":[{%[1]s,"results":[],"versionControlProvenance":[{"revisionId":"%[2]s"}]},{%[1]s,"results":[]%[3]s}]}`
	a, b := strings.Repeat("a", 40), `,"versionControlProvenance":[{"revisionId":"`+strings.Repeat("b", 40)+`"}]`
	for name, tt := range map[string]struct{ doc, want string }{
		"other_version":    {`{"version":"2.0.0","runs":[]}`, "not SARIF 2.1.0"},
		"no_runs":          {`{"version":"2.1.0","runs":[]}`, "no run"},
		"null_runs":        {`{"version":"2.1.0","runs":null}`, "no run"},
		"absent_results":   {sarifRunOf(``), "no list of results"},
		"null_results":     {sarifRunOf(`,"results":null,"invocations":[{"executionSuccessful":true}]`), "no list of results"},
		"results_of_fail":  {sarifRunOf(`,"invocations":[{"executionSuccessful":false}]`), "no list of results"},
		"external_results": {sarifRunOf(`,"results":[],"externalPropertyFileReferences":{"results":[{"location":{"uri":"x"}}]}`), "another file"},
		"no_tool":          {`{"version":"2.1.0","runs":[{"results":[]}]}`, "names no tool"},
		"bad_level":        {sarifRunOf(`,"results":[{"ruleId":"R1","level":"high"}]`), `unknown level "high"`},
		"bad_kind":         {sarifRunOf(`,"results":[{"ruleId":"R1","kind":"failure"}]`), `unknown kind`},
		"bad_baseline":     {sarifRunOf(`,"results":[{"ruleId":"R1","baselineState":"old"}]`), `unknown baselineState`},
		"bad_severity":     {`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"l","rules":[{"id":"R","properties":{"security-severity":"high"}}]}},"results":[{"ruleId":"R"}]}]}`, "not a number"},
		"severity_of_11":   {`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"l","rules":[{"id":"R","properties":{"security-severity":11}}]}},"results":[{"ruleId":"R"}]}]}`, "between 0 and 10"},
		"severity_of_nan":  {`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"l","rules":[{"id":"R","properties":{"security-severity":"NaN"}}]}},"results":[{"ruleId":"R"}]}]}`, "between 0 and 10"},
		"two_commits":      {fmt.Sprintf(commits, sarifDriver, a, b), "same commit"},
		"one_of_two_bound": {fmt.Sprintf(commits, sarifDriver, a, ""), "same commit"},
	} {
		t.Run(name, func(t *testing.T) { mustRefuse(t, "sarif", tt.doc, tt.want) })
	}
}

func TestSARIFKeepsSecretsOut(t *testing.T) {
	doc := sarifRunOf(`,"results":[{"ruleId":"R2","message":{"text":"found hunter2"},
		"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":7,"snippet":{"text":"hunter2"}}}}],
		"partialFingerprints":{"commitSha":"abc","email":"someone@h.invalid","author":"Someone","commitMessage":"hunter2"}}]`)
	f := mustRead(t, "sarif-secrets", doc)
	if f.Analysis != nil {
		t.Error("sarif-secrets gives analysis")
	}
	want := []criteria.ScanResult{{Rule: "R2", Level: "error", Severity: ptr(9.8), Message: "what R2 is", Path: "a.go", Line: 7, Commit: "abc", Fingerprint: "abc:a.go:R2:7"}}
	if diff := cmp.Diff(want, f.Secrets.Results); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if s := asJSON(t, f); strings.Contains(s, "hunter2") || strings.Contains(s, "omeone") {
		t.Errorf("the facts hold what must not be published: %s", s)
	}
}
