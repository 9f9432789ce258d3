// Package examples holds what people copy: releases, scripts and pipelines. Its
// tests hold every command line in them, and in the documents, against the
// programs as they are.
package examples

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-project/hallmark/internal/admission"
	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

// line is a command line of ours and where it stands.
type line struct{ where, text string }

// Every command that a pipeline, a script or a document shows is there, and
// takes the flags that it is shown with.
func TestCommandLines(t *testing.T) {
	var lines []line
	for _, file := range []string{"github-actions/release.yml", "gitlab-ci/.gitlab-ci.yml"} {
		lines = append(lines, holds(t, commands(file, strings.Join(scripts(t, file), "\n")))...)
	}
	scripts, err := filepath.Glob("*/*.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range scripts {
		if strings.HasPrefix(file, "kubernetes") {
			continue // they run helm and openssl
		}
		lines = append(lines, holds(t, commands(file, read(t, file)))...)
	}
	for _, file := range documents(t) {
		lines = append(lines, commands(file, strings.Join(append(blocks(read(t, file)), inline(read(t, file))...), "\n"))...)
	}
	if len(lines) < 90 {
		t.Errorf("%d command lines were found, expected many more", len(lines))
	}
	for _, l := range lines {
		if fault := wrong(t, l.text); fault != "" {
			t.Errorf("%s: %s\n%s", l.where, l.text, fault)
		}
	}
}

// What is wrong is found, or the test above would look at nothing.
func TestWrongCommandLines(t *testing.T) {
	for text, want := range map[string]string{
		"hallmark release -f hallmark.yaml --out out --keyless": "",
		"hallmark key generate --out release.key":               "",
		"hallmark-verify -t trust.yaml -a attestations app":     "",
		"hallmark release --key-less":                           "there is no flag --key-less",
		"hallmark realese -f hallmark.yaml":                     "there is no such command",
		"hallmark key make":                                     "there is no such command",
		"hallmark-verify --sign app":                            "there is no flag --sign",
		"hallmark-admission check --trust-dir d pod.yaml":       "",
		"hallmark-admission --trust-dir d --tls-cert c":         "",
		"hallmark-admission --trust-dirs d":                     "there is no flag --trust-dirs",
		"hallmark-admission serve":                              "there is no such command",
	} {
		if got := wrong(t, text); got != want {
			t.Errorf("wrong(%q) = %q, want %q", text, got, want)
		}
	}
	script := "FOO=bar hallmark release \\\n  --out x | tail\n$ go run ./cmd/hallmark-verify -t t app && true\n# hallmark is not run here\n"
	var got []string
	for _, l := range commands("", script) {
		got = append(got, l.text)
	}
	if want := []string{"hallmark release --out x", "hallmark-verify -t t app"}; !slices.Equal(got, want) {
		t.Errorf("commands(%q) = %q, want %q", script, got, want)
	}
}

// holds fails if a file of commands has none.
func holds(t *testing.T, lines []line) []line {
	t.Helper()
	if len(lines) == 0 {
		t.Error("a file that should run hallmark does not")
	}
	return lines
}

// wrong says what is wrong with a command line, nothing if it can be meant.
func wrong(t *testing.T, text string) string {
	t.Helper()
	words := strings.Fields(text)
	known := help(t, words[0])
	if words[0] == "hallmark" {
		if len(words) < 2 {
			return ""
		}
		command := words[1:2]
		if len(words) > 2 && slices.Contains(families, words[1]) {
			command = words[1:3]
		}
		if known = help(t, words[0], command...); known == nil {
			return "there is no such command"
		}
	}
	if words[0] == "hallmark-admission" && len(words) > 1 && words[1][0] != '-' {
		if known = help(t, words[0], words[1]); words[1] != "check" || known == nil {
			return "there is no such command"
		}
	}
	for _, w := range words[1:] {
		name, _, _ := strings.Cut(w, "=")
		if len(name) < 2 || name[0] != '-' || strings.Trim(name, "-") == "" {
			continue
		}
		if !known[name] {
			return "there is no flag " + name
		}
	}
	return ""
}

// families are the commands that are only said together with another.
var families = []string{"advisories", "key", "policy", "trust"}

// flag finds the flags that a help lists.
var flag = regexp.MustCompile(`(?m)^ +(-[a-z]+, )?(--?[a-z][a-z0-9-]*)(?:, (--[a-z][a-z0-9-]*))?`)

// help returns the flags that a command says it takes, nil if there is none.
func help(t *testing.T, program string, command ...string) map[string]bool {
	t.Helper()
	var out bytes.Buffer
	io := console.IO{In: strings.NewReader(""), Out: &out, Err: &out, Env: func(string) string { return "" }}
	run := cli.Main
	switch program {
	case "hallmark-verify":
		run = verification.Main
	case "hallmark-admission":
		run = admission.Main
	}
	if code := run(append(append([]string{program}, command...), "--help"), io); code != console.Yes {
		return nil
	}
	// What the commands are called is in no help of theirs.
	known := map[string]bool{"--help": true, "-h": true}
	_, options, _ := strings.Cut(out.String(), "Options:\n")
	for _, m := range flag.FindAllStringSubmatch(options, -1) {
		for _, name := range m[1:] {
			known[strings.TrimSuffix(name, ", ")] = true
		}
	}
	for short, long := range map[string]string{"-f": "--file", "-o": "--output", "-t": "--trust", "-a": "--attestations"} {
		known[short] = known[short] || known[long]
	}
	if known["--attestations"] { // as cosign names it
		known["--bundle"] = true
	}
	return known
}

