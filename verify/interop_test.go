package verify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// decision is one as the engine makes it.
func decision(t testing.TB, status criteria.Status, when time.Time) criteria.Decision {
	t.Helper()
	commit, err := criteria.ParseDigest("gitCommit:d20ace7968ba43c0219f62d71334c1095bab1602")
	if err != nil {
		t.Fatal(err)
	}
	d := criteria.Decision{
		Schema: criteria.DecisionSchema,
		Release: criteria.Release{
			Name: "greet", Version: "1.2.0", Resource: resourceURI,
			Source:    criteria.Subject{Name: "source", Digest: commit},
			Artifacts: []criteria.Subject{{Name: "greet-linux", Digest: artifact}, {Name: "greet-darwin", Digest: otherOne}},
		},
		Policy: criteria.PolicyRef{Profile: criteria.Basic, Digest: thePolicy},
		Time:   when,
		Passed: status.Satisfied(),
	}
	if d.Passed {
		d.Levels = []criteria.Level{criteria.Basic}
	}
	for _, s := range d.Release.Artifacts {
		d.Judgements = append(d.Judgements, criteria.Judgement{
			Criterion: "tests-pass", Level: criteria.Basic, Subject: s, Outcome: criteria.Outcome{Status: status},
		})
	}
	return d
}

// What is attested and signed here verifies here, from a folder, and a later
// FAILED in the same folder withdraws it.
func TestWhatWeSignVerifies(t *testing.T) {
	for _, algorithm := range sign.Algorithms() {
		t.Run(string(algorithm), func(t *testing.T) {
			k, err := sign.Generate(algorithm)
			if err != nil {
				t.Fatal(err)
			}
			pem, err := k.PublicPEM()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			publish := func(run string, d criteria.Decision) {
				statements, err := attest.Statements(d, attest.Options{Verifier: verifierID, PolicyURI: "https://greet.example/policy.yaml"})
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range statements {
					signer, err := sign.NewKeySigner(k, sign.Options{})
					if err != nil {
						t.Fatal(err)
					}
					b, err := signer.Sign(context.Background(), s)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s.sigstore.json", run, s.Name())), b, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			publish("1", decision(t, criteria.Pass, thePresent.Add(-time.Hour)))

			v, err := verify.New(source.Files(dir), verify.Expect{
				Verifier: verifierID, Resource: resourceURI, Level: criteria.Basic, Criteria: []string{"tests-pass"},
				Policies: []criteria.Digest{thePolicy}, MaxAge: verify.MaxAge(24 * time.Hour),
				Signers: []verify.Signer{{Name: "release", Key: string(pem)}},
			}, verify.WithClock(func() time.Time { return thePresent }))
			if err != nil {
				t.Fatal(err)
			}
			for _, subject := range []criteria.Digest{artifact, otherOne} {
				got, err := v.Verify(context.Background(), subject)
				if err != nil {
					t.Fatal(err)
				}
				if got.Verdict.Level() != criteria.Basic || len(got.Ignored) > 0 {
					t.Errorf("Verify(%s) = %+v", subject, got)
				}
				if got.Findings == nil || !slices.Equal(got.Findings.Passed, []string{"tests-pass"}) {
					t.Fatalf("Findings = %+v, want tests-pass", got.Findings)
				}
				var names []string
				for _, r := range got.Findings.Configuration {
					if r.Digest.IsZero() {
						t.Errorf("%s has no digest", r.Name)
					}
					names = append(names, r.Name)
				}
				for _, want := range []string{attest.PolicyResource, attest.DecisionResource, attest.ReleaseResource, attest.SourceResource} {
					if !slices.Contains(names, want) {
						t.Errorf("configuration %q lacks %s, which a replay needs", names, want)
					}
				}
			}

			publish("2", decision(t, criteria.Fail, thePresent.Add(-time.Minute)))
			_, err = v.Verify(context.Background(), artifact)
			if got := codes(t, err); !slices.Equal(got, []string{verify.Superseded, verify.Failed}) {
				t.Errorf("reasons = %v, want %s, then %s", got, verify.Superseded, verify.Failed)
			}
		})
	}
	if verify.MaxSubjects != attest.MaxSubjects {
		t.Errorf("MaxSubjects = %d, and %d are attested", verify.MaxSubjects, attest.MaxSubjects)
	}
}
