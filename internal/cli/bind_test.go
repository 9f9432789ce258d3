package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/verify"
)

// A dossier that replays is the verdict's only if all of it was signed, each
// part as what it is.
func TestBind(t *testing.T) {
	source, err := criteria.ParseDigest("gitCommit:5e56881774df3010319816adb1989a1399beb72b")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	artifact := criteria.Subject{Name: "greet", Digest: criteria.DigestOf([]byte("greet"))}
	rel := criteria.Release{
		Name: "greet", Version: "1.2.0", Resource: "pkg:generic/greet@1.2.0",
		Source: criteria.Subject{Name: "source", Digest: source}, Artifacts: []criteria.Subject{artifact},
	}
	judged := dossier.Judged{Release: rel, Decision: criteria.Decision{
		Schema: criteria.DecisionSchema, Release: rel, Time: at, Passed: true, Levels: []criteria.Level{criteria.Basic},
		Policy:   criteria.PolicyRef{Profile: criteria.Basic, Digest: criteria.DigestOf([]byte("policy"))},
		Evidence: []criteria.Evidence{{Name: "tests", Digest: criteria.DigestOf([]byte("tests"))}},
	}}
	decision, err := judged.Decision.Encode()
	if err != nil {
		t.Fatal(err)
	}
	release, err := rel.Encode()
	if err != nil {
		t.Fatal(err)
	}
	verified := func() *verify.Result {
		return &verify.Result{
			Subject: artifact,
			Verdict: verify.Verdict{
				Resource: rel.Resource, Time: at, Passed: true, Levels: []string{criteria.LevelLabel(criteria.Basic)},
				Policy: verify.Policy{Digest: judged.Decision.Policy.Digest},
			},
			Findings: &verify.Findings{Configuration: []verify.Resource{
				{Name: attest.PolicyResource, Digest: judged.Decision.Policy.Digest},
				{Name: attest.DecisionResource, Digest: criteria.DigestOf(decision)},
				{Name: attest.ReleaseResource, Digest: criteria.DigestOf(release)},
				{Name: attest.EvidenceResource + "tests", Digest: judged.Decision.Evidence[0].Digest},
			}},
		}
	}
	without := func(r *verify.Result, name string) {
		r.Findings.Configuration = slices.DeleteFunc(r.Findings.Configuration, func(c verify.Resource) bool { return c.Name == name })
	}
	for _, tt := range []struct {
		name string
		edit func(*verify.Result)
		want string // part of the error; empty: none
	}{
		{"as signed", func(*verify.Result) {}, ""},
		{"no findings", func(r *verify.Result) { r.Findings = nil }, "nothing binds"},
		{"another decision", func(r *verify.Result) { without(r, attest.DecisionResource) }, "decision.json"},
		{"the decision as a report", func(r *verify.Result) { r.Findings.Configuration[1].Name = attest.EvidenceResource + "x" }, "decision.json"},
		{"another policy", func(r *verify.Result) { without(r, attest.PolicyResource) }, "policy.yaml"},
		{"another release", func(r *verify.Result) { without(r, attest.ReleaseResource) }, "release.json"},
		{"another report", func(r *verify.Result) { without(r, attest.EvidenceResource+"tests") }, "evidence tests"},
		{"the report as a release", func(r *verify.Result) { r.Findings.Configuration[3].Name = attest.ReleaseResource }, "evidence tests"},
		{"verdict by another policy", func(r *verify.Result) { r.Verdict.Policy.Digest = artifact.Digest }, "the verdict was made by policy"},
		{"verdict about another resource", func(r *verify.Result) { r.Verdict.Resource += "1" }, "the verdict is about"},
		{"verdict of another time", func(r *verify.Result) { r.Verdict.Time = at.Add(time.Second) }, "the verdict was made on"},
		{"verdict of another level", func(r *verify.Result) { r.Verdict.Levels = append(r.Verdict.Levels, "HALLMARK_RELEASE_ADVANCED") }, "the verdict says"},
		{"another artifact", func(r *verify.Result) { r.Subject.Digest = criteria.DigestOf(nil) }, "no artifact"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := verified()
			tt.edit(r)
			err := bind(judged, r)
			if tt.want == "" && err != nil {
				t.Errorf("bind() = %v", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("bind() = %v, want an error with %q", err, tt.want)
			}
		})
	}
}
