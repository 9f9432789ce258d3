package advisory

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
)

// database writes records about Go modules into an archive: n records about n/4
// modules, each with four, as many as the Go vulnerability database has.
func database(b *testing.B, n int) string {
	b.Helper()
	files := make(map[string]string, n)
	for i := range n {
		id := fmt.Sprintf("GO-2026-%04d", i)
		files[id+".json"] = rec(id, "Go", fmt.Sprintf("example.com/vulnerable/m%d", i/4),
			events("SEMVER", "introduced 0", "fixed 1.2.0", "introduced 2.0.0", fmt.Sprintf("fixed 2.%d.0", i%7)), "",
			fmt.Sprintf(`"aliases": ["CVE-2026-%d", "GHSA-%d"]`, i, i), `"summary": "Something is wrong in a module that many use"`,
			`"details": "`+strings.Repeat("What happened, at length. ", 40)+`"`)
	}
	return archive(b, files)
}

// bill is n components, of which vulnerable in a hundred have advisories, about
// four each.
func bill(n, vulnerable int) []criteria.Component {
	out := make([]criteria.Component, n)
	for i := range out {
		name := fmt.Sprintf("example.com/clean/m%d", i)
		if i%100 < vulnerable {
			name = fmt.Sprintf("example.com/vulnerable/m%d", i%1000)
		}
		out[i] = criteria.Component{Name: name, Version: "v1.1.0", PURL: fmt.Sprintf("pkg:golang/%s@v1.1.%d", name, i)}
	}
	return out
}

func BenchmarkImport(b *testing.B) {
	for _, bb := range []struct {
		name   string
		source func(*testing.B) string
	}{
		{"generated-4000", func(b *testing.B) string { return database(b, 4000) }},
		{"go-vulndb", func(b *testing.B) string { return realData(b, "osv/go-vulndb.zip") }},
		{"pypi-yaml", func(b *testing.B) string { return realData(b, "osv/pypi-yaml.zip") }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			source := bb.source(b)
			to := filepath.Join(b.TempDir(), "index")
			b.ReportAllocs()
			for b.Loop() {
				builder, err := NewBuilder(now, now)
				if err != nil {
					b.Fatal(err)
				}
				if err := builder.Add(context.Background(), source, nil); err != nil {
					b.Fatal(err)
				}
				if _, err := builder.Write(to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchmarkIndex(b *testing.B) string {
	b.Helper()
	builder, err := NewBuilder(now, now)
	if err != nil {
		b.Fatal(err)
	}
	if err := builder.Add(context.Background(), database(b, 4000), nil); err != nil {
		b.Fatal(err)
	}
	to := filepath.Join(b.TempDir(), "index")
	if _, err := builder.Write(to); err != nil {
		b.Fatal(err)
	}
	return to
}

func BenchmarkOpen(b *testing.B) {
	path := benchmarkIndex(b)
	b.ReportAllocs()
	for b.Loop() {
		x, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		x.Close()
	}
}

func BenchmarkMatch(b *testing.B) {
	path := benchmarkIndex(b)
	for _, n := range []int{1_000, 10_000, 100_000} {
		for _, vulnerable := range []int{0, 60} {
			b.Run(fmt.Sprintf("%dk-%d%%", n/1000, vulnerable), func(b *testing.B) {
				list := bill(n, vulnerable)
				findings := 0
				b.ReportAllocs()
				for b.Loop() {
					x, err := Open(path)
					if err != nil {
						b.Fatal(err)
					}
					m, err := x.Match(context.Background(), list)
					if err != nil || m.Packages != n {
						b.Fatalf("%d packages, %v", m.Packages, err)
					}
					findings = len(m.Vulnerabilities)
					x.Close()
				}
				b.ReportMetric(float64(findings), "findings")
			})
		}
	}
}
