package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDisk has the disk be full, or read-only, under each thing that is
// written: the command says so, could not tell, and leaves nothing behind.
func TestDisk(t *testing.T) {
	quickstart, err := filepath.Abs("../../examples/quickstart")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	release := filepath.Join(quickstart, "hallmark.yaml")
	done := filepath.Join(t.TempDir(), "done")
	run(t, 0, "hallmark", "release", "-f", release, "--out", done)

	for _, disk := range []struct {
		name, options string
		flags         uintptr
		want          string
	}{
		{"full", "size=16k", 0, "no space left on device"},
		{"read-only", "size=16k", syscall.MS_RDONLY, "read-only file system"},
	} {
		for _, tt := range []struct {
			name string
			args []string
		}{
			{"release", []string{"release", "-f", release, "--out", "DISK/out"}},
			{"evaluate", []string{"evaluate", "-f", release, "--out", "DISK/out"}},
			{"refused", []string{"release", "-f", filepath.Join(quickstart, "..", "refused", "no-tests", "hallmark.yaml"), "--out", "DISK/out"}},
			{"directory", []string{"publish", "-f", release, "--out", done, "--directory", "DISK/bundles"}},
			{"envelope", []string{"attest", "-f", release, "--out", done, "--envelope", "DISK/verdict.json"}},
			{"key", []string{"key", "generate", "--out", "DISK/new.key"}},
			{"init", []string{"init", "DISK"}},
		} {
			t.Run(disk.name+"/"+tt.name, func(t *testing.T) {
				at := t.TempDir()
				if err := syscall.Mount("tmpfs", at, "tmpfs", 0, disk.options); err != nil {
					t.Skipf("mounting a small file system: %v", err)
				}
				defer syscall.Unmount(at, 0)
				if disk.flags == 0 {
					// All but nothing is taken.
					fill(t, filepath.Join(at, "other"))
				} else if err := syscall.Mount("tmpfs", at, "tmpfs", syscall.MS_REMOUNT|disk.flags, disk.options); err != nil {
					t.Skipf("mounting it read-only: %v", err)
				}
				before := names(t, at)
				var args []string
				for _, a := range tt.args {
					args = append(args, strings.Replace(a, "DISK", at, 1))
				}
				stderr := run(t, 3, "hallmark", args...)
				if !strings.Contains(stderr, disk.want) {
					t.Errorf("%v says %q, want %q", args, stderr, disk.want)
				}
				after := names(t, at)
				if tt.name == "directory" && disk.flags == 0 {
					after = strings.Replace(after, " bundles", "", 1) // an empty folder takes no space
				}
				if after != before {
					t.Errorf("%v leaves %s, want %s", args, after, before)
				}
				run(t, 0, "hallmark", "replay", done)
			})
		}
	}
}

// fill writes zeros until nothing more can be written.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// names lists all that lies below dir.
func names(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		out.WriteString(" " + rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// run runs a command of ours as a process of its own, holds its exit code, and
// returns what it says on the error stream.
func run(t *testing.T, want int, name string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(self, args...)
	cmd.Args[0], cmd.Stderr = name, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("%s %v exits %d, want %d:\n%s", name, args, got, want, stderr.String())
	}
	return stderr.String()
}
