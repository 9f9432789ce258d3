package verify_test

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// tarball is a file as who has hashed it knows it.
type tarball struct{ sha256, sha384, sha512 criteria.Digest }

func hashed(content string) tarball {
	digest := func(algorithm string, sum []byte) criteria.Digest {
		d, err := criteria.ParseDigest(algorithm + ":" + hex.EncodeToString(sum))
		if err != nil {
			panic(err)
		}
		return d
	}
	s384, s512 := sha512.Sum384([]byte(content)), sha512.Sum512([]byte(content))
	return tarball{criteria.DigestOf([]byte(content)), digest("sha384", s384[:]), digest("sha512", s512[:])}
}

var theTarball, otherTarball = hashed("greet-1.2.0.tgz"), hashed("another.tgz")

// digests is what a caller says who has read both files.
func digests(subject criteria.Digest) []criteria.Digest {
	for _, t := range []tarball{theTarball, otherTarball} {
		if t.sha256 == subject {
			return []criteria.Digest{t.sha384, t.sha512}
		}
	}
	return nil
}

// places holds bundles by the digests that their statements name, as folders do.
type places map[criteria.Digest][]attest.Bundle

func (p places) Bundles(_ context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	return p[subject], nil
}

// add puts a statement about digests, signed with k, where each is looked up.
func (p places) add(k key, predicateType string, predicate object, subject object, digests ...criteria.Digest) {
	b := signed(k, encode(statement(predicateType, predicate).with(object{"subject": []object{subject}})))
	for _, d := range digests {
		p[d] = append(p[d], b)
	}
}

func named(digests ...criteria.Digest) object {
	set := object{}
	for _, d := range digests {
		set[d.Algorithm()] = d.Hex()
	}
	return object{"name": "pkg:npm/greet@1.2.0", "digest": set}
}

// npmBuilt asks for provenance by a builder that signs with a key.
func npmBuilt(e *verify.Expect) {
	e.Provenance = &verify.Provenance{
		Level: 2, SourceRepository: theSource,
		Builders: []verify.Builder{{ID: "https://builder.example/npm", Level: 2, Signers: []verify.Signer{{Name: "builder", Key: otherKey.pem()}}}},
	}
}

func npmBuild() object { return gitHubBuild("https://builder.example/npm") }

// sameStories are the vectors of files that statements name by several digests.
func sameStories() []story {
	the, also := theTarball.sha256, []criteria.Digest{theTarball.sha512}
	by := func(k key, kind string, p object, digests ...criteria.Digest) attest.Bundle {
		return signed(k, encode(statement(kind, p).with(object{"subject": []object{named(digests...)}})))
	}
	judged := by(releaseKey, verdictType, predicate(), the)
	later := failed().with(object{"timeVerified": "2026-11-22T11:30:00Z"})
	return []story{
		{
			name: "accept-provenance-by-sha512", comment: "A verdict that names the file by SHA-256 alone, and provenance that names it by SHA-512 alone, for who has hashed the file by both.",
			expect: "accept", subject: the, also: also, trust: npmBuilt,
			bundles: []attest.Bundle{judged, by(otherKey, provenanceV1, npmBuild(), theTarball.sha512)},
		},
		{
			name: "wrong-subject-provenance-by-sha512", comment: "The same for who knows the file by SHA-256 alone: nobody's word joins two digests.",
			expect: "wrong-subject requirement-unmet", subject: the, trust: npmBuilt,
			bundles: []attest.Bundle{judged, by(otherKey, provenanceV1, npmBuild(), theTarball.sha512)},
		},
		{
			name: "wrong-subject-provenance-of-another", comment: "The provenance names another file by SHA-512, and so does a verdict beside the file's own SHA-256.",
			expect: "wrong-subject requirement-unmet", subject: the, also: also, trust: npmBuilt,
			bundles: []attest.Bundle{
				by(releaseKey, verdictType, predicate(), the, otherTarball.sha512), by(otherKey, provenanceV1, npmBuild(), otherTarball.sha512),
			},
		},
		{
			name: "failed-by-sha512", comment: "A verdict names the file by SHA-256, and the one that withdraws it by SHA-512.",
			expect: "superseded failed", subject: the, also: also,
			bundles: []attest.Bundle{judged, by(releaseKey, verdictType, later, theTarball.sha512)},
		},
	}
}

