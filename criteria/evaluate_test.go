package criteria_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
)

func TestStatus_zero_is_unknown(t *testing.T) {
	var s criteria.Status
	if s != criteria.Unknown || s.Satisfied() || s.String() != "unknown" {
		t.Errorf("the zero status is %v, satisfied %v", s, s.Satisfied())
	}
	if s := criteria.Status(200); s.Satisfied() || s.String() != "unknown" {
		t.Errorf("Status(200) is %v, satisfied %v", s, s.Satisfied())
	}
	if o := (criteria.Outcome{}); o.Status.Satisfied() {
		t.Error("the zero outcome is satisfied")
	}
	if o := criteria.Conclude("fine", []criteria.Finding{{ID: "x"}}); o.Status != criteria.Unknown {
		t.Errorf("a finding without a status makes %v, want unknown", o.Status)
	}
}

func TestConclude_order(t *testing.T) {
	a := criteria.Finding{ID: "b", Status: criteria.Fail, Where: "y"}
	b := criteria.Finding{ID: "b", Status: criteria.Fail, Where: "x"}
	c := criteria.Finding{ID: "a", Status: criteria.Warn}
	d := criteria.Finding{ID: "a", Status: criteria.Unknown}
	one := criteria.Conclude("fine", []criteria.Finding{a, b, c, d})
	two := criteria.Conclude("fine", []criteria.Finding{d, c, b, a})
	if diff := cmp.Diff(one, two); diff != "" {
		t.Errorf("Conclude depends on the order of findings:\n%s", diff)
	}
	if one.Status != criteria.Fail || one.Reason != "b (x), and 1 more" {
		t.Errorf("Conclude() = %v %q", one.Status, one.Reason)
	}
}

