package strict_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/internal/strict"
	"go.yaml.in/yaml/v3"
)

// document has one key of each type that our files use.
type document struct {
	Name    string            `yaml:"name"`
	Version string            `yaml:"version"`
	Count   int               `yaml:"count"`
	Share   float64           `yaml:"share"`
	On      bool              `yaml:"on"`
	When    time.Time         `yaml:"when"`
	Words   []string          `yaml:"words"`
	Inner   inner             `yaml:"inner"`
	List    []inner           `yaml:"list"`
	Labels  map[string]string `yaml:"labels"`
	Counts  map[string]int    `yaml:"counts"`
	Free    yaml.Node         `yaml:"free"`
	Any     any               `yaml:"any"`
	Pointer *int              `yaml:"pointer"`
	Shared  `yaml:",inline"`
	Secret  string `yaml:"-"`
}

type inner struct {
	Path   string `yaml:"path"`
	Format string `yaml:"format"`
}

type Shared struct {
	Common string `yaml:"common"`
}

func TestYAML_reads(t *testing.T) {
	const text = "\xef\xbb\xbf" + `
name: "widget"
version: 1.10     # text, though it looks like a number
count: 3
share: 0.5
on: true
when: 2026-11-22
words: [a, b]
inner: {path: x, format: y}
list:
  - path: p
labels: {a: 1, b: text}
counts: {a: 0x10}
free: {anything: [goes]}
any: [1, two]
pointer: 7
common: yes
`
	var got document
	if err := strict.YAML("f.yaml", []byte(text), &got); err != nil {
		t.Fatal(err)
	}
	got.Free = yaml.Node{}
	seven := 7
	want := document{
		Name: "widget", Version: "1.10", Count: 3, Share: 0.5, On: true,
		When: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Words: []string{"a", "b"},
		Inner: inner{"x", "y"}, List: []inner{{Path: "p"}},
		Labels: map[string]string{"a": "1", "b": "text"}, Counts: map[string]int{"a": 16},
		Any: []any{1, "two"}, Pointer: &seven, Shared: Shared{Common: "yes"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("YAML() differs (-want +got):\n%s", diff)
	}
}

func TestYAML_faults(t *testing.T) {
	deepFlow := strings.Repeat("[", 201) + strings.Repeat("]", 201)
	var deepBlock strings.Builder
	for i := range 210 {
		deepBlock.WriteString(strings.Repeat(" ", i) + "k:\n")
	}
	tests := []struct{ name, text, want string }{
		{"unknown_key_near", "nmae: x\n", `f.yaml:1:1: unknown key "nmae": did you mean "name"?`},
		{"unknown_key_case", "Name: x\n", `f.yaml:1:1: unknown key "Name": did you mean "name"?`},
		{"unknown_key_far", "inner:\n  zzzzzzzz: 1\n", `f.yaml:2:3: unknown key "zzzzzzzz": known here are format, path`},
		{"unknown_key_in_list", "list:\n  - path: a\n  - pth: b\n", `f.yaml:3:5: unknown key "pth": did you mean "path"?`},
		{"dash_key", "secret: x\n", `f.yaml:1:1: unknown key "secret": did you mean "share"?`},
		{"hidden_key", "hidden_key_here: x\n", `f.yaml:1:1: unknown key "hidden_key_here": known here are any, common, count, counts, free, inner, labels, list, name, on, pointer, share, version, when, words`},
		{"duplicate_key", "name: a\nwords: []\nname: b\n", `f.yaml:3:1: key "name" stands twice, first on line 1`},
		{"duplicate_key_inside", "inner: {path: a, path: b}\n", `f.yaml:1:18: key "path" stands twice, first on line 1`},
		{"duplicate_key_in_map", "labels:\n  a: x\n  \"a\": y\n", `f.yaml:3:3: key "a" stands twice, first on line 2`},
		{"anchor", "name: &a x\n", "f.yaml:1:7: anchors and aliases are not accepted"},
		{"alias", "name: &a x\nversion: *a\n", "f.yaml:1:7: anchors and aliases are not accepted\nf.yaml:2:10: anchors and aliases are not accepted"},
		{"merge", "labels:\n  <<: {a: b}\n", "f.yaml:2:3: a key must be plain text"},
		{"key_is_list", "labels:\n  [a]: b\n", "f.yaml:2:3: a key must be plain text"},
		{"tag", "name: !!binary aGk=\n", "f.yaml:1:7: tags such as !!binary are not accepted"},
		{"own_tag", "name: !mine x\n", "f.yaml:1:7: tags such as !mine are not accepted"},
		{"octal", "count: 010\n", "f.yaml:1:8: 010 is one number to some readers and another, or text, to others: write it plainly, or in quotes if it is text"},
		{"underscore", "any: [1_000]\n", "f.yaml:1:7: 1_000 is one number to some readers and another, or text, to others: write it plainly, or in quotes if it is text"},
		{"second_document", "name: a\n---\nname: b\n", "f.yaml:2:1: a second YAML document is not accepted"},
		{"text_for_number", "count: many\n", `f.yaml:1:8: expected a whole number, found "many"`},
		{"quoted_number", "count: \"3\"\n", `f.yaml:1:8: expected a whole number, found "3"`},
		{"fraction_for_whole", "count: 1.5\n", `f.yaml:1:8: expected a whole number, found "1.5"`},
		{"too_large_a_number", "count: 99999999999999999999\n", `f.yaml:1:8: expected a whole number, found "99999999999999999999"`},
		{"text_for_fraction", "share: half\n", `f.yaml:1:8: expected a number, found "half"`},
		{"yes_for_true", "on: yes\n", `f.yaml:1:5: expected true or false, found "yes"`},
		{"list_for_text", "name: [a]\n", "f.yaml:1:7: expected text"},
		{"mapping_for_text", "name:\n  a: b\n", "f.yaml:2:3: expected text"},
		{"text_for_list", "words: a\n", "f.yaml:1:8: expected a list"},
		{"text_for_mapping", "inner: a\n", "f.yaml:1:8: expected keys and values"},
		{"list_for_map", "labels: [a]\n", "f.yaml:1:9: expected keys and values"},
		{"wrong_in_map", "counts:\n  a: 1\n  b: x\n", `f.yaml:3:6: expected a whole number, found "x"`},
		{"list_for_time", "when: [2026]\n", "f.yaml:1:7: expected a time such as 2026-11-22T12:00:00Z"},
		{"no_value", "name:\nwords: []\n", "f.yaml:1:6: a value is missing: expected text"},
		{"null", "inner: ~\n", "f.yaml:1:8: a value is missing: expected keys and values"},
		{"null_pointer", "pointer: null\n", "f.yaml:1:10: a value is missing: expected a whole number"},
		{"root_is_list", "- a\n", "f.yaml:1:1: expected keys and values"},
		{"root_is_text", "hello\n", "f.yaml:1:1: expected keys and values"},
		{"several", "nmae: x\ncount: y\n", "f.yaml:1:1: unknown key \"nmae\": did you mean \"name\"?\nf.yaml:2:8: expected a whole number, found \"y\""},
		{"column_counts_characters", "labels: {é: [x]}\n", "f.yaml:1:13: expected text"},
		{"deep_flow", "free: " + deepFlow, "f.yaml:1:207: nested deeper than 200 levels"},
		{"deep_block", deepBlock.String(), "f.yaml:201:201: nested deeper than 200 levels"},
		{"deeper_than_the_library", strings.Repeat("[", 100_000), "f.yaml:1:1: exceeded max depth of 10000"},
		{"dashes", strings.Repeat("- ", 300) + "a", "f.yaml:1:403: nested deeper than 200 levels"},
		{"question_marks", "? ? a", "f.yaml:1:3: a key must be plain text"},
		{"not_yaml_first_line", "name: a: b", "f.yaml:1:1: mapping values are not allowed in this context"},
		{"not_yaml", "name: a\nwords: [a\n", "f.yaml:2:1: did not find expected ',' or ']'"},
		{"tab", "inner:\n\tpath: a\n", "f.yaml:2:1: found character that cannot start any token"},
		{"empty", "", "f.yaml: is empty"},
		{"white_space", " \n\t\n", "f.yaml: is empty"},
		{"only_mark", "\xef\xbb\xbf", "f.yaml: is empty"},
		{"only_comment", "# nothing\n", "f.yaml: holds no YAML document"},
		{"nothing_in_document", "---\n", "f.yaml:2:1: a value is missing: expected keys and values"},
		{"utf16", "\xff\xfen\x00a\x00", "f.yaml: is in UTF-16; write it in UTF-8"},
		{"utf16_without_mark", "n\x00a\x00:\x00", "f.yaml: holds NUL bytes; write it as text in UTF-8"},
		{"latin1", "name: caf\xe9\n", "f.yaml: is not text in UTF-8"},
		{"gzip", "\x1f\x8b\x08\x00", "f.yaml: is compressed with gzip; give the report itself, decompressed"},
		{"zstd", "\x28\xb5\x2f\xfd\x00", "f.yaml: is compressed with zstd; give the report itself, decompressed"},
		{"zip", "PK\x03\x04aa", "f.yaml: is a zip archive; give the report itself, unpacked"},
		{"too_large", strings.Repeat("#", strict.MaxConfig+1), "f.yaml: is too large: more than 4194304 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d document
			err := strict.YAML("f.yaml", []byte(tt.text), &d)
			if err == nil {
				t.Fatalf("YAML(%.80q) = nil, want %s", tt.text, tt.want)
			}
			got, _, _ := strings.Cut(err.Error(), "\n")
			if strings.Contains(tt.want, "\n") {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("YAML(%.80q)\n got %s\nwant %s", tt.text, err, tt.want)
			}
			var one *strict.Error
			if !errors.As(err, &one) {
				t.Errorf("YAML(%.80q) gives a %T, want a *strict.Error inside", tt.text, err)
			}
		})
	}
}

