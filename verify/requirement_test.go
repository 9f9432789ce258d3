package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

const scanType = "https://greet.example/scan/v1"

var scannerKey = edKey("scanner")

// scan is the predicate of a statement that a trust file may require.
func scan(result, when string) object {
	return object{"result": result, "finishedOn": when, "score": 8.5, "scanner": object{"id": "https://greet.example/scanner"}}
}

func scanned(k key, predicate object) attest.Bundle {
	return signed(k, encode(statement(scanType, predicate)))
}

// scanRequired asks for a scan that passed, by the verdict's signers.
func scanRequired(e *verify.Expect) {
	passed := verify.Text("PASSED")
	score, err := verify.Number("7")
	if err != nil {
		panic(err)
	}
	e.Attestations = []verify.Attestation{{
		Name: "scan", PredicateType: scanType, Time: "finishedOn", MaxAge: verify.MaxAge(7 * 24 * time.Hour),
		All: []verify.Condition{{Path: "result", Equals: &passed}, {Path: "score", AtLeast: &score}},
	}}
}

// byScanner asks for it by a signer of its own.
func byScanner(e *verify.Expect) {
	scanRequired(e)
	e.Attestations[0].Signers = []verify.Signer{{Name: "scanner", Key: scannerKey.pem()}}
}

// requirementStories are the vectors of what is required beside the verdict,
// which good is.
func requirementStories(good attest.Bundle) []story {
	const unmet = verify.RequirementUnmet
	recent := scan("PASSED", "2026-11-22T10:00:00Z")
	return []story{
		{
			name: "accept-attestation", comment: "A scan that is required, by the verdict's signer.", expect: "accept",
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, recent)},
		},
		{
			name: "accept-attestation-own-signer", comment: "A scan that is required, by a signer who may sign nothing else.", expect: "accept",
			trust: byScanner, bundles: []attest.Bundle{scanned(scannerKey, recent), good},
		},
		{
			name: "accept-attestation-made-good", comment: "A scan that failed, and a newer one that did not.", expect: "accept",
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, scan("FAILED", "2026-11-22T09:00:00Z")), scanned(releaseKey, recent)},
		},
		{
			name: "accept-attestation-chosen", comment: "One of two scanners is meant, and the other's failure is not.", expect: "accept",
			trust: func(e *verify.Expect) {
				scanRequired(e)
				who := verify.Text("https://greet.example/scanner")
				e.Attestations[0].Where = []verify.Condition{{Path: "scanner.id", Equals: &who}}
			},
			bundles: []attest.Bundle{good, scanned(releaseKey, scan("FAILED", "2026-11-22T11:00:00Z").with(object{"scanner": object{"id": "another"}})), scanned(releaseKey, recent)},
		},
		{
			name: "requirement-unmet", comment: "A scan is required, and there is none.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good},
		},
		{
			name: "requirement-unmet-condition", comment: "The scan did not pass.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, scan("FAILED", "2026-11-22T10:00:00Z"))},
		},
		{
			name: "requirement-unmet-silence", comment: "The scan does not say what its score is.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, recent.with(object{"score": nil}))},
		},
		{
			name: "requirement-unmet-taken-back", comment: "A newer scan failed: what it takes back does not count any more.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, recent), scanned(releaseKey, scan("FAILED", "2026-11-22T10:00:01Z"))},
		},
		{
			name: "requirement-unmet-same-time", comment: "Of the same second, the one that failed decides.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, scan("FAILED", "2026-11-22T10:00:00Z")), scanned(releaseKey, recent)},
		},
		{
			name: "requirement-unmet-no-time", comment: "A scan that failed and cannot be shown to be older.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, recent), scanned(releaseKey, scan("FAILED", "yesterday"))},
		},
		{
			name: "requirement-unmet-too-old", comment: "Eight days, where seven are accepted.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, scan("PASSED", "2026-11-14T11:00:00Z"))},
		},
		{
			name: "requirement-unmet-from-the-future", comment: "A scan of tomorrow.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, scan("PASSED", "2026-11-23T11:00:00Z"))},
		},
		{
			name: "requirement-unmet-other-signer", comment: "The verdict's signer is not the scanner.", expect: unmet,
			trust: byScanner, bundles: []attest.Bundle{good, scanned(releaseKey, recent)},
		},
		{
			name: "requirement-unmet-stranger", comment: "Nobody's scan.", expect: verify.UntrustedSigner + " " + unmet,
			trust: byScanner, bundles: []attest.Bundle{good, scanned(strangerKey, recent)},
		},
		{
			name: "requirement-unmet-threshold", comment: "Two scanners are asked for, and one signed twice.", expect: unmet,
			trust: func(e *verify.Expect) {
				byScanner(e)
				e.Attestations[0].Signers = append(e.Attestations[0].Signers, verify.Signer{Key: otherKey.pem()})
				e.Attestations[0].Threshold = 2
			},
			bundles: []attest.Bundle{good, scanned(scannerKey, recent), scanned(scannerKey, scan("PASSED", "2026-11-22T10:30:00Z"))},
		},
		{
			name: "requirement-unmet-twin-key", comment: "Readers that ignore case see another result.", expect: unmet,
			trust: scanRequired, bundles: []attest.Bundle{good, scanned(releaseKey, recent.with(object{"Result": "FAILED"}))},
		},
		{
			name: "untrusted-signer-requirement", comment: "Who may sign scans may sign nothing else, and judge nothing.", expect: verify.UntrustedSigner + " " + unmet,
			trust: byScanner, bundles: []attest.Bundle{signed(scannerKey, verdict(predicate()))},
		},
		{
			name: "no-bundle-requirement", comment: "Who may sign other summaries judges nothing, whatever name he gives himself.", expect: verify.NoBundle,
			trust: func(e *verify.Expect) {
				e.Attestations = []verify.Attestation{{PredicateType: verdictType, Signers: []verify.Signer{{Key: scannerKey.pem()}}}}
			},
			bundles: []attest.Bundle{signed(scannerKey, verdict(predicate()))},
		},
	}
}