// Provenance of npm names a package by SHA-512 alone, and the verdict names it by
// SHA-256: they are about the same bytes for who has hashed them, and for nobody
// else.
func TestDigestsOfTheSameBytes(t *testing.T) {
	later := failed().with(object{"timeVerified": "2026-11-22T11:30:00Z"})
	bill := func(hash string) object {
		return object{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": object{"component": object{
			"name": "greet", "hashes": []object{{"alg": "SHA-256", "content": theTarball.sha256.Hex()}, {"alg": "SHA-512", "content": hash}},
		}}}
	}
	billed := func(e *verify.Expect) { e.SBOM = &verify.SBOM{Formats: []verify.BillFormat{verify.CycloneDX}} }
	the, other := theTarball, otherTarball
	for _, tt := range []struct {
		name  string
		trust func(*verify.Expect)
		fill  func(places)
		want  []string
	}{
		{"verdict by sha256, provenance by sha512", npmBuilt, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(otherKey, provenanceV1, npmBuild(), named(the.sha512), the.sha512)
		}, nil},
		{"verdict by sha384, provenance by sha512", npmBuilt, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha384), the.sha384)
			p.add(otherKey, provenanceV1, npmBuild(), named(the.sha512), the.sha512)
		}, nil},
		{"provenance of other bytes", npmBuilt, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(otherKey, provenanceV1, npmBuild(), named(other.sha512), other.sha512)
		}, []string{verify.RequirementUnmet}},
		{"provenance of other bytes, where ours lie", npmBuilt, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(otherKey, provenanceV1, npmBuild(), named(other.sha512), the.sha512)
		}, []string{verify.WrongSubject, verify.RequirementUnmet}},
		{"two files swapped", npmBuilt, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(other.sha256), other.sha256)
			p.add(otherKey, provenanceV1, npmBuild(), named(the.sha512), the.sha512)
		}, []string{verify.NoBundle}},
		{"a statement that lists both joins nothing", npmBuilt, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256, other.sha512), the.sha256, other.sha512)
			p.add(otherKey, provenanceV1, npmBuild(), named(other.sha512), other.sha512)
		}, []string{verify.RequirementUnmet}},
		{"withdrawn by sha512", nil, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(releaseKey, verdictType, later, named(the.sha512), the.sha512)
		}, []string{verify.Superseded, verify.Failed}},
		{"withdrawn by sha384, beside other bytes", npmBuilt, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(otherKey, provenanceV1, npmBuild(), named(the.sha512), the.sha512)
			p.add(releaseKey, verdictType, later, named(the.sha384, other.sha512), the.sha384, other.sha512)
		}, []string{verify.Superseded, verify.Failed}},
		{"others are withdrawn", nil, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(releaseKey, verdictType, later, named(other.sha512), other.sha512)
		}, nil},
		{"bill of materials by sha512", billed, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(releaseKey, sbomType, bill(the.sha512.Hex()), named(the.sha512), the.sha512)
		}, nil},
		{"bill of materials about other bytes by sha512", billed, func(p places) {
			p.add(releaseKey, verdictType, predicate(), named(the.sha256), the.sha256)
			p.add(releaseKey, sbomType, bill(other.sha512.Hex()), named(the.sha512), the.sha512)
		}, []string{verify.RequirementUnmet}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, src := expect(), places{}
			if tt.trust != nil {
				tt.trust(&e)
			}
			tt.fill(src)
			clock := verify.WithClock(func() time.Time { return thePresent })
			v, err := verify.New(src, e, clock, verify.WithDigests(digests))
			if err != nil {
				t.Fatal(err)
			}
			result, err := v.Verify(context.Background(), the.sha256)
			if diff := cmp.Diff(tt.want, codes(t, err)); diff != "" {
				t.Fatalf("Verify: reasons (-want +got):\n%s\n%v", diff, err)
			}
			if err == nil && result.Subject.Digest != the.sha256 {
				t.Errorf("Verify = about %s, want what was asked about", result.Subject.Digest)
			}
			x, err := v.Explain(context.Background(), the.sha256)
			if err != nil || x.Verified != (tt.want == nil) {
				t.Fatalf("Explain = verified %v, %v", x.Verified, err)
			}
			// One that was made without, and is told, answers the same.
			plain, err := verify.New(src, e, clock)
			if err != nil {
				t.Fatal(err)
			}
			_, told := plain.WithDigests(digests).Verify(context.Background(), the.sha256)
			if diff := cmp.Diff(tt.want, codes(t, told)); diff != "" {
				t.Errorf("WithDigests: reasons (-want +got):\n%s", diff)
			}
			// And whoever has not read the bytes knows nothing of the kind.
			if _, err := plain.Verify(context.Background(), the.sha256); err == nil && slices.Contains([]string{"verdict by sha256, provenance by sha512", "bill of materials by sha512"}, tt.name) {
				t.Error("digests were joined that nobody has hashed")
			}
		})
	}
}

