package evidence

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
)

const (
	hexA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hexB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

const soundCycloneDX = `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:1","version":1,
"metadata":{"timestamp":"2026-11-22T12:00:00Z","lifecycles":[{"phase":"post-build"}],
 "tools":{"components":[{"type":"application","name":"cyclonedx-gomod","version":"v1.9.0"}]},
 "authors":[{"name":"Ada","email":"ada@acme.example"}],"manufacturer":{"name":"Acme","url":["https://acme.example"]},
 "properties":[{"name":"cdx:gomod:binary:hash:SHA-256","value":"` + hexB + `"},{"name":"cdx:gomod:binary:hash:MD5","value":"00"}],
 "component":{"bom-ref":"main","type":"application","name":"widget","version":"v1","hashes":[{"alg":"SHA-256","content":"` + hexA + `"},{"alg":"SHA-1","content":"00"}],
  "components":[{"bom-ref":"inner","type":"library","name":"inner"}]}},
"components":[{"bom-ref":"lib","type":"library","group":"org.example","name":"lib","version":"2","scope":"optional","supplier":{"name":"Lib Ltd","contact":[{"email":"lib@lib.example"}]},
  "purl":"pkg:maven/org.example/lib@2","cpe":"cpe:2.3:a:lib:lib:2:*:*:*:*:*:*:*","swid":{"tagId":"t","name":"lib"},
  "licenses":[{"license":{"id":"MIT","acknowledgement":"declared"}},{"license":{"name":"Apache","acknowledgement":"concluded"}}],
  "properties":[{"name":"bsi:component:filename","value":"lib.jar"},{"name":"bsi:component:executable","value":"non-executable"},{"name":"bsi:component:archive","value":"archive"},{"name":"bsi:component:structured","value":"structured"}]},
 {"bom-ref":"expr","type":"library","name":"expr","publisher":"Pub","licenses":[{"expression":"MIT OR ISC"}]}],
"dependencies":[{"ref":"main","dependsOn":["lib","expr"]},{"ref":"lib"}]}`

const soundSPDX = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","dataLicense":"CC0-1.0","name":"widget","documentNamespace":"https://acme.example/widget",
"creationInfo":{"created":"2026-11-22T12:00:00Z","creators":["Tool: syft-1.42.0","Person: Ada (ada@acme.example)"]},
"packages":[
 {"SPDXID":"SPDXRef-main","name":"widget","versionInfo":"v1","supplier":"Organization: Acme","downloadLocation":"NOASSERTION","primaryPackagePurpose":"FILE","checksums":[{"algorithm":"SHA256","checksumValue":"` + hexA + `"},{"algorithm":"SHA1","checksumValue":"00"}]},
 {"SPDXID":"SPDXRef-lib","name":"lib","versionInfo":"2","supplier":"NOASSERTION","downloadLocation":"NOASSERTION","licenseConcluded":"NOASSERTION","licenseDeclared":"MIT","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/lib@2"},{"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:lib:lib:2:*:*:*:*:*:*:*"}]},
 {"SPDXID":"SPDXRef-none","name":"none","downloadLocation":"NOASSERTION","licenseConcluded":"NOASSERTION","licenseDeclared":"NONE"}],
"files":[{"SPDXID":"SPDXRef-file","fileName":"./x"}],
"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-main"},
 {"spdxElementId":"SPDXRef-lib","relationshipType":"DEPENDENCY_OF","relatedSpdxElement":"SPDXRef-main"},
 {"spdxElementId":"SPDXRef-main","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-file"},
 {"spdxElementId":"SPDXRef-lib","relationshipType":"OTHER","relatedSpdxElement":"SPDXRef-none"}]}`

const soundTagValue = `SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: widget
DocumentNamespace: https://acme.example/widget
Creator: Tool: syft-1.42.0
Creator: Person: Ada (ada@acme.example)
Created: 2026-11-22T12:00:00Z

PackageName: widget
SPDXID: SPDXRef-main
PackageVersion: v1
PackageSupplier: Organization: Acme
PackageDownloadLocation: NOASSERTION
PrimaryPackagePurpose: FILE
FilesAnalyzed: false
PackageChecksum: SHA256: ` + hexA + `
PackageChecksum: SHA1: 00

PackageName: lib
SPDXID: SPDXRef-lib
PackageVersion: 2
PackageSupplier: NOASSERTION
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: MIT
ExternalRef: PACKAGE-MANAGER purl pkg:npm/lib@2
ExternalRef: SECURITY cpe23Type cpe:2.3:a:lib:lib:2:*:*:*:*:*:*:*

