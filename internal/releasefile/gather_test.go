package releasefile_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/internal/strict"
)

const commit = "gitCommit:5e56881774df3010319816adb1989a1399beb72b"

// releaseFile is a hallmark.yaml with the lines of a test appended.
func releaseFile(more string) string {
	return "release:\n  name: widget\n  version: 1.0\n  resource: pkg:generic/widget@1.0\n  source: " + commit + "\n" +
		"policy: policy.yaml\nverifier: {id: https://acme.example/verifier}\n" + more
}

const artifacts = "artifacts: [dist/*]\n"

// folder makes a release folder of files, by path, and returns it.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["policy.yaml"] = "profile: basic\n"
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var formats = []releasefile.Format{{Name: "cyclonedx-json"}, {Name: "junit"}, {Name: "osv-scanner"}, {Name: "sarif"}, {Name: "slsa-provenance", Signed: true, TrustedRoot: []byte("built in"), Registry: true}}

func gather(t testing.TB, dir, text string) (*releasefile.Gathered, error) {
	t.Helper()
	f, err := releasefile.Parse(filepath.Join(dir, "hallmark.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f.Gather(context.Background(), formats, nil, nil)
}

func sum(text string) criteria.Digest { return criteria.DigestOf([]byte(text)) }

var sameDigest = cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })

func TestGather(t *testing.T) {
	dir := folder(t, map[string]string{
		"dist/a": "A", "dist/b": "B", "other/c": "C", "reports/unit.xml": "<x/>", "reports/sbom.json": "{}", "reports/osv.json": "[]",
		"SUMS": sum("A").Hex() + "  a\r\n" + strings.ToUpper(sum("B").Hex()) + " *dist/b\n\n" + sum("C").Hex() + "  ./other/c\n" + sum("D").Hex() + "  d\n",
	})
	g, err := gather(t, dir, releaseFile(`
artifacts: [dist/*, ./other/c, dist/a]
checksums: ./SUMS
evidence:
  - {path: ./reports/unit.xml, format: junit, about: source, time: 2026-11-22T10:00:00Z}
  - {path: reports/sbom.json, format: cyclonedx-json, about: [a, dist/b, ./other/c]}
  - {path: reports/osv.json, format: osv-scanner, about: reports/sbom.json, databaseTime: 2026-11-22}
  - {path: reports/osv.json, format: osv-scanner, about: artifacts}
  - {path: reports/unit.xml, format: junit}
  - {path: reports/unit.xml, format: junit, about: "`+commit+`"}
`))
	if err != nil {
		t.Fatal(err)
	}
	source, _ := criteria.ParseDigest(commit)
	want := criteria.Release{
		Name: "widget", Version: "1.0", Resource: "pkg:generic/widget@1.0",
		Source:    criteria.Subject{Name: "source", Digest: source},
		Artifacts: []criteria.Subject{{Name: "a", Digest: sum("A")}, {Name: "b", Digest: sum("B")}, {Name: "c", Digest: sum("C")}},
	}
	if diff := cmp.Diff(want, g.Release, sameDigest); diff != "" {
		t.Errorf("release differs (-want +got):\n%s", diff)
	}
	all := []criteria.Digest{sum("A"), sum("B"), sum("C")}
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	reports := []releasefile.Report{
		{Name: "./reports/unit.xml", Format: "junit", Data: []byte("<x/>"), Declared: criteria.Declared{About: []criteria.Digest{source}, Time: day.Add(10 * time.Hour)}},
		{Name: "reports/sbom.json", Format: "cyclonedx-json", Data: []byte("{}"), Declared: criteria.Declared{About: all}},
		{Name: "reports/osv.json", Format: "osv-scanner", Data: []byte("[]"), Declared: criteria.Declared{About: []criteria.Digest{sum("{}")}, DatabaseTime: day}},
		{Name: "reports/osv.json", Format: "osv-scanner", Data: []byte("[]"), Declared: criteria.Declared{About: all}},
		{Name: "reports/unit.xml", Format: "junit", Data: []byte("<x/>")},
		{Name: "reports/unit.xml", Format: "junit", Data: []byte("<x/>"), Declared: criteria.Declared{About: []criteria.Digest{source}}},
	}
	if diff := cmp.Diff(reports, g.Reports, sameDigest); diff != "" {
		t.Errorf("reports differ (-want +got):\n%s", diff)
	}
	if string(g.Policy) != "profile: basic\n" || g.Path("b") != filepath.Join(dir, "dist", "b") {
		t.Errorf("policy %q, path %q", g.Policy, g.Path("b"))
	}
}

