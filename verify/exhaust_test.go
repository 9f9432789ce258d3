package verify_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
	"github.com/hallmark-project/hallmark/verify"
)

// heavyCertificate is a certificate by itself whose key has so many bytes, and a signature
// of the length that is verified.
func heavyCertificate(t testing.TB, size int) []byte {
	t.Helper()
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := new(big.Int).Lsh(big.NewInt(1), uint(8*size))
	n.Sub(n, big.NewInt(1))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: thePresent, NotAfter: thePresent.Add(time.Hour), SignatureAlgorithm: x509.SHA256WithRSA}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &rsa.PublicKey{N: n, E: 1<<31 - 1}, small)
	if err != nil {
		t.Fatal(err)
	}
	var parts struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		t.Fatal(err)
	}
	sig := make([]byte, size)
	sig[size-1] = 2
	parts.Signature = asn1.BitString{Bytes: sig, BitLength: 8 * size}
	if der, err = asn1.Marshal(parts); err != nil {
		t.Fatal(err)
	}
	return der
}

// What a stranger's bundle holds is looked at before it is known to be a
// stranger's. None of it may take minutes.
func TestBurdens(t *testing.T) {
	b := besiege(t, nil)
	plan := sigstoretest.Plan{MediaType: sigstoretest.V02, Subject: workflow(b.Sigstore), Statement: verdict(predicate()), Entry: sigstoretest.KindDSSE, Promised: signedAt}
	// A key of 64 KiB takes 13 seconds, and its cost grows with the square.
	heavy, light := heavyCertificate(t, 64<<10), heavyCertificate(t, 512)
	chain := func(certificates ...[]byte) *protobundle.Bundle {
		p := b.Sign(plan)
		c := p.VerificationMaterial.GetX509CertificateChain()
		for _, der := range certificates {
			c.Certificates = append(c.Certificates, &protocommon.X509Certificate{RawBytes: der})
		}
		return p
	}
	stamped := func(der []byte) *protobundle.Bundle {
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		s := *b.TSA
		s.Leaf = leaf
		p := b.Sign(plan)
		sigstoretest.AddStamp(p, s.Stamp(sigstoretest.Signature(p), signedAt, true))
		return p
	}
	alone := b.Sign(sigstoretest.Plan{Subject: workflow(b.Sigstore), Statement: verdict(predicate()), Entry: sigstoretest.KindDSSE, Promised: signedAt})
	alone.VerificationMaterial.GetCertificate().RawBytes = heavy
	large := b.Sign(plan)
	sigstoretest.AddStamp(large, make([]byte, 64<<10+1))
	e := expect()
	e.Signers = []verify.Signer{{Issuer: issuer, Identity: identity, TrustedRoot: b.root}}
	for name, tt := range map[string]struct {
		bundle *protobundle.Bundle
		code   string
	}{
		"as it is":                        {chain(), ""},
		"a certificate that is no burden": {chain(light), ""},
		"a heavy certificate":             {chain(heavy), verify.TooLarge},
		"a heavy certificate alone":       {alone, verify.TooLarge},
		"eleven certificates":             {chain(light, light, light, light, light, light, light, light, light, light), verify.TooLarge},
		"a timestamp by a heavy key":      {stamped(heavy), verify.TooLarge},
		"a large timestamp":               {large, verify.TooLarge},
	} {
		_, err := ask(t, e, artifact, sigstoretest.JSON(tt.bundle))
		if got := codes(t, err); (len(got) == 0) != (tt.code == "") || tt.code != "" && !slices.Equal(got, []string{tt.code}) {
			t.Errorf("%s: reasons %v, want %q", name, err, tt.code)
		}
	}
}

// A stranger's bundle with many witnesses is turned down by its signature, before
// any of them is asked.
func TestCrowdAtAKey(t *testing.T) {
	b := besiege(t, nil)
	e := expect()
	e.Signers = []verify.Signer{b.signer(b.key, verify.Timestamp)}
	many := func(spoil bool) []byte {
		p := b.Sign(sigstoretest.Plan{Key: b.key, Statement: verdict(predicate()), Stamps: []time.Time{signedAt, signedAt, signedAt}})
		if spoil {
			p.GetDsseEnvelope().Signatures[0].Sig[10] ^= 1
			// Nobody gets as far as these.
			for i, t := range p.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps {
				t.SignedTimestamp = []byte{byte(i)}
			}
		}
		return sigstoretest.JSON(p)
	}
	if _, err := ask(t, e, artifact, many(false)); err != nil {
		t.Errorf("three timestamps of a good signature: Verify = %v", err)
	}
	_, err := ask(t, e, artifact, many(true))
	if err == nil || !strings.Contains(err.Error(), "its signature does not verify") {
		t.Errorf("three timestamps of a bad signature: Verify = %v, want that the signature does not verify", err)
	}
}