// Who could lie, or err, about what a report is about: each row is one way.
func TestEvaluate_what_evidence_speaks_of(t *testing.T) {
	const trusting = "profile: basic\nvouched: [report]\n"
	const strict = "profile: basic\n"
	bill := func(name string, subjects ...criteria.Subject) criteria.Evidence {
		return evidence(name, criteria.Facts{Subjects: about(subjects...), Components: &criteria.Components{}}, criteria.Declared{})
	}
	clean := scan()
	of := func(f criteria.Facts, ds ...criteria.Digest) criteria.Facts {
		f.Subjects = ds
		return f
	}
	products := func(f criteria.Facts, purls ...string) criteria.Facts {
		f.Products = purls
		return f
	}
	tests := criteria.Facts{Tests: &criteria.Tests{Passed: 3}}
	for _, tt := range []struct {
		name, policy  string
		kind          criteria.Kind
		evidence      []criteria.Evidence
		linux, darwin criteria.Status
		note          string // of linux, or darwin where linux passes
	}{
		{"nothing", trusting, testsPass(), nil, criteria.Unknown, criteria.Unknown, ""},
		{
			"about_one", strict, testsPass(),
			[]criteria.Evidence{evidence("t", passingTests(linux), criteria.Declared{})},
			criteria.Pass, criteria.Unknown, "t is about " + linux.Digest.Short() + ", not about widget-darwin",
		},
		{
			"about_both", strict, testsPass(),
			[]criteria.Evidence{evidence("t", passingTests(linux, darwin), criteria.Declared{})},
			criteria.Pass, criteria.Pass, "",
		},
		{
			"about_source_only", strict, testsPass(),
			[]criteria.Evidence{evidence("t", passingTests(source), criteria.Declared{})},
			criteria.Unknown, criteria.Unknown, "not about widget-linux",
		},
		{
			"about_nothing", trusting, testsPass(),
			[]criteria.Evidence{evidence("t", tests, criteria.Declared{})},
			criteria.Unknown, criteria.Unknown, "t names no subject: say in the release file what it is about",
		},
		{
			"about_zero_digest", trusting, testsPass(),
			[]criteria.Evidence{evidence("t", of(tests, criteria.Digest{}), criteria.Declared{})},
			criteria.Unknown, criteria.Unknown, "",
		},
		{
			"vouched_and_accepted", trusting, testsPass(),
			[]criteria.Evidence{evidence("t", tests, criteria.Declared{About: about(linux)})},
			criteria.Pass, criteria.Unknown, "",
		},
		{
			"vouched_not_accepted", strict, testsPass(),
			[]criteria.Evidence{evidence("t", tests, criteria.Declared{About: about(linux)})},
			criteria.Unknown, criteria.Unknown, "t does not itself say what it is about, and the policy does not take the pipeline's word for format report (vouched)",
		},
		{
			"own_word_against_declared", trusting, testsPass(),
			[]criteria.Evidence{evidence("t", passingTests(linux), criteria.Declared{About: about(darwin)})},
			criteria.Unknown, criteria.Unknown, "t could not be read: is about " + linux.Digest.Short() + ", not about " + darwin.Digest.Short(),
		},
		{
			"own_word_beside_declared", strict, testsPass(),
			[]criteria.Evidence{evidence("t", passingTests(linux), criteria.Declared{About: about(linux, darwin)})},
			criteria.Pass, criteria.Unknown, "not about widget-darwin",
		},
		{
			"product", strict, testsPass(),
			[]criteria.Evidence{evidence("t", products(tests, "pkg:generic/acme/widget@1.2.0"), criteria.Declared{})},
			criteria.Pass, criteria.Pass, "",
		},
		{
			"product_of_another_version", strict, testsPass(),
			[]criteria.Evidence{evidence("t", products(tests, "pkg:generic/acme/widget@1.1.0"), criteria.Declared{})},
			criteria.Unknown, criteria.Unknown, "t is about pkg:generic/acme/widget@1.1.0, not about widget-linux",
		},
		{
			"product_beside_bytes", strict, testsPass(),
			[]criteria.Evidence{evidence("t", products(passingTests(linux), "pkg:generic/acme/widget@1.2.0"), criteria.Declared{})},
			criteria.Pass, criteria.Unknown, "not about widget-darwin",
		},
		{
			"other_version_vouched", trusting, testsPass(),
			[]criteria.Evidence{evidence("t", products(tests, "pkg:generic/acme/widget@1.1.0"), criteria.Declared{About: about(linux)})},
			criteria.Unknown, criteria.Unknown, "t names pkg:generic/acme/widget@1.1.0, which is another version of this release",
		},
		{
			"other_name_vouched", trusting, testsPass(),
			[]criteria.Evidence{evidence("t", products(tests, "pkg:npm/widget@1"), criteria.Declared{About: about(linux)})},
			criteria.Pass, criteria.Unknown, "",
		},
		{
			"through_bill", strict, noVulnerabilities(),
			[]criteria.Evidence{bill("b", linux), evidence("s", of(clean, criteria.DigestOf([]byte("b"))), criteria.Declared{})},
			criteria.Pass, criteria.Unknown, "",
		},
		{"through_bill_of_bill", strict, noVulnerabilities(), []criteria.Evidence{
			bill("b", linux), bill("c", criteria.Subject{Digest: criteria.DigestOf([]byte("b"))}),
			evidence("s", of(clean, criteria.DigestOf([]byte("c"))), criteria.Declared{}),
		}, criteria.Pass, criteria.Unknown, ""},
		{
			"through_bill_vouched", strict, noVulnerabilities(),
			[]criteria.Evidence{bill("b", linux), evidence("s", clean, criteria.Declared{About: []criteria.Digest{criteria.DigestOf([]byte("b"))}})},
			criteria.Unknown, criteria.Unknown, "s does not itself say what it is about",
		},
		{"through_vouched_bill", strict, noVulnerabilities(), []criteria.Evidence{
			evidence("b", criteria.Facts{Components: &criteria.Components{}}, criteria.Declared{About: about(linux)}),
			evidence("s", of(clean, criteria.DigestOf([]byte("b"))), criteria.Declared{}),
		}, criteria.Unknown, criteria.Unknown, "s does not itself say what it is about"},
		{"through_vouched_and_own_bill", strict, noVulnerabilities(), []criteria.Evidence{
			evidence("b", criteria.Facts{Components: &criteria.Components{}}, criteria.Declared{About: about(linux)}), bill("c", linux),
			evidence("s", of(clean, criteria.DigestOf([]byte("b")), criteria.DigestOf([]byte("c"))), criteria.Declared{}),
		}, criteria.Pass, criteria.Unknown, ""},
		{"through_unreadable_bill", trusting, noVulnerabilities(), []criteria.Evidence{
			unreadable("b", criteria.Declared{About: about(linux)}, criteria.FactComponents),
			evidence("s", of(clean, criteria.DigestOf([]byte("b"))), criteria.Declared{}),
		}, criteria.Unknown, criteria.Unknown, ""},
		{"through_what_is_no_bill", strict, noVulnerabilities(), []criteria.Evidence{
			evidence("t", passingTests(linux), criteria.Declared{}),
			evidence("s", of(clean, criteria.DigestOf([]byte("t"))), criteria.Declared{}),
		}, criteria.Unknown, criteria.Unknown, ""},
		// A test run of an SBOM is no test run of the artifact.
		{
			"tests_of_a_bill", strict, testsPass(),
			[]criteria.Evidence{bill("b", linux), evidence("t", of(tests, criteria.DigestOf([]byte("b"))), criteria.Declared{})},
			criteria.Unknown, criteria.Unknown, "",
		},
		{
			"about_itself", strict, noVulnerabilities(),
			[]criteria.Evidence{evidence("s", of(clean, criteria.DigestOf([]byte("s"))), criteria.Declared{})},
			criteria.Unknown, criteria.Unknown, "",
		},
		{"cycle", strict, noVulnerabilities(), []criteria.Evidence{
			bill("b", criteria.Subject{Digest: criteria.DigestOf([]byte("c"))}), bill("c", criteria.Subject{Digest: criteria.DigestOf([]byte("b"))}),
			evidence("s", of(clean, criteria.DigestOf([]byte("b"))), criteria.Declared{}),
		}, criteria.Unknown, criteria.Unknown, ""},
		{"cycle_with_a_way_out", strict, noVulnerabilities(), []criteria.Evidence{
			bill("b", criteria.Subject{Digest: criteria.DigestOf([]byte("c"))}), bill("c", criteria.Subject{Digest: criteria.DigestOf([]byte("b"))}, linux),
			evidence("s", of(clean, criteria.DigestOf([]byte("b"))), criteria.Declared{}),
		}, criteria.Pass, criteria.Unknown, ""},
		{"unreadable_about_other", strict, testsPass(), []criteria.Evidence{
			evidence("t", passingTests(linux, darwin), criteria.Declared{}), unreadable("u", criteria.Declared{About: about(darwin)}, criteria.FactTests),
		}, criteria.Pass, criteria.Unknown, "u could not be read: is no report"},
		{"unreadable_about_nothing", strict, testsPass(), []criteria.Evidence{
			evidence("t", passingTests(linux, darwin), criteria.Declared{}), unreadable("u", criteria.Declared{}, criteria.FactTests),
		}, criteria.Unknown, criteria.Unknown, "u could not be read: is no report"},
		{"unreadable_of_other_facts", strict, testsPass(), []criteria.Evidence{
			evidence("t", passingTests(linux, darwin), criteria.Declared{}), unreadable("u", criteria.Declared{}, criteria.FactSecrets),
		}, criteria.Pass, criteria.Pass, ""},
		{"unreadable_about_another_commit", strict, testsPass(), []criteria.Evidence{
			evidence("t", passingTests(linux, darwin), criteria.Declared{}),
			unreadable("u", criteria.Declared{About: []criteria.Digest{commit(strings.Repeat("0", 40))}}, criteria.FactTests),
		}, criteria.Pass, criteria.Pass, ""},
		{"missing_altogether", strict, testsPass(), []criteria.Evidence{
			evidence("t", passingTests(linux, darwin), criteria.Declared{}),
			criteria.UnreadEvidence(report{name: "report", gives: []criteria.Fact{criteria.FactTests}}, "u", "no such file", criteria.Declared{}),
		}, criteria.Unknown, criteria.Unknown, "u could not be read: no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := policy(t, tt.policy, tt.kind).Evaluate(widget(), tt.evidence, now)
			l, w := judgement(t, d, tt.kind.Name, linux), judgement(t, d, tt.kind.Name, darwin)
			if l.Status != tt.linux || w.Status != tt.darwin {
				t.Errorf("Evaluate() = %v (%s; %q), %v (%s; %q), want %v, %v", l.Status, l.Reason, l.Notes, w.Status, w.Reason, w.Notes, tt.linux, tt.darwin)
			}
			notes := l.Notes
			if l.Status == criteria.Pass {
				notes = w.Notes
			}
			if !noted(notes, tt.note) && tt.note != "" {
				t.Errorf("notes are %q, want %q among them", notes, tt.note)
			}
			// The statements of a decision ask the same question anew.
			speaks := d.Speaking()
			for i, e := range d.Evidence {
				for s, j := range map[string]criteria.Judgement{linux.Name: l, darwin.Name: w} {
					used := false
					for _, got := range j.Evidence {
						used = used || got.Matches(e.Digest)
					}
					if used && !speaks(i, j.Subject) {
						t.Errorf("%s was used about %s, but Speaking = false", e.Name, s)
					}
				}
			}
		})
	}
}

