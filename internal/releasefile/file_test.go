package releasefile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/internal/strict"
)

func TestParse_faults(t *testing.T) {
	whole := releaseFile(artifacts)
	without := func(line string) string {
		if !strings.Contains(whole, line) {
			t.Fatalf("%q is not in the file", line)
		}
		return strings.Replace(whole, line, "", 1)
	}
	with := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "h.yaml: is empty"},
		{"not_yaml", "release: [", "h.yaml:2:1: did not find expected node content"},
		{"list", "- a\n", "h.yaml:1:1: expected keys and values"},
		{"misspelled_section", with("policy:", "polcy:"), `h.yaml:6:1: unknown key "polcy": did you mean "policy"?`},
		{"misspelled_key", with("version:", "verison:"), `h.yaml:3:3: unknown key "verison": did you mean "version"?`},
		{"duplicate", whole + "policy: other.yaml\n", `h.yaml:9:1: key "policy" stands twice, first on line 6`},
		{"no_release", "artifacts: [a]\npolicy: p\nverifier: {id: v}\n", "h.yaml:1:1: release.name is missing\nh.yaml:1:1: release.version is missing\n" +
			"h.yaml:1:1: release.resource is missing: the package URL or address by which consumers ask for this release\nh.yaml:1:1: release.source is missing: the commit, gitCommit:<hex>"},
		{"no_name", without("  name: widget\n"), "h.yaml:2:3: release.name is missing"},
		{"no_version", without("  version: 1.0\n"), "h.yaml:2:3: release.version is missing"},
		{"version_empty", with("version: 1.0", "version:"), "h.yaml:3:11: a value is missing: expected text"},
		{"no_resource", without("  resource: pkg:generic/widget@1.0\n"), "h.yaml:2:3: release.resource is missing: the package URL or address by which consumers ask for this release"},
		{"no_source", without("  source: " + commit + "\n"), "h.yaml:2:3: release.source is missing: the commit, gitCommit:<hex>"},
		{"source_short", with(commit, "gitCommit:5e56"), `h.yaml:5:11: "gitCommit:5e56": gitCommit takes 40 hex digits, found 4`},
		{"source_bare", with(commit, strings.TrimPrefix(commit, "gitCommit:")), `h.yaml:5:11: "5e56881774df3010319816adb1989a1399beb72b" is not a digest: expected one such as sha256:<64 hex digits>`},
		{"source_is_file", with(commit, sum("x").String()), "h.yaml:2:3: release.source must be a commit, gitCommit:<hex>"},
		{"previous_is_file", with("policy:", "  previous: "+sum("x").String()+"\npolicy:"), "h.yaml:2:3: release.previous must be a commit, gitCommit:<hex>"},
		{"no_artifacts", without(artifacts), "h.yaml:1:1: artifacts is missing: paths or patterns of what is released; or images"},
		{"empty_artifacts", with("[dist/*]", "[]"), "h.yaml:1:1: artifacts is missing: paths or patterns of what is released; or images"},
		{"artifacts_as_text", with("[dist/*]", "dist/a"), "h.yaml:8:12: expected a list"},
		{"no_policy", without("policy: policy.yaml\n"), "h.yaml:1:1: policy is missing: the path of policy.yaml"},
		{"no_verifier", without("verifier: {id: https://acme.example/verifier}\n"), "h.yaml:1:1: verifier.id is missing: the URI that consumers know your verdicts by"},
		{"evidence_without_path", whole + "evidence:\n  - format: junit\n", "h.yaml:10:5: evidence needs a path"},
		{"evidence_without_format", whole + "evidence:\n  - path: r\n", "h.yaml:10:5: evidence needs a format: list them with: hallmark criteria --formats"},
		{"evidence_misspelled", whole + "evidence:\n  - path: r\n    fromat: junit\n", `h.yaml:11:5: unknown key "fromat": did you mean "format"?`},
		{"about_is_mapping", whole + "evidence:\n  - {path: r, format: junit, about: {a: b}}\n", "h.yaml:10:37: expected a word or a list of words"},
		{"about_holds_list", whole + "evidence:\n  - {path: r, format: junit, about: [[a]]}\n", "h.yaml:10:37: expected a word or a list of words"},
		{"about_empty", whole + "evidence:\n  - {path: r, format: junit, about: }\n", "h.yaml:10:37: a value is missing: expected a list"},
		{"time", whole + "evidence:\n  - {path: r, format: junit, time: noon}\n", `h.yaml:10:36: parsing time "noon" as "2006-01-02T15:04:05Z07:00": cannot parse "noon" as "2006"`},
		{"max_age", whole + "trust: {maxAge: long}\n", `h.yaml:9:8: trust.maxAge: "long" is no length of time: write for example 72h or 30d`},
		{"trust_level", whole + "trust: {level: high}\n", `h.yaml:9:16: unknown level "high": known are basic, standard, advanced`},
		{"anchor", whole + "signer: &s {key: k}\n", "h.yaml:9:9: anchors and aliases are not accepted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := releasefile.Parse("h.yaml", []byte(tt.text))
			if err == nil || err.Error() != tt.want {
				t.Errorf("Parse()\n got %v\nwant %s", err, tt.want)
			}
		})
	}
	if _, err := releasefile.Parse("h.yaml", []byte(whole+"trust: {maxAge: unlimited}\n")); err != nil {
		t.Errorf("Parse() = %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "hallmark.yaml")
	if _, err := releasefile.Load(p); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load(missing) = %v, want %v", err, os.ErrNotExist)
	}
	write := func(text string) {
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("\xff\xfea\x00")
	var one *strict.Error
	if _, err := releasefile.Load(p); !errors.As(err, &one) || err.Error() != p+": is in UTF-16; write it in UTF-8" {
		t.Errorf("Load(UTF-16) = %v", err)
	}
	write(strings.Repeat("#", strict.MaxConfig+1))
	if _, err := releasefile.Load(p); !errors.As(err, &one) || !strings.Contains(err.Error(), "is too large") {
		t.Errorf("Load(too large) = %v", err)
	}
	write("\xef\xbb\xbf" + releaseFile(artifacts+"root: ../other\nevidence:\n  - {path: r, format: junit, about: source}\n  - {path: r, format: junit, about: [a, b]}\n"))
	f, err := releasefile.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Folder(), filepath.Join(filepath.Dir(dir), "other"); got != want {
		t.Errorf("Folder() = %q, want %q", got, want)
	}
	if got := f.Beside("keys/k"); got != filepath.Join(dir, "keys", "k") {
		t.Errorf("Beside() = %q", got)
	}
	if got := fmt.Sprint(f.Evidence[0].About, f.Evidence[1].About); got != "[source] [a b]" {
		t.Errorf("about = %s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(releaseFile(artifacts)))
	f.Add([]byte(releaseFile(artifacts + "evidence:\n  - {path: r, format: junit, about: [a, {}]}\ntrust: {maxAge: 3d}\n")))
	f.Add([]byte("release: {}\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, errA := releasefile.Parse("h", data)
		_, errB := releasefile.Parse("h", data)
		if fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Fatalf("Parse(%q) = %v, then %v", data, errA, errB)
		}
		if errA == nil && (a.Release.Name == "" || a.Release.Source.Algorithm() != "gitCommit" || len(a.Artifacts) == 0 || a.Policy == "" || a.Verifier.ID == "") {
			t.Fatalf("Parse(%q) accepts a release that lacks something: %+v", data, a)
		}
	})
}
