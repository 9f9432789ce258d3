package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

const sourceVerifier = "https://forge.example/source-verifier"

var (
	sourceKey  = edKey("source verifier")
	theSHA, _  = criteria.ParseDigest("gitCommit:" + theCommit)
	anotherSHA = mustCommit(strings.Repeat("1", 40))
)

func mustCommit(s string) criteria.Digest {
	d, err := criteria.ParseDigest("gitCommit:" + s)
	if err != nil {
		panic(err)
	}
	return d
}

// sourceSummary is what a source verifier says of a commit.
func sourceSummary() object {
	return object{
		"verifier": object{"id": sourceVerifier}, "timeVerified": "2026-11-20T10:00:00Z", "resourceUri": "git+" + theSource,
		"policy": object{"uri": "https://forge.example/policy"}, "verificationResult": "PASSED",
		"verifiedLevels": []string{"SLSA_SOURCE_LEVEL_1", "SLSA_SOURCE_LEVEL_2", "SLSA_SOURCE_LEVEL_3"},
	}
}

func aboutCommit(k key, commit criteria.Digest, predicate object) attest.Bundle {
	return signed(k, encode(statement(verdictType, predicate).with(object{"subject": about(commit)})))
}

// sourced are findings that name the commit.
func sourced(commit criteria.Digest) attest.Bundle {
	f := findings()
	f = f.with(object{"configuration": append(f["configuration"].([]object), object{"name": "source", "uri": "git+" + theSource, "digest": object{"gitCommit": commit.Hex()}})})
	return signed(releaseKey, encode(statement(findingsType, f)))
}

func sourceRequired(e *verify.Expect) {
	e.Source = &verify.SourceVerdict{
		Verifier: sourceVerifier, Resource: "git+" + theSource, Level: 3, MaxAge: verify.MaxAge(30 * 24 * time.Hour),
		Signers: []verify.Signer{{Name: "source", Key: sourceKey.pem()}},
	}
}

// byCommit is a source that finds nothing about an artifact by a commit, and
// nothing about a commit by an artifact.
type byCommit struct{ artifact, commit []attest.Bundle }

func (b byCommit) Bundles(_ context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if subject.Algorithm() == "gitCommit" {
		return b.commit, nil
	}
	return b.artifact, nil
}

func sourceStories(good attest.Bundle) []story {
	const unmet = verify.RequirementUnmet
	summary := aboutCommit(sourceKey, theSHA, sourceSummary())
	return []story{
		{
			name: "accept-source", comment: "The commit that the findings name was judged by a source verifier.", expect: "accept",
			trust: sourceRequired, bundles: []attest.Bundle{good, sourced(theSHA), summary},
		},
		{
			name: "requirement-unmet-source", comment: "Nobody judged the commit.", expect: unmet,
			trust: sourceRequired, bundles: []attest.Bundle{good, sourced(theSHA)},
		},
		{
			name: "requirement-unmet-source-unknown", comment: "No statement says which commit it was.", expect: verify.WrongSubject + " " + unmet,
			trust: sourceRequired, bundles: []attest.Bundle{good, summary},
		},
		{
			name: "requirement-unmet-source-other-commit", comment: "Another commit was judged.", expect: verify.WrongSubject + " " + unmet,
			trust: sourceRequired, bundles: []attest.Bundle{good, sourced(theSHA), aboutCommit(sourceKey, anotherSHA, sourceSummary())},
		},
		{
			name: "requirement-unmet-source-failed", comment: "The newest verdict about the commit says FAILED.", expect: verify.WrongSubject + " " + verify.WrongSubject + " " + unmet,
			trust: sourceRequired, bundles: []attest.Bundle{good, sourced(theSHA), summary, aboutCommit(sourceKey, theSHA, sourceSummary().with(object{
				"verificationResult": "FAILED", "verifiedLevels": []string{"FAILED"}, "timeVerified": "2026-11-21T10:00:00Z",
			}))},
		},
	}
}

