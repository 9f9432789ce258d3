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

// TestBeginning holds the files that hallmark init writes against what reads
// them.
func TestBeginning(t *testing.T) {
	for _, profile := range []string{"basic", "standard", "advanced"} {
		dir := t.TempDir()
		if err := os.Mkdir(dir+"/dist", 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"dist/app": "binary", "SECURITY.md": "# Security policy\n\nReport vulnerabilities to security@hallmark-project.dev, in private, please.\n",
			"CHANGELOG.md": "# Changelog\n\n## [0.1.0] - 2026-01-01\n\n- The first release of all.\n", "go.mod": "module example.com/app\n\ngo 1.26\n",
		} {
			if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		run := func(args ...string) (int, string) {
			var out, errs bytes.Buffer
			code := Main(append([]string{"hallmark"}, args...), console.IO{
				In: strings.NewReader(""), Out: &out, Err: &errs, Env: func(string) string { return "" }, Now: console.System().Now,
			})
			return code, out.String() + errs.String()
		}
		if code, out := run("init", "--profile", profile, dir); code != console.Yes {
			t.Fatalf("init --profile %s exits %d:\n%s", profile, code, out)
		}
		// What it begins with is read without a fault, and is no release yet.
		if code, out := run("evaluate", "-f", dir+"/hallmark.yaml", "--out", dir+"/out"); code != console.No && code != console.CouldNotTell {
			t.Errorf("evaluate of a fresh %s start exits %d:\n%s", profile, code, out)
		}
		if code, out := run("init", dir); code != console.Yes || strings.Contains(out, "wrote") {
			t.Errorf("a second init exits %d, and writes:\n%s", code, out)
		}
	}
}
