//go:build integration

package integration

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
)

// release is a release to judge and to sign: a copy of examples/quickstart,
// which passes.
type release struct {
	dir       string
	file      string   // hallmark.yaml
	out       string   // the dossier, once there is one
	artifacts []string // two files
}

// What the example calls itself.
const (
	verifierID  = "https://hallmark-project.dev/greet/release-verifier/v1"
	resourceURI = "pkg:golang/hallmark-project.dev/greet@v1.2.0"
	verdictType = "https://slsa.dev/verification_summary/v1"
)

func newRelease(t testing.TB) release {
	t.Helper()
	dir := t.TempDir()
	check(t, os.CopyFS(dir, os.DirFS(filepath.Join(checkout, "examples", "quickstart"))))
	r := release{dir: dir, file: filepath.Join(dir, "hallmark.yaml"), out: filepath.Join(dir, "out")}
	var err error
	r.artifacts, err = filepath.Glob(filepath.Join(dir, "dist", "greet_*"))
	check(t, err)
	if len(r.artifacts) != 2 {
		t.Fatalf("the example has %d artifacts, want 2", len(r.artifacts))
	}
	return r
}

// set gives a key of hallmark.yaml that the example does not have, as lines of
// YAML.
func (r release) set(t testing.TB, lines string) {
	t.Helper()
	data, err := os.ReadFile(r.file)
	check(t, err)
	check(t, os.WriteFile(r.file, append(data, "\n"+lines+"\n"...), 0o644))
}

// trust is the trust file that was written for consumers.
func (r release) trust() string { return filepath.Join(r.out, "trust.yaml") }

// attestations is the folder of bundles.
func (r release) attestations() string { return filepath.Join(r.out, "attestations") }

// verdict is the bundle of the verdict.
func (r release) verdict() string { return filepath.Join(r.attestations(), "verdict.sigstore.json") }

// bundles are all bundles of the dossier.
func (r release) bundles(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(r.attestations(), "*.sigstore.json"))
	check(t, err)
	if len(all) == 0 {
		t.Fatalf("there is no bundle in %s", r.attestations())
	}
	return all
}

// unsigned holds that nothing was signed or published.
func (r release) unsigned(t testing.TB) {
	t.Helper()
	for _, dir := range []string{r.attestations(), filepath.Join(r.out, "layout")} {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("%s is there, want nothing signed", path)
			}
			return nil
		})
	}
}

// digest is the SHA-256 of a file.
func digest(t testing.TB, file string) criteria.Digest {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	return criteria.DigestOf(data)
}

// readJSON returns what is in a file.
func readJSON(t testing.TB, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	var v map[string]any
	check(t, json.Unmarshal(data, &v))
	return v
}

// writeJSON writes v into a new file.
func writeJSON(t testing.TB, name string, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	check(t, err)
	return writeFile(t, name, string(data))
}

// writeFile writes a new file in a folder of its own.
func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// at walks into JSON: names of members and indexes of lists.
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				t.Fatalf("there is nothing at %v", path[:i+1])
			}
			v = l[s]
		}
		if v == nil {
			t.Fatalf("there is nothing at %v", path[:i+1])
		}
	}
	return v
}

// reason is why hallmark-verify -o json refused.
type reason struct{ Code, Message string }

func (r result) reasons() []reason {
	r.t.Helper()
	var report struct {
		Subjects []struct{ Reasons []reason }
	}
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		r.t.Fatalf("%s\nwrites no report: %v\n%s", r.line, err, r.all())
	}
	var all []reason
	for _, s := range report.Subjects {
		all = append(all, s.Reasons...)
	}
	return all
}

// refuses holds that hallmark-verify -o json refused for one reason with this
// code, whose message has parts in it.
func (r result) refuses(code string, parts ...string) result {
	r.t.Helper()
	r.exits(1)
	got := r.reasons()
	ok := len(got) == 1 && got[0].Code == code
	for _, p := range parts {
		ok = ok && strings.Contains(got[0].Message, p)
	}
	if !ok {
		r.t.Fatalf("%s\nrefuses for %q, want %s %q", r.line, got, code, parts)
	}
	return r
}

// decode is what a text in base64, found in JSON, stands for.
func decode(t testing.TB, text any) []byte {
	t.Helper()
	s, _ := text.(string)
	data, err := base64.StdEncoding.DecodeString(s)
	check(t, err)
	if len(data) == 0 {
		t.Fatalf("%v is no text in base64", text)
	}
	return data
}
