package attest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.FixedZone("CET", 3600))

const policyText = `
profile: standard
vouched: [osv-scanner]
notApplicable:
  - criterion: threats-modelled
    reason: the program takes no input
waivers:
  - id: W-7
    criterion: vulnerabilities-known
    finding: GO-2025-1234
    reason: the function is never called
    owner: ola@example.com
    requester: ola@example.com
    approver: kim@example.com
    created: 2026-03-01T00:00:00Z
    expires: 2026-04-01T00:00:00Z
  - id: W-8
    criterion: vulnerabilities-known
    finding: GO-1999-0001
    reason: long mended
    owner: ola@example.com
    requester: ola@example.com
    approver: kim@example.com
    created: 2026-03-01T00:00:00Z
    expires: 2026-04-01T00:00:00Z
`

// asked is a criterion that passes, or finds what find returns.
type asked struct {
	find func(criteria.Input) []criteria.Finding
}

func (a asked) Evaluate(in criteria.Input) criteria.Outcome {
	return criteria.Conclude("is so", a.find(in))
}

func kind(name string, level criteria.Level, scope criteria.Scope, needs criteria.Fact, uses []criteria.Fact, find func(criteria.Input) []criteria.Finding) criteria.Kind {
	if find == nil {
		find = func(criteria.Input) []criteria.Finding { return nil }
	}
	return criteria.Kind{
		Name: name, Title: name, Doc: name + ".", Practice: criteria.SupplyChain, Level: level, Scope: scope,
		Needs: []criteria.Fact{needs}, Uses: uses,
		New: func([]byte) (criteria.Criterion, error) { return asked{find}, nil },
	}
}

func kinds() []criteria.Kind {
	return []criteria.Kind{
		kind("bill-complete", criteria.Basic, criteria.AboutArtifacts, criteria.FactComponents, nil, nil),
		kind("changes-reviewed", criteria.Standard, criteria.AboutSource, criteria.FactChanges, nil, nil),
		kind("threats-modelled", criteria.Basic, criteria.AboutSource, criteria.FactThreats, nil, nil),
		kind("vulnerabilities-known", criteria.Basic, criteria.AboutArtifacts, criteria.FactVulnerabilities, []criteria.Fact{criteria.FactExploitability},
			func(in criteria.Input) []criteria.Finding {
				var out []criteria.Finding
				for _, e := range in.Evidence {
					if e.Facts.Vulnerabilities == nil {
						continue
					}
					for _, v := range e.Facts.Vulnerabilities.Items {
						out = append(out, criteria.Finding{ID: v.ID, Status: criteria.Fail, Where: v.Package.PURL})
					}
				}
				return out
			}),
	}
}

// world is a release with its evidence. Tests alter it before they judge.
type world struct {
	release  criteria.Release
	evidence []criteria.Evidence
	reports  map[criteria.Digest][]byte
	options  attest.Options
}

const (
	billLinux  = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [{"type": "library", "name": "a<b>&c", "version": "1.0"}]}` + "\n"
	billDarwin = `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "greet", "comment": "\u2028 1.10"}`
	vexText    = `{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1", "author": "security@example.com", "version": 1, "statements": []}`
)

