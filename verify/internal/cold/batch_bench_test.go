//go:build unix

package cold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkBatch has hallmark-verify work through a list of digests, each with a
// bundle and a certificate of its own, and in turn a program that calls
// sigstore-go on the same bundles in a loop and reads the trusted root once. It
// reports medians: processor time for a bundle, everything from the start of the
// process in it, the ratio, and peak memory.
func BenchmarkBatch(b *testing.B) {
	dir := b.TempDir()
	ours, theirs := build(b, dir, "../../../cmd/hallmark-verify", ""), build(b, dir, "alone", "")
	floor, many := build(b, dir, "nothing", ""), build(b, dir, "many", "")
	for _, count := range []int{100, 1000} {
		b.Run(strconv.Itoa(count), func(b *testing.B) {
			name := strconv.Itoa(count)
			world := b.TempDir()
			if text, err := exec.Command(many, world, name).CombinedOutput(); err != nil {
				b.Fatalf("making bundles: %v\n%s", err, text)
			}
			trust, folder, list := filepath.Join(world, "trust.yaml"), filepath.Join(world, name), filepath.Join(world, name+".txt")
			issuer, identity := signer(b, trust)
			hallmark := func() process {
				return run(b, ours, "--trust", trust, "--attestations", folder, "--from-file", list)
			}
			alone := func() process {
				return run(b, theirs, filepath.Join(world, "trusted_root.json"), folder, list, issuer, identity)
			}
			var a, z []process
			var ratios []float64
			for b.Loop() {
				var one, two process
				if len(a)%2 == 0 {
					one, two = hallmark(), alone()
				} else {
					two, one = alone(), hallmark()
				}
				a, z = append(a, one), append(z, two)
				ratios = append(ratios, one.cpu.Seconds()/two.cpu.Seconds())
			}
			cpu := func(p process) float64 { return p.cpu.Seconds() * 1e3 / float64(count) }
			peak := func(p process) float64 { return float64(p.peak) / (1 << 20) }
			b.ReportMetric(median(a, cpu), "cpu-ms/bundle")
			b.ReportMetric(median(z, cpu), "alone-cpu-ms/bundle")
			b.ReportMetric(median(ratios, func(r float64) float64 { return r }), "×alone")
			b.ReportMetric(median(a, peak), "peak-MiB")
			b.ReportMetric(median(z, peak), "alone-peak-MiB")
			b.ReportMetric(peak(run(b, floor)), "floor-MiB")
		})
	}
}

// signer is who signed, as the trust file says.
func signer(b *testing.B, trust string) (issuer, identity string) {
	b.Helper()
	data, err := os.ReadFile(trust)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "- "), ": ")
		switch key {
		case "issuer":
			issuer = value
		case "identity":
			identity = value
		}
	}
	if issuer == "" || identity == "" {
		b.Fatal("the trust file names no signer")
	}
	return issuer, identity
}
