package criteria_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
)

// waiving is a policy with one waiver of CVE-1 whose keys are set or, where
// empty, left out.
func waiving(keys ...string) string {
	w := map[string]string{
		"id": "w1", "criterion": "no-vulnerabilities", "finding": "CVE-1", "reason": "not reachable",
		"owner": "ada", "requester": "ada", "approver": "grace", "created": "2026-11-01", "expires": "2027-03-01",
	}
	for i := 0; i < len(keys); i += 2 {
		w[keys[i]] = keys[i+1]
	}
	text := "profile: basic\nwaivers:\n  - id: " + w["id"] + "\n"
	for _, k := range []string{"criterion", "finding", "where", "subject", "fingerprint", "reason", "owner", "requester", "approver", "created", "expires"} {
		if w[k] != "" {
			text += fmt.Sprintf("    %s: %s\n", k, w[k])
		}
	}
	return text
}

// vulnerable is a scan of linux and darwin that finds CVE-1 in two packages.
func vulnerable(d criteria.Declared, more ...criteria.Vulnerability) criteria.Evidence {
	f := scan(append([]criteria.Vulnerability{
		{ID: "CVE-1", Aliases: []string{"GHSA-1"}, Package: criteria.Package{PURL: "pkg:npm/%40acme/left@1.0.0"}, Summary: "f1"},
	}, more...)...)
	f.Subjects = about(linux, darwin)
	return evidence("scan", f, d)
}