func TestEvaluate_times(t *testing.T) {
	const trusting = "profile: basic\nvouched: [report]\n"
	for _, tt := range []struct {
		name, policy string
		own          time.Time
		declared     time.Time
		want         criteria.Status
		note         string
	}{
		{"fresh", "profile: basic\n", now.Add(-time.Hour), time.Time{}, criteria.Pass, ""},
		{"at_the_limit", "profile: basic\n", now.Add(-72 * time.Hour), time.Time{}, criteria.Pass, ""},
		{"past_the_limit", "profile: basic\n", now.Add(-72*time.Hour - time.Second), time.Time{}, criteria.Unknown, "is stale: made on 2026-11-19T11:59:59Z, 3d1s old, and a vulnerability report may be at most 3d old"},
		{"limit_of_the_policy", "profile: basic\ncriteria: {no-vulnerabilities: {maxAge: {vulnerabilities: 1h}}}\n", now.Add(-2 * time.Hour), time.Time{}, criteria.Unknown, "at most 1h old"},
		{"longer_limit_of_the_policy", "profile: basic\ncriteria: {no-vulnerabilities: {maxAge: {vulnerabilities: 30d}}}\n", now.Add(-29 * 24 * time.Hour), time.Time{}, criteria.Pass, ""},
		{"from_ages_ago", "profile: basic\n", time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Time{}, criteria.Unknown, "is stale"},
		{"no_time", trusting, time.Time{}, time.Time{}, criteria.Unknown, "does not say when it was made, and a vulnerability report may be at most 3d old"},
		{"future_within_skew", "profile: basic\n", now.Add(5 * time.Minute), time.Time{}, criteria.Pass, ""},
		{"future", "profile: basic\n", now.Add(5*time.Minute + time.Second), time.Time{}, criteria.Unknown, "is from the future: 2026-11-22T12:05:01Z"},
		{"vouched_and_accepted", trusting, time.Time{}, now.Add(-time.Hour), criteria.Pass, ""},
		{"vouched_not_accepted", "profile: basic\n", time.Time{}, now.Add(-time.Hour), criteria.Unknown, "does not itself say when it was made, and the policy does not take the pipeline's word for format report (vouched)"},
		{"own_time_first", trusting, now.Add(-100 * time.Hour), now.Add(-time.Hour), criteria.Unknown, "is stale"},
		{"no_such_year", trusting, time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -23*3600)), time.Time{}, criteria.Unknown, "could not be read: says that it was made in the year 10000"},
		{"declared_in_no_such_year", trusting, time.Time{}, time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -23*3600)), criteria.Unknown, "does not say when it was made"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := scan()
			f.Time, f.Subjects = tt.own, about(linux)
			d := policy(t, tt.policy, noVulnerabilities()).Evaluate(widget(), []criteria.Evidence{evidence("s", f, criteria.Declared{Time: tt.declared})}, now)
			j := judgement(t, d, "no-vulnerabilities", linux)
			if j.Status != tt.want || tt.note != "" && !noted(j.Notes, tt.note) {
				t.Errorf("Evaluate() = %v (%s; %q), want %v, %q", j.Status, j.Reason, j.Notes, tt.want, tt.note)
			}
			if _, err := d.Encode(); err != nil {
				t.Errorf("Encode() = %v", err)
			}
		})
	}
}

