package kms_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/deptest"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/signature"
	sigdsse "github.com/sigstore/sigstore/pkg/signature/dsse"
)

func statement(t *testing.T) attest.Statement {
	t.Helper()
	commit, err := criteria.ParseDigest("gitCommit:d20ace7968ba43c0219f62d71334c1095bab1602")
	if err != nil {
		t.Fatal(err)
	}
	artifact := criteria.Subject{Name: "greet", Digest: criteria.DigestOf([]byte("greet"))}
	all, err := attest.Statements(criteria.Decision{
		Schema: criteria.DecisionSchema,
		Release: criteria.Release{
			Name: "greet", Version: "1.2.0", Resource: "pkg:golang/example.com/greet@1.2.0",
			Source:    criteria.Subject{Name: "source", Digest: commit},
			Artifacts: []criteria.Subject{artifact},
		},
		Policy: criteria.PolicyRef{Profile: criteria.Basic, Digest: criteria.DigestOf([]byte("policy"))},
		Judgements: []criteria.Judgement{{
			Criterion: "tests-pass", Level: criteria.Basic, Subject: artifact, Outcome: criteria.Outcome{Status: criteria.Fail},
		}},
		Time: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC),
	}, attest.Options{Verifier: "https://example.com/release-gate/v1", PolicyURI: "https://example.com/policy.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func signer(t *testing.T, k *sign.Key) *sign.Signer {
	t.Helper()
	s, err := sign.NewKeySigner(k, sign.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A key that a service keeps signs as one from a file does.
func TestOpenKMS(t *testing.T) {
	h := open(t, "gcpkms")
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rsa2048, _ := rsa.GenerateKey(rand.Reader, 2048)
	for algorithm, private := range map[sign.Algorithm]crypto.Signer{sign.ECDSAP256: p256, sign.ECDSAP384: p384, sign.Ed25519: ed, sign.RSA2048: rsa2048} {
		h.keep(t, "key", private)
		k, err := sign.OpenKMS(t.Context(), "gcpkms://key", sign.KMSOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if k.Algorithm() != algorithm {
			t.Errorf("Algorithm() = %s, want %s", k.Algorithm(), algorithm)
		}
		b, err := signer(t, k).Sign(t.Context(), statement(t))
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		text, err := sign.Envelope(b)
		if err != nil {
			t.Fatal(err)
		}
		var env dsse.Envelope
		if err := json.Unmarshal(text, &env); err != nil {
			t.Fatal(err)
		}
		v, err := signature.LoadDefaultVerifier(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		ev, err := dsse.NewEnvelopeVerifier(&sigdsse.VerifierAdapter{SignatureVerifier: v})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ev.Verify(t.Context(), &env); err != nil {
			t.Errorf("%s: verifying the envelope: %v", algorithm, err)
		}
	}
}

// A key that a service keeps is nowhere else.
func TestKeptKeysAreNotWritten(t *testing.T) {
	h := open(t, "gcpkms")
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.keep(t, "key", private)
	k, err := sign.OpenKMS(t.Context(), "gcpkms://key", sign.KMSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := k.Save(path, []byte("open sesame")); !errors.Is(err, sign.ErrKept) {
		t.Errorf("Save() = %v, want %v", err, sign.ErrKept)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("Save() wrote a file")
	}
	if data, err := k.Encode(nil); !errors.Is(err, sign.ErrKept) || data != nil {
		t.Errorf("Encode() = %q, %v, want %v", data, err, sign.ErrKept)
	}
	if err := k.SavePublic(path + ".pub"); err != nil {
		t.Error(err)
	}
	if got, want := fmt.Sprintf("%+v", k), k.String(); got != want || !strings.HasPrefix(got, "ecdsa-p256 ") {
		t.Errorf("printed as %q, want %q", got, want)
	}
}

func TestUnusableKeys(t *testing.T) {
	h := open(t, "gcpkms")
	p521, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	h.keep(t, "p521", p521)
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.keep(t, "key", private)
	another, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.keep(t, "another", another)
	if k, err := sign.OpenKMS(t.Context(), "gcpkms://p521", sign.KMSOptions{}); err == nil || !strings.Contains(err.Error(), "what sigstore-kms-gcpkms keeps there is an ECDSA key on P-521, expected P-256 or P-384") {
		t.Errorf("OpenKMS() of P-521 = %v, %v", k, err)
	}
	if k, err := sign.OpenKMS(t.Context(), "gcpkms://none", sign.KMSOptions{}); !errors.Is(err, sign.ErrKeyService) || !strings.Contains(err.Error(), `no key "none"`) {
		t.Errorf("OpenKMS() of no key = %v, %v", k, err)
	}
	for fault, want := range map[string]string{
		"another@sign": "is not by the key that it named before",
		"no-key@sign":  "is not by the key that it named before",
		"empty@sign":   "sigstore-kms-gcpkms answers without a signature",
		"garbage@sign": "answers something else than JSON",
		"refuses@sign": "sigstore-kms-gcpkms: permission denied",
	} {
		k, err := sign.OpenKMS(t.Context(), "gcpkms://key?"+fault, sign.KMSOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := signer(t, k).Sign(t.Context(), statement(t))
		if !errors.Is(err, sign.ErrKeyService) || !strings.Contains(err.Error(), want) || b != nil {
			t.Errorf("Sign() with fault %s = %s, %v, want %q", fault, b, err, want)
		}
	}
	k, err := sign.OpenKMS(t.Context(), "gcpkms://key?hang@sign", sign.KMSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if b, err := signer(t, k).Sign(ctx, statement(t)); !errors.Is(err, context.Canceled) || b != nil {
		t.Errorf("Sign() that is interrupted = %s, %v, want %v", b, err, context.Canceled)
	}
}

// No cloud's library is linked into what signs: neither imported by us nor
// brought along. This binary links package sign and all that it links, and the
// names of all functions stand in it.
func TestNoCloudIsLinked(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	// Put together here, since what is written here stands in the binary too.
	for _, words := range [][]string{
		{"github.com", "aws", "aws-sdk-go"},
		{"github.com", "Azure", "azure-sdk"},
		{"github.com", "AzureAD", ""},
		{"cloud.google.com", "go", "kms"},
		{"github.com", "hashicorp", "vault", "api."},
		{"github.com", "miekg", "pkcs11."},
	} {
		if bytes.Contains(binary, []byte(strings.Join(words, "/"))) {
			t.Errorf("%s is linked", strings.Join(words, "/"))
		}
	}
	if linked := strings.Join([]string{"github.com", "sigstore", "sigstore-go", "pkg", "sign."}, "/"); !bytes.Contains(binary, []byte(linked)) {
		t.Errorf("no name in %s was found: what is not found proves nothing", linked)
	}
	deptest.MustNotImport(t,
		"github.com/aws", "github.com/Azure", "cloud.google.com", "github.com/hashicorp/vault", "github.com/miekg/pkcs11",
		"github.com/sigstore/sigstore/pkg/signature/kms/aws", "github.com/sigstore/sigstore/pkg/signature/kms/azure",
		"github.com/sigstore/sigstore/pkg/signature/kms/gcp", "github.com/sigstore/sigstore/pkg/signature/kms/hashivault",
		"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler",
	)
}
