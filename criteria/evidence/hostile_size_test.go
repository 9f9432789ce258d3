package evidence

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// hostile is a report whose shape costs a careless reader more than its size.
type hostile struct {
	name, format string
	// head and tail stand around n times part, separated by sep; n is as large
	// as the size allows. A %d in part is replaced by its number.
	head, part, sep, tail string
}

// of returns the report with about size bytes.
func (h hostile) of(size int) []byte {
	var b bytes.Buffer
	b.WriteString(h.head)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteString(h.sep)
		}
		b.WriteString(strings.ReplaceAll(h.part, "%d", strconv.Itoa(i)))
	}
	b.WriteString(h.tail)
	return b.Bytes()
}

var sha40 = strings.Repeat("a", 40)

func hostileShapes() []hostile {
	const (
		cdx   = `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{`
		spdx  = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x",`
		sarif = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[`
		git   = `{"exported_at":"2026-11-22T12:00:00Z","repository":{"full_name":"a/b","default_branch":"main"},"head":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","commit_pulls":{},"collaborators":[],`
		vex   = `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2026-11-22T12:00:00Z","statements":[`
		grype = `{"source":{"type":"image","target":{"repoDigests":[`
	)
	long := strings.Repeat("x", 1<<10)
	return []hostile{
		{"lines", "slsa-provenance", "", `{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[]}`, "\n", "\n"},
		{"attestations", "slsa-provenance", `{"attestations":[`, `{"bundle":{}}`, ",", "]}"},
		{"signatures", "slsa-provenance", `{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[`, `{"sig":"AA=="}`, ",", "]}"},
		{"subjects", "slsa-provenance", `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","subject":[`, `{"digest":{"sha256":"2222222222222222222222222222222222222222222222222222222222222222"}}`, ",", `],"predicate":{}}`},
		{"provenances", "gcb-provenance", `{"image_summary":{"digest":"sha256:2222222222222222222222222222222222222222222222222222222222222222"},"provenance_summary":{"provenance":[`, `{"envelope":{"payload":"e30="}}`, ",", "]}}"},
		{"one wide provenance", "gcb-provenance", `{"image_summary":{"digest":"sha256:2222222222222222222222222222222222222222222222222222222222222222"},"provenance_summary":{"provenance":[{`, `"k%d":1`, ",", "}]}}"},
		{"links in one paragraph", "security-md", "# Security\n\nreport to ", "https://a.example/%d", " ", ""},
		{"addresses in one paragraph", "security-md", "# Security\n\nreport to ", "a%d@b.example.org", " ", ""},
		{"brackets", "security-md", "# Security\n\n", "[", "", ""},
		{"open images", "security-md", "# Security\n\n", "![a](", "", ""},
		{"open blanks", "security-md", "# Security\n\n", "[insert ", "", ""},
		{"spelled dots", "security-md", "# Security\n\na [at] b", "[dot]c", "", ""},
		{"open comments", "security-md", "# Security\n\n", "<!-- ", "", ""},
		{"reference links", "security-md", "# Security\n\n[a]: b\n\n", "[a", "", ""},
		{"references", "security-md", "# Security\n\n", "[a%d]: https://b.example/%d", "\n", "\n"},
		{"headings", "security-md", "", "# a", "\n", "\n"},
		{"one long heading", "security-md", "# ", "# ", "", "x"},
		{"ids in one entry", "changelog", "## 1.0.0\n", "CVE-2024-%d", " ", ""},
		{"entries", "changelog", "", "## 1.0.%d", "\n", "\n"},
		{"one long heading", "changelog", "## 1.0.0\n# ", "# ", "", "x"},
		{"comments", "changelog", "## 1.0.0\n", "a<!-- -->", "", ""},
		{"open comments", "changelog", "## 1.0.0\na", "<!-- ", "", ""},
		{"fences", "changelog", "## 1.0.0\n", "```", "\n", "\n"},
		{"authors", "cyclonedx-json", cdx + `"authors":[`, `{"name":"%d"}`, ",", `]}}`},
		{"lifecycles", "cyclonedx-json", cdx + `"lifecycles":[`, `{"name":"%d"}`, ",", `]}}`},
		{"hashes in properties", "cyclonedx-json", cdx + `"properties":[`, `{"name":"cdx:gomod:binary:hash:SHA-256","value":"` + strings.Repeat("0", 56) + `%d"}`, ",", `]}}`},
		{"components", "cyclonedx-json", cdx + `"component":{"name":"a","type":"application"}},"components":[`, `{"name":"%d","type":"library"}`, ",", `]}`},
		{"components", "cyclonedx-xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>`, `<component type="library"><name>%d</name></component>`, "", `</components></bom>`},
		{"authors", "cyclonedx-xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata><authors>`, `<author><name>%d</name></author>`, "", `</authors></metadata></bom>`},
		{"creators", "spdx-json", spdx + `"creationInfo":{"creators":[`, `"Person: %d"`, ",", `]}}`},
		{"hyphens", "spdx-json", spdx + `"creationInfo":{"creators":["Tool: `, `-`, "", `"]}}`},
		{"packages", "spdx-json", spdx + `"packages":[`, `{"SPDXID":"SPDXRef-%d","name":"a"}`, ",", `]}`},
		{"described packages", "spdx-json", spdx + `"packages":[`, `{"SPDXID":"SPDXRef-%d","name":"a"}`, ",", `]}`},
		{"relations", "spdx-json", spdx + `"packages":[{"SPDXID":"SPDXRef-a","name":"a"}],"relationships":[`, `{"spdxElementId":"SPDXRef-a","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-a"}`, ",", `]}`},
		{"nulls", "spdx-json", spdx + `"packages":[`, `null`, ",", `]}`},
		{"packages", "spdx-tag-value", "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: x\nDocumentNamespace: https://x.example\nCreator: Tool: t\nCreated: 2026-11-22T12:00:00Z\n", "PackageName: a%d\nSPDXID: SPDXRef-%d\nPackageDownloadLocation: NONE\n", "\n", ""},
		{"files", "spdx-tag-value", "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: x\nDocumentNamespace: https://x.example\nCreator: Tool: t\nCreated: 2026-11-22T12:00:00Z\n", "FileName: a%d\nSPDXID: SPDXRef-%d\n", "\n", ""},
		{"creators", "spdx-tag-value", "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: x\nDocumentNamespace: https://x.example\n", "Creator: Tool: t%d", "\n", "\n"},
		{"open text", "spdx-tag-value", "SPDXVersion: SPDX-2.3\nDocumentComment: <text>", "a\n", "", ""},
		{"rules and results", "sarif", sarif, `{"id":"r%d"}`, ",", `]}},"results":[` + strings.TrimSuffix(strings.Repeat(`{"ruleId":"none/of/them"},`, 20_000), ",") + `]}]}`},
		{"overrides", "sarif", sarif + strings.TrimSuffix(strings.Repeat(`{"id":"q"},`, 2000), ",") + `,{"id":"r"}]}},"invocations":[{"executionSuccessful":true,"ruleConfigurationOverrides":[`, `{"descriptor":{"id":"s%d"},"configuration":{"level":"note"}}`, ",", `]}],"results":[` + strings.TrimSuffix(strings.Repeat(`{"ruleId":"r"},`, 2000), ",") + `]}]}`},
		{"slashes", "sarif", sarif + strings.TrimSuffix(strings.Repeat(`{"id":"q"},`, 2000), ",") + `]}},"results":[{"ruleId":"`, "a/", "", `"}]}]}`},
		{"extensions", "sarif", `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"},"extensions":[`, `{"name":"e%d"}`, ",", `]},"results":[` + strings.TrimSuffix(strings.Repeat(`{"ruleId":"x"},`, 10_000), ",") + `]}]}`},
		{"revisions", "sarif", sarif + `]}},"results":[],"versionControlProvenance":[`, `{"revisionId":"` + strings.Repeat("0", 32) + `%d"}`, ",", `]}]}`},
		{"runs", "sarif", `{"version":"2.1.0","runs":[`, `{"tool":{"driver":{"name":"t"}},"results":[]}`, ",", `]}`},
		{"cases", "junit", `<testsuite>`, `<testcase name="a%d"/>`, "", `</testsuite>`},
		{"failures", "junit", `<testsuite><testcase name="a">`, `<failure>x</failure>`, "", `</testcase></testsuite>`},
		{"suites", "junit", `<testsuites>`, `<testsuite name="%d"/>`, "", `</testsuites>`},
		{"attributes", "junit", `<testsuite `, `a%d=""`, " ", `/>`},
		{"commits in properties", "junit", `<testsuite><properties>`, `<property name="gitCommit" value="` + sha40 + `"/>`, "", `</properties></testsuite>`},
		{"tests", "go-test-json", "", `{"Action":"pass","Package":"p","Test":"T%d"}`, "\n", "\n" + `{"Action":"pass","Package":"p"}` + "\n"},
		{"runs of a package", "go-test-json", "", `{"Action":"pass","Package":"p"}`, "\n", "\n"},
		{"packages", "go-test-json", "", `{"Action":"pass","Package":"p%d"}`, "\n", "\n"},
		{"failures", "go-test-json", "", `{"Action":"fail","Package":"p","Test":"T%d"}`, "\n", "\n" + `{"Action":"fail","Package":"p"}` + "\n"},
		{"lines", "cobertura", `<coverage><packages><package><classes><class filename="a"><lines>`, `<line number="%d" hits="1"/>`, "", `</lines></class></classes></package></packages></coverage>`},
		{"lines of a long name", "cobertura", `<coverage><packages><package><classes><class filename="` + strings.Repeat(long, 1<<9) + `"><lines>`, `<line number="%d" hits="1"/>`, "", `</lines></class></classes></package></packages></coverage>`},
		{"open document types", "cobertura", `<?xml version="1.0"?>`, `<!--a-->`, "", `<!DOCTYPE`},
		{"packages", "jacoco", `<report>`, `<package name="%d"><counter type="LINE" missed="0" covered="0"/></package>`, "", `</report>`},
		{"lines of a long name", "lcov", "SF:" + strings.Repeat(long, 1<<9) + "\n", "DA:%d,1", "\n", "\nend_of_record\n"},
		{"records", "lcov", "", "SF:a%d\nend_of_record", "\n", "\n"},
		{"branches", "lcov", "SF:a\n", "BRDA:1,0,%d,1", "\n", "\nend_of_record\n"},
		{"commas", "lcov", "SF:a\nBRDA:1", ",", "", "\nend_of_record\n"},
		{"blocks", "go-cover", "mode: set\n", "a.go:%d.1,2.1 1 1", "\n", "\n"},
		{"one long line", "go-cover", "mode: set\n", "a:1.1,1.1 ", "", "\n"},
		{"leaks", "gitleaks-json", "[", `{"RuleID":"a","File":"%d"}`, ",", "]"},
		{"findings", "trufflehog-json", "", `{"SourceMetadata":{"Data":{"Git":{"file":"%d"}}},"DetectorName":"a"}`, "\n", "\n"},
		{"sources", "trufflehog-json", `{"SourceMetadata":{"Data":{`, `"%d":{}`, ",", `}},"DetectorName":"a"}`},
		{"fixes", "osv-scanner", `{"results":[{"packages":[{"package":{"name":"a","version":"1","ecosystem":"npm"},"vulnerabilities":[{"id":"X","affected":[{"package":{"name":"a"},"ranges":[{"type":"SEMVER","events":[`, `{"fixed":"%d"}`, ",", `]}]}]}]}]}]}`},
		{"packages", "osv-scanner", `{"results":[{"packages":[`, `{"package":{"name":"%d","version":"1","ecosystem":"npm"}}`, ",", `]}]}`},
		{"related", "grype-json", grype + `]}},"descriptor":{"name":"grype"},"matches":[{"artifact":{"name":"a"},"vulnerability":{"id":"X"},"relatedVulnerabilities":[`, `{"id":"%d"}`, ",", `]}]}`},
		{"digests", "grype-json", grype, `"a@sha256:` + strings.Repeat("0", 56) + `%d"`, ",", `]}},"descriptor":{"name":"grype"},"matches":[]}`},
		{"fixes", "trivy-json", `{"SchemaVersion":2,"ArtifactName":"a","ArtifactType":"b","Results":[{"Vulnerabilities":[{"VulnerabilityID":"X","PkgName":"a","FixedVersion":"`, `%d`, ",", `"}]}]}`},
		{"vendor ids", "trivy-json", `{"SchemaVersion":2,"ArtifactName":"a","ArtifactType":"b","Results":[{"Vulnerabilities":[{"VulnerabilityID":"X","PkgName":"a","VendorIDs":[`, `"%d"`, ",", `]}]}]}`},
		{"statements", "openvex", vex, `{"vulnerability":{"name":"%d"},"status":"under_investigation","products":[{"@id":"pkg:npm/a@%d"}]}`, ",", `]}`},
		{"products", "openvex", vex + `{"vulnerability":{"name":"X"},"status":"under_investigation","products":[`, `{"@id":"pkg:npm/a@%d"}`, ",", `]}]}`},
		{"slashes in a product", "openvex", vex + `{"vulnerability":{"name":"X"},"status":"under_investigation","products":[{"@id":"pkg:npm/`, `a/`, "", `b"}]}]}`},
		{"qualifiers", "openvex", vex + `{"vulnerability":{"name":"X"},"status":"under_investigation","products":[{"@id":"pkg:npm/a?`, `a%d=b`, "&", `"}]}]}`},
		{"entries", "kev", `{"vulnerabilities":[`, `{"cveID":"CVE-2024-%d"}`, ",", `]}`},
		{"rows", "epss", "cve,epss\n", "CVE-2024-%d,0.5", "\n", "\n"},
		{"requirements", "go-mod", "module a.example/a\n\ngo 1.26\n\nrequire (\n", "\ta%d.example/b v1.0.0", "\n", "\n)\n"},
		{"tags", "git-tags", "", sha40 + " refs/tags/v%d", "\n", "\n"},
		{"co-authors", "gitea", git + `"pulls":[],"commits":[{"sha":"` + sha40 + `","files":[],"commit":{"message":"`, `Co-authored-by: a <a%d@b.example>`, `\n`, `"}}]}`},
		{"commits", "gitea", git + `"pulls":[],"commits":[`, `{"sha":"` + strings.Repeat("0", 32) + `%d","files":[]}`, ",", `]}`},
		{"pulls", "gitea", git + `"commits":[],"pulls":[`, `{"pull":{"number":1%d,"base":{"ref":"main"},"head":{"sha":"` + sha40 + `"}}}`, ",", `]}`},
		{"files", "gitea", git + `"pulls":[],"commits":[{"sha":"` + sha40 + `","files":[`, `{"filename":"%d"}`, ",", `]}]}`},
		{"protections", "gitea", git + `"pulls":[],"commits":[],"branch_protections":[`, `{"rule_name":"*a*b*c*%d"}`, ",", `]}`},
		{"assets", "threagile-model", "threagile_version: 1.0.0\ntechnical_assets:\n", "  a%d: {}", "\n", "\n"},
		{"dashes", "threagile-model", "threagile_version: 1.0.0\nx: ", "[", "", ""},
		{"folded", "threagile-model", "threagile_version: 1.0.0\nx: >\n", "  a", "\n", "\n"},
		{"plain", "threagile-model", "threagile_version: 1.0.0\nx: a\n", "   b", "\n", "\n"},
		{"risks", "threagile-risks", "[", `{"synthetic_id":"%d","category":"c"}`, ",", "]"},
		{"tags in a title", "threagile-risks", `[{"synthetic_id":"a","category":"c","title":"`, `<`, "", `"}]`},
		{"threats", "threat-dragon", `{"version":"2.0","detail":{"diagrams":[{"cells":[{"data":{"threats":[`, `{"id":"a","title":"b"}`, ",", `]}}]}]}}`},
		{"blank lines", "in-toto-pipeline", "", "\n", "", ""},
	}
}

// A reader that takes more than in proportion to its report's size can be held
// up for hours by a report below the size that is accepted. What is measured
// here is read in a fraction of a second; square time would take minutes.
func TestRead_takesTimeInProportion(t *testing.T) {
	if testing.Short() {
		t.Skip("measuring takes half a minute")
	}
	size, limit := 960<<10, 2*time.Minute
	if s := os.Getenv("HALLMARK_HOSTILE_MIB"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		size, limit = n<<20, time.Duration(n)*2*time.Minute
	}
	formats := make(map[string]criteria.Format)
	for _, f := range All() {
		formats[f.Name()] = f
	}
	covered := make(map[string]bool)
	stuck := false
	for _, h := range hostileShapes() {
		covered[h.format] = true
		t.Run(h.format+"/"+h.name, func(t *testing.T) {
			f, ok := formats[h.format]
			if !ok {
				t.Fatalf("no format %q", h.format)
			}
			if stuck {
				t.Skip("another reader is still busy")
			}
			data := h.of(size)
			done := make(chan string, 1)
			start := time.Now()
			go func() {
				_, err := f.Read(bytes.NewReader(data))
				done <- fmt.Sprintf("%.120v", err)
			}()
			select {
			case err := <-done:
				if took := time.Since(start); took > time.Second || testing.Verbose() {
					t.Logf("%d bytes read in %v: %s", len(data), took.Round(time.Millisecond), err)
				}
			case <-time.After(limit):
				stuck = true
				t.Fatalf("reading %d bytes takes longer than %v", len(data), limit)
			}
		})
	}
	for name := range formats {
		if !covered[name] && name != "sarif-secrets" {
			t.Errorf("no hostile report of format %s", name)
		}
	}
}
