package criteria_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

func judged(answers ...criteria.Judgement) criteria.Decision {
	var kinds []criteria.Kind
	outcomes := make(map[string]criteria.Status)
	na := "profile: advanced\nnotApplicable:\n"
	for _, a := range answers {
		k := kind(a.Criterion, criteria.AboutSource, nil)
		k.Level = a.Level
		s := a.Status
		outcomes[a.Criterion] = s
		k.New = func([]byte) (criteria.Criterion, error) {
			return criterion(func(criteria.Input) criteria.Outcome {
				if s == criteria.Waived {
					return criteria.Conclude("", []criteria.Finding{{ID: "x", Status: criteria.Fail}})
				}
				return criteria.Outcome{Status: s}
			}), nil
		}
		kinds = append(kinds, k)
		if s == criteria.NotApplicable {
			na += "- {criterion: " + a.Criterion + ", reason: r}\n"
		}
	}
	na += "waivers:\n"
	for name, s := range outcomes {
		if s == criteria.Waived {
			na += "- {id: w-" + name + ", criterion: " + name + ", finding: x, reason: r, owner: a, requester: a, approver: b, created: 2026-11-01, expires: 2027-09-01}\n"
		}
	}
	na = strings.TrimSuffix(strings.Replace(na, "notApplicable:\nwaivers", "waivers", 1), "waivers:\n")
	p, err := criteria.ParsePolicy("p", []byte(na), kinds, nil)
	if err != nil {
		panic(err)
	}
	return p.Evaluate(widget(), nil, now)
}

