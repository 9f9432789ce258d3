package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/internal/sigstoretest"
	"github.com/hallmark-project/hallmark/verify"
)

// besieged is a consumer whose attacker has every bundle and may ask every
// witness, in a world whose clock the test sets.
type besieged struct {
	*sigstoretest.Sigstore
	key, own sigstoretest.Key // of the verdict, and of what is required beside it
	root     string
}

func besiege(t *testing.T, change func(*besieged, *sigstoretest.Root)) *besieged {
	t.Helper()
	b := &besieged{
		Sigstore: sigstoretest.New(thePresent),
		key:      sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256),
		own:      sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256),
		root:     filepath.Join(t.TempDir(), "root.json"),
	}
	r := b.Root()
	if change != nil {
		change(b, r)
	}
	if err := os.WriteFile(b.root, r.JSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *besieged) bundle(p sigstoretest.Plan) attest.Bundle { return sigstoretest.JSON(b.Sign(p)) }

func (b *besieged) good() attest.Bundle {
	return b.bundle(sigstoretest.Plan{Key: b.key, Statement: verdict(predicate())})
}

// signer is k, whose signatures these witnesses must have seen.
func (b *besieged) signer(k sigstoretest.Key, require ...verify.Witness) verify.Signer {
	s := verify.Signer{Key: string(k.PEM()), Require: require}
	if len(require) > 0 {
		s.TrustedRoot = b.root
	}
	return s
}

// trust asks for a scan that passed, by these signers.
func (b *besieged) trust(signers ...verify.Signer) verify.Expect {
	e := expect()
	e.Signers = []verify.Signer{b.signer(b.key)}
	passed := verify.Text("PASSED")
	e.Attestations = []verify.Attestation{{
		Name: "scan", PredicateType: scanType, Signers: signers, All: []verify.Condition{{Path: "result", Equals: &passed}},
	}}
	return e
}

func result(result string) []byte { return encode(statement(scanType, object{"result": result})) }

// Whoever has what a key signed can have it stamped again. That makes nothing
// newer: neither than maxAge asks for, nor than what took it back.
func TestStampedAgain(t *testing.T) {
	b := besiege(t, nil)
	long, ago, since := thePresent.AddDate(-1, 0, 0), thePresent.Add(-2*time.Hour), thePresent.Add(-time.Minute)
	passed := b.Sign(sigstoretest.Plan{Key: b.own, Statement: result("PASSED"), Stamps: []time.Time{long}})
	first := sigstoretest.JSON(passed)
	passed.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps = nil
	sigstoretest.AddStamp(passed, b.TSA.Stamp(sigstoretest.Signature(passed), since, false))
	again := sigstoretest.JSON(passed)
	failed := b.bundle(sigstoretest.Plan{Key: b.own, Statement: result("FAILED"), Stamps: []time.Time{ago}})

	e := b.trust(b.signer(b.own, verify.Timestamp))
	if _, err := ask(t, e, artifact, b.good(), first); err != nil {
		t.Errorf("of any age, and nothing takes it back: Verify = %v", err)
	}
	for name, bundles := range map[string][]attest.Bundle{
		"taken back":                    {b.good(), first, failed},
		"taken back, and stamped again": {b.good(), first, failed, again},
		"only the new stamp is shown":   {b.good(), failed, again},
	} {
		if _, err := ask(t, e, artifact, bundles...); err == nil {
			t.Errorf("%s: Verify accepted", name)
		}
	}
	e.Attestations[0].MaxAge = verify.MaxAge(24 * time.Hour)
	for name, scan := range map[string]attest.Bundle{"a year old": first, "a year old, and stamped again": again} {
		if _, err := ask(t, e, artifact, b.good(), scan); err == nil || !strings.Contains(err.Error(), "name its time") {
			t.Errorf("%s: Verify = %v, want that nobody can say when it was made", name, err)
		}
	}
	e.Attestations[0].Time = "finishedOn"
	dated := b.bundle(sigstoretest.Plan{Key: b.own, Statement: encode(statement(scanType, scan("PASSED", "2026-11-22T10:00:00Z"))), Stamps: []time.Time{ago}})
	if _, err := ask(t, e, artifact, b.good(), dated); err != nil {
		t.Errorf("a statement that gives its time: Verify = %v", err)
	}
}

