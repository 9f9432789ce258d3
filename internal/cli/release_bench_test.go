//go:build unix

package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

// BenchmarkRelease500 judges and signs a release of 500 artifacts of 4 MiB, as
// a release manager does, and compares the processor time with a plain loop
// that reads and hashes the same files once. evaluate hashes them once; attest
// hashes them again, because it must not sign what somebody replaced; release
// does both, and hashes once more what it copies into the layout. verify is a
// consumer's check of all 500 files.
//
// Each run is paired with a run of the loop, and the medians of their ratios
// are reported, so a machine that others use as well moves them little. Run it
// with -benchtime 5x.
func BenchmarkRelease500(b *testing.B) {
	if testing.Short() {
		b.Skip("hashes 2 GiB several times")
	}
	world := manyArtifacts(b, 500, 4<<20)
	b.Run("evaluate", func(b *testing.B) { world.compare(b, world.evaluate) })
	b.Run("attest", func(b *testing.B) { world.evaluate(b); world.compare(b, world.attest) })
	b.Run("release", func(b *testing.B) { world.compare(b, world.release) })
	b.Run("verify", func(b *testing.B) { world.release(b); world.compare(b, world.verify) })
}

// BenchmarkReleaseArtifacts shows how what is done besides hashing grows with
// the number of artifacts: theirs are empty but for a few bytes.
func BenchmarkReleaseArtifacts(b *testing.B) {
	for _, n := range []int{50, 500} {
		world := manyArtifacts(b, n, 16)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				world.release(b)
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/float64(n)/1e3, "cpu-µs/artifact")
		})
	}
}

// manyRelease is a release folder with many artifacts, and one SBOM for each.
type manyRelease struct {
	dir   string
	paths []string
}

