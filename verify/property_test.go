package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// A bundle with one byte changed is refused, or says exactly what it said: the
// byte was one that nothing signs and nobody reads.
func TestFlippedBytes(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	want, err := ask(t, expect(), artifact, good)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for i := range good {
		for _, bit := range []byte{0x01, 0x20, 0x80} {
			changed := slices.Clone(good)
			changed[i] ^= bit
			got, err := ask(t, expect(), artifact, changed)
			if err != nil {
				codes(t, err)
				continue
			}
			accepted++
			if got.Verdict.Statement != want.Verdict.Statement || got.Signer != want.Signer {
				t.Fatalf("byte %d ^ %#x: another statement was accepted", i, bit)
			}
		}
	}
	if accepted > len(good)/4 {
		t.Errorf("%d of %d changes were accepted", accepted, 3*len(good))
	}
}

func FuzzBundle(f *testing.F) {
	seen := 0
	for _, v := range vectors(f) {
		for _, b := range v.bundles {
			if len(b) < 8<<10 {
				f.Add([]byte(b))
				seen++
			}
		}
	}
	if seen == 0 {
		f.Fatal("no seeds")
	}
	good, ours := signed(releaseKey, verdict(predicate())), signedHere()
	f.Fuzz(func(t *testing.T, data []byte) {
		b := attest.Bundle(data)
		alone, err := ask(t, expect(), artifact, b)
		codes(t, err)
		again, err2 := ask(t, expect(), artifact, b)
		if !bytes.Equal(encode(alone), encode(again)) || !bytes.Equal(encode(err), encode(err2)) {
			t.Errorf("the same bundle was answered twice differently:\n%s\n%s", encode(alone), encode(again))
		}
		both, err := ask(t, expect(), artifact, good, b)
		switch {
		case err != nil && !slices.Contains(codes(t, err), verify.Failed) && !slices.Contains(codes(t, err), verify.Superseded) && !slices.Contains(codes(t, err), verify.CriteriaUnmet):
			t.Errorf("a bundle that is no verified verdict took a yes away: %v", err)
		case err == nil && alone == nil && both.Verdict.Statement != criteria.DigestOf(verdict(predicate())):
			t.Errorf("a bundle that is refused alone decided beside another: %+v", both.Verdict)
		}
		// Nobody without the key can make a statement of his own count.
		if alone != nil && !ours[alone.Verdict.Statement] {
			t.Errorf("a statement was accepted that nobody here signed: %+v", alone.Verdict)
		}
	})
}

// signedHere returns the statements that the stories sign.
func signedHere() map[criteria.Digest]bool {
	out := make(map[criteria.Digest]bool)
	for _, s := range stories() {
		for _, b := range s.bundles {
			var doc struct{ DSSEEnvelope struct{ Payload []byte } }
			if json.Unmarshal(b, &doc) == nil {
				out[criteria.DigestOf(doc.DSSEEnvelope.Payload)] = true
			}
		}
	}
	return out
}

// Adding what is refused on its own never makes a yes, in whatever order it is
// found.
func TestRefusedBundlesNeverAddUp(t *testing.T) {
	var refused []attest.Bundle
	for _, v := range vectors(t) {
		for _, b := range v.bundles {
			if _, err := ask(t, expect(), artifact, b); err != nil {
				refused = append(refused, b)
			}
		}
	}
	if len(refused) < 20 {
		t.Fatalf("only %d refused bundles", len(refused))
	}
	result, err := ask(t, expect(), artifact, refused...)
	if err == nil {
		t.Fatalf("Verify of refused bundles = %+v, want a rejection", result)
	}
	n := len(codes(t, err))
	slices.Reverse(refused)
	_, err = ask(t, expect(), artifact, refused...)
	if got := len(codes(t, err)); got != n {
		t.Errorf("%d reasons in one order, %d in the other", n, got)
	}
}

// Which bundle is found first must not matter.
func TestOrderDoesNotMatter(t *testing.T) {
	bundles := []attest.Bundle{
		signed(releaseKey, verdict(predicate())),
		bundle("", envelope(intoto, verdict(predicate()), releaseKey)),
		signed(releaseKey, verdict(predicate().with(object{"slsaVersion": "1.1"}))),
		signed(releaseKey, encode(statement(findingsType, findings()))),
		signed(releaseKey, encode(statement(sbomType, object{}))),
	}
	var first []byte
	for i := range bundles {
		turned := append(slices.Clone(bundles[i:]), bundles[:i]...)
		got, err := ask(t, expect(), artifact, turned...)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = encode(got)
		} else if !bytes.Equal(first, encode(got)) {
			t.Errorf("order %d gives another result:\n%s\n%s", i, first, encode(got))
		}
	}
}

// Two verdicts of the same moment must both satisfy.
func TestSameMoment(t *testing.T) {
	lesser := signed(releaseKey, verdict(predicate().with(object{"verifiedLevels": []string{}})))
	_, err := ask(t, expect(), artifact, signed(releaseKey, verdict(predicate())), lesser)
	if got := codes(t, err); !slices.Contains(got, verify.CriteriaUnmet) {
		t.Errorf("reasons = %v, want %s", got, verify.CriteriaUnmet)
	}
}

