package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// A verifier that has opened a statement for one of its subjects says about
// every other what a new verifier says.
func TestOpenedOnce(t *testing.T) {
	subjects := []criteria.Digest{artifact, otherOne, criteria.DigestOf([]byte("third"))}
	payload := encode(statement(verdictType, predicate()).with(object{"subject": about(subjects...)}))
	good := signed(releaseKey, payload)
	forged := slices.Clone(signed(strangerKey, payload))
	now := thePresent
	want := expect()
	want.Signers[0].NotBefore, want.Signers[0].NotAfter = thePresent.AddDate(-1, 0, 0), thePresent.AddDate(0, 0, 1)
	verifier := func(bundles ...attest.Bundle) *verify.Verifier {
		v, err := verify.New(found(bundles), want, verify.WithClock(func() time.Time { return now }))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	answer := func(v *verify.Verifier, subject criteria.Digest) string {
		t.Helper()
		r, err := v.Verify(context.Background(), subject)
		if err != nil {
			return err.Error()
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	kept := verifier(good, forged)
	stranger := criteria.DigestOf([]byte("not in the release"))
	for round := range 2 {
		for _, s := range append(slices.Clone(subjects), stranger) {
			if diff := cmp.Diff(answer(verifier(good, forged), s), answer(kept, s)); diff != "" {
				t.Errorf("round %d, %s: (-new verifier +the one that opened it)\n%s", round, s, diff)
			}
		}
	}
	if _, err := kept.Verify(context.Background(), otherOne); err != nil {
		t.Errorf("Verify(%s) = %v, want a result", otherOne, err)
	}
	if _, err := kept.Verify(context.Background(), stranger); !slices.Equal(codes(t, err), []string{verify.WrongSubject, verify.WrongSubject}) {
		t.Errorf("Verify of what the verdict is not about = %v, want %s", err, verify.WrongSubject)
	}

	// Neither a signature nor a statement is kept under another's bytes.
	altered := bytes.Replace(good, []byte(`"sig":"`), []byte(`"sig":"A`), 1)
	if bytes.Equal(altered, good) {
		t.Fatal("nothing was altered")
	}
	both := verifier(good, altered)
	for range 2 {
		r, err := both.Verify(context.Background(), artifact)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Ignored) != 1 || r.Ignored[0].Bundle != criteria.DigestOf(altered) {
			t.Errorf("Ignored = %v, want the altered bundle", r.Ignored)
		}
	}

	// A key's validity is asked each time.
	now = thePresent.AddDate(0, 0, 2)
	if _, err := kept.Verify(context.Background(), artifact); !slices.Contains(codes(t, err), verify.UntrustedSigner) {
		t.Errorf("after the key's last day, Verify = %v, want %s", err, verify.UntrustedSigner)
	}
}

// BenchmarkVerifyRelease verifies one after another all artifacts that one
// verdict is about: the time for each must not grow with their number.
func BenchmarkVerifyRelease(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		subjects := make([]criteria.Digest, n)
		for i := range subjects {
			subjects[i] = criteria.DigestOf([]byte{byte(i), byte(i >> 8)})
		}
		good := signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"subject": about(subjects...)})))
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				v, err := verify.New(found{good}, expect(), verify.WithClock(func() time.Time { return thePresent }))
				if err != nil {
					b.Fatal(err)
				}
				for _, s := range subjects {
					if _, err := v.Verify(context.Background(), s); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/artifact")
		})
	}
}
