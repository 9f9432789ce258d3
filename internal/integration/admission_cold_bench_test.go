//go:build integration && linux

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkAdmissionCold asks a server that has just started about 40 images in
// a registry that answers 50 ms late, all at once, as after a restart of
// everything:
//
//	go test -tags integration ./internal/integration -run XXX -bench AdmissionCold -benchtime 3x
//
// What is reported is how long the last answer took, and the same for a server
// that was given the list to look ahead, after it has.
func BenchmarkAdmissionCold(b *testing.B) {
	var images []image
	for range 40 {
		images = append(images, pushImage(b, services.Registry))
	}
	r := newImages(b, images...)
	hallmark(b).run(append(keyArgs(b, r.release), "--allow-http-registry")...).exits(0)
	p := newProxy(b, services.Registry).lie(slow(50 * time.Millisecond))
	var names []string
	for _, i := range images {
		names = append(names, i.via(p).by(i.digest))
	}
	list := filepath.Join(b.TempDir(), "images.txt")
	check(b, os.WriteFile(list, []byte(strings.Join(names, "\n")+"\n"), 0o600))
	files := map[string]string{
		"admission.yaml": fmt.Sprintf("policies:\n  - {name: all, match: {images: ['%s/**']}, trust: [trust.yaml]}\nregistries: {allowedAddresses: [127.0.0.1]}\n", p.host),
		"trust.yaml":     read(b, r.consumer(b)),
	}
	last := func(w *webhook) time.Duration {
		c := newCaller("https://"+w.address+"/validate", w.cert.roots, 30*time.Second)
		times, wrong := c.load(len(names), 1_000_000, func(i int) []byte { return review(b, fmt.Sprintf("r-%d", i), "default", names[i]) }, func(_ int, v verdict, err error) string {
			if err != nil || !v.Allowed {
				return fmt.Sprintf("%+v %v", v, err)
			}
			return ""
		})
		if len(wrong) > 0 {
			b.Fatalf("%d reviews went wrong: %s", len(wrong), wrong[0])
		}
		return times[len(times)-1]
	}
	var cold, warm, ahead []float64
	for b.Loop() {
		w := newWebhook(b, files, nil)
		cold = append(cold, last(w).Seconds())
		w.stop(b)
		began := time.Now()
		w = newWebhook(b, files, nil, "--warm", list)
		eventually(b, "all are looked at", func() bool { return strings.Contains(read(b, w.log), "looked ahead") })
		ahead = append(ahead, time.Since(began).Seconds())
		warm = append(warm, last(w).Seconds())
		w.stop(b)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(cold), "cold-s")
	b.ReportMetric(median(ahead), "looking-ahead-s")
	b.ReportMetric(median(warm), "warmed-s")
}
