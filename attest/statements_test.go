package attest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name  string
		alter func(d *criteria.Decision, o *attest.Options)
		want  string
	}{
		{"no_options", func(_ *criteria.Decision, o *attest.Options) { *o = attest.Options{} }, `the verifier "" is no URI`},
		{"no_decision", func(d *criteria.Decision, _ *attest.Options) { *d = criteria.Decision{} }, "the release has no artifacts"},
		{"verifier_without_scheme", func(_ *criteria.Decision, o *attest.Options) { o.Verifier = "our gate" }, "is no URI"},
		{"no_policy_uri", func(_ *criteria.Decision, o *attest.Options) { o.PolicyURI = "" }, "the policy has no URI"},
		{"local_policy", func(_ *criteria.Decision, o *attest.Options) { o.PolicyURI = "/home/kim/policy.yaml" }, "path on this machine"},
		{"local_policy_url", func(_ *criteria.Decision, o *attest.Options) { o.PolicyURI = "file:///home/kim/policy.yaml" }, "path on this machine"},
		{"policy_above", func(_ *criteria.Decision, o *attest.Options) { o.PolicyURI = "../kim/policy.yaml" }, "path on this machine"},
		{"password_in_policy_uri", func(_ *criteria.Decision, o *attest.Options) { o.PolicyURI = "https://kim:hunter2@example.com/p" }, "holds a user name or password"},
		{"password_in_run_url", func(_ *criteria.Decision, o *attest.Options) { o.RunURL = "https://hunter2@ci.example.com/7" }, "holds a user name or password"},
		{"run_is_no_address", func(_ *criteria.Decision, o *attest.Options) { o.RunURL = "javascript:alert(1)" }, "no web address"},
		{"negative_limit", func(_ *criteria.Decision, o *attest.Options) { o.MaxInline = -1 }, "is negative"},
		{"no_time", func(d *criteria.Decision, _ *attest.Options) { d.Time = criteria.Decision{}.Time }, "has no time"},
		{"no_policy", func(d *criteria.Decision, _ *attest.Options) { d.Policy.Digest = criteria.Digest{} }, "by which policy"},
		{"no_answers", func(d *criteria.Decision, _ *attest.Options) { d.Judgements = nil }, "answers no question"},
		{"altered_to_passed", func(d *criteria.Decision, _ *attest.Options) { d.Judgements[0].Status = criteria.Unknown }, "contradicts itself"},
		{"no_resource", func(d *criteria.Decision, _ *attest.Options) { d.Release.Resource = "" }, "no resource"},
		{"evidence_without_digest", func(d *criteria.Decision, _ *attest.Options) { d.Evidence[0].Digest = criteria.Digest{} }, "expected one of sha256"},
		{"too_many_artifacts", func(d *criteria.Decision, _ *attest.Options) {
			for i := range attest.MaxSubjects {
				name := fmt.Sprint(i)
				d.Release.Artifacts = append(d.Release.Artifacts, criteria.Subject{Name: name, Digest: criteria.DigestOf([]byte(name))})
			}
		}, "at most 1024"},
		{"facts_lost", func(d *criteria.Decision, _ *attest.Options) { d.Evidence[1].Facts = criteria.Facts{} }, "holds no facts of it"},
		{"report_unreadable", func(_ *criteria.Decision, o *attest.Options) {
			o.Report = func(criteria.Digest) ([]byte, error) { return nil, errors.New("gone") }
		}, "reading the report: gone"},
		{"report_replaced", func(_ *criteria.Decision, o *attest.Options) {
			o.Report = func(criteria.Digest) ([]byte, error) { return []byte("{}"), nil }
		}, "no longer the one that was judged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			d, o := w.judge(t), w.options
			if !d.Passed {
				t.Fatal("the release does not pass")
			}
			test.alter(&d, &o)
			got, err := attest.Statements(d, o)
			if err == nil || got != nil {
				t.Fatalf("Statements() = %d statements, %v, want an error", len(got), err)
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Statements() = %v, want %q", err, test.want)
			}
		})
	}
}