// commands are the command lines of ours in a script: what a line begins with,
// after a prompt, variables and what runs others, up to what it is piped into.
func commands(where, script string) []line {
	script = strings.ReplaceAll(script, "\\\n", " ")
	var out []line
	for text := range strings.Lines(script) {
		words := strings.Fields(text)
		for len(words) > 0 {
			name, _, assigns := strings.Cut(words[0], "=")
			if words[0] != "$" && words[0] != "-" && words[0] != "run:" && !(assigns && strings.ToUpper(name) == name) {
				break
			}
			words = words[1:]
		}
		if len(words) > 2 && words[0] == "go" && words[1] == "run" {
			words = append([]string{filepath.Base(words[2])}, words[3:]...)
		}
		if len(words) == 0 || words[0] != "hallmark" && words[0] != "hallmark-verify" && words[0] != "hallmark-admission" {
			continue
		}
		for i, w := range words {
			if w == "|" || w == ">" || w == ">>" || w == "#" || w == "&&" || w == "||" || strings.HasSuffix(w, ";") {
				words = words[:i]
				break
			}
		}
		if slices.Contains(words[1:], "…") || strings.HasSuffix(words[0], ":") {
			continue
		}
		out = append(out, line{where, strings.Join(words, " ")})
	}
	return out
}

// blocks are the fenced blocks of a document.
func blocks(text string) []string {
	var out []string
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 {
			_, part, _ = strings.Cut(part, "\n") // the language
			out = append(out, part)
		}
	}
	return out
}

// code finds what stands between two signs of code in a line of text.
var code = regexp.MustCompile("`(hallmark[^`\n]*)`")

// inline is the code in a document's text.
func inline(text string) []string {
	var out []string
	for i, part := range strings.Split(text, "```") {
		if i%2 == 0 {
			for _, m := range code.FindAllStringSubmatch(part, -1) {
				out = append(out, m[1])
			}
		}
	}
	return out
}

// documents are the project's texts.
func documents(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{"../docs", "."} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".md" {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return append(out, "../README.md", "../CONTRIBUTING.md")
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// scripts are what the steps of a pipeline run, of a workflow of GitHub's or of
// GitLab's jobs, in their order.
func scripts(t *testing.T, file string) []string {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(read(t, file)), &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var out []string
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && (c.Value == "run" || c.Value == "script") {
				switch v := n.Content[i+1]; v.Kind {
				case yaml.ScalarNode:
					out = append(out, v.Value)
				case yaml.SequenceNode:
					for _, s := range v.Content {
						out = append(out, s.Value)
					}
				}
			}
			walk(c)
		}
	}
	walk(&doc)
	return out
}

// A pipeline is copied: what it runs of others is what was looked at, and only
// the job that signs may have a token.
func TestPipelines(t *testing.T) {
	var github struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			Permissions map[string]string
			Steps       []struct{ Uses string }
		}
	}
	decode(t, "github-actions/release.yml", &github)
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40}$`)
	if len(github.Permissions) != 0 || len(github.Jobs) != 3 {
		t.Errorf("the workflow has the permissions %v and %d jobs, want none and 3", github.Permissions, len(github.Jobs))
	}
	for name, job := range github.Jobs {
		want := map[string]string{"contents": "read"}
		if name == "release" {
			want["id-token"] = "write"
		}
		if len(job.Permissions) != len(want) || job.Permissions["contents"] != "read" || job.Permissions["id-token"] != want["id-token"] {
			t.Errorf("job %s has the permissions %v, want %v", name, job.Permissions, want)
		}
		for _, s := range job.Steps {
			if s.Uses != "" && !pinned.MatchString(s.Uses) {
				t.Errorf("job %s uses %s, which is not pinned to a commit", name, s.Uses)
			}
			if name == "release" && strings.HasPrefix(s.Uses, "actions/checkout@") {
				t.Errorf("job %s takes the source, of which nothing should run beside the token", name)
			}
		}
	}
	var gitlab map[string]yaml.Node
	decode(t, "gitlab-ci/.gitlab-ci.yml", &gitlab)
	for _, name := range []string{"build", "release", "consume"} {
		n := gitlab[name]
		var job struct {
			Script []string
			Tokens map[string]struct{ Aud string } `yaml:"id_tokens"`
		}
		if err := n.Decode(&job); err != nil || len(job.Script) == 0 {
			t.Fatalf("job %s: %v, want one with a script", name, err)
		}
		if got := job.Tokens["SIGSTORE_ID_TOKEN"].Aud == "sigstore"; got != (name == "release") || len(job.Tokens) > 1 {
			t.Errorf("job %s has the tokens %v", name, job.Tokens)
		}
	}
	version := regexp.MustCompile(`@(v[0-9]+\.[0-9]+\.[0-9]+|\$HALLMARK"?)$`)
	for _, s := range append(scripts(t, "github-actions/release.yml"), scripts(t, "gitlab-ci/.gitlab-ci.yml")...) {
		for text := range strings.Lines(s) {
			if strings.Contains(text, "go install") && !version.MatchString(strings.TrimSpace(text)) {
				t.Errorf("installs what no version names: %s", text)
			}
		}
	}
}

func decode(t *testing.T, file string, v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, file)), v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