// A report that gives several facts may be too old for one of them only.
func TestEvaluate_one_fact_is_stale(t *testing.T) {
	f := scan()
	f.Subjects, f.Time = about(linux, darwin), now.Add(-100*time.Hour)
	f.Tests = &criteria.Tests{Passed: 1}
	ev := []criteria.Evidence{evidence("both", f, criteria.Declared{})}
	got := answers(policy(t, "profile: basic\n", testsPass(), noVulnerabilities()).Evaluate(widget(), ev, now))
	want := map[string]criteria.Status{
		"tests-pass widget-linux": criteria.Pass, "tests-pass widget-darwin": criteria.Pass,
		"no-vulnerabilities widget-linux": criteria.Unknown, "no-vulnerabilities widget-darwin": criteria.Unknown,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Evaluate() differs (-want +got):\n%s", diff)
	}

	// The same within one question: the stale fact is not shown to it.
	k := kind("looks", criteria.AboutArtifacts, func(in criteria.Input) criteria.Outcome {
		for _, e := range in.Evidence {
			if e.Facts.Vulnerabilities != nil || e.Facts.Analysis != nil {
				return criteria.Outcome{Status: criteria.Fail, Reason: "sees what it must not"}
			}
		}
		return criteria.Passed("sees tests only")
	}, criteria.FactTests)
	k.Uses = []criteria.Fact{criteria.FactVulnerabilities}
	k.MaxAge = map[criteria.Fact]time.Duration{criteria.FactVulnerabilities: time.Hour}
	f.Analysis = &criteria.Scan{} // read, but not asked for
	d := policy(t, "profile: basic\n", k).Evaluate(widget(), []criteria.Evidence{evidence("all", f, criteria.Declared{})}, now)
	j := judgement(t, d, "looks", linux)
	if j.Status != criteria.Pass || !noted(j.Notes, "all is stale") {
		t.Errorf("Evaluate() = %v (%s; %q), want pass and a note", j.Status, j.Reason, j.Notes)
	}
}

