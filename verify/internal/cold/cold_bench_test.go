//go:build unix

package cold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// BenchmarkCold runs hallmark-verify on one bundle signed with a key, and in
// turn a program that calls sigstore-go and nothing else, on the same bundle
// and key. It reports medians: processor time and peak memory of each whole
// process, and the ratios.
//
// This package imports next to nothing on purpose. The kernel counts into a
// child's peak memory what its parent had when it began: floor-MiB, as measured
// with a program that does nothing. A peak near it says nothing.
func BenchmarkCold(b *testing.B) {
	dir := b.TempDir()
	world := unpack(b, dir)
	theirs := build(b, dir, "alone", "")
	floor := build(b, dir, "nothing", "")
	for _, variant := range []struct{ name, path, tags string }{
		{"hallmark-verify", "../../../cmd/hallmark-verify", ""},
		{"hallmark-verify,no_docs", "../../../cmd/hallmark-verify", "urfave_cli_no_docs"},
	} {
		b.Run(variant.name, func(b *testing.B) {
			ours := build(b, dir, variant.path, variant.tags)
			var a, z []process
			var ratios []float64
			for b.Loop() {
				one := run(b, ours, "--trust", world.trust, "--attestations", world.bundle, world.subject)
				b.StopTimer()
				two := run(b, theirs, world.key, world.bundle, world.subject)
				b.StartTimer()
				a, z = append(a, one), append(z, two)
				ratios = append(ratios, one.cpu.Seconds()/two.cpu.Seconds())
			}
			cpu := func(p process) float64 { return p.cpu.Seconds() * 1e3 }
			peak := func(p process) float64 { return float64(p.peak) / (1 << 20) }
			b.ReportMetric(median(a, cpu), "cpu-ms")
			b.ReportMetric(median(z, cpu), "alone-cpu-ms")
			b.ReportMetric(median(ratios, func(r float64) float64 { return r }), "×alone")
			b.ReportMetric(median(a, peak), "peak-MiB")
			b.ReportMetric(median(z, peak), "alone-peak-MiB")
			b.ReportMetric(peak(run(b, floor)), "floor-MiB")
			info, err := os.Stat(ours)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/1e6, "binary-MB")
		})
	}
}

// files are what both programs are given.
type files struct{ trust, bundle, key, subject string }

// unpack takes them from a vector of package verify that never grows old.
func unpack(b *testing.B, dir string) files {
	b.Helper()
	a, err := txtar.ParseFile("../../testdata/vectors/accept-old-unlimited.txtar")
	if err != nil {
		b.Fatal(err)
	}
	f := files{filepath.Join(dir, "trust.yaml"), filepath.Join(dir, "bundle-1.sigstore.json"), filepath.Join(dir, "key.pem"), ""}
	for _, line := range strings.Split(string(a.Comment), "\n") {
		if s, ok := strings.CutPrefix(line, "subject: "); ok {
			f.subject = s
		}
	}
	var key strings.Builder
	for _, file := range a.Files {
		write(b, filepath.Join(dir, file.Name), file.Data)
		if file.Name == "trust.yaml" {
			for _, line := range strings.Split(string(file.Data), "\n") {
				if line = strings.TrimSpace(line); strings.HasPrefix(line, "-----") || key.Len() > 0 && !strings.Contains(key.String(), "-----END") {
					key.WriteString(line + "\n")
				}
			}
		}
	}
	write(b, f.key, []byte(key.String()))
	return f
}

func write(b *testing.B, path string, data []byte) {
	b.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
}

// build builds a command as it is released.
func build(b *testing.B, dir, path, tags string) string {
	b.Helper()
	out := filepath.Join(dir, filepath.Base(path)+tags)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags", tags, "-o", out, "./"+path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("building %s: %v\n%s", path, err, text)
	}
	return out
}

// process is what one process used from start to end.
type process struct {
	cpu  time.Duration
	peak int64 // bytes
}

func run(b *testing.B, path string, args ...string) process {
	b.Helper()
	cmd := exec.Command(path, args...)
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", filepath.Base(path), err, text)
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" {
		peak <<= 10 // kilobytes elsewhere
	}
	return process{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), int64(peak)}
}

func median[T any](all []T, of func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = of(v)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
