package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/releasefile"
)

// lie writes files, by path, into a new folder with the given name.
func lie(t *testing.T, name string, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path, text, _ := strings.Cut(f, "=")
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func runMain(args ...string) (code int, said string) {
	var out, errs bytes.Buffer
	code = Main(append([]string{"hallmark"}, args...), console.IO{
		In: strings.NewReader(""), Out: &out, Err: &errs, Env: func(string) string { return "" }, Now: console.System().Now,
	})
	return code, out.String() + errs.String()
}

// uncommented turns the proposed entries of a first file into real ones, as a
// release manager would with an editor. Comments in prose stay.
func uncommented(text string) string {
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(text, "evidence: []", "evidence:")) {
		for _, key := range []string{"- path: ", "  format: ", "  about: ", "  time: ", "  databaseTime: "} {
			if rest, ok := strings.CutPrefix(line, "  # "+key); ok {
				line = "  " + key + rest
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// TestInit holds the files that hallmark init writes against what reads them,
// in projects of all sorts, as they are and with all proposals taken.
func TestInit(t *testing.T) {
	everything := []string{
		"dist/app_linux=binary", "dist/app_darwin=other binary", "dist/app_linux.sig=signature",
		"SECURITY.md=# Security policy", "CHANGELOG.md=# Changelog", "go.mod=module example.com/tools/app/v2\n\ngo 1.26",
		"evidence/unit.xml=x", "evidence/unit.json=x", "evidence/odd.xml=x", "evidence/coverage.out=x", "evidence/gosec.sarif=x",
		"evidence/govulncheck.sarif=x", "evidence/gitleaks.json=x", "evidence/osv-app_linux.json=x", "evidence/osv.json=x",
		"evidence/app_linux.cdx.json=x", "evidence/app.spdx.json=x", "evidence/tags.txt=x", "evidence/known_exploited_vulnerabilities.json=x",
	}
	for _, tc := range []struct {
		name  string
		files []string
	}{
		{"empty", nil},
		{"app", []string{"dist/app=binary"}},
		{"my proj @ é #1", []string{"dist/my app é #1=binary", "dist/[a].zip=archive", "evidence/a b #c.sarif=x"}},
		{"it's odd & -", []string{"dist/-x=binary", "dist/true=b", "dist/1.0=c", "evidence/- junit.junit.xml=x"}},
		{"true", []string{"dist/null=binary"}},
		{"everything", everything},
	} {
		for _, profile := range []string{"basic", "standard", "advanced"} {
			t.Run(tc.name+"/"+profile, func(t *testing.T) {
				dir := lie(t, tc.name, tc.files...)
				code, said := runMain("init", "--profile", profile, dir)
				if code != console.Yes {
					t.Fatalf("init exits %d:\n%s", code, said)
				}
				for line := range strings.Lines(said) {
					if !strings.Contains(line, "hallmark.yaml") && !strings.Contains(line, dir) && len(line) > 81 {
						t.Errorf("init says a line of %d columns: %q", len(line), line)
					}
				}
				path := filepath.Join(dir, "hallmark.yaml")
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range []string{string(text), uncommented(string(text))} {
					if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
					if _, err := releasefile.Load(path); err != nil {
						t.Fatalf("%v\n%s", err, text)
					}
					if len(tc.files) == 0 {
						continue // nothing to release
					}
					// It is no release yet, and read without a fault of usage.
					code, said = runMain("evaluate", "-f", path, "--out", filepath.Join(t.TempDir(), "out"))
					if code != console.No && code != console.CouldNotTell {
						t.Errorf("evaluate of a fresh start exits %d:\n%s\n%s", code, said, text)
					}
				}
				if code, said := runMain("init", dir); code != console.Yes || strings.Contains(said, "wrote") {
					t.Errorf("a second init exits %d, and says:\n%s", code, said)
				}
			})
		}
	}
}

// TestScalar holds what is written for a name to what YAML reads.
func TestScalar(t *testing.T) {
	for _, want := range []string{
		"app", "dist/app_1.0.tar.gz", "pkg:golang/a.b/c@v1.0.0", "a: b", "a:", "# a", "a #b", "- a", "-", "true", "No", "null", "~", "1.0", "1e3", "0x1", "2026-01-31",
		"", " a ", "é", `"a"`, "it's", `a\b`, `dist/\[a]`, "*a", "&a", "!a", "{a}", "[a]", "a\nb", "a\tb", "%a", "@a", "`a", "|", ">", "?", "=", "<<", ".", "..", "a, b",
	} {
		var got struct{ V any }
		text := "v: " + scalar(want) + "\n"
		if err := yaml.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got.V != want {
			t.Errorf("scalar(%q) is read as %#v", want, got.V)
		}
	}
}

// TestLyingReports holds what a file's name tells.
func TestLyingReports(t *testing.T) {
	dir := lie(t, "project",
		"SECURITY.md", ".github/SECURITY.md", "go.mod", "package-test.json", "pom.xml", "coverage.out", "notes.txt",
		"evidence/junit.xml", "evidence/unit.json", "evidence/checkstyle.xml", "evidence/gosec.sarif", "evidence/govulncheck.sarif",
		"evidence/gitleaks.sarif", "evidence/gitleaks-report.json", "evidence/osv-linux.json", "evidence/App.SPDX.json", "evidence/app.cdx.json",
		"evidence/.hidden.sarif", "evidence/deep/x.sarif", "dist/app", "dist/app.cdx.xml", "target/surefire-reports/TEST-a.b.xml",
		"threat-model/threagile.yaml")
	var got []string
	for _, r := range lyingReports(dir) {
		line := r.Format + " " + r.Path
		if r.Doubt != "" {
			line += " ?"
		}
		got = append(got, line)
	}
	want := []string{
		"security-md SECURITY.md", "go-mod go.mod", "go-cover coverage.out",
		"spdx-json evidence/App.SPDX.json", "cyclonedx-json evidence/app.cdx.json ?", "junit evidence/checkstyle.xml ?",
		"gitleaks-json evidence/gitleaks-report.json", "sarif-secrets evidence/gitleaks.sarif", "sarif evidence/gosec.sarif",
		"junit evidence/junit.xml", "osv-scanner evidence/osv-linux.json", "go-test-json evidence/unit.json ?",
		"cyclonedx-xml dist/app.cdx.xml ?", "threagile-model threat-model/threagile.yaml", "junit target/surefire-reports/TEST-a.b.xml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lyingReports (-want +got):\n%s", diff)
	}
	dir = lie(t, "project", "dist/app", "dist/app.sig", "dist/app.cdx.json", "dist/app_checksums.txt", "dist/metadata.json", "dist/.hidden", "dist/sub/app", "dist/[x].zip")
	artifacts, checksums := lyingArtifacts(dir)
	if diff := cmp.Diff([]string{"dist/[x].zip", "dist/app"}, artifacts); diff != "" || checksums != "dist/app_checksums.txt" {
		t.Errorf("lyingArtifacts gives the checksums %q and (-want +got):\n%s", checksums, diff)
	}
	names := make(map[string]bool)
	for _, f := range known().Formats {
		names[f.Name()] = true
	}
	for _, n := range append(reportNames(), likelyNames()...) {
		if n.format != "" && !names[n.format] {
			t.Errorf("%s tells %q, which is no format", n.pattern, n.format)
		}
	}
}

// TestBeginIn holds what is filled in from git and go.mod.
func TestBeginIn(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := lie(t, "folder", "go.mod=module example.com/Tools/App/v2\n\ngo 1.26", "dist/a=1", "dist/SHA256SUMS=x", ".gitignore=hallmark-out/\n*.key")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(tags ...string) string {
		git("commit", "-q", "--allow-empty", "-m", "x")
		for _, tag := range tags {
			git("tag", tag)
		}
		return git("rev-parse", "HEAD")
	}
	begun := func() begin {
		t.Helper()
		b, err := beginIn(t.Context(), dir, criteria.Basic)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	git("init", "-q")
	if b := begun(); b.Source != "" || b.Version != "0.1.0" || b.Name != "App" || len(b.Notes) != 1 {
		t.Errorf("without a commit, beginIn = %+v", b)
	}
	first := commit("nightly", "release/2026.11", "v2.0.0")
	if b := begun(); b.Source != first || b.Version != "2.0.0" || b.Previous != "" || b.Resource != "pkg:golang/example.com/tools/app/v2@v2.0.0" || b.Checksums != "dist/SHA256SUMS" {
		t.Errorf("with a first tag, beginIn = %+v", b)
	}
	commit("v2.1.0-rc.1")
	git("remote", "add", "origin", "https://ada:secret@git.example/me/app.git?x")
	if b := begun(); b.Version != "2.1.0-rc.1" || b.Previous != first || b.Repository != "git+https://git.example/me/app.git" || b.Verifier != "https://git.example/me/app/release-verifier/v1" {
		t.Errorf("with a pre-release, beginIn = %+v", b)
	}
	head := commit("v2.1.0", "v2.1")
	if b := begun(); b.Version != "2.1.0" || b.Source != head || b.Previous != first || len(b.Notes) != 0 {
		t.Errorf("with two tags, beginIn = %+v", b)
	}
	commit()
	if b := begun(); b.Version != "2.1.1" || b.Previous != head || len(b.Notes) != 1 {
		t.Errorf("without a tag on the commit, beginIn = %+v", b)
	}
	for remote, want := range map[string]string{
		"git@github.com:me/app.git":       "git+ssh://git@github.com/me/app.git",
		"ssh://git:pw@git.example/me/app": "git+ssh://git@git.example/me/app",
		"https://git.example/me/app":      "git+https://git.example/me/app",
		"https://token@git.example/a":     "git+https://git.example/a",
		"/srv/app.git":                    "", "../app": "", "file:///srv/app": "", "C:\\app": "", "": "",
	} {
		if got := downloadLocation(remote); got != want {
			t.Errorf("downloadLocation(%q) = %q, want %q", remote, got, want)
		}
	}
}
