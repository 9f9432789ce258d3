package advisory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sound = `{"id": "GO-1", "modified": "2026-11-26T00:00:00Z", "affected": [{"package": {"ecosystem": "Go", "name": "lib"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}`

const soundYAML = `id: PYSEC-1
modified: 2026-11-25T00:00:00Z
details: far more than is read
affected:
- package: {ecosystem: PyPI, name: lib}
  ranges:
  - type: ECOSYSTEM
    events:
    - introduced: "0"
    - fixed: 1.10
  versions: [1.0, 1.9]
`

// A folder, an archive and single files come to the same.
func TestSources(t *testing.T) {
	files := map[string]string{
		"2026/GO-1.json": sound, "README.md": "# not a record", ".id-allocator": "x", ".hidden/GO-9.json": "{",
	}
	dir := write(t, files)
	delete(files, ".hidden/GO-9.json")
	for name, source := range map[string]string{"folder": dir, "archive": archive(t, files), "file": filepath.Join(dir, "2026", "GO-1.json")} {
		x := indexOf(t, nil, source)
		if got := answer(t, x, "pkg:golang/lib@v1.0.0"); got != "GO-1" {
			t.Errorf("%s: %s", name, got)
		}
		if e := x.Ecosystems; len(e) != 1 || e[0].Name != "Go" || !e[0].Whole || e[0].Records != 1 {
			t.Errorf("%s: ecosystems %+v", name, e)
		}
	}
	x := indexOf(t, nil, dir, write(t, map[string]string{"PYSEC-1.yaml": soundYAML}))
	for purl, want := range map[string]string{"pkg:pypi/lib@1.9": "PYSEC-1 1.10", "pkg:pypi/lib@1.10": "clean", "pkg:golang/lib@v1.0.0": "GO-1"} {
		if got := answer(t, x, purl); got != want {
			t.Errorf("two sources: %s is %s, want %s", purl, got, want)
		}
	}
}

// A list that would take too long to shorten is kept as it is.
func TestLongLists(t *testing.T) {
	var ranges, versions []string
	for i := range 2000 {
		ranges = append(ranges, fmt.Sprintf("introduced %d.0.0", 2*i+1), fmt.Sprintf("fixed %d.0.0", 2*i+2))
		versions = append(versions, fmt.Sprintf(`"%d.0.1"`, 2*i+1))
	}
	x := index(t, nil, rec("R", "Go", "lib", events("SEMVER", ranges...), strings.Join(versions, ", ")))
	for purl, want := range map[string]string{
		"pkg:golang/lib@v3999.0.0": "R 4000.0.0", "pkg:golang/lib@v4000.0.0": "clean", "pkg:golang/lib@v0.9.0": "clean",
	} {
		if got := answer(t, x, purl); got != want {
			t.Errorf("%s is %s, want %s", purl, got, want)
		}
	}
	if e, err := x.find(key("Go", "lib")); err != nil || len(e.advisories[0].versions) != 2000 {
		t.Errorf("%v: the list was shortened", err)
	}
}

