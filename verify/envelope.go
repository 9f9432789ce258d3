package verify

import (
	"fmt"

	"github.com/hallmark-project/hallmark/attest"
)

// statementIn returns the statement in b. Nothing of it is verified.
func statementIn(b *parsed) (*payload, *Reason) {
	no := func(code, format string, args ...any) (*payload, *Reason) {
		return nil, &Reason{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	envelope := b.GetDsseEnvelope()
	if envelope == nil {
		return no(BadEnvelope, "it signs bytes and not a statement")
	}
	// > A DSSE envelope in a bundle MUST contain exactly one signature
	// https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_bundle.proto
	if n := len(envelope.GetSignatures()); n != 1 {
		return no(BadEnvelope, "it has %d signatures, expected one", n)
	}
	// > KEYID: Optional, unauthenticated hint
	// https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md
	// Libraries differ on what it must be, and skip the signature over it.
	envelope.Signatures[0].Keyid = ""
	if t := envelope.GetPayloadType(); t != attest.PayloadType {
		return no(BadEnvelope, "its payload is %q, expected %s", t, attest.PayloadType)
	}
	p, err := parsePayload(envelope.GetPayload())
	if err != nil {
		return no(BadStatement, "its statement cannot be read: %v", err)
	}
	if n := len(p.Subject); n > MaxSubjects {
		return no(TooLarge, "the statement is about %d subjects, expected at most %d", n, MaxSubjects)
	}
	return p, nil
}
