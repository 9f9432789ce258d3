package catalogue

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

// needed are parameters without which a criterion cannot be asked, for those
// that no profile sets: what to trust is for the policy to say.
var needed = map[string]string{}

func TestAll(t *testing.T) {
	kinds := All()
	if len(kinds) == 0 {
		t.Fatal("All() = nothing")
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
		t.Run(k.Name, func(t *testing.T) {
			if !criteria.IsCriterionName(k.Name) {
				t.Errorf("name %q is no criterion's", k.Name)
			}
			if strings.HasPrefix(criteria.Label(k.Name), "SLSA_") {
				t.Errorf("label %s begins with what the specification reserves", criteria.Label(k.Name))
			}
			for _, l := range criteria.Levels() {
				if criteria.Label(k.Name) == criteria.LevelLabel(l) {
					t.Errorf("label %s is that of a level", criteria.Label(k.Name))
				}
			}
			if strings.HasPrefix(k.Name, "own-") {
				t.Error("its name begins as those of a policy's own criteria do")
			}
			if n := utf8.RuneCountInString(k.Title); n == 0 || n > 60 || strings.HasSuffix(k.Title, ".") {
				t.Errorf("title %q has %d characters, want 1 to 60 and no period", k.Title, n)
			}
			if !strings.HasSuffix(k.Doc, ".") || strings.Contains(k.Doc, ". ") || strings.ContainsAny(k.Doc, "\n\t") {
				t.Errorf("doc %q, want one sentence that ends with a period", k.Doc)
			}
			if strings.HasPrefix(k.Practice.String(), "unknown") {
				t.Error("belongs to no practice")
			}
			if !slices.Contains(criteria.Levels(), k.Level) {
				t.Errorf("level %v, want one of %v", k.Level, criteria.Levels())
			}
			if k.Scope != criteria.AboutSource && k.Scope != criteria.AboutArtifacts {
				t.Errorf("scope %v, want source or artifact", k.Scope)
			}
			if len(k.Refs) == 0 || slices.Contains(k.Refs, "") {
				t.Errorf("refs %q, want what other catalogues call it", k.Refs)
			}
			if len(k.Needs) == 0 {
				t.Error("needs no fact: silence could pass")
			}
			facts := append(slices.Clone(k.Needs), k.Uses...)
			for _, f := range facts {
				if !slices.Contains(everyFact(), f) {
					t.Errorf("needs or uses %q, which is no fact", f)
				}
			}
			if slices.Sort(facts); len(slices.Compact(slices.Clone(facts))) != len(facts) {
				t.Errorf("needs or uses a fact twice: %q", facts)
			}
			for f := range k.MaxAge {
				if !slices.Contains(facts, f) {
					t.Errorf("limits the age of %q, which it does not read", f)
				}
			}
			for _, f := range k.FromSource {
				if !slices.Contains(facts, f) {
					t.Errorf("takes %q from the source, which it does not read", f)
				}
			}
			for level, params := range k.Params {
				if _, err := k.New([]byte(params)); err != nil {
					t.Errorf("New(%s), its own at %v, = %v", params, level, err)
				}
			}
			var pe *criteria.ParamError
			if c, err := k.New([]byte(`{"no-such-parameter":1}`)); !errors.As(err, &pe) || pe.Key != "no-such-parameter" {
				t.Errorf("New(unknown parameter) = %v, %v, want an error that names it", c, err)
			}
			for _, params := range []string{``, `[]`, `"x"`, `{`, `{} {}`} {
				if c, err := k.New([]byte(params)); err == nil {
					t.Errorf("New(%s) = %v, want an error", params, c)
				}
			}
		})
	}
	if !slices.IsSorted(names) {
		t.Errorf("All() is not sorted by name: %q", names)
	}
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("two criteria of All() have one name: %q", names)
	}
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

// emptyFact is a report that speaks of fact and says nothing.
func emptyFact(fact criteria.Fact) criteria.Facts {
	var f criteria.Facts
	v := reflect.ValueOf(&f).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if v.Field(i).Kind() == reflect.Pointer && name == string(fact) {
			v.Field(i).Set(reflect.New(v.Field(i).Type().Elem()))
		}
	}
	return f
}

// judgements are what one criterion says of a release at each profile that asks it.
func judgements(t *testing.T, k criteria.Kind, ev []criteria.Evidence) []criteria.Judgement {
	t.Helper()
	var out []criteria.Judgement
	for _, profile := range criteria.Levels() {
		if profile < k.Level {
			continue
		}
		params := needed[k.Name]
		if params == "" {
			params = "{}"
		}
		policy := fmt.Sprintf("profile: %s\ncriteria:\n  %s: %s\n", profile, k.Name, params)
		p, err := criteria.ParsePolicy("policy.yaml", []byte(policy), []criteria.Kind{k}, nil)
		if err != nil {
			t.Fatalf("ParsePolicy(%s) = %v: what it cannot do without belongs in the table needed", policy, err)
		}
		d := p.Evaluate(release("1.2.0", commitID("new"), commitID("old")), ev, now)
		if len(d.Judgements) == 0 {
			t.Fatalf("Evaluate at %s asked nothing", profile)
		}
		again := p.Evaluate(release("1.2.0", commitID("new"), commitID("old")), ev, now)
		first, err1 := d.Encode()
		second, err2 := again.Encode()
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(first), string(second)); diff != "" {
			t.Errorf("the same input twice gives two decisions (-first +second):\n%s", diff)
		}
		out = append(out, d.Judgements...)
	}
	return out
}

// Silence is not consent: neither no report, nor one that says nothing, nor
// one that could not be read, nor one about something else is ever a yes.
func TestAll_silence(t *testing.T) {
	source, artifact := commitID("new"), criteria.DigestOf([]byte("greet"))
	elsewhere := criteria.DigestOf([]byte("something else"))
	for _, k := range All() {
		reports := func(about criteria.Digest, problem string) []criteria.Evidence {
			var ev []criteria.Evidence
			for _, fact := range append(slices.Clone(k.Needs), k.Uses...) {
				e := criteria.Evidence{
					Name: string(fact), Format: "test", Digest: criteria.DigestOf([]byte(string(fact) + about.String())),
					About: []criteria.Digest{about}, Time: now.Add(-time.Minute), Gives: []criteria.Fact{fact}, Problem: problem,
				}
				if problem == "" {
					e.Facts = emptyFact(fact)
				}
				ev = append(ev, e)
			}
			return ev
		}
		for _, tc := range []struct {
			name string
			ev   []criteria.Evidence
		}{
			{"no_report", nil},
			{"empty_reports", append(reports(source, ""), reports(artifact, "")...)},
			{"unreadable_reports", append(reports(source, "ends early"), reports(artifact, "ends early")...)},
			{"reports_about_something_else", reports(elsewhere, "")},
		} {
			t.Run(k.Name+"/"+tc.name, func(t *testing.T) {
				for _, j := range judgements(t, k, tc.ev) {
					if j.Status.Satisfied() || j.Status == criteria.Faulty {
						t.Errorf("Evaluate(%s) at %s = %v %q, want a release held back", tc.name, j.Subject.Name, j.Status, j.Reason)
					}
					if j.Reason == "" {
						t.Errorf("Evaluate(%s) = %v without a reason", tc.name, j.Status)
					}
				}
			})
		}
	}
}
