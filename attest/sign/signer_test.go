package sign_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

// verifyWith has sigstore-go verify b with k's public key against a file.
func verifyWith(k *sign.Key, b attest.Bundle, file []byte) error {
	var parsed bundle.Bundle
	if err := parsed.UnmarshalJSON(b); err != nil {
		return err
	}
	v, err := signature.LoadDefaultVerifier(k.Public())
	if err != nil {
		return err
	}
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return &anytime{v}, nil
	})
	sev, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps())
	if err != nil {
		return err
	}
	_, err = sev.Verify(&parsed, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(file)), verify.WithKey()))
	return err
}

// anytime is a key that is valid at any time: what is tested is the signature.
type anytime struct{ signature.Verifier }

func (anytime) ValidAtTime(time.Time) bool { return true }

func TestSigstoreReadsBundles(t *testing.T) {
	st := verdict(t, 2, criteria.Pass)
	for _, a := range sign.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			k := generate(t, a)
			b := signed(t, k, st)
			for n := range 2 {
				if err := verifyWith(k, b, artifact(n)); err != nil {
					t.Errorf("verifying artifact %d: %v", n, err)
				}
			}
			if err := verifyWith(k, b, artifact(2)); err == nil {
				t.Error("the bundle was accepted for an artifact that it is not about")
			}
			if err := verifyWith(generate(t, sign.ECDSAP256), b, artifact(0)); err == nil {
				t.Error("the bundle was accepted with another key")
			}
			if err := verifyWith(k, tampered(t, b), artifact(0)); err == nil {
				t.Error("a bundle with another payload was accepted")
			}
		})
	}
}

// A key of the same kind is still another key.
func TestAnotherKeyOfTheSameKind(t *testing.T) {
	st := verdict(t, 1, criteria.Pass)
	for _, a := range []sign.Algorithm{sign.ECDSAP256, sign.ECDSAP384, sign.Ed25519} {
		if err := verifyWith(generate(t, a), signed(t, generate(t, a), st), artifact(0)); err == nil {
			t.Errorf("%s: the bundle was accepted with another key", a)
		}
	}
}

// tampered returns b with one byte of the payload altered so that it stays a
// statement.
func tampered(t *testing.T, b attest.Bundle) attest.Bundle {
	t.Helper()
	var all map[string]json.RawMessage
	var env struct {
		Payload     []byte          `json:"payload"`
		PayloadType string          `json:"payloadType"`
		Signatures  json.RawMessage `json:"signatures"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all["dsseEnvelope"], &env); err != nil {
		t.Fatal(err)
	}
	altered := bytes.Replace(env.Payload, []byte("2026-03-04"), []byte("2027-03-04"), 1)
	if bytes.Equal(altered, env.Payload) {
		t.Fatal("nothing was altered")
	}
	env.Payload = altered
	var err error
	if all["dsseEnvelope"], err = json.Marshal(env); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The wire format: media type, hint, one signature, the payload as it is.
func TestBundleForm(t *testing.T) {
	k := generate(t, sign.Ed25519)
	st := verdict(t, 1, criteria.Pass)
	b := signed(t, k, st)
	var got struct {
		MediaType            string `json:"mediaType"`
		VerificationMaterial struct {
			PublicKey struct {
				Hint string `json:"hint"`
			} `json:"publicKey"`
		} `json:"verificationMaterial"`
		DSSEEnvelope struct {
			Payload     []byte            `json:"payload"`
			PayloadType string            `json:"payloadType"`
			Signatures  []json.RawMessage `json:"signatures"`
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if want := "application/vnd.dev.sigstore.bundle.v0.3+json"; got.MediaType != want {
		t.Errorf("mediaType = %q, want %q", got.MediaType, want)
	}
	if got.VerificationMaterial.PublicKey.Hint != k.Fingerprint() {
		t.Errorf("hint = %q, want %q", got.VerificationMaterial.PublicKey.Hint, k.Fingerprint())
	}
	if got.DSSEEnvelope.PayloadType != attest.PayloadType || !bytes.Equal(got.DSSEEnvelope.Payload, st.Bytes()) || len(got.DSSEEnvelope.Signatures) != 1 {
		t.Errorf("envelope = %+v", got.DSSEEnvelope)
	}
	// Ed25519 signs without chance, so the same statement gives the same
	// bytes: publishing twice can be told.
	if again := signed(t, k, st); !bytes.Equal(b, again) {
		t.Errorf("signing twice gave %s, then %s", b, again)
	}
}

// securesystemslib's own verifier, which knows nothing of Sigstore.
func TestEnvelopeIsDSSE(t *testing.T) {
	k := generate(t, sign.ECDSAP256)
	st := verdict(t, 1, criteria.Pass)
	data, err := sign.Envelope(signed(t, k, st))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "keyid") {
		t.Errorf("the envelope has a keyid: %s", data)
	}
	var env dsse.Envelope
	if err := json.Unmarshal(data, &env); err != nil {
		t.Fatal(err)
	}
	v, err := signature.LoadDefaultVerifier(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	payload, err := env.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(payload, st.Bytes()) {
		t.Error("the payload is another than the statement")
	}
	sig, err := base64.StdEncoding.DecodeString(env.Signatures[0].Sig)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.VerifySignature(bytes.NewReader(sig), bytes.NewReader(dsse.PAE(attest.PayloadType, payload))); err != nil {
		t.Errorf("the signature over the pre-authentication encoding: %v", err)
	}
}

func TestEnvelopeRefusals(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":           "",
		"other_json":        `{"a": 1}`,
		"no_content":        `{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}`,
		"message_signature": `{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "messageSignature": {"signature": "AAAA"}}`,
		"no_signature":      `{"dsseEnvelope": {"payload": "AAAA", "payloadType": "x", "signatures": []}}`,
		"two_signatures":    `{"dsseEnvelope": {"payload": "AAAA", "payloadType": "x", "signatures": [{"sig": "AAAA"}, {"sig": "AAAA"}]}}`,
	} {
		if got, err := sign.Envelope(attest.Bundle(b)); err == nil {
			t.Errorf("%s: Envelope() = %s, want an error", name, got)
		}
	}
}

// keySigner signs with k and asks nobody.
func keySigner(t testing.TB, k *sign.Key) *sign.Signer {
	t.Helper()
	s, err := sign.NewKeySigner(k, sign.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignRefusals(t *testing.T) {
	signer := keySigner(t, generate(t, sign.Ed25519))
	if b, err := signer.Sign(t.Context(), attest.Statement{}); err == nil || b != nil {
		t.Errorf("Sign(nothing) = %s, %v, want an error", b, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if b, err := signer.Sign(ctx, verdict(t, 1, criteria.Pass)); !errors.Is(err, context.Canceled) || b != nil {
		t.Errorf("Sign() after the end = %s, %v, want context.Canceled", b, err)
	}
}

func BenchmarkStatements500(b *testing.B) {
	d := release(b, 500, criteria.Pass)
	signer := keySigner(b, generate(b, sign.ECDSAP256))
	for b.Loop() {
		for _, s := range statements(b, d) {
			bundle, err := signer.Sign(b.Context(), s)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(bundle)))
		}
	}
}
