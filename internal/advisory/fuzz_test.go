package advisory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// FuzzRecord reads records. What is read can be kept, written and read back, and a
// version is affected or not whatever else the index holds.
func FuzzRecord(f *testing.F) {
	f.Add(false, []byte(sound), "1.0.0")
	f.Add(true, []byte(soundYAML), "1.9")
	f.Add(false, []byte(rec("R", "Debian:12", "openssl", events("ECOSYSTEM", "introduced 0", "fixed 3.0.11-1~deb12u2"), `"1"`)), "3.0.11-1")
	f.Add(false, []byte(rec("R", "Maven", "a:b", events("ECOSYSTEM", "introduced 0", "last_affected 1.0-SNAPSHOT", "limit 2"), "")), "1.0.Final")
	f.Add(false, []byte(rec("R", "PyPI", "b", events("GIT", "introduced 0")+","+events("ECOSYSTEM", "introduced 1!0"), `"v1"`)), "1!1")
	f.Fuzz(func(t *testing.T, yaml bool, data []byte, version string) {
		name := "r.json"
		if yaml {
			name = "r.yaml"
		}
		r, err := parseRecord(name, data)
		if err != nil {
			return
		}
		k := newKept(r, sha256.Sum256(data))
		b := &Builder{now: now, records: map[string]*kept{k.id: k}}
		entries, _ := b.entries()
		if k.withdrawn && len(entries) > 0 {
			t.Fatalf("a record that was taken back is kept: %+v", entries)
		}
		for i := range entries {
			d := &decoder{data: string(entries[i].append(nil))}
			e, err := decodeEntry(d.skim())
			if err != nil || d.err != nil || d.data != "" {
				t.Fatalf("%+v is read back as %+v, %v, %v", entries[i], e, err, d.err)
			}
			if len(e.advisories) != len(entries[i].advisories) {
				t.Fatalf("%d advisories became %d", len(entries[i].advisories), len(e.advisories))
			}
			eco := k.packages[0].ecosystem
			for j := range e.advisories {
				q := question{ecosystem: eco, version: version}
				in, _, why := entries[i].advisories[j].affects(q, make(map[order]parsed))
				again, _, whyAgain := e.advisories[j].affects(q, make(map[order]parsed))
				if in != again || why != whyAgain || in && why != "" {
					t.Fatalf("%q is affected %v (%s), and read back %v (%s)", version, in, why, again, whyAgain)
				}
			}
		}
	})
}

// FuzzIndex reads indexes whose digests fit, so that the readers behind them are
// reached: they never take more than they were given, and never panic.
func FuzzIndex(f *testing.F) {
	seed := func(records ...string) {
		data := bytesOf(f, records...)
		at := binary.LittleEndian.Uint64(data[len(magic):])
		f.Add(data[headerSize:at], data[at:], "pkg:golang/lib@v1.0.0")
	}
	seed(sound)
	seed(sound, rec("GO-2", "Go", "other", events("SEMVER", "introduced 0", "fixed 2.0.0"), `"3.0.0"`, `"aliases": ["CVE-1"]`))
	f.Fuzz(func(t *testing.T, blocks, directory []byte, purl string) {
		// The digest of the first block is made to fit.
		var dir Directory
		if json.Unmarshal(directory, &dir) == nil && len(dir.Blocks) > 0 {
			dir.Blocks = []block{{First: dir.Blocks[0].First, Offset: int64(headerSize), Size: int64(len(blocks)), Digest: criteria.DigestOf(blocks)}}
			if text, err := json.Marshal(dir); err == nil {
				directory = text
			}
		}
		data := []byte(magic)
		data = binary.LittleEndian.AppendUint64(data, uint64(headerSize+len(blocks)))
		data = binary.LittleEndian.AppendUint64(data, uint64(len(directory)))
		sum := sha256.Sum256(directory)
		data = append(append(append(data, sum[:]...), blocks...), directory...)
		x, err := open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		checked := x.Check()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		m, err := x.Match(ctx, components(purl))
		if err != nil {
			if checked == nil {
				t.Fatalf("an index that is sound as a whole fails: %v", err)
			}
			return
		}
		if m.Packages+len(m.Undecided) == 0 {
			t.Fatalf("%q is neither decided nor undecided: %+v", purl, m)
		}
	})
}
