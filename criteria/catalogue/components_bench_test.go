package catalogue

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// madeBill is a CycloneDX bill of n components, each with what a good tool
// gives, about subject; every hundredth has a licence that nobody knows.
func madeBill(n int, subject criteria.Digest) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,"metadata":{"timestamp":"2026-11-22T12:00:00Z","tools":{"components":[{"type":"application","name":"tool","version":"1"}]},"authors":[{"name":"Ada"}],"component":{"bom-ref":"main","type":"application","name":"widget","version":"1.2.0","supplier":{"name":"Acme"},"purl":"pkg:golang/example.com/widget@v1.2.0","hashes":[{"alg":"SHA-256","content":%q}]}},"components":[`, subject.Hex())
	licences := []string{"MIT", "Apache-2.0", "BSD-3-Clause", "MIT OR GPL-2.0-only", "ISC"}
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		licence := licences[i%len(licences)]
		if i%100 == 99 {
			licence = "NOASSERTION"
		}
		fmt.Fprintf(&b, `{"bom-ref":"pkg:npm/%%40scope/c%d@1.%d.0","type":"library","group":"@scope","name":"c%d","version":"1.%d.0","supplier":{"name":"Supplier %d"},"purl":"pkg:npm/%%40scope/c%d@1.%d.0","hashes":[{"alg":"SHA-256","content":%q}],"licenses":[{"expression":%q}]}`,
			i, i%7, i, i%7, i%50, i, i%7, criteria.DigestOf(fmt.Append(nil, i)).Hex(), licence)
	}
	b.WriteString(`],"dependencies":[{"ref":"main","dependsOn":["pkg:npm/%40scope/c0@1.0.0"]}`)
	for i := range n {
		fmt.Fprintf(&b, `,{"ref":"pkg:npm/%%40scope/c%d@1.%d.0","dependsOn":["pkg:npm/%%40scope/c%d@1.%d.0"]}`, i, i%7, (i+1)%n, (i+1)%n%7)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// madeScan is a report of osv-scanner about the same n packages, every tenth
// with a vulnerability under two names.
func madeScan(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"results":[{"source":{"path":"sbom.json","type":"sbom"},"packages":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"package":{"name":"@scope/c%d","version":"1.%d.0","ecosystem":"npm"}`, i, i%7)
		if i%10 == 0 {
			fmt.Fprintf(&b, `,"vulnerabilities":[{"id":"GHSA-%d","aliases":["CVE-2020-%d"],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"}]},{"id":"OSV-%d","aliases":["CVE-2020-%d"]}]`, i, i, i, i)
		}
		b.WriteByte('}')
	}
	b.WriteString(`]}]}`)
	return b.Bytes()
}

const benchPolicy = "profile: standard\nvouched: [osv-scanner, go-mod, cyclonedx-json]\ncriteria:\n  licences: {allow: [MIT, Apache-2.0, BSD-3-Clause, ISC]}\n"

func judgeComponents(t testing.TB, p *criteria.Policy, rel criteria.Release, bill, scanned []byte) criteria.Decision {
	about := criteria.Declared{About: []criteria.Digest{rel.Artifacts[0].Digest}, Time: componentsNow.Add(-time.Hour), DatabaseTime: componentsNow.Add(-time.Hour)}
	ev := []criteria.Evidence{
		readAs(t, "cyclonedx-json", "sbom", bill, about),
		readAs(t, "go-mod", "go.mod", []byte("module example.com/widget\n"), criteria.Declared{About: []criteria.Digest{rel.Source.Digest}}),
		readAs(t, "kev", "kev", []byte(`{"dateReleased":"2026-11-22T00:00:00Z","vulnerabilities":[{"cveID":"CVE-2021-44228"}]}`), criteria.Declared{}),
	}
	if scanned != nil {
		ev = append(ev, readAs(t, "osv-scanner", "scan", scanned, about))
	}
	for _, e := range ev {
		if e.Problem != "" {
			t.Fatalf("%s: %s", e.Name, e.Problem)
		}
	}
	return p.Evaluate(rel, ev, componentsNow)
}

// BenchmarkComponents reads a bill of materials and a scan of it and judges
// both by all four criteria: time and memory have to grow with the number of
// components and no faster.
func BenchmarkComponents(b *testing.B) {
	rel := componentsRelease(b)
	rel.Artifacts = rel.Artifacts[:1]
	p := mustPolicy(b, benchPolicy)
	for _, n := range []int{1_000, 10_000, 100_000} {
		bill, scanned := madeBill(n, linuxDigest), madeScan(n)
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bill) + len(scanned)))
			for b.Loop() {
				if d := judgeComponents(b, p, rel, bill, scanned); len(d.Judgements) != 4 {
					b.Fatalf("%d judgements", len(d.Judgements))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/component")
		})
	}
}

// BenchmarkSharedBills does the same with bills that others published.
func BenchmarkSharedBills(b *testing.B) {
	rel := componentsRelease(b)
	rel.Artifacts = rel.Artifacts[:1]
	p := mustPolicy(b, benchPolicy)
	for _, name := range []string{"juice-shop-11.1.2.cdx.json", "keycloak-10.0.2.cdx.json"} {
		bill, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "sbom", "cyclonedx", name))
		if err != nil {
			b.Skip("the shared data is not here")
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bill)))
			for b.Loop() {
				judgeComponents(b, p, rel, bill, nil)
			}
		})
	}
}

// Ten times the components may cost about ten times the memory. Time is left
// to the benchmark: a busy machine would make this test lie.
func TestComponentsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("judges 20,000 components")
	}
	rel := componentsRelease(t)
	rel.Artifacts = rel.Artifacts[:1]
	p := mustPolicy(t, benchPolicy)
	allocated := func(n int) uint64 {
		bill, scanned := madeBill(n, linuxDigest), madeScan(n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d := judgeComponents(t, p, rel, bill, scanned)
		runtime.ReadMemStats(&after)
		for _, j := range d.Judgements {
			want := map[string]criteria.Status{"licences": criteria.Fail, "vulnerabilities": criteria.Pass, "sbom-published": criteria.Pass, "sbom-quality": criteria.Pass}[j.Criterion]
			if j.Status != want {
				t.Errorf("%d components: %s = %s (%s), want %s", n, j.Criterion, j.Status, j.Reason, want)
			}
			if j.Criterion == "licences" && len(j.Findings) != n/100 {
				t.Errorf("%d components: %d findings, want %d", n, len(j.Findings), n/100)
			}
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := allocated(2_000), allocated(20_000)
	if ratio := float64(large) / float64(small); ratio > 13 {
		t.Errorf("ten times the components take %.1f times the memory", ratio)
	}
}