func TestWaiver_states(t *testing.T) {
	second := criteria.Vulnerability{ID: "CVE-2", Package: criteria.Package{PURL: "pkg:npm/right@2.0.0"}}
	kev := evidence("kev", criteria.Facts{Time: now, Exploited: &criteria.Exploited{IDs: []string{"CVE-1"}}}, criteria.Declared{})
	for _, tt := range []struct {
		name    string
		keys    []string
		more    []criteria.Evidence
		want    criteria.Status
		state   string
		matched int
		warning string
		note    string
	}{
		{"applied", nil, nil, criteria.Waived, criteria.WaiverApplied, 2, "", ""},
		{"by_alias", []string{"finding", "GHSA-1"}, nil, criteria.Waived, criteria.WaiverApplied, 2, "", ""},
		{"unmatched", []string{"finding", "CVE-9"}, nil, criteria.Fail, criteria.WaiverUnmatched, 0, "waiver w1 matches nothing: delete it if CVE-9 is mended", ""},
		{"id_in_another_case", []string{"finding", "cve-1"}, nil, criteria.Fail, criteria.WaiverUnmatched, 0, "waiver w1 matches nothing: delete it if cve-1 is mended", ""},
		{"expired", []string{"created", "2026-01-01", "expires", "2026-11-01"}, nil, criteria.Fail, criteria.WaiverExpired, 2, "waiver w1 does not count: expired", "waiver w1 of CVE-1 expired on 2026-11-01"},
		{"expires_now", []string{"expires", "2026-11-22T12:00:00Z"}, nil, criteria.Fail, criteria.WaiverExpired, 2, "waiver w1 does not count: expired", "expired on 2026-11-22"},
		{"expires_in_a_second", []string{"expires", "2026-11-22T12:00:01Z"}, nil, criteria.Waived, criteria.WaiverApplied, 2, "waiver w1 expires soon, on 2026-11-22", ""},
		{"expires_in_another_zone", []string{"expires", "2026-11-22T13:00:00+01:00"}, nil, criteria.Fail, criteria.WaiverExpired, 2, "waiver w1 does not count: expired", ""},
		{"expires_in_30_days", []string{"expires", "2026-12-22T12:00:00Z"}, nil, criteria.Waived, criteria.WaiverApplied, 2, "waiver w1 expires soon, on 2026-12-22", ""},
		{"expires_after_30_days", []string{"expires", "2026-12-22T12:00:01Z"}, nil, criteria.Waived, criteria.WaiverApplied, 2, "", ""},
		{"begins_now", []string{"created", "2026-11-22T12:00:00Z"}, nil, criteria.Waived, criteria.WaiverApplied, 2, "", ""},
		{"pending", []string{"created", "2026-11-22T12:00:01Z"}, nil, criteria.Fail, criteria.WaiverPending, 2, "waiver w1 does not count: pending", "waiver w1 of CVE-1 begins only on 2026-11-22"},
		{"never", nil, []criteria.Evidence{kev}, criteria.Fail, criteria.WaiverRefused, 2, "waiver w1 does not count: refused", "waiver w1 does not count: CVE-1 is known to be exploited"},
		{"subject", []string{"subject", "widget-linux"}, nil, criteria.Waived, criteria.WaiverApplied, 1, "", ""},
		{"subject_by_digest", []string{"subject", linux.Digest.String()}, nil, criteria.Waived, criteria.WaiverApplied, 1, "", ""},
		{"other_subject", []string{"subject", "widget-darwin"}, nil, criteria.Fail, criteria.WaiverApplied, 1, "", ""},
		{"unknown_subject", []string{"subject", "widget"}, nil, criteria.Fail, criteria.WaiverUnmatched, 0, "waiver w1 matches nothing: delete it if CVE-1 is mended", ""},
		{"fingerprint", []string{"fingerprint", "f1"}, nil, criteria.Waived, criteria.WaiverApplied, 2, "", ""},
		{"other_fingerprint", []string{"fingerprint", "f2"}, nil, criteria.Fail, criteria.WaiverUnmatched, 0, "waiver w1 matches nothing: delete it if CVE-1 is mended", ""},
		{"where", []string{"where", "pkg:npm/%40acme/left"}, nil, criteria.Waived, criteria.WaiverApplied, 2, "", ""},
		{"elsewhere", []string{"where", "pkg:npm/right"}, nil, criteria.Fail, criteria.WaiverUnmatched, 0, "waiver w1 matches nothing: delete it if CVE-1 is mended", ""},
		{"one_of_two", nil, []criteria.Evidence{vulnerable(criteria.Declared{}, second)}, criteria.Fail, criteria.WaiverApplied, 2, "", ""},
		{"unread_beside", nil, []criteria.Evidence{unreadable("u", criteria.Declared{}, criteria.FactVulnerabilities)}, criteria.Unknown, criteria.WaiverApplied, 2, "", "u could not be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev := append([]criteria.Evidence{vulnerable(criteria.Declared{})}, tt.more...)
			if tt.name == "one_of_two" {
				ev = ev[1:]
			}
			d := policy(t, waiving(tt.keys...), noVulnerabilities()).Evaluate(widget(), ev, now)
			j := judgement(t, d, "no-vulnerabilities", linux)
			if j.Status != tt.want || tt.note != "" && !noted(j.Notes, tt.note) {
				t.Errorf("Evaluate() = %v (%s; %q), want %v, note %q", j.Status, j.Reason, j.Notes, tt.want, tt.note)
			}
			if u := d.Waivers[0]; u.State != tt.state || u.Matched != tt.matched {
				t.Errorf("waiver is %s and matched %d, want %s, %d", u.State, u.Matched, tt.state, tt.matched)
			}
			warned := ""
			for _, w := range d.Warnings {
				if strings.HasPrefix(w, "waiver") {
					warned += w
				}
			}
			if warned != tt.warning {
				t.Errorf("warning is %q, want %q", warned, tt.warning)
			}
			for _, l := range d.Labels() {
				if l == criteria.Label("no-vulnerabilities") {
					t.Error("a waived criterion earned its label")
				}
			}
			if tt.want == criteria.Waived && !strings.HasPrefix(j.Reason, "1 waived: CVE-1") {
				t.Errorf("reason is %q", j.Reason)
			}
		})
	}
}

