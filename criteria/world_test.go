package criteria_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// The world of these tests: a release of two artifacts, and kinds of criteria
// that are as simple as their names, so that only the engine is under test.

var (
	now    = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	source = criteria.Subject{Name: "source", Digest: commit("5e56881774df3010319816adb1989a1399beb72b")}
	linux  = criteria.Subject{Name: "widget-linux", Digest: criteria.DigestOf([]byte("linux"))}
	darwin = criteria.Subject{Name: "widget-darwin", Digest: criteria.DigestOf([]byte("darwin"))}
)

func commit(hex string) criteria.Digest {
	d, err := criteria.ParseDigest("gitCommit:" + hex)
	if err != nil {
		panic(err)
	}
	return d
}

func widget() criteria.Release {
	return criteria.Release{
		Name: "widget", Version: "1.2.0", Resource: "pkg:generic/acme/widget@1.2.0",
		Source: source, Artifacts: []criteria.Subject{linux, darwin},
	}
}

// criterion is a criterion made of a function.
type criterion func(criteria.Input) criteria.Outcome

func (c criterion) Evaluate(in criteria.Input) criteria.Outcome { return c(in) }

type noParams struct{}

// kind makes a kind whose criterion is f and takes no parameters.
func kind(name string, scope criteria.Scope, f criterion, needs ...criteria.Fact) criteria.Kind {
	return criteria.Kind{
		Name: name, Title: strings.ToUpper(name[:1]) + name[1:], Practice: criteria.Testing,
		Level: criteria.Basic, Scope: scope, Needs: needs,
		New: func(params []byte) (criteria.Criterion, error) {
			return f, criteria.DecodeParams(params, &noParams{})
		},
	}
}

// testsPass passes where no report shows a failed test.
func testsPass() criteria.Kind {
	return kind("tests-pass", criteria.AboutArtifacts, func(in criteria.Input) criteria.Outcome {
		var findings []criteria.Finding
		passed := 0
		for _, e := range in.Evidence {
			passed += e.Facts.Tests.Passed
			if e.Facts.Tests.Failed > 0 {
				findings = append(findings, criteria.Finding{ID: "failed", Status: criteria.Fail, Where: e.Name})
			}
		}
		return criteria.Conclude(fmt.Sprintf("%d tests passed", passed), findings)
	}, criteria.FactTests)
}

// noVulnerabilities finds each vulnerability that VEX does not excuse; one that
// is known to be exploited can be neither excused nor waived.
func noVulnerabilities() criteria.Kind {
	k := kind("no-vulnerabilities", criteria.AboutArtifacts, func(in criteria.Input) criteria.Outcome {
		excused, exploited := make(map[string]bool), make(map[string]bool)
		for _, e := range in.Evidence {
			if v := e.Facts.Exploitability; v != nil {
				for _, s := range v.Statements {
					excused[s.Vulnerability] = true
				}
			}
			if x := e.Facts.Exploited; x != nil {
				for _, id := range x.IDs {
					exploited[id] = true
				}
			}
		}
		var findings []criteria.Finding
		for _, e := range in.Evidence {
			if e.Facts.Vulnerabilities == nil {
				continue
			}
			for _, v := range e.Facts.Vulnerabilities.Items {
				f := criteria.Finding{ID: v.ID, Aliases: v.Aliases, Status: criteria.Fail, Where: v.Package.PURL, Fingerprint: v.Summary}
				if exploited[v.ID] {
					f.NeverWaive = v.ID + " is known to be exploited"
				} else if excused[v.ID] {
					continue
				}
				findings = append(findings, f)
			}
		}
		return criteria.Conclude("no vulnerabilities", findings)
	}, criteria.FactVulnerabilities)
	k.Uses = []criteria.Fact{criteria.FactExploitability, criteria.FactExploited}
	k.MaxAge = map[criteria.Fact]time.Duration{criteria.FactVulnerabilities: 72 * time.Hour, criteria.FactExploited: 14 * 24 * time.Hour}
	return k
}

// analysed is asked about the source and passes where a report is there.
func analysed() criteria.Kind {
	return kind("analysed", criteria.AboutSource, func(criteria.Input) criteria.Outcome {
		return criteria.Passed("analysed")
	}, criteria.FactAnalysis)
}

