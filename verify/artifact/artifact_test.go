package artifact_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/deptest"
	"github.com/hallmark-project/hallmark/verify/artifact"
)

// write makes files in a new folder and goes there.
func write(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func subject(name, content string) criteria.Subject {
	return criteria.Subject{Name: name, Digest: criteria.DigestOf([]byte(content))}
}

func same(a, b criteria.Digest) bool { return a == b }

func TestSubjects(t *testing.T) {
	long := strings.Repeat("long ", 1<<20)
	write(t, map[string]string{
		"dist/b": "bee", "dist/a/z": "zed", "dist/c.sigstore.json": "{}", "dist/.hidden": "h", "top": long, "empty": "",
		"only/x.sigstore.json": "{}",
	})
	if err := os.Mkdir("nothing", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("top", "link"); err != nil {
		t.Fatal(err)
	}
	skip := artifact.Options{Skip: []string{"*.sigstore.json"}}
	for _, tt := range []struct {
		name  string
		paths []string
		want  []criteria.Subject
	}{
		{"file", []string{"top"}, []criteria.Subject{subject("top", long)}},
		{"empty file", []string{"empty"}, []criteria.Subject{subject("empty", "")}},
		{"folder", []string{"dist"}, []criteria.Subject{subject("dist/.hidden", "h"), subject("dist/a/z", "zed"), subject("dist/b", "bee")}},
		{"in their order", []string{"top", "dist/b", "empty"}, []criteria.Subject{subject("top", long), subject("dist/b", "bee"), subject("empty", "")}},
		{"named although skipped in folders", []string{"dist/c.sigstore.json"}, []criteria.Subject{subject("dist/c.sigstore.json", "{}")}},
		{"link that is named", []string{"link"}, []criteria.Subject{subject("link", long)}},
	} {
		got, err := artifact.Subjects(context.Background(), skip, tt.paths...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(same)); diff != "" {
			t.Errorf("%s: Subjects(%q) (-want +got):\n%s", tt.name, tt.paths, diff)
		}
	}

	if err := os.Symlink("../top", "dist/link"); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		o     artifact.Options
		paths []string
	}{
		{"nothing named", context.Background(), skip, nil},
		{"missing", context.Background(), skip, []string{"top", "missing"}},
		{"empty folder", context.Background(), skip, []string{"nothing"}},
		{"folder with nothing but what is skipped", context.Background(), skip, []string{"only"}},
		{"folder with a link", context.Background(), skip, []string{"dist"}},
		{"device", context.Background(), skip, []string{os.DevNull}},
		{"bad pattern", context.Background(), artifact.Options{Skip: []string{"["}}, []string{"only"}},
		{"cancelled", gone, skip, []string{"top"}},
	} {
		if got, err := artifact.Subjects(tt.ctx, tt.o, tt.paths...); err == nil {
			t.Errorf("%s: Subjects(%q) = %v, want an error", tt.name, tt.paths, got)
		}
	}
}

func TestChecksums(t *testing.T) {
	sums := func(lines ...string) string { return strings.Join(lines, "") }
	line := func(content, name string) string {
		return fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(content)), name)
	}
	write(t, map[string]string{
		"dist/a": "A", "dist/b/c": "C", "dist/new\nline": "N", "outside": "O",
	})
	if err := os.Symlink("../outside", "dist/link"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("dist", "SHA256SUMS")

	for _, tt := range []struct {
		name, content string
		want          []criteria.Subject
	}{
		{"text", sums(line("C", "b/c"), line("A", "a")), []criteria.Subject{subject("b/c", "C"), subject("a", "A")}},
		{"binary", strings.Replace(line("A", "a"), "  ", " *", 1), []criteria.Subject{subject("a", "A")}},
		{"from ./", line("A", "./a"), []criteria.Subject{subject("a", "A")}},
		{"CRLF and no end", strings.TrimSuffix(line("A", "a"), "\n") + "\r\n" + strings.TrimSuffix(line("C", "b/c"), "\n"), []criteria.Subject{subject("a", "A"), subject("b/c", "C")}},
		{"upper case", strings.ToUpper(line("A", "")[:64]) + "  a\n", []criteria.Subject{subject("a", "A")}},
		{"escaped", `\` + line("N", `new\nline`), []criteria.Subject{subject("new\nline", "N")}},
		{"sha384", fmt.Sprintf("%x  a\n", sha512.Sum384([]byte("A"))), []criteria.Subject{subject("a", "A")}},
		{"sha512", fmt.Sprintf("%x  a\n", sha512.Sum512([]byte("A"))), []criteria.Subject{subject("a", "A")}},
	} {
		if err := os.WriteFile(file, []byte(tt.content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := artifact.Checksums(context.Background(), file)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(same)); diff != "" {
			t.Errorf("%s: Checksums (-want +got):\n%s", tt.name, diff)
		}
	}

	for _, tt := range []struct{ name, content, want string }{
		{"empty", "", "is empty"},
		{"other bytes", line("B", "a"), "expected sha256:"},
		{"other bytes by sha512", fmt.Sprintf("%x  a\n", sha512.Sum512([]byte("B"))), "expected sha512:"},
		{"missing file", sums(line("A", "a"), line("D", "d")), "reading artifact d"},
		{"folder", line("B", "b"), "is no regular file"},
		{"up", line("O", "../outside"), "leads out of"},
		{"up and down", line("A", "b/../../dist/a"), "leads out of"},
		{"absolute", line("O", "/etc/passwd"), "leads out of"},
		{"the folder itself", line("O", "."), "leads out of"},
		{"link that leads out", line("O", "link"), "link"},
		{"twice", sums(line("A", "a"), line("A", "./a")), `2:1: "a" stands twice, first on line 1`},
		{"one space", strings.Replace(line("A", "a"), "  ", " ", 1), "1:1: expected a checksum, two spaces and a name"},
		{"no name", line("A", ""), "expected a checksum"},
		{"short", "abc  a\n", "is no checksum"},
		{"MD5", strings.Repeat("0", 32) + "  a\n", "is no checksum"},
		{"no hex", strings.Repeat("x", 64) + "  a\n", "lower-case hex"},
		{"bad escape", `\` + line("N", `new\tline`), "unknown escape"},
		{"empty line", line("A", "a") + "\n", "2:1:"},
		{"binary file", "\xff\xfe\x00", "UTF-16"},
	} {
		if err := os.WriteFile(file, []byte(tt.content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := artifact.Checksums(context.Background(), file)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Checksums = %v, %v, want an error with %q", tt.name, got, err, tt.want)
		}
	}

	if err := os.WriteFile(file, []byte(line("B", "a")), 0o644); err != nil {
		t.Fatal(err)
	}
	var wrong *artifact.ChecksumError
	if _, err := artifact.Checksums(context.Background(), file); !errors.As(err, &wrong) || wrong.Name != "a" {
		t.Errorf("Checksums = %v, want a ChecksumError about a", err)
	}
	if _, err := artifact.Checksums(context.Background(), "missing"); err == nil {
		t.Error("Checksums of a missing file succeeded")
	}
}

// FuzzChecksums: a checksum file never reaches out of its folder, and what it
// vouches for has the checksum that it says.
func FuzzChecksums(f *testing.F) {
	f.Add(fmt.Sprintf("%x  a\n", sha256.Sum256([]byte("A"))))
	f.Add(fmt.Sprintf("\\%x *./..\\n/a\n", sha256.Sum256([]byte("A"))))
	dir := f.TempDir()
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "a"), filepath.Join(inside, "a")} {
		if err := os.WriteFile(name, []byte("A"), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, content string) {
		file := filepath.Join(inside, "SHA256SUMS")
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := artifact.Checksums(context.Background(), file)
		if err != nil {
			return
		}
		for _, s := range got {
			if !filepath.IsLocal(s.Name) {
				t.Errorf("%q leads out", s.Name)
			}
			if s.Name == "a" && !s.Digest.Matches(criteria.DigestOf([]byte("A"))) {
				t.Errorf("a has the digest %s", s.Digest)
			}
		}
		if len(got) == 0 {
			t.Error("nothing was vouched for, without an error")
		}
	})
}

// Other digests are of the same bytes, read once, and never in place of SHA-256.
func TestFindAlso(t *testing.T) {
	write(t, map[string]string{"a": "A", "sums": fmt.Sprintf("%x  a\n", sha512.Sum512([]byte("A")))})
	want := []string{fmt.Sprintf("sha384:%x", sha512.Sum384([]byte("A"))), fmt.Sprintf("sha512:%x", sha512.Sum512([]byte("A")))}
	o := artifact.Options{Also: []string{"sha384", "sha512"}}
	found, err := artifact.Find(t.Context(), o, "a")
	listed, problem := artifact.FindListed(t.Context(), o, "sums")
	for _, got := range [][]artifact.Artifact{found, listed} {
		if err != nil || problem != nil || len(got) != 1 || !got[0].Digest.Matches(criteria.DigestOf([]byte("A"))) ||
			len(got[0].Also) != 2 || got[0].Also[0].String() != want[0] || got[0].Also[1].String() != want[1] {
			t.Errorf("Find = %+v, %v, %v, want a by three digests", got, err, problem)
		}
	}
	if got, err := artifact.Find(t.Context(), artifact.Options{}, "a"); err != nil || len(got[0].Also) != 0 {
		t.Errorf("Find without others = %+v, %v, want SHA-256 alone", got, err)
	}
	if _, err := artifact.Find(t.Context(), artifact.Options{Also: []string{"md5"}}, "a"); err == nil {
		t.Error("Find by md5 succeeded")
	}
}

func TestImports(t *testing.T) {
	deptest.MustNotImport(t, "net", "os/exec", "github.com/sigstore", "github.com/google")
}
