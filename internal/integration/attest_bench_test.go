//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkAttestKeyless signs all statements about a release with hallmark, and
// one with cosign, in turn, on the same servers:
//
//	go test -tags integration ./internal/integration -run XXX -bench AttestKeyless -benchtime 12x
func BenchmarkAttestKeyless(b *testing.B) {
	for name, d := range map[string]deployment{"RekorV2": services.Sigstore, "RekorV1": services.SigstoreV1} {
		b.Run(name, func(b *testing.B) {
			r := newRelease(b)
			token := writeFile(b, "token", workflowToken(b))
			services := []string{"--identity-token", token, "--signing-config", d.SigningConfig, "--trusted-root", d.TrustedRoot}
			hallmark(b).run("release", "-f", r.file, "--out", filepath.Join(r.dir, "first")).exits(0)
			predicate := predicateOf(b, filepath.Join(r.dir, "first", "attestations", "verdict.sigstore.json"))
			var ours, theirs struct{ cpu, wall time.Duration }
			statements := 0
			for b.Loop() {
				check(b, os.RemoveAll(r.out))
				hallmark(b).run("evaluate", "-f", r.file, "--out", r.out).exits(0)
				got := hallmark(b).run(append([]string{"attest", "-f", r.file, "--out", r.out}, services...)...).exits(0)
				ours.cpu, ours.wall = ours.cpu+got.cpu, ours.wall+got.wall
				statements = len(r.bundles(b))
				got = peer(b, "cosign").run(append([]string{
					"attest-blob", "--yes", "--type", verdictType, "--predicate", predicate,
					"--bundle", filepath.Join(r.dir, "cosign.sigstore.json"), r.artifacts[0],
				}, services...)...).exits(0)
				theirs.cpu, theirs.wall = theirs.cpu+got.cpu, theirs.wall+got.wall
			}
			b.ReportMetric(float64(statements), "statements")
			b.ReportMetric(float64(ours.cpu)/float64(theirs.cpu), "cpu/cosign")
			b.ReportMetric(float64(ours.wall)/float64(theirs.wall), "wall/cosign")
			b.ReportMetric(float64(ours.cpu)/float64(theirs.cpu)/float64(statements), "cpu/cosign/statement")
			b.ReportMetric(float64(ours.wall)/float64(theirs.wall)/float64(statements), "wall/cosign/statement")
		})
	}
}