// A waiver of a word that stands for many findings is easily broader than meant.
func TestWaiver_of_several_places(t *testing.T) {
	ev := []criteria.Evidence{vulnerable(criteria.Declared{}, criteria.Vulnerability{ID: "CVE-1", Package: criteria.Package{PURL: "pkg:npm/right@2.0.0"}})}
	d := policy(t, waiving(), noVulnerabilities()).Evaluate(widget(), ev, now)
	if want := []string{"waiver w1 excepts CVE-1 in 2 places: narrow it with where if one was meant"}; !cmp.Equal(d.Warnings, want) {
		t.Errorf("warnings are %q, want %q", d.Warnings, want)
	}
	d = policy(t, waiving("where", "pkg:npm/right"), noVulnerabilities()).Evaluate(widget(), ev, now)
	if j := judgement(t, d, "no-vulnerabilities", linux); j.Status != criteria.Fail || len(d.Warnings) != 0 {
		t.Errorf("Evaluate() = %v, warnings %q", j.Status, d.Warnings)
	}
}

func TestWaiver_where(t *testing.T) {
	const hex = "5e56881774df3010319816adb1989a1399beb72b"
	for _, tt := range []struct {
		where, have string
		want        bool
	}{
		{"pkg:npm/left", "pkg:npm/left@1.0.0", true},
		{"pkg:npm/left@1.0.0", "pkg:npm/left@1.0.0", true},
		{"pkg:npm/left@1.0.1", "pkg:npm/left@1.0.0", false},
		{"pkg:npm/left", "pkg:npm/left@1.0.0?arch=amd64#sub", true},
		{"pkg:npm/left?arch=amd64", "pkg:npm/left@1.0.0?arch=amd64&os=linux", true},
		{"pkg:npm/left?arch=arm64", "pkg:npm/left@1.0.0?arch=amd64", false},
		{"pkg:npm/left", "pkg:npm/left-pad@1.0.0", false},
		{"pkg:npm/left", "pkg:npm/%40acme/left@1.0.0", false},
		{"pkg:npm/%40acme/left", "pkg:npm/@acme/left@1.0.0", true},
		{"pkg:npm/%40acme/left", "pkg:npm/%40acme/right@1.0.0", false},
		{"pkg:npm/*", "pkg:npm/left@1.0.0", false},
		{"pk*", "pkg:npm/left@1.0.0", false},
		{"*.go", "main.go:7", true},
		{"main.go", "main.go:7:12", true},
		{"main.go:7", "main.go:7", true},
		{"main.go:8", "main.go:7", false},
		{"vendor/*/*.go", "vendor/a/b.go:1", true},
		{"vendor/*", "vendor/a/b.go:1", false},
		{"*.go", "a/main.go", false},
		{hex, hex, true},
		{"gitCommit:" + hex, hex, true},
		{hex, "gitCommit:" + hex, true},
		{"5e56*", hex, false},
		{"?*6*", hex, false},
		{"*.go", "", false},
	} {
		k := kind("finds", criteria.AboutSource, func(criteria.Input) criteria.Outcome {
			return criteria.Conclude("", []criteria.Finding{{ID: "x", Status: criteria.Fail, Where: tt.have}})
		})
		d := policy(t, waiving("criterion", "finds", "finding", "x", "where", `"`+tt.where+`"`), k).Evaluate(widget(), nil, now)
		if got := d.Judgements[0].Status == criteria.Waived; got != tt.want {
			t.Errorf("a waiver where %q covers %q: %v, want %v", tt.where, tt.have, got, tt.want)
		}
	}
}

