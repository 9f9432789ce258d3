package evidence

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

// soundReports holds one sound document of each format for what is found by
// testing and analysing; the seeds of the fuzz targets.
var soundReports = map[string]string{
	"sarif":           sarifRunOf(`,"results":[{"ruleId":"R2","message":{"text":"m"}}]`),
	"sarif-secrets":   sarifRunOf(`,"results":[{"ruleId":"R2","message":{"text":"m"}}]`),
	"gitleaks-json":   gitleaksFinding,
	"trufflehog-json": truffleLeak + "\n" + truffleDone,
	"junit":           `<testsuites><testsuite tests="2" failures="1"><testcase name="a"/><testcase name="b"><failure message="m"/></testcase></testsuite></testsuites>`,
	"go-test-json":    goEvents("start p", "run p A", "pass p A", "pass p"),
	"go-cover":        "mode: set\nb.go:1.2,3.4 3 1\n",
	"cobertura":       coberturaOf(`lines-valid="1"`, `<line number="1" hits="1"/>`),
	"jacoco":          `<report><package><counter type="LINE" missed="0" covered="1"/></package><counter type="LINE" missed="0" covered="1"/></report>`,
	"lcov":            "SF:a.c\nDA:1,1\nLF:1\nLH:1\nend_of_record\n",
	"threagile-risks": `[{"category":"c","synthetic_id":"c@a","severity":"high"}]`,
	"threagile-model": "threagile_version: 1.0.0\ntitle: t\ndate: 2026-11-20\ntechnical_assets:\n  A:\n    id: a\n",
	"threat-dragon":   `{"version":"2.4.0","detail":{"diagrams":[{"cells":[{"data":{"type":"tm.Process","threats":[{"id":"1","status":"Open"}]}}]}]}}`,
	"security-md":     "# Security\n\nReport to security@greet.dev\n",
}

