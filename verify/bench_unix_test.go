//go:build unix

package verify_test

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	sigstorebundle "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/verify"
)

// used is the processor time of this process, which other processes do not
// change.
func used(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkVerifyDistinct verifies bundles that differ, in turn with sigstore-go
// alone, and reports how many times as fast, by processor time. Each bundle has
// a certificate of its own, or all have one, as those of a release have.
func BenchmarkVerifyDistinct(b *testing.B) {
	const count = 40
	w := newSigstoreWorld(b)
	payload := aboutOne(predicate().with(object{"timeVerified": time.Now().UTC().Format(time.RFC3339)}))
	var own []attest.Bundle
	for range count {
		own = append(own, w.sign(b, identity, issuer, payload, nil))
	}
	one := make([]attest.Bundle, count)
	for i := range one {
		one[i] = own[0]
	}
	raw, err := hex.DecodeString(artifact.Hex())
	if err != nil {
		b.Fatal(err)
	}
	trusted, err := root.NewTrustedRootFromPath(filepath.Join(w.dir, "trusted_root.json"))
	if err != nil {
		b.Fatal(err)
	}
	id, err := sigstore.NewShortCertificateIdentity(issuer, "", identity, "")
	if err != nil {
		b.Fatal(err)
	}
	for _, tt := range []struct {
		name, require string
		bundles       []attest.Bundle
		options       []sigstore.VerifierOption
	}{
		{"log/own_certificates", "log", own, []sigstore.VerifierOption{sigstore.WithTransparencyLog(1), sigstore.WithObserverTimestamps(1)}},
		{"log/one_certificate", "log", one, []sigstore.VerifierOption{sigstore.WithTransparencyLog(1), sigstore.WithObserverTimestamps(1)}},
		{"log_and_timestamp/own_certificates", "log, timestamp", own, []sigstore.VerifierOption{sigstore.WithTransparencyLog(1), sigstore.WithSignedTimestamps(1)}},
		{"log_and_timestamp/one_certificate", "log, timestamp", one, []sigstore.VerifierOption{sigstore.WithTransparencyLog(1), sigstore.WithSignedTimestamps(1)}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			alone, err := sigstore.NewVerifier(trusted, tt.options...)
			if err != nil {
				b.Fatal(err)
			}
			want := w.trust(b, keyless(issuer, "identity", identity, "trusted_root.json")+"    require: ["+tt.require+"]\n")
			var ours, theirs time.Duration
			for b.Loop() {
				// A new verifier each time has seen one certificate and no other.
				v, err := verify.New(found{tt.bundles[0]}, want)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := v.Verify(context.Background(), artifact); err != nil {
					b.Fatal(err)
				}
				for _, data := range tt.bundles[1:] {
					begun := used(b)
					each, err := v.From(found{data})
					if err != nil {
						b.Fatal(err)
					}
					if _, err := each.Verify(context.Background(), artifact); err != nil {
						b.Fatal(err)
					}
					between := used(b)
					var parsed sigstorebundle.Bundle
					if err := parsed.UnmarshalJSON(data); err != nil {
						b.Fatal(err)
					}
					if _, err := alone.Verify(&parsed, sigstore.NewPolicy(sigstore.WithArtifactDigest("sha256", raw), sigstore.WithCertificateIdentity(id))); err != nil {
						b.Fatal(err)
					}
					ours, theirs = ours+between-begun, theirs+used(b)-between
				}
			}
			b.ReportMetric(float64(theirs)/float64(ours), "×alone")
		})
	}
}