PackageName: none
SPDXID: SPDXRef-none
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: NONE

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-main
Relationship: SPDXRef-lib DEPENDENCY_OF SPDXRef-main
Relationship: SPDXRef-lib OTHER SPDXRef-none
`

const soundOSV = `{"results":[{"source":{"path":"/x","type":"artifact"},"packages":[
 {"package":{"name":"stdlib","version":"1.26.8","ecosystem":"Go"}},
 {"package":{"name":"example.com/lib","version":"1.0.0","ecosystem":"Go"},
  "groups":[{"ids":["GO-1"],"aliases":["CVE-1","GO-1"],"max_severity":""}],
  "vulnerabilities":[{"id":"GO-1","aliases":["CVE-1"],"summary":"a flaw","published":"2026-01-02T03:04:05Z",
   "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
   "affected":[{"package":{"name":"example.com/lib","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.1"}]}]},
    {"package":{"name":"other","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"fixed":"9"}]}]}],
   "database_specific":{"severity":"HIGH"}},
   {"id":"GO-2","withdrawn":"2026-02-02T03:04:05Z","database_specific":{"severity":3}}]}]},
 {"source":{"path":"/y","type":"artifact"},"packages":[{"package":{"name":"example.com/lib","version":"1.0.0","ecosystem":"Go"}}]}]}`

const soundGrype = `{"matches":[{"vulnerability":{"id":"GHSA-x","namespace":"github:language:go","severity":"High","description":"a flaw\nmore","cvss":[{"source":"x","type":"Secondary","version":"4.0","vector":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}],"fix":{"versions":["1.0.1"],"state":"fixed"}},
 "relatedVulnerabilities":[{"id":"CVE-1","namespace":"nvd:cpe","severity":"Critical","cvss":[]}],
 "artifact":{"name":"example.com/lib","version":"v1.0.0","type":"go-module","purl":"pkg:golang/example.com/lib@v1.0.0"}}],
 "ignoredMatches":[{"vulnerability":{"id":"CVE-2","severity":"Low"},"artifact":{"name":"lib2","version":"1","type":"npm","purl":"pkg:npm/lib2@1"}}],
 "source":{"type":"image","target":{"userInput":"x","imageID":"sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","manifestDigest":"sha256:` + hexA + `","repoDigests":["registry.example/x@sha256:` + hexB + `"]}},
 "descriptor":{"name":"grype","version":"0.100.0","timestamp":"2026-11-22T12:00:00Z","db":{"status":{"schemaVersion":"v6.1.0","from":"https://db.example","built":"2026-11-22T06:00:00Z","valid":true}}}}`

const soundTrivy = `{"SchemaVersion":2,"Trivy":{"Version":"0.70.0"},"CreatedAt":"2026-11-22T12:00:00Z","ArtifactName":"x","ArtifactType":"container_image",
 "Metadata":{"ImageID":"sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","RepoDigests":["registry.example/x@sha256:` + hexA + `"]},
 "Results":[{"Target":"x","Class":"lang-pkgs","Type":"gobinary","Packages":[{"Name":"a"},{"Name":"b"}],
  "Vulnerabilities":[{"VulnerabilityID":"CVE-1","VendorIDs":["DSA-1"],"PkgName":"a","InstalledVersion":"1","FixedVersion":"2, 3","PkgIdentifier":{"PURL":"pkg:golang/a@1"},"Title":"a flaw","Severity":"HIGH","SeveritySource":"nvd","PublishedDate":"2026-01-02T03:04:05Z","CVSS":{"nvd":{"V2Vector":"AV:N/AC:L/Au:N/C:P/I:P/A:P","V3Vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}}],
  "ExperimentalModifiedFindings":[{"Type":"vulnerability","Status":"ignored","Finding":{"VulnerabilityID":"CVE-2","PkgName":"b","InstalledVersion":"1"}}]}]}`

func openVEXOf(statement string) string {
	return `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/vex","author":"Acme","timestamp":"2026-11-20T00:00:00Z","version":1,"statements":[` + statement + `]}`
}

const (
	product    = `"products":[{"@id":"pkg:golang/example.com/widget@v1"}]`
	soundState = `{"vulnerability":{"name":"CVE-1","aliases":["GO-1"]},"status":"not_affected","justification":"component_not_present",` + product + `}`
	soundKEV   = `{"title":"KEV","catalogVersion":"2026.11.20","dateReleased":"2026-11-20T15:00:05.6432Z","count":2,"vulnerabilities":[{"cveID":"CVE-1"},{"cveID":"CVE-2"}]}`
	soundEPSS  = "#model_version:v2026.03.14,score_date:2026-11-20T00:00:00+0000\ncve,epss,percentile\nCVE-2020-1,0.5,0.9\nCVE-2020-2,1e-05,0.1\n"
	soundGoMod = "module example.com/widget\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0\n\texample.com/c v1.0.0\n\texample.com/d v1.0.0 // indirect\n)\n\nreplace example.com/b => example.com/fork v1.1.0\n\nreplace example.com/c => ../c\n"
)

// componentReports holds one sound document of each format about components.
var componentReports = map[string]string{
	"cyclonedx-json": soundCycloneDX,
	"cyclonedx-xml":  `<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><metadata><timestamp>2026-11-22T12:00:00Z</timestamp><component type="application"><name>widget</name><hashes><hash alg="SHA-256">` + hexA + `</hash></hashes></component></metadata><components><component type="library" bom-ref="lib"><name>lib</name><licenses><expression>MIT</expression></licenses></component></components></bom>`,
	"spdx-json":      soundSPDX,
	"spdx-tag-value": soundTagValue,
	"osv-scanner":    soundOSV,
	"grype-json":     soundGrype,
	"trivy-json":     soundTrivy,
	"openvex":        openVEXOf(soundState),
	"kev":            soundKEV,
	"epss":           soundEPSS,
	"go-mod":         soundGoMod,
}

func digest(t testing.TB, hex string) criteria.Digest {
	t.Helper()
	d, err := criteria.ParseDigest("sha256:" + hex)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func diffFacts(t *testing.T, got, want criteria.Facts) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(criteria.Digest{})); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestCycloneDX(t *testing.T) {
	diffFacts(t, mustRead(t, "cyclonedx-json", soundCycloneDX), criteria.Facts{
		Subjects: []criteria.Digest{digest(t, hexA), digest(t, hexB)},
		Time:     noon,
		Tool:     criteria.Tool{Name: "cyclonedx-gomod", Version: "v1.9.0"},
		Components: &criteria.Components{
			Format: "CycloneDX", Version: "1.6", ID: "urn:uuid:1",
			Authors:    []string{"Ada <ada@acme.example>", "Acme <https://acme.example>"},
			Tools:      []criteria.Tool{{Name: "cyclonedx-gomod", Version: "v1.9.0"}},
			Lifecycles: []string{"post-build"},
			Main:       criteria.Component{Ref: "main", Type: "application", Name: "widget", Version: "v1", Digests: []criteria.Digest{digest(t, hexA)}},
			Items: []criteria.Component{
				{Ref: "inner", Type: "library", Name: "inner"},
				{
					Ref: "lib", Type: "library", Name: "org.example/lib", Version: "2", Scope: "optional", Supplier: "Lib Ltd <lib@lib.example>",
					PURL: "pkg:maven/org.example/lib@2", CPEs: []string{"cpe:2.3:a:lib:lib:2:*:*:*:*:*:*:*"}, SWID: "t",
					Licences: []string{"Apache"}, // what was concluded comes before what was declared
					File:     "lib.jar", Executable: "non-executable", Archive: "archive", Structured: "structured",
				},
				{Ref: "expr", Type: "library", Name: "expr", Supplier: "Pub", Licences: []string{"MIT OR ISC"}},
			},
			Dependencies: []criteria.Dependency{{Ref: "main", On: []string{"inner"}}, {Ref: "main", On: []string{"lib", "expr"}}, {Ref: "lib"}},
		},
	})
	mustRefuse(t, "cyclonedx-json", `{"bomFormat":"CycloneDX","specVersion":"9.9"}`, "specVersion")
	mustRefuse(t, "cyclonedx-json", `{"bomFormat":"CycloneDX"}`, "names no version")
	mustRefuse(t, "cyclonedx-json", `{"specVersion":"1.6"}`, `bomFormat is ""`)
	mustRefuse(t, "cyclonedx-json", `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"yesterday"}}`, "metadata.timestamp")
	mustRefuse(t, "cyclonedx-json", `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],"components":[]}`, "stands twice")
	mustRefuse(t, "cyclonedx-json", `{"bomFormat":"CycloneDX","specVersion":"1.6","components":{}}`, "")
	mustRefuse(t, "cyclonedx-xml", `<bom xmlns="http://cyclonedx.org/schema/bom/9.9"/>`, "names no version")
	// A key in another case is another key, to us as to every other reader.
	f := mustRead(t, "cyclonedx-json", `{"bomFormat":"CycloneDX","specVersion":"1.6","Components":[{"type":"library","name":"x"}]}`)
	if len(f.Components.Items) != 0 {
		t.Errorf(`"Components" was read as "components": %v`, f.Components.Items)
	}
	x := mustRead(t, "cyclonedx-xml", componentReports["cyclonedx-xml"])
	if len(x.Subjects) != 1 || x.Components.Version != "1.6" || len(x.Components.Items) != 1 || x.Components.Items[0].Licences[0] != "MIT" || !x.Time.Equal(noon) {
		t.Errorf("as XML: %s", asJSON(t, x))
	}
}

func TestSPDX(t *testing.T) {
	want := criteria.Facts{
		Subjects: []criteria.Digest{digest(t, hexA)},
		Time:     noon,
		Tool:     criteria.Tool{Name: "syft", Version: "1.42.0"},
		Components: &criteria.Components{
			Format: "SPDX", Version: "2.3", ID: "https://acme.example/widget",
			Authors: []string{"Ada (ada@acme.example)"},
			Tools:   []criteria.Tool{{Name: "syft", Version: "1.42.0"}},
			Main:    criteria.Component{Ref: "SPDXRef-main", Type: "file", Name: "widget", Version: "v1", Supplier: "Acme", Digests: []criteria.Digest{digest(t, hexA)}},
			Items: []criteria.Component{
				{Ref: "SPDXRef-lib", Name: "lib", Version: "2", PURL: "pkg:npm/lib@2", CPEs: []string{"cpe:2.3:a:lib:lib:2:*:*:*:*:*:*:*"}, Licences: []string{"MIT"}},
				{Ref: "SPDXRef-none", Name: "none", Licences: []string{"NOASSERTION"}},
			},
			// Neither DESCRIBES nor OTHER says that one needs the other.
			Dependencies: []criteria.Dependency{{Ref: "SPDXRef-main", On: []string{"SPDXRef-lib"}}},
		},
	}
	diffFacts(t, mustRead(t, "spdx-json", soundSPDX), want)
	diffFacts(t, mustRead(t, "spdx-tag-value", soundTagValue), want)
	mustRefuse(t, "spdx-json", `{"spdxVersion":"SPDX-3.0","SPDXID":"x"}`, `spdxVersion is "SPDX-3.0"`)
	mustRefuse(t, "spdx-json", strings.Replace(soundSPDX, "2026-11-22T12:00:00Z", "today", 1), "creationInfo.created")
	mustRefuse(t, "spdx-json", strings.Replace(soundSPDX, "Tool: syft-1.42.0", "syft", 1), `creator "syft"`)
	mustRefuse(t, "spdx-json", strings.Replace(soundSPDX, "SPDXRef-none", "SPDXRef-lib", 1), "two packages")
	mustRefuse(t, "spdx-tag-value", strings.Replace(soundTagValue, "SPDX-2.3", "SPDX-1.2", 1), "SPDX")
	// What is not described is not what the document is about.
	if f := mustRead(t, "spdx-json", strings.Replace(soundSPDX, `"DESCRIBES"`, `"AMENDS"`, 1)); len(f.Subjects) != 0 {
		t.Errorf("subjects %v of a document that describes nothing", f.Subjects)
	}
	older := strings.Replace(soundSPDX, "SPDX-2.3", "SPDX-2.2", 1)
	older = strings.Replace(older, `"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-main"},`, `"documentDescribes":["SPDXRef-main"],"relationships":[`, 1)
	if f := mustRead(t, "spdx-json", older); len(f.Subjects) != 1 || f.Components.Version != "2.2" {
		t.Errorf("documentDescribes of 2.2: %s", asJSON(t, f))
	}
}

func TestOSVScanner(t *testing.T) {
	nine := 9.8
	lib := criteria.Package{Ecosystem: "Go", Name: "example.com/lib", Version: "1.0.0", PURL: "pkg:golang/example.com/lib@v1.0.0"}
	diffFacts(t, mustRead(t, "osv-scanner", soundOSV), criteria.Facts{
		Tool: criteria.Tool{Name: "osv-scanner"},
		Vulnerabilities: &criteria.Vulnerabilities{
			Packages: 2, // one of the three is listed twice
			Items: []criteria.Vulnerability{
				{
					ID: "GO-1", Aliases: []string{"CVE-1"}, Package: lib, FixedIn: []string{"1.0.1"}, Published: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Summary: "a flaw",
					Severities: []criteria.Severity{{Method: "CVSS_V3", Value: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Score: &nine}, {Method: "label", Value: "HIGH"}},
				},
				{ID: "GO-2", Package: lib, Withdrawn: true},
			},
		},
	})
	for _, doc := range []string{`{"results":[]}`, `{"results":[{"source":{},"packages":[]}]}`} {
		if f := mustRead(t, "osv-scanner", doc); f.Vulnerabilities.Packages != 0 {
			t.Errorf("%s: %d packages, want none", doc, f.Vulnerabilities.Packages)
		}
	}
	mustRefuse(t, "osv-scanner", `{"results":null}`, "no list of results")
	mustRefuse(t, "osv-scanner", `{"results":[{"packages":[{"package":{}}]}]}`, "neither a name nor a commit")
	mustRefuse(t, "osv-scanner", `{"results":[{"packages":[{"package":{"name":"x"},"vulnerabilities":[{}]}]}]}`, "no id")
}

func TestGrypeJSON(t *testing.T) {
	f := mustRead(t, "grype-json", soundGrype)
	v := f.Vulnerabilities
	if len(f.Subjects) != 2 || f.Subjects[0] != digest(t, hexB) || f.Subjects[1] != digest(t, hexA) {
		t.Errorf("subjects %v, want the manifest's digests and not the image's configuration", f.Subjects)
	}
	if v.Packages != -1 || !v.Database.Updated.Equal(noon.Add(-6*time.Hour)) || !f.Time.Equal(noon) {
		t.Errorf("%d packages, database of %s, made %s", v.Packages, v.Database.Updated, f.Time)
	}
	if len(v.Items) != 2 || v.Items[0].ID != "GHSA-x" || v.Items[0].Aliases[0] != "CVE-1" || *v.Items[0].Severities[0].Score < 9 || v.Items[0].Summary != "a flaw" {
		t.Errorf("items %s", asJSON(t, v.Items))
	}
	if len(v.Items) == 2 && v.Items[1].ID != "CVE-2" {
		t.Errorf("what grype's configuration ignored is missing")
	}
	older := strings.Replace(strings.Replace(soundGrype, `"status":{`, "", 1), `"valid":true}}`, `"valid":true}`, 1)
	if f := mustRead(t, "grype-json", older); !f.Vulnerabilities.Database.Updated.Equal(noon.Add(-6 * time.Hour)) {
		t.Errorf("the database's time in the older form is %s", f.Vulnerabilities.Database.Updated)
	}
	if f := mustRead(t, "grype-json", `{"matches":[],"source":{"type":"file","target":"/x"},"descriptor":{"name":"grype"}}`); len(f.Subjects) != 0 || f.Vulnerabilities.Packages != -1 {
		t.Errorf("a scan of a file: %s", asJSON(t, f))
	}
	mustRefuse(t, "grype-json", `{"matches":[]}`, "no report of grype")
	mustRefuse(t, "grype-json", `{"matches":[{}],"source":{"type":"file","target":"/x"},"descriptor":{"name":"grype"}}`, "lacks")
}

func TestTrivyJSON(t *testing.T) {
	f := mustRead(t, "trivy-json", soundTrivy)
	v := f.Vulnerabilities
	if len(f.Subjects) != 1 || f.Subjects[0] != digest(t, hexA) {
		t.Errorf("subjects %v, want the repository's digest and not the image's configuration", f.Subjects)
	}
	if v.Packages != 2 || !v.Database.Updated.IsZero() || len(v.Items) != 2 || v.Items[1].ID != "CVE-2" {
		t.Errorf("%s", asJSON(t, v))
	}
	first := v.Items[0]
	if diff := cmp.Diff([]string{"2", "3"}, first.FixedIn); diff != "" || first.Aliases[0] != "DSA-1" || *first.Severities[0].Score != 9.8 || first.Severities[1].Method != "CVSS_V2" || first.Severities[2].Value != "HIGH" {
		t.Errorf("%s", asJSON(t, first))
	}
	if f := mustRead(t, "trivy-json", `{"SchemaVersion":2,"ArtifactName":"x","ArtifactType":"filesystem"}`); f.Vulnerabilities.Packages != -1 {
		t.Errorf("a report without results counts %d packages, want unknown", f.Vulnerabilities.Packages)
	}
	mustRefuse(t, "trivy-json", `{"SchemaVersion":1,"ArtifactName":"x","ArtifactType":"y"}`, "SchemaVersion 2")
	mustRefuse(t, "trivy-json", `{"SchemaVersion":2,"ArtifactName":"x","ArtifactType":"y","Results":[{"Vulnerabilities":[{}]}]}`, "lacks its id")
}

func TestOpenVEX(t *testing.T) {
	f := mustRead(t, "openvex", openVEXOf(`{"vulnerability":{"name":"CVE-1","aliases":["GO-1"]},"timestamp":"2026-11-21T00:00:00Z","status":"not_affected","justification":"component_not_present","products":[
		{"@id":"pkg:golang/example.com/widget@v1","hashes":{"sha-256":"`+hexA+`","md5":"00"},"subcomponents":[{"@id":"pkg:golang/example.com/lib@v1"},{"@id":"something"}]},
		{"@id":"https://acme.example/p","identifiers":{"purl":"pkg:npm/widget@1"}},
		{"@id":"pkg:oci/widget@sha256%3A`+hexB+`"}]},
		{"vulnerability":{"@id":"CVE-2"},"status":"under_investigation","products":[{"@id":"no purl"}]}`))
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	diffFacts(t, f, criteria.Facts{
		Subjects: []criteria.Digest{digest(t, hexA), digest(t, hexB)},
		Products: []string{"pkg:golang/example.com/widget@v1", "pkg:npm/widget@1", "pkg:oci/widget@sha256%3A" + hexB},
		Time:     day,
		Exploitability: &criteria.Exploitability{Author: "Acme", Statements: []criteria.VEXStatement{
			{Vulnerability: "CVE-1", Aliases: []string{"GO-1"}, Status: "not_affected", Justification: "component_not_present", Time: day.Add(24 * time.Hour), Products: []criteria.VEXProduct{
				// A subcomponent that cannot be compared stays: without it the
				// statement would be about the whole product.
				{PURL: "pkg:golang/example.com/widget@v1", Digests: []criteria.Digest{digest(t, hexA)}, Components: []string{"pkg:golang/example.com/lib@v1", "something"}},
				{PURL: "pkg:npm/widget@1"},
				{PURL: "pkg:oci/widget@sha256%3A" + hexB, Digests: []criteria.Digest{digest(t, hexB)}},
			}},
			{Vulnerability: "CVE-2", Status: "under_investigation", Time: day, Products: []criteria.VEXProduct{{}}},
		}},
	})
	for _, tt := range []struct{ statement, want string }{
		{`{"vulnerability":{"name":"CVE-1"},"status":"not_affected",` + product + `}`, "statement 1: not_affected needs a justification or an impact_statement"},
		{`{"vulnerability":{"name":"CVE-1"},"status":"affected",` + product + `}`, "affected needs an action_statement"},
		{`{"vulnerability":{"name":"CVE-1"},"status":"not_affected","justification":"trust_me",` + product + `}`, `justification is "trust_me"`},
		{`{"vulnerability":{"name":"CVE-1"},"status":"fine",` + product + `}`, `status is "fine"`},
		{`{"vulnerability":{"name":"CVE-1"},"status":"fixed"}`, "names no product"},
		{`{"vulnerability":{},"status":"fixed",` + product + `}`, "names no vulnerability"},
		{`{"vulnerability":{"name":"CVE-1"},"status":"fixed","products":[{"@id":"pkg:nothing"}]}`, "no package URL"},
		{`{"vulnerability":{"name":"CVE-1"},"status":"fixed","products":[{"@id":"pkg:npm/a","subcomponents":[{}]}]}`, "a subcomponent has neither"},
		{``, "makes no statement"},
	} {
		mustRefuse(t, "openvex", openVEXOf(tt.statement), tt.want)
	}
	mustRefuse(t, "openvex", strings.Replace(openVEXOf(soundState), `"author":"Acme",`, "", 1), "no author")
	mustRefuse(t, "openvex", strings.Replace(openVEXOf(soundState), `"timestamp":"2026-11-20T00:00:00Z",`, "", 1), "no timestamp")
	mustRefuse(t, "openvex", strings.Replace(openVEXOf(soundState), "openvex.dev", "example.com", 1), "no OpenVEX document")
}

func TestKEV(t *testing.T) {
	f := mustRead(t, "kev", soundKEV)
	if diff := cmp.Diff([]string{"CVE-1", "CVE-2"}, f.Exploited.IDs); diff != "" || f.Time.IsZero() || f.Tool.Version != "2026.11.20" {
		t.Errorf("%s", asJSON(t, f))
	}
	mustRefuse(t, "kev", `{"vulnerabilities":[]}`, "never empty")
	mustRefuse(t, "kev", `{"count":3,"vulnerabilities":[{"cveID":"CVE-1"}]}`, "not whole")
	mustRefuse(t, "kev", `{"vulnerabilities":[{}]}`, "no cveID")
}

func TestEPSS(t *testing.T) {
	f := mustRead(t, "epss", soundEPSS)
	if diff := cmp.Diff(map[string]float64{"CVE-2020-1": 0.5, "CVE-2020-2": 1e-05}, f.Prediction.Scores); diff != "" {
		t.Error(diff)
	}
	if !f.Time.Equal(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)) || f.Tool.Version != "v2026.03.14" {
		t.Errorf("made %s by %v", f.Time, f.Tool)
	}
	if f := mustRead(t, "epss", "cve,epss,percentile\nCVE-2020-1,0.5,0.9\n"); !f.Time.IsZero() {
		t.Errorf("without a comment: made %s", f.Time)
	}
	const head = "cve,epss,percentile\n"
	for doc, want := range map[string]string{
		head:                                    "lists no score",
		"a,b\n":                                 "no EPSS list",
		head + "CVE-2020-1,1.5,0.9\n":           "expected a number from 0 to 1",
		head + "CVE-2020-1,NaN,0.9\n":           "expected a number from 0 to 1",
		head + "CVE-2020-1,0.5\n":               "wrong number of fields",
		head + "GHSA-x,0.5,0.9\n":               "no CVE id",
		"#score_date:yesterday\n" + head:        "score_date",
		head + strings.Repeat("CVE-1,1,1\n", 2): "stands twice",
	} {
		mustRefuse(t, "epss", doc, want)
	}
}

func TestGoMod(t *testing.T) {
	f := mustRead(t, "go-mod", soundGoMod)
	direct := []criteria.Package{
		{Ecosystem: "Go", Name: "example.com/a", Version: "v1.0.0", PURL: "pkg:golang/example.com/a@v1.0.0"},
		{Ecosystem: "Go", Name: "example.com/fork", Version: "v1.1.0", PURL: "pkg:golang/example.com/fork@v1.1.0"},
		{Ecosystem: "Go", Name: "example.com/c", PURL: "pkg:golang/example.com/c"},
	}
	if diff := cmp.Diff(direct, f.Dependencies.Direct); diff != "" {
		t.Errorf("direct (-want +got):\n%s", diff)
	}
	if len(f.Dependencies.All) != 4 {
		t.Errorf("%d in all, want 4", len(f.Dependencies.All))
	}
	// A replacement of another version replaces nothing.
	f = mustRead(t, "go-mod", "module m.example/m\n\nrequire example.com/a v1.0.0\n\nreplace example.com/a v1.1.0 => example.com/fork v1.1.0\n")
	if f.Dependencies.Direct[0].Name != "example.com/a" {
		t.Errorf("direct %v", f.Dependencies.Direct)
	}
	if f := mustRead(t, "go-mod", "module m.example/m\n"); f.Dependencies.Direct == nil {
		t.Error("a module without requirements gives none, which is an answer")
	}
	mustRefuse(t, "go-mod", "go 1.26\n", "no module line")
	mustRefuse(t, "go-mod", "module m.example/m\nrequire example.com/a v1.0.0\nrequire example.com/a v1.1.0\n", "required twice")
	mustRefuse(t, "go-mod", "module m.example/m\nnonsense\n", "is no go.mod")
}

func TestHostileComponentReports(t *testing.T) {
	for format, sound := range componentReports {
		t.Run(format, func(t *testing.T) {
			f := formatNamed(t, format)
			facts := mustRead(t, format, sound)
			if !facts.Has(f.Gives()[0]) {
				t.Fatalf("the sound report gives no %s", f.Gives()[0])
			}
			if a, b := asJSON(t, facts), asJSON(t, mustRead(t, format, "\ufeff"+sound)); a != b {
				t.Errorf("with a byte order mark: %s, want %s", b, a)
			}
			var zipped bytes.Buffer
			w := gzip.NewWriter(&zipped)
			_, _ = w.Write([]byte(sound))
			_ = w.Close()
			hostile := map[string]string{
				"empty": "", "blank": " \n\t\n", "gzip": zipped.String(), "utf16": "\xff\xfe[\x00]\x00", "not_text": sound + "\xc3\x28",
				"other_json": `{"hello":"world"}`, "other_xml": `<html><body>502 Bad Gateway</body></html>`, "prose": "no such file or directory",
				"null": "null", "number": "1", "list": "[]", "object": "{}", "twice": sound + "\n" + sound,
				"nested": strings.Repeat("[", 100_000), "nested_objects": strings.Repeat(`{"components":`, 5000) + "1" + strings.Repeat("}", 5000),
				"nested_xml": strings.Repeat("<bom>", 5000) + strings.Repeat("</bom>", 5000),
				"entities":   `<!DOCTYPE bom [<!ENTITY a "b">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6">&a;</bom>`,
			}
			for other, doc := range componentReports {
				if other != format {
					hostile["as "+other] = doc
				}
			}
			if strings.HasPrefix(sound, "{") || strings.HasPrefix(sound, "<") {
				for _, n := range []int{len(sound) / 4, len(sound) / 2, len(sound) - 1} {
					hostile[fmt.Sprintf("cut_off_at_%d", n)] = sound[:n]
				}
			}
			if strings.HasPrefix(sound, "{") {
				hostile["key_twice"] = `{"x":1,"x":2,` + sound[1:]
				hostile["wrong_types"] = strings.NewReplacer(`":[`, `":{"0":[`).Replace(sound)
			}
			for name, doc := range hostile {
				if facts, err := f.Read(strings.NewReader(doc)); err == nil {
					t.Errorf("%s: read as %.300s", name, asJSON(t, facts))
				}
			}
		})
	}
}

func fuzzComponents(f *testing.F, name string) {
	format := formatNamed(f, name)
	f.Add([]byte(componentReports[name]))
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
			criteria.FactComponents, criteria.FactVulnerabilities, criteria.FactExploitability, criteria.FactExploited, criteria.FactPrediction, criteria.FactDependencies,
		} {
			if declared := fact == format.Gives()[0]; facts.Has(fact) != declared {
				t.Fatalf("gives %s: %v, declared %v", fact, !declared, declared)
			}
		}
		for _, d := range facts.Subjects {
			if d.IsZero() || d.Algorithm() == "gitCommit" {
				t.Fatalf("is about %q", d)
			}
		}
		if x := facts.Exploitability; x != nil {
			for _, s := range x.Statements {
				if s.Vulnerability == "" || s.Time.IsZero() || len(s.Products) == 0 {
					t.Fatalf("a statement of nothing: %+v", s)
				}
			}
		}
		if v := facts.Vulnerabilities; v != nil {
			for _, i := range v.Items {
				if i.ID == "" || i.Package.Name == "" {
					t.Fatalf("a vulnerability of nothing: %+v", i)
				}
			}
		}
	})
}