func TestFindingsBelongToTheVerdict(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	sign := func(k key, f object) attest.Bundle { return signed(k, encode(statement(findingsType, f))) }
	otherRun := findings().with(object{"url": "https://ci.example/2"})
	both := expect()
	both.Signers = append(both.Signers, verify.Signer{Key: otherKey.pem()})
	otherPolicy := findings().with(object{"configuration": []object{{"name": "policy.yaml", "digest": object{"sha256": otherOne.Hex()}}}})
	timed := otherRun.with(object{"configuration": []object{
		{"name": "policy", "digest": object{"sha256": thePolicy.Hex()}},
		{"name": "decision", "digest": object{"sha256": otherOne.Hex()}, "annotations": object{"time": "2026-11-22T11:00:00Z"}},
	}})
	named := criteria.DigestOf(encode(statement(findingsType, otherRun)))
	naming := signed(releaseKey, verdict(predicate().with(object{"inputAttestations": []object{{"uri": "findings", "digest": object{"sha256": named.Hex()}}}})))

	for _, tt := range []struct {
		name    string
		bundles []attest.Bundle
		want    string // the findings' URL; "none" for no findings
	}{
		{"none", []attest.Bundle{good}, "none"},
		{"its own", []attest.Bundle{good, sign(releaseKey, findings())}, ""},
		{"another signer's", []attest.Bundle{good, sign(otherKey, findings())}, "none"},
		{"under another policy", []attest.Bundle{good, sign(releaseKey, otherPolicy)}, "none"},
		{"that contradict it", []attest.Bundle{good, sign(releaseKey, findings().with(object{"result": "FAILED"}))}, "none"},
		{"unreadable", []attest.Bundle{good, sign(releaseKey, findings().with(object{"result": 1}))}, "none"},
		{"two different", []attest.Bundle{good, sign(releaseKey, findings()), sign(releaseKey, otherRun)}, "none"},
		{"that say more passed than it does", []attest.Bundle{good, sign(releaseKey, findings().with(object{"passedTests": []string{"secrets-absent"}}))}, "none"},
		{"two different, one of the same time", []attest.Bundle{good, sign(releaseKey, findings()), sign(releaseKey, timed)}, "https://ci.example/2"},
		{"two different, one named", []attest.Bundle{naming, sign(releaseKey, findings()), sign(releaseKey, otherRun)}, "https://ci.example/2"},
	} {
		got, err := ask(t, both, artifact, tt.bundles...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		url := "none"
		if got.Findings != nil {
			url = got.Findings.URL
		}
		if url != tt.want {
			t.Errorf("%s: findings %q, want %q", tt.name, url, tt.want)
		}
	}
}

// broken is a source that cannot look.
type broken struct{}

func (broken) Bundles(context.Context, criteria.Digest) ([]attest.Bundle, error) {
	return nil, errors.New("the disk is on fire")
}

// What cannot be looked at is neither a yes nor a no.
func TestCouldNotTell(t *testing.T) {
	clock := verify.WithClock(func() time.Time { return thePresent })
	good := signed(releaseKey, verdict(predicate()))
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		src  verify.Source
	}{
		{"broken source", context.Background(), broken{}},
		{"cancelled", gone, found{good}},
		{"too many bundles", context.Background(), found(slices.Repeat([]attest.Bundle{good}, verify.MaxBundles+1))},
	} {
		v, err := verify.New(tt.src, expect(), clock)
		if err != nil {
			t.Fatal(err)
		}
		result, err := v.Verify(tt.ctx, artifact)
		if err == nil || result != nil || codesOrNil(err) != nil {
			t.Errorf("%s: Verify = %v, %v, want could not tell", tt.name, result, err)
		}
	}
}

// A bundle beyond the limit is refused without being read.
func TestTooLargeBundle(t *testing.T) {
	_, err := ask(t, expect(), artifact, make(attest.Bundle, verify.MaxBundle+1))
	if got := codes(t, err); !slices.Equal(got, []string{verify.TooLarge}) {
		t.Errorf("reasons = %v, want %s", got, verify.TooLarge)
	}
}

// What strangers write must not reach a terminal as it is.
func TestMessagesArePrintable(t *testing.T) {
	evil := "\x1b[2J\u202egreet\n" + string(bytes.Repeat([]byte("x"), 10_000))
	subject := []object{{"name": evil, "digest": object{"sha256": otherOne.Hex()}}}
	payload := encode(statement(verdictType, predicate()).with(object{"subject": subject}))
	for _, b := range []attest.Bundle{
		signed(strangerKey, payload),
		bundle(evil, envelope(intoto, verdict(predicate()), strangerKey)),
		bundle("", envelope(evil, verdict(predicate()), strangerKey)),
		attest.Bundle(fmt.Sprintf(`{%q: 1}`, evil)),
		signed(releaseKey, verdict(predicate().with(object{"verificationResult": evil}))),
	} {
		_, err := ask(t, expect(), artifact, b)
		var no *verify.RejectionError
		if !errors.As(err, &no) {
			t.Fatalf("Verify = %v, want a rejection", err)
		}
		for _, r := range no.Reasons {
			if len(r.Message) > 2000 || bytes.ContainsAny([]byte(r.Message), "\x1b\n\u202e") {
				t.Errorf("message %q is not fit for a terminal", r.Message)
			}
		}
	}
}