func newWorld() *world {
	w := &world{reports: make(map[criteria.Digest][]byte)}
	linux := criteria.Subject{Name: "greet_1.2.0_linux_amd64", Digest: criteria.DigestOf([]byte("linux"))}
	darwin := criteria.Subject{Name: "greet_1.2.0_darwin_arm64", Digest: criteria.DigestOf([]byte("darwin"))}
	commit, err := criteria.ParseDigest("gitCommit:d20ace7968ba43c0219f62d71334c1095bab1602")
	if err != nil {
		panic(err)
	}
	w.release = criteria.Release{
		Name: "greet", Version: "1.2.0", Resource: "pkg:golang/example.com/greet@1.2.0",
		Repository: "git+https://example.com/greet.git",
		Source:     criteria.Subject{Name: "source", Digest: commit},
		Artifacts:  []criteria.Subject{linux, darwin},
	}
	score := 5.3
	scan := func(ids ...string) criteria.Facts {
		v := &criteria.Vulnerabilities{
			Packages: 1,
			Database: criteria.Database{URI: "https://osv-vulnerabilities.storage.googleapis.com", Updated: noon.Add(-2 * time.Hour)},
		}
		for _, id := range ids {
			v.Items = append(v.Items, criteria.Vulnerability{
				ID: id, Aliases: []string{"CVE-2025-9999"},
				Package:    criteria.Package{Ecosystem: "Go", Name: "example.com/a", Version: "1.0", PURL: "pkg:golang/example.com/a@1.0"},
				Severities: []criteria.Severity{{Method: "CVSS_V3", Value: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N", Score: &score}, {Method: "label", Source: "GHSA", Value: "MODERATE"}},
				FixedIn:    []string{"1.0.1"},
			})
		}
		return criteria.Facts{Tool: criteria.Tool{Name: "osv-scanner", Version: "2.6.0"}, Vulnerabilities: v}
	}
	components := func(format string) criteria.Facts {
		return criteria.Facts{Components: &criteria.Components{Format: format, Items: []criteria.Component{{Name: "a"}}}}
	}
	w.add("evidence/changes.json", "gitea", "{}", []criteria.Digest{commit}, criteria.FactChanges,
		criteria.Facts{Changes: &criteria.Changes{Complete: true}})
	w.add("evidence/linux.cdx.json", "cyclonedx-json", billLinux, []criteria.Digest{linux.Digest}, criteria.FactComponents, components("CycloneDX"))
	w.add("evidence/darwin.spdx.json", "spdx-json", billDarwin, []criteria.Digest{darwin.Digest}, criteria.FactComponents, components("SPDX"))
	w.add("evidence/linux.osv.json", "osv-scanner", `{"results": [1]}`, []criteria.Digest{criteria.DigestOf([]byte(billLinux))}, criteria.FactVulnerabilities, scan("GO-2025-1234"))
	w.add("evidence/darwin.osv.json", "osv-scanner", `{"results": []}`, []criteria.Digest{criteria.DigestOf([]byte(billDarwin))}, criteria.FactVulnerabilities, scan())
	w.evidence[3].Vouched, w.evidence[4].Vouched = true, true
	w.add("evidence/greet.vex.json", "openvex", vexText, nil, criteria.FactExploitability, criteria.Facts{Exploitability: &criteria.Exploitability{Author: "security@example.com"}})
	w.evidence[5].Products = []string{"pkg:golang/example.com/greet"}
	w.options = attest.Options{
		Verifier:        "https://example.com/release-gate/v1",
		VerifierVersion: map[string]string{"hallmark": "1.0.0", "go": "1.26"},
		PolicyURI:       "https://example.com/greet/policy.yaml",
		RunURL:          "https://ci.example.com/runs/7",
		Report: func(d criteria.Digest) ([]byte, error) {
			if data, ok := w.reports[d]; ok {
				return data, nil
			}
			return nil, fmt.Errorf("no report %s", d)
		},
	}
	return w
}

func (w *world) add(name, format, text string, about []criteria.Digest, gives criteria.Fact, facts criteria.Facts) {
	e := criteria.Evidence{
		Name: name, Format: format, Digest: criteria.DigestOf([]byte(text)), About: about,
		Time: noon.Add(-time.Hour).UTC(), Gives: []criteria.Fact{gives}, Facts: facts,
	}
	w.reports[e.Digest] = []byte(text)
	w.evidence = append(w.evidence, e)
}

func (w *world) judge(t testing.TB) criteria.Decision {
	t.Helper()
	p, err := criteria.ParsePolicy("policy.yaml", []byte(policyText), kinds(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Evaluate(w.release, w.evidence, noon)
}

func (w *world) statements(t testing.TB) []attest.Statement {
	t.Helper()
	out, err := attest.Statements(w.judge(t), w.options)
	if err != nil {
		t.Fatalf("Statements() = %v", err)
	}
	return out
}

// fail makes the release one that does not pass.
func (w *world) fail() *world {
	w.evidence = w.evidence[1:]
	return w
}

// clean makes it one without anything to warn of.
func (w *world) clean() *world {
	w.evidence[3].Facts.Vulnerabilities.Items = nil
	return w
}

func named(t testing.TB, all []attest.Statement, name string) attest.Statement {
	t.Helper()
	var have []string
	for _, s := range all {
		if s.Name() == name {
			return s
		}
		have = append(have, s.Name())
	}
	t.Fatalf("no statement %q among %q", name, have)
	return attest.Statement{}
}