// What was required and met stands in the result.
func TestRequirementsMet(t *testing.T) {
	e := expect()
	byScanner(&e)
	got, err := ask(t, e, artifact, signed(releaseKey, verdict(predicate())), scanned(scannerKey, scan("PASSED", "2026-11-22T10:00:00Z")))
	if err != nil {
		t.Fatal(err)
	}
	want := []verify.Requirement{{
		Kind: verify.AttestationRequired, Name: "scan", PredicateType: scanType,
		Statements: []criteria.Digest{criteria.DigestOf(encode(statement(scanType, scan("PASSED", "2026-11-22T10:00:00Z"))))},
		Signers:    []verify.Identity{{Name: "scanner", Key: got.Requirements[0].Signers[0].Key}},
	}}
	if diff := cmp.Diff(want, got.Requirements, sameExpect); diff != "" {
		t.Errorf("Requirements (-want +got):\n%s", diff)
	}
	data, err := json.Marshal(got)
	if err != nil || !strings.Contains(string(data), `"requirements":[{"kind":"attestation","name":"scan","predicateType":"`+scanType+`","statements":["sha256:`) {
		t.Errorf("the result's JSON has no requirements: %s, %v", data, err)
	}
}

// A rejection says which requirement it was, what was found, and what was
// expected.
func TestRequirementReasons(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	recent := scan("PASSED", "2026-11-22T10:00:00Z")
	for _, tt := range []struct {
		name    string
		bundles []attest.Bundle
		want    string
	}{
		{"none", nil, `"scan" is required, and no statement of ` + scanType + ` was found`},
		{"one that fails", []attest.Bundle{scanned(releaseKey, recent.with(object{"score": 6.5}))}, `"scan" is not met: 1 statement of ` + scanType + ` by its signers; score: found 6.5, expected at least 7`},
		{"the nearest of two", []attest.Bundle{scanned(releaseKey, scan("FAILED", "2026-11-22T10:00:00Z").with(object{"score": 1})), scanned(releaseKey, recent.with(object{"score": 6.5}))}, "2 statements of " + scanType + " by its signers; score: found 6.5"},
		{"taken back", []attest.Bundle{scanned(releaseKey, recent), scanned(releaseKey, scan("FAILED", "2026-11-22T11:00:00Z"))}, `a statement of 2026-11-22T11:00:00Z takes that back: result: found "FAILED", expected "PASSED"`},
	} {
		e := expect()
		scanRequired(&e)
		_, err := ask(t, e, artifact, append(tt.bundles, good)...)
		var no *verify.RejectionError
		if !errors.As(err, &no) || !strings.Contains(no.Reasons[0].Message, tt.want) {
			t.Errorf("%s: Verify = %v, want a reason with %q", tt.name, err, tt.want)
		}
	}
}