func FuzzCycloneDXJSON(f *testing.F) { fuzzComponents(f, "cyclonedx-json") }
func FuzzCycloneDXXML(f *testing.F)  { fuzzComponents(f, "cyclonedx-xml") }
func FuzzSPDXJSON(f *testing.F)      { fuzzComponents(f, "spdx-json") }
func FuzzSPDXTagValue(f *testing.F)  { fuzzComponents(f, "spdx-tag-value") }
func FuzzOSVScanner(f *testing.F)    { fuzzComponents(f, "osv-scanner") }
func FuzzGrypeJSON(f *testing.F)     { fuzzComponents(f, "grype-json") }
func FuzzTrivyJSON(f *testing.F)     { fuzzComponents(f, "trivy-json") }
func FuzzOpenVEX(f *testing.F)       { fuzzComponents(f, "openvex") }
func FuzzKEV(f *testing.F)           { fuzzComponents(f, "kev") }
func FuzzEPSS(f *testing.F)          { fuzzComponents(f, "epss") }
func FuzzGoMod(f *testing.F)         { fuzzComponents(f, "go-mod") }

// TestQuickstartComponents reads what real tools wrote about the quickstart.
func TestQuickstartComponents(t *testing.T) {
	dir := filepath.Join("..", "..", "examples", "quickstart")
	read := func(format, name string) criteria.Facts {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return mustRead(t, format, string(data))
	}
	binary, err := os.ReadFile(filepath.Join(dir, "dist", "greet_1.2.0_linux_amd64"))
	if err != nil {
		t.Fatal(err)
	}
	bill := read("spdx-json", "evidence/sbom-linux.spdx.json")
	if len(bill.Subjects) != 1 || bill.Subjects[0] != criteria.DigestOf(binary) || len(bill.Components.Items) != 4 || len(bill.Components.Dependencies) == 0 {
		t.Errorf("syft's SPDX is about %v, with %d components, want the binary and 4", bill.Subjects, len(bill.Components.Items))
	}
	// Syft's CycloneDX of a file names no digest.
	if c := read("cyclonedx-json", "evidence/sbom-linux.cdx.json"); len(c.Subjects) != 0 || len(c.Components.Items) < 4 || c.Time.IsZero() || len(c.Components.Authors) != 0 {
		t.Errorf("syft's CycloneDX is about %v, with %d components by %v", c.Subjects, len(c.Components.Items), c.Components.Authors)
	}
	if v := read("osv-scanner", "evidence/osv-linux.json").Vulnerabilities; v.Packages < 3 || len(v.Items) != 1 || v.Items[0].Package.PURL != "pkg:golang/golang.org/x/text@v0.3.7" {
		t.Errorf("osv-scanner: %s", asJSON(t, v))
	}
	if v := read("openvex", "evidence/greet.openvex.json"); len(v.Products) != 1 || len(v.Exploitability.Statements) != 1 {
		t.Errorf("OpenVEX: %s", asJSON(t, v))
	}
	// govulncheck leaves the product unknown: it is about nothing.
	if v := read("openvex", "evidence/govulncheck.openvex.json"); len(v.Products)+len(v.Subjects) != 0 {
		t.Errorf("govulncheck's OpenVEX is about %v", v.Products)
	}
	if d := read("go-mod", "source/go.mod").Dependencies; len(d.Direct) != 2 {
		t.Errorf("go.mod: %s", asJSON(t, d))
	}
}