func manyArtifacts(b testing.TB, n int, size int64) manyRelease {
	b.Helper()
	w := manyRelease{dir: b.TempDir()}
	evidence := filepath.Join("..", "..", "examples", "quickstart")
	for to, from := range map[string]string{
		"unit.xml": "evidence/unit.xml", "gitleaks.json": "evidence/gitleaks.json", "tags.txt": "evidence/tags.txt",
		"SECURITY.md": "source/SECURITY.md", "go.mod": "source/go.mod", "scan.json": "evidence/osv-linux.json", "vex.json": "evidence/greet.openvex.json",
	} {
		data, err := os.ReadFile(filepath.Join(evidence, filepath.FromSlash(from)))
		if err != nil {
			b.Fatal(err)
		}
		w.write(b, to, data)
	}
	if err := os.Mkdir(filepath.Join(w.dir, "dist"), 0o755); err != nil {
		b.Fatal(err)
	}
	var file strings.Builder
	file.WriteString(`release:
  name: greet
  version: 1.2.0
  resource: pkg:golang/hallmark-project.dev/greet@v1.2.0
  source: gitCommit:5e56881774df3010319816adb1989a1399beb72b
  previous: gitCommit:da79502cfa6d6e52500014a411d7c1b96c5b875c
at: 2026-11-22T17:45:00Z
artifacts: [dist/*]
policy: policy.yaml
verifier: {id: "https://hallmark-project.dev/greet/release-verifier/v1"}
trust: {maxAge: unlimited}
evidence:
  - {path: unit.xml, format: junit, about: source}
  - {path: gitleaks.json, format: gitleaks-json, about: source, time: 2026-11-22T17:33:26Z}
  - {path: tags.txt, format: git-tags, about: source}
  - {path: SECURITY.md, format: security-md, about: source}
  - {path: go.mod, format: go-mod, about: source}
  - {path: vex.json, format: openvex}
  - {path: scan.json, format: osv-scanner, about: artifacts, time: 2026-11-22T17:33:19Z, databaseTime: 2026-11-22T17:33:19Z}
`)
	for i := range n {
		name := fmt.Sprintf("greet_%04d", i)
		path := filepath.Join(w.dir, "dist", name)
		// The rest of the file is a hole: it is read and hashed like zeros.
		var begin [8]byte
		binary.BigEndian.PutUint64(begin[:], uint64(i)+1)
		if err := os.WriteFile(path, begin[:], 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			b.Fatal(err)
		}
		w.paths = append(w.paths, path)
		h := sha256.New()
		h.Write(begin[:])
		if _, err := io.CopyN(h, zeros{}, size-int64(len(begin))); err != nil {
			b.Fatal(err)
		}
		w.write(b, name+".cdx.json", fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"timestamp":"2026-11-22T17:30:00Z","component":{"bom-ref":"greet","type":"application","name":"greet","version":"1.2.0","hashes":[{"alg":"SHA-256","content":"%x"}]}},"components":[{"bom-ref":"text","type":"library","name":"golang.org/x/text","version":"v0.3.7","purl":"pkg:golang/golang.org/x/text@v0.3.7","licenses":[{"license":{"id":"BSD-3-Clause"}}]}],"dependencies":[{"ref":"greet","dependsOn":["text"]}]}`, h.Sum(nil)))
		fmt.Fprintf(&file, "  - {path: %s.cdx.json, format: cyclonedx-json, about: %s}\n", name, name)
	}
	w.write(b, "hallmark.yaml", []byte(file.String()))
	w.write(b, "policy.yaml", []byte(`profile: basic
criteria:
  no-secrets: {range: history}
  vulnerabilities: {maxDatabaseAge: 72h, vexAuthors: ["Greet maintainers <security@greet.hallmark-project.dev>"]}
vouched: [junit, gitleaks-json, git-tags, security-md, go-mod, osv-scanner, cyclonedx-json]
`))
	return w
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (w manyRelease) write(b testing.TB, name string, data []byte) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o644); err != nil {
		b.Fatal(err)
	}
}

func (w manyRelease) out() string { return filepath.Join(w.dir, "out") }

func (w manyRelease) evaluate(b testing.TB) {
	w.run(b, "evaluate", "-f", filepath.Join(w.dir, "hallmark.yaml"), "--out", w.out())
}

// attest and release sign anew every time: an earlier run's bundles would be
// kept. They remove only what makes them so.
func (w manyRelease) attest(b testing.TB) {
	w.remove(b, filepath.Join(w.out(), "attestations"))
	w.run(b, "attest", "-f", filepath.Join(w.dir, "hallmark.yaml"), "--out", w.out())
}

func (w manyRelease) release(b testing.TB) {
	w.remove(b, w.out())
	w.run(b, "release", "-f", filepath.Join(w.dir, "hallmark.yaml"), "--out", w.out())
}

func (w manyRelease) remove(b testing.TB, path string) {
	b.Helper()
	if err := os.RemoveAll(path); err != nil {
		b.Fatal(err)
	}
}

func (w manyRelease) run(b testing.TB, args ...string) {
	b.Helper()
	var out, errs bytes.Buffer
	code := cli.Main(append([]string{"hallmark"}, args...), w.io(&out, &errs))
	if code != console.Yes {
		b.Fatalf("hallmark %s exits %d, want 0:\n%s%s", args[0], code, clip(out.String()), clip(errs.String()))
	}
}

func (w manyRelease) verify(b testing.TB) {
	b.Helper()
	var out, errs bytes.Buffer
	code := verification.Main([]string{
		"hallmark-verify", "--trust", filepath.Join(w.out(), "trust.yaml"),
		"--attestations", filepath.Join(w.out(), "attestations"), filepath.Join(w.dir, "dist"),
	}, w.io(&out, &errs))
	if verified := strings.Count(out.String(), "verified "); code != console.Yes || verified < len(w.paths) {
		b.Fatalf("hallmark-verify exits %d and verified %d artifacts, want 0 and %d:\n%s", code, verified, len(w.paths), clip(errs.String()))
	}
}

func (w manyRelease) io(out, errs io.Writer) console.IO {
	env := func(name string) string {
		if name == "XDG_CONFIG_HOME" || name == "HOME" {
			return filepath.Join(w.dir, "home")
		}
		return ""
	}
	return console.IO{In: strings.NewReader(""), Out: out, Err: errs, Env: env, Now: time.Now}
}

func clip(s string) string {
	if len(s) > 2000 {
		return s[:2000] + "…"
	}
	return s
}

// readAndHash is the loop that every command is compared with.
func (w manyRelease) readAndHash(b testing.TB) {
	b.Helper()
	buffer := make([]byte, 64<<10)
	for _, path := range w.paths {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		h := sha256.New()
		for {
			n, err := f.Read(buffer)
			h.Write(buffer[:n])
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if criteria.DigestOf(nil).Hex() == fmt.Sprintf("%x", h.Sum(nil)) {
			b.Fatalf("%s is empty", path)
		}
		f.Close()
	}
}

// compare runs measured and the loop in turn and reports the median of the
// ratios of their processor times.
func (w manyRelease) compare(b *testing.B, measured func(testing.TB)) {
	b.Helper()
	b.ReportAllocs()
	w.readAndHash(b)
	var ratios, ours, loops []float64
	for b.Loop() {
		start := processorTime(b)
		measured(b)
		middle := processorTime(b)
		b.StopTimer()
		w.readAndHash(b)
		loop := processorTime(b) - middle
		b.StartTimer()
		ours = append(ours, (middle - start).Seconds())
		loops = append(loops, loop.Seconds())
		ratios = append(ratios, float64(middle-start)/float64(loop))
	}
	b.ReportMetric(median(ours), "cpu-s")
	b.ReportMetric(median(loops), "loop-cpu-s")
	b.ReportMetric(median(ratios), "×loop")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// processorTime is what this process has used so far, in user and system mode.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
