package verify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/verify"
)

// The trust file made from a release accepts that release, and nothing by
// anybody else or with less; it is read back as it was written.
func TestFirstUse(t *testing.T) {
	w, stranger := newSigstoreWorld(t), newSigstoreWorld(t)
	recent := func(age time.Duration, changes object) []byte {
		return verdict(predicate().with(object{"timeVerified": time.Now().Add(-age).UTC().Format(time.RFC3339)}).with(changes))
	}
	good := w.sign(t, identity, issuer, recent(time.Minute, nil), nil)
	first := verify.FirstUse{Dir: w.dir, TrustedRoot: "trusted_root.json", MaxAge: verify.MaxAge(time.Hour)}

	want, result, err := first.Expect(t.Context(), found{good}, artifact)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Verdict.Passed || result.Signer.Identity != identity || result.Signer.Issuer != issuer {
		t.Errorf("Expect: result %+v, want a yes by %s", result, identity)
	}
	s := want.Signers[0]
	if s.Identity != identity || s.Issuer != issuer || !slices.Equal(s.Require, []verify.Witness{verify.Log, verify.Timestamp}) {
		t.Errorf("Expect: signer %+v, want the identity with the witnesses that were there", s)
	}
	if want.Verifier != verifierID || want.Resource != resourceURI || len(want.Policies) != 1 || !want.Policies[0].Matches(thePolicy) || len(want.Criteria) == 0 {
		t.Errorf("Expect = %+v, want all that the verdict says", want)
	}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := verify.ParseTrust(w.dir+"/trust.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := read.Encode(); err != nil || string(again) != string(data) {
		t.Errorf("read back and written again, it differs: %v\n%s", err, cmp.Diff(string(data), string(again)))
	}

	without := func(change func(*protobundle.Bundle)) attest.Bundle {
		return w.sign(t, identity, issuer, recent(time.Minute, nil), change)
	}
	for name, b := range map[string]attest.Bundle{
		"another authority's": stranger.sign(t, identity, issuer, recent(time.Minute, nil), nil),
		"another identity's":  w.sign(t, identity+"x", issuer, recent(time.Minute, nil), nil),
		"without a log":       without(func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil }),
		"without a timestamp": without(func(b *protobundle.Bundle) { b.VerificationMaterial.TimestampVerificationData = nil }),
		"another policy's":    w.sign(t, identity, issuer, recent(time.Minute, object{"policy": object{"uri": "p", "digest": object{"sha256": artifact.Hex()}}}), nil),
		"another resource's":  w.sign(t, identity, issuer, recent(time.Minute, object{"resourceUri": "pkg:generic/greet@1.2.1"}), nil),
		"an older one":        w.sign(t, identity, issuer, recent(2*time.Hour, nil), nil),
		"with less":           w.sign(t, identity, issuer, recent(time.Minute, object{"verifiedLevels": []string{"HALLMARK_RELEASE_BASIC"}}), nil),
	} {
		v, err := verify.New(found{b}, read)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Verify(t.Context(), artifact); err == nil {
			t.Errorf("%s: Verify = %+v, want a no", name, got)
		}
	}

	// Fewer witnesses were there, so fewer are required.
	want, _, err = first.Expect(t.Context(), found{without(func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil })}, artifact)
	if err != nil || !slices.Equal(want.Signers[0].Require, []verify.Witness{verify.Timestamp}) {
		t.Errorf("Expect without a log entry = %+v, %v, want a timestamp required", want.Signers, err)
	}

	// Whoever takes witnesses off a copy does not loosen what is required.
	whole := w.signWithout(t, recent(time.Minute, nil))
	for name, bundles := range map[string]found{"first": whole, "last": {whole[1], whole[0]}} {
		want, _, err = first.Expect(t.Context(), bundles, artifact)
		if err != nil || !slices.Equal(want.Signers[0].Require, []verify.Witness{verify.Log, verify.Timestamp}) {
			t.Errorf("the whole bundle %s: Expect = %+v, %v, want all witnesses required", name, want.Signers, err)
		}
	}

	// Any version.
	anyOf := first
	anyOf.AnyVersion = true
	tagged := "https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0"
	want, _, err = anyOf.Expect(t.Context(), found{w.sign(t, tagged, issuer, recent(time.Minute, nil), nil)}, artifact)
	if err != nil || !slices.Equal(want.Resources, []string{"pkg:generic/greet@*"}) || !strings.HasSuffix(want.Signers[0].IdentityPattern, `@refs/tags/[^@]+`) || want.Signers[0].Identity != "" {
		t.Errorf("Expect of any version = %+v, %v, want patterns of resource and tag", want, err)
	}

	for name, tt := range map[string]struct {
		first   verify.FirstUse
		bundles found
		code    string // empty is no rejection
	}{
		"nothing":           {first, found{}, ""},
		"another authority": {first, found{stranger.sign(t, identity, issuer, recent(time.Minute, nil), nil)}, verify.BadSignature},
		"a key":             {first, found{signed(releaseKey, recent(time.Minute, nil))}, verify.UntrustedSigner},
		"another key":       {verify.FirstUse{Key: otherKey.pem(), MaxAge: first.MaxAge}, found{signed(releaseKey, recent(time.Minute, nil))}, verify.UntrustedSigner},
		"a withdrawn one":   {first, found{good, w.sign(t, identity, issuer, verdict(failed().with(object{"timeVerified": time.Now().UTC().Format(time.RFC3339)})), nil)}, verify.Failed},
		"too old":           {first, found{w.sign(t, identity, issuer, recent(2*time.Hour, nil), nil)}, verify.TooOld},
		"no bundle":         {first, found{attest.Bundle("{")}, verify.BadBundle},
		"a star":            {first, found{w.sign(t, identity, issuer, recent(time.Minute, object{"resourceUri": "pkg:generic/*"}), nil)}, verify.BadVerdict},
		"two verifiers":     {first, found{good, w.sign(t, identity, issuer, recent(time.Minute, object{"verifier": object{"id": "https://other.example"}}), nil)}, ""},
		// Whoever may put a bundle there may have a newer verdict signed by himself.
		"two signers":        {first, found{good, w.sign(t, "https://forge.example/mallory/greet/.github/workflows/release.yml@refs/tags/v1.2.0", issuer, recent(0, nil), nil)}, ""},
		"another's artifact": {first, found{w.sign(t, identity, issuer, encode(statement(verdictType, predicate()).with(object{"subject": about(otherOne)})), nil)}, verify.WrongSubject},
	} {
		want, result, err := tt.first.Expect(t.Context(), tt.bundles, artifact)
		var no *verify.RejectionError
		if err == nil || result != nil || want.Verifier != "" || errors.As(err, &no) != (tt.code != "") || tt.code != "" && !no.Has(tt.code) {
			t.Errorf("%s: Expect = %+v, %v, want %q", name, want, err, tt.code)
		}
	}

	// With the key, it is the key that is trusted.
	want, _, err = verify.FirstUse{Key: releaseKey.pem(), MaxAge: first.MaxAge, TrustedRoot: verify.PublicGood}.Expect(t.Context(), found{signed(releaseKey, recent(time.Minute, nil))}, artifact)
	if err != nil || want.Signers[0].Key != releaseKey.pem() || want.Signers[0].TrustedRoot != "" {
		t.Errorf("Expect with the key = %+v, %v, want the key without witnesses", want.Signers, err)
	}
}

