package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

var update = flag.Bool("update", false, "rewrite testdata")

// story is one vector before it is written down. expect is "accept", or the
// codes of all reasons in the order of the bundles, or "error" where there is
// no answer.
type story struct {
	name, comment, expect string
	subject               criteria.Digest
	also                  []criteria.Digest // of the same bytes
	trust                 func(*verify.Expect)
	bundles               []attest.Bundle
}

// twoOfThree asks for two of three signers.
func twoOfThree(e *verify.Expect) {
	e.Signers = append(e.Signers, verify.Signer{Name: "second", Key: otherKey.pem()}, verify.Signer{Name: "third", Key: edKey("third").pem()})
	e.Threshold = 2
}

// resources accepts these names in place of the one.
func resources(patterns ...string) func(*verify.Expect) {
	return func(e *verify.Expect) { e.Resource, e.Resources = "", patterns }
}

func stories() []story {
	replace := func(data []byte, from, to string) []byte {
		if !bytes.Contains(data, []byte(from)) {
			panic("nothing to replace: " + from)
		}
		return bytes.Replace(data, []byte(from), []byte(to), 1)
	}
	at := func(p object, when string) []byte { return verdict(p.with(object{"timeVerified": when})) }
	good := signed(releaseKey, verdict(predicate()))
	sbom := encode(statement(sbomType, object{"bomFormat": "CycloneDX"}))
	return append(slices.Concat(requirementStories(good), sourceStories(good), billStories(good), sameStories()), []story{
		{name: "accept", comment: "A verdict by the trusted key, an hour old.", expect: "accept", bundles: []attest.Bundle{good}},
		{
			name: "accept-companions", comment: "The findings and an SBOM beside the verdict, found twice.", expect: "accept",
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(findingsType, findings()))), good, signed(releaseKey, sbom), good},
		},
		{
			name: "accept-reference", comment: "A document that is referred to, and that is not there: it is said, and takes nothing away.", expect: "accept",
			bundles: []attest.Bundle{good, refersTo(descriptor(bill))},
		},
		{
			name: "wrong-subject-statement-inside", comment: "A verdict about the artifact stands inside a statement about something else.", expect: "wrong-subject",
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, statement(verdictType, predicate())).with(object{"subject": about(criteria.DigestOf([]byte("another")))})))},
		},
		{
			name: "wrong-verifier-statement-inside", comment: "In place of a verdict stands a whole statement with one.", expect: "wrong-verifier",
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, statement(verdictType, predicate()))))},
		},
		{
			name: "bad-statement-envelope-inside", comment: "The payload is an envelope, with a good signature, in place of a statement.", expect: "bad-statement",
			bundles: []attest.Bundle{signed(releaseKey, encode(envelope(intoto, verdict(predicate()), releaseKey)))},
		},
		{
			name: "accept-statement-v0.1", comment: "cosign writes statements of type v0.1.", expect: "accept",
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"_type": statementV01})))},
		},
		{
			name: "accept-second-signer", comment: "Any one of the signers may sign; the hint which is not needed.", expect: "accept",
			trust: func(e *verify.Expect) {
				e.Signers = append(e.Signers, verify.Signer{Name: "second", Key: otherKey.pem()})
			},
			bundles: []attest.Bundle{bundle("", envelope(intoto, verdict(predicate()), otherKey))},
		},
		{
			name: "accept-within-skew", comment: "Four minutes ahead of our clock.", expect: "accept",
			bundles: []attest.Bundle{signed(releaseKey, at(predicate(), "2026-11-22T12:04:00Z"))},
		},
		{
			name: "accept-after-failed", comment: "A FAILED that a later PASSED makes good.", expect: "accept",
			bundles: []attest.Bundle{signed(releaseKey, at(failed(), "2026-11-22T10:00:00Z")), good},
		},
		{
			name: "accept-beside-others", comment: "A stranger's FAILED, one about another product, and rubbish take nothing away.", expect: "accept",
			bundles: []attest.Bundle{
				signed(strangerKey, at(failed(), "2026-11-22T11:30:00Z")),
				signed(releaseKey, at(failed().with(object{"resourceUri": "pkg:generic/other@1.2.0"}), "2026-11-22T11:30:00Z")),
				attest.Bundle("{}"), good,
			},
		},
		{
			name: "accept-old-unlimited", comment: "Years old, where any age is accepted.", expect: "accept",
			trust:   func(e *verify.Expect) { e.MaxAge = verify.Unlimited },
			bundles: []attest.Bundle{signed(releaseKey, at(predicate(), "2019-01-01T00:00:00Z"))},
		},
		{
			name: "accept-policy", comment: "Under one of the accepted policies.", expect: "accept",
			trust: func(e *verify.Expect) {
				e.Policies = []criteria.Digest{criteria.DigestOf([]byte("another")), thePolicy}
			},
			bundles: []attest.Bundle{good},
		},

		{
			name: "accept-two-signers", comment: "Two have signed the very same verdict, and two are asked for.", expect: "accept",
			trust:   twoOfThree,
			bundles: []attest.Bundle{good, signed(otherKey, verdict(predicate()))},
		},
		{
			name: "too-few-signers", comment: "One of two that are asked for.", expect: verify.TooFewSigners,
			trust:   twoOfThree,
			bundles: []attest.Bundle{good},
		},
		{
			name: "too-few-signers-twice-the-same", comment: "The same signer twice is one, and so is a stranger beside him.", expect: verify.TooFewSigners + " " + verify.TooFewSigners + " " + verify.UntrustedSigner,
			trust:   twoOfThree,
			bundles: []attest.Bundle{good, bundle("", envelope(intoto, verdict(predicate()), releaseKey)), signed(strangerKey, verdict(predicate()))},
		},
		{
			name: "too-few-signers-of-the-same", comment: "Two verdicts that differ, each by one.", expect: verify.TooFewSigners + " " + verify.TooFewSigners,
			trust:   twoOfThree,
			bundles: []attest.Bundle{good, signed(otherKey, at(predicate(), "2026-11-22T11:00:01Z"))},
		},
		{
			name: "failed-by-one-of-two", comment: "One signer is enough to take a release back.", expect: verify.Superseded + " " + verify.Superseded + " " + verify.Failed,
			trust:   twoOfThree,
			bundles: []attest.Bundle{good, signed(otherKey, verdict(predicate())), signed(otherKey, at(failed(), "2026-11-22T11:30:00Z"))},
		},
		{
			name: "accept-alone-beside-two", comment: "A newer verdict that too few signed takes nothing away.", expect: "accept",
			trust:   twoOfThree,
			bundles: []attest.Bundle{good, signed(otherKey, verdict(predicate())), signed(otherKey, at(predicate(), "2026-11-22T11:30:00Z"))},
		},
		{
			name: "accept-resource-pattern", comment: "Any version of the product.", expect: "accept",
			trust: resources("pkg:generic/other@*", "pkg:generic/greet@*"), bundles: []attest.Bundle{good},
		},
		{
			name: "wrong-resource-pattern", comment: "A star stops at a slash.", expect: verify.WrongResource,
			trust: resources("pkg:generic/greet@*"), bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"resourceUri": "pkg:generic/greet@1/2"})))},
		},
		{
			name: "failed-under-another-name", comment: "The same bytes were withdrawn under another name that is accepted.", expect: verify.Failed,
			trust: resources("pkg:generic/greet@*"), bundles: []attest.Bundle{
				good, signed(releaseKey, verdict(failed().with(object{"resourceUri": "pkg:generic/greet@1.2.0-rc.1"}))),
			},
		},
		{
			name: "accept-one-of-two-names", comment: "Too old under one name, good under another.", expect: "accept",
			trust: resources("pkg:generic/greet@*"), bundles: []attest.Bundle{
				good, signed(releaseKey, at(predicate().with(object{"resourceUri": "pkg:generic/greet@1.2.0-rc.1"}), "2019-01-01T00:00:00Z")),
			},
		},

		{name: "no-bundle", comment: "Nothing was found.", expect: verify.NoBundle},
		{
			name: "no-bundle-sbom-only", comment: "An SBOM is no verdict, whoever signed it.", expect: verify.NoBundle,
			bundles: []attest.Bundle{signed(releaseKey, sbom)},
		},

		{
			name: "too-large-subjects", comment: "More subjects than anyone looks through.", expect: verify.TooLarge,
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"subject": slices.Repeat(about(artifact), verify.MaxSubjects+1)})))},
		},
		{name: "bad-bundle-empty", comment: "An empty object.", expect: verify.BadBundle, bundles: []attest.Bundle{attest.Bundle("{}")}},
		{name: "bad-bundle-truncated", comment: "The second half is missing.", expect: verify.BadBundle, bundles: []attest.Bundle{good[:len(good)/2]}},
		{name: "bad-bundle-trailing", comment: "Something follows the bundle.", expect: verify.BadBundle, bundles: []attest.Bundle{append(slices.Clone(good), "{}"...)}},
		{
			name: "bad-bundle-duplicate-key", comment: "Two envelopes under one key.", expect: verify.BadBundle,
			bundles: []attest.Bundle{replace(good, `{"dsseEnvelope":`, `{"dsseEnvelope":{},"dsseEnvelope":`)},
		},
		{
			name: "bad-bundle-twin-key", comment: "Two envelopes under the two spellings of one key.", expect: verify.BadBundle,
			bundles: []attest.Bundle{replace(good, `{"dsseEnvelope":`, `{"dsse_envelope":{},"dsseEnvelope":`)},
		},
		{
			name: "bad-bundle-version", comment: "A version of the format that is not known yet.", expect: verify.BadBundle,
			bundles: []attest.Bundle{replace(good, "bundle.v0.3+json", "bundle.v0.4+json")},
		},
		{
			name: "bad-bundle-bare-envelope", comment: "A DSSE envelope without a bundle around it.", expect: verify.BadBundle,
			bundles: []attest.Bundle{encode(envelope(intoto, verdict(predicate()), releaseKey))},
		},
		{
			name: "bad-envelope-message", comment: "A signature of the artifact itself says nothing about its pipeline.", expect: verify.BadEnvelope,
			bundles: []attest.Bundle{encode(object{
				"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
				"verificationMaterial": object{"publicKey": object{"hint": releaseKey.hint()}},
				"messageSignature": object{
					"messageDigest": object{"algorithm": "SHA2_256", "digest": make([]byte, 32)}, "signature": make([]byte, 64),
				},
			})},
		},
		{
			name: "bad-envelope-two-signatures", comment: "A second signature, of a key that is trusted, too.", expect: verify.BadEnvelope,
			trust:   func(e *verify.Expect) { e.Signers = append(e.Signers, verify.Signer{Key: otherKey.pem()}) },
			bundles: []attest.Bundle{bundle(releaseKey.hint(), envelope(intoto, verdict(predicate()), releaseKey, otherKey))},
		},
		{
			name: "bad-envelope-unsigned", comment: "No signature at all.", expect: verify.BadEnvelope,
			bundles: []attest.Bundle{bundle(releaseKey.hint(), envelope(intoto, verdict(predicate())))},
		},
		{
			name: "bad-envelope-payload-type", comment: "The same bytes signed as something else.", expect: verify.BadEnvelope,
			bundles: []attest.Bundle{bundle(releaseKey.hint(), envelope("application/json", verdict(predicate()), releaseKey))},
		},
		{
			name: "bad-statement-duplicate-key", comment: "Two results: one reader takes the first, another the last.", expect: verify.BadStatement,
			bundles: []attest.Bundle{signed(releaseKey, replace(verdict(failed()), `"verificationResult":`, `"verificationResult":"PASSED","verificationResult":`))},
		},
		{
			name: "bad-statement-twin-key", comment: "Readers that ignore case see other subjects.", expect: verify.BadStatement,
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"Subject": about(otherOne)})))},
		},
		{
			name: "bad-statement-trailing", comment: "Something follows the statement.", expect: verify.BadStatement,
			bundles: []attest.Bundle{signed(releaseKey, append(verdict(predicate()), " {}"...))},
		},
		{
			name: "bad-statement-type", comment: "No in-toto statement.", expect: verify.BadStatement,
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"_type": "https://in-toto.io/Statement/v2"})))},
		},
		{
			name: "bad-statement-no-subject", comment: "About nothing.", expect: verify.BadStatement,
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"subject": []object{}})))},
		},
		{
			name: "bad-statement-empty", comment: "An empty payload.", expect: verify.BadBundle + " " + verify.BadStatement,
			bundles: []attest.Bundle{
				bundle(releaseKey.hint(), envelope(intoto, verdict(predicate()), releaseKey).with(object{"payload": 1})),
				signed(releaseKey, []byte(" ")),
			},
		},
		{
			name: "wrong-subject", comment: "A good verdict, about something else.", expect: verify.WrongSubject,
			subject: criteria.DigestOf([]byte("not greet")), bundles: []attest.Bundle{good},
		},
		{
			name: "wrong-subject-upper-case", comment: "Digests are compared as in-toto writes them, in lower case.", expect: verify.WrongSubject,
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{
				"subject": []object{{"name": "greet", "digest": object{"sha256": strings.ToUpper(artifact.Hex())}}},
			})))},
		},
		{
			name: "wrong-subject-empty-digest", comment: "An empty digest names nothing.", expect: verify.WrongSubject,
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{
				"subject": []object{{"name": "greet", "digest": object{"sha256": ""}}, {"name": "greet"}, {"digest": object{}}},
			})))},
		},
		{
			name: "wrong-subject-algorithm", comment: "The right digits as another algorithm's.", expect: verify.WrongSubject,
			bundles: []attest.Bundle{signed(releaseKey, encode(statement(verdictType, predicate()).with(object{
				"subject": []object{{"name": "greet", "digest": object{"blake2b": artifact.Hex()}}},
			})))},
		},
		{
			name: "untrusted-signer", comment: "A key that nobody trusts.", expect: verify.UntrustedSigner,
			bundles: []attest.Bundle{signed(strangerKey, verdict(predicate()))},
		},
		{
			name: "untrusted-signer-expired", comment: "A key that is not trusted any more, whatever time the verdict says.", expect: verify.UntrustedSigner,
			trust:   func(e *verify.Expect) { e.Signers[0].NotAfter = thePresent.Add(-time.Minute) },
			bundles: []attest.Bundle{good},
		},
		{
			name: "untrusted-signer-too-early", comment: "A verdict from before the key was trusted.", expect: verify.UntrustedSigner,
			trust:   func(e *verify.Expect) { e.Signers[0].NotBefore = thePresent.Add(-time.Minute) },
			bundles: []attest.Bundle{good},
		},
		{
			name: "bad-signature", comment: "A trusted key's hint on a stranger's signature.", expect: verify.BadSignature,
			bundles: []attest.Bundle{bundle(releaseKey.hint(), envelope(intoto, verdict(predicate()), strangerKey))},
		},
		{
			name: "bad-signature-altered", comment: "FAILED turned into PASSED after it was signed.", expect: verify.BadSignature,
			bundles: []attest.Bundle{bundle(releaseKey.hint(), envelope(intoto, verdict(failed()), releaseKey).with(object{"payload": verdict(predicate())}))},
		},
		{
			name: "bad-verdict-result", comment: "The specification knows PASSED and FAILED, in capitals.", expect: verify.BadVerdict,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"verificationResult": "passed"})))},
		},
		{
			name: "bad-verdict-no-time", comment: "Without a time no verdict is the newest.", expect: verify.BadVerdict,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"timeVerified": nil})))},
		},
		{
			name: "bad-verdict-no-policy", comment: "PASSED by no policy.", expect: verify.BadVerdict,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"policy": nil})))},
		},
		{
			name: "bad-verdict-contradiction", comment: "PASSED with the level FAILED.", expect: verify.BadVerdict,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"verifiedLevels": []string{"FAILED", "HALLMARK_RELEASE_STANDARD", "HALLMARK_CHANGES_REVIEWED"}})))},
		},
		{
			name: "bad-verdict-twin-key", comment: "Readers that ignore case see another result.", expect: verify.BadVerdict,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"VerificationResult": "FAILED"})))},
		},
		{
			name: "bad-verdict-type", comment: "Levels that are no list.", expect: verify.BadVerdict,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"verifiedLevels": "HALLMARK_RELEASE_STANDARD"})))},
		},
		{
			name: "wrong-verifier", comment: "The trusted key signed for another verifier.", expect: verify.WrongVerifier,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"verifier": object{"id": verifierID + "/"}})))},
		},
		{
			name: "wrong-resource", comment: "The same bytes judged as another version.", expect: verify.WrongResource,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"resourceUri": "pkg:generic/greet@1.2.1"})))},
		},
		{
			name: "failed", comment: "The verdict says FAILED.", expect: verify.Failed,
			bundles: []attest.Bundle{signed(releaseKey, verdict(failed()))},
		},
		{
			name: "failed-withdrawn", comment: "A later FAILED withdraws the PASSED.", expect: verify.Superseded + " " + verify.Failed,
			bundles: []attest.Bundle{good, signed(releaseKey, at(failed(), "2026-11-22T11:00:01Z"))},
		},
		{
			name: "failed-withdrawn-by-another", comment: "Any trusted signer may withdraw what another signed.", expect: verify.Failed + " " + verify.Superseded,
			trust:   func(e *verify.Expect) { e.Signers = append(e.Signers, verify.Signer{Key: otherKey.pem()}) },
			bundles: []attest.Bundle{signed(otherKey, at(failed(), "2026-11-22T11:30:00Z")), good},
		},
		{
			name: "failed-same-time", comment: "PASSED and FAILED of the same second.", expect: verify.Failed,
			bundles: []attest.Bundle{good, signed(releaseKey, verdict(failed()))},
		},
		{
			name: "failed-from-the-future", comment: "A clock that runs fast must not keep a release alive.", expect: verify.Superseded + " " + verify.Failed,
			bundles: []attest.Bundle{good, signed(releaseKey, at(failed(), "2027-11-22T11:00:00Z"))},
		},
		{
			name: "failed-no-time", comment: "A FAILED that cannot be shown to be older.", expect: verify.Failed,
			bundles: []attest.Bundle{good, signed(releaseKey, verdict(failed().with(object{"timeVerified": nil})))},
		},
		{
			name: "failed-timezone", comment: "Times are compared as times, not as text: 13:00 in +01:30 is later than 11:00Z.", expect: verify.Superseded + " " + verify.Failed,
			bundles: []attest.Bundle{good, signed(releaseKey, at(failed(), "2026-11-22T13:00:00+01:30"))},
		},
		{
			name: "superseded", comment: "The newest decides, and an older one that would do does not help.", expect: verify.Superseded + " " + verify.CriteriaUnmet,
			bundles: []attest.Bundle{good, signed(releaseKey, at(predicate().with(object{
				"verifiedLevels": []string{"HALLMARK_RELEASE_BASIC", "HALLMARK_CHANGES_REVIEWED"},
			}), "2026-11-22T11:30:00Z"))},
		},
		{
			name: "from-the-future", comment: "Six minutes ahead of our clock.", expect: verify.FromTheFuture,
			bundles: []attest.Bundle{signed(releaseKey, at(predicate(), "2026-11-22T12:06:00Z"))},
		},
		{
			name: "too-old", comment: "91 days, where 90 are accepted.", expect: verify.TooOld,
			bundles: []attest.Bundle{signed(releaseKey, at(predicate(), "2026-08-23T12:00:00Z"))},
		},
		{
			name: "wrong-policy", comment: "Under a policy that is not accepted.", expect: verify.WrongPolicy,
			trust:   func(e *verify.Expect) { e.Policies = []criteria.Digest{criteria.DigestOf([]byte("another"))} },
			bundles: []attest.Bundle{good},
		},
		{
			name: "wrong-policy-no-digest", comment: "A policy known only by name.", expect: verify.WrongPolicy,
			trust:   func(e *verify.Expect) { e.Policies = []criteria.Digest{thePolicy} },
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"policy": object{"uri": "policy.yaml"}})))},
		},
		{
			name: "criteria-unmet-level", comment: "A level below the one required.", expect: verify.CriteriaUnmet,
			trust:   func(e *verify.Expect) { e.Level = criteria.Advanced },
			bundles: []attest.Bundle{good},
		},
		{
			name: "criteria-unmet", comment: "A criterion that did not pass.", expect: verify.CriteriaUnmet,
			trust:   func(e *verify.Expect) { e.Criteria = append(e.Criteria, "secrets-absent") },
			bundles: []attest.Bundle{good},
		},
		{
			name: "criteria-unmet-case", comment: "Labels are compared exactly.", expect: verify.CriteriaUnmet,
			bundles: []attest.Bundle{signed(releaseKey, verdict(predicate().with(object{"verifiedLevels": []string{"HALLMARK_RELEASE_STANDARD", "hallmark_changes_reviewed"}})))},
		},
		{
			name: "too-old-and-unmet", comment: "Every reason is given, not only the first.", expect: verify.TooOld + " " + verify.WrongPolicy + " " + verify.CriteriaUnmet + " " + verify.CriteriaUnmet,
			trust: func(e *verify.Expect) {
				e.Level, e.Criteria, e.Policies = criteria.Advanced, []string{"secrets-absent"}, []criteria.Digest{criteria.DigestOf([]byte("another"))}
			},
			bundles: []attest.Bundle{signed(releaseKey, at(predicate(), "2026-01-01T00:00:00Z"))},
		},
	}...)
}