// billed passes where a bill of materials lists all that the source needs.
func billed() criteria.Kind {
	k := kind("billed", criteria.AboutArtifacts, func(in criteria.Input) criteria.Outcome {
		have := make(map[string]bool)
		for _, e := range in.Evidence {
			if c := e.Facts.Components; c != nil {
				for _, item := range c.Items {
					have[item.Name] = true
				}
			}
		}
		var findings []criteria.Finding
		for _, e := range in.Evidence {
			if d := e.Facts.Dependencies; d != nil {
				for _, p := range d.Direct {
					if !have[p.Name] {
						findings = append(findings, criteria.Finding{ID: "missing", Status: criteria.Fail, Where: p.Name})
					}
				}
			}
		}
		return criteria.Conclude("all is there", findings)
	}, criteria.FactComponents)
	k.Uses = []criteria.Fact{criteria.FactDependencies}
	k.FromSource = []criteria.Fact{criteria.FactDependencies}
	return k
}

func policy(t testing.TB, text string, kinds ...criteria.Kind) *criteria.Policy {
	t.Helper()
	p, err := criteria.ParsePolicy("policy.yaml", []byte(text), kinds, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// report is a format that gives what it is told to.
type report struct {
	name  string
	gives []criteria.Fact
	facts criteria.Facts
	err   error
}

func (r report) Name() string           { return r.name }
func (r report) Gives() []criteria.Fact { return r.gives }
func (r report) Read(rd io.Reader) (criteria.Facts, error) {
	if _, err := io.ReadAll(rd); err != nil {
		return criteria.Facts{}, err
	}
	return r.facts, r.err
}

// evidence reads a report called name with those facts; what it is about and
// when it was made is for the caller to say in facts or declared.
func evidence(name string, f criteria.Facts, d criteria.Declared) criteria.Evidence {
	return criteria.ReadEvidence(report{name: "report", gives: given(f), facts: f}, name, []byte(name), d)
}

func unreadable(name string, d criteria.Declared, gives ...criteria.Fact) criteria.Evidence {
	return criteria.ReadEvidence(report{name: "report", gives: gives, err: errors.New("is no report")}, name, []byte(name), d)
}

var allFacts = []criteria.Fact{
	criteria.FactTests, criteria.FactCoverage, criteria.FactAnalysis, criteria.FactSecrets, criteria.FactVulnerabilities,
	criteria.FactExploitability, criteria.FactExploited, criteria.FactPrediction, criteria.FactComponents, criteria.FactChanges,
	criteria.FactThreats, criteria.FactSecurityPolicy, criteria.FactNotes, criteria.FactTags, criteria.FactPipeline, criteria.FactDependencies,
}

func given(f criteria.Facts) []criteria.Fact {
	return slices.DeleteFunc(slices.Clone(allFacts), func(k criteria.Fact) bool { return !f.Has(k) })
}

func about(subjects ...criteria.Subject) []criteria.Digest {
	var out []criteria.Digest
	for _, s := range subjects {
		out = append(out, s.Digest)
	}
	return out
}

func passingTests(subjects ...criteria.Subject) criteria.Facts {
	return criteria.Facts{Subjects: about(subjects...), Tests: &criteria.Tests{Passed: 3}}
}

func scan(items ...criteria.Vulnerability) criteria.Facts {
	return criteria.Facts{Time: now.Add(-time.Hour), Vulnerabilities: &criteria.Vulnerabilities{Packages: 5, Items: items}}
}

// answers are the statuses by "criterion subject".
func answers(d criteria.Decision) map[string]criteria.Status {
	out := make(map[string]criteria.Status)
	for _, j := range d.Judgements {
		out[j.Criterion+" "+j.Subject.Name] = j.Status
	}
	return out
}

func judgement(t testing.TB, d criteria.Decision, criterion string, s criteria.Subject) criteria.Judgement {
	t.Helper()
	for _, j := range d.Judgements {
		if j.Criterion == criterion && j.Subject.Name == s.Name {
			return j
		}
	}
	t.Fatalf("no judgement of %s about %s", criterion, s.Name)
	return criteria.Judgement{}
}

func noted(notes []string, want string) bool {
	return slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, want) })
}
