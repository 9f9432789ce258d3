//go:build integration

package integration

import (
	"path/filepath"
	"slices"
	"testing"
)

// BenchmarkVerifyKeyless verifies one bundle signed keyless from the start of the
// process to its end, in turn with cosign, and reports the median ratio of
// processor time. Both are given a file with the trusted root and ask nobody.
func BenchmarkVerifyKeyless(b *testing.B) {
	for name, d := range map[string]deployment{"RekorV2": services.Sigstore, "RekorV1": services.SigstoreV1} {
		b.Run(name, func(b *testing.B) {
			r := newRelease(b)
			hallmark(b).run(keylessArgs(b, r, d, workflowToken(b))...).exits(0)
			trust, bundle := filepath.Join(r.out, "trust.yaml"), filepath.Join(r.out, "attestations", "verdict.sigstore.json")
			var ratios []float64
			for b.Loop() {
				own := hallmarkVerify(b).run("-t", trust, "-a", bundle, r.artifacts[0]).exits(0)
				other := peer(b, "cosign").run("verify-blob-attestation", "--type", verdictType, "--bundle", bundle, "--trusted-root", d.TrustedRoot,
					"--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, r.artifacts[0]).exits(0)
				ratios = append(ratios, own.cpu.Seconds()/other.cpu.Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "cpu/cosign")
		})
	}
}
