package attest

import (
	"path"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// The names of the resources that findings list as their configuration. What
// stands after a colon is the report's name or the waiver's id.
const (
	PolicyResource   = "policy"
	DecisionResource = "decision" // the bytes of criteria.Decision.Encode
	ReleaseResource  = "release"  // the bytes of criteria.Release.Encode
	SourceResource   = "source"
	EvidenceResource = "evidence:"
	WaiverResource   = "waiver:"
)

// findings is the predicate of an in-toto test result
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/predicates/test-result.md):
// the tests are the criteria, their configuration is all that the answers rest
// on. With it the signature reaches the decision, and so every report, by
// digest: whoever holds them can judge again.
type findings struct {
	Result        string       `json:"result"`
	Configuration []descriptor `json:"configuration"`
	URL           string       `json:"url,omitempty"`
	PassedTests   []string     `json:"passedTests"`
	WarnedTests   []string     `json:"warnedTests"`
	FailedTests   []string     `json:"failedTests"`
}

// Criteria that the policy declares not to apply are in none of the lists: they
// were not asked.
func (m *maker) findings() error {
	f := findings{
		Result:      "FAILED",
		URL:         m.o.RunURL,
		PassedTests: m.named(criteria.Pass),
		WarnedTests: m.named(criteria.Warn, criteria.Waived),
		FailedTests: m.named(criteria.Fail, criteria.Unknown, criteria.NeedsReview, criteria.Faulty),
	}
	switch {
	case m.d.Passed && len(f.WarnedTests) > 0:
		f.Result = "WARNED"
	case m.d.Passed:
		f.Result = "PASSED"
	}
	decision, err := m.d.Encode()
	if err != nil {
		return err
	}
	release, err := m.d.Release.Encode()
	if err != nil {
		return err
	}
	policy := setOf(m.d.Policy.Digest)
	f.Configuration = []descriptor{
		{Name: PolicyResource, URI: m.o.PolicyURI, Digest: policy, Annotations: map[string]string{"profile": m.d.Policy.Profile.String()}},
		// The verdict's timeVerified, so that a verifier who finds several
		// runs' findings knows which belong to which verdict.
		{Name: DecisionResource, Digest: setOf(criteria.DigestOf(decision)), Annotations: map[string]string{"time": m.d.Time.UTC().Format(time.RFC3339)}},
		{Name: ReleaseResource, Digest: setOf(criteria.DigestOf(release))},
		{Name: SourceResource, URI: public(m.d.Release.Repository), Digest: setOf(m.d.Release.Source.Digest)},
	}
	for _, e := range m.d.Evidence {
		if e.Digest.IsZero() {
			continue // nothing was there; the decision says so
		}
		f.Configuration = append(f.Configuration, descriptor{
			Name:             EvidenceResource + publicName(e.Name),
			Digest:           setOf(e.Digest),
			DownloadLocation: m.reportURL(e.Digest),
			Annotations:      map[string]string{"format": e.Format},
		})
	}
	for _, w := range m.d.Waivers {
		if w.State != criteria.WaiverApplied {
			continue
		}
		// A waiver is a part of the policy and has no digest of its own. Who
		// asked for it and who granted it stay there.
		f.Configuration = append(f.Configuration, descriptor{
			Name: WaiverResource + w.ID, Digest: policy,
			Annotations: map[string]string{
				"criterion": w.Criterion,
				"finding":   w.Finding,
				"reason":    w.Reason,
				"expires":   w.Expires.UTC().Format(time.RFC3339),
			},
		})
	}
	return m.add("findings", FindingsType, m.d.Release.Artifacts, f)
}

// named returns the criteria with one of the statuses; never nil, so that the
// list is written.
func (m *maker) named(statuses ...criteria.Status) []string {
	return append([]string{}, m.d.Criteria(statuses...)...)
}

func (m *maker) reportURL(d criteria.Digest) string {
	if m.o.ReportURL == nil {
		return ""
	}
	return public(m.o.ReportURL(d))
}

// publicName returns a report's name, of a path outside the release folder
// only its last part.
func publicName(name string) string {
	if local(name) {
		return path.Base(strings.ReplaceAll(name, `\`, "/"))
	}
	return name
}
