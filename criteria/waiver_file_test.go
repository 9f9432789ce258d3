package criteria_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

const soundWaiver = `waivers:
  - id: OURS-1
    criterion: vulnerabilities
    finding: GO-2022-1059
    reason: we never parse that header
    owner: kim
    requester: kim
    approver: alex
    created: 2026-11-01T00:00:00Z
    expires: 2027-01-01T00:00:00Z
`

func TestParseWaivers(t *testing.T) {
	got, err := criteria.ParseWaivers("w.yaml", []byte(soundWaiver), "vulnerabilities")
	if err != nil || len(got) != 1 || got[0].ID != "OURS-1" || got[0].Finding != "GO-2022-1059" {
		t.Fatalf("ParseWaivers = %+v, %v", got, err)
	}
	if got, err := criteria.ParseWaivers("w.yaml", []byte("waivers: []\n"), "vulnerabilities"); err != nil || len(got) != 0 {
		t.Errorf("no waivers: %v, %v", got, err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "is empty"},
		{"nothing under it", "{}\n", "waivers is missing"},
		{"a policy", "profile: basic\n" + soundWaiver, `unknown key "profile"`},
		{"no end", strings.Replace(soundWaiver, "    expires: 2027-01-01T00:00:00Z\n", "", 1), "w.yaml:2:5: a waiver needs expires"},
		{"approved by who asked", strings.Replace(soundWaiver, "alex", "Kim", 1), "somebody other than its requester"},
		{"another criterion", strings.Replace(soundWaiver, "criterion: vulnerabilities", "criterion: tests-pass", 1), `w.yaml:2:5: a waiver of criterion "tests-pass" excepts nothing here`},
		{"twice", soundWaiver + strings.TrimPrefix(soundWaiver, "waivers:\n"), `two waivers have the id "OURS-1"`},
		{"a pattern", strings.Replace(soundWaiver, "GO-2022-1059", "GO-*", 1), "not a pattern"},
	} {
		_, err := criteria.ParseWaivers("w.yaml", []byte(tt.text), "vulnerabilities")
		var at *strict.Error
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &at) {
			t.Errorf("%s: %v, want %q with its place", tt.name, err, tt.want)
		}
	}
}

func TestExcept(t *testing.T) {
	waivers, err := criteria.ParseWaivers("w.yaml", []byte(soundWaiver), "vulnerabilities")
	if err != nil {
		t.Fatal(err)
	}
	found := criteria.Conclude("", []criteria.Finding{
		{ID: "CVE-2022-32149", Aliases: []string{"GO-2022-1059"}, Status: criteria.Fail},
	})
	before := found.Findings[0]
	subject := criteria.Subject{Name: "greet"}
	for _, tt := range []struct {
		name  string
		now   time.Time
		want  criteria.Status
		state string
	}{
		{"in force, by an alias", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), criteria.Waived, criteria.WaiverApplied},
		{"over", time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), criteria.Fail, criteria.WaiverExpired},
		{"not yet", time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC), criteria.Fail, criteria.WaiverPending},
	} {
		o, uses := criteria.Except(waivers, "vulnerabilities", subject, found, tt.now)
		if o.Status != tt.want || len(uses) != 1 || uses[0].State != tt.state {
			t.Errorf("%s: %s, %+v; want %s, %s", tt.name, o.Status, uses, tt.want, tt.state)
		}
		// The outcome that was given stays as it was.
		if diff := cmp.Diff(before, found.Findings[0]); diff != "" {
			t.Errorf("%s: changed what it was given (-want +got):\n%s", tt.name, diff)
		}
	}
	if _, uses := criteria.Except(waivers, "vulnerabilities", subject, criteria.Passed("nothing"), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)); uses[0].State != criteria.WaiverUnmatched {
		t.Errorf("nothing found: %s, want unmatched", uses[0].State)
	}
}
