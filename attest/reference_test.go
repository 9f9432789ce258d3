package attest_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// A report is attested whole up to the limit, and by reference beyond it.
func TestInlineLimit(t *testing.T) {
	size := int64(len(billLinux))
	for limit, want := range map[int64]string{size - 1: attest.ReferenceType, size: attest.CycloneDXType, 0: attest.CycloneDXType} {
		w := newWorld()
		w.options.MaxInline = limit
		if got := named(t, w.statements(t), "sbom-"+linux).PredicateType(); got != want {
			t.Errorf("with a limit of %d, a bill of %d bytes is attested as %s, want %s", limit, size, got, want)
		}
	}
	// The limit is about reports: results that were read out of one stay, unless
	// no verifier would take the bundle.
	for size, want := range map[int]string{1 << 10: attest.VulnerabilitiesType, int(criteria.MaxInlineLimit): attest.ReferenceType} {
		w := newWorld()
		w.options.MaxInline = 1
		w.evidence[3].Facts.Vulnerabilities.Items[0].FixedIn = []string{strings.Repeat("1", size)}
		s := named(t, w.statements(t), "vulns-"+linux)
		if got := s.PredicateType(); got != want {
			t.Errorf("a scan with %d bytes of results is attested as %s, want %s", size, got, want)
		}
		if d, ok := s.Document(); ok {
			t.Errorf("a scan's report goes out as %v", d)
		}
	}
}

// What goes out with a statement is what the statement says of it, and only
// documents that would have been attested whole: a scanner's report may tell of
// the machine it ran on.
func TestDocument(t *testing.T) {
	w := newWorld()
	w.options.MaxInline = 1
	w.add("b.xml", "cyclonedx-xml", `<bom/>`, []criteria.Digest{w.release.Artifacts[0].Digest}, criteria.FactComponents, criteria.Facts{Components: &criteria.Components{}})
	w.evidence[2].Name = "/home/kim/darwin.spdx.json"
	got := make(map[string]attest.Document)
	for _, s := range w.statements(t) {
		d, ok := s.Document()
		if !ok {
			continue
		}
		got[s.Name()] = d
		r := read[struct {
			Predicate struct {
				References []struct {
					Name, DownloadLocation, MediaType string
					Digest                            map[string]string
				}
			}
		}](t, s).Predicate.References
		if len(r) != 1 || r[0].Name != d.Name || r[0].MediaType != d.MediaType || r[0].Digest["sha256"] != d.Digest.Hex() {
			t.Errorf("%s refers to %+v, and its document is %+v", s.Name(), r, d)
		}
		// The location is required, and leads to the digest.
		sum, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(r[0].DownloadLocation, "ni:///sha-256;"))
		if err != nil || hex.EncodeToString(sum) != d.Digest.Hex() {
			t.Errorf("%s gives the location %q", s.Name(), r[0].DownloadLocation)
		}
	}
	want := map[string]attest.Document{
		"sbom-" + linux:        {Name: "evidence/linux.cdx.json", MediaType: "application/vnd.cyclonedx+json", Digest: w.evidence[1].Digest},
		"sbom-" + darwin:       {Name: "darwin.spdx.json", MediaType: "application/spdx+json", Digest: w.evidence[2].Digest},
		"sbom-" + linux + "-2": {Name: "b.xml", MediaType: "application/vnd.cyclonedx+xml", Digest: w.evidence[6].Digest},
		"vex":                  {Name: "evidence/greet.vex.json", MediaType: "application/json", Digest: w.evidence[5].Digest},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	for _, s := range newWorld().statements(t) {
		if d, ok := s.Document(); ok {
			t.Errorf("%s holds all it says, and refers to %v", s.Name(), d)
		}
	}
}

// Each report that is attested whole is asked for once, none other is, and what
// is attested about an artifact is the report about it, wherever among the
// evidence it stands.
func TestReportsAreReadOnce(t *testing.T) {
	for _, limit := range []int64{0, 1} {
		w := newWorld()
		w.options.MaxInline = limit
		// Reports that are not attested stand between those that are.
		bill := func(name, format, text string, about criteria.Digest) {
			w.add(name, format, text, []criteria.Digest{about}, criteria.FactComponents, criteria.Facts{Components: &criteria.Components{}})
		}
		bill("source.spdx.json", "spdx-json", `{"of":"source"}`, w.release.Source.Digest)
		bill("elsewhere.spdx.json", "spdx-json", `{"of":"elsewhere"}`, criteria.DigestOf([]byte("elsewhere")))
		bill("second.spdx.json", "spdx-json", `{"of":"darwin"}`, w.release.Artifacts[1].Digest)
		bill("third.cdx.xml", "cyclonedx-xml", `<bom>linux</bom>`, w.release.Artifacts[0].Digest)
		bill("fourth.spdx.json", "spdx-json", `{"of":"linux"}`, w.release.Artifacts[0].Digest)

		asked := make(map[string]int)
		name := make(map[criteria.Digest]string)
		for _, e := range w.evidence {
			name[e.Digest] = e.Name
		}
		report := w.options.Report
		w.options.Report = func(d criteria.Digest) ([]byte, error) {
			asked[name[d]]++
			return report(d)
		}
		all := w.statements(t)
		want := map[string]int{
			"evidence/linux.cdx.json": 1, "evidence/darwin.spdx.json": 1, "evidence/greet.vex.json": 1,
			"second.spdx.json": 1, "fourth.spdx.json": 1,
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("limit %d: reports asked for (-want +got):\n%s", limit, diff)
		}
		for statement, of := range map[string]struct{ artifact, bytes string }{
			"sbom-" + linux: {linux, billLinux}, "sbom-" + darwin: {darwin, billDarwin},
			"sbom-" + darwin + "-2": {darwin, `{"of":"darwin"}`},
			"sbom-" + linux + "-2":  {linux, `<bom>linux</bom>`}, "sbom-" + linux + "-3": {linux, `{"of":"linux"}`},
		} {
			s := named(t, all, statement)
			if len(s.Subjects()) != 1 || s.Subjects()[0].Name != of.artifact {
				t.Errorf("limit %d: %s is about %v, want %s", limit, statement, s.Subjects(), of.artifact)
			}
			if d, ok := s.Document(); ok {
				if !d.Digest.Matches(criteria.DigestOf([]byte(of.bytes))) {
					t.Errorf("limit %d: %s refers to %s, want the digest of %s", limit, statement, d.Name, of.bytes)
				}
				continue
			}
			got := decode(t, read[struct {
				Predicate json.RawMessage `json:"predicate"`
			}](t, s).Predicate)
			if diff := cmp.Diff(decode(t, []byte(of.bytes)), got); diff != "" {
				t.Errorf("limit %d: %s holds another report (-want +got):\n%s", limit, statement, diff)
			}
		}
	}
}

// The largest inlineLimit that a policy may set still makes a bundle that
// verifiers take, with the most subjects there may be.
func TestMaxInlineLimitFitsABundle(t *testing.T) {
	const subjects = 1024 * 512 // bytes: a name of 255, a digest, punctuation
	payload := int64(criteria.MaxInlineLimit) + subjects
	if bundle := int64(base64.StdEncoding.EncodedLen(int(payload))) + 1<<20; bundle > verify.MaxBundle {
		t.Errorf("a bundle with a report of %s has up to %d bytes, and verifiers take %d", criteria.MaxInlineLimit, bundle, verify.MaxBundle)
	}
	if attest.DefaultMaxInline > int64(criteria.MaxInlineLimit) {
		t.Errorf("the default limit %d is above the maximum %s", attest.DefaultMaxInline, criteria.MaxInlineLimit)
	}
}
