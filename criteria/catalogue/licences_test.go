package catalogue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

func billOf(c ...criteria.Component) criteria.Evidence {
	return criteria.Evidence{Name: "sbom", About: []criteria.Digest{linuxDigest}, Facts: criteria.Facts{
		Time: componentsNow, Components: &criteria.Components{Format: "CycloneDX", Version: "1.6", Items: c},
	}}
}

func licensed(l ...string) criteria.Component {
	return criteria.Component{Type: "library", Name: "lib", Version: "1", PURL: "pkg:npm/lib@1", Licences: l}
}

func scoped(scope string, l ...string) criteria.Component {
	c := licensed(l...)
	c.Scope = scope
	return c
}

func TestLicencesEvaluate(t *testing.T) {
	const allow = `{"allow":["MIT","Apache-2.0","BSD-3-Clause","LicenseRef-ours"],"exceptions":["LLVM-exception"]`
	const where = " pkg:npm/lib@1"
	long := "(" + strings.Repeat("(MIT OR GPL-3.0-only) AND ", 200) + "MIT)"
	for _, tt := range []struct {
		name, params string
		licences     []string
		want         criteria.Status
		findings     string
	}{
		{name: "allowed", licences: []string{"MIT"}, want: criteria.Pass},
		{name: "in another case", licences: []string{"mit"}, want: criteria.Pass},
		{name: "denied", licences: []string{"GPL-3.0-only"}, want: criteria.Fail, findings: "fail GPL-3.0-only" + where},
		{name: "one branch of OR", licences: []string{"GPL-3.0-only OR MIT"}, want: criteria.Pass},
		{name: "no branch of OR", licences: []string{"GPL-3.0-only OR AGPL-3.0-only"}, want: criteria.Fail, findings: "fail GPL-3.0-only OR AGPL-3.0-only" + where},
		{name: "all branches of AND", licences: []string{"MIT AND Apache-2.0"}, want: criteria.Pass},
		{name: "one branch of AND", licences: []string{"MIT AND GPL-3.0-only"}, want: criteria.Fail, findings: "fail MIT AND GPL-3.0-only" + where},
		{name: "AND before OR", licences: []string{"MIT OR GPL-3.0-only AND AGPL-3.0-only"}, want: criteria.Pass},
		{name: "parentheses", licences: []string{"(MIT OR GPL-3.0-only) AND AGPL-3.0-only"}, want: criteria.Fail, findings: "fail (MIT OR GPL-3.0-only) AND AGPL-3.0-only" + where},
		{name: "lower-case operators", licences: []string{"gpl-3.0-only or mit"}, want: criteria.Pass},
		{name: "several apply all", licences: []string{"MIT", "GPL-3.0-only"}, want: criteria.Fail, findings: "fail MIT AND GPL-3.0-only" + where},
		{name: "several, all allowed", licences: []string{"MIT", "Apache-2.0"}, want: criteria.Pass},
		{name: "not only the first counts", licences: []string{"MIT", "NOASSERTION"}, want: criteria.Fail, findings: "fail unknown-licence" + where},

		{name: "listed exception", licences: []string{"Apache-2.0 WITH LLVM-exception"}, want: criteria.Pass},
		{name: "listed exception, licence not", licences: []string{"GPL-3.0-only WITH LLVM-exception"}, want: criteria.Fail, findings: "fail GPL-3.0-only WITH LLVM-exception" + where},
		{name: "exception not listed", licences: []string{"Apache-2.0 WITH Classpath-exception-2.0"}, want: criteria.Fail, findings: "fail Apache-2.0 WITH Classpath-exception-2.0" + where},
		{name: "no such exception", licences: []string{"Apache-2.0 WITH nothing"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "licence with exception listed as one", params: `{"allow":["GPL-2.0-only WITH Classpath-exception-2.0"]}`, licences: []string{"GPL-2.0-only WITH Classpath-exception-2.0"}, want: criteria.Pass},
		{name: "its deprecated name", params: `{"allow":["GPL-2.0-only WITH Classpath-exception-2.0"]}`, licences: []string{"GPL-2.0-with-classpath-exception"}, want: criteria.Pass},
		{name: "the licence without its exception", params: `{"allow":["GPL-2.0-only WITH Classpath-exception-2.0"]}`, licences: []string{"GPL-2.0-only"}, want: criteria.Fail, findings: "fail GPL-2.0-only" + where},

		{name: "deprecated id", params: `{"allow":["GPL-2.0-or-later"]}`, licences: []string{"GPL-2.0+"}, want: criteria.Pass},
		{name: "deprecated id, not allowed", licences: []string{"GPL-2.0+"}, want: criteria.Fail, findings: "fail GPL-2.0+" + where},
		{name: "later version may be chosen", params: `{"allow":["GPL-3.0-only"]}`, licences: []string{"GPL-2.0-or-later"}, want: criteria.Pass},
		{name: "earlier version may not", params: `{"allow":["GPL-3.0-only"]}`, licences: []string{"GPL-2.0-only"}, want: criteria.Fail, findings: "fail GPL-2.0-only" + where},

		{name: "absent", licences: nil, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "NOASSERTION", licences: []string{"NOASSERTION"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "NONE", licences: []string{"NONE"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "a name that is no expression", licences: []string{"The Apache Software License, Version 2.0"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "unknown id", licences: []string{"MITT"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "unbalanced", licences: []string{"(MIT"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "empty", licences: []string{" "}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "LicenseRef on the list", licences: []string{"LicenseRef-ours"}, want: criteria.Pass},
		{name: "LicenseRef not on the list", licences: []string{"LicenseRef-theirs"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "unknown or allowed", licences: []string{"LicenseRef-theirs OR MIT"}, want: criteria.Pass},
		{name: "unknown or denied", licences: []string{"LicenseRef-theirs OR GPL-3.0-only"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "unknown and allowed", licences: []string{"LicenseRef-theirs AND MIT"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "unknown and denied", licences: []string{"LicenseRef-theirs AND GPL-3.0-only"}, want: criteria.Fail, findings: "fail LicenseRef-theirs AND GPL-3.0-only" + where},
		{name: "unknown is reviewed", params: allow + `,"unknown":"review"}`, licences: []string{"NOASSERTION"}, want: criteria.NeedsReview, findings: "needs-review unknown-licence" + where},
		{name: "unknown warns", params: allow + `,"unknown":"warn"}`, licences: []string{"NOASSERTION"}, want: criteria.Warn, findings: "warn unknown-licence" + where},
		{name: "denied is not unknown", params: allow + `,"unknown":"warn"}`, licences: []string{"GPL-3.0-only"}, want: criteria.Fail, findings: "fail GPL-3.0-only" + where},
		{name: "a name that the policy explains", params: allow + `,"names":{"The Apache Software License, Version 2.0":"Apache-2.0"}}`, licences: []string{"The Apache Software License, Version 2.0"}, want: criteria.Pass},

		{name: "only a list of denied: another", params: `{"deny":["AGPL-3.0-only"]}`, licences: []string{"GPL-3.0-only"}, want: criteria.Pass},
		{name: "only a list of denied: denied", params: `{"deny":["AGPL-3.0-only"]}`, licences: []string{"AGPL-3.0-only"}, want: criteria.Fail, findings: "fail AGPL-3.0-only" + where},
		{name: "only a list of denied: unknown", params: `{"deny":["AGPL-3.0-only"]}`, licences: []string{"SomethingElse"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "denied comes first", params: `{"allow":["MIT"],"deny":["MIT"]}`, licences: []string{"MIT"}, want: criteria.Fail, findings: "fail MIT" + where},

		// go-spdx would multiply this out into 2^200 alternatives.
		{name: "long", licences: []string{long}, want: criteria.Pass},
		{name: "too long", licences: []string{strings.Repeat("MIT AND ", 10000) + "MIT"}, want: criteria.Fail, findings: "fail unknown-licence" + where},
		{name: "too deep", licences: []string{strings.Repeat("(", 5000) + "MIT" + strings.Repeat(")", 5000)}, want: criteria.Fail, findings: "fail unknown-licence" + where},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := tt.params
			if params == "" {
				params = allow + "}"
			}
			start := time.Now()
			o := newCriterion(t, licences, params).Evaluate(componentsInput(t, billOf(licensed(tt.licences...))))
			if o.Status != tt.want || writeFindings(o) != tt.findings {
				t.Errorf("Evaluate = %s (%s)\n%s\nwant %s\n%s", o.Status, o.Reason, writeFindings(o), tt.want, tt.findings)
			}
			if d := time.Since(start); d > neverEnding {
				t.Errorf("took %s", d)
			}
		})
	}
}

func TestLicencesScope(t *testing.T) {
	const allow = `{"allow":["MIT"]`
	for _, tt := range []struct {
		name, params string
		bill         criteria.Evidence
		want         criteria.Status
	}{
		{"optional is checked", allow + "}", billOf(licensed("MIT"), scoped("optional", "GPL-3.0-only")), criteria.Fail},
		{"excluded is checked", allow + "}", billOf(licensed("MIT"), scoped("excluded", "GPL-3.0-only")), criteria.Fail},
		{"ignored", allow + `,"notRequired":"ignore"}`, billOf(licensed("MIT"), scoped("excluded", "GPL-3.0-only")), criteria.Pass},
		{"required is never ignored", allow + `,"notRequired":"ignore"}`, billOf(scoped("required", "GPL-3.0-only")), criteria.Fail},
		{"everything ignored shows nothing", allow + `,"notRequired":"ignore"}`, billOf(scoped("excluded", "GPL-3.0-only")), criteria.Unknown},
		{"warns", allow + `,"notRequired":"warn"}`, billOf(scoped("optional", "GPL-3.0-only")), criteria.Warn},
		{"a list of their own", allow + `,"notRequiredAllow":["GPL-3.0-only"]}`, billOf(scoped("optional", "GPL-3.0-only")), criteria.Pass},
		{"a list of their own is not for what is required", allow + `,"notRequiredAllow":["GPL-3.0-only"]}`, billOf(licensed("GPL-3.0-only")), criteria.Fail},
		{"empty bill", allow + "}", billOf(), criteria.Unknown},
		{"nothing but files without licences", allow + "}", billOf(criteria.Component{Type: "file", Name: "x"}), criteria.Unknown},
		{"files without licences beside packages", allow + "}", billOf(criteria.Component{Type: "file", Name: "x"}, licensed("MIT")), criteria.Pass},
		{"files with licences count", allow + "}", billOf(criteria.Component{Type: "file", Name: "x", Licences: []string{"GPL-3.0-only"}}, licensed("MIT")), criteria.Fail},
	} {
		if o := newCriterion(t, licences, tt.params).Evaluate(componentsInput(t, tt.bill)); o.Status != tt.want {
			t.Errorf("%s: Evaluate = %s (%s), want %s", tt.name, o.Status, o.Reason, tt.want)
		}
	}
}

func TestLicencesParams(t *testing.T) {
	for _, tt := range []struct{ params, key string }{
		{`{}`, "allow"},
		{`{"allow":["MITT"]}`, "allow"},
		{`{"allow":["MIT OR Apache-2.0"]}`, "allow"},
		{`{"deny":["NOASSERTION"]}`, "deny"},
		{`{"allow":["MIT"],"exceptions":["MIT"]}`, "exceptions"},
		{`{"allow":["MIT"],"unknown":"pass"}`, "unknown"},
		{`{"allow":["MIT"],"notRequired":"pass"}`, "notRequired"},
		{`{"allow":["MIT"],"names":{"x":"(MIT"}}`, "names"},
	} {
		_, err := licences.New([]byte(tt.params))
		var pe *criteria.ParamError
		if !errors.As(err, &pe) || pe.Key != tt.key {
			t.Errorf("New(%s) = %v, want an error about %s", tt.params, err, tt.key)
		}
	}
	for level, params := range licences.Params {
		if _, err := licences.New([]byte(params)); err != nil {
			t.Errorf("the parameters of %s: %v", level, err)
		}
	}
}

// A waiver names the licence and, by package URL, the component.
func TestLicencesWaived(t *testing.T) {
	e := billOf(licensed("GPL-3.0-only"))
	e.About = []criteria.Digest{linuxDigest, darwinDigest}
	e.Gives, e.Digest = []criteria.Fact{criteria.FactComponents}, criteria.DigestOf([]byte("sbom"))
	for where, want := range map[string]criteria.Status{"pkg:npm/lib": criteria.Waived, "pkg:npm/lib@1": criteria.Waived, "pkg:npm/other": criteria.Fail} {
		p := mustPolicy(t, "profile: basic\nwaivers:\n- {id: W1, criterion: licences, finding: GPL-3.0-only, where: '"+where+"', reason: r, owner: o, requester: a, approver: b, created: 2026-11-01T00:00:00Z, expires: 2026-12-31T00:00:00Z}\n")
		for _, j := range p.Evaluate(componentsRelease(t), []criteria.Evidence{e}, componentsNow).Judgements {
			if j.Criterion == "licences" && j.Status != want {
				t.Errorf("waiver for %s: %s, want %s", where, j.Status, want)
			}
		}
	}
}

func FuzzLicence(f *testing.F) {
	for _, s := range []string{"MIT", "(MIT OR GPL-2.0+) AND Apache-2.0 WITH LLVM-exception", "((", "WITH", "a)b", "LicenseRef-x"} {
		f.Add(s)
	}
	allow, err := licences.New([]byte(`{"allow":["MIT"]}`))
	if err != nil {
		f.Fatal(err)
	}
	c := allow.(licencesCriterion)
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseLicence(s)
		if err != nil {
			return
		}
		// What is allowed stays allowed when it may be chosen beside something
		// else, and what is denied stays denied when something is added.
		leaf := func(id string) ruling { return c.leaf(id, false) }
		v := l.judge(leaf)
		or, err := parseLicence("(" + s + ") OR GPL-3.0-only")
		if err != nil {
			return // nested one level too deep, or one word too long
		}
		and, err := parseLicence("(" + s + ") AND MIT")
		if err != nil {
			return
		}
		if got := or.judge(leaf); got != v {
			t.Errorf("judge(%q OR denied) = %d, want %d", s, got, v)
		}
		if got := and.judge(leaf); got != v {
			t.Errorf("judge(%q AND allowed) = %d, want %d", s, got, v)
		}
	})
}
