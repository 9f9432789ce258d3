package verify

import (
	"bytes"
	"crypto/x509"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"golang.org/x/mod/semver"

	"github.com/hallmark-project/hallmark/attest"
)

// readBundle reads a Sigstore bundle, and refuses what the specification does
// though sigstore-go does not.
func readBundle(data attest.Bundle) (*parsed, *Reason) {
	if len(data) > MaxBundle {
		return nil, tooLarge(data)
	}
	b := &parsed{Bundle: new(bundle.Bundle)}
	if err := b.UnmarshalJSON(data); err != nil {
		return nil, &Reason{Code: BadBundle, Message: fmt.Sprintf("it is no Sigstore bundle: %v", err)}
	}
	if why := burdensome(b); why != "" {
		return nil, &Reason{Code: TooLarge, Message: why}
	}
	if why := malformed(b); why != "" {
		return nil, &Reason{Code: BadBundle, Message: why}
	}
	return b, nil
}

// parsed is a bundle whose log entries are decoded once: sigstore-go does so
// whenever it looks at them. It is for one goroutine, and nobody changes an entry.
type parsed struct {
	*bundle.Bundle
	decoded bool
	entries []*tlog.Entry
	err     error
}

// TlogEntries implements [sigstore.SignedEntity].
func (b *parsed) TlogEntries() ([]*tlog.Entry, error) {
	if !b.decoded {
		b.entries, b.err = b.Bundle.TlogEntries()
		b.decoded = true
	}
	return b.entries, b.err
}

func tooLarge(data attest.Bundle) *Reason {
	return &Reason{Code: TooLarge, Message: fmt.Sprintf("the bundle has %d bytes, expected at most %d", len(data), MaxBundle)}
}

// malformed says which rule of the bundle's specification b breaks, or nothing:
// that a chain holds no root, and that from version 0.2 on every log entry is
// proved. sigstore-go reads a chain's first certificate and no other, and is
// content if one of several entries has a proof.
//
// > Signers MUST NOT include root CA certificates in bundles
// https://github.com/sigstore/protobuf-specs/blob/v0.5.2/protos/sigstore_bundle.proto
func malformed(b *parsed) string {
	for i, c := range b.GetVerificationMaterial().GetX509CertificateChain().GetCertificates() {
		parsed, err := x509.ParseCertificate(c.GetRawBytes())
		if err != nil {
			return fmt.Sprintf("certificate %d of its chain cannot be read: %v", i+1, err)
		}
		if bytes.Equal(parsed.RawSubject, parsed.RawIssuer) && parsed.CheckSignature(parsed.SignatureAlgorithm, parsed.RawTBSCertificate, parsed.Signature) == nil {
			return fmt.Sprintf("certificate %d of its chain is a root: whom to trust is not for a bundle to say", i+1)
		}
	}
	version, err := b.Version()
	if err != nil {
		return err.Error()
	}
	for i, e := range b.GetVerificationMaterial().GetTlogEntries() {
		if semver.Compare(version, "v0.1") > 0 && e.GetInclusionProof() == nil {
			return fmt.Sprintf("log entry %d has no inclusion proof", i+1)
		}
	}
	return ""
}
