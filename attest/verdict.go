package attest

import "time"

// verdict is the predicate of a SLSA verification summary
// (https://slsa.dev/spec/v1.2/verification_summary), in the specification's
// order. It is our own struct: the in-toto module's has no verifier.version,
// and its JSON turns integers into strings, which slsa-verifier cannot read.
//
// Three optional fields are left out. inputAttestations must list all or none,
// and reports are no attestations; the findings name them. dependencyLevels
// speak of the levels of dependencies, and none was verified. slsaVersion left out
// means some version 1, which is what SLSA_BUILD_LEVEL_n means in all of them.
type verdict struct {
	Verifier           verifier   `json:"verifier"`
	TimeVerified       string     `json:"timeVerified"`
	ResourceURI        string     `json:"resourceUri"`
	Policy             descriptor `json:"policy"`
	VerificationResult string     `json:"verificationResult"`
	VerifiedLevels     []string   `json:"verifiedLevels"`
}

type verifier struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

// "FAILED" stands among the levels too: "Indicates the highest level of each
// track verified for the artifact …, or "FAILED" if policy verification
// failed."
func (m *maker) verdict() error {
	v := verdict{
		Verifier:           verifier{m.o.Verifier, m.o.VerifierVersion},
		TimeVerified:       m.d.Time.UTC().Format(time.RFC3339),
		ResourceURI:        m.d.Release.Resource,
		Policy:             descriptor{URI: m.o.PolicyURI, Digest: setOf(m.d.Policy.Digest)},
		VerificationResult: "FAILED",
		VerifiedLevels:     []string{"FAILED"},
	}
	if m.d.Passed {
		v.VerificationResult = "PASSED"
		v.VerifiedLevels = append([]string{}, m.d.Labels()...)
	}
	return m.add("verdict", VerdictType, m.d.Release.Artifacts, v)
}
