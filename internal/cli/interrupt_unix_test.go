//go:build unix

package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

// TestInterrupt sends Ctrl-C while a release is being written over an older
// one: the older one stays as it was, nothing else lies there, and the exit code
// is that of what could not be told.
func TestInterrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes several hundred MiB")
	}
	// What comes after the command has ended must not end the test.
	late := make(chan os.Signal, 8)
	signal.Notify(late, os.Interrupt)
	defer signal.Stop(late)

	w := manyArtifacts(t, 2, 128<<20)
	w.release(t)
	before, held := listing(t, w.dir), decision(t, w)
	for _, format := range []string{"table", "json"} {
		var out, errs bytes.Buffer
		done := make(chan int, 1)
		go func() {
			done <- cli.Main([]string{"hallmark", "release", "-f", filepath.Join(w.dir, "hallmark.yaml"), "--out", w.out(), "-o", format}, w.io(&out, &errs))
		}()
		code := -1
		for begun := false; code < 0; {
			select {
			case code = <-done:
			case <-time.After(time.Millisecond):
				staged, err := filepath.Glob(filepath.Join(w.dir, ".hallmark-staging-*", "layout"))
				if err != nil {
					t.Fatal(err)
				}
				if len(staged) > 0 && !begun {
					begun = true
					if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if code != console.CouldNotTell {
			t.Errorf("release -o %s exits %d, want %d:\n%s", format, code, console.CouldNotTell, errs.String())
		}
		if got, want := errs.String(), "hallmark: interrupted: nothing was written\n"; got != want {
			t.Errorf("release -o %s says %q, want %q", format, got, want)
		}
		if format == "json" {
			var p console.Problem
			if err := json.Unmarshal(out.Bytes(), &p); err != nil || p.Outcome != verification.Unknown {
				t.Errorf("release -o json writes %s (%v), want one document with outcome unknown", out.String(), err)
			}
		}
		if diff := cmp.Diff(before, listing(t, w.dir)); diff != "" {
			t.Errorf("an interrupted run changed what lies there:\n%s", diff)
		}
		if decision(t, w) != held {
			t.Error("an interrupted run changed the decision")
		}
	}
	w.run(t, "replay", w.out())
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

func decision(t *testing.T, w manyRelease) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.out(), "decision.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