func TestHostileReports(t *testing.T) {
	zipped := func(doc string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(doc)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for format, sound := range soundReports {
		t.Run(format, func(t *testing.T) {
			f := formatNamed(t, format)
			facts := mustRead(t, format, sound)
			for _, fact := range f.Gives() {
				if !facts.Has(fact) {
					t.Errorf("the sound report gives no %s", fact)
				}
			}
			if diff := cmp.Diff(asJSON(t, facts), asJSON(t, mustRead(t, format, "\ufeff"+sound))); diff != "" {
				t.Errorf("with a byte order mark (-without +with):\n%s", diff)
			}
			hostile := map[string]string{
				"empty": "", "blank": " \n\t\n", "gzip": zipped(sound), "zip": "PK\x03\x04" + sound,
				"utf16": "\xff\xfe[\x00]\x00", "not_text": "\xc3\x28",
			}
			if format != "security-md" { // any text is Markdown
				hostile["other_json"] = `{"hello":"world"}`
				hostile["other_xml"] = `<html><body>502 Bad Gateway</body></html>`
				hostile["prose"] = "no such file or directory"
				hostile["null"] = "null"
				hostile["number"] = "1"
				hostile["nested"] = strings.Repeat("[", 100_000)
				hostile["nested_objects"] = strings.Repeat(`{"runs":`, 5000) + "1" + strings.Repeat("}", 5000)
				hostile["nested_xml"] = strings.Repeat("<testsuite>", 5000) + strings.Repeat("</testsuite>", 5000)
				hostile["twice"] = sound + "\n" + sound
			}
			switch format {
			case "go-cover", "lcov", "trufflehog-json", "go-test-json", "threagile-model", "security-md":
			default: // whole documents: every shorter one is cut off
				for _, n := range []int{len(sound) / 4, len(sound) / 2, len(sound) - 1} {
					hostile[fmt.Sprintf("cut_off_at_%d", n)] = sound[:n]
				}
			}
			if format == "trufflehog-json" || format == "lcov" {
				delete(hostile, "twice") // one record after another is what they are
			}
			if format == "go-test-json" { // and so may a package be run again
				delete(hostile, "twice")
			}
			for name, doc := range hostile {
				if facts, err := f.Read(strings.NewReader(doc)); err == nil {
					t.Errorf("%s: read as %s", name, asJSON(t, facts))
				}
			}
		})
	}
	for format, doc := range map[string]string{
		"sarif":           `{"version":"2.1.0","version":"2.1.0","runs":[]}`,
		"sarif-secrets":   `{"version":2.1,"runs":[]}`,
		"gitleaks-json":   `[{"RuleID":"a","File":"f","StartLine":"three"}]`,
		"trufflehog-json": `{"SourceMetadata":{"Data":[]},"DetectorName":"x"}`,
		"go-test-json":    `{"Time":"yesterday","Action":"pass","Package":"p"}`,
		"threagile-risks": `[{"category":"c","synthetic_id":1}]`,
		"threagile-model": "threagile_version: 1.0.0\na: &x 1\nb: *x\n",
		"threat-dragon":   `{"version":"2.0","detail":{"diagrams":{}}}`,
	} {
		if _, err := formatNamed(t, format).Read(strings.NewReader(doc)); err == nil {
			t.Errorf("%s: read %s without an error", format, doc)
		}
	}
}

// fuzz checks what holds for any bytes: the same bytes give the same facts,
// facts hold what the format declares and nothing else, and counts add up.
func fuzz(f *testing.F, name string) {
	format := formatNamed(f, name)
	f.Add([]byte(soundReports[name]))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := format.Read(bytes.NewReader(data))
		if err != nil {
			if !cmp.Equal(facts, criteria.Facts{}, cmp.AllowUnexported(criteria.Digest{})) {
				t.Fatalf("facts beside the error %v", err)
			}
			return
		}
		again, err := format.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("the second reading gives %v", err)
		}
		if a, b := asJSON(t, facts), asJSON(t, again); a != b {
			t.Fatalf("two readings differ:\n%s\n%s", a, b)
		}
		for _, fact := range []criteria.Fact{
			criteria.FactTests, criteria.FactCoverage, criteria.FactAnalysis, criteria.FactSecrets, criteria.FactThreats, criteria.FactSecurityPolicy,
		} {
			if declared := fact == format.Gives()[0]; facts.Has(fact) != declared {
				t.Fatalf("gives %s: %v, declared %v", fact, !declared, declared)
			}
		}
		if c := facts.Tests; c != nil && (c.Passed < 0 || c.Failed < len(c.Failures) || c.Skipped < 0 || c.Flaky > c.Passed) {
			t.Fatalf("counts do not add up: %+v", c)
		}
		if c := facts.Coverage; c != nil {
			for _, r := range []*criteria.Ratio{c.Statements, c.Lines, c.Branches} {
				if r != nil && (r.Covered < 0 || r.Covered > r.Total) {
					t.Fatalf("covers %d of %d", r.Covered, r.Total)
				}
			}
		}
	})
}

func FuzzSARIF(f *testing.F)          { fuzz(f, "sarif") }
func FuzzSARIFSecrets(f *testing.F)   { fuzz(f, "sarif-secrets") }
func FuzzGitleaksJSON(f *testing.F)   { fuzz(f, "gitleaks-json") }
func FuzzTrufflehogJSON(f *testing.F) { fuzz(f, "trufflehog-json") }
func FuzzJUnit(f *testing.F)          { fuzz(f, "junit") }
func FuzzGoTestJSON(f *testing.F)     { fuzz(f, "go-test-json") }
func FuzzGoCover(f *testing.F)        { fuzz(f, "go-cover") }
func FuzzCobertura(f *testing.F)      { fuzz(f, "cobertura") }
func FuzzJaCoCo(f *testing.F)         { fuzz(f, "jacoco") }
func FuzzLCOV(f *testing.F)           { fuzz(f, "lcov") }
func FuzzThreagileRisks(f *testing.F) { fuzz(f, "threagile-risks") }
func FuzzThreagileModel(f *testing.F) { fuzz(f, "threagile-model") }
func FuzzThreatDragon(f *testing.F)   { fuzz(f, "threat-dragon") }
func FuzzSecurityMD(f *testing.F)     { fuzz(f, "security-md") }