// Adding a statement that fails never makes a yes, wherever it stands among
// others, and the answer does not depend on the order in which they are found.
func TestFailingEvidenceNeverHelps(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	all := []attest.Bundle{
		scanned(releaseKey, scan("PASSED", "2026-11-22T10:00:00Z")),
		scanned(releaseKey, scan("PASSED", "2026-11-22T08:00:00Z")),
		scanned(scannerKey, scan("PASSED", "2026-11-22T09:00:00Z")),
		scanned(releaseKey, scan("FAILED", "2026-11-22T09:00:00Z")),
		scanned(scannerKey, scan("FAILED", "2026-11-22T10:00:00Z")),
		scanned(releaseKey, scan("FAILED", "never")),
		scanned(strangerKey, scan("PASSED", "2026-11-22T11:00:00Z")),
	}
	const failing = 3 // and on
	e := expect()
	scanRequired(&e)
	e.Attestations[0].Signers = []verify.Signer{{Key: releaseKey.pem()}, {Key: scannerKey.pem()}}
	for _, threshold := range []int{1, 2} {
		e.Attestations[0].Threshold = threshold
		yes := make([]bool, 1<<len(all))
		accepted := 0
		for set := range yes {
			some := []attest.Bundle{good}
			for i, b := range all {
				if set&(1<<i) != 0 {
					some = append(some, b)
				}
			}
			_, err := ask(t, e, artifact, some...)
			slices.Reverse(some)
			_, turned := ask(t, e, artifact, some...)
			if (err == nil) != (turned == nil) {
				t.Fatalf("set %b: %v in one order, %v in the other", set, err, turned)
			}
			if yes[set] = err == nil; yes[set] {
				accepted++
			}
		}
		for set, ok := range yes {
			for i := failing; i < len(all); i++ {
				if more := set | 1<<i; !ok && yes[more] {
					t.Errorf("threshold %d: evidence %d turned the no of %b into a yes", threshold, i, set)
				}
			}
		}
		if accepted == 0 || accepted == len(yes) {
			t.Errorf("threshold %d: %d of %d sets were accepted", threshold, accepted, len(yes))
		}
	}
}

