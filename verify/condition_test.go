package verify

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/internal/strict"
)

const thePredicate = `{
  "result": "PASSED", "Severity": "low", "empty": [], "nothing": null, "score": 7.10, "huge": 1e999999999, "yes": true,
  "when": "2026-11-22T13:00:00+01:00",
  "materials": [{"uri": "git+https://github.com/acme/greet@refs/tags/v1.2.0", "n": 1}, {"uri": "pkg:golang/a@1", "n": 2}],
  "labels": ["a", "b", 3], "annotations": {"io.example/x.y": "dots"}, "nested": [[1, 2], [3]],
  "twin": 1, "Twin": 2
}`

func TestConditions(t *testing.T) {
	number := func(s string) *Value {
		v, err := Number(s)
		if err != nil {
			t.Fatal(err)
		}
		return &v
	}
	text := func(s string) *Value { v := Text(s); return &v }
	truth := func(b bool) *Value { v := Bool(b); return &v }
	for _, tt := range []struct {
		name string
		c    Condition
		want string // in the reason; empty where it holds
	}{
		{"equals", Condition{Path: "result", Equals: text("PASSED")}, ""},
		{"equals another", Condition{Path: "result", Equals: text("passed")}, `result: found "PASSED", expected "passed"`},
		{"equals what is not there", Condition{Path: "reslt", Equals: text("PASSED")}, "found nothing"},
		{"equals null", Condition{Path: "nothing", Equals: text("null")}, "found nothing"},
		{"a number is no text", Condition{Path: "score", Equals: text("7.10")}, "found 7.10"},
		{"equals exactly", Condition{Path: "score", Equals: number("7.1")}, ""},
		{"nearly equals", Condition{Path: "score", Equals: number("7.1000000000000000000001")}, "found 7.10"},
		{"true", Condition{Path: "yes", Equals: truth(true)}, ""},
		{"true is no text", Condition{Path: "yes", Equals: text("true")}, "found true"},
		{"not", Condition{Path: "result", Not: text("FAILED")}, ""},
		{"not what it is", Condition{Path: "result", Not: text("PASSED")}, "something other than"},
		{"not, of what is not there", Condition{Path: "reslt", Not: text("FAILED")}, "found nothing"},
		{"not, of null", Condition{Path: "nothing", Not: text("FAILED")}, "found nothing"},
		{"not, of another kind", Condition{Path: "score", Not: text("FAILED")}, "found 7.10"},
		{"not, of a list", Condition{Path: "labels", Not: text("FAILED")}, "found a list"},
		{"one of", Condition{Path: "result", OneOf: []Value{Text("WARNED"), Text("PASSED")}}, ""},
		{"none of", Condition{Path: "result", OneOf: []Value{Text("WARNED"), Text("FAILED")}}, `expected one of "WARNED", "FAILED"`},
		{"matches", Condition{Path: "materials[0].uri", Matches: "git+https://github.com/acme/*@refs/tags/v*"}, ""},
		{"a star stops at a slash", Condition{Path: "materials[0].uri", Matches: "git+https://*"}, "expected what matches"},
		{"matches no number", Condition{Path: "score", Matches: "7*"}, "found 7.10"},
		{"at least", Condition{Path: "score", AtLeast: number("7.1")}, ""},
		{"at least more", Condition{Path: "score", AtLeast: number("7.2")}, "expected at least 7.2"},
		{"at most", Condition{Path: "score", AtMost: number("7.10")}, ""},
		{"at most less", Condition{Path: "score", AtMost: number("7.09")}, "expected at most 7.09"},
		{"at most, of what is not there", Condition{Path: "scor", AtMost: number("9")}, "found nothing"},
		{"at most, of a number that is too long", Condition{Path: "huge", AtMost: number("1e300")}, "expected at most"},
		{"at least, of a number that is too long", Condition{Path: "huge", AtLeast: number("1")}, "expected at least"},
		{"at least a time", Condition{Path: "when", AtLeast: text("2026-11-22T12:00:00Z")}, ""},
		{"at least a later time", Condition{Path: "when", AtLeast: text("2026-11-22T12:00:01Z")}, "expected at least"},
		{"a time is no number", Condition{Path: "when", AtLeast: number("1")}, "expected at least"},
		{"contains", Condition{Path: "labels", Contains: text("b")}, ""},
		{"contains a number", Condition{Path: "labels", Contains: number("3.0")}, ""},
		{"contains not", Condition{Path: "labels", Contains: text("3")}, `expected a list with "3"`},
		{"a text contains nothing", Condition{Path: "result", Contains: text("PASS")}, "expected a list"},
		{"exists", Condition{Path: "labels", Exists: true}, ""},
		{"exists empty", Condition{Path: "empty", Exists: true}, ""},
		{"exists not", Condition{Path: "label", Exists: true}, "expected something"},
		{"null exists not", Condition{Path: "nothing", Exists: true}, "expected something"},
		{"a key in quotes", Condition{Path: `annotations["io.example/x.y"]`, Equals: text("dots")}, ""},
		{"an element", Condition{Path: "materials[1].n", Equals: number("2")}, ""},
		{"an element that is not there", Condition{Path: "materials[2].n", Not: number("9")}, "found nothing"},
		{"a list has no keys", Condition{Path: "materials.uri", Exists: true}, "found nothing"},
		{"an object has no elements", Condition{Path: "annotations[0]", Exists: true}, "found nothing"},
		{"each", Condition{Path: "materials[*].n", AtMost: number("2")}, ""},
		{"each but one", Condition{Path: "materials[*].n", AtMost: number("1")}, "found 2, expected at most 1 (element 1)"},
		{"each of none", Condition{Path: "empty[*].n", AtMost: number("1")}, "found nothing"},
		{"each of what is not there", Condition{Path: "missing[*].n", AtMost: number("1")}, "found nothing"},
		{"each, and one lacks it", Condition{Path: "nested[*][1]", AtMost: number("2")}, "found nothing, expected at most 2 (element 1)"},
		{"any", Condition{Path: "materials[any].n", Equals: number("2")}, ""},
		{"any of none", Condition{Path: "empty[any].n", Equals: number("2")}, "found nothing"},
		{"none of any", Condition{Path: "materials[any].n", Equals: number("3")}, "none of them does"},
		{"each has some", Condition{Path: "nested[*][any]", AtLeast: number("2")}, ""},
		{"some has each", Condition{Path: "nested[any][*]", AtLeast: number("3")}, ""},
		{"a key in another case", Condition{Path: "severity", Not: text("high")}, `key "Severity" stands beside or instead of "severity"`},
		{"a key in two cases", Condition{Path: "twin", Equals: number("1")}, `key "Twin" stands beside`},
		{"all", Condition{All: []Condition{{Path: "yes", Exists: true}, {Path: "result", Equals: text("PASSED")}}}, ""},
		{"not all", Condition{All: []Condition{{Path: "yes", Exists: true}, {Path: "result", Equals: text("x")}}}, `found "PASSED"`},
		{"any of two", Condition{Any: []Condition{{Path: "no", Exists: true}, {Path: "result", Equals: text("PASSED")}}}, ""},
		{"neither of two", Condition{Any: []Condition{{Path: "no", Exists: true}, {Path: "result", Equals: text("x")}}}, "no: found nothing, expected something; or result: found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			count := 0
			if f := conditionFaults(nil, []Condition{tt.c}, 1, &count); len(f) > 0 {
				t.Fatalf("faults = %v", f)
			}
			list, err := compile([]Condition{tt.c})
			if err != nil {
				t.Fatal(err)
			}
			got := list[0].unmet(jsontext.Value(thePredicate), enough())
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("unmet = %q, want one with %q", got, tt.want)
			}
			if list[0].unmet(nil, enough()) == "" || list[0].unmet(jsontext.Value("null"), enough()) == "" || list[0].unmet(jsontext.Value("{}"), enough()) == "" || list[0].unmet(jsontext.Value("[]"), enough()) == "" {
				t.Error("a predicate that says nothing meets the condition")
			}
		})
	}
}