// A report in which two readers could see different things is never signed,
// although the reader that judged it may have passed over the difference.
func TestAmbiguousReportIsNotSigned(t *testing.T) {
	w := newWorld()
	w.add("evidence/more.cdx.json", "cyclonedx-json", `{"components": [], "components": [{}]}`, []criteria.Digest{w.release.Artifacts[0].Digest},
		criteria.FactComponents, criteria.Facts{Components: &criteria.Components{}})
	if _, err := attest.Statements(w.judge(t), w.options); err == nil || !strings.Contains(err.Error(), `key "components" stands twice`) {
		t.Errorf("Statements() = %v, want an error that a key stands twice", err)
	}
}

// Nothing that tells of the machine or holds a secret becomes public.
func TestNothingPrivateIsAttested(t *testing.T) {
	w := newWorld()
	w.evidence[0].Name = "/home/kim/changes.json"
	w.evidence[1].Name = `C:\Users\kim\linux.cdx.json`
	w.evidence[2].Name = "../../kim/darwin.spdx.json"
	w.release.Repository = "git+https://kim:hunter2@example.com/greet.git"
	facts := w.evidence[3].Facts.Vulnerabilities
	facts.Database.URI = "file:///home/kim/.cache/db"
	facts.Items[0].Package = criteria.Package{Name: "/home/kim/src/a", Version: "1"}
	facts.Items[0].Summary = "hunter2"
	w.options.ReportURL = func(criteria.Digest) string { return "https://hunter2@example.com/reports" }
	d := w.judge(t)
	for i := range d.Judgements {
		d.Judgements[i].Reason = "hunter2"
		d.Judgements[i].Findings = append(d.Judgements[i].Findings, criteria.Finding{ID: "x", Message: "hunter2", Where: "/home/kim/a.go:1"})
	}
	for _, limit := range []int64{0, 1} {
		w.options.MaxInline = limit
		all, err := attest.Statements(d, w.options)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			for _, secret := range []string{"kim", "hunter2", "ola@"} {
				if strings.Contains(string(s.Bytes()), secret) {
					t.Errorf("%s holds %q: %s", s.Name(), secret, s.Bytes())
				}
			}
		}
	}
}

// names returns what is attested about which artifacts.
func names(all []attest.Statement) map[string][]string {
	out := make(map[string][]string)
	for _, s := range all {
		for _, about := range s.Subjects() {
			out[s.Name()] = append(out[s.Name()], about.Name)
		}
	}
	return out
}

const linux, darwin = "greet_1.2.0_linux_amd64", "greet_1.2.0_darwin_arm64"

func TestWhatIsAttestedAboutWhat(t *testing.T) {
	base := map[string][]string{
		"verdict": {linux, darwin}, "findings": {linux, darwin}, "vex": {linux, darwin},
		"sbom-" + linux: {linux}, "sbom-" + darwin: {darwin},
		"vulns-" + linux: {linux}, "vulns-" + darwin: {darwin},
	}
	with := func(more map[string][]string) map[string][]string {
		out := make(map[string][]string)
		for _, m := range []map[string][]string{base, more} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	bill := criteria.Facts{Components: &criteria.Components{}}
	for _, test := range []struct {
		name  string
		alter func(w *world)
		want  map[string][]string
	}{
		{"as_it_is", func(*world) {}, base},
		{"no_reports", func(w *world) { w.options.Report = nil }, map[string][]string{"verdict": {linux, darwin}, "findings": {linux, darwin}}},
		{"second_bill", func(w *world) {
			w.add("b.json", "spdx-json", `{"b":1}`, []criteria.Digest{w.release.Artifacts[0].Digest}, criteria.FactComponents, bill)
		}, with(map[string][]string{"sbom-" + linux + "-2": {linux}})},
		{"bill_of_both", func(w *world) {
			w.add("b.json", "spdx-json", `{"b":1}`, []criteria.Digest{w.release.Artifacts[0].Digest, w.release.Artifacts[1].Digest}, criteria.FactComponents, bill)
		}, with(map[string][]string{"sbom": {linux, darwin}})},
		{"bill_of_the_product", func(w *world) {
			w.add("b.json", "spdx-json", `{"b":1}`, nil, criteria.FactComponents, bill)
			w.evidence[len(w.evidence)-1].Products = []string{w.release.Resource}
		}, with(map[string][]string{"sbom": {linux, darwin}})},
		{"bill_of_the_source", func(w *world) {
			w.add("b.json", "spdx-json", `{"b":1}`, []criteria.Digest{w.release.Source.Digest}, criteria.FactComponents, bill)
		}, base},
		{"bill_of_something_else", func(w *world) {
			w.add("b.json", "spdx-json", `{"b":1}`, []criteria.Digest{criteria.DigestOf(nil)}, criteria.FactComponents, bill)
		}, base},
		{"bill_vouched_for_in_vain", func(w *world) {
			w.add("b.json", "spdx-json", `{"b":1}`, []criteria.Digest{w.release.Artifacts[0].Digest}, criteria.FactComponents, bill)
			w.evidence[len(w.evidence)-1].Vouched = true
		}, base},
		{"bill_in_xml", func(w *world) {
			w.add("b.xml", "cyclonedx-xml", `<bom/>`, []criteria.Digest{w.release.Artifacts[0].Digest}, criteria.FactComponents, bill)
		}, with(map[string][]string{"sbom-" + linux + "-2": {linux}})},
		{"scan_without_database_time", func(w *world) { w.evidence[4].Facts.Vulnerabilities.Database.Updated = criteria.Decision{}.Time }, base},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			test.alter(w)
			if diff := cmp.Diff(test.want, names(w.statements(t))); diff != "" {
				t.Errorf("Statements() (-want +got):\n%s", diff)
			}
		})
	}
}