// Explain names the digest by which a statement is about the file.
func TestExplainOtherDigest(t *testing.T) {
	src := places{}
	src.add(releaseKey, verdictType, predicate(), named(theTarball.sha512), theTarball.sha512)
	v, err := verify.New(src, expect(), verify.WithClock(func() time.Time { return thePresent }), verify.WithDigests(digests))
	if err != nil {
		t.Fatal(err)
	}
	x, err := v.Explain(context.Background(), theTarball.sha256)
	if err != nil || !x.Verified || len(x.Paths) != 1 {
		t.Fatalf("Explain = %+v, %v", x, err)
	}
	if text := fmt.Sprint(x.Paths[0].Steps); !strings.Contains(text, theTarball.sha512.String()) {
		t.Errorf("the steps do not name %s: %s", theTarball.sha512, text)
	}
}

// A trust file can be made from a release that is named by SHA-512 alone.
func TestFirstUseByOtherDigest(t *testing.T) {
	src := places{}
	src.add(releaseKey, verdictType, predicate(), named(theTarball.sha512), theTarball.sha512)
	first := verify.FirstUse{Key: releaseKey.pem(), MaxAge: verify.MaxAge(90 * 24 * time.Hour)}
	clock := verify.WithClock(func() time.Time { return thePresent })
	if _, _, err := first.Expect(context.Background(), src, theTarball.sha256, clock); err == nil {
		t.Error("Expect = a trust file, though nobody has hashed the file by SHA-512")
	}
	if _, result, err := first.Expect(context.Background(), src, theTarball.sha256, clock, verify.WithDigests(digests)); err != nil || result.Subject.Digest != theTarball.sha256 {
		t.Errorf("Expect = %+v, %v", result, err)
	}
}

// For who has hashed the files, it does not matter by which digests statements
// name them: the answer is the one that they would get if all were named by
// SHA-256.
func TestDigestsChangeNoAnswer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	e := expect()
	npmBuilt(&e)
	clock := verify.WithClock(func() time.Time { return thePresent })
	yes := 0
	for round := range 300 {
		mixed, plain := places{}, places{}
		for i := range 1 + random.IntN(5) {
			file := theTarball
			if random.IntN(3) == 0 {
				file = otherTarball
			}
			k, kind, p := releaseKey, verdictType, predicate()
			switch random.IntN(6) {
			case 0:
				p = failed()
			case 1, 2, 3:
				k, kind, p = otherKey, provenanceV1, npmBuild()
			}
			if kind == verdictType {
				p = p.with(object{"timeVerified": fmt.Sprintf("2026-11-22T11:0%d:00Z", random.IntN(3)), "note": i})
			}
			all := []criteria.Digest{file.sha256, file.sha384, file.sha512}
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			all = all[:1+random.IntN(3)]
			mixed.add(k, kind, p, named(all...), all...)
			plain.add(k, kind, p, named(file.sha256), file.sha256)
		}
		with, err := verify.New(mixed, e, clock, verify.WithDigests(digests))
		if err != nil {
			t.Fatal(err)
		}
		without, err := verify.New(plain, e, clock)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []tarball{theTarball, otherTarball} {
			_, err := with.Verify(context.Background(), file.sha256)
			_, want := without.Verify(context.Background(), file.sha256)
			got, expected := codes(t, err), codes(t, want)
			// In which order they are found is the source's affair.
			slices.Sort(got)
			slices.Sort(expected)
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Fatalf("round %d: reasons (-by sha256 +by any):\n%s\n%v", round, diff, err)
			}
			if err == nil {
				yes++
			}
		}
	}
	if yes < 20 {
		t.Errorf("%d yeses: the rounds say nothing", yes)
	}
}