// signWithout is a bundle, and a copy of it without its log entry.
func (w sigstoreWorld) signWithout(t *testing.T, payload []byte) found {
	t.Helper()
	var copied attest.Bundle
	whole := w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) {
		entries := b.VerificationMaterial.TlogEntries
		b.VerificationMaterial.TlogEntries = nil
		var err error
		if copied, err = protojson.Marshal(b); err != nil {
			t.Fatal(err)
		}
		b.VerificationMaterial.TlogEntries = entries
	})
	return found{whole, copied}
}

// What is said of a trust file is what stands in it, and in its trusted roots.
func TestDescribe(t *testing.T) {
	w := newSigstoreWorld(t)
	want := w.trust(t, keyless(issuer, "identity", identity, "trusted_root.json"))
	d, err := verify.Describe(want)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Signers) != 1 || d.Signers[0].Identity != identity || !slices.Equal(d.Signers[0].Require, []verify.Witness{verify.Log, verify.Timestamp}) {
		t.Errorf("Describe = %+v, want the identity, with every witness that the root lists", d.Signers)
	}
	if len(d.Roots) != 1 || len(d.Roots[0].Members) < 3 || d.Roots[0].Members[0].Kind != "authority" {
		t.Errorf("Describe: roots %+v, want one with authority, log and timestamp", d.Roots)
	}
	if _, err := verify.Describe(w.trust(t, keyless(issuer, "identity", identity, "missing.json"))); err == nil {
		t.Error("Describe with a root that is not there succeeded")
	}
	old, err := verify.Describe(want, verify.WithClock(func() time.Time { return time.Now().AddDate(50, 0, 0) }))
	if err == nil && !slices.ContainsFunc(old.Warnings, func(s string) bool { return strings.Contains(s, "is old") }) && ends(old) {
		t.Errorf("in fifty years: %q, want that the root is old", old.Warnings)
	}
	key := expect()
	for _, tt := range []struct {
		until time.Duration
		want  string
	}{{-time.Hour, "expired on"}, {time.Hour, "expires soon"}, {1000 * time.Hour, ""}} {
		key.Signers[0].NotAfter = thePresent.Add(tt.until)
		d, err := verify.Describe(key, verify.WithClock(func() time.Time { return thePresent }))
		if err != nil {
			t.Fatal(err)
		}
		said := slices.ContainsFunc(d.Warnings, func(s string) bool { return strings.Contains(s, "expire") })
		if said != (tt.want != "") || said && !strings.Contains(strings.Join(d.Warnings, "\n"), tt.want) {
			t.Errorf("a key that ends in %s: warnings %q, want %q", tt.until, d.Warnings, tt.want)
		}
	}
}

// ends reports whether every member of d's first root has an end.
func ends(d *verify.Description) bool {
	return !slices.ContainsFunc(d.Roots[0].Members, func(m verify.RootMember) bool { return m.Until.IsZero() })
}
