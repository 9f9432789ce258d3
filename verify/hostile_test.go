package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/sigstoretest"
	"github.com/hallmark-project/hallmark/verify"
)

// whole is a bundle that is accepted, and a verifier that is asked about variants
// of it one after the other, so that whatever it remembers is remembered.
type whole struct {
	name    string
	bundle  attest.Bundle
	subject criteria.Digest
	ask     func(bundles ...attest.Bundle) (*verify.Result, error)
	// anew is ask of a verifier that remembers nothing.
	anew func(bundles ...attest.Bundle) (*verify.Result, error)
}

// shelf is a source whose bundles change.
type shelf struct{ bundles []attest.Bundle }

func (s *shelf) Bundles(context.Context, criteria.Digest) ([]attest.Bundle, error) {
	return s.bundles, nil
}

// wholes are bundles that cosign made with real services, and those that the
// vectors with certificates accept.
func wholes(t testing.TB) []whole {
	t.Helper()
	make := func(name string, want verify.Expect, subject criteria.Digest, now time.Time, bundle attest.Bundle) whole {
		verifier := func(s *shelf) *verify.Verifier {
			v, err := verify.New(s, want, verify.WithClock(func() time.Time { return now }))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		s := new(shelf)
		v := verifier(s)
		w := whole{name: name, bundle: bundle, subject: subject}
		w.ask = func(bundles ...attest.Bundle) (*verify.Result, error) {
			s.bundles = bundles
			return v.Verify(context.Background(), subject)
		}
		w.anew = func(bundles ...attest.Bundle) (*verify.Result, error) {
			return verifier(&shelf{bundles}).Verify(context.Background(), subject)
		}
		if _, err := w.ask(bundle); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return w
	}
	var out []whole
	for _, world := range []string{"rekor-v1", "rekor-v2"} {
		dir := filepath.Join("testdata/recorded", world)
		data, err := os.ReadFile(filepath.Join(dir, "bundle.sigstore.json"))
		if err != nil {
			t.Fatal(err)
		}
		want := verify.Expect{
			Verifier: recordedVerifier, Resource: recordedResource, Level: criteria.Basic, MaxAge: verify.Unlimited,
			Signers: []verify.Signer{{Issuer: recordedIssuer, Identity: recordedIdentity, TrustedRoot: must(filepath.Abs(filepath.Join(dir, "trusted_root.json")))}},
		}
		out = append(out, make(world, want, must(criteria.ParseDigest(recordedArtifact)), thePresent.AddDate(0, 0, 1), data))
	}
	for _, v := range keylessVectors(t) {
		if v.expect[0] != "accept" {
			continue
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "trusted_root.json"), v.root, 0o644); err != nil {
			t.Fatal(err)
		}
		want, err := verify.ParseTrust(filepath.Join(dir, "trust.yaml"), v.trust)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, make(v.name, want, v.subject, v.now, v.bundles[0]))
	}
	return out
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// shown is everything of an answer that a bundle decides.
func shown(r *verify.Result) []byte {
	r.Verdict.Bundle = criteria.Digest{}
	for i := range r.Statements {
		r.Statements[i].Bundle = criteria.Digest{}
	}
	if r.Findings != nil {
		r.Findings.Bundle = criteria.Digest{}
	}
	return encode(r)
}

// A bundle with a certificate in which one byte is changed is refused, or says
// exactly what it said: who signed what, when, and where that is logged.
func TestFlippedBytesKeyless(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for _, w := range wholes(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			result, err := w.anew(w.bundle)
			if err != nil {
				t.Fatal(err)
			}
			want := shown(result)
			accepted := 0
			for i := 0; i < len(w.bundle); i += 5 * stride {
				changed := slices.Clone(w.bundle)
				changed[i] ^= 1 << (i % 7)
				got, err := w.ask(changed)
				if err != nil {
					codes(t, err)
					continue
				}
				accepted++
				if !bytes.Equal(shown(got), want) {
					t.Fatalf("byte %d: something else was accepted:\n%s\n%s", i, shown(got), want)
				}
			}
			if accepted > len(w.bundle)/10 {
				t.Errorf("%d changes were accepted", accepted)
			}
		})
	}
}