// What is true of the world needs no subject. It can only make an answer
// stricter, so a list that is there and does not count takes the yes away.
func TestEvaluate_the_world(t *testing.T) {
	bad := scan(criteria.Vulnerability{ID: "CVE-1"})
	bad.Subjects = about(linux)
	vex := evidence("vex", criteria.Facts{Products: []string{"pkg:generic/acme/widget"}, Exploitability: &criteria.Exploitability{Statements: []criteria.VEXStatement{{Vulnerability: "CVE-1"}}}}, criteria.Declared{})
	list := func(name string, age time.Duration, d criteria.Declared, ids ...string) criteria.Evidence {
		return evidence(name, criteria.Facts{Time: now.Add(-age), Exploited: &criteria.Exploited{IDs: ids}}, d)
	}
	for _, tt := range []struct {
		name string
		more []criteria.Evidence
		want criteria.Status
		note string
	}{
		{"excused", nil, criteria.Pass, ""},
		{"exploited", []criteria.Evidence{list("kev", time.Hour, criteria.Declared{}, "CVE-1")}, criteria.Fail, ""},
		{"exploited_declared_about_other", []criteria.Evidence{list("kev", time.Hour, criteria.Declared{About: about(darwin)}, "CVE-1")}, criteria.Fail, ""},
		{"other_exploited", []criteria.Evidence{list("kev", time.Hour, criteria.Declared{}, "CVE-2")}, criteria.Pass, ""},
		{"stale", []criteria.Evidence{list("kev", 20*24*time.Hour, criteria.Declared{}, "CVE-2")}, criteria.Unknown, "kev is stale"},
		{"future", []criteria.Evidence{list("kev", -time.Hour, criteria.Declared{}, "CVE-2")}, criteria.Unknown, "kev is from the future"},
		{"stale_beside_fresh", []criteria.Evidence{list("kev", 20*24*time.Hour, criteria.Declared{}, "CVE-1"), list("kev2", time.Hour, criteria.Declared{}, "CVE-2")}, criteria.Pass, "kev is stale"},
		{"unreadable", []criteria.Evidence{unreadable("kev", criteria.Declared{}, criteria.FactExploited)}, criteria.Unknown, "kev could not be read"},
		{"unreadable_declared_about_other", []criteria.Evidence{unreadable("kev", criteria.Declared{About: about(darwin)}, criteria.FactExploited)}, criteria.Unknown, "kev could not be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev := append([]criteria.Evidence{evidence("scan", bad, criteria.Declared{}), vex}, tt.more...)
			j := judgement(t, policy(t, "profile: basic\n", noVulnerabilities()).Evaluate(widget(), ev, now), "no-vulnerabilities", linux)
			if j.Status != tt.want || tt.note != "" && !noted(j.Notes, tt.note) {
				t.Errorf("Evaluate() = %v (%s; %q), want %v, %q", j.Status, j.Reason, j.Notes, tt.want, tt.note)
			}
		})
	}
}

