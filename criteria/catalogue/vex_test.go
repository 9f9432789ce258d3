package catalogue

import (
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

func vexBy(author, signer string, s ...criteria.VEXStatement) criteria.Evidence {
	return criteria.Evidence{Name: "vex", Signer: signer, Facts: criteria.Facts{Exploitability: &criteria.Exploitability{Author: author, Statements: s}}}
}

func says(status string, age time.Duration, vulnerability string, p ...criteria.VEXProduct) criteria.VEXStatement {
	s := criteria.VEXStatement{Vulnerability: vulnerability, Status: status, Time: componentsNow.Add(-age), Products: p}
	if status == "not_affected" {
		s.Justification = "vulnerable_code_not_present"
	}
	return s
}

func TestVEX(t *testing.T) {
	crit := []criteria.Severity{cvss("CVSS_V3", 9.8)}
	ours := criteria.VEXProduct{PURL: "pkg:golang/example.com/widget@v1.2.0"}
	unversioned := criteria.VEXProduct{PURL: "pkg:golang/example.com/widget"}
	inside := func(p criteria.VEXProduct, components ...string) criteria.VEXProduct {
		p.Components = components
		return p
	}
	prose := says("not_affected", time.Hour, "CVE-2024-1", ours)
	prose.Justification, prose.Impact = "", "we never call it"
	invented := says("not_affected", time.Hour, "CVE-2024-1", ours)
	invented.Justification = "trust_me"
	one := []criteria.Vulnerability{flaw("CVE-2024-1", crit, "GHSA-x")}
	// One record of a distribution for two flaws.
	two := []criteria.Vulnerability{flaw("DSA-1", crit, "CVE-2024-1", "CVE-2024-2")}
	for _, tt := range []struct {
		name   string
		items  []criteria.Vulnerability
		vex    criteria.Evidence
		params string
		want   criteria.Status
		note   string
	}{
		{name: "not affected", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Pass, note: "CVE-2024-1 (pkg:golang/example.com/lib@v1.0.0) is suppressed: not_affected, vulnerable_code_not_present, says us (unsigned) in vex"},
		{name: "by an alias of the record", vex: vexBy("us", "", says("not_affected", time.Hour, "GHSA-x", ours)), want: criteria.Pass},
		{name: "by an alias of the statement", vex: vexBy("us", "", func() criteria.VEXStatement {
			s := says("not_affected", time.Hour, "OURS-1", ours)
			s.Aliases = []string{"CVE-2024-1"}
			return s
		}()), want: criteria.Pass},
		{name: "another vulnerability", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-2", ours)), want: criteria.Fail},
		{name: "author nobody named", vex: vexBy("them", "", says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail, note: `does not name "them" among vexAuthors`},
		{name: "no author is trusted by default", params: standardParams + "}", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail, note: "has no effect"},
		{name: "signed by somebody else who writes our name", vex: vexBy("us", "mallory@example.com", says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail, note: "mallory@example.com"},
		{name: "signed by somebody the policy names", params: standardParams + `,"vexAuthors":["release@example.com"]}`, vex: vexBy("them", "release@example.com", says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Pass},

		{name: "prose instead of a justification", vex: vexBy("us", "", prose), want: criteria.Fail},
		{name: "a justification of one's own", vex: vexBy("us", "", invented), want: criteria.Fail},
		{name: "affected", vex: vexBy("us", "", says("affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},
		{name: "under investigation", vex: vexBy("us", "", says("under_investigation", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},
		{name: "fixed in this version", vex: vexBy("us", "", says("fixed", time.Hour, "CVE-2024-1", ours)), want: criteria.Pass},
		{name: "fixed in no version in particular", vex: vexBy("us", "", says("fixed", time.Hour, "CVE-2024-1", unversioned)), want: criteria.Fail},
		{name: "fixed in another version", vex: vexBy("us", "", says("fixed", time.Hour, "CVE-2024-1", criteria.VEXProduct{PURL: "pkg:golang/example.com/widget@v1.3.0"})), want: criteria.Fail},
		{name: "fixed in these bytes", vex: vexBy("us", "", says("fixed", time.Hour, "CVE-2024-1", criteria.VEXProduct{Digests: []criteria.Digest{linuxDigest}})), want: criteria.Pass},
		{name: "not affected in any version", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", unversioned)), want: criteria.Pass},

		{name: "another product", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", criteria.VEXProduct{PURL: "pkg:golang/example.com/gadget@v1.2.0"})), want: criteria.Fail},
		{name: "another version", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", criteria.VEXProduct{PURL: "pkg:golang/example.com/widget@v1.1.0"})), want: criteria.Fail},
		{name: "the other artifact", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", criteria.VEXProduct{Digests: []criteria.Digest{darwinDigest}})), want: criteria.Fail},
		{name: "our name beside another's digest", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", criteria.VEXProduct{PURL: ours.PURL, Digests: []criteria.Digest{criteria.DigestOf([]byte("other"))}})), want: criteria.Fail},
		{name: "the component itself as product", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", criteria.VEXProduct{PURL: "pkg:golang/example.com/lib@v1.0.0"})), want: criteria.Fail},
		{name: "a product without a name", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", criteria.VEXProduct{})), want: criteria.Fail},

		{name: "this component", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/example.com/lib@v1.0.0"))), want: criteria.Pass},
		{name: "this component in any version", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/example.com/lib"))), want: criteria.Pass},
		{name: "version without v, namespace escaped", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/Example.com/lib@1.0.0"))), want: criteria.Pass},
		{name: "this component in another version", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/example.com/lib@v1.0.1"))), want: criteria.Fail},
		{name: "a qualifier that the package lacks", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/example.com/lib@v1.0.0?goos=windows"))), want: criteria.Fail},
		{name: "another component", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/example.com/other"))), want: criteria.Fail},
		{name: "a component that is no package URL", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", inside(ours, "the library"))), want: criteria.Fail},

		{name: "the latest counts: affected", vex: vexBy("us", "", says("affected", time.Hour, "CVE-2024-1", ours), says("not_affected", 2*time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},
		{name: "the latest counts: not affected", vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", ours), says("affected", 2*time.Hour, "CVE-2024-1", ours)), want: criteria.Pass},
		{name: "the latest counts, under another name", vex: vexBy("us", "", says("not_affected", 2*time.Hour, "CVE-2024-1", ours), says("under_investigation", time.Hour, "GHSA-x", ours)), want: criteria.Fail},
		{name: "the latest counts, of the whole product", vex: vexBy("us", "", says("not_affected", 2*time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/example.com/lib")), says("affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},
		{name: "a later one about another component", vex: vexBy("us", "", says("not_affected", 2*time.Hour, "CVE-2024-1", ours), says("affected", time.Hour, "CVE-2024-1", inside(ours, "pkg:golang/example.com/other"))), want: criteria.Pass},
		{name: "at the same time the stricter", vex: vexBy("us", "", says("affected", time.Hour, "CVE-2024-1", ours), says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},
		{name: "from the future", vex: vexBy("us", "", says("not_affected", -time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},

		{name: "known to be exploited", items: []criteria.Vulnerability{flaw("CVE-2020-9999", crit)}, vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2020-9999", ours)), want: criteria.Fail},

		{name: "one of two flaws in one record", items: two, vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},
		{name: "both flaws in one record", items: two, vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", ours), says("not_affected", time.Hour, "CVE-2024-2", ours)), want: criteria.Pass},
		{name: "the record of two flaws", items: two, vex: vexBy("us", "", says("not_affected", time.Hour, "DSA-1", ours)), want: criteria.Pass},
		{name: "the record of two flaws, one found affected later", items: two, vex: vexBy("us", "", says("not_affected", 2*time.Hour, "DSA-1", ours), says("affected", time.Hour, "CVE-2024-2", ours)), want: criteria.Fail},
		{name: "a statement's aliases join no findings", items: []criteria.Vulnerability{flaw("CVE-2024-1", crit), flaw("CVE-2024-2", crit)}, vex: vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", ours)), want: criteria.Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			items, params := tt.items, tt.params
			if items == nil {
				items = one
			}
			if params == "" {
				params = standardParams + `,"vexAuthors":["us"]}`
			}
			o := newCriterion(t, vulnerabilities, params).Evaluate(componentsInput(t, scan(items...), kevOf(time.Hour, "CVE-2020-9999"), tt.vex))
			if o.Status != tt.want {
				t.Errorf("Evaluate = %s (%s) %v, want %s", o.Status, o.Reason, o.Notes, tt.want)
			}
			if tt.note != "" && !strings.Contains(strings.Join(o.Notes, "\n"), tt.note) {
				t.Errorf("notes %q, want one with %q", o.Notes, tt.note)
			}
		})
	}
}

// A list of exploited vulnerabilities has to be asked about what VEX suppresses
// too: being on it outweighs VEX.
func TestVEXNeedsExploitedList(t *testing.T) {
	ours := criteria.VEXProduct{PURL: "pkg:golang/example.com/widget@v1.2.0"}
	o := newCriterion(t, vulnerabilities, standardParams+`,"vexAuthors":["us"]}`).Evaluate(componentsInput(t,
		scan(flaw("CVE-2024-1", nil)), vexBy("us", "", says("not_affected", time.Hour, "CVE-2024-1", ours))))
	if o.Status != criteria.Unknown {
		t.Errorf("Evaluate = %s, want unknown", o.Status)
	}
}