// The same bytes are answered the same, whatever was asked before and in whatever
// company: what a verifier remembers turns no answer.
func TestSameAnswerWhateverCameBefore(t *testing.T) {
	for _, w := range wholes(t) {
		rng := rand.New(rand.NewPCG(1, uint64(len(w.bundle))))
		pool := []attest.Bundle{w.bundle}
		for range 12 {
			changed := slices.Clone(w.bundle)
			changed[rng.IntN(len(changed))] ^= 1 << rng.IntN(8)
			pool = append(pool, changed)
		}
		for _, v := range keylessVectors(t) {
			pool = append(pool, v.bundles...)
		}
		type answer struct{ result, err []byte }
		alone := make(map[string]answer)
		look := func(ask func(...attest.Bundle) (*verify.Result, error), bundles []attest.Bundle) answer {
			r, err := ask(bundles...)
			return answer{encode(r), encode(err)}
		}
		for range 60 {
			var company []attest.Bundle
			for range 1 + rng.IntN(3) {
				company = append(company, pool[rng.IntN(len(pool))])
			}
			key := string(encode(company))
			got := look(w.ask, company)
			want, ok := alone[key]
			if !ok {
				want = look(w.anew, company)
				alone[key] = want
			}
			if !bytes.Equal(got.result, want.result) || !bytes.Equal(got.err, want.err) {
				t.Fatalf("%s: a verifier that has seen others answers\n%s%s\nand a new one\n%s%s", w.name, got.result, got.err, want.result, want.err)
			}
		}
	}
}

// What is refused alone takes no yes away and gives none.
func TestRefusedEvidenceChangesNothing(t *testing.T) {
	for _, w := range wholes(t) {
		result, err := w.anew(w.bundle)
		if err != nil {
			t.Fatal(err)
		}
		result.Ignored = nil
		want := shown(result)
		var refused []attest.Bundle
		for _, v := range vectors(t) {
			for _, b := range v.bundles {
				if len(b) < 100<<10 && !bytes.Equal(b, w.bundle) {
					if _, err := w.ask(b); err != nil {
						refused = append(refused, b)
					}
				}
			}
		}
		if len(refused) < 20 {
			t.Fatalf("only %d refused bundles", len(refused))
		}
		if r, err := w.ask(refused...); err == nil {
			t.Errorf("%s: refused bundles add up to a yes: %s", w.name, encode(r))
		}
		for i, b := range refused {
			for _, order := range [][]attest.Bundle{{b, w.bundle}, {w.bundle, b}} {
				got, err := w.ask(order...)
				if err != nil {
					t.Errorf("%s: refused bundle %d takes the yes away: %v", w.name, i, err)
					continue
				}
				got.Ignored = nil
				if !bytes.Equal(shown(got), want) {
					t.Errorf("%s: refused bundle %d changes what is said:\n%s\n%s", w.name, i, shown(got), want)
				}
			}
		}
	}
}

// FuzzKeyless alters bundles with certificates. Whatever is accepted says what a
// bundle said that services witnessed.
func FuzzKeyless(f *testing.F) {
	all := wholes(f)[:3] // Rekor v1 and v2, and a hash in v1
	known := make(map[criteria.Digest]bool)
	for _, w := range all {
		f.Add([]byte(w.bundle))
		var b protobundle.Bundle
		if err := protojson.Unmarshal(w.bundle, &b); err != nil {
			f.Fatal(err)
		}
		known[criteria.DigestOf(b.GetDsseEnvelope().GetPayload())] = true
	}
	for _, v := range keylessVectors(f) {
		for _, b := range v.bundles {
			f.Add([]byte(b))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, w := range all {
			r, err := w.ask(data)
			if got := codes(t, err); len(got) == 1 && got[0] == verify.BadBundle {
				break // for every verifier: nothing was looked at yet
			}
			again, err2 := w.anew(data)
			if !bytes.Equal(encode(r), encode(again)) || !bytes.Equal(encode(err), encode(err2)) {
				t.Errorf("%s: the same bytes are answered twice differently:\n%s\n%s", w.name, encode(r), encode(again))
			}
			if r != nil && !known[r.Verdict.Statement] {
				t.Errorf("%s: a statement was accepted that nobody signed: %s", w.name, encode(r))
			}
			both, err := w.ask(w.bundle, data)
			if err != nil && r == nil {
				t.Errorf("%s: what is refused alone takes a yes away: %v", w.name, err)
			}
			if both != nil && !known[both.Verdict.Statement] {
				t.Errorf("%s: a statement was accepted that nobody signed: %s", w.name, encode(both))
			}
		}
	})
}