// What a lockfile says of the source must be in an artifact's bill, and nothing
// said of the source clears an artifact.
func TestEvaluate_from_source(t *testing.T) {
	items := func(names ...string) *criteria.Components {
		var c criteria.Components
		for _, n := range names {
			c.Items = append(c.Items, criteria.Component{Name: n})
		}
		return &c
	}
	lock := func(s criteria.Subject, names ...string) criteria.Facts {
		var d criteria.Dependencies
		for _, n := range names {
			d.Direct = append(d.Direct, criteria.Package{Name: n})
		}
		return criteria.Facts{Subjects: about(s), Dependencies: &d}
	}
	bill := evidence("bill", criteria.Facts{Subjects: about(linux), Components: items("a")}, criteria.Declared{})
	other := criteria.Subject{Digest: commit(strings.Repeat("1", 40))}
	for _, tt := range []struct {
		name string
		ev   []criteria.Evidence
		want criteria.Status
	}{
		{"bill_alone", []criteria.Evidence{bill}, criteria.Pass},
		{"complete", []criteria.Evidence{bill, evidence("lock", lock(source, "a"), criteria.Declared{})}, criteria.Pass},
		{"incomplete", []criteria.Evidence{bill, evidence("lock", lock(source, "a", "b"), criteria.Declared{})}, criteria.Fail},
		{"lock_of_another_commit", []criteria.Evidence{bill, evidence("lock", lock(other, "b"), criteria.Declared{})}, criteria.Pass},
		{"lock_of_the_artifact", []criteria.Evidence{bill, evidence("lock", lock(linux, "b"), criteria.Declared{})}, criteria.Pass},
		{"lock_vouched_not_accepted", []criteria.Evidence{bill, evidence("lock", criteria.Facts{Dependencies: &criteria.Dependencies{}}, criteria.Declared{About: about(source)})}, criteria.Unknown},
		{"lock_unreadable", []criteria.Evidence{bill, unreadable("lock", criteria.Declared{About: about(source)}, criteria.FactDependencies)}, criteria.Unknown},
		{"lock_only", []criteria.Evidence{evidence("lock", lock(source), criteria.Declared{})}, criteria.Unknown},
		// One report of the source that lists both must not clear the artifact.
		{"bill_of_the_source", []criteria.Evidence{evidence("both", func() criteria.Facts {
			f := lock(source, "a")
			f.Components = items("a")
			return f
		}(), criteria.Declared{})}, criteria.Unknown},
		{"bill_of_both", []criteria.Evidence{evidence("both", func() criteria.Facts {
			f := lock(source, "a", "b")
			f.Subjects, f.Components = about(source, linux), items("a")
			return f
		}(), criteria.Declared{})}, criteria.Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := judgement(t, policy(t, "profile: basic\n", billed()).Evaluate(widget(), tt.ev, now), "billed", linux)
			if j.Status != tt.want {
				t.Errorf("Evaluate() = %v (%s; %q), want %v", j.Status, j.Reason, j.Notes, tt.want)
			}
		})
	}
}

// The same report listed twice must not count twice: 3 tests are not 6.
func TestEvaluate_counts_the_same_bytes_once(t *testing.T) {
	e := evidence("t", passingTests(linux), criteria.Declared{})
	again := e
	again.Name = "copy"
	d := policy(t, "profile: basic\n", testsPass()).Evaluate(widget(), []criteria.Evidence{e, again}, now)
	j := judgement(t, d, "tests-pass", linux)
	if j.Reason != "3 tests passed" || len(j.Evidence) != 1 || !noted(j.Notes, "copy is the same bytes as t: they count once") {
		t.Errorf("Evaluate() = %q, evidence %v, notes %q", j.Reason, j.Evidence, j.Notes)
	}
}

func TestEvaluate_database_time_is_the_pipelines_word(t *testing.T) {
	k := noVulnerabilities()
	k.New = func([]byte) (criteria.Criterion, error) {
		return criterion(func(in criteria.Input) criteria.Outcome {
			return criteria.Passed("database of %s", in.Evidence[0].Facts.Vulnerabilities.Database.Updated.Format(time.DateOnly))
		}), nil
	}
	for _, tt := range []struct {
		name, policy string
		own          time.Time
		want         string
	}{
		{"accepted", "profile: basic\nvouched: [report]\n", time.Time{}, "database of 2026-11-21"},
		{"not_accepted", "profile: basic\n", time.Time{}, "database of 0001-01-01"},
		{"own_word", "profile: basic\n", now.Add(-48 * time.Hour), "database of 2026-11-20"},
	} {
		f := scan()
		f.Subjects = about(linux)
		f.Vulnerabilities.Database.Updated = tt.own
		e := evidence("s", f, criteria.Declared{DatabaseTime: now.Add(-24 * time.Hour)})
		j := judgement(t, policy(t, tt.policy, k).Evaluate(widget(), []criteria.Evidence{e}, now), k.Name, linux)
		if j.Reason != tt.want {
			t.Errorf("%s: Evaluate() = %q (%q), want %q", tt.name, j.Reason, j.Notes, tt.want)
		}
		if got := e.Facts.Vulnerabilities.Database.Updated; tt.name == "not_accepted" && got.IsZero() {
			t.Error("Evaluate() altered the evidence it was given")
		}
	}
}