// The same sources give the same bytes, in whatever order files come.
func TestSameBytes(t *testing.T) {
	files := make(map[string]string)
	for i := range 300 {
		id := "GO-" + string(rune('A'+i%26)) + string(rune('a'+i/26))
		files[id+".json"] = strings.ReplaceAll(strings.Replace(sound, "GO-1", id, 1), `"lib"`, `"lib`+id+`"`)
	}
	var written [][]byte
	for range 2 {
		b, err := NewBuilder(now, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(context.Background(), archive(t, files), nil); err != nil { // a map has no order
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "index")
		if _, err := b.Write(path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, data)
	}
	if string(written[0]) != string(written[1]) {
		t.Error("two indexes of the same records differ")
	}
}

func TestRecordsThatAreNone(t *testing.T) {
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	for name, tt := range map[string]struct{ file, text, want string }{
		"empty":             {"r.json", "", "is empty"},
		"half":              {"r.json", sound[:len(sound)/2], "ends in the middle"},
		"twice the key":     {"r.json", strings.Replace(sound, `"id"`, `"id": "GO-2", "id"`, 1), `key "id" stands twice`},
		"two documents":     {"r.json", sound + sound, "something follows"},
		"another type":      {"r.json", strings.Replace(sound, `"GO-1"`, "7", 1), "at /id"},
		"deep":              {"r.json", strings.Replace(sound, `"GO-1"`, `"GO-1", "x": `+deep, 1), "nested deeper"},
		"no id":             {"r.json", strings.Replace(sound, "GO-1", "", 1), "it has no id"},
		"not OSV":           {"r.json", `{"vulnerability": "x"}`, "it has no id"},
		"another version":   {"r.json", strings.Replace(sound, "{", `{"schema_version": "2.0.0", `, 1), "schema_version"},
		"a range of a kind": {"r.json", strings.Replace(sound, "SEMVER", "CALVER", 1), `type is "CALVER"`},
		"never introduced":  {"r.json", strings.Replace(sound, "introduced", "fixed", 1), `no event "introduced"`},
		"half a package":    {"r.json", strings.Replace(sound, `"ecosystem": "Go", `, "", 1), "not both"},
		"a control":         {"r.json", strings.Replace(sound, `"lib"`, `"l\tib"`, 1), "control character"},
		"a long name":       {"r.json", strings.Replace(sound, "GO-1", strings.Repeat("x", 600), 1), "more than 512 bytes"},
		"no time":           {"r.json", strings.Replace(sound, "2026-11-26T00:00:00Z", "yesterday", 1), "r.json"},
		"YAML":              {"r.yaml", "id: x\nid: y\n", "stands twice"},
		"an alias in YAML":  {"r.yaml", "id: &a x\naliases: [*a]\n", "anchors and aliases"},
		"YAML of a type":    {"r.yaml", "id: x\naffected: 7\n", "r.yaml"},
		"large":             {"r.json", strings.Replace(sound, "{", `{"x": "`+strings.Repeat("x", MaxRecord)+`", `, 1), "more than 16777216 bytes"},
		"many events":       {"r.json", strings.Replace(sound, `{"introduced": "0"}`, `{"introduced": "0"}`+strings.Repeat(`, {"fixed": "1.0.0"}`, maxEvents), 1), "10001 events"},
		"gzip":              {"r.json", "\x1f\x8b\x08", "compressed"},
	} {
		for _, source := range []string{write(t, map[string]string{tt.file: tt.text, "sound.json": strings.Replace(sound, "GO-1", "GO-S", 1)}), archive(t, map[string]string{tt.file: tt.text})} {
			b, err := NewBuilder(now, now)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Add(context.Background(), source, nil); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.file) {
				t.Errorf("%s: %.300v, want %q and the file's name", name, err, tt.want)
			}
		}
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	begin := func() *Builder {
		b, err := NewBuilder(now, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	dir := write(t, map[string]string{"no.zip": "PK", "README.md": "x", "GO-1.json": sound})
	for name, want := range map[string]string{"no.zip": "is no zip archive", "absent": "no such file", "README.md": "README.md"} {
		if err := begin().Add(context.Background(), filepath.Join(dir, name), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := begin().Add(context.Background(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "holds no record") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := begin().Write(filepath.Join(t.TempDir(), "index")); err == nil {
		t.Error("an index of nothing was written")
	}
	// Which ecosystems it holds whole has to be clear, or be said.
	mixed := write(t, map[string]string{"a.json": sound, "b.yaml": soundYAML})
	var unclear *UnclearError
	if err := begin().Add(context.Background(), mixed, nil); !errors.As(err, &unclear) || !cmp.Equal(unclear.Ecosystems, []string{"Go", "PyPI"}) {
		t.Errorf("mixed: %v", err)
	}
	if err := begin().Add(context.Background(), mixed, []string{"Go", "npm"}); err == nil || !strings.Contains(err.Error(), `no record about ecosystem "npm"`) {
		t.Errorf("mixed, npm: %v", err)
	}
	if err := begin().Add(context.Background(), mixed, []string{"Go"}); err != nil {
		t.Errorf("mixed, Go: %v", err)
	}
	if _, err := NewBuilder(now, now.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "in the future") {
		t.Errorf("downloaded tomorrow: %v", err)
	}
	b, err := NewBuilder(now, now.Add(-72*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(context.Background(), dir, nil); err == nil || !strings.Contains(err.Error(), "no.zip") && !strings.Contains(err.Error(), "was not downloaded on") {
		t.Errorf("downloaded before its records: %v", err)
	}
}

// The newest of two records of one id counts, also where it takes the other back;
// where nothing tells which is newer, nobody guesses.
func TestSameIDTwice(t *testing.T) {
	newer := strings.Replace(strings.Replace(sound, "26T", "27T", 1), `"0"}]`, `"0"}, {"fixed": "1.0.0"}]`, 1)
	withdrawn := strings.Replace(newer, `"id"`, `"withdrawn": "2026-11-27T00:00:00Z", "id"`, 1)
	one, two, three := write(t, map[string]string{"a.json": sound}), write(t, map[string]string{"b.json": newer}), write(t, map[string]string{"c.json": withdrawn})
	for _, tt := range []struct {
		sources []string
		want    string
	}{
		{[]string{one, two}, "clean"},
		{[]string{two, one}, "clean"},
		{[]string{one, one}, "GO-1"},
	} {
		if got := answer(t, indexOf(t, nil, tt.sources...), "pkg:golang/lib@v1.0.0"); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.sources, got, tt.want)
		}
	}
	x := indexOf(t, nil, one, three, write(t, map[string]string{"d.json": strings.Replace(sound, "GO-1", "GO-2", 1)}))
	if got := answer(t, x, "pkg:golang/lib@v0.1.0"); got != "GO-2" {
		t.Errorf("withdrawn later: %s, want GO-2", got)
	}
	b, err := NewBuilder(now, now)
	if err != nil {
		t.Fatal(err)
	}
	same := write(t, map[string]string{"e.json": strings.Replace(sound, `"lib"`, `"other"`, 1)})
	if err := errors.Join(b.Add(context.Background(), one, nil), b.Add(context.Background(), same, nil)); err == nil || !strings.Contains(err.Error(), "nothing tells which is newer") {
		t.Errorf("two records of one time: %v", err)
	}
}

// How old an index is depends on the oldest of what it was made from, and on what
// nobody said.
func TestAge(t *testing.T) {
	undated := write(t, map[string]string{"a.json": strings.Replace(sound, "2026-11-26T00:00:00Z", "0001-01-01T00:00:00Z", 1)})
	dated := write(t, map[string]string{"b.json": strings.Replace(sound, "GO-1", "GO-2", 1)})
	future := write(t, map[string]string{"c.json": strings.Replace(strings.Replace(sound, "GO-1", "GO-3", 1), "2026", "2036", 1), "d.json": strings.Replace(sound, "GO-1", "GO-4", 1)})
	day := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name    string
		asOf    time.Time
		sources []string
		want    time.Time
	}{
		{"the newest record", time.Time{}, []string{dated}, day},
		{"nobody says", time.Time{}, []string{undated}, time.Time{}},
		{"one does not say", time.Time{}, []string{dated, undated}, time.Time{}},
		{"when it was downloaded", now, []string{undated}, now},
		{"records from the future say nothing", time.Time{}, []string{future}, day},
	} {
		b, err := NewBuilder(now, tt.asOf)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tt.sources {
			if err := b.Add(context.Background(), s, nil); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(t.TempDir(), "index")
		if _, err := b.Write(path); err != nil {
			t.Fatal(err)
		}
		x, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := x.Match(context.Background(), components("pkg:golang/lib@v1.0.0"))
		if err != nil || !m.Oldest().Equal(tt.want) {
			t.Errorf("%s: %s, %v; want %s", tt.name, m.Oldest(), err, tt.want)
		}
		x.Close()
	}
}
