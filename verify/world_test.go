package verify_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// The world that the tests of verification share: one release, its verdict, a
// consumer's trust file, and the keys of those who may and may not sign.
const (
	verifierID   = "https://greet.example/hallmark/v1"
	resourceURI  = "pkg:generic/greet@1.2.0"
	verdictType  = "https://slsa.dev/verification_summary/v1"
	findingsType = "https://in-toto.io/attestation/test-result/v0.1"
	sbomType     = "https://cyclonedx.org/bom"
	statementV1  = "https://in-toto.io/Statement/v1"
	statementV01 = "https://in-toto.io/Statement/v0.1"
	intoto       = "application/vnd.in-toto+json"
)

var (
	artifact   = criteria.DigestOf([]byte("greet 1.2.0, linux"))
	otherOne   = criteria.DigestOf([]byte("greet 1.2.0, darwin"))
	thePolicy  = criteria.DigestOf([]byte("profile: standard\n"))
	thePresent = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// key is a private key made from its name, the same each time.
type key struct{ crypto.Signer }

func edKey(name string) key {
	seed := sha256.Sum256([]byte(name))
	return key{ed25519.NewKeyFromSeed(seed[:])}
}

func ecKey(name string) key {
	seed := sha256.Sum256([]byte(name))
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		panic(err)
	}
	return key{k}
}

var (
	releaseKey  = edKey("release")
	otherKey    = ecKey("other release")
	strangerKey = edKey("stranger")
)

func (k key) der() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		panic(err)
	}
	return der
}

func (k key) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der()}))
}

func (k key) hint() string {
	sum := sha256.Sum256(k.der())
	return base64.StdEncoding.EncodeToString(sum[:])
}

// sign returns the signature of payload as a DSSE payload of type payloadType,
// the same each time.
func (k key) sign(payloadType string, payload []byte) []byte {
	pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
	message, hash := pae, crypto.Hash(0)
	if _, ok := k.Public().(ed25519.PublicKey); !ok {
		sum := sha256.Sum256(pae)
		message, hash = sum[:], crypto.SHA256
	}
	sig, err := k.Sign(nil, message, hash)
	if err != nil {
		panic(err)
	}
	return sig
}

// object is a JSON object that a story changes before it is signed.
type object map[string]any

func (o object) with(changes object) object {
	out := make(object, len(o)+len(changes))
	for k, v := range o {
		out[k] = v
	}
	for k, v := range changes {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// predicate is the verdict's, PASSED, an hour ago.
func predicate() object {
	return object{
		"verifier":           object{"id": verifierID, "version": object{"hallmark": "1.0.0"}},
		"timeVerified":       "2026-11-22T11:00:00Z",
		"resourceUri":        resourceURI,
		"policy":             object{"uri": "policy.yaml", "digest": object{"sha256": thePolicy.Hex()}},
		"verificationResult": "PASSED",
		"verifiedLevels":     []string{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD", "HALLMARK_CHANGES_REVIEWED", "HALLMARK_TESTS_PASS"},
		"slsaVersion":        "1.2",
	}
}

func failed() object {
	return predicate().with(object{"verificationResult": "FAILED", "verifiedLevels": []string{"FAILED"}})
}

func findings() object {
	return object{
		"result":      "PASSED",
		"passedTests": []string{"changes-reviewed", "tests-pass"},
		"configuration": []object{
			{"name": "policy.yaml", "digest": object{"sha256": thePolicy.Hex()}},
			{"name": "evidence/junit.xml", "digest": object{"sha256": criteria.DigestOf([]byte("<testsuite/>")).Hex()}},
		},
	}
}

func about(digests ...criteria.Digest) []object {
	var out []object
	for i, d := range digests {
		out = append(out, object{"name": fmt.Sprintf("greet-%d", i+1), "digest": object{d.Algorithm(): d.Hex()}})
	}
	return out
}

func statement(predicateType string, predicate any) object {
	return object{"_type": statementV1, "subject": about(artifact, otherOne), "predicateType": predicateType, "predicate": predicate}
}

func verdict(predicate object) []byte { return encode(statement(verdictType, predicate)) }

// envelope is a DSSE envelope with one signature for each key.
func envelope(payloadType string, payload []byte, keys ...key) object {
	signatures := []object{}
	for _, k := range keys {
		signatures = append(signatures, object{"sig": k.sign(payloadType, payload)})
	}
	return object{"payloadType": payloadType, "payload": payload, "signatures": signatures}
}

func bundle(hint string, envelope object) attest.Bundle {
	return encode(object{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": object{"publicKey": object{"hint": hint}},
		"dsseEnvelope":         envelope,
	})
}

// signed is a bundle as attest/sign makes it.
func signed(k key, payload []byte) attest.Bundle {
	return bundle(k.hint(), envelope(intoto, payload, k))
}

// expect is the consumer's trust file.
func expect() verify.Expect {
	return verify.Expect{
		Verifier: verifierID,
		Resource: resourceURI,
		Signers:  []verify.Signer{{Name: "release key 2026", Key: releaseKey.pem()}},
		Level:    criteria.Standard,
		Criteria: []string{"changes-reviewed"},
		MaxAge:   verify.MaxAge(90 * 24 * time.Hour),
	}
}

// found is a source that has already looked.
type found []attest.Bundle

func (f found) Bundles(context.Context, criteria.Digest) ([]attest.Bundle, error) { return f, nil }

func ask(t testing.TB, want verify.Expect, subject criteria.Digest, bundles ...attest.Bundle) (*verify.Result, error) {
	t.Helper()
	v, err := verify.New(found(bundles), want, verify.WithClock(func() time.Time { return thePresent }))
	if err != nil {
		t.Fatal(err)
	}
	return v.Verify(context.Background(), subject)
}

// codes returns the codes of a no, and fails on what is neither yes nor no.
func codes(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var no *verify.RejectionError
	if !errors.As(err, &no) {
		t.Fatalf("Verify could not tell: %v", err)
	}
	if len(no.Reasons) == 0 {
		t.Fatal("a rejection without a reason")
	}
	var out []string
	for _, r := range no.Reasons {
		out = append(out, r.Code)
	}
	return out
}
