package criteria_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
	"pgregory.net/rapid"
)

var foreign = []criteria.Digest{
	criteria.DigestOf([]byte("another artifact")), commit("0000000000000000000000000000000000000001"),
}

// drawn makes reports of every fact about any of subjects, read or not, of any
// age, by whoever's word.
func drawn(t *rapid.T, label string, subjects []criteria.Digest) criteria.Evidence {
	name := label + rapid.StringMatching(`[a-z]{3}`).Draw(t, label+" name")
	ds := rapid.SliceOfN(rapid.SampledFrom(subjects), 1, 3).Draw(t, label+" about")
	var f criteria.Facts
	for _, k := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 1, 3, rapid.ID[int]).Draw(t, label+" facts") {
		switch k {
		case 0:
			f.Tests = &criteria.Tests{Passed: 1, Failed: rapid.IntRange(0, 1).Draw(t, label+" failed")}
		case 1:
			v := &criteria.Vulnerabilities{Packages: 1}
			for i := range rapid.IntRange(0, 2).Draw(t, label+" found") {
				v.Items = append(v.Items, criteria.Vulnerability{ID: fmt.Sprint("CVE-", i)})
			}
			f.Vulnerabilities = v
		case 2:
			f.Components = &criteria.Components{Items: []criteria.Component{{Name: "a"}}}
		case 3:
			f.Dependencies = &criteria.Dependencies{Direct: []criteria.Package{{Name: "a"}}}
		case 4:
			f.Analysis = &criteria.Scan{}
		case 5:
			f.Exploitability = &criteria.Exploitability{Statements: []criteria.VEXStatement{{Vulnerability: "CVE-0"}}}
		case 6:
			f.Coverage = &criteria.Coverage{}
		}
	}
	d := criteria.Declared{}
	if rapid.Bool().Draw(t, label+" vouched") {
		d.About = ds
	} else {
		f.Subjects = ds
	}
	f.Time = now.Add(-time.Duration(rapid.IntRange(-10, 100).Draw(t, label+" age")) * time.Hour)
	if rapid.IntRange(0, 4).Draw(t, label+" readable") == 0 {
		d.About = ds
		return unreadable(name, d, given(f)...)
	}
	return evidence(name, f, d)
}

func ours() []criteria.Digest {
	// The reports' own digests are among what they may be about: chains.
	return append(about(source, linux, darwin), criteria.DigestOf([]byte("bill")))
}

// bill is a report that others may be about, itself about one subject.
func bill(t *rapid.T) criteria.Evidence {
	s := rapid.SampledFrom([]criteria.Subject{linux, darwin, source}).Draw(t, "bill about")
	return evidence("bill", criteria.Facts{Subjects: about(s), Components: &criteria.Components{Items: []criteria.Component{{Name: "a"}}}, Time: now}, criteria.Declared{})
}

func everything(t testing.TB) *criteria.Policy {
	return policy(t, `
profile: basic
vouched: [report]
criteria: {no-vulnerabilities: {maxAge: {exploitability: 72h}}}
waivers:
  - {id: w, criterion: no-vulnerabilities, finding: CVE-1, reason: r, owner: a, requester: a, approver: b, created: 2026-11-01, expires: 2027-01-01}
`, testsPass(), noVulnerabilities(), analysed(), billed())
}

func outcomes(d criteria.Decision) []criteria.Status {
	var out []criteria.Status
	for _, j := range d.Judgements {
		out = append(out, j.Status)
	}
	return out
}

// Evidence about another subject, whatever it says, changes no outcome.
func TestProperty_scope(t *testing.T) {
	p := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		ev := []criteria.Evidence{bill(t)}
		for i := range rapid.IntRange(0, 5).Draw(t, "n") {
			ev = append(ev, drawn(t, fmt.Sprint("e", i), ours()))
		}
		before := outcomes(p.Evaluate(widget(), ev, now))
		other := drawn(t, "other", foreign)
		at := rapid.IntRange(0, len(ev)).Draw(t, "at")
		after := outcomes(p.Evaluate(widget(), slices.Insert(slices.Clone(ev), at, other), now))
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("%s, about %v, changes outcomes:\n%s", other.Name, other.About, diff)
		}
	})
}

// Evidence about one artifact changes no outcome of another, unless it speaks
// of both through a bill.
func TestProperty_scope_within_release(t *testing.T) {
	p := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		var ev []criteria.Evidence
		for i := range rapid.IntRange(0, 5).Draw(t, "n") {
			ev = append(ev, drawn(t, fmt.Sprint("e", i), about(source, linux, darwin)))
		}
		more := drawn(t, "more", about(linux))
		before, after := p.Evaluate(widget(), ev, now), p.Evaluate(widget(), append(slices.Clone(ev), more), now)
		for i, j := range before.Judgements {
			if j.Subject.Name != linux.Name && after.Judgements[i].Status != j.Status {
				t.Fatalf("%s is about linux and turns %s about %s from %v to %v", more.Name, j.Criterion, j.Subject.Name, j.Status, after.Judgements[i].Status)
			}
		}
	})
}

