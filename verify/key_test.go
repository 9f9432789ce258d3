package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512"
	"fmt"
	"slices"
	"testing"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/verify"
)

// Every kind of key that a trust file takes verifies what it signed with the
// hash that goes with it.
func TestKeyKinds(t *testing.T) {
	ec := func(c elliptic.Curve) crypto.Signer {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		key  crypto.Signer
		hash crypto.Hash
	}{
		{"P-256", ec(elliptic.P256()), crypto.SHA256},
		{"P-384", ec(elliptic.P384()), crypto.SHA384},
		{"P-521", ec(elliptic.P521()), crypto.SHA512},
		{"RSA-2048", small, crypto.SHA256},
		{"Ed25519", ed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, payload := key{tt.key}, verdict(predicate())
			message := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(intoto), intoto, len(payload), payload)
			if tt.hash != 0 {
				h := tt.hash.New()
				h.Write(message)
				message = h.Sum(nil)
			}
			sig, err := k.Sign(rand.Reader, message, tt.hash)
			if err != nil {
				t.Fatal(err)
			}
			want := expect()
			want.Signers = []verify.Signer{{Key: k.pem()}}
			for _, hint := range []string{k.hint(), "", "unknown"} {
				e := envelope(intoto, payload).with(object{"signatures": []object{{"sig": sig}}})
				got, err := ask(t, want, artifact, bundle(hint, e))
				if err != nil {
					t.Fatalf("hint %q: %v", hint, err)
				}
				if got.Signer.Key.IsZero() {
					t.Errorf("hint %q: signer %+v has no key", hint, got.Signer)
				}
				// The DSSE key id is a hint, too, and proves nothing.
				e = e.with(object{"signatures": []object{{"sig": sig, "keyid": "release"}}})
				if _, err := ask(t, want, artifact, bundle(hint, e)); err != nil {
					t.Errorf("with a key id: %v", err)
				}
			}
			sig[len(sig)/2] ^= 1
			e := envelope(intoto, payload).with(object{"signatures": []object{{"sig": sig}}})
			_, err = ask(t, want, artifact, attest.Bundle(bundle(k.hint(), e)))
			if got := codes(t, err); !slices.Equal(got, []string{verify.BadSignature}) {
				t.Errorf("reasons = %v, want %s", got, verify.BadSignature)
			}
		})
	}
}
