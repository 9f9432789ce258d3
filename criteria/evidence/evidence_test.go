package evidence

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// sound reports what is wrong with an answer of Format.Read, whatever was read:
// facts that the format does not declare, or none that it does.
func sound(f criteria.Format, facts criteria.Facts, err error) string {
	if err != nil {
		if !reflect.DeepEqual(facts, criteria.Facts{}) {
			return "facts and an error at once"
		}
		return ""
	}
	declared := 0
	for _, fact := range everyFact() {
		switch has := facts.Has(fact); {
		case has && !slices.Contains(f.Gives(), fact):
			return "undeclared fact " + string(fact)
		case has:
			declared++
		}
	}
	if declared == 0 {
		return "none of the facts it gives"
	}
	return ""
}

// everyFact lists the names of the fields of criteria.Facts that are facts.
func everyFact() []criteria.Fact {
	var out []criteria.Fact
	t := reflect.TypeFor[criteria.Facts]()
	for i := range t.NumField() {
		if t.Field(i).Type.Kind() == reflect.Pointer {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			out = append(out, criteria.Fact(name))
		}
	}
	return out
}

func TestAll(t *testing.T) {
	formats := All()
	if len(formats) == 0 {
		t.Fatal("All() = nothing")
	}
	var names []string
	for _, f := range formats {
		names = append(names, f.Name())
		if !criteria.IsCriterionName(f.Name()) {
			t.Errorf("format name %q is no format's", f.Name())
		}
		if len(f.Gives()) == 0 {
			t.Errorf("format %s gives nothing", f.Name())
		}
		for _, fact := range f.Gives() {
			if !slices.Contains(everyFact(), fact) {
				t.Errorf("format %s gives %q, which is no fact", f.Name(), fact)
			}
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("All() is not sorted by name: %q", names)
	}
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("two formats of All() have one name: %q", names)
	}
}

// prose are the formats that any text has: what is not in it is for a criterion
// to miss.
var prose = map[string]bool{"security-md": true}

// What a tool leaves behind that failed, and what was packed or mixed up on
// the way, is never a report.
func TestAll_refuse(t *testing.T) {
	for _, f := range All() {
		for name, doc := range map[string]string{
			"empty":         "",
			"blank":         " \n\t\n",
			"mark_only":     "\xef\xbb\xbf",
			"gzip":          "\x1f\x8b\x08\x00\x00\x00\x00\x00",
			"zip":           "PK\x03\x04\x14\x00",
			"utf16":         "\xff\xfe{\x00}\x00",
			"not_text":      "\xc3\x28 \x80\x81",
			"picture":       "\x89PNG\r\n\x1a\n\x00\x00",
			"null":          "null",
			"number":        "1",
			"deep_list":     strings.Repeat("[", 10_000),
			"deep_object":   strings.Repeat(`{"a":`, 10_000),
			"deep_xml":      strings.Repeat("<a>", 10_000),
			"entities":      `<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;&b;">]><a>&d;</a>`,
			"half_a_string": `{"version": "2.1.0`,
		} {
			t.Run(f.Name()+"/"+name, func(t *testing.T) {
				facts, err := f.Read(strings.NewReader(doc))
				if wrong := sound(f, facts, err); wrong != "" {
					t.Errorf("Read(%s) gave %s", name, wrong)
				}
				if err == nil && (!prose[f.Name()] || !isText(doc)) {
					t.Errorf("Read(%s) = %s, want an error", name, asJSON(t, facts))
				}
			})
		}
	}
}

func isText(doc string) bool {
	_, err := strict.Text([]byte(doc))
	return err == nil
}

// seeds are reports of every kind that the project has at hand, so that readers
// meet one another's.
func seeds(t testing.TB) map[string][]byte {
	out := make(map[string][]byte)
	for _, root := range []string{"testdata", "../../examples"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch filepath.Ext(path) {
			case ".json", ".xml", ".yaml", ".md", ".txt", ".sarif", ".mod", ".out", ".info", ".csv", ".spdx":
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				out[path] = data
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) == 0 {
		t.Fatal("no reports to read: the seeds have moved")
	}
	return out
}

// Every reader meets every report, and the half of what it takes, and answers
// soundly, twice the same.
func TestAll_readEachOther(t *testing.T) {
	reports := seeds(t)
	for _, f := range All() {
		for path, data := range reports {
			if prose[f.Name()] && len(data) > 64<<10 {
				continue // no text that a person wrote
			}
			if checkRead(t, f, data, path) == nil {
				checkRead(t, f, data[:len(data)/2], path)
			}
		}
	}
}

func checkRead(t testing.TB, f criteria.Format, data []byte, what string) error {
	t.Helper()
	facts, err := f.Read(bytes.NewReader(data))
	if wrong := sound(f, facts, err); wrong != "" {
		t.Errorf("%s.Read(%s, %d bytes) gave %s", f.Name(), what, len(data), wrong)
	}
	again, err2 := f.Read(bytes.NewReader(data))
	if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
		t.Errorf("%s.Read(%s, %d bytes) = %v, then %v", f.Name(), what, len(data), err, err2)
	}
	if !reflect.DeepEqual(facts, again) {
		t.Errorf("%s.Read(%s, %d bytes) differs the second time (-first +second):\n%s", f.Name(), what, len(data),
			cmp.Diff(asJSON(t, facts), asJSON(t, again)))
	}
	return err
}

// Whatever is read: no panic, the same twice, and no facts but the declared.
func FuzzRead(f *testing.F) {
	formats := All()
	for _, data := range seeds(f) {
		for i, format := range formats {
			if _, err := format.Read(bytes.NewReader(data)); err == nil && len(data) < 64<<10 {
				f.Add(uint8(i), data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, data []byte) {
		checkRead(t, formats[int(i)%len(formats)], data, "fuzzed")
	})
}
