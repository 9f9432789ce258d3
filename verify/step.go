package verify

import "strings"

// Step is one of those that a bundle is taken through, always in the same order.
// What costs nothing is asked first, and nothing is concluded from what was read
// before [StepSignature] but that the bundle does not count.
type Step string

// The steps, in their order.
const (
	// StepBundle reads the bytes as a Sigstore bundle.
	StepBundle Step = "bundle"
	// StepEnvelope reads its DSSE envelope.
	StepEnvelope Step = "envelope"
	// StepStatement reads the in-toto statement in it.
	StepStatement Step = "statement"
	// StepSubject asks whether that is about the artifact.
	StepSubject Step = "subject"
	// StepSigner asks whether whoever signed is one of the trust file's signers,
	// and trusted at the time.
	StepSigner Step = "signer"
	// StepLog verifies the entry in a transparency log.
	StepLog Step = "log"
	// StepTime verifies when it was signed.
	StepTime Step = "time"
	// StepCertificate verifies the certificate, up to a certificate authority.
	StepCertificate Step = "certificate"
	// StepSCT verifies that a certificate log promised to hold the certificate.
	StepSCT Step = "sct"
	// StepSignature verifies the signature itself.
	StepSignature Step = "signature"
	// StepVerdict reads the verdict, and asks whose it is and about what.
	StepVerdict Step = "verdict"
	// StepThreshold counts who signed the same verdict.
	StepThreshold Step = "threshold"
	// StepNewest asks whether a newer verdict decides, and whether the one that
	// decides is a yes.
	StepNewest Step = "newest"
	// StepRequirements holds what decides against what the trust file requires.
	StepRequirements Step = "requirements"
)

// Steps lists every [Step] in its order.
func Steps() []Step {
	return []Step{
		StepBundle, StepEnvelope, StepStatement, StepSubject, StepSigner, StepLog, StepTime,
		StepCertificate, StepSCT, StepSignature, StepVerdict, StepThreshold, StepNewest, StepRequirements,
	}
}

// reached is the step at which a bundle with a reason of this code stopped,
// where the reason says nothing closer.
func reached(code string) Step {
	switch code {
	case NoBundle:
		return ""
	case TooLarge, BadBundle:
		return StepBundle
	case BadEnvelope:
		return StepEnvelope
	case BadStatement:
		return StepStatement
	case WrongSubject:
		return StepSubject
	case UntrustedSigner:
		return StepSigner
	case BadSignature:
		return StepSignature
	case BadVerdict, WrongVerifier, WrongResource, FromTheFuture:
		return StepVerdict
	case TooFewSigners:
		return StepThreshold
	case Superseded, Failed:
		return StepNewest
	}
	return StepRequirements
}

// at returns r with the step at which it stopped.
func (r Reason) at() Reason {
	if r.Reached == "" && !r.Bundle.IsZero() {
		r.Reached = reached(r.Code)
	}
	return r
}

// failures are how sigstore-go's errors begin, and the steps at which they come.
var failures = [...]struct {
	prefix string
	step   Step
}{
	{"failed to verify log inclusion: ", StepLog},
	{"failed to verify timestamps: ", StepTime},
	{"failed to verify leaf certificate: ", StepCertificate},
	{"failed to verify signed certificate timestamp: ", StepSCT},
	{"failed to verify signature: ", StepSignature},
}

// failure is the step of an error of sigstore-go, and its cause.
func failure(err error) (step Step, cause string) {
	if err == nil {
		return StepSignature, ""
	}
	for _, f := range failures {
		if cause, ok := strings.CutPrefix(err.Error(), f.prefix); ok {
			return f.step, cause
		}
	}
	return "", err.Error()
}
