package advisory

import (
	"archive/zip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// realData returns the path of a file that others published, and skips the test
// where it is not there.
func realData(tb testing.TB, name string) string {
	tb.Helper()
	path := filepath.Join("../../../shared/data", name)
	if dir := os.Getenv("HALLMARK_TEST_DATA"); dir != "" {
		path = filepath.Join(dir, name)
	}
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("%s is not there", path)
	}
	return path
}

// write puts files, by name, into a folder.
func write(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// archive puts files into a zip archive.
func archive(tb testing.TB, files map[string]string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "all.zip")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for name, text := range files {
		w, err := z.Create(name)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// index makes an index of records, each a JSON document, that holds whole.
func index(tb testing.TB, whole []string, records ...string) *Index {
	tb.Helper()
	files := make(map[string]string)
	for i, r := range records {
		files["r"+string(rune('a'+i))+".json"] = r
	}
	return indexOf(tb, whole, write(tb, files))
}

func indexOf(tb testing.TB, whole []string, sources ...string) *Index {
	tb.Helper()
	b, err := NewBuilder(now, now)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range sources {
		if err := b.Add(context.Background(), s, whole); err != nil {
			tb.Fatal(err)
		}
	}
	path := filepath.Join(tb.TempDir(), "index")
	if _, err := b.Write(path); err != nil {
		tb.Fatal(err)
	}
	x, err := Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { x.Close() })
	if err := x.Check(); err != nil {
		tb.Fatal(err)
	}
	return x
}

// rec is a record about one package: the JSON of its ranges, its versions, and
// more keys of the record.
func rec(id, ecosystem, name, ranges, versions string, more ...string) string {
	affected := `{"package": {"ecosystem": "` + ecosystem + `", "name": "` + name + `"}`
	if ranges != "" {
		affected += `, "ranges": [` + ranges + `]`
	}
	if versions != "" {
		affected += `, "versions": [` + versions + `]`
	}
	return `{"id": "` + id + `", "modified": "2026-11-26T00:00:00Z", "affected": [` + affected + `}]` + strings.Join(append([]string{""}, more...), ", ") + `}`
}

// events is a range: semver("introduced 0", "fixed 1.2.3").
func events(kind string, list ...string) string {
	var out []string
	for _, e := range list {
		k, v, _ := strings.Cut(e, " ")
		out = append(out, `{"`+k+`": "`+v+`"}`)
	}
	return `{"type": "` + kind + `", "events": [` + strings.Join(out, ", ") + `]}`
}

func components(purls ...string) []criteria.Component {
	var out []criteria.Component
	for _, p := range purls {
		out = append(out, criteria.Component{Name: "component", PURL: p})
	}
	return out
}

// answer matches one package URL and writes what came of it: ids and fixed
// versions, "clean", or why nothing can be said.
func answer(tb testing.TB, x *Index, purl string) string {
	tb.Helper()
	m, err := x.Match(context.Background(), components(purl))
	if err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, v := range m.Vulnerabilities {
		out = append(out, strings.TrimSpace(v.ID+" "+strings.Join(v.FixedIn, " ")))
	}
	for _, u := range m.Undecided {
		out = append(out, "? "+strings.TrimSpace(u.Advisory+" "+u.Why))
	}
	if len(out) == 0 && m.Packages == 1 {
		return "clean"
	}
	return strings.Join(out, "; ")
}
