package advisory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/internal/deptest"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// What matches asks nobody.
func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "criteria", "internal/atomicfile", "internal/regular", "internal/severity", "internal/strict")
	deptest.MustNotImport(t, "net", "net/http", "os/exec", "log")
}

// bytesOf is an index as it lies on disk.
func bytesOf(tb testing.TB, records ...string) []byte {
	tb.Helper()
	b, err := NewBuilder(now, now)
	if err != nil {
		tb.Fatal(err)
	}
	files := make(map[string]string)
	for i, r := range records {
		files["r"+string(rune('a'+i))+".json"] = r
	}
	if err := b.Add(context.Background(), write(tb, files), []string{"Go"}); err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "index")
	if _, err := b.Write(path); err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// Whichever bit of an index is flipped, and wherever it ends, no answer comes of
// it but the right one.
func TestDamage(t *testing.T) {
	data := bytesOf(t, sound, rec("GO-2", "Go", "other", events("SEMVER", "introduced 0", "fixed 2.0.0"), `"3.0.0"`, `"summary": "bad"`))
	ask := func(data []byte) (Matches, error) {
		x, err := open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return Matches{}, err
		}
		return x.Match(context.Background(), components("pkg:golang/lib@v1.0.0", "pkg:golang/other@v1.0.0", "pkg:golang/third@v1.0.0"))
	}
	want, err := ask(data)
	if err != nil || len(want.Vulnerabilities) != 2 {
		t.Fatalf("%+v, %v", want, err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if got, err := ask(bad); err == nil {
			t.Errorf("byte %d flipped: %+v", i, got)
		}
		if got, err := ask(data[:i]); err == nil {
			t.Errorf("cut off after %d bytes: %+v", i, got)
		}
	}
	if _, err := ask(append(bytes.Clone(data), 0)); err == nil {
		t.Error("something behind its end was passed over")
	}
}

// reforged is data with a directory changed by change, and a digest that fits it:
// what somebody who can write the file can write.
func reforged(t *testing.T, data []byte, change func(*Directory)) []byte {
	t.Helper()
	at := binary.LittleEndian.Uint64(data[len(magic):])
	var dir Directory
	if err := json.Unmarshal(data[at:], &dir); err != nil {
		t.Fatal(err)
	}
	change(&dir)
	text, err := json.Marshal(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(data[:at])
	binary.LittleEndian.PutUint64(out[len(magic)+8:], uint64(len(text)))
	sum := sha256.Sum256(text)
	copy(out[headerSize-sha256.Size:], sum[:])
	return append(out, text...)
}

func TestLyingDirectories(t *testing.T) {
	data := bytesOf(t, sound)
	if _, err := open(bytes.NewReader(reforged(t, data, func(*Directory) {})), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Directory){
		"no blocks":       func(d *Directory) { d.Blocks = nil },
		"twice":           func(d *Directory) { d.Blocks = append(d.Blocks, d.Blocks[0]) },
		"huge":            func(d *Directory) { d.Blocks[0].Size = 1 << 50 },
		"negative":        func(d *Directory) { d.Blocks[0].Size = -1 },
		"elsewhere":       func(d *Directory) { d.Blocks[0].Offset = 0 },
		"short":           func(d *Directory) { d.Blocks[0].Size-- },
		"without digests": func(d *Directory) { d.Blocks[0].Digest = (&Directory{Blocks: make([]block, 1)}).Blocks[0].Digest },
	} {
		bad := reforged(t, data, change)
		if _, err := open(bytes.NewReader(bad), int64(len(bad))); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v, want it damaged", name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := write(t, map[string]string{
		"empty": "", "other": "hallmark-advisories/2\n" + strings.Repeat("x", 100), "text": "id: GO-1\n" + strings.Repeat("x", 100),
	})
	for name, want := range map[string]string{
		"empty": "is no index of advisories", "other": "make it again", "text": "is no index of advisories", ".": "is no regular file",
	} {
		_, err := Open(filepath.Join(dir, name))
		var at *strict.Error
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &at) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// What is written is what is read.
func TestEncoding(t *testing.T) {
	x := index(t, nil, rec("GO-1", "Go", "lib",
		events("SEMVER", "introduced 0", "fixed 1.0.0", "introduced 2.0.0", "last_affected 2.1.0")+", "+events("GIT", "introduced 0"), `"9.9.9"`,
		`"aliases": ["CVE-1"]`, `"summary": "one\nline"`, `"published": "2020-01-01T00:00:00Z"`,
		`"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`, `"database_specific": {"severity": "HIGH"}`))
	e, err := x.find(key("Go", "lib"))
	if err != nil || e == nil || len(e.advisories) != 1 {
		t.Fatalf("find = %+v, %v", e, err)
	}
	a := e.advisories[0]
	d := &decoder{data: string(a.append(nil))}
	if again := d.advisory(); d.err != nil || d.data != "" || !cmp.Equal(a, again, cmp.AllowUnexported(advisory{}, affectedRange{}, event{})) {
		t.Errorf("decoded %+v, %v; want %+v", again, d.err, a)
	}
	if a.summary != "one" || a.published.Year() != 2020 || len(a.severities) != 2 || *a.severities[0].Score != 9.8 || len(a.ranges) != 2 || len(a.versions) != 1 {
		t.Errorf("%+v", a)
	}
	if e, err := x.find(key("Go", "a")); e != nil || err != nil {
		t.Errorf("before the first: %v, %v", e, err)
	}
	if e, err := x.find(key("Go", "zzz")); e != nil || err != nil {
		t.Errorf("behind the last: %v, %v", e, err)
	}
}