// With nothing left that tells a fact, no question that needs it passes.
func TestProperty_silence(t *testing.T) {
	p := everything(t)
	needs := map[string]criteria.Fact{
		"tests-pass": criteria.FactTests, "no-vulnerabilities": criteria.FactVulnerabilities,
		"analysed": criteria.FactAnalysis, "billed": criteria.FactComponents,
	}
	rapid.Check(t, func(t *rapid.T) {
		ev := []criteria.Evidence{bill(t)}
		for i := range rapid.IntRange(0, 5).Draw(t, "n") {
			ev = append(ev, drawn(t, fmt.Sprint("e", i), ours()))
		}
		gone := rapid.SampledFrom([]criteria.Fact{criteria.FactTests, criteria.FactVulnerabilities, criteria.FactAnalysis, criteria.FactComponents}).Draw(t, "gone")
		ev = slices.DeleteFunc(ev, func(e criteria.Evidence) bool { return e.Facts.Has(gone) })
		d := p.Evaluate(widget(), ev, now)
		for _, j := range d.Judgements {
			if needs[j.Criterion] == gone && j.Status != criteria.Unknown {
				t.Fatalf("without %s, %s about %s is %v (%s)", gone, j.Criterion, j.Subject.Name, j.Status, j.Reason)
			}
		}
		if d.Passed {
			t.Fatalf("passed without %s", gone)
		}
	})
}

// Where nothing can be read but says something good, taking a report away never
// turns a no into a yes. (Taking away a report of a failure may: that is what
// the signed list of evidence is for.)
func TestProperty_less_is_never_better(t *testing.T) {
	p := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		ev := []criteria.Evidence{bill(t)}
		for i := range rapid.IntRange(1, 6).Draw(t, "n") {
			e := drawn(t, fmt.Sprint("e", i), ours())
			if e.Problem != "" || e.Facts.Tests != nil && e.Facts.Tests.Failed > 0 || e.Facts.Vulnerabilities != nil && len(e.Facts.Vulnerabilities.Items) > 0 || e.Facts.Dependencies != nil {
				continue
			}
			ev = append(ev, e)
		}
		gone := rapid.IntRange(0, len(ev)-1).Draw(t, "gone")
		before := p.Evaluate(widget(), ev, now)
		after := p.Evaluate(widget(), slices.Delete(slices.Clone(ev), gone, gone+1), now)
		for i, j := range before.Judgements {
			if got := after.Judgements[i].Status; !j.Status.Satisfied() && got.Satisfied() {
				t.Fatalf("without %s, %s about %s turns from %v to %v", ev[gone].Name, j.Criterion, j.Subject.Name, j.Status, got)
			}
		}
	})
}

// A report that cannot be read turns nothing into a yes.
func TestProperty_unreadable(t *testing.T) {
	p := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		ev := []criteria.Evidence{bill(t)}
		for i := range rapid.IntRange(0, 5).Draw(t, "n") {
			ev = append(ev, drawn(t, fmt.Sprint("e", i), ours()))
		}
		d := criteria.Declared{}
		if rapid.Bool().Draw(t, "declared") {
			d.About = rapid.SliceOfN(rapid.SampledFrom(append(ours(), foreign...)), 1, 2).Draw(t, "about")
		}
		fact := rapid.SampledFrom(allFacts).Draw(t, "fact")
		u := unreadable("u", d, fact)
		before := p.Evaluate(widget(), ev, now)
		after := p.Evaluate(widget(), append(slices.Clone(ev), u), now)
		for i, j := range before.Judgements {
			got := after.Judgements[i].Status
			if !j.Status.Satisfied() && got.Satisfied() || j.Status == criteria.Fail && got != criteria.Fail {
				t.Fatalf("an unreadable report turns %s about %s from %v to %v", j.Criterion, j.Subject.Name, j.Status, got)
			}
		}
		if len(d.About) == 0 && (fact == criteria.FactTests || fact == criteria.FactComponents) && after.Passed {
			t.Fatal("passed beside an unreadable report about who knows what")
		}
	})
}

// The same input gives the same bytes, and is left as it was.
func TestProperty_pure(outer *testing.T) {
	rapid.Check(outer, func(t *rapid.T) {
		ev := []criteria.Evidence{bill(t)}
		for i := range rapid.IntRange(0, 6).Draw(t, "n") {
			ev = append(ev, drawn(t, fmt.Sprint("e", i), ours()))
		}
		given := slices.Clone(ev)
		p := everything(outer)
		one, err := p.Evaluate(widget(), ev, now).Encode()
		if err != nil {
			t.Fatal(err)
		}
		two, _ := p.Evaluate(widget(), ev, now.In(time.FixedZone("", 3600)).Add(time.Millisecond)).Encode()
		three, _ := everything(outer).Evaluate(widget(), ev, now).Encode()
		if !bytes.Equal(one, two) || !bytes.Equal(one, three) {
			t.Fatalf("two decisions from one input:\n%s", cmp.Diff(string(one), string(two)))
		}
		if diff := cmp.Diff(given, ev, cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })); diff != "" {
			t.Fatalf("Evaluate altered its evidence:\n%s", diff)
		}
		d, err := criteria.ParseDecision(one)
		if err != nil {
			t.Fatalf("ParseDecision(Encode()) = %v", err)
		}
		if again, _ := d.Encode(); !bytes.Equal(again, one) {
			t.Fatalf("ParseDecision loses something:\n%s", cmp.Diff(string(one), string(again)))
		}
	})
}