func TestDecision_levels_and_labels(t *testing.T) {
	a := func(name string, l criteria.Level, s criteria.Status) criteria.Judgement {
		return criteria.Judgement{Criterion: name, Level: l, Outcome: criteria.Outcome{Status: s}}
	}
	const basic, standard, advanced = criteria.Basic, criteria.Standard, criteria.Advanced
	for _, tt := range []struct {
		name         string
		answers      []criteria.Judgement
		passed       bool
		couldNotTell bool
		levels       []criteria.Level
		labels       []string
	}{
		{
			"all",
			[]criteria.Judgement{a("a", basic, criteria.Pass), a("b", standard, criteria.Pass), a("c", advanced, criteria.Pass)},
			true, false,
			[]criteria.Level{basic, standard, advanced},
			[]string{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD", "HALLMARK_RELEASE_ADVANCED", "HALLMARK_A", "HALLMARK_B", "HALLMARK_C"},
		},
		{
			"highest_fails",
			[]criteria.Judgement{a("a", basic, criteria.Pass), a("b", standard, criteria.Pass), a("c", advanced, criteria.Fail)},
			false, false,
			[]criteria.Level{basic, standard},
			nil,
		},
		{"lowest_fails", []criteria.Judgement{a("a", basic, criteria.Fail), a("b", standard, criteria.Pass), a("c", advanced, criteria.Pass)}, false, false, []criteria.Level{}, nil},
		{"unknown", []criteria.Judgement{a("a", basic, criteria.Unknown), a("b", standard, criteria.Pass)}, false, true, []criteria.Level{}, nil},
		{"review", []criteria.Judgement{a("a", basic, criteria.NeedsReview)}, false, true, []criteria.Level{}, nil},
		{"fault", []criteria.Judgement{a("a", basic, criteria.Faulty)}, false, true, []criteria.Level{}, nil},
		{"unknown_and_fail", []criteria.Judgement{a("a", basic, criteria.Unknown), a("b", basic, criteria.Fail)}, false, false, []criteria.Level{}, nil},
		{"warn", []criteria.Judgement{a("a", basic, criteria.Warn)}, true, false, []criteria.Level{basic, standard, advanced}, []string{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD", "HALLMARK_RELEASE_ADVANCED"}},
		{"waived", []criteria.Judgement{a("a", basic, criteria.Waived)}, true, false, []criteria.Level{basic, standard, advanced}, []string{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD", "HALLMARK_RELEASE_ADVANCED"}},
		{
			"not_applicable_beside_pass",
			[]criteria.Judgement{a("a", basic, criteria.NotApplicable), a("b", basic, criteria.Pass)},
			true, false,
			[]criteria.Level{basic, standard, advanced},
			[]string{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD", "HALLMARK_RELEASE_ADVANCED", "HALLMARK_B"},
		},
		{"basic_not_applicable", []criteria.Judgement{a("a", basic, criteria.NotApplicable), a("b", standard, criteria.Pass)}, true, false, []criteria.Level{}, []string{"HALLMARK_B"}},
		{"nothing_applies", []criteria.Judgement{a("a", basic, criteria.NotApplicable)}, false, true, []criteria.Level{}, nil},
		{
			"hyphens",
			[]criteria.Judgement{a("a-b-c", basic, criteria.Pass)},
			true, false,
			[]criteria.Level{basic, standard, advanced},
			[]string{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD", "HALLMARK_RELEASE_ADVANCED", "HALLMARK_A_B_C"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := judged(tt.answers...)
			for i, j := range d.Judgements {
				if j.Status != tt.answers[i].Status {
					t.Fatalf("%s = %v, want %v", j.Criterion, j.Status, tt.answers[i].Status)
				}
			}
			if d.Passed != tt.passed || d.CouldNotTell() != tt.couldNotTell {
				t.Errorf("passed %v, could not tell %v, want %v, %v", d.Passed, d.CouldNotTell(), tt.passed, tt.couldNotTell)
			}
			if diff := cmp.Diff(tt.levels, d.Levels); diff != "" {
				t.Errorf("levels differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.labels, d.Labels()); diff != "" {
				t.Errorf("labels differ (-want +got):\n%s", diff)
			}
		})
	}
}

// A criterion earns its label about every subject or not at all.
func TestDecision_label_needs_every_subject(t *testing.T) {
	ev := []criteria.Evidence{evidence("t", passingTests(linux), criteria.Declared{}), evidence("a", criteria.Facts{Subjects: about(source), Analysis: &criteria.Scan{}}, criteria.Declared{})}
	d := policy(t, "profile: basic\n", testsPass(), analysed()).Evaluate(widget(), ev, now)
	if diff := cmp.Diff([]string{"analysed"}, d.Criteria(criteria.Pass)); diff != "" {
		t.Errorf("Criteria(pass) differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"tests-pass"}, d.Criteria(criteria.Unknown, criteria.Fail)); diff != "" {
		t.Errorf("Criteria(unknown, fail) differs (-want +got):\n%s", diff)
	}
	if d.Labels() != nil {
		t.Errorf("Labels() = %v of what did not pass", d.Labels())
	}
}

// full is a decision in which every field says something.
func full(t testing.TB) criteria.Decision {
	r := widget()
	r.Previous, r.Repository = criteria.Subject{Name: "previous", Digest: commit(strings.Repeat("b", 40))}, "git+https://acme.example/widget"
	f := passingTests(linux)
	f.Time = now.Add(-time.Hour)
	ev := []criteria.Evidence{
		vulnerable(criteria.Declared{DatabaseTime: now.Add(-time.Hour)}),
		evidence("t <&> é \u2028", f, criteria.Declared{Time: now.In(time.FixedZone("", 5400)), About: about(linux)}),
		evidence("p", criteria.Facts{Products: []string{"pkg:a/b@1"}, Tests: &criteria.Tests{}}, criteria.Declared{About: about(darwin)}),
		unreadable("u", criteria.Declared{About: about(darwin)}, criteria.FactTests),
		criteria.UnreadEvidence(report{name: "report", gives: allFacts}, "missing", "no such file", criteria.Declared{About: about(darwin)}),
	}
	ev[0].Signer = "https://acme.example/ci"
	d := policy(t, waiving("where", "pkg:npm/%40acme/left", "subject", "widget-linux", "fingerprint", "f1", "expires", "2026-12-01T01:00:00.5+01:00"), testsPass(), noVulnerabilities()).Evaluate(r, ev, now)
	d.TimeDeclared = true
	return d
}

func TestDecision_round_trip(t *testing.T) {
	for name, d := range map[string]criteria.Decision{
		"full": full(t), "empty_policy": (&criteria.Policy{}).Evaluate(widget(), nil, now),
		"passed": policy(t, "profile: basic\n", testsPass()).Evaluate(widget(), []criteria.Evidence{evidence("t", passingTests(linux, darwin), criteria.Declared{})}, now),
	} {
		if name == "empty_policy" {
			d.Policy.Profile = criteria.Basic // a policy has a profile, or is none
		}
		text, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := criteria.ParseDecision(text)
		if err != nil {
			t.Fatalf("%s: ParseDecision() = %v\n%s", name, err, text)
		}
		for i := range d.Evidence {
			d.Evidence[i].Facts = criteria.Facts{} // not part of the document
		}
		if diff := cmp.Diff(d, got, cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })); diff != "" {
			t.Errorf("%s: ParseDecision(Encode()) differs (-want +got):\n%s", name, diff)
		}
		if again, _ := got.Encode(); !bytes.Equal(text, again) {
			t.Errorf("%s: Encode() differs:\n%s", name, cmp.Diff(string(text), string(again)))
		}
		// What one JSON library writes, the other must read the same.
		var std criteria.Decision
		if err := json.Unmarshal(text, &std); err != nil {
			t.Fatal(err)
		}
		var ours criteria.Decision
		if err := strict.OwnJSON(text, &ours); err != nil {
			t.Fatalf("%s: OwnJSON() = %v", name, err)
		}
		if diff := cmp.Diff(std, ours, cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })); diff != "" {
			t.Errorf("%s: the two readers differ (-encoding/json +strict):\n%s", name, diff)
		}
		if bytes.Contains(text, []byte(": null")) {
			t.Errorf("%s: holds null where a list is meant:\n%s", name, text)
		}
	}
}

// The keys of a judgement stand beside those of its outcome, not below.
func TestDecision_form(t *testing.T) {
	text, err := full(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	j := m["judgements"].([]any)[2].(map[string]any)
	if j["criterion"] != "no-vulnerabilities" || j["status"] != "unknown" && j["status"] != "waived" || j["level"] != "basic" {
		t.Errorf("judgement is %v", j)
	}
	w := m["waivers"].([]any)[0].(map[string]any)
	if w["id"] != "w1" || w["state"] == "" {
		t.Errorf("waiver is %v", w)
	}
	if m["schema"] != criteria.DecisionSchema || m["timeDeclared"] != true || !bytes.HasSuffix(text, []byte("}\n")) {
		t.Errorf("decision is %s", text)
	}
	if bytes.Contains(text, []byte(`\u003c`)) {
		t.Error("names are escaped for HTML")
	}
}

func TestParseDecision_refuses(t *testing.T) {
	text, err := full(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty":            "",
		"null":             "null",
		"list":             "[]",
		"no_schema":        "{}",
		"other_schema":     strings.Replace(string(text), "decision/v1", "decision/v2", 1),
		"trailing":         string(text) + "{}",
		"duplicate":        strings.Replace(string(text), `"passed": false`, `"passed": true, "passed": false`, 1),
		"unknown_status":   strings.Replace(string(text), `"status": "`, `"status": "very-`, 1),
		"unknown_level":    strings.Replace(string(text), `"level": "basic"`, `"level": "none"`, 1),
		"upper_hex":        strings.Replace(string(text), source.Digest.Hex(), strings.ToUpper(source.Digest.Hex()), 1),
		"no_artifacts":     strings.Replace(string(text), `"artifacts"`, `"artefacts"`, 1),
		"passed_as_text":   strings.Replace(string(text), `"passed": false`, `"passed": "false"`, 1),
		"truncated":        string(text[:len(text)/2]),
		"not_a_time":       strings.Replace(string(text), `"time": "2026`, `"time": "26`, 1),
		"artifact_by_name": strings.Replace(string(text), `"digest": "sha256:`, `"digest": "`, 1),
	} {
		if bad == string(text) {
			t.Fatalf("%s alters nothing", name)
		}
		if _, err := criteria.ParseDecision([]byte(bad)); err == nil {
			t.Errorf("ParseDecision(%s) = nil, want an error", name)
		}
	}
}

func FuzzParseDecision(f *testing.F) {
	text, err := full(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := criteria.ParseDecision(data)
		if err != nil {
			return
		}
		one, err := d.Encode()
		if err != nil {
			t.Skip("a time that RFC 3339 reads and does not write")
		}
		again, err := criteria.ParseDecision(one)
		if err != nil {
			t.Fatalf("ParseDecision(Encode(%q)) = %v", data, err)
		}
		if two, _ := again.Encode(); !bytes.Equal(one, two) {
			t.Fatalf("%q is written %s, then %s", data, one, two)
		}
	})
}
