package verify

import (
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// RejectionError is a no: bundles were looked at, and together they do not
// show what is expected. Reasons is never empty: one for each bundle that did
// not count, in the order they were found, or one that none was found.
type RejectionError struct {
	Subject criteria.Digest `json:"subject"`
	Reasons []Reason        `json:"reasons"`
}

func (e *RejectionError) Error() string {
	lines := make([]string, 0, 1+len(e.Reasons))
	lines = append(lines, "refused: "+e.Subject.String())
	for _, r := range e.Reasons {
		lines = append(lines, "  "+r.String())
	}
	return strings.Join(lines, "\n")
}

// Has reports whether some reason has code.
func (e *RejectionError) Has(code string) bool {
	for _, r := range e.Reasons {
		if r.Code == code {
			return true
		}
	}
	return false
}

// Reason says why one bundle, or the lack of one, does not count.
type Reason struct {
	// Code is one of [Codes]. Programs branch on it, never on Message.
	Code string `json:"code"`
	// Bundle is the digest of the bundle's bytes, zero where the reason is
	// about no single bundle.
	Bundle criteria.Digest `json:"bundle,omitzero"`
	// Reached is the step at which the bundle stopped: all before it were passed.
	Reached Step `json:"reached,omitempty"`
	// Message is one line for a person. It may quote the bundle.
	Message string `json:"message"`
}

func (r Reason) String() string {
	if r.Bundle.IsZero() {
		return fmt.Sprintf("%s: %s", r.Code, r.Message)
	}
	return fmt.Sprintf("%s: %s (bundle %s)", r.Code, r.Message, r.Bundle.Short())
}

// Error is String: a reason is what [Keyring.Signature] refuses with.
func (r Reason) Error() string { return r.String() }

// The reasons, in the order in which a bundle is looked at. The list is closed:
// a new reason is a new version of the result's format.
const (
	// NoBundle: nothing was found for this digest, or only statements that
	// hold no verdict.
	NoBundle = "no-bundle"
	// TooLarge: the bundle is larger than [MaxBundle], or lists more subjects
	// than [MaxSubjects].
	TooLarge = "too-large"
	// BadBundle: not a Sigstore bundle of a version we know.
	BadBundle = "bad-bundle"
	// BadEnvelope: no DSSE envelope, a payload that is no in-toto statement,
	// no signature or several.
	BadEnvelope = "bad-envelope"
	// BadStatement: the statement can be understood in two ways, or not at all.
	BadStatement = "bad-statement"
	// WrongSubject: it is about other artifacts.
	WrongSubject = "wrong-subject"
	// UntrustedSigner: no signer of the trust file made the signature, or who
	// did was not to be trusted at the time.
	UntrustedSigner = "untrusted-signer"
	// BadSignature: it says it is from a trusted signer, and the signature, the
	// certificate, the log entry or the timestamp does not verify.
	BadSignature = "bad-signature"
	// BadVerdict: signed by a trusted signer, but no verdict that the
	// specification allows.
	BadVerdict = "bad-verdict"
	// WrongVerifier: another verifier's verdict.
	WrongVerifier = "wrong-verifier"
	// WrongResource: a verdict about the same bytes under another name.
	WrongResource = "wrong-resource"
	// TooFewSigners: fewer different signers made this verdict than the trust file
	// asks for.
	TooFewSigners = "too-few-signers"
	// Superseded: a newer verdict about the same resource decides. It stands
	// beside that one's reason.
	Superseded = "superseded"
	// Failed: the verdict that decides says FAILED.
	Failed = "failed"
	// FromTheFuture: the verdict was made later than now.
	FromTheFuture = "from-the-future"
	// TooOld: the verdict is older than the trust file accepts.
	TooOld = "too-old"
	// WrongPolicy: it was made under a policy that the trust file does not list.
	WrongPolicy = "wrong-policy"
	// CriteriaUnmet: a level or criterion that the trust file requires was not
	// reached.
	CriteriaUnmet = "criteria-unmet"
	// RequirementUnmet: something that the trust file requires beside the verdict
	// is not there, or says something else. Its bundle is of the statement that
	// came nearest.
	RequirementUnmet = "requirement-unmet"
)

// Codes lists every code that a [Reason] can have.
func Codes() []string {
	return []string{
		NoBundle, TooLarge, BadBundle, BadEnvelope, BadStatement, WrongSubject,
		UntrustedSigner, BadSignature, BadVerdict, WrongVerifier, WrongResource,
		TooFewSigners, Superseded, Failed, FromTheFuture, TooOld, WrongPolicy, CriteriaUnmet,
		RequirementUnmet,
	}
}
