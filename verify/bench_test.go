package verify_test

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	sigstorebundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// BenchmarkVerifyKey compares with sigstore-go alone, which verifies the
// signature and the subject and reads no verdict. The verdict is about one
// artifact: one about several is opened once, see [BenchmarkVerifyRelease].
func BenchmarkVerifyKey(b *testing.B) {
	good := signed(otherKey, aboutOne(predicate()))
	want := expect()
	want.Signers = []verify.Signer{{Key: otherKey.pem()}}
	b.Run("hallmark", func(b *testing.B) {
		v, err := verify.New(found{good}, want, verify.WithClock(func() time.Time { return thePresent }))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(context.Background(), artifact); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sigstore-go", func(b *testing.B) {
		block, _ := pem.Decode([]byte(otherKey.pem()))
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			b.Fatal(err)
		}
		loaded, err := signature.LoadDefaultVerifier(public)
		if err != nil {
			b.Fatal(err)
		}
		key := root.NewExpiringKey(loaded, time.Time{}, time.Time{})
		v, err := sigstore.NewVerifier(root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return key, nil }), sigstore.WithNoObserverTimestamps())
		if err != nil {
			b.Fatal(err)
		}
		alone(b, v, good, sigstore.WithKey())
	})
}

// BenchmarkVerifyKeyless is the same for certificates.
func BenchmarkVerifyKeyless(b *testing.B) {
	w := newSigstoreWorld(b)
	good := w.sign(b, identity, issuer, aboutOne(predicate().with(object{"timeVerified": time.Now().UTC().Format(time.RFC3339)})), nil)
	b.Run("hallmark", func(b *testing.B) {
		v, err := verify.New(found{good}, w.trust(b, keyless(issuer, "identity", identity, "trusted_root.json")))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(context.Background(), artifact); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sigstore-go", func(b *testing.B) {
		trusted, err := root.NewTrustedRootFromPath(filepath.Join(w.dir, "trusted_root.json"))
		if err != nil {
			b.Fatal(err)
		}
		v, err := sigstore.NewVerifier(trusted, sigstore.WithTransparencyLog(1), sigstore.WithObserverTimestamps(1))
		if err != nil {
			b.Fatal(err)
		}
		id, err := sigstore.NewShortCertificateIdentity(issuer, "", identity, "")
		if err != nil {
			b.Fatal(err)
		}
		alone(b, v, good, sigstore.WithCertificateIdentity(id))
	})
}

func aboutOne(predicate object) []byte {
	return encode(statement(verdictType, predicate).with(object{"subject": about(artifact)}))
}

func alone(b *testing.B, v *sigstore.Verifier, data attest.Bundle, policy sigstore.PolicyOption) {
	b.Helper()
	raw, err := hex.DecodeString(artifact.Hex())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var parsed sigstorebundle.Bundle
		if err := parsed.UnmarshalJSON(data); err != nil {
			b.Fatal(err)
		}
		if _, err := v.Verify(&parsed, sigstore.NewPolicy(sigstore.WithArtifactDigest("sha256", raw), policy)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyAmongOthers: bundles about other artifacts cost no signature.
func BenchmarkVerifyAmongOthers(b *testing.B) {
	bundles := found{signed(releaseKey, verdict(predicate()))}
	for i := range 99 {
		s := statement(verdictType, predicate()).with(object{"subject": about(criteria.DigestOf(fmt.Append(nil, i)))})
		bundles = append(bundles, signed(otherKey, encode(s)))
	}
	v, err := verify.New(bundles, expect(), verify.WithClock(func() time.Time { return thePresent }))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), artifact); err != nil {
			b.Fatal(err)
		}
	}
}