func TestSourceVerdict(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	right := aboutCommit(sourceKey, theSHA, sourceSummary())
	say := func(changes object) attest.Bundle {
		return aboutCommit(sourceKey, theSHA, sourceSummary().with(changes))
	}
	older := say(object{"timeVerified": "2026-11-19T10:00:00Z", "verificationResult": "FAILED", "verifiedLevels": []string{"FAILED"}})
	for _, tt := range []struct {
		name  string
		from  byCommit
		want  string
		trust func(*verify.Expect)
	}{
		{"found by the commit", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{right}}, "", nil},
		{"found among the artifact's", byCommit{[]attest.Bundle{good, sourced(theSHA), right}, nil}, "", nil},
		{"a failure that a newer one made good", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{older, right}}, "", nil},
		{"a higher level", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{say(object{"verifiedLevels": []string{"SLSA_SOURCE_LEVEL_4"}})}}, "", nil},

		{"a lower level", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{say(object{"verifiedLevels": []string{"SLSA_SOURCE_LEVEL_2", "SLSA_SOURCE_LEVEL_03", "slsa_source_level_3"}})}}, "it reached source level 2, expected 3", nil},
		{"a build level", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{say(object{"verifiedLevels": []string{"SLSA_BUILD_LEVEL_3"}})}}, "it reached source level 0", nil},
		{"too old", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{say(object{"timeVerified": "2026-10-01T00:00:00Z"})}}, "longer ago than 30d", nil},
		{"a fork", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{say(object{"resourceUri": "git+https://github.com/mallory/greet"})}}, "wrong-resource", nil},
		{"another verifier", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{say(object{"verifier": object{"id": "https://mallory.example"}})}}, "wrong-verifier", nil},
		{"the verdict's signer", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{aboutCommit(releaseKey, theSHA, sourceSummary())}}, "no verdict about it was found", nil},
		{"a stranger", byCommit{[]attest.Bundle{good, sourced(theSHA)}, []attest.Bundle{aboutCommit(strangerKey, theSHA, sourceSummary())}}, "untrusted-signer", nil},
		{"no commit is known", byCommit{[]attest.Bundle{good}, []attest.Bundle{right}}, "no statement that counts says from which commit", nil},
		{"findings of another signer", byCommit{[]attest.Bundle{good, signed(sourceKey, encode(statement(findingsType, findings())))}, []attest.Bundle{right}}, "no statement that counts says from which commit", nil},
		{"provenance and findings that differ", byCommit{[]attest.Bundle{good, sourced(anotherSHA), signed(scannerKey, encode(statement(provenanceV1, tektonBuild())))}, []attest.Bundle{right}}, "the release that was judged is", tektonRequired},
		{"provenance alone", byCommit{[]attest.Bundle{good, signed(scannerKey, encode(statement(provenanceV1, tektonBuild())))}, []attest.Bundle{right}}, "", tektonRequired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := expect()
			sourceRequired(&e)
			if tt.trust != nil {
				tt.trust(&e)
			}
			v, err := verify.New(tt.from, e, verify.WithClock(func() time.Time { return thePresent }))
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(context.Background(), artifact)
			if tt.want != "" {
				requirementUnmet(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			last := got.Requirements[len(got.Requirements)-1]
			if last.Kind != verify.SourceRequired || last.Source == nil || last.Source.Commit != theSHA || last.Source.Level < 3 {
				t.Errorf("Requirements = %+v, want the source's", got.Requirements)
			}
		})
	}
	// A place that does not answer about the commit is no absence.
	e := expect()
	sourceRequired(&e)
	v, err := verify.New(failingCommit{good, sourced(theSHA)}, e, verify.WithClock(func() time.Time { return thePresent }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(context.Background(), artifact); err == nil || codesOrNil(err) != nil {
		t.Errorf("Verify = %v, want could not tell", err)
	}
}

// failingCommit finds bundles about artifacts, and cannot look for a commit's.
type failingCommit []attest.Bundle

func (f failingCommit) Bundles(_ context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if subject.Algorithm() == "gitCommit" {
		return nil, errors.New("the disk is on fire")
	}
	return f, nil
}

func tektonRequired(e *verify.Expect) {
	e.Provenance = &verify.Provenance{Level: 2, SourceRepository: theSource, Builders: []verify.Builder{{ID: "https://tekton.dev/chains/v2", Level: 2, Signers: []verify.Signer{{Key: scannerKey.pem()}}}}}
}

const others = `source:
  verifier: https://forge.example/source-verifier
  resource: git+https://github.com/acme/greet
  level: 3
  maxAge: unlimited
  signers:
    - issuer: https://i.example
      identity: a@b.example
      trustedRoot: r.json
sbom:
  formats: [spdx, cyclonedx]
  signers:
    - issuer: https://i.example
      identity: a@b.example
      trustedRoot: r.json
vex:
  resolved: true
  maxAge: 30d
`

func TestParseTrustOthers(t *testing.T) {
	readsBack(t, trustFile+others)
	if _, err := verify.ParseTrust("trust.yaml", []byte(trustFile+"vex: {}\n")); err != nil {
		t.Errorf("ParseTrust with an empty vex = %v", err)
	}
	for _, tt := range []struct{ from, to, want string }{
		{"  verifier: https://forge.example/source-verifier\n", "", "19:3: verifier is missing"},
		{"resource: git+https://github.com/acme/greet", "resource: git+https://github.com/acme/*", "resource is compared exactly"},
		{"level: 3", "level: 5", "21:10: level is the SLSA source level"},
		{"  maxAge: unlimited\n", "", "maxAge is missing"},
		{"      trustedRoot: r.json\nsbom", "sbom", "trustedRoot is missing"},
		{"[spdx, cyclonedx]", "[]", "formats is missing"},
		{"[spdx, cyclonedx]", "[spdx, swid]", `28:19: "swid" is no format`},
		{"[spdx, cyclonedx]", "[spdx, spdx]", `"spdx" stands twice`},
		{"resolved: true", "resolved: maybe", "34:13: expected true or false"},
		{"source:\n", "provenance:\n  level: 1\n  sourceRepository: https://github.com/acme/other\n  builders: [{id: 'https://b.example/x', level: 1, signers: [{issuer: https://i.example, identity: a@b.example, trustedRoot: r.json}]}]\nsource:\n", "is another repository than provenance.sourceRepository"},
	} {
		if !strings.Contains(others, tt.from) {
			t.Fatalf("what is asked holds no %q", tt.from)
		}
		_, err := verify.ParseTrust("trust.yaml", []byte(trustFile+strings.Replace(others, tt.from, tt.to, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseTrust with %q = %v, want an error with %q", tt.to, err, tt.want)
		}
	}
}