// A criterion that breaks, or oversteps, must neither end the judgement of the
// others nor pass.
func TestEvaluate_criteria_that_misbehave(t *testing.T) {
	for _, tt := range []struct {
		name    string
		outcome func() criteria.Outcome
		want    criteria.Status
		reason  string
	}{
		{"panics", func() criteria.Outcome { panic("out of thin air") }, criteria.Faulty, "the criterion itself failed: out of thin air"},
		{"panics_for_nil", func() criteria.Outcome { var c *criteria.Tests; return criteria.Passed("%d", c.Passed) }, criteria.Faulty, "the criterion itself failed: runtime error: invalid memory address or nil pointer dereference"},
		{"zero", func() criteria.Outcome { return criteria.Outcome{} }, criteria.Unknown, ""},
		{"waives", func() criteria.Outcome { return criteria.Outcome{Status: criteria.Waived} }, criteria.Faulty, `the criterion itself answered "waived", which only a policy can`},
		{"not_applicable", func() criteria.Outcome { return criteria.Outcome{Status: criteria.NotApplicable} }, criteria.Faulty, `the criterion itself answered "not-applicable", which only a policy can`},
		{"no_such_status", func() criteria.Outcome { return criteria.Outcome{Status: 77} }, criteria.Faulty, `the criterion itself answered "unknown", which only a policy can`},
		{"passes_with_findings", func() criteria.Outcome {
			return criteria.Outcome{Status: criteria.Pass, Reason: "fine", Findings: []criteria.Finding{{ID: "x", Status: criteria.Fail}}}
		}, criteria.Fail, "x"},
		{"passes_with_zero_finding", func() criteria.Outcome {
			return criteria.Outcome{Status: criteria.Pass, Reason: "fine", Findings: []criteria.Finding{{ID: "x"}}}
		}, criteria.Unknown, "x"},
		{"finding_that_passes", func() criteria.Outcome {
			return criteria.Outcome{Status: criteria.Pass, Findings: []criteria.Finding{{ID: "x", Status: criteria.Pass}}}
		}, criteria.Unknown, "x"},
		{"waives_its_finding", func() criteria.Outcome {
			return criteria.Outcome{Status: criteria.Fail, Findings: []criteria.Finding{{ID: "x", Status: criteria.Fail, Waiver: "mine"}}}
		}, criteria.Fail, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := kind("bad", criteria.AboutSource, func(criteria.Input) criteria.Outcome { return tt.outcome() }, criteria.FactAnalysis)
			ev := []criteria.Evidence{evidence("a", criteria.Facts{Subjects: about(source), Analysis: &criteria.Scan{}}, criteria.Declared{})}
			d := policy(t, "profile: basic\n", bad, analysed()).Evaluate(widget(), ev, now)
			j := judgement(t, d, "bad", source)
			if j.Status != tt.want || j.Reason != tt.reason {
				t.Errorf("Evaluate() = %v %q, want %v %q", j.Status, j.Reason, tt.want, tt.reason)
			}
			for _, f := range j.Findings {
				if f.Waiver != "" {
					t.Errorf("finding is waived by %q", f.Waiver)
				}
			}
			if got := judgement(t, d, "analysed", source).Status; got != criteria.Pass {
				t.Errorf("the other criterion = %v, want pass", got)
			}
			if d.Passed || d.Labels() != nil || len(d.Levels) > 0 {
				t.Errorf("passed = %v, labels %v, levels %v", d.Passed, d.Labels(), d.Levels)
			}
		})
	}
}

func TestEvaluate_release_without_artifacts(t *testing.T) {
	r := widget()
	r.Artifacts = nil
	ev := []criteria.Evidence{evidence("a", criteria.Facts{Subjects: about(source), Analysis: &criteria.Scan{}}, criteria.Declared{})}
	d := policy(t, "profile: basic\n", analysed(), testsPass()).Evaluate(r, ev, now)
	if d.Passed || len(d.Judgements) != 2 || d.Judgements[1].Status != criteria.Unknown {
		t.Errorf("Evaluate() = %v, passed %v: a question about no artifact must not vanish", answers(d), d.Passed)
	}
	if d := policy(t, "profile: basic\n", analysed()).Evaluate(criteria.Release{}, ev, now); d.Passed {
		t.Error("an empty release passed")
	}
}