// write returns s as it is checked in. Bundles are indented where that changes
// nothing about them.
func (s story) write(t *testing.T) []byte {
	t.Helper()
	e := expect()
	if s.trust != nil {
		s.trust(&e)
	}
	trust, err := e.Encode()
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	subject := s.subject
	if subject.IsZero() {
		subject = artifact
	}
	also := ""
	for _, d := range s.also {
		also += fmt.Sprintf("also: %s\n", d)
	}
	a := &txtar.Archive{
		Comment: fmt.Appendf(nil, "# %s\nexpect: %s\nsubject: %s\n%stime: %s\n", s.comment, s.expect, subject, also, thePresent.Format(time.RFC3339)),
		Files:   []txtar.File{{Name: "trust.yaml", Data: trust}},
	}
	for i, b := range s.bundles {
		a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("bundle-%d.sigstore.json", i+1), Data: append(slices.Clone(b), '\n')})
	}
	return txtar.Format(a)
}

// vector is one file of testdata/vectors: a comment, a few lines, the trust
// file, and the bundles in the order they are found.
type vector struct {
	name    string
	expect  []string // "accept", or codes
	subject criteria.Digest
	also    []criteria.Digest // of the same bytes
	now     time.Time
	trust   []byte
	root    []byte // the trusted root that trust names, if it names one
	bundles []attest.Bundle
}

