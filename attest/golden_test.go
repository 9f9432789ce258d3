package attest_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
)

var update = flag.Bool("update", false, "rewrite testdata: what is attested changes, which is a new predicate type")

// The bytes of every kind of statement are a promise: what a released version
// attested is compared with what others attest.
func TestGolden(t *testing.T) {
	small := newWorld()
	small.options.MaxInline = 10
	small.options.ReportURL = func(d criteria.Digest) string {
		if d == small.evidence[1].Digest {
			return "https://example.com/reports/" + d.Hex()
		}
		return ""
	}
	for dir, w := range map[string]*world{
		"warned":    newWorld(),
		"passed":    newWorld().clean(),
		"failed":    newWorld().fail(),
		"reference": small,
	} {
		t.Run(dir, func(t *testing.T) {
			var names []string
			for _, s := range w.statements(t) {
				file := filepath.Join("testdata", dir, s.Name()+".json")
				names = append(names, file)
				if *update {
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, s.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(s.Bytes(), want) {
					t.Errorf("statement %s differs from %s:\n%s", s.Name(), file, cmp.Diff(string(want), string(s.Bytes())))
				}
			}
			files, err := filepath.Glob(filepath.Join("testdata", dir, "*"))
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(names)
			if diff := cmp.Diff(files, names); diff != "" {
				t.Errorf("the files and the statements differ:\n%s", diff)
			}
		})
	}
}

// The same decision twice gives the same bytes: no map's order shows.
func TestStatementsAreAFunctionOfTheDecision(t *testing.T) {
	first := newWorld().statements(t)
	for range 20 {
		for i, s := range newWorld().statements(t) {
			if !bytes.Equal(s.Bytes(), first[i].Bytes()) {
				t.Fatalf("statement %s: %s, and then %s", s.Name(), first[i].Bytes(), s.Bytes())
			}
		}
	}
}

// A statement is what was made: nobody who was handed a part of it can alter
// what will be signed.
func TestStatementDoesNotChange(t *testing.T) {
	s := named(t, newWorld().statements(t), "verdict")
	before := string(s.Bytes())
	clear(s.Bytes())
	s.Subjects()[0].Name = "other"
	if string(s.Bytes()) != before || s.Subjects()[0].Name == "other" {
		t.Error("the statement changed through what it returned")
	}
}