// One key in two lists: in each it is trusted as long as that list says. That
// somebody saw a signature for the one says nothing for the other.
func TestKeyInTwoLists(t *testing.T) {
	b := besiege(t, nil)
	scan := b.bundle(sigstoretest.Plan{Key: b.key, Statement: result("PASSED"), Stamps: []time.Time{thePresent.Add(-time.Minute)}})
	good := b.bundle(sigstoretest.Plan{Key: b.key, Statement: verdict(predicate()), Stamps: []time.Time{thePresent.Add(-time.Minute)}})
	for _, tt := range []struct {
		name  string
		until time.Duration
		want  bool
	}{{"trusted still", time.Hour, true}, {"ended an hour ago", -time.Hour, false}} {
		own := b.signer(b.key)
		own.NotAfter = thePresent.Add(tt.until)
		e := b.trust(own)
		e.Signers = []verify.Signer{b.signer(b.key, verify.Timestamp)}
		if _, err := ask(t, e, artifact, good, scan); (err == nil) != tt.want {
			t.Errorf("%s: Verify = %v, want accepted %v", tt.name, err, tt.want)
		}
	}
}

// One person is one signer, however many entries of the trust file fit what he
// signs.
func TestOnePersonIsOneSigner(t *testing.T) {
	b := besiege(t, nil)
	by := func(who, ref string, statement []byte) attest.Bundle {
		s := workflow(b.Sigstore)
		s.Identity, s.Says = who, map[int]string{14: ref}
		return b.bundle(sigstoretest.Plan{Subject: s, Statement: statement, Entry: sigstoretest.KindDSSE, Promised: signedAt})
	}
	const alice, bob, main, tag = "alice@greet.example", "bob@greet.example", "refs/heads/main", "refs/tags/v1"
	entry := func(ref string) verify.Signer {
		return verify.Signer{Issuer: issuer, IdentityPattern: `(alice|bob)@greet\.example`, TrustedRoot: b.root, Certificate: verify.Certificate{SourceRef: ref}}
	}
	for _, tt := range []struct {
		name    string
		who     [2]string
		accepts bool
	}{{"one person, twice", [2]string{alice, alice}, false}, {"two", [2]string{alice, bob}, true}} {
		e := expect()
		e.Signers, e.Threshold = []verify.Signer{entry(main), entry(tag)}, 2
		if _, err := ask(t, e, artifact, by(tt.who[0], main, verdict(predicate())), by(tt.who[1], tag, verdict(predicate()))); (err == nil) != tt.accepts {
			t.Errorf("verdicts by %s: Verify = %v, want accepted %v", tt.name, err, tt.accepts)
		}
		e = b.trust(entry(main), entry(tag))
		e.Attestations[0].Threshold = 2
		if _, err := ask(t, e, artifact, b.good(), by(tt.who[0], main, result("PASSED")), by(tt.who[1], tag, result("PASSED"))); (err == nil) != tt.accepts {
			t.Errorf("scans by %s: Verify = %v, want accepted %v", tt.name, err, tt.accepts)
		}
	}
}

