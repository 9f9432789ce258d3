package attest

import (
	"errors"

	"github.com/hallmark-project/hallmark/criteria"
)

// Options are what statements need beside the decision. Its zero value is
// refused: a verdict whose verifier nobody can name is worth nothing.
type Options struct {
	// Verifier is the URI of whoever judges, versioned and stable: consumers
	// pin it together with the signer. Required.
	Verifier string
	// VerifierVersion is the version of each tool that judged, by its name.
	VerifierVersion map[string]string
	// PolicyURI is where the policy is kept, or what it is called. Its digest
	// is the decision's. Required.
	PolicyURI string
	// RunURL is where the run can be looked at; empty if nowhere.
	RunURL string
	// Report returns the bytes of one of the decision's reports by their
	// digest. They are checked against it. Where Report is nil there are no
	// statements with SBOMs, vulnerabilities and VEX.
	Report func(criteria.Digest) ([]byte, error)
	// MaxInline is the size in bytes up to which an SBOM is attested whole;
	// a larger one is attested by reference. Zero is [DefaultMaxInline].
	MaxInline int64
	// ReportURL says where a report can be downloaded, for references and
	// findings; nil or "" where nowhere.
	ReportURL func(criteria.Digest) string
}

// DefaultMaxInline keeps an attestation below what registries, logs and
// admission webhooks accept.
const DefaultMaxInline = 8 << 20

// Statements returns what is attested of d: the verdict and the findings,
// always; and of a release that passed, its SBOMs, known vulnerabilities and
// VEX documents. It is a pure function of its arguments.
func Statements(d criteria.Decision, o Options) ([]Statement, error) {
	return nil, errors.New("attesting is not written yet")
}