func enough() *looks {
	left := looks(maxLooks)
	return &left
}

// Beyond so many values nobody looks, and what was not looked at holds of
// nothing.
func TestConditionsEnd(t *testing.T) {
	long := jsontext.Value(`{"list":[` + strings.Repeat("1,", 1000) + `1]}`)
	one, err := Number("1")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Condition{
		"each":     {Path: "list[*]", Equals: &one},
		"any":      {Path: "list[any]", Not: &one},
		"contains": {Path: "list", Contains: func() *Value { v := Text("x"); return &v }()},
		"any of":   {Any: []Condition{{Path: "list[*]", Equals: &one}, {Path: "list[0]", Equals: &one}}},
		"all of":   {All: []Condition{{Path: "list[0]", Equals: &one}, {Path: "list[*]", Equals: &one}}},
	} {
		list, err := compile([]Condition{c})
		if err != nil {
			t.Fatal(err)
		}
		few := looks(500)
		if got := list[0].unmet(long, &few); got == "" || few >= 0 {
			t.Errorf("%s: unmet = %q with %d looks left, want that there are too many", name, got, few)
		}
		if name != "each" && name != "all of" && name != "any of" {
			continue
		}
		if got := list[0].unmet(long, enough()); got != "" {
			t.Errorf("%s: unmet = %q, want that it holds", name, got)
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, text := range []string{"a", "a.b", "a[0]", "a[*].b", "[0].a", `["a.b"]`, `a["b\"c"][any]`, "a-b.c_d", "@type", "$.a", `["a"].b`} {
		p, err := parsePath(text)
		if err != nil || len(p.steps) == 0 {
			t.Errorf("parsePath(%q) = %v, %v", text, p, err)
		}
	}
	for _, text := range []string{
		"", ".", "a.", ".a.", "a..b", "a[", "a[]", "a[-1]", "a[01]", "a[1", "a]", `a["b`, `a["b"`, `a"b"`, "a[0]b", "a[x]", "a[**]", "a[99999999999]",
		strings.Repeat("a.", maxSteps) + "a", strings.Repeat("a", maxPath+1),
	} {
		if p, err := parsePath(text); err == nil {
			t.Errorf("parsePath(%q) = %v, want an error", text, p)
		}
	}
}

// No predicate makes a condition hold and its opposite, whatever it says, and
// one that says nothing meets nothing.
func FuzzCondition(f *testing.F) {
	f.Add("result", "PASSED", thePredicate)
	f.Add("materials[*].n", "1", thePredicate)
	f.Add("materials[any].uri", "git+https://github.com/**", thePredicate)
	f.Add(`annotations["io.example/x.y"]`, "dots", thePredicate)
	f.Add("a[*][*][*]", "1", `{"a":[[[1,1],[1]],[[1]]]}`)
	f.Fuzz(func(t *testing.T, at, value, predicate string) {
		p, err := parsePath(at)
		if err != nil || strict.CheckJSON([]byte(predicate)) != nil {
			return
		}
		if again, err := parsePath(p.text); err != nil || len(again.steps) != len(p.steps) {
			t.Fatalf("parsePath(%q) differs from itself", at)
		}
		ask := func(c Condition) bool {
			list, err := compile([]Condition{c})
			if err != nil {
				t.Fatal(err)
			}
			return list[0].unmet(jsontext.Value(predicate), enough()) == ""
		}
		is := Text(value)
		if n, err := Number(value); err == nil {
			is = n
		}
		equals, not := ask(Condition{Path: at, Equals: &is}), ask(Condition{Path: at, Not: &is})
		exists := ask(Condition{Path: at, Exists: true})
		if p.plain() && equals && not {
			t.Error("it is and is not")
		}
		if (equals || not) && !exists {
			t.Error("what is not there is compared")
		}
		if equals && !ask(Condition{Path: at, OneOf: []Value{is}}) {
			t.Error("what equals a value is none of it")
		}
		if _, ok := is.order(is); ok && equals && !(ask(Condition{Path: at, AtLeast: &is}) && ask(Condition{Path: at, AtMost: &is})) {
			t.Error("what equals a bound is not within it")
		}
	})
}