// A hundred thousand subjects are too many, whether the artifact is among them or
// not, and it takes no time to say so.
func TestHundredThousandSubjects(t *testing.T) {
	subjects := make([]object, 100_000)
	for i := range subjects {
		subjects[i] = object{"name": fmt.Sprint(i), "digest": object{"sha256": criteria.DigestOf(fmt.Append(nil, i)).Hex()}}
	}
	subjects[len(subjects)-1] = about(artifact)[0]
	b := signed(releaseKey, encode(statement(verdictType, predicate()).with(object{"subject": subjects})))
	_, err := ask(t, expect(), artifact, b)
	if got := codes(t, err); !slices.Equal(got, []string{verify.TooLarge}) {
		t.Errorf("reasons = %v, want %s", got, verify.TooLarge)
	}
	// It is no reason against another bundle.
	if _, err := ask(t, expect(), artifact, b, signed(releaseKey, verdict(predicate()))); err != nil {
		t.Errorf("beside a good verdict: %v", err)
	}
}

// hostile are bundles about the artifact that a stranger makes who wants it to
// take long.
func hostile(t testing.TB, n int) (bundles map[string][]attest.Bundle, trustedRoot []byte) {
	t.Helper()
	s := sigstoretest.New(signedAt)
	good := s.Sign(inV2(s))
	// A certificate that the stranger issued himself, by the name of who is
	// trusted: signed by him, in the log, and with timestamps.
	own := sigstoretest.New(signedAt)
	own.V1, own.V2, own.TSA = s.V1, s.V2, s.TSA
	forged := own.Sign(inV2(own))
	many := own.Sign(inV2(own))
	for i := range 31 {
		sigstoretest.AddStamp(many, s.TSA.Stamp(sigstoretest.Signature(many), signedAt.Add(time.Duration(i)*time.Second), false))
	}
	replayed := s.Sign(inV2(s))
	replayed.GetDsseEnvelope().Signatures[0].Sig = sigstoretest.Signature(good)
	out := make(map[string][]attest.Bundle)
	for name, b := range map[string]*protobundle.Bundle{"forged certificate": forged, "forged certificate and 32 timestamps": many, "another signature": replayed} {
		data := compact(t, sigstoretest.JSON(b))
		for i := range n {
			out[name] = append(out[name], append(slices.Clone(data), bytes.Repeat([]byte(" "), i+1)...))
		}
	}
	for i := range n {
		out["stranger's key"] = append(out["stranger's key"], signed(strangerKey, verdict(predicate().with(object{"n": i}))))
		out["about others"] = append(out["about others"], signed(strangerKey, encode(statement(verdictType, predicate()).with(object{"subject": about(criteria.DigestOf(fmt.Append(nil, i)))}))))
		out["no JSON"] = append(out["no JSON"], fmt.Appendf(nil, "{\"mediaType\": %d", i))
	}
	return out, s.Root().JSON()
}

func compact(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hostileTrust trusts the release key and the workflow under trustedRoot.
func hostileTrust(t testing.TB, trustedRoot []byte) verify.Expect {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trusted_root.json")
	if err := os.WriteFile(path, trustedRoot, 0o644); err != nil {
		t.Fatal(err)
	}
	want := expect()
	want.Signers = append(want.Signers, verify.Signer{Issuer: issuer, Identity: identity, TrustedRoot: path, Require: []verify.Witness{verify.Log, verify.SCT, verify.Timestamp}})
	return want
}

// However many strangers' bundles stand before it, a good one is found.
func TestHostileCrowd(t *testing.T) {
	bundles, trustedRoot := hostile(t, 20)
	want := hostileTrust(t, trustedRoot)
	good := signed(releaseKey, verdict(predicate()))
	for name, crowd := range bundles {
		if _, err := ask(t, want, artifact, crowd...); len(codes(t, err)) != len(crowd) {
			t.Errorf("%s: %v, want a reason for each of %d", name, err, len(crowd))
		}
		if _, err := ask(t, want, artifact, append(slices.Clone(crowd), good)...); err != nil {
			t.Errorf("%s: a good bundle behind them is not found: %v", name, err)
		}
	}
}

// BenchmarkHostile is as many bundles about one artifact as are looked at, each
// other than the one before it and all of them a stranger's.
func BenchmarkHostile(b *testing.B) {
	bundles, trustedRoot := hostile(b, verify.MaxBundles)
	want := hostileTrust(b, trustedRoot)
	for _, name := range slices.Sorted(maps.Keys(bundles)) {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				if _, err := ask(b, want, artifact, bundles[name]...); len(codes(b, err)) != verify.MaxBundles {
					b.Fatal(err)
				}
			}
		})
	}
}