// A statement about several artifacts is kept open. What a log that was given up
// meanwhile vouched for does not stand because it was kept.
func TestLogEndsWhileKept(t *testing.T) {
	end := thePresent.Add(time.Hour)
	b := besiege(t, func(b *besieged, r *sigstoretest.Root) {
		r.Tlogs = []map[string]any{b.V2.Listed(thePresent.AddDate(-1, 0, 0), end)}
	})
	e := expect()
	e.Signers = []verify.Signer{b.signer(b.key, verify.Log)}
	now := thePresent
	v, err := verify.New(found{b.bundle(sigstoretest.Plan{Key: b.key, Statement: verdict(predicate()), Entry: sigstoretest.KindHashedV2})}, e, verify.WithClock(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify(context.Background(), artifact)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Until().Equal(end) {
		t.Errorf("Until = %s, want the log's end, %s", got.Until(), end)
	}
	now = end.Add(time.Second)
	for i, subject := range []string{"greet 1.2.0, linux", "greet 1.2.0, darwin"} {
		d := artifact
		if i == 1 {
			d = otherOne
		}
		if _, err := v.Verify(context.Background(), d); err == nil {
			t.Errorf("after the log's end, Verify of %s accepted", subject)
		}
	}
}

// Of a product's parts, each is spoken of by itself: that one is not affected
// takes nothing back of another. What is said of the whole product decides.
func TestVEXOfParts(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	word := func(status, at string, parts ...string) object {
		product := object{"@id": resourceURI}
		if len(parts) > 0 {
			var list []object
			for _, p := range parts {
				list = append(list, object{"@id": p})
			}
			product["subcomponents"] = list
		}
		return object{"vulnerability": object{"name": "CVE-2026-0001"}, "products": []object{product}, "status": status, "timestamp": at}
	}
	const a, b = "pkg:golang/a@1", "pkg:golang/b@1"
	const early, late = "2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"
	for _, tt := range []struct {
		name  string
		words []object
		want  bool
	}{
		{"another part is not affected", []object{word("affected", early, a), word("not_affected", late, b)}, false},
		{"the same part is not affected any more", []object{word("affected", early, a), word("fixed", late, a)}, true},
		{"the whole product is fixed", []object{word("affected", early, a), word("fixed", late)}, true},
		{"the whole product was fixed before", []object{word("fixed", early), word("affected", late, a)}, false},
		{"the product is affected, one part is not", []object{word("affected", early), word("not_affected", late, a)}, false},
		{"two parts, one of them fixed", []object{word("affected", early, a, b), word("fixed", late, a)}, false},
		{"two parts, each fixed", []object{word("affected", early, a, b), word("fixed", late, b), word("fixed", late, a)}, true},
	} {
		e := expect()
		e.VEX = &verify.VEX{Resolved: true}
		doc := object{"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": early, "statements": tt.words}
		if _, err := ask(t, e, artifact, good, signed(releaseKey, encode(statement("https://openvex.dev/ns/v0.2.0", doc)))); (err == nil) != tt.want {
			t.Errorf("%s: Verify = %v, want accepted %v", tt.name, err, tt.want)
		}
	}
}

// Who may sign bills of materials may refer to them, and to nothing else: a VEX
// document that he refers to would be taken for the release's word.
func TestBillSignersReferToBills(t *testing.T) {
	b := besiege(t, nil)
	e := expect()
	e.Signers = []verify.Signer{b.signer(b.key)}
	e.SBOM = &verify.SBOM{Formats: []verify.BillFormat{verify.CycloneDX}, Signers: []verify.Signer{b.signer(b.own)}}
	bill := encode(statement(sbomType, object{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []object{{"type": "library", "name": "a"}}}))
	refer := func(k sigstoretest.Key) attest.Bundle {
		one := func(name, media string) object {
			return object{"name": name, "mediaType": media, "digest": object{"sha256": otherOne.Hex()}}
		}
		return b.bundle(sigstoretest.Plan{Key: k, Statement: encode(statement(attest.ReferenceType, object{
			"references": []object{one("vex.json", "application/json"), one("bom.json", "application/vnd.cyclonedx+json"), one("bom.spdx", "text/spdx")},
		}))})
	}
	for _, tt := range []struct {
		name string
		key  sigstoretest.Key
		want []string
	}{
		{"the verdict's signer", b.key, []string{"vex.json", "bom.json", "bom.spdx"}},
		{"the bill's signer", b.own, []string{"bom.json"}},
	} {
		got, err := ask(t, e, artifact, b.good(), b.bundle(sigstoretest.Plan{Key: b.own, Statement: bill}), refer(tt.key))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range got.References {
			names = append(names, r.Name)
		}
		if !slices.Equal(names, tt.want) {
			t.Errorf("%s refers to %q, want %q", tt.name, names, tt.want)
		}
	}
}

// A trust file that would trust more than it seems to is refused.
func TestTrustThatLeaks(t *testing.T) {
	const generic = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0"
	for _, tt := range []struct {
		name   string
		signer verify.Signer
		fault  string // nothing where it is accepted
	}{
		{"a group that closes ours", verify.Signer{IdentityPattern: `alice@greet\.example)|(?:bob@greet\.example`}, "no regular expression"},
		{"a choice", verify.Signer{IdentityPattern: `alice@greet\.example|bob@greet\.example`}, ""},
		{"an owner that goes on", verify.Signer{IdentityPattern: `https://github\.com/greet.*`}, "matches strangers"},
		{"an owner that goes on, one workflow", verify.Signer{IdentityPattern: `https://github\.com/greet.*/\.github/workflows/release\.yml@refs/tags/v[0-9.]+`}, "matches strangers"},
		{"an owner that goes on at another forge", verify.Signer{IdentityPattern: `https://gitlab\.com/greet.+`}, "matches strangers"},
		{"an owner", verify.Signer{IdentityPattern: `https://github\.com/greet/.*`}, ""},
		{"two owners", verify.Signer{IdentityPattern: `https://github\.com/greet(-labs)?/.*`}, ""},
		{"anybody's repository", verify.Signer{Identity: generic, Certificate: verify.Certificate{SourceRepository: "https://github.com/**"}}, "anybody's repository"},
		{"an owner's repositories", verify.Signer{Identity: generic, Certificate: verify.Certificate{SourceRepository: "https://github.com/greet/*"}}, ""},
	} {
		tt.signer.Issuer, tt.signer.TrustedRoot = issuer, verify.PublicGood
		_, err := verify.NewKeyring("", []verify.Signer{tt.signer})
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: NewKeyring = %v, want %q", tt.name, err, tt.fault)
		}
	}
}
