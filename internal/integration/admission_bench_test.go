//go:build integration && linux

package integration

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkAdmission asks 10,000 reviews over 200 images at a fixed rate, of
// hallmark-admission and of a server that decodes and answers yes, in turns of a
// thousand, so that what disturbs one disturbs the other:
//
//	go test -tags integration ./internal/integration -run XXX -bench Admission -benchtime 1x
//
// Cached is a verdict that was asked for before. Uncached is one that has to be
// verified from a folder of bundles for every review, signed by a key and by
// certificates, with log and timestamp. Nothing asks a network. What is reported
// are the quantiles as multiples of the other server's, the milliseconds behind
// them, the CPU time a review as a multiple, and the most memory that the server
// had.
func BenchmarkAdmission(b *testing.B) {
	stock := newStock(b, 200)
	for _, rate := range []int{100, 200} {
		for _, kind := range []string{"key", "keyless"} {
			for _, cached := range []bool{true, false} {
				name := fmt.Sprintf("rate=%d/%s/cached=%v", rate, kind, cached)
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						against(b, stock, kind, rate, cached)
					}
				})
			}
		}
	}
}

const reviews, turn = 10_000, 1_000

func against(b *testing.B, stock *stocked, kind string, rate int, cached bool) {
	b.Helper()
	args := []string{"--log-level", "warn"}
	if !cached {
		args = append(args, "--cache-verified", "1ns")
	}
	w := stock.start(b, args...)
	ours := newCaller("https://"+w.address+"/validate", w.cert.roots, 10*time.Second)
	floor, floorPID := startFloor(b, w.cert)
	digests := stock.key
	if kind == "keyless" {
		digests = stock.keyless
	}
	bodies := make([][]byte, len(digests))
	for i, d := range digests {
		bodies[i] = review(b, fmt.Sprintf("%s-%d", kind, i), "default", "registry.example/"+kind+"@"+d)
	}
	body := func(i int) []byte { return bodies[i%len(bodies)] }
	allowed := func(_ int, v verdict, err error) string {
		switch {
		case err != nil:
			return err.Error()
		case !v.Allowed:
			return v.Status.Message
		}
		return ""
	}
	ask := func(c caller, n int) []time.Duration {
		times, wrong := c.load(n, rate, body, allowed)
		if len(wrong) > 0 {
			b.Fatalf("%d of %d reviews: %s", len(wrong), n, wrong[0])
		}
		return times
	}
	// Connections stand, and what is kept is there.
	ask(ours, len(bodies))
	ask(floor, len(bodies))
	before, beforeFloor := cpuOf(b, w.cmd.Process.Pid), cpuOf(b, floorPID)
	var mine, theirs []time.Duration
	for n := 0; n < reviews; n += turn {
		if n/turn%2 == 0 {
			mine = append(mine, ask(ours, turn)...)
			theirs = append(theirs, ask(floor, turn)...)
		} else {
			theirs = append(theirs, ask(floor, turn)...)
			mine = append(mine, ask(ours, turn)...)
		}
	}
	slices.Sort(mine)
	slices.Sort(theirs)
	cpu, cpuFloor := cpuOf(b, w.cmd.Process.Pid)-before, cpuOf(b, floorPID)-beforeFloor
	b.ReportMetric(0, "ns/op")
	for name, q := range map[string]float64{"p50": .5, "p99": .99} {
		b.ReportMetric(float64(quantile(mine, q))/float64(quantile(theirs, q)), name+"/floor")
		b.ReportMetric(float64(quantile(mine, q))/1e6, name+"-ms")
		b.ReportMetric(float64(quantile(theirs, q))/1e6, "floor-"+name+"-ms")
	}
	b.ReportMetric(float64(cpu)/float64(cpuFloor), "cpu/floor")
	b.ReportMetric(float64(cpu)/float64(reviews)/1e6, "cpu-ms/review")
	b.ReportMetric(mostMemory(b, w.cmd.Process.Pid), "RSS-MiB")
	w.stop(b)
}

// startFloor starts the server that does the least.
func startFloor(b *testing.B, cert webhookCert) (caller, int) {
	b.Helper()
	program := filepath.Join(b.TempDir(), "floor")
	build := exec.Command("go", "build", "-o", program, "./testdata/floor")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building the floor: %v\n%s", err, out)
	}
	address := refusing(b)
	c := exec.Command(program, address, cert.crt, cert.key)
	check(b, c.Start())
	b.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	ask := newCaller("https://"+address+"/validate", cert.roots, 10*time.Second)
	eventually(b, "the floor answers", func() bool {
		a, err := ask.client.Get("https://" + address + "/readyz")
		if err != nil {
			return false
		}
		a.Body.Close()
		return a.StatusCode == http.StatusOK
	})
	return ask, c.Process.Pid
}

// cpuOf is the CPU time that a process has used (proc(5), stat, fields 14 and
// 15, in hundredths of a second).
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	check(t, err)
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	user, err := strconv.Atoi(fields[11])
	check(t, err)
	system, err := strconv.Atoi(fields[12])
	check(t, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// mostMemory is the most that a process had resident, in MiB.
func mostMemory(t testing.TB, pid int) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(t, err)
	_, rest, ok := strings.Cut(string(data), "VmHWM:")
	if !ok {
		t.Fatal("the system does not say how much memory a process had")
	}
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	check(t, err)
	return float64(kib) / 1024
}