// TestQuickstartReports reads what real tools wrote about the quickstart.
func TestQuickstartReports(t *testing.T) {
	read := func(format, name string) criteria.Facts {
		t.Helper()
		data, err := os.ReadFile(filepath.Join("../../examples/quickstart", name))
		if err != nil {
			t.Fatal(err)
		}
		return mustRead(t, format, string(data))
	}
	if s := read("sarif", "evidence/staticcheck.sarif").Analysis; !s.Complete || s.Rules < 100 || len(s.Results) != 0 {
		t.Errorf("staticcheck: complete %v, %d rules, %d results, want a clean run", s.Complete, s.Rules, len(s.Results))
	}
	if s := read("sarif", "evidence/gosec.sarif").Analysis; !s.Complete || s.Rules != 1 || len(s.Results) != 1 || s.Results[0].Level != "error" {
		t.Errorf("gosec: %+v, want one error", s)
	}
	if s := read("sarif-secrets", "evidence/gitleaks.sarif").Secrets; !s.Complete || s.Rules < 100 || len(s.Results) != 0 {
		t.Errorf("gitleaks: complete %v, %d rules, %d results, want a clean run", s.Complete, s.Rules, len(s.Results))
	}
	if s := read("gitleaks-json", "evidence/gitleaks.json").Secrets; !s.Complete || s.Rules != -1 || len(s.Results) != 0 {
		t.Errorf("gitleaks: %+v, want a clean run", s)
	}
	unit, events := read("junit", "evidence/unit.xml"), read("go-test-json", "evidence/unit.json")
	if diff := cmp.Diff(unit.Tests, events.Tests); diff != "" || unit.Tests.Passed == 0 || unit.Tests.Failed != 0 || unit.Time.IsZero() {
		t.Errorf("the same tests as JUnit and as events (-junit +events):\n%s%+v", diff, unit.Tests)
	}
	if c := read("go-cover", "evidence/coverage.out").Coverage.Statements; c.Percent() < 80 || c.Percent() > 100 {
		t.Errorf("coverage is %+v", c)
	}
	if r := read("threagile-risks", "evidence/risks.json").Threats; len(r.Items) < 10 {
		t.Errorf("Threagile lists %d risks, want the model's", len(r.Items))
	}
	if m := read("threagile-model", "source/threat-model/threagile.yaml").Threats; m.Modelled != 5 || m.Reviewed.IsZero() || m.Reviewer == "" {
		t.Errorf("the model is %+v, want five reviewed assets", m)
	}
	if p := read("security-md", "source/SECURITY.md").SecurityPolicy; len(p.Contacts) != 1 || !p.Contacts[0].Reporting || p.Contacts[0].Placeholder || !p.Disclosure {
		t.Errorf("the policy is %+v, want one contact", p)
	}
}

// TestSharedScans reads reports that others published.
func TestSharedScans(t *testing.T) {
	dir := "../../../shared/data/reports"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the shared data is not here")
	}
	for _, tt := range []struct {
		format, name    string
		results, failed int
	}{
		{"sarif", "sarif/nginx-grype.sarif.json", 99, 0},
		{"sarif", "sarif/nginx-snyk.sarif.json", 65, 0},
		{"sarif", "sarif/nginx-trivy.sarif.json", 99, 0},
		{"sarif", "sarif/trivy-alpine-310.sarif", 4, 0},
		{"sarif-secrets", "gitleaks/sarif_simple.sarif", 1, 0},
		{"gitleaks-json", "gitleaks/json_simple.json", 1, 0},
		{"gitleaks-json", "gitleaks/empty.json", 0, 0},
		{"junit", "gitleaks/junit_simple.xml", 0, 2},
		{"junit", "gitleaks/junit_empty.xml", 0, 0},
		{"junit", "trivy/alpine-310.junit.xml", 0, 4},
	} {
		data, err := os.ReadFile(filepath.Join(dir, tt.name))
		if err != nil {
			t.Error(err)
			continue
		}
		f := mustRead(t, tt.format, string(data))
		results, failed := 0, 0
		switch {
		case f.Analysis != nil:
			results = len(f.Analysis.Results)
		case f.Secrets != nil:
			results = len(f.Secrets.Results)
		case f.Tests != nil:
			failed = f.Tests.Failed
		}
		if results != tt.results || failed != tt.failed {
			t.Errorf("%s: %d results and %d failed tests, want %d and %d", tt.name, results, failed, tt.results, tt.failed)
		}
		if strings.Contains(asJSON(t, f), "a secret") && tt.format != "junit" {
			t.Errorf("%s: the facts hold the secret", tt.name)
		}
	}
}