func TestWaiver_excepts_findings_only(t *testing.T) {
	finding := criteria.Finding{ID: "CVE-1", Status: criteria.Warn}
	for _, s := range []criteria.Status{criteria.Fail, criteria.Unknown, criteria.NeedsReview, criteria.Faulty} {
		k := kind("no-vulnerabilities", criteria.AboutSource, func(criteria.Input) criteria.Outcome {
			return criteria.Outcome{Status: s, Reason: "something else", Findings: []criteria.Finding{finding}}
		})
		d := policy(t, waiving(), k).Evaluate(widget(), nil, now)
		if j := d.Judgements[0]; j.Status != s || j.Reason != "something else" {
			t.Errorf("a waived warning makes %v into %v (%s)", s, j.Status, j.Reason)
		}
	}
	// What warns may be waived, and is then no better than waived.
	k := kind("no-vulnerabilities", criteria.AboutSource, func(criteria.Input) criteria.Outcome {
		return criteria.Conclude("", []criteria.Finding{finding, {ID: "CVE-2", Status: criteria.Warn}})
	})
	d := policy(t, waiving(), k).Evaluate(widget(), nil, now)
	if j := d.Judgements[0]; j.Status != criteria.Warn || j.Reason != "CVE-2" {
		t.Errorf("one of two warnings waived: %v (%s)", j.Status, j.Reason)
	}
}

// What nobody looked at is no exception that somebody could grant.
func TestWaiver_excepts_nothing_unknown(t *testing.T) {
	for status, want := range map[criteria.Status]criteria.Status{
		criteria.Fail: criteria.Waived, criteria.NeedsReview: criteria.Waived, criteria.Warn: criteria.Waived, criteria.Unknown: criteria.Unknown,
	} {
		k := kind("no-vulnerabilities", criteria.AboutSource, func(criteria.Input) criteria.Outcome {
			return criteria.Conclude("", []criteria.Finding{{ID: "CVE-1", Status: status}})
		})
		d := policy(t, waiving(), k).Evaluate(widget(), nil, now)
		if got := d.Judgements[0].Status; got != want {
			t.Errorf("a waived finding that is %v makes %v, want %v", status, got, want)
		}
		if got := d.Waivers[0].State; (got == criteria.WaiverRefused) != (status == criteria.Unknown) {
			t.Errorf("a waiver of a finding that is %v is %s", status, got)
		}
	}
}

// A criterion may hand out the same findings again and again.
func TestWaiver_alters_no_criterion(t *testing.T) {
	findings := []criteria.Finding{{ID: "CVE-1", Status: criteria.Fail}}
	k := kind("no-vulnerabilities", criteria.AboutArtifacts, func(criteria.Input) criteria.Outcome {
		return criteria.Outcome{Status: criteria.Fail, Findings: findings}
	})
	d := policy(t, waiving("subject", "widget-darwin"), k).Evaluate(widget(), nil, now)
	if got := answers(d); got["no-vulnerabilities widget-linux"] != criteria.Fail || got["no-vulnerabilities widget-darwin"] != criteria.Waived {
		t.Errorf("Evaluate() = %v", got)
	}
	if findings[0].Waiver != "" {
		t.Errorf("the criterion's own finding was waived by %q", findings[0].Waiver)
	}
}