// A person mends a handful of faults, then runs again.
func TestYAML_lists_few_faults(t *testing.T) {
	for name, text := range map[string]string{
		"unknown":   strings.Repeat("inner: {zzzz: 1}\n", 1) + "list:\n" + strings.Repeat("  - {zz: 1, yy: 2}\n", 100),
		"duplicate": strings.Repeat("name: a\n", 100),
		"keys":      strings.Repeat("? [a]\n: b\n", 100),
	} {
		var d document
		var faults strict.Errors
		if err := strict.YAML("f", []byte(text), &d); !errors.As(err, &faults) || len(faults) > 20 {
			t.Errorf("%s: YAML() = %d faults, want at most 20", name, len(faults))
		}
	}
}

// The decoder compares each key with every other, so many keys in one mapping
// must be refused before it sees them.
func TestYAML_many_keys(t *testing.T) {
	var b strings.Builder
	b.WriteString("labels:\n")
	for i := range 10_001 {
		b.WriteString(" k" + strings.Repeat("x", i%7) + string(rune('0'+i%10)) + "_" + time.Duration(i).String() + ": v\n")
	}
	var d document
	err := strict.YAML("f", []byte(b.String()), &d)
	if err == nil || !strings.Contains(err.Error(), "f:2:2: more than 10000 keys") {
		t.Errorf("YAML(10,001 keys) = %v", err)
	}
}