func TestGather_faults(t *testing.T) {
	for _, tt := range []struct {
		name, more string
		make       func(t *testing.T, dir string)
		want       string
	}{
		{"no_match", "artifacts: [dist/*.zip]\n", nil, `hallmark.yaml:8:13: no artifact matches "dist/*.zip" in DIR`},
		{"no_such_file", "artifacts:\n  - dist/a\n  - dist/z\n", nil, `hallmark.yaml:10:5: no artifact matches "dist/z" in DIR`},
		{"bad_pattern", "artifacts: [\"dist/[\"]\n", nil, `hallmark.yaml:8:13: "dist/[" is no pattern: syntax error in pattern`},
		{"absolute", "artifacts: [/etc/hostname]\n", nil, `hallmark.yaml:8:13: "/etc/hostname" is no path inside the release folder`},
		{"above", "artifacts: [../x]\n", nil, `hallmark.yaml:8:13: "../x" is no path inside the release folder`},
		{"above_by_a_detour", "artifacts: [dist/../../x]\n", nil, `hallmark.yaml:8:13: "dist/../../x" is no path inside the release folder`},
		{"dots_and_above", "artifacts: [./../x]\n", nil, `hallmark.yaml:8:13: "../x" is no path inside the release folder`},
		{"dots_and_absolute", "artifacts: [.//etc/hostname]\n", nil, `hallmark.yaml:8:13: no artifact matches "etc/hostname" in DIR`},
		{"folder", "artifacts: [dist]\n", nil, "hashing artifact dist: dist is not a regular file"},
		{"folder_by_pattern", "artifacts: [\"[do]*\"]\n", nil, "hashing artifact dist: dist is not a regular file\nhashing artifact other: other is not a regular file"},
		{"same_name", "artifacts: [dist/a, other/a]\n", nil, `hallmark.yaml:8:12: two artifacts are named "a": dist/a and other/a`},
		{"same_bytes", "artifacts: [dist/a, other/copy]\n", nil, `hallmark.yaml: artifacts "a" and "copy" are the same bytes`},
		{"named_source", "artifacts: [other/source]\n", nil, `hallmark.yaml: an artifact is named "source", which is the name of the source`},
		{
			"link_leads_out", "artifacts: [dist/*]\n", func(t *testing.T, dir string) {
				link(t, filepath.Join(outside(t), "x"), filepath.Join(dir, "dist", "link"))
			},
			"hashing artifact dist/link: dist/link leads out of the release folder",
		},
		{
			"link_leads_above", "artifacts: [dist/link]\n", func(t *testing.T, dir string) { link(t, "../../x", filepath.Join(dir, "dist", "link")) },
			"hashing artifact dist/link: dist/link leads out of the release folder",
		},
		{
			"folder_leads_out", "artifacts: [link/x]\n", func(t *testing.T, dir string) { link(t, outside(t), filepath.Join(dir, "link")) },
			`hallmark.yaml:8:13: no artifact matches "link/x" in DIR`,
		},
		{
			"folder_leads_out_by_pattern", "artifacts: [link/*]\n", func(t *testing.T, dir string) { link(t, outside(t), filepath.Join(dir, "link")) },
			`hallmark.yaml:8:13: no artifact matches "link/*" in DIR`,
		},
		{
			"link_to_nothing", "artifacts: [dist/*]\n", func(t *testing.T, dir string) { link(t, "nothing", filepath.Join(dir, "dist", "link")) },
			"hashing artifact dist/link: dist/link: no such file or directory",
		},
		{
			"link_to_itself", "artifacts: [dist/*]\n", func(t *testing.T, dir string) { link(t, "link", filepath.Join(dir, "dist", "link")) },
			"hashing artifact dist/link: dist/link: too many levels of symbolic links",
		},
		{"checksums_missing", artifacts + "checksums: SUMS\n", nil, "reading the checksums: SUMS: no such file or directory"},
		{"checksums_outside", artifacts + "checksums: ../SUMS\n", nil, `reading the checksums: "../SUMS" is no path inside the release folder`},
		{"checksums_empty", artifacts + "checksums: SUMS\n", sums(""), "SUMS does not list artifact a"},
		{"checksums_garbage", artifacts + "checksums: SUMS\n", sums("\nSHA256 (a) = 00\n"), "SUMS:2:1: expected a SHA-256 in hex and a file name"},
		{"checksums_short", artifacts + "checksums: SUMS\n", sums(sum("A").Hex()[1:] + "  a\n"), "SUMS:1:1: expected a SHA-256 in hex and a file name"},
		{"checksums_without_name", artifacts + "checksums: SUMS\n", sums(sum("A").Hex() + "  \n"), "SUMS:1:1: expected a SHA-256 in hex and a file name"},
		{
			"checksums_differ", artifacts + "checksums: SUMS\n", sums(sum("Z").Hex() + "  a\n"),
			"artifact a is " + sum("A").String() + ", but SUMS lists " + sum("Z").String(),
		},
		{"checksums_twice", artifacts + "checksums: SUMS\n", sums(sum("Z").Hex() + "  a\n" + sum("A").Hex() + "  x/a\n"), "SUMS:2:1: a second SHA-256 for a"},
		{"checksums_of_another_name", artifacts + "checksums: SUMS\n", sums(sum("A").Hex() + "  aa\n"), "SUMS does not list artifact a"},
		{"policy_missing", artifacts, func(t *testing.T, dir string) { remove(t, dir, "policy.yaml") }, "reading the policy: policy.yaml: no such file or directory"},
		{"policy_leads_out", artifacts, func(t *testing.T, dir string) {
			remove(t, dir, "policy.yaml")
			link(t, filepath.Join(outside(t), "x"), filepath.Join(dir, "policy.yaml"))
		}, "reading the policy: policy.yaml leads out of the release folder"},
		{"policy_too_large", artifacts, func(t *testing.T, dir string) { grow(t, dir, "policy.yaml", strict.MaxConfig+1) }, "reading the policy: policy.yaml is too large: more than 4194304 bytes"},
		{"unknown_format", artifacts + "evidence:\n  - {path: r, format: junits}\n", nil, `hallmark.yaml:10:5: unknown format "junits": did you mean "junit"?`},
		{"unknown_format_far", artifacts + "evidence:\n  - {path: r, format: something}\n", nil, `hallmark.yaml:10:5: unknown format "something": list them with: hallmark criteria --formats`},
		{"root_of_unsigned", artifacts + "evidence:\n  - {path: r, format: junit, trustedRoot: root}\n", nil, `hallmark.yaml:10:5: reports of format junit are not signed: trustedRoot is for those that are`},
		{"registry_keys_of_unsigned", artifacts + "evidence:\n  - {path: r, format: junit, registryKeys: keys}\n", nil, `hallmark.yaml:10:5: no package registry signs reports of format junit: registryKeys is for those that one does`},
		{"registry_keys_missing", artifacts + "evidence:\n  - {path: r, format: slsa-provenance, registryKeys: keys}\n", nil, `hallmark.yaml:10:5: reading the registry's keys: keys: no such file or directory`},
		{
			"registry_keys_too_large", artifacts + "evidence:\n  - {path: r, format: slsa-provenance, registryKeys: keys}\n",
			func(t *testing.T, dir string) { grow(t, dir, "keys", releasefile.MaxTrustedRoot+1) }, `hallmark.yaml:10:5: reading the registry's keys: keys is too large: more than 4194304 bytes`,
		},
		{
			"registry_keys_empty", artifacts + "evidence:\n  - {path: r, format: slsa-provenance, registryKeys: keys}\n",
			func(t *testing.T, dir string) { grow(t, dir, "keys", 0) }, `hallmark.yaml:10:5: the registry's keys keys are empty`,
		},
		{"root_missing", artifacts + "evidence:\n  - {path: r, format: slsa-provenance, trustedRoot: root}\n", nil, `hallmark.yaml:10:5: reading the trusted root: root: no such file or directory`},
		{"root_outside", artifacts + "evidence:\n  - {path: r, format: slsa-provenance, trustedRoot: ../root}\n", nil, `hallmark.yaml:10:5: reading the trusted root: "../root" is no path inside the release folder`},
		{
			"root_too_large", artifacts + "evidence:\n  - {path: r, format: slsa-provenance, trustedRoot: root}\n",
			func(t *testing.T, dir string) { grow(t, dir, "root", releasefile.MaxTrustedRoot+1) }, `hallmark.yaml:10:5: reading the trusted root: root is too large: more than 4194304 bytes`,
		},
		{
			"root_empty", artifacts + "evidence:\n  - {path: r, format: slsa-provenance, trustedRoot: root}\n",
			func(t *testing.T, dir string) { grow(t, dir, "root", 0) }, `hallmark.yaml:10:5: the trusted root root is empty`,
		},
		{"about_near", artifacts + "evidence:\n  - {path: r, format: junit, about: sorce}\n", nil, `hallmark.yaml:10:5: about: "sorce" is nothing in this release: did you mean "source"?`},
		{
			"about_far", artifacts + "evidence:\n  - {path: r, format: junit, about: [source, the-moon]}\n", nil,
			`hallmark.yaml:10:5: about: "the-moon" is nothing in this release: expected source, artifacts, an artifact's name, another report's path, or a digest`,
		},
		{
			"about_bad_digest", artifacts + "evidence:\n  - {path: r, format: junit, about: \"sha256:00\"}\n", nil,
			`hallmark.yaml:10:5: about: "sha256:00": sha256 takes 64 hex digits, found 2`,
		},
		{
			"about_report_near", artifacts + "evidence:\n  - {path: other/a, format: junit}\n  - {path: r, format: junit, about: other/b}\n", nil,
			`hallmark.yaml:11:5: about: "other/b" is nothing in this release: did you mean "other/a"?`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t, map[string]string{"dist/a": "A", "other/a": "B", "other/copy": "A", "other/source": "S"})
			if tt.make != nil {
				tt.make(t, dir)
			}
			_, err := gather(t, dir, releaseFile(tt.more))
			if err == nil {
				t.Fatalf("Gather() = nil, want %s", tt.want)
			}
			got := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator)+"hallmark.yaml", "hallmark.yaml")
			got = strings.ReplaceAll(got, dir, "DIR")
			if runtime.GOOS != "windows" && got != tt.want {
				t.Errorf("Gather()\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// What a report is verified with is what the release file names, or else what is
// built in, and never anything where its format has no signatures.
func TestGather_trustedRoot(t *testing.T) {
	dir := folder(t, map[string]string{"dist/a": "A", "r": "R", "root": "of one's own"})
	g, err := gather(t, dir, releaseFile("artifacts: [dist/a]\nevidence:\n"+
		"  - {path: r, format: slsa-provenance, trustedRoot: root}\n"+
		"  - {path: r, format: slsa-provenance}\n"+
		"  - {path: gone, format: slsa-provenance}\n"+
		"  - {path: r, format: junit}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"of one's own", "built in", "", ""} {
		r := g.Reports[i]
		if string(r.TrustedRoot) != want || want != "" && r.Declared.TrustedRoot != sum(want) || want == "" && !r.Declared.TrustedRoot.IsZero() {
			t.Errorf("report %d: root %q, declared %v, want %q", i, r.TrustedRoot, r.Declared.TrustedRoot, want)
		}
	}
}

// The registry's keys are those that the release file names, and no others.
func TestGather_registryKeys(t *testing.T) {
	dir := folder(t, map[string]string{"dist/a": "A", "r": "R", "keys": "npm's"})
	g, err := gather(t, dir, releaseFile("artifacts: [dist/a]\nevidence:\n"+
		"  - {path: r, format: slsa-provenance, registryKeys: keys}\n"+
		"  - {path: r, format: slsa-provenance}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Reports[0]; string(r.RegistryKeys) != "npm's" || r.Declared.RegistryKeys != sum("npm's") {
		t.Errorf("keys %q, declared %v, want those of the file", r.RegistryKeys, r.Declared.RegistryKeys)
	}
	if r := g.Reports[1]; r.RegistryKeys != nil || !r.Declared.RegistryKeys.IsZero() {
		t.Errorf("keys %q, declared %v, want none", r.RegistryKeys, r.Declared.RegistryKeys)
	}
	longer := sha512.Sum512([]byte("A"))
	if a := g.Release.Also; len(a) != 1 || a[0].Name != "a" || a[0].Digest.String() != "sha512:"+hex.EncodeToString(longer[:]) || g.Release.Artifacts[0].Digest != sum("A") {
		t.Errorf("artifacts %v, also %v, want the SHA-256 and the SHA-512 of a", g.Release.Artifacts, a)
	}
	if err := g.Unchanged(t.Context(), nil); err != nil {
		t.Errorf("Unchanged() = %v", err)
	}
	if g, err = gather(t, dir, releaseFile("artifacts: [dist/a]\n")); err != nil || g.Release.Also != nil {
		t.Errorf("also %v, %v, want none where no registry signs", g.Release.Also, err)
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Skip(err)
	}
}

func outside(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// grow makes a file of that size that takes no room.
func grow(t *testing.T, dir, name string, size int64) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = f.Truncate(size)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func sums(text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "SUMS"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A link inside the folder is what it points to.
func TestGather_link_inside(t *testing.T) {
	dir := folder(t, map[string]string{"dist/a": "A"})
	link(t, "../dist/a", filepath.Join(dir, "dist", "b"))
	g, err := gather(t, dir, releaseFile("artifacts: [dist/b]\n"))
	if err != nil || !g.Release.Artifacts[0].Digest.Matches(sum("A")) {
		t.Errorf("Gather() = %+v, %v", g, err)
	}
}

// A report that cannot be had is no error: its absence must be judged.
func TestGather_unread_evidence(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"missing", func(*testing.T, string) {}, "r: no such file or directory"},
		{"folder", func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, "r"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, "r is not a regular file"},
		{"too_large", func(t *testing.T, dir string) { grow(t, dir, "r", strict.MaxReport+1) }, "r is too large: more than 268435456 bytes"},
		{"leads_out", func(t *testing.T, dir string) { link(t, filepath.Join(outside(t), "x"), filepath.Join(dir, "r")) }, "r leads out of the release folder"},
		{"not_ours_to_read", func(t *testing.T, dir string) {
			if os.Getuid() == 0 || runtime.GOOS == "windows" {
				t.Skip("who may read everything cannot be kept out by a file's mode")
			}
			if err := os.WriteFile(filepath.Join(dir, "r"), nil, 0o000); err != nil {
				t.Fatal(err)
			}
		}, "r: permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t, map[string]string{"dist/a": "A", "t": "T"})
			tt.make(t, dir)
			g, err := gather(t, dir, releaseFile(artifacts+`
evidence:
  - {path: t, format: junit, about: r}
  - {path: r, format: cyclonedx-json, about: a}
  - {path: t, format: junit, about: [source, ./r]}
  - {path: t, format: junit, about: a}
`))
			if err != nil {
				t.Fatal(err)
			}
			want := []releasefile.Report{
				{Name: "t", Format: "junit", Problem: "is about r, which could not be read"},
				{Name: "r", Format: "cyclonedx-json", Problem: tt.want, Declared: criteria.Declared{About: []criteria.Digest{sum("A")}}},
				{Name: "t", Format: "junit", Problem: "is about ./r, which could not be read"},
				{Name: "t", Format: "junit", Data: []byte("T"), Declared: criteria.Declared{About: []criteria.Digest{sum("A")}}},
			}
			if diff := cmp.Diff(want, g.Reports, sameDigest); diff != "" {
				t.Errorf("reports differ (-want +got):\n%s", diff)
			}
		})
	}
	// A path that nobody could mean is such a report, too.
	dir := folder(t, map[string]string{"dist/a": "A"})
	g, err := gather(t, dir, releaseFile(artifacts+"evidence:\n  - {path: /etc/hostname, format: junit}\n  - {path: ../x, format: junit}\n"))
	if err != nil || g.Reports[0].Problem != `"/etc/hostname" is no path inside the release folder` || g.Reports[1].Problem == "" || g.Reports[0].Data != nil {
		t.Errorf("Gather() = %+v, %v", g, err)
	}
}

func TestGather_is_interrupted(t *testing.T) {
	dir := folder(t, map[string]string{"dist/a": "A"})
	f, err := releasefile.Parse(filepath.Join(dir, "hallmark.yaml"), []byte(releaseFile(artifacts)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Gather(ctx, formats, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Gather() = %v, want %v", err, context.Canceled)
	}
}

func TestUnchanged(t *testing.T) {
	dir := folder(t, map[string]string{"dist/a": "A", "dist/b": "B"})
	g, err := gather(t, dir, releaseFile(artifacts))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := g.Unchanged(ctx, nil); err != nil {
		t.Fatal(err)
	}
	b := filepath.Join(dir, "dist", "b")
	if err := os.WriteFile(b, []byte("Z"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := "artifact b changed after it was judged: it was " + sum("B").String() + ", it is " + sum("Z").String()
	if err := g.Unchanged(ctx, nil); err == nil || err.Error() != want {
		t.Errorf("Unchanged() = %v, want %s", err, want)
	}
	remove(t, dir, "dist/b")
	if err := g.Unchanged(ctx, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Unchanged() = %v, want %v", err, os.ErrNotExist)
	}
	link(t, filepath.Join(outside(t), "x"), b)
	if err := g.Unchanged(ctx, nil); err == nil || !strings.Contains(err.Error(), "leads out of the release folder") {
		t.Errorf("Unchanged() = %v, want an error", err)
	}
}

// BenchmarkGather hashes a release of many artifacts, each time against a plain
// loop that opens, reads and hashes the same files, one after the other. Both
// are counted in CPU time, which a busy machine leaves as it is.
func BenchmarkGather(b *testing.B) {
	n, size := 500, 4<<20
	if testing.Short() {
		n, size = 50, 1<<20
	}
	dir := b.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "dist"), 0o755); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, size)
	var paths []string
	for i := range n {
		copy(data, fmt.Sprint(i))
		p := filepath.Join(dir, "dist", fmt.Sprint(i))
		if err := os.WriteFile(p, data, 0o644); err != nil {
			b.Fatal(err)
		}
		paths = append(paths, p)
	}
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte("profile: basic\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	f, err := releasefile.Parse(filepath.Join(dir, "hallmark.yaml"), []byte(releaseFile(artifacts)))
	if err != nil {
		b.Fatal(err)
	}
	plain := func() {
		buf := make([]byte, 256<<10)
		for _, p := range paths {
			file, err := os.Open(p)
			if err != nil {
				b.Fatal(err)
			}
			h := sha256.New()
			if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{file}, buf); err != nil {
				b.Fatal(err)
			}
			_ = hex.EncodeToString(h.Sum(nil))
			file.Close()
		}
	}
	plain() // so that both read from the page cache
	var ratios, ours, theirs []float64
	var peak uint64
	b.SetBytes(int64(n) * int64(size))
	for b.Loop() {
		start := cpuTime()
		plain()
		middle := cpuTime()
		g, err := f.Gather(context.Background(), formats, nil, nil)
		if err != nil || len(g.Release.Artifacts) != n {
			b.Fatal(err)
		}
		end := cpuTime()
		ours, theirs = append(ours, (end-middle).Seconds()), append(theirs, (middle-start).Seconds())
		ratios = append(ratios, (end-middle).Seconds()/max((middle-start).Seconds(), 1e-9))
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapSys)
	}
	median := func(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }
	b.ReportMetric(median(ours), "cpu-s/op")
	b.ReportMetric(median(theirs), "plain-cpu-s/op")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(float64(peak)/(1<<20), "heap-MB")
}
