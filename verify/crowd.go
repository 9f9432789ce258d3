package verify

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// usual is how many log entries, and how many timestamps, a bundle has that
// nobody made to keep verifiers busy.
const usual = 2

// crowded says why a statement with more witnesses than usual is not worth to ask
// them: its certificate is from nobody under trusted, or did not sign it. What
// holds for others, too, is asked here first, since each witness costs more, and
// a stranger can have as many as he likes.
func crowded(b *parsed, trusted *root.TrustedRoot, leaf *x509.Certificate) string {
	if !crowd(b) {
		return ""
	}
	if issuerOf(leaf, trusted) == nil {
		return "its certificate is from no certificate authority that the trusted root lists"
	}
	key, err := newKeyAlgorithms(leaf.PublicKey)
	if err != nil {
		return fmt.Sprintf("its certificate's key cannot be used: %v", err)
	}
	return unsigned(b, key)
}

// crowd reports whether b is a statement with more witnesses than usual.
func crowd(b *parsed) bool {
	m := b.GetVerificationMaterial()
	few := len(m.GetTlogEntries()) <= usual && len(m.GetTimestampVerificationData().GetRfc3161Timestamps()) <= usual
	return !few && b.GetDsseEnvelope() != nil
}

// unsigned says why key did not sign the statement in b, or nothing.
func unsigned(b *parsed, key keyAlgorithms) string {
	envelope := b.GetDsseEnvelope()
	signed := dsse.PAE(envelope.GetPayloadType(), envelope.GetPayload())
	for _, s := range envelope.GetSignatures() {
		if err := key.VerifySignature(bytes.NewReader(s.GetSig()), bytes.NewReader(signed)); err != nil {
			return fmt.Sprintf("its signature does not verify: %v", err)
		}
	}
	return ""
}

// issuerOf is the authority of trusted that issued leaf, nil if none did.
func issuerOf(leaf *x509.Certificate, trusted *root.TrustedRoot) *root.FulcioCertificateAuthority {
	for _, ca := range trusted.FulcioCertificateAuthorities() {
		ca, ok := ca.(*root.FulcioCertificateAuthority)
		if !ok {
			continue
		}
		for _, parent := range append(slices.Clone(ca.Intermediates), ca.Root) {
			if parent != nil && leaf.CheckSignatureFrom(parent) == nil {
				return ca
			}
		}
	}
	return nil
}