// What the specification requires and the report does not say is not made up.
func TestScanThatSaysTooLittleIsReferenced(t *testing.T) {
	for name, alter := range map[string]func(e *criteria.Evidence){
		"database": func(e *criteria.Evidence) { e.Facts.Vulnerabilities.Database.Updated = e.Facts.Time },
		"scanner":  func(e *criteria.Evidence) { e.Facts.Tool = criteria.Tool{} },
		"time":     func(e *criteria.Evidence) { e.Time = e.Facts.Time },
	} {
		w := newWorld()
		alter(&w.evidence[3])
		if got := named(t, w.statements(t), "vulns-"+linux).PredicateType(); got != attest.ReferenceType {
			t.Errorf("without its %s, a scan is attested as %s, want %s", name, got, attest.ReferenceType)
		}
	}
	if got := named(t, newWorld().statements(t), "vulns-"+linux).PredicateType(); got != attest.VulnerabilitiesType {
		t.Errorf("a scan is attested as %s, want %s", got, attest.VulnerabilitiesType)
	}
}

// Names become files: on any system, in one folder.
func TestNamesAreFitForFiles(t *testing.T) {
	w := newWorld()
	w.release.Artifacts[0].Name = "../a/B:c d"
	w.release.Artifacts[1].Name = "../A/b:C_D" + strings.Repeat("x", 300)
	seen := make(map[string]bool)
	for _, s := range w.statements(t) {
		name := s.Name()
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" || len(name) > 200 || seen[strings.ToLower(name)] {
			t.Errorf("a statement is named %q", name)
		}
		seen[strings.ToLower(name)] = true
	}
}

// An answer about an artifact may also rest on what is about its source. That
// makes it no statement about the artifact.
func TestReportAboutTheSourceIsNotAttestedAboutAnArtifact(t *testing.T) {
	w := newWorld()
	w.add("source.cdx.json", "cyclonedx-json", `{"s": 1}`, []criteria.Digest{w.release.Source.Digest}, criteria.FactDependencies,
		criteria.Facts{Components: &criteria.Components{}, Dependencies: &criteria.Dependencies{}})
	source := &w.evidence[len(w.evidence)-1]
	source.Gives = append(source.Gives, criteria.FactComponents)
	all := kinds()
	all[0].Uses = []criteria.Fact{criteria.FactDependencies}
	all[0].FromSource = all[0].Uses
	p, err := criteria.ParsePolicy("policy.yaml", []byte(policyText), all, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Evaluate(w.release, w.evidence, noon)
	rests := false
	for _, j := range d.Judgements {
		rests = rests || j.Subject.Name == linux && slices.ContainsFunc(j.Evidence, source.Digest.Matches)
	}
	if !rests {
		t.Fatal("no answer about an artifact rests on the report")
	}
	got, err := attest.Statements(d, w.options)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range got {
		if strings.Contains(string(s.Bytes()), `{"s":1}`) {
			t.Errorf("the report about the source is attested: %s", s.Bytes())
		}
	}
}