func TestYAML_clips_what_it_quotes(t *testing.T) {
	var d document
	err := strict.YAML("f", []byte(strings.Repeat("é", 1<<20)+": 1\n"), &d)
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("YAML(key of 2 MB) gives a message of %d bytes, want a short one", len(err.Error()))
	}
}

func TestNearest(t *testing.T) {
	known := []string{"tests-pass", "test-coverage", "sbom-complete", "a"}
	for _, tt := range []struct{ word, want string }{
		{"test-pass", "tests-pass"},
		{"TESTS-PASS", "tests-pass"},
		{"tests-psas", "tests-pass"},
		{"sbom", ""},
		{"", "a"},
		{"zzzz", ""},
		{strings.Repeat("a", 1000), ""},
	} {
		if got := strict.Nearest(tt.word, known); got != tt.want {
			t.Errorf("Nearest(%.20q) = %q, want %q", tt.word, got, tt.want)
		}
	}
	if got := strict.Nearest("x", nil); got != "" {
		t.Errorf("Nearest(x, nil) = %q, want none", got)
	}
}

func TestPosition(t *testing.T) {
	const text = "ab\nçd\n"
	for _, tt := range []struct {
		offset       int64
		line, column int
	}{{-1, 1, 1}, {0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {5, 2, 2}, {6, 2, 3}, {7, 3, 1}, {99, 3, 1}} {
		if l, c := strict.Position([]byte(text), tt.offset); l != tt.line || c != tt.column {
			t.Errorf("Position(%d) = %d:%d, want %d:%d", tt.offset, l, c, tt.line, tt.column)
		}
	}
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{
		"", "name: a\n", "a: &b c\nd: *b\n", "[[[]]]", "a: 010", "? a\n: b", "%YAML 1.2\n--- a\n...\n", "a: |\n  x\n y", "\xef\xbb\xbfa: 1",
		"counts: {a: 1, b: .inf}", "when: 2026-11-22T00:00:00+01:00", "- - - a", "a: !!str b", "{a: 1, a: 2}", "free: {x: [y]}\nany: 1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b document
		errA, errB := strict.YAML("f", data, &a), strict.YAML("f", data, &b)
		if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
			t.Fatalf("YAML(%q) = %v, then %v", data, errA, errB)
		}
		if errA != nil {
			return
		}
		// Compared as YAML writes them: not a number is not equal to itself.
		one, err := yaml.Marshal(a)
		if err != nil {
			t.Fatalf("YAML(%q) gives what cannot be written: %v", data, err)
		}
		two, _ := yaml.Marshal(b)
		if string(one) != string(two) {
			t.Fatalf("YAML(%q) gives %s, then %s", data, one, two)
		}
		// What is accepted says the same to a lax reader.
		var lax document
		if err := yaml.Unmarshal(data, &lax); err != nil {
			t.Fatalf("YAML(%q) = nil, but the library refuses it: %v", data, err)
		}
	})
}
