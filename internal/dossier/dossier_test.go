package dossier_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/releasefile"
)

// tally is a format of lines "ok" and "no".
type tally struct{}

func (tally) Name() string           { return "tally" }
func (tally) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactTests} }
func (tally) Read(r io.Reader) (criteria.Facts, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return criteria.Facts{}, err
	}
	var t criteria.Tests
	for _, line := range strings.Fields(string(data)) {
		switch line {
		case "ok":
			t.Passed++
		case "no":
			t.Failed++
		default:
			return criteria.Facts{}, fmt.Errorf("holds %q, expected ok or no", line)
		}
	}
	return criteria.Facts{Tests: &t}, nil
}

// listing is a format of one vulnerability a line, scanned with a database
// whose age it does not know.
type listing struct{}

func (listing) Name() string           { return "listing" }
func (listing) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactVulnerabilities} }
func (listing) Read(r io.Reader) (criteria.Facts, error) {
	data, err := io.ReadAll(r)
	v := &criteria.Vulnerabilities{Packages: 1}
	for _, id := range strings.Fields(string(data)) {
		v.Items = append(v.Items, criteria.Vulnerability{ID: id})
	}
	return criteria.Facts{Vulnerabilities: v}, err
}

type question func(criteria.Input) criteria.Outcome

func (q question) Evaluate(in criteria.Input) criteria.Outcome { return q(in) }

func catalogue() dossier.Catalogue {
	kind := func(name string, need criteria.Fact, q question) criteria.Kind {
		return criteria.Kind{
			Name: name, Title: name, Practice: criteria.Testing, Level: criteria.Basic, Scope: criteria.AboutArtifacts,
			Needs: []criteria.Fact{need}, MaxAge: map[criteria.Fact]time.Duration{need: 240 * time.Hour},
			New: func(params []byte) (criteria.Criterion, error) { return q, criteria.DecodeParams(params, &struct{}{}) },
		}
	}
	return dossier.Catalogue{
		Formats: []criteria.Format{listing{}, tally{}},
		Kinds: []criteria.Kind{
			kind("none-failed", criteria.FactTests, func(in criteria.Input) criteria.Outcome {
				var f []criteria.Finding
				for _, e := range in.Evidence {
					if e.Facts.Tests.Failed > 0 {
						f = append(f, criteria.Finding{ID: "failed", Status: criteria.Fail, Where: e.Name})
					}
				}
				return criteria.Conclude("none failed", f)
			}),
			kind("none-listed", criteria.FactVulnerabilities, func(in criteria.Input) criteria.Outcome {
				var f []criteria.Finding
				for _, e := range in.Evidence {
					for _, v := range e.Facts.Vulnerabilities.Items {
						f = append(f, criteria.Finding{ID: v.ID, Status: criteria.Warn})
					}
				}
				return criteria.Conclude("none listed", f)
			}),
		},
	}
}

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func judge(t testing.TB) dossier.Judged {
	t.Helper()
	source, err := criteria.ParseDigest("gitCommit:5e56881774df3010319816adb1989a1399beb72b")
	if err != nil {
		t.Fatal(err)
	}
	artifact := criteria.Subject{Name: "widget", Digest: criteria.DigestOf([]byte("widget"))}
	rel := criteria.Release{
		Name: "widget", Version: "1.0", Resource: "pkg:generic/widget@1.0",
		Source: criteria.Subject{Name: "source", Digest: source}, Artifacts: []criteria.Subject{artifact},
	}
	policy := []byte("# What we ask.\nprofile: basic\nvouched: [tally, listing]\n")
	about := criteria.Declared{About: []criteria.Digest{artifact.Digest}, Time: at.Add(-time.Hour)}
	scanned := about
	scanned.DatabaseTime = at.Add(-26 * time.Hour)
	reports := []releasefile.Report{
		{Name: "unit.txt", Format: "tally", Data: []byte("ok\nok\n"), Declared: about},
		{Name: "end.txt", Format: "tally", Data: []byte("ok\n"), Declared: about},
		{Name: "scan.txt", Format: "listing", Data: []byte("CVE-2026-1\n"), Declared: scanned},
		{Name: "gone.txt", Format: "tally", Problem: "gone.txt: no such file", Declared: criteria.Declared{About: []criteria.Digest{source}}},
	}
	j, err := dossier.Judge(rel, "policy.yaml", policy, reports, at, true, catalogue())
	if err != nil {
		t.Fatal(err)
	}
	if !j.Decision.Passed {
		t.Fatalf("the release did not pass: %+v", j.Decision.Judgements)
	}
	return j
}