// A time that witnesses gave counts where no path leads to one.
func TestRequirementTimeOfWitnesses(t *testing.T) {
	w := newSigstoreWorld(t)
	signer := verify.Signer{Issuer: issuer, Identity: identity, TrustedRoot: "trusted_root.json"}
	e := w.trust(t, keyless(issuer, "identity", identity, "trusted_root.json"))
	e.Attestations = []verify.Attestation{{PredicateType: scanType, MaxAge: verify.MaxAge(time.Hour), Signers: []verify.Signer{signer}}}
	now := time.Now()
	recent := predicate().with(object{"timeVerified": now.UTC().Format(time.RFC3339)})
	bundles := []attest.Bundle{w.sign(t, identity, issuer, verdict(recent), nil), w.sign(t, identity, issuer, encode(statement(scanType, object{})), nil)}
	for after, want := range map[time.Duration]bool{0: true, 2 * time.Hour: false} {
		v, err := verify.New(found(bundles), e, verify.WithClock(func() time.Time { return now.Add(after) }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(context.Background(), artifact); (err == nil) != want {
			t.Errorf("after %s: Verify = %v, want accepted %v", after, err, want)
		}
	}
	e.Attestations[0].Signers = nil
	e.Signers = append(e.Signers, verify.Signer{Key: releaseKey.pem()})
	v, err := verify.New(found{bundles[0], signed(releaseKey, encode(statement(scanType, object{})))}, e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = v.Verify(context.Background(), artifact); err == nil || !strings.Contains(err.Error(), "nobody can say when") {
		t.Errorf("Verify of a statement that nobody saw = %v, want that nobody says when", err)
	}
}

const requirements = `attestations:
  - name: scan
    predicateType: https://greet.example/scan/v1
    signers:
      - name: scanner
        key: |
          -----BEGIN PUBLIC KEY-----
          MCowBQYDK2VwAyEAiV6OLJPX0S6UzBY4pttUpc/9mCtsUSMs2LWkz9+fDdc=
          -----END PUBLIC KEY-----
        notAfter: 2027-01-01T00:00:00Z
    threshold: 1
    time: metadata.finishedOn
    maxAge: 7d
    where:
      - path: scanner.id
        equals: "https://greet.example/scanner"
    all:
      - path: result
        not: FAILED
      - path: score
        atLeast: 7.10
      - path: when
        atMost: 2026-11-22T12:00:00Z
      - any:
          - path: labels
            contains: "true"
          - all:
              - path: final
                equals: true
              - path: 'annotations["io.example/x"]'
                exists: true
    any:
      - path: level
        oneOf: [1, 2.5, three, false]
      - path: materials[*].uri
        matches: git+https://greet.example/**
`

func TestParseTrustRequirements(t *testing.T) {
	got := readsBack(t, trustFile+requirements)
	a := got.Attestations[0]
	if len(a.All) != 4 || len(a.All[3].Any) != 2 || len(a.Any[0].OneOf) != 4 || a.Any[0].OneOf[3].String() != "false" || a.All[2].AtMost.String() != `"2026-11-22T12:00:00Z"` {
		t.Errorf("ParseTrust = %+v", a)
	}
}

func TestParseTrustRequirementFaults(t *testing.T) {
	deep := strings.Repeat("{any: [", 5) + "{path: a, exists: true}" + strings.Repeat("]}", 5)
	for _, tt := range []struct{ from, to, want string }{
		{"    predicateType: https://greet.example/scan/v1\n", "", "19:5: predicateType is missing"},
		{"threshold: 1", "threshold: 2", "28:16: threshold 2 is more than there are signers: 1"},
		{"time: metadata.finishedOn", "time: metadata[any].finishedOn", "29:11: time leads to one value"},
		{"path: scanner.id", "path: scanner..id", `32:15: "scanner..id" is no path: a key is missing`},
		{"not: FAILED", "noot: FAILED", `36:9: unknown key "noot": did you mean "not"?`},
		{"not: FAILED", "not: [FAILED]", "36:14: expected text, a number, true or false"},
		{"not: FAILED", "not: null", "36:14: a value is missing"},
		{"        not: FAILED\n", "", "35:9: a comparison is missing"},
		{"not: FAILED", "exists: false", "35:9: a comparison is missing: equals, not, oneOf, matches, atLeast, atMost, contains or exists: true; that something is absent cannot be required"},
		{"not: FAILED", "not: FAILED\n        equals: x", "36:14: equals and not stand in one condition"},
		{"atLeast: 7.10", "atLeast: high", `38:18: atLeast is "high", expected a number, or a time`},
		{"atLeast: 7.10", "atLeast: .inf", `38:18: ".inf" is no number`},
		{"atLeast: 7.10", "atLeast: 1e999", `38:18: atLeast is "1e999", expected a number`},
		{"matches: git+https://greet.example/**", "matches: '**'", "53:18: matches stands for anything"},
		{"oneOf: [1, 2.5, three, false]", "oneOf: []", "51:16: oneOf lists nothing"},
		{"      - path: result\n        not: FAILED\n", "      - " + deep + "\n", "conditions are nested deeper than 4 levels"},
		{"      - path: result\n        not: FAILED\n", strings.Repeat("      - {path: a, exists: true}\n", 65), "more than 64 conditions"},
		{"      - path: result\n", "      - path: result\n        all: []\n", "a condition is either a path with a comparison, or all or any of others"},
		{"attestations:\n", "attestations:\n  - {name: scan, predicateType: x}\n", `two attestations are called "scan"`},
		{"        notAfter: 2027-01-01T00:00:00Z\n", "        issuer: https://i.example\n", "23:14: a signer is either a key, or an issuer"},
		{"maxAge: 7d", "maxAge: 7", `30:13: "7" is no length of time`},
	} {
		if !strings.Contains(requirements, tt.from) {
			t.Fatalf("the requirements hold no %q", tt.from)
		}
		got, err := verify.ParseTrust("trust.yaml", []byte(trustFile+strings.Replace(requirements, tt.from, tt.to, 1)))
		if err == nil {
			t.Errorf("ParseTrust with %q = %+v, want an error with %q", tt.to, got.Attestations, tt.want)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseTrust with %q = %v, want an error with %q", tt.to, err, tt.want)
		}
	}
}

const fullProvenance = `provenance:
  level: 1
  sourceRepository: https://github.com/acme/greet
  tag: v1.*
  commit: "1111111111111111111111111111111111111111"
  workflow: .github/workflows/**
  builders:
    - id: https://github.com/acme/greet/.github/workflows/release.yml@refs/heads/*
      level: 1
      trustedRoot: public-good
      require: [log, sct]
    - id: https://tekton.dev/chains/v2
      level: 2
      signers:
        - issuer: https://i.example
          identity: a@b.example
          trustedRoot: r.json
`

// Every key that can be written is in some example here, and none is lost when it
// is written and read again.
func TestEveryRequirementReadsBack(t *testing.T) {
	seen := make(map[string]bool)
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				f := v.Type().Field(i)
				if !f.IsExported() {
					continue
				}
				key := v.Type().Name() + "." + f.Name
				seen[key] = seen[key] || !v.Field(i).IsZero()
				walk(v.Field(i))
			}
		}
	}
	const vexSigner = "  signers:\n    - issuer: https://i.example\n      identity: a@b.example\n      trustedRoot: r.json\n"
	ref := strings.Replace(fullProvenance, "tag: v1.*", "ref: refs/heads/main", 1)
	for _, text := range []string{requirements, fullProvenance + others + vexSigner, ref} {
		got, err := verify.ParseTrust("trust.yaml", []byte(trustFile+text))
		if err != nil {
			t.Fatal(err)
		}
		walk(reflect.ValueOf(got.Attestations))
		walk(reflect.ValueOf(got.Provenance))
		walk(reflect.ValueOf(got.Source))
		walk(reflect.ValueOf(got.SBOM))
		walk(reflect.ValueOf(got.VEX))
		data, err := got.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := verify.ParseTrust("trust.yaml", data)
		if err != nil {
			t.Fatalf("ParseTrust of what Encode wrote: %v\n%s", err, data)
		}
		if diff := cmp.Diff(got, again, sameExpect); diff != "" {
			t.Errorf("ParseTrust∘Encode (-want +got):\n%s\n%s", diff, data)
		}
	}
	for key, there := range seen {
		if kind, _, _ := strings.Cut(key, "."); !there && kind != "Signer" && kind != "Certificate" {
			t.Errorf("no example says %s", key)
		}
	}
}

