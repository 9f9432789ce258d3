package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

const (
	spdxType = "https://spdx.dev/Document"
	vexType  = "https://openvex.dev/ns/v0.2.0"
)

func sbomRequired(formats ...verify.BillFormat) func(*verify.Expect) {
	return func(e *verify.Expect) { e.SBOM = &verify.SBOM{Formats: formats} }
}

func cyclonedx() object {
	return object{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []object{{"type": "library", "name": "a"}}}
}

func spdx(checksums ...object) object {
	return object{
		"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT",
		"packages":      []object{{"SPDXID": "SPDXRef-greet", "name": "greet", "checksums": checksums}, {"SPDXID": "SPDXRef-a", "name": "a", "checksums": []object{{"algorithm": "SHA256", "checksumValue": otherOne.Hex()}}}},
		"relationships": []object{{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-greet"}},
	}
}

func said(predicateType string, predicate object) attest.Bundle {
	return signed(releaseKey, encode(statement(predicateType, predicate)))
}

func TestSBOM(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	component := func(content string) object {
		return cyclonedx().with(object{"metadata": object{"component": object{"name": "greet", "hashes": []object{{"alg": "SHA-512", "content": "x"}, {"alg": "SHA-256", "content": content}}}}})
	}
	d := criteria.DigestOf([]byte(bill))
	scanner := func(e *verify.Expect) {
		e.SBOM = &verify.SBOM{Formats: []verify.BillFormat{verify.CycloneDX}, Signers: []verify.Signer{{Key: scannerKey.pem()}}}
	}
	for _, tt := range []struct {
		name   string
		trust  func(*verify.Expect)
		bundle attest.Bundle
		holds  *library
		want   string // in the reason; empty for yes, "?" for could not tell
	}{
		{"CycloneDX", sbomRequired(verify.CycloneDX), said(sbomType, cyclonedx()), nil, ""},
		{"CycloneDX with the version in the type", sbomRequired(verify.CycloneDX), said(sbomType+"/v1.6", cyclonedx()), nil, ""},
		{"CycloneDX about itself", sbomRequired(verify.CycloneDX), said(sbomType, component(strings.ToUpper(artifact.Hex()))), nil, ""},
		{"SPDX", sbomRequired(verify.SPDX, verify.CycloneDX), said(spdxType, spdx()), nil, ""},
		{"SPDX about itself", sbomRequired(verify.SPDX), said(spdxType, spdx(object{"algorithm": "SHA256", "checksumValue": artifact.Hex()})), nil, ""},
		{"SPDX 3", sbomRequired(verify.SPDX), said(spdxType, object{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []object{{"type": "SpdxDocument"}}}), nil, ""},
		{"a document that is referred to", sbomRequired(verify.CycloneDX), refersTo(descriptor(bill)), new(library).holds(d, bill), ""},
		{"by a signer of its own", scanner, signed(scannerKey, encode(statement(sbomType, cyclonedx()))), nil, ""},

		{"none", sbomRequired(verify.CycloneDX), good, nil, "sbom is required, and no bill of materials by its signers was found in format cyclonedx"},
		{"another format", sbomRequired(verify.SPDX), said(sbomType, cyclonedx()), nil, "no bill of materials by its signers was found in format spdx"},
		{"not by the signer asked for", scanner, said(sbomType, cyclonedx()), nil, "no bill of materials by its signers"},
		{"another document", sbomRequired(verify.CycloneDX), said(sbomType, object{"hello": "world"}), nil, "it is no CycloneDX document"},
		{"another document under SPDX", sbomRequired(verify.SPDX), said(spdxType, cyclonedx()), nil, "it is no SPDX document"},
		{"empty", sbomRequired(verify.CycloneDX), said(sbomType, cyclonedx().with(object{"components": []object{}})), nil, "it lists nothing"},
		{"empty SPDX", sbomRequired(verify.SPDX), said(spdxType, spdx().with(object{"packages": nil})), nil, "it lists nothing"},
		{"about something else", sbomRequired(verify.CycloneDX), said(sbomType, component(strings.Repeat("ab", 32))), nil, "it says that it is about sha256:abab"},
		{"SPDX about something else", sbomRequired(verify.SPDX), said(spdxType, spdx(object{"algorithm": "SHA256", "checksumValue": otherOne.Hex()})), nil, "it says that it is about sha256:"},
		{"a document that is not there", sbomRequired(verify.CycloneDX), refersTo(descriptor(bill)), new(library), "is absent"},
		{"a document that was altered", sbomRequired(verify.CycloneDX), refersTo(descriptor(bill)), new(library).holds(d, bill+" "), "is altered"},
		{"a document of another type", sbomRequired(verify.SPDX), refersTo(descriptor(bill)), new(library).holds(d, bill), "no bill of materials by its signers"},
		{"a document that nobody can look for", sbomRequired(verify.CycloneDX), refersTo(descriptor(bill)), nil, "?"},
		{"a document where the place does not answer", sbomRequired(verify.CycloneDX), refersTo(descriptor(bill)), &library{fault: errors.New("it does not answer")}, "?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := expect()
			tt.trust(&e)
			bundles := found{good, tt.bundle}
			var src verify.Source = bundles
			if tt.holds != nil {
				tt.holds.found = bundles
				src = tt.holds
			}
			// Who cannot wait for documents waits for one that decides.
			v, err := verify.New(src, e, verify.WithoutDocuments(), verify.WithClock(func() time.Time { return thePresent }))
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(context.Background(), artifact)
			var no *verify.RejectionError
			switch {
			case tt.want == "?" && (err == nil || errors.As(err, &no)):
				t.Errorf("Verify = %v, want could not tell", err)
			case tt.want == "" && err != nil:
				t.Errorf("Verify = %v", err)
			case tt.want == "":
				if len(got.Requirements) != 1 || got.Requirements[0].Kind != verify.SBOMRequired || len(got.Requirements[0].Statements) != 1 {
					t.Errorf("Requirements = %+v, want the bill", got.Requirements)
				}
			case tt.want != "?" && (!errors.As(err, &no) || !no.Has(verify.RequirementUnmet) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Verify = %v, want a reason with %q", err, tt.want)
			}
		})
	}
}

func openVEX(when string, statements ...object) object {
	return object{"@context": vexType, "@id": "https://greet.example/vex", "author": "greet", "timestamp": when, "version": 1, "statements": statements}
}

func vexed(vulnerability, status string) object {
	return object{"vulnerability": object{"name": vulnerability}, "products": []object{{"@id": "pkg:generic/greet@1.2.0"}}, "status": status}
}

func vexRequired(e *verify.Expect) {
	e.VEX = &verify.VEX{Resolved: true, MaxAge: verify.MaxAge(30 * 24 * time.Hour)}
}

func TestVEX(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	const then, later = "2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"
	doc := func(when string, statements ...object) attest.Bundle {
		return said(vexType, openVEX(when, statements...))
	}
	for _, tt := range []struct {
		name    string
		bundles []attest.Bundle
		want    string
	}{
		{"nothing open", []attest.Bundle{doc(then, vexed("CVE-1", "not_affected"), vexed("CVE-2", "fixed"))}, ""},
		{"a type without a version", []attest.Bundle{said("https://openvex.dev/ns", openVEX(then, vexed("CVE-1", "fixed")))}, ""},
		{"made good later", []attest.Bundle{doc(then, vexed("CVE-1", "affected")), doc(later, vexed("CVE-1", "fixed"))}, ""},
		{"made good in the same document", []attest.Bundle{doc(then, vexed("CVE-1", "affected"), vexed("CVE-1", "fixed").with(object{"timestamp": later}))}, ""},

		{"none", nil, "vex is required, and no OpenVEX document"},
		{"affected", []attest.Bundle{doc(then, vexed("CVE-1", "affected"))}, "affected or under investigation: CVE-1"},
		{"under investigation", []attest.Bundle{doc(then, vexed("CVE-1", "fixed"), vexed("CVE-2", "under_investigation"))}, "affected or under investigation: CVE-2"},
		{"open again", []attest.Bundle{doc(later, vexed("CVE-1", "under_investigation")), doc(then, vexed("CVE-1", "fixed"))}, "CVE-1"},
		{"of the same time", []attest.Bundle{doc(then, vexed("CVE-1", "affected")), doc(then, vexed("CVE-1", "fixed"))}, "CVE-1"},
		{"another product made good", []attest.Bundle{doc(then, vexed("CVE-1", "affected")), doc(later, vexed("CVE-1", "fixed").with(object{"products": []object{{"@id": "pkg:generic/other@1"}}}))}, "CVE-1"},
		{"affected at no time", []attest.Bundle{said(vexType, openVEX("", vexed("CVE-1", "affected"))), doc(later, vexed("CVE-1", "fixed"))}, "CVE-1"},
		{"too old", []attest.Bundle{doc("2026-10-01T10:00:00Z", vexed("CVE-1", "fixed"))}, "longer ago than 30d"},
		{"from the future", []attest.Bundle{doc("2026-12-01T10:00:00Z", vexed("CVE-1", "fixed"))}, "later than now"},
		{"at no time", []attest.Bundle{said(vexType, openVEX("", vexed("CVE-1", "fixed")))}, "no document says when it was made"},
		{"empty", []attest.Bundle{doc(then)}, "it says nothing"},
		{"no VEX", []attest.Bundle{said(vexType, object{"@context": "https://openvex.example"})}, "it is no OpenVEX document"},
		{"another status", []attest.Bundle{doc(then, vexed("CVE-1", "fine"))}, `statement 1 has status "fine"`},
		{"no vulnerability", []attest.Bundle{doc(then, vexed("", "fixed"))}, "names no vulnerability"},
		{"one that cannot be read", []attest.Bundle{doc(then, vexed("CVE-1", "fixed")), said(vexType, openVEX("soon", vexed("CVE-1", "fixed")))}, `"soon" is no time`},
		{"a stranger's", []attest.Bundle{signed(strangerKey, encode(statement(vexType, openVEX(then, vexed("CVE-1", "fixed")))))}, "no OpenVEX document by its signers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := expect()
			vexRequired(&e)
			_, err := ask(t, e, artifact, append([]attest.Bundle{good}, tt.bundles...)...)
			var no *verify.RejectionError
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Verify = %v", err)
			case tt.want != "" && (!errors.As(err, &no) || !no.Has(verify.RequirementUnmet) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Verify = %v, want a reason with %q", err, tt.want)
			}
			// Where only presence is asked for, what is open does not matter.
			e.VEX = new(verify.VEX)
			if _, err := ask(t, e, artifact, append([]attest.Bundle{good}, tt.bundles...)...); err != nil && strings.Contains(tt.want, "CVE-") {
				t.Errorf("Verify that asks for presence = %v", err)
			}
		})
	}
}

func billStories(good attest.Bundle) []story {
	const unmet = verify.RequirementUnmet
	return []story{
		{
			name: "accept-sbom-vex", comment: "A bill of materials and what is said of its vulnerabilities.", expect: "accept",
			trust: func(e *verify.Expect) { sbomRequired(verify.SPDX, verify.CycloneDX)(e); vexRequired(e) },
			bundles: []attest.Bundle{
				good, said(sbomType, cyclonedx()), said(vexType, openVEX("2026-11-20T10:00:00Z", vexed("CVE-1", "not_affected"))),
			},
		},
		{
			name: "requirement-unmet-sbom", comment: "A bill of materials about another artifact.", expect: unmet,
			trust: sbomRequired(verify.SPDX), bundles: []attest.Bundle{good, said(spdxType, spdx(object{"algorithm": "SHA256", "checksumValue": otherOne.Hex()}))},
		},
		{
			name: "requirement-unmet-vex", comment: "A vulnerability that is still looked at.", expect: unmet,
			trust: vexRequired, bundles: []attest.Bundle{good, said(vexType, openVEX("2026-11-20T10:00:00Z", vexed("CVE-1", "under_investigation")))},
		},
		{
			name: "accept-provenance", comment: "Provenance by a builder with a key.", expect: "accept",
			trust: tektonRequired, bundles: []attest.Bundle{good, signed(scannerKey, encode(statement(provenanceV1, tektonBuild())))},
		},
		{
			name: "requirement-unmet-provenance", comment: "Provenance by the verdict's signer, who is not the builder.", expect: unmet,
			trust: tektonRequired, bundles: []attest.Bundle{good, signed(releaseKey, encode(statement(provenanceV1, tektonBuild())))},
		},
	}
}