func written(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if err := judge(t).Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		out[name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// equal compares files: byte for byte is slow for cmp.
var equal = cmp.Comparer(bytes.Equal)

func put(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReplay(t *testing.T) {
	want := judge(t)
	got, err := dossier.Replay(written(t), catalogue())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := want.Decision.Encode()
	b, _ := got.Decision.Encode()
	if !bytes.Equal(a, b) {
		t.Errorf("Replay() differs:\n%s", cmp.Diff(string(a), string(b)))
	}
	for _, r := range want.Reports[:3] {
		data, err := got.Report(criteria.DigestOf(r.Data))
		if err != nil || !bytes.Equal(data, r.Data) {
			t.Errorf("Report(%s) = %q, %v", r.Name, data, err)
		}
	}
	if _, err := got.Report(criteria.Digest{}); err == nil {
		t.Error("Report(zero) = nil, want an error")
	}
}

// published is a format of tallies that a registry signs, with its keys' own
// bytes.
type published struct{ tally }

func (published) Name() string { return "published" }
func (p published) ReadSigned(r io.Reader, trust []byte) (criteria.Facts, error) {
	return p.ReadRegistry(r, trust, nil)
}

func (p published) ReadRegistry(r io.Reader, trust, keys []byte) (criteria.Facts, error) {
	if string(trust) != "root" || string(keys) != "keys" {
		return criteria.Facts{}, fmt.Errorf("is not signed with %q and %q", trust, keys)
	}
	return p.Read(r)
}

// What a report was verified with lies in the dossier, and a replay verifies with
// that and nothing else.
func TestReplay_registryKeys(t *testing.T) {
	root, keys := criteria.DigestOf([]byte("root")), criteria.DigestOf([]byte("keys"))
	known := catalogue()
	known.Formats = append(known.Formats, published{})
	write := func(t *testing.T) (string, criteria.Decision) {
		t.Helper()
		j := judge(t)
		report := releasefile.Report{
			Name: "npm.txt", Format: "published", Data: []byte("ok\n"), TrustedRoot: []byte("root"), RegistryKeys: []byte("keys"),
			Declared: criteria.Declared{About: j.Reports[0].Declared.About, Time: at.Add(-time.Hour), TrustedRoot: root, RegistryKeys: keys},
		}
		policy := fmt.Sprintf("profile: basic\nvouched: [tally, listing, published]\ntrustedRoots: [%s, %s]\n", root, keys)
		j, err := dossier.Judge(j.Release, "policy.yaml", []byte(policy), append(j.Reports, report), at, true, known)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "out")
		if err := j.Write(dir); err != nil {
			t.Fatal(err)
		}
		return dir, j.Decision
	}
	dir, want := write(t)
	got, err := dossier.Replay(dir, known)
	if err != nil || !got.Decision.Passed || !want.Passed {
		t.Fatalf("Replay() = %+v, %v, want what passed", got, err)
	}
	file := "evidence/" + keys.Hex()
	for name, alter := range map[string]func(*testing.T, string){
		"altered": func(t *testing.T, dir string) { put(t, dir, file, []byte("key")) },
		"removed": func(t *testing.T, dir string) { remove(t, dir, file) },
		"replaced with the index": func(t *testing.T, dir string) {
			remove(t, dir, file)
			put(t, dir, "evidence/"+criteria.DigestOf([]byte("mine")).Hex(), []byte("mine"))
			replace(t, dir, dossier.IndexFile, keys.Hex(), criteria.DigestOf([]byte("mine")).Hex())
		},
		"dropped": func(t *testing.T, dir string) {
			remove(t, dir, file)
			replace(t, dir, dossier.IndexFile, fmt.Sprintf(",\n      \"registryKeys\": %q", keys), "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := write(t)
			alter(t, dir)
			var differs *dossier.DifferenceError
			if _, err := dossier.Replay(dir, known); !errors.As(err, &differs) || !strings.Contains(err.Error(), "npm.txt") {
				t.Errorf("Replay() = %v, want a *DifferenceError that names npm.txt", err)
			}
		})
	}
}

// alterations of a byte: of one bit, of case, of what stands for nothing.
func alterations(b byte) []byte {
	out := []byte{b ^ 1, b ^ 0x20, ' ', '\t', '0', '1'}
	out = slices.DeleteFunc(out, func(x byte) bool { return x == b })
	slices.Sort(out)
	return slices.Compact(out)
}

// No byte of a dossier can be altered, added or taken away without Replay
// saying that it was, and in which file.
func TestReplay_any_byte(t *testing.T) {
	dir := written(t)
	all := files(t, dir)
	if len(all) != 7 {
		t.Fatalf("the dossier holds %d files, want 7", len(all))
	}
	refused := func(t *testing.T, name, how string) {
		t.Helper()
		_, err := dossier.Replay(dir, catalogue())
		if err == nil {
			t.Fatalf("%s: %s: Replay() = nil", name, how)
		}
		var differs *dossier.DifferenceError
		if !errors.As(err, &differs) {
			t.Fatalf("%s: %s: Replay() = %T %v, want a *DifferenceError", name, how, err, err)
		}
		if !strings.Contains(err.Error(), name) {
			t.Fatalf("%s: %s: Replay() does not name the file:\n%v", name, how, err)
		}
	}
	for name, data := range all {
		t.Run(filepath.Base(name), func(t *testing.T) {
			tried := 0
			for i := range data {
				if testing.Short() && i%17 != 0 {
					continue
				}
				// Another one at each place; all of them at all places, tried
				// once, take minutes and find no more.
				all := alterations(data[i])
				for _, b := range all[i%len(all):][:1] {
					bad := slices.Clone(data)
					bad[i] = b
					put(t, dir, name, bad)
					refused(t, name, fmt.Sprintf("byte %d from %q to %q", i, data[i], b))
					tried++
				}
				if i%7 == 0 {
					put(t, dir, name, slices.Delete(slices.Clone(data), i, i+1))
					refused(t, name, fmt.Sprintf("without byte %d", i))
					put(t, dir, name, slices.Insert(slices.Clone(data), i, ' '))
					refused(t, name, fmt.Sprintf("a space before byte %d", i))
					put(t, dir, name, data[:i])
					refused(t, name, fmt.Sprintf("cut at byte %d", i))
				}
			}
			put(t, dir, name, append(slices.Clone(data), '\n'))
			refused(t, name, "a line more")
			put(t, dir, name, nil)
			refused(t, name, "empty")
			put(t, dir, name, data)
			t.Logf("%d bytes, %d alterations refused", len(data), tried)
		})
	}
	if _, err := dossier.Replay(dir, catalogue()); err != nil {
		t.Errorf("Replay() of the dossier put right = %v", err)
	}
}

func TestReplay_whole_files(t *testing.T) {
	evidence := func(data string) string { return "evidence/" + criteria.DigestOf([]byte(data)).Hex() }
	unit, end := evidence("ok\nok\n"), evidence("ok\n")
	for _, tt := range []struct {
		name  string
		alter func(t *testing.T, dir string)
		names []string
	}{
		{"evidence_added", func(t *testing.T, dir string) { put(t, dir, "evidence/extra", []byte("ok")) }, []string{"evidence/extra is not in evidence/index.json"}},
		{"evidence_added_by_digest", func(t *testing.T, dir string) { put(t, dir, evidence("no"), []byte("no")) }, []string{evidence("no")}},
		{"folder_added", func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, "evidence", "more"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, []string{"evidence/more is not in evidence/index.json"}},
		{"evidence_removed", func(t *testing.T, dir string) { remove(t, dir, unit) }, []string{"evidence unit.txt, which evidence/index.json lists, is gone", unit}},
		{"evidence_swapped", func(t *testing.T, dir string) {
			put(t, dir, unit, []byte("ok\n"))
			put(t, dir, end, []byte("ok\nok\n"))
		}, []string{"evidence unit.txt was altered: " + unit, "evidence end.txt was altered: " + end}},
		{"evidence_is_folder", func(t *testing.T, dir string) {
			remove(t, dir, unit)
			if err := os.Mkdir(filepath.Join(dir, filepath.FromSlash(unit)), 0o755); err != nil {
				t.Fatal(err)
			}
		}, []string{unit, "is not a regular file"}},
		{"evidence_leads_out", func(t *testing.T, dir string) {
			remove(t, dir, unit)
			outside := filepath.Join(t.TempDir(), "unit")
			if err := os.WriteFile(outside, []byte("ok\nok\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, filepath.Join(dir, filepath.FromSlash(unit))); err != nil {
				t.Skip(err)
			}
		}, []string{unit, "escapes"}},
		// Both the report and its place in the index, consistently.
		{"evidence_replaced_with_index", func(t *testing.T, dir string) {
			remove(t, dir, unit)
			put(t, dir, evidence("no\n"), []byte("no\n"))
			replace(t, dir, dossier.IndexFile, unit[len("evidence/"):], criteria.DigestOf([]byte("no\n")).Hex())
		}, []string{"evidence unit.txt is sha256:" + criteria.DigestOf([]byte("no\n")).Hex(), "says passed: true, the evidence says false", "says none-failed about widget: pass, the evidence says none-failed: fail"}},
		{"evidence_dropped_from_both", func(t *testing.T, dir string) {
			all := files(t, dir)
			lines := strings.Split(string(all[dossier.IndexFile]), "\n")
			i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, `"unit.txt"`) })
			j := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, `"end.txt"`) })
			put(t, dir, dossier.IndexFile, []byte(strings.Join(slices.Delete(lines, i-1, j-1), "\n")))
			remove(t, dir, unit)
		}, []string{"evidence gone.txt of the decision is not in the dossier"}},
		{"release_and_decision", func(t *testing.T, dir string) {
			replace(t, dir, dossier.ReleaseFile, `"version": "1.0"`, `"version": "1.1"`)
		}, []string{"release.json is not the release that decision.json is about"}},
		{"policy", func(t *testing.T, dir string) { replace(t, dir, dossier.PolicyFile, "What we ask", "What I ask") }, []string{"policy.yaml was altered"}},
		{"time_of_decision", func(t *testing.T, dir string) {
			replace(t, dir, dossier.DecisionFile, `"time": "2026-11-22T12:00:00Z"`, `"time": "2026-11-22T12:00:01Z"`)
		}, []string{"decision.json was made as of 2026-11-22T12:00:01Z, declared: true; evidence/index.json says 2026-11-22T12:00:00Z"}},
		{"time_not_declared", func(t *testing.T, dir string) {
			replace(t, dir, dossier.DecisionFile, "  \"timeDeclared\": true,\n", "")
		}, []string{"declared: false; evidence/index.json says 2026-11-22T12:00:00Z, declared: true"}},
		{"decision_missing", func(t *testing.T, dir string) { remove(t, dir, dossier.DecisionFile) }, []string{"decision.json"}},
		{"index_missing", func(t *testing.T, dir string) { remove(t, dir, dossier.IndexFile) }, []string{"index.json"}},
		{"unknown_format", func(t *testing.T, dir string) {
			replace(t, dir, dossier.IndexFile, `"format": "listing"`, `"format": "lister"`)
		}, []string{"evidence/index.json and decision.json differ on what was declared of evidence scan.txt", `unknown format "lister"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := written(t)
			tt.alter(t, dir)
			_, err := dossier.Replay(dir, catalogue())
			if err == nil {
				t.Fatal("Replay() = nil, want an error")
			}
			for _, want := range tt.names {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Replay() = %v, want %q in it", err, want)
				}
			}
		})
	}
	if _, err := dossier.Replay(filepath.Join(t.TempDir(), "nothing"), catalogue()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Replay(no folder) = %v, want %v", err, fs.ErrNotExist)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, dir, name, old, new string) {
	t.Helper()
	data := files(t, dir)[name]
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s does not hold %q:\n%s", name, old, data)
	}
	put(t, dir, name, bytes.Replace(data, []byte(old), []byte(new), 1))
}

// A time that somebody declared binds what is written; what time it was when
// it was written does not.
func TestWrite_is_deterministic(t *testing.T) {
	a, b := files(t, written(t)), files(t, written(t))
	if diff := cmp.Diff(a, b, equal); diff != "" {
		t.Errorf("two dossiers of one judgement differ:\n%s", diff)
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(written(t), dossier.DecisionFile))
		if err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("mode is %v, %v", info.Mode(), err)
		}
	}
}