// A yes ends with the first thing that it rests on.
func TestUntil(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	made := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
	bundles := []attest.Bundle{
		good, sourced(theSHA), aboutCommit(sourceKey, theSHA, sourceSummary()), scanned(releaseKey, scan("PASSED", "2026-11-22T10:00:00Z")),
		said(vexType, openVEX("2026-11-20T10:00:00Z", vexed("CVE-1", "fixed"))),
	}
	for _, tt := range []struct {
		name   string
		change func(*verify.Expect)
		want   time.Time
	}{
		{"the verdict's age", func(*verify.Expect) {}, made.Add(90 * 24 * time.Hour)},
		{"nothing ends it", func(e *verify.Expect) { e.MaxAge = verify.Unlimited }, time.Time{}},
		{"a key's end", func(e *verify.Expect) { e.Signers[0].NotAfter = made.Add(48 * time.Hour) }, made.Add(48 * time.Hour)},
		{"a requirement's age", scanRequired, made.Add(7*24*time.Hour - time.Hour)},
		{"a requirement's signer", func(e *verify.Expect) {
			sourceRequired(e)
			e.Source.MaxAge, e.Source.Signers[0].NotAfter = verify.Unlimited, made.Add(72*time.Hour)
		}, made.Add(72 * time.Hour)},
		{"the source's age", sourceRequired, time.Date(2026, 12, 20, 10, 0, 0, 0, time.UTC)},
		{"the VEX's age", vexRequired, time.Date(2026, 12, 20, 10, 0, 0, 0, time.UTC)},
	} {
		e := expect()
		tt.change(&e)
		got, err := ask(t, e, artifact, bundles...)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if !got.Until().Equal(tt.want) {
			t.Errorf("%s: Until = %s, want %s", tt.name, got.Until(), tt.want)
		}
	}
}

