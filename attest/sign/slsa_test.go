package sign_test

import (
	"crypto"
	"testing"

	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/slsa-framework/slsa-verifier/v2/options"
	"github.com/slsa-framework/slsa-verifier/v2/verifiers"
)

// expectation is what somebody asks of slsa-verifier.
type expectation struct {
	key                *sign.Key
	keyID              string
	digests, levels    []string
	verifier, resource string
}

func (e expectation) verify(t *testing.T, envelope []byte) error {
	t.Helper()
	// As slsa-verifier's own command chooses it by the key.
	hash := crypto.SHA256
	switch e.key.Algorithm() {
	case sign.ECDSAP384:
		hash = crypto.SHA384
	case sign.Ed25519:
		hash = crypto.SHA512
	}
	_, err := verifiers.VerifyVSA(t.Context(), envelope,
		&options.VSAOpts{ExpectedDigests: &e.digests, ExpectedVerifierID: &e.verifier, ExpectedResourceURI: &e.resource, ExpectedVerifiedLevels: &e.levels},
		&options.VerificationOpts{PublicKey: e.key.Public(), PublicKeyID: &e.keyID, PublicKeyHashAlgo: hash})
	return err
}

func TestSLSAVerifier(t *testing.T) {
	for _, a := range sign.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			k := generate(t, a)
			envelope, err := sign.Envelope(signed(t, k, verdict(t, 2, criteria.Pass)))
			if err != nil {
				t.Fatal(err)
			}
			failed, err := sign.Envelope(signed(t, k, verdict(t, 2, criteria.Fail)))
			if err != nil {
				t.Fatal(err)
			}
			one, two := criteria.DigestOf(artifact(0)).String(), criteria.DigestOf(artifact(1)).String()
			expect := func(alter func(*expectation)) expectation {
				e := expectation{
					key: k, digests: []string{one, two}, verifier: verifierID, resource: resource,
					levels: []string{"HALLMARK_RELEASE_BASIC", "HALLMARK_TESTS_PASS"},
				}
				alter(&e)
				return e
			}
			for name, e := range map[string]expectation{
				"as_it_is":     expect(func(*expectation) {}),
				"one_artifact": expect(func(e *expectation) { e.digests = []string{two} }),
				"no_level":     expect(func(e *expectation) { e.levels = nil }),
				"any_key_id":   expect(func(e *expectation) { e.keyID = "release-key" }),
				"its_key_id":   expect(func(e *expectation) { e.keyID = k.Fingerprint() }),
			} {
				if err := e.verify(t, envelope); err != nil {
					t.Errorf("%s: refused: %v", name, err)
				}
			}
			for name, e := range map[string]expectation{
				"other_artifact":    expect(func(e *expectation) { e.digests = []string{one, criteria.DigestOf(artifact(7)).String()} }),
				"other_resource":    expect(func(e *expectation) { e.resource = "pkg:golang/example.com/greet@1.3.0" }),
				"other_verifier":    expect(func(e *expectation) { e.verifier = verifierID + "1" }),
				"level_not_reached": expect(func(e *expectation) { e.levels = []string{"HALLMARK_RELEASE_ADVANCED"} }),
				"slsa_level":        expect(func(e *expectation) { e.levels = []string{"SLSA_BUILD_LEVEL_1"} }),
				"other_key":         expect(func(e *expectation) { e.key = generate(t, sign.ECDSAP256) }),
			} {
				if err := e.verify(t, envelope); err == nil {
					t.Errorf("%s: accepted", name)
				}
			}
			if err := expect(func(e *expectation) { e.levels = nil }).verify(t, failed); err == nil {
				t.Error("a failed verdict was accepted")
			}
		})
	}
}
