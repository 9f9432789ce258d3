package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
)

var update = flag.Bool("update", false, "rewrite the messages of the examples")

// TestRefused holds each way to be refused against the exit code and the
// message that a release manager gets, which stand in its message.txt.
func TestRefused(t *testing.T) {
	files, err := filepath.Glob("../../examples/refused/*/hallmark.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 8 {
		t.Fatalf("found %d examples of refusal, want at least 8", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			var stdout, stderr bytes.Buffer
			code := cli.Main([]string{"hallmark", "release", "-f", file, "--out", out}, console.IO{
				In: strings.NewReader(""), Out: &stdout, Err: &stderr, Env: func(string) string { return "" }, Now: time.Now,
			})
			got := "exit code " + strconv.Itoa(code) + "\n\n" + stderr.String()
			message := filepath.Join(filepath.Dir(file), "message.txt")
			if *update {
				if err := os.WriteFile(message, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(message)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
				t.Errorf("release -f %s (-want +got):\n%s", file, diff)
			}
			if code != console.No && code != console.CouldNotTell {
				t.Errorf("release -f %s exits %d, want 1 or 3", file, code)
			}
			for _, name := range []string{"attestations", "layout", "trust.yaml"} {
				if _, err := os.Stat(filepath.Join(out, name)); err == nil {
					t.Errorf("release -f %s left %s", file, name)
				}
			}
			if _, err := os.Stat(filepath.Join(out, "decision.json")); err != nil {
				t.Errorf("release -f %s left no decision: %v", file, err)
			}
		})
	}
}