func TestEvaluate_zero_policy_passes_nothing(t *testing.T) {
	if d := (&criteria.Policy{}).Evaluate(widget(), nil, now); d.Passed || !d.CouldNotTell() || len(d.Levels) > 0 {
		t.Errorf("a policy of nothing: passed %v, levels %v", d.Passed, d.Levels)
	}
	if d := policy(t, "profile: advanced\n").Evaluate(widget(), nil, now); d.Passed {
		t.Error("a policy that asks nothing passed")
	}
	all := policy(t, "profile: basic\nnotApplicable: [{criterion: analysed, reason: none}, {criterion: tests-pass, reason: none}]\n", analysed(), testsPass())
	if d := all.Evaluate(widget(), nil, now); d.Passed || len(d.Levels) > 0 || d.Labels() != nil {
		t.Errorf("a policy whose criteria are all not applicable: passed %v, levels %v", d.Passed, d.Levels)
	}
}

func TestEvaluate_unused_evidence_warns(t *testing.T) {
	ev := []criteria.Evidence{
		evidence("t", passingTests(linux, darwin), criteria.Declared{}),
		evidence("extra", criteria.Facts{Subjects: about(source), Notes: &criteria.Notes{}}, criteria.Declared{}),
	}
	d := policy(t, "profile: basic\n", testsPass()).Evaluate(widget(), ev, now)
	if diff := cmp.Diff([]string{"extra was read but no criterion used it"}, d.Warnings); diff != "" {
		t.Errorf("warnings differ (-want +got):\n%s", diff)
	}
}

// A release of many artifacts with a report on each must cost neither the
// square of the reports nor a decision that lists them all with every answer.
func TestEvaluate_many_reports(t *testing.T) {
	const n = 500
	r := widget()
	r.Artifacts = nil
	var ev []criteria.Evidence
	for i := range n {
		s := criteria.Subject{Name: fmt.Sprint("a", i), Digest: criteria.DigestOf(fmt.Append(nil, i))}
		r.Artifacts = append(r.Artifacts, s)
		name := fmt.Sprint("bill", i)
		ev = append(ev, evidence(name, criteria.Facts{Subjects: about(s), Components: &criteria.Components{}}, criteria.Declared{}))
		f := scan()
		f.Subjects = []criteria.Digest{criteria.DigestOf([]byte(name))}
		ev = append(ev, evidence(fmt.Sprint("scan", i), f, criteria.Declared{}))
		// Tests are of the first artifact alone, so that the others are unknown.
		ev = append(ev, evidence(fmt.Sprint("tests", i), passingTests(r.Artifacts[0]), criteria.Declared{}))
	}
	start := time.Now()
	d := policy(t, "profile: basic\n", noVulnerabilities(), billed(), testsPass()).Evaluate(r, ev, now)
	took := time.Since(start)
	t.Logf("%d artifacts, %d reports, %d judgements in %v", n, len(ev), len(d.Judgements), took)
	if took > neverEnding {
		t.Errorf("Evaluate() took %v", took)
	}
	for _, j := range d.Judgements {
		want := criteria.Pass
		if j.Criterion == "tests-pass" && j.Subject.Name != "a0" {
			want = criteria.Unknown
			if len(j.Notes) != 6 || j.Notes[5] != "and 495 more reports are about other subjects" {
				t.Fatalf("notes of %s: %q", j.Subject.Name, j.Notes)
			}
		}
		if j.Status != want {
			t.Fatalf("%s about %s = %v (%s), want %v", j.Criterion, j.Subject.Name, j.Status, j.Reason, want)
		}
	}
}

// Reports that all speak of each other multiply the ways from one to another.
func TestEvaluate_tangle(t *testing.T) {
	var names []criteria.Digest
	for i := range 300 {
		names = append(names, criteria.DigestOf(fmt.Append(nil, "bill", i)))
	}
	var ev []criteria.Evidence
	for i := range names {
		ev = append(ev, evidence(fmt.Sprint("bill", i), criteria.Facts{Subjects: names, Components: &criteria.Components{}}, criteria.Declared{}))
	}
	f := scan()
	f.Subjects = names
	ev = append(ev, evidence("scan", f, criteria.Declared{}))
	start := time.Now()
	d := policy(t, "profile: basic\n", noVulnerabilities()).Evaluate(widget(), ev, now)
	if took := time.Since(start); took > neverEnding {
		t.Errorf("Evaluate() took %v", took)
	}
	if got := judgement(t, d, "no-vulnerabilities", linux).Status; got != criteria.Unknown {
		t.Errorf("Evaluate() = %v, want unknown: none of them is about the artifact", got)
	}
}

// neverEnding is how long what must end may take on the slowest of machines: a
// guard against time that explodes, not a measurement.
const neverEnding = 2 * time.Minute
