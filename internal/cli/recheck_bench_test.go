//go:build unix

package cli_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
)

// BenchmarkRecheck verifies an artifact with an attested SBOM of so many
// components and matches them against an index of 4,000 records: of 100
// components none or 60 have advisories, four each. Each run is paired with one
// that only verifies, and the ratio of processor time is reported.
func BenchmarkRecheck(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		for _, vulnerable := range []int{0, 60} {
			b.Run(fmt.Sprintf("%dk-%d%%", n/1000, vulnerable), func(b *testing.B) {
				w := bigBill(b, n, vulnerable)
				var alone, both time.Duration
				b.ReportAllocs()
				for b.Loop() {
					before := processorTime(b)
					w.judged(b, console.Yes)
					between := processorTime(b)
					w.judged(b, min(vulnerable, console.No), "--recheck", filepath.Join(w.dir, "index"))
					alone, both = alone+between-before, both+processorTime(b)-between
				}
				b.ReportMetric(float64(both)/float64(b.N)/1e6, "cpu-ms")
				b.ReportMetric(float64(both)/float64(alone), "cpu/verify")
			})
		}
	}
}

var benchmarkDay = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// judged verifies the artifact, and holds the exit code.
func (w manyRelease) judged(b *testing.B, want int, more ...string) {
	b.Helper()
	var errs bytes.Buffer
	code := cli.Main(append([]string{
		"hallmark", "verify", "-t", filepath.Join(w.out(), "trust.yaml"), "-a", filepath.Join(w.out(), "attestations"), "-o", "json", w.paths[0],
	}, more...), console.IO{In: strings.NewReader(""), Out: io.Discard, Err: &errs, Env: func(string) string { return "" }, Now: func() time.Time { return benchmarkDay }})
	if code != want {
		b.Fatalf("exits %d, want %d: %s", code, want, clip(errs.String()))
	}
}

// bigBill is a release of one artifact with n components, and an index.
func bigBill(b *testing.B, n, vulnerable int) manyRelease {
	b.Helper()
	w := manyArtifacts(b, 1, 16)
	data, err := os.ReadFile(w.paths[0])
	if err != nil {
		b.Fatal(err)
	}
	var bill bytes.Buffer
	fmt.Fprintf(&bill, `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"timestamp":"2026-11-22T17:30:00Z","component":{"bom-ref":"greet","type":"application","name":"greet","version":"1.2.0","hashes":[{"alg":"SHA-256","content":"%x"}]}},"components":[{"bom-ref":"text","type":"library","name":"golang.org/x/text","version":"v0.3.7","purl":"pkg:golang/golang.org/x/text@v0.3.7","licenses":[{"license":{"id":"BSD-3-Clause"}}]}`, sha256.Sum256(data))
	for i := range n {
		name := fmt.Sprintf("example.com/clean/m%d", i)
		if i%100 < vulnerable {
			name = fmt.Sprintf("example.com/vulnerable/m%d", i%1000)
		}
		fmt.Fprintf(&bill, `,{"bom-ref":"c%d","type":"library","name":%q,"version":"v1.1.%d","purl":"pkg:golang/%s@v1.1.%d","licenses":[{"license":{"id":"BSD-3-Clause"}}]}`, i, name, i, name, i)
	}
	bill.WriteString(`],"dependencies":[{"ref":"greet","dependsOn":["text"]}]}`)
	w.write(b, "greet_0000.cdx.json", bill.Bytes())
	w.release(b)

	f, err := os.Create(filepath.Join(w.dir, "go.zip"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for i := range 4000 {
		r, err := z.Create(fmt.Sprintf("GO-2026-%04d.json", i))
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(r, `{"id": "GO-2026-%04d", "modified": "2026-11-27T00:00:00Z", "aliases": ["CVE-2026-%d", "GHSA-%d"], "summary": "Something is wrong in a module that many use",
			"affected": [{"package": {"ecosystem": "Go", "name": "example.com/vulnerable/m%d"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.%d.0"}]}]}]}`, i, i, i, i/4, i%7)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	w.run(b, "advisories", "import", f.Name(), "--to", filepath.Join(w.dir, "index"))
	return w
}
