//go:build unix

package releasefile_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cpuTime is what this process has used so far, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Opening a pipe would wait for somebody to write into it, for ever.
func TestGather_pipe(t *testing.T) {
	dir := folder(t, map[string]string{"dist/a": "A"})
	if err := syscall.Mkfifo(filepath.Join(dir, "dist", "pipe"), 0o644); err != nil {
		t.Skip(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := gather(t, dir, releaseFile("artifacts: [dist/pipe]\n")); err == nil || !strings.Contains(err.Error(), "dist/pipe is not a regular file") {
			t.Errorf("Gather(a pipe) = %v, want an error", err)
		}
		g, err := gather(t, dir, releaseFile("artifacts: [dist/a]\nevidence:\n  - {path: dist/pipe, format: junit}\n"))
		if err != nil || g.Reports[0].Problem != "dist/pipe is not a regular file" {
			t.Errorf("Gather(a pipe as evidence) = %+v, %v", g, err)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("Gather() waits for a pipe")
	}
}
