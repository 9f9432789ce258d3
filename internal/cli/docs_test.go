package cli

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "rewrite generated documents")

// TestCriteriaDocument holds docs/criteria.md against the catalogue it is
// generated from.
func TestCriteriaDocument(t *testing.T) {
	const path = "../../docs/criteria.md"
	var got bytes.Buffer
	if err := Markdown(&got, described(), describedFormats()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got.String()); diff != "" {
		t.Errorf("docs/criteria.md is not what hallmark criteria -o markdown writes; run: go test ./internal/cli -update\n%s", diff)
	}
}

// TestHelp holds every command to what its help must have: an example that
// begins with the command itself, and a choice of output.
func TestHelp(t *testing.T) {
	var walk func(path string, commands []*cli.Command)
	walk = func(path string, commands []*cli.Command) {
		for _, c := range commands {
			name := path + " " + c.Name
			_, examples, ok := strings.Cut(c.Description, "Examples:\n")
			if !ok || !strings.Contains(examples, name) {
				t.Errorf("%s --help shows no example of itself", name)
			}
			var out bytes.Buffer
			code := Main(append(strings.Fields(name), "--help"), console.IO{Out: &out, Err: &out, Env: func(string) string { return "" }})
			if code != console.Yes || !strings.Contains(out.String(), "Usage:\n  "+name) || !strings.Contains(out.String(), "--help") {
				t.Errorf("%s --help exits %d and says:\n%s", name, code, &out)
			}
			for line := range strings.Lines(out.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
					t.Errorf("%s --help has a line of %d columns: %q", name, n, line)
				}
			}
			if len(c.Subcommands) > 0 {
				walk(name, c.Subcommands)
				continue
			}
			output := false
			for _, f := range c.Flags {
				output = output || f.Names()[0] == "output"
			}
			if !output {
				t.Errorf("%s has no --output", name)
			}
		}
	}
	walk("hallmark", app(console.IO{}).Commands)
}