func TestRequiredInWords(t *testing.T) {
	w := newSigstoreWorld(t)
	const ours = "public-good"
	text := strings.NewReplacer("r.json", ours, "trusted_root.json", ours).Replace(trustFile + requirements + fullProvenance + others)
	e, err := verify.ParseTrust(filepath.Join(w.dir, "trust.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d, err := verify.Describe(e)
	if err != nil {
		t.Fatal(err)
	}
	want := []verify.RequiredDescription{
		{Kind: "attestation", Text: "scan: https://greet.example/scan/v1, signed by scanner, with 7 conditions, at most 7d old"},
		{Kind: "provenance", Text: "SLSA build level 1, from https://github.com/acme/greet, tag v1.*, commit 1111111111111111111111111111111111111111, workflow .github/workflows/**, by https://github.com/acme/greet/.github/workflows/release.yml@refs/heads/* (level 1) or https://tekton.dev/chains/v2 (level 2, signed by a@b.example)"},
		{Kind: "sbom", Text: "a bill of materials about the artifact, in spdx or cyclonedx, signed by a@b.example"},
		{Kind: "vex", Text: "OpenVEX that leaves no vulnerability open, signed by one of the same signers, at most 30d old"},
		{Kind: "source", Text: "SLSA source level 3 of the commit in git+https://github.com/acme/greet, by verifier https://forge.example/source-verifier, signed by a@b.example"},
	}
	if diff := cmp.Diff(want, d.Required); diff != "" {
		t.Errorf("Required (-want +got):\n%s", diff)
	}
}

// What conditions cost beside the verdict, by the size of the predicate.
func BenchmarkRequirements(b *testing.B) {
	good := signed(releaseKey, verdict(predicate()))
	for _, size := range []int{1 << 10, 1 << 20} {
		large := scan("PASSED", "2026-11-22T10:00:00Z").with(object{"findings": slices.Repeat([]object{{"id": "CVE-2026-1", "score": 5.3}}, size/32)})
		bundles := found{good, scanned(releaseKey, large)}
		for _, conditions := range []int{0, 2, 4} {
			e := expect()
			if conditions > 0 {
				scanRequired(&e)
				score, err := verify.Number("6.9")
				if err != nil {
					b.Fatal(err)
				}
				for len(e.Attestations[0].All) < conditions {
					e.Attestations[0].All = append(e.Attestations[0].All, verify.Condition{Path: "findings[*].score", AtMost: &score})
				}
			}
			b.Run(fmt.Sprintf("%dKiB/%d", size>>10, conditions), func(b *testing.B) {
				v, err := verify.New(bundles, e, verify.WithClock(func() time.Time { return thePresent }))
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := v.Verify(b.Context(), artifact); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// readsBack holds that what a trust file says is what is written of it, and
// returns that.
func readsBack(t *testing.T, file string) verify.Expect {
	t.Helper()
	got, err := verify.ParseTrust("trust.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := got.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := verify.ParseTrust("trust.yaml", text)
	if err != nil {
		t.Fatalf("ParseTrust of what Encode wrote: %v\n%s", err, text)
	}
	if diff := cmp.Diff(got, again, sameExpect); diff != "" {
		t.Errorf("ParseTrust∘Encode (-want +got):\n%s\n%s", diff, text)
	}
	return got
}

// requirementUnmet holds that err is a no because of a requirement, and says want.
func requirementUnmet(t *testing.T, err error, want string) {
	t.Helper()
	var no *verify.RejectionError
	if !errors.As(err, &no) || !no.Has(verify.RequirementUnmet) || !strings.Contains(err.Error(), want) {
		t.Errorf("Verify = %v, want a reason with %q", err, want)
	}
}