func TestWaiver_faults(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		want string
	}{
		{"no_id", []string{"id", `""`}, "policy.yaml:3:5: a waiver needs id"},
		{"no_criterion", []string{"criterion", ""}, "policy.yaml:3:5: a waiver needs criterion"},
		{"no_finding", []string{"finding", ""}, "policy.yaml:3:5: a waiver needs finding"},
		{"no_reason", []string{"reason", `" "`}, "policy.yaml:3:5: a waiver needs reason"},
		{"no_owner", []string{"owner", ""}, "policy.yaml:3:5: a waiver needs owner"},
		{"no_requester", []string{"requester", ""}, "policy.yaml:3:5: a waiver needs requester"},
		{"no_approver", []string{"approver", ""}, "policy.yaml:3:5: a waiver needs approver"},
		{"no_created", []string{"created", ""}, "policy.yaml:3:5: a waiver needs created: when it was granted"},
		{"no_expires", []string{"expires", ""}, "policy.yaml:3:5: a waiver needs expires: every exception ends"},
		{"ends_before_it_begins", []string{"expires", "2026-10-01"}, "policy.yaml:3:5: a waiver's expires must be after its created"},
		{"ends_as_it_begins", []string{"expires", "2026-11-01"}, "policy.yaml:3:5: a waiver's expires must be after its created"},
		{"longer_than_a_year", []string{"expires", "2027-11-03"}, "policy.yaml:3:5: a waiver may last a year at most"},
		{"for_ever", []string{"expires", "9999-12-31"}, "policy.yaml:3:5: a waiver may last a year at most"},
		{"approves_oneself", []string{"approver", "ada"}, "policy.yaml:3:5: a waiver's approver must be somebody other than its requester"},
		{"approves_oneself_disguised", []string{"approver", `" @Ada "`}, "policy.yaml:3:5: a waiver's approver must be somebody other than its requester"},
		{"pattern_of_findings", []string{"finding", "CVE-*"}, "policy.yaml:3:5: a waiver names one finding, not a pattern"},
		{"broken_pattern", []string{"where", `"a[b"`}, `policy.yaml:3:5: a waiver's where "a[b" is no pattern`},
		{"every_place", []string{"where", `"*/*"`}, `policy.yaml:3:5: a waiver's where "*/*" names no place: leave it out to mean every place`},
		{"every_package", []string{"where", `"pkg:"`}, `policy.yaml:3:5: a waiver's where "pkg:" is no package URL: purl is missing type or name`},
		{"unknown_criterion", []string{"criterion", "no-vulnerability"}, `policy.yaml:3:5: this policy asks no criterion "no-vulnerability": did you mean "no-vulnerabilities"?`},
		{"not_a_time", []string{"expires", "soon"}, `policy.yaml:11:14: parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := criteria.ParsePolicy("policy.yaml", []byte(waiving(tt.keys...)), []criteria.Kind{noVulnerabilities()}, nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("ParsePolicy()\n got %v\nwant %s", err, tt.want)
			}
		})
	}
	if _, err := criteria.ParsePolicy("policy.yaml", []byte(waiving("expires", "2027-11-02")), []criteria.Kind{noVulnerabilities()}, nil); err != nil {
		t.Errorf("a waiver of 366 days: %v", err)
	}
	twice := waiving() + strings.TrimPrefix(waiving(), "profile: basic\nwaivers:\n")
	if _, err := criteria.ParsePolicy("policy.yaml", []byte(twice), []criteria.Kind{noVulnerabilities()}, nil); err == nil || !strings.Contains(err.Error(), `two waivers have the id "w1"`) {
		t.Errorf("two waivers of one id: %v", err)
	}
}

// Thousands of waivers and findings must not be compared each with each.
func TestWaiver_many(t *testing.T) {
	var items []criteria.Vulnerability
	var text strings.Builder
	text.WriteString("profile: basic\nwaivers:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "- {id: w%d, criterion: no-vulnerabilities, finding: CVE-%d, reason: r, owner: a, requester: a, approver: b, created: 2026-11-01, expires: 2027-01-01}\n", i, i)
	}
	for i := range 50_000 {
		items = append(items, criteria.Vulnerability{ID: fmt.Sprint("CVE-", i)})
	}
	f := scan(items...)
	f.Subjects = about(linux)
	p := policy(t, text.String(), noVulnerabilities())
	start := time.Now()
	d := p.Evaluate(widget(), []criteria.Evidence{evidence("s", f, criteria.Declared{})}, now)
	if took := time.Since(start); took > neverEnding {
		t.Errorf("Evaluate() took %v", took)
	}
	if j := judgement(t, d, "no-vulnerabilities", linux); j.Status != criteria.Fail || !strings.HasSuffix(j.Reason, "and 39999 more") {
		t.Errorf("Evaluate() = %v (%s)", j.Status, j.Reason)
	}
}