func readVector(t testing.TB, path string) vector {
	t.Helper()
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := vector{name: strings.TrimSuffix(filepath.Base(path), ".txtar")}
	for line := range strings.Lines(string(a.Comment)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "expect":
			v.expect = strings.Fields(value)
		case "subject":
			v.subject, err = criteria.ParseDigest(value)
		case "also":
			var d criteria.Digest
			d, err = criteria.ParseDigest(value)
			v.also = append(v.also, d)
		case "time":
			v.now, err = time.Parse(time.RFC3339, value)
		default:
			err = fmt.Errorf("unknown line %q", line)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for _, f := range a.Files {
		switch f.Name {
		case "trust.yaml":
			v.trust = f.Data
		case "trusted_root.json":
			v.root = f.Data
		default:
			v.bundles = append(v.bundles, attest.Bundle(bytes.TrimSuffix(f.Data, []byte("\n"))))
		}
	}
	if v.expect == nil || v.subject.IsZero() || v.now.IsZero() || v.trust == nil {
		t.Fatalf("%s: expect, subject, time or trust.yaml is missing", path)
	}
	return v
}

func (v vector) verify(t testing.TB) (*verify.Result, error) {
	t.Helper()
	return v.verifier(t).Verify(context.Background(), v.subject)
}

func (v vector) verifier(t testing.TB) *verify.Verifier {
	t.Helper()
	path := "trust.yaml"
	if v.root != nil {
		dir := t.TempDir()
		path = filepath.Join(dir, "trust.yaml")
		if err := os.WriteFile(filepath.Join(dir, "trusted_root.json"), v.root, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := verify.ParseTrust(path, v.trust)
	if err != nil {
		t.Fatal(err)
	}
	same := func(criteria.Digest) []criteria.Digest { return v.also }
	verifier, err := verify.New(found(v.bundles), want, verify.WithClock(func() time.Time { return v.now }), verify.WithDigests(same))
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func vectors(t testing.TB) []vector {
	t.Helper()
	paths, err := filepath.Glob("testdata/vectors/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var out []vector
	for _, p := range paths {
		out = append(out, readVector(t, p))
	}
	return out
}

// The vectors are what the stories say: neither may change without the other.
func TestVectorsAreTheStories(t *testing.T) {
	told := make(map[string]bool)
	for _, s := range stories() {
		path := filepath.Join("testdata/vectors", s.name+".txtar")
		if told[path] {
			t.Errorf("two stories are called %s", s.name)
		}
		told[path] = true
		want := s.write(t)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what its story says (-story +file):\n%s", path, diff)
		}
	}
	for _, s := range keylessStories() {
		told[filepath.Join("testdata/vectors", s.name+".txtar")] = true
	}
	paths, err := filepath.Glob("testdata/vectors/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if !told[p] {
			t.Errorf("%s has no story", p)
		}
	}
}

func TestVectors(t *testing.T) {
	covered := make(map[string]bool)
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			result, err := v.verify(t)
			if v.expect[0] == "accept" {
				if err != nil {
					t.Fatalf("Verify(%s) = %v, want a result", v.subject, err)
				}
				if !result.Verdict.Passed || !result.Subject.Digest.Matches(v.subject) {
					t.Errorf("Verify(%s) = %+v, want a verdict that passed, about it", v.subject, result)
				}
				return
			}
			if result != nil {
				t.Fatalf("Verify(%s) = a result, want %v", v.subject, v.expect)
			}
			if diff := cmp.Diff(v.expect, codes(t, err)); diff != "" {
				t.Errorf("Verify(%s): reasons (-want +got):\n%s\n%v", v.subject, diff, err)
			}
		})
		for _, code := range v.expect {
			covered[code] = true
		}
	}
	for _, code := range verify.Codes() {
		if !covered[code] {
			t.Errorf("no vector is refused with %s", code)
		}
		delete(covered, code)
	}
	delete(covered, "accept")
	for code := range covered {
		t.Errorf("a vector expects %q, which is no code", code)
	}
}

// The result's JSON form is a promise.
func TestResultJSON(t *testing.T) {
	v := readVector(t, "testdata/vectors/accept-companions.txtar")
	result, err := v.verify(t)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/result.json", append(got, '\n'))

	_, err = readVector(t, "testdata/vectors/failed-withdrawn.txtar").verify(t)
	if got, err = json.MarshalIndent(err, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/rejection.json", append(got, '\n'))
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
