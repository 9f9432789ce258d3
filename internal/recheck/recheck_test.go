package recheck

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/advisory"
	"github.com/hallmark-project/hallmark/internal/deptest"
	"github.com/hallmark-project/hallmark/internal/severity"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// Nobody is asked, and nothing is signed or published.
func TestImports(t *testing.T) {
	const hallmark = "github.com/hallmark-project/hallmark/"
	deptest.MustNotImport(t, hallmark+"attest/sign", hallmark+"attest/publish", hallmark+"internal/cli", hallmark+"internal/oci", "net/http", "os/exec")
}

// resource is the release: the index has an advisory about it, below v2.0.0.
const resource = "pkg:golang/example.com/greet@v2.0.0"

// record is a record about a Go module that is vulnerable below v2.0.0.
func record(id, module, more string) string {
	return fmt.Sprintf(`{"id": %q, "modified": "2026-11-27T00:00:00Z", "summary": "it is bad", "affected": [{"package": {"ecosystem": "Go", "name": %q}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}]%s}`, id, module, more)
}

const (
	cvssCritical = `, "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`
	cvssLow      = `, "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}]`
)

// index is of one critical vulnerability under three names, one low and one of
// unknown severity; asOf is how old it says it is.
func index(t *testing.T, asOf time.Time) *advisory.Index {
	t.Helper()
	dir := t.TempDir()
	for i, text := range []string{
		record("GO-1", "example.com/critical", `, "aliases": ["CVE-2026-1"]`),
		record("GHSA-1", "example.com/critical", `, "aliases": ["CVE-2026-1"]`+cvssCritical),
		record("GO-2", "example.com/low", cvssLow),
		record("GO-3", "example.com/unrated", ""),
		record("GO-4", "example.com/greet", cvssCritical),
	} {
		if asOf.IsZero() {
			text = strings.Replace(text, "2026-11-27T00:00:00Z", "0001-01-01T00:00:00Z", 1)
		} else {
			text = strings.Replace(text, "2026-11-27T00:00:00Z", asOf.Format(time.RFC3339), 1)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := advisory.NewBuilder(now, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(context.Background(), dir, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "index")
	if _, err := b.Write(path); err != nil {
		t.Fatal(err)
	}
	x, err := advisory.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

var subject = criteria.Subject{Name: "greet", Digest: criteria.DigestOf([]byte("greet"))}

func named(t *testing.T, name string) criteria.Format {
	t.Helper()
	all, err := readers()
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

// bill is a CycloneDX document about components, each a package URL or, without
// pkg:, a name.
func bill(t *testing.T, components ...string) document {
	t.Helper()
	var list []string
	for i, c := range components {
		if strings.HasPrefix(c, "pkg:") {
			list = append(list, fmt.Sprintf(`{"type": "library", "bom-ref": "c%d", "name": "c%d", "purl": %q}`, i, i, c))
		} else {
			list = append(list, fmt.Sprintf(`{"type": "library", "bom-ref": "c%d", "name": %q}`, i, c))
		}
	}
	return raw(t, "cyclonedx-json", `{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [`+strings.Join(list, ", ")+`]}`)
}

func raw(t *testing.T, format, text string) document {
	return document{name: "the document", signer: "key 1", format: named(t, format), data: []byte(text)}
}

// vex is an OpenVEX document that says status of a vulnerability in a product.
func vex(t *testing.T, id, product, status string, at time.Time) document {
	return raw(t, "openvex", fmt.Sprintf(`{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "Somebody", "timestamp": %q, "version": 1,
		"statements": [{"vulnerability": {"name": %q}, "products": [{"@id": %q}], %s}]}`, at.Format(time.RFC3339), id, product, status))
}

const (
	notAffected = `"status": "not_affected", "justification": "vulnerable_code_not_in_execute_path"`
	fixedStatus = `"status": "fixed"`
)

func waiver(id string, expires time.Time) criteria.Waiver {
	return criteria.Waiver{ID: "W", Criterion: Criterion, Finding: id, Created: now.Add(-time.Hour), Expires: expires}
}

func TestJudge(t *testing.T) {
	const (
		critical = "pkg:golang/example.com/critical@v1.0.0"
		low      = "pkg:golang/example.com/low@v1.0.0"
		unrated  = "pkg:golang/example.com/unrated@v1.0.0"
		clean    = "pkg:golang/example.com/clean@v1.0.0"
	)
	day := now.Add(-12 * time.Hour)
	for _, tt := range []struct {
		name    string
		bills   []document
		vex     []document
		gaps    []string
		waivers []criteria.Waiver
		asOf    time.Time
		rating  severity.Rating
		release string
		want    string
		// what the answer says, one of its findings, suppressions, reasons or notes
		says string
	}{
		{name: "nothing known", bills: []document{bill(t, clean)}, want: Clear},
		{name: "critical", bills: []document{bill(t, clean, critical)}, want: Affected, says: "CVE-2026-1 critical " + critical + " fixed in 2.0.0: it is bad"},
		{name: "the fixed version", bills: []document{bill(t, "pkg:golang/example.com/critical@v2.0.0")}, want: Clear},
		{name: "below", bills: []document{bill(t, low)}, want: Clear, says: "below high: GO-2 (low)"},
		{name: "low, where low counts", bills: []document{bill(t, low)}, rating: severity.Low, want: Affected, says: "GO-2 low"},
		{name: "unknown severity counts as the threshold", bills: []document{bill(t, unrated)}, rating: severity.Critical, want: Affected, says: "GO-3 of unknown severity"},
		{name: "in the second of two bills", bills: []document{bill(t, clean), bill(t, critical)}, want: Affected, says: "CVE-2026-1"},
		{name: "the release itself", bills: []document{bill(t, clean)}, release: "pkg:golang/example.com/greet@v1.2.0", want: Affected, says: "GO-4"},
		{name: "a release of no ecosystem", bills: []document{bill(t, clean)}, release: "pkg:oci/greet@sha256:00", want: Clear, says: "advisories about the release itself were not looked for"},

		{name: "no bill", want: Unknown, says: "no bill of materials is attested about it"},
		{name: "an empty bill", bills: []document{bill(t)}, want: Unknown, says: "lists no components"},
		{name: "an empty bill beside one", bills: []document{bill(t, clean), bill(t)}, want: Unknown, says: "lists no components"},
		{name: "a bill that is none", bills: []document{raw(t, "spdx-json", `{}`)}, want: Unknown, says: "could not be read"},
		{name: "a bill that is none beside one", bills: []document{bill(t, clean), raw(t, "spdx-json", `{}`)}, want: Unknown, says: "could not be read"},
		{name: "a bill about another artifact", bills: []document{raw(t, "cyclonedx-json", `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"type": "application", "name": "x", "hashes": [{"alg": "SHA-256", "content": "`+strings.Repeat("0", 64)+`"}]}}, "components": [{"type": "library", "name": "c", "purl": "`+clean+`"}]}`)}, want: Unknown, says: "could not be read"},
		{name: "a bill that is not there", bills: []document{bill(t, clean), {name: "b", format: named(t, "spdx-json"), problem: "no document with this digest lies with the statements"}}, want: Unknown, says: "b could not be read: no document"},
		{name: "a gap", bills: []document{bill(t, clean)}, gaps: []string{"something is missing"}, want: Unknown, says: "something is missing"},
		{name: "a gap takes no finding away", bills: []document{bill(t, critical)}, gaps: []string{"something is missing"}, want: Affected, says: "CVE-2026-1"},
		{name: "an unknown component", bills: []document{bill(t, clean, "openssl")}, want: Unknown, says: "openssl has no package URL"},
		{name: "an ecosystem that is not held", bills: []document{bill(t, clean, "pkg:npm/x@1.0.0")}, want: Unknown, says: "npm, which the index does not hold"},
		{name: "nothing that could be looked up", bills: []document{bill(t, "openssl")}, release: "pkg:generic/x@1", want: Unknown, says: "none of its components could be looked up"},
		{name: "unknown takes no finding away", bills: []document{bill(t, critical, "openssl")}, want: Affected, says: "openssl has no package URL"},
		{name: "stale", bills: []document{bill(t, clean)}, asOf: now.Add(-73 * time.Hour), want: Unknown, says: "records of Go are of 2026-11-24T11:00:00Z, 3d1h old: at most 3d is accepted"},
		{name: "stale, and something is known already", bills: []document{bill(t, critical)}, asOf: now.Add(-73 * time.Hour), want: Affected, says: "CVE-2026-1"},
		{name: "of no age", bills: []document{bill(t, clean)}, asOf: time.Unix(0, 0), want: Unknown, says: "does not say how old its records of Go are"},

		{name: "not affected", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", resource, notAffected, day)}, want: Clear, says: "CVE-2026-1 (" + critical + ") is suppressed: not_affected, vulnerable_code_not_in_execute_path, says key 1"},
		{name: "not affected, by another name", bills: []document{bill(t, critical)}, vex: []document{vex(t, "GHSA-1", resource, notAffected, day)}, want: Clear, says: "is suppressed"},
		{name: "fixed in this version", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", resource, fixedStatus, day)}, want: Clear, says: "is suppressed: fixed"},
		{name: "fixed in no version that is said", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", "pkg:golang/example.com/greet", fixedStatus, day)}, want: Affected},
		{name: "not affected, in prose", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", resource, `"status": "not_affected", "impact_statement": "trust us"`, day)}, want: Affected},
		{name: "under investigation", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", resource, `"status": "under_investigation"`, day)}, want: Affected},
		{name: "of another product", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", "pkg:golang/example.com/other@v1.2.0", notAffected, day)}, want: Affected},
		{name: "of another version", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", "pkg:golang/example.com/greet@v1.1.0", notAffected, day)}, want: Affected},
		{name: "of another vulnerability", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-2", resource, notAffected, day)}, want: Affected},
		{name: "affected after all", bills: []document{bill(t, critical)}, vex: []document{
			vex(t, "CVE-2026-1", resource, notAffected, day), vex(t, "CVE-2026-1", resource, `"status": "affected", "action_statement": "update"`, day.Add(time.Hour)),
		}, want: Affected},
		{name: "from the future", bills: []document{bill(t, critical)}, vex: []document{vex(t, "CVE-2026-1", resource, notAffected, now.Add(time.Hour))}, want: Affected},
		{name: "VEX that is none", bills: []document{bill(t, critical)}, vex: []document{raw(t, "openvex", `{}`)}, want: Affected, says: "the document has no effect"},
		{name: "VEX clears no unknown", bills: []document{bill(t, critical, "openssl")}, vex: []document{vex(t, "CVE-2026-1", resource, notAffected, day)}, want: Unknown},

		{name: "waived", bills: []document{bill(t, critical)}, waivers: []criteria.Waiver{waiver("GO-1", now.Add(time.Hour))}, want: Clear, says: "CVE-2026-1 critical " + critical + " waived by W"},
		{name: "no longer waived", bills: []document{bill(t, critical)}, waivers: []criteria.Waiver{waiver("GO-1", now)}, want: Affected, says: "waiver W of CVE-2026-1 expired"},
		{name: "another is waived", bills: []document{bill(t, critical)}, waivers: []criteria.Waiver{waiver("GO-2", now.Add(time.Hour))}, want: Affected},
		{name: "age is not waived", bills: []document{bill(t, clean)}, asOf: now.Add(-73 * time.Hour), waivers: []criteria.Waiver{waiver("unsound-scan", now.Add(time.Hour))}, want: Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asOf := tt.asOf
			switch {
			case asOf.IsZero():
				asOf = now.Add(-time.Hour)
			case asOf.Equal(time.Unix(0, 0)):
				asOf = time.Time{}
			}
			o := Options{Severity: max(tt.rating, severity.Low), MaxAge: 72 * time.Hour, Now: now, Waivers: tt.waivers}
			if tt.rating == severity.Unrated {
				o.Severity = severity.High
			}
			a := attested{subject: subject, resource: resource, bills: tt.bills, vex: tt.vex, gaps: tt.gaps}
			if tt.release != "" {
				a.resource = tt.release
			}
			got, err := judge(context.Background(), a, index(t, asOf), o)
			if err != nil {
				t.Fatal(err)
			}
			if got.Outcome != tt.want || !strings.Contains(words(got), tt.says) {
				t.Errorf("%s, want %s and %q:\n%s", got.Outcome, tt.want, tt.says, words(got))
			}
			if got.Outcome == Unknown && len(got.Reasons) == 0 {
				t.Error("it says not why it cannot tell")
			}
			if got.Outcome == Affected && len(got.Standing()) == 0 || got.Outcome == Clear && len(got.Standing()) > 0 {
				t.Errorf("%s, and these stand: %+v", got.Outcome, got.Standing())
			}
		})
	}
}

// words is all that an answer says.
func words(a Answer) string {
	var out []string
	for _, f := range a.Findings {
		s := f.ID + " " + f.Severity + " " + f.Package
		if f.Waiver != "" {
			s += " waived by " + f.Waiver
		}
		if len(f.FixedIn) > 0 {
			s += " fixed in " + strings.Join(f.FixedIn, " ")
		}
		out = append(out, s+": "+f.Summary)
	}
	for _, s := range a.Suppressed {
		out = append(out, s.String())
	}
	for _, u := range a.Undecided {
		out = append(out, u.String())
	}
	return strings.Join(append(append(out, a.Reasons...), a.Notes...), "\n")
}

func TestTypes(t *testing.T) {
	for _, tt := range []struct {
		predicate, name string
		want            bool
	}{
		{spdxType, spdxType, true},
		{spdxType + "/v2.3", spdxType, true},
		{cycloneDXType + "/v1.6", cycloneDXType, true},
		{"https://cyclonedx.org/bomb", cycloneDXType, false},
		{"https://openvex.dev/ns/v0.2.0", openVEXType, true},
		{"https://evil.example/https://openvex.dev/ns", openVEXType, false},
	} {
		if got := is(tt.predicate, tt.name); got != tt.want {
			t.Errorf("is(%q, %q) = %v", tt.predicate, tt.name, got)
		}
	}
	if got := trimmed("Application/SPDX+json; charset=utf-8"); got != "application/spdx+json" {
		t.Errorf("trimmed = %q", got)
	}
	for _, tt := range [][3]string{{Clear, Unknown, Unknown}, {Unknown, Affected, Affected}, {Affected, Clear, Affected}, {Clear, Clear, Clear}} {
		if got := Worse(tt[0], tt[1]); got != tt[2] {
			t.Errorf("Worse(%s, %s) = %s, want %s", tt[0], tt[1], got, tt[2])
		}
	}
}
