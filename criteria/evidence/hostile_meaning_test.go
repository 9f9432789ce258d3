package evidence

import (
	"bytes"
	"strings"
	"testing"
)

// Reports that say one thing to one reader and something better to another.
func TestRead_refusesTwoMeanings(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	tests := []struct{ name, format, doc, want string }{
		{"cyclonedx: a bill of two artifacts", "cyclonedx-json", `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"application","name":"x",
			"hashes":[{"alg":"SHA-256","content":"` + a + `"},{"alg":"SHA-256","content":"` + b + `"}]}}}`, "two digests of one algorithm"},
		{"cyclonedx: two binaries", "cyclonedx-json", `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"properties":[{"name":"cdx:gomod:binary:hash:SHA-256","value":"` + a + `"}]},
			"properties":[{"name":"cdx:gomod:binary:hash:SHA-256","value":"` + b + `"}]}`, "two digests of one algorithm"},
		{"spdx: a package of two artifacts", "spdx-json", `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x","documentDescribes":["SPDXRef-a"],
			"packages":[{"SPDXID":"SPDXRef-a","name":"x","checksums":[{"algorithm":"SHA256","checksumValue":"` + a + `"},{"algorithm":"SHA256","checksumValue":"` + b + `"}]}]}`, "two checksums of one algorithm"},
		{"spdx: prose without an end", "spdx-tag-value", "SPDXVersion: SPDX-2.3\nDocumentComment: <text>a\n", "does not end"},
		{"spdx: a name of several lines", "spdx-tag-value", "SPDXVersion: SPDX-2.3\nPackageName: <text>a\nb</text>\n", "takes several lines"},
		{"openvex: a product of two artifacts", "openvex", `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2026-11-22T12:00:00Z","statements":[
			{"vulnerability":{"name":"CVE-1"},"status":"fixed","products":[{"@id":"x","hashes":{"sha-256":"` + a + `","sha256":"` + b + `"}}]}]}`, "two digests of one algorithm"},
		{"sarif: a pass that is an error", "sarif", `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[{"id":"r"}]}},"results":[{"ruleId":"r","kind":"pass","level":"error"}]}]}`, "expected none"},
		{"sarif: informational warning", "sarif", `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[{"id":"r"}]}},"results":[{"ruleId":"r","kind":"informational","level":"warning"}]}]}`, "expected none"},
		{"junit: failure in another case", "junit", `<testsuite><testcase name="a"><Failure/></testcase></testsuite>`, `element "Failure"`},
		{"junit: timeout", "junit", `<testsuite><testcase name="a"><timeout/></testcase></testsuite>`, `element "timeout"`},
		{"junit: failed in capitals", "junit", `<testsuite><testcase name="a" status="FAILED"/></testsuite>`, "is said to have failed"},
		{"junit: failed only when run again", "junit", `<testsuite><testcase name="a"><rerunFailure/></testcase></testsuite>`, "run again"},
		{"osv-scanner: in a group alone", "osv-scanner", `{"results":[{"packages":[{"package":{"name":"a","version":"1","ecosystem":"npm"},"groups":[{"ids":["CVE-1"]}]}]}]}`, "not among its vulnerabilities"},
		{"cobertura: endless name", "cobertura", `<coverage><packages><package><classes><class filename="` + strings.Repeat("x", maxPath+1) + `"/></classes></package></packages></coverage>`, "expected at most"},
		{"lcov: endless name", "lcov", "SF:" + strings.Repeat("x", maxPath+1) + "\nend_of_record\n", "expected at most"},
		{"security-md: a book", "security-md", strings.Repeat("report to security@a.example.org\n", maxPolicy/32), "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, f := range All() {
				if f.Name() != tt.format {
					continue
				}
				facts, err := f.Read(bytes.NewReader([]byte(tt.doc)))
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("Read(%.200q) = %+v, %v, want an error with %q", tt.doc, facts, err, tt.want)
				}
				return
			}
			t.Fatalf("no format %q", tt.format)
		})
	}
}

func TestGoTestJSON_failedThenSkipped(t *testing.T) {
	facts, err := goTestJSON{}.Read(strings.NewReader(`{"Action":"start","Package":"p"}
{"Action":"fail","Package":"p","Test":"T"}
{"Action":"fail","Package":"p"}
{"Action":"start","Package":"p"}
{"Action":"skip","Package":"p","Test":"T"}
{"Action":"pass","Package":"p"}
`))
	if err != nil {
		t.Fatal(err)
	}
	if facts.Tests.Failed != 1 || facts.Tests.Skipped != 0 {
		t.Errorf("Read(failed, then skipped) = %+v, want one failure", *facts.Tests)
	}
}

// A secret, or a rule's id, is found whatever component its rule stands in.
func TestSARIF_rulesInSeveralComponents(t *testing.T) {
	facts, err := sarif{"sarif", "analysis"}.Read(strings.NewReader(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[{"id":"a","defaultConfiguration":{"level":"note"}}]},
		"extensions":[{"name":"x"},{"name":"y","rules":[{"id":"b","guid":"G-1","defaultConfiguration":{"level":"error"}},{"id":"a","defaultConfiguration":{"level":"error"}}]}]},
		"results":[{"ruleId":"a"},{"ruleId":"b/1"},{"rule":{"guid":"g-1"}},{"rule":{"id":"a","toolComponent":{"name":"y"}}},{"ruleId":"c"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var levels []string
	for _, r := range facts.Analysis.Results {
		levels = append(levels, r.Level)
	}
	if got, want := strings.Join(levels, " "), "note error error error warning"; got != want {
		t.Errorf("levels = %s, want %s", got, want)
	}
}