// TestSharedComponents reads documents that others published.
func TestSharedComponents(t *testing.T) {
	dir := "../../../shared/data"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the shared data is not here")
	}
	for _, tt := range []struct {
		format, name  string
		items, others int // components and dependencies, or vulnerabilities, or statements
	}{
		{"cyclonedx-json", "sbom/cyclonedx/keycloak-10.0.2.cdx.json", 903, 899},
		{"cyclonedx-json", "sbom/cyclonedx/juice-shop-11.1.2.cdx.json", 840, 0},
		{"cyclonedx-json", "sbom/cyclonedx/dropwizard-1.3.15.cdx.json", 167, 167},
		{"cyclonedx-json", "sbom/cyclonedx/laravel-7.12.0.cdx.json", 62, 63},
		{"cyclonedx-json", "sbom/cyclonedx/proton-bridge-v1.8.0.bom.json", 201, 202},
		{"cyclonedx-xml", "sbom/cyclonedx/cern-lhc-vdm-editor.cdx.xml", 43, 0},
		{"spdx-json", "sbom/spdx/example11-spdx2.3-sbom.spdx.json", 4, 2},
		{"spdx-json", "sbom/spdx/example9-spdx2.2-appbomination.spdx.json", 6, 2},
		{"spdx-tag-value", "sbom/spdx/example6-spdx2.2-example6-lib.spdx", 4, 1},
		{"spdx-tag-value", "sbom/spdx/example1-spdx2.2-example1.spdx", 0, 0},
		{"trivy-json", "reports/trivy/alpine-310.json", 4, -1},
		{"trivy-json", "reports/trivy/cargo.lock.json", 0, 7},
		{"openvex", "vex/sample-2vulns.openvex.json", 2, 0},
		{"openvex", "vex/sample-history.openvex.json", 2, 0},
	} {
		data, err := os.ReadFile(filepath.Join(dir, tt.name))
		if err != nil {
			t.Error(err)
			continue
		}
		f := mustRead(t, tt.format, string(data))
		var items, others int
		switch {
		case f.Components != nil:
			items, others = len(f.Components.Items), len(f.Components.Dependencies)
		case f.Vulnerabilities != nil:
			items, others = len(f.Vulnerabilities.Items), f.Vulnerabilities.Packages
		case f.Exploitability != nil:
			items = len(f.Exploitability.Statements)
		}
		if items != tt.items || others != tt.others {
			t.Errorf("%s: %d and %d, want %d and %d", tt.name, items, others, tt.items, tt.others)
		}
	}
}
