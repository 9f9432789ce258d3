package sign

import (
	"errors"

	"github.com/hallmark-project/hallmark/attest"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"google.golang.org/protobuf/encoding/protojson"
)

// Seal is what a bundle of ours says about how it was signed: what goes into
// the trust file that consumers begin with. It is read and not verified.
type Seal struct {
	// Issuer and Identity are the certificate's, empty where a key signed.
	Issuer, Identity string
	// Hint is which key the bundle says that signed it, as [Key.Fingerprint];
	// empty with a certificate.
	Hint string
	// Logs and Timestamps are how many log entries and timestamps there are.
	Logs, Timestamps int
	// SCT is whether a certificate log promised to hold the certificate.
	SCT bool
}

// sctExtension is where a certificate holds the promises of certificate logs
// (RFC 6962, section 3.3).
const sctExtension = "1.3.6.1.4.1.11129.2.4.2"

// Read returns the seal of b, which was just signed or has just been verified.
func Read(b attest.Bundle) (Seal, error) {
	var pb protobundle.Bundle
	if err := protojson.Unmarshal(b, &pb); err != nil {
		return Seal{}, errors.New("reading how a bundle was signed: it is no Sigstore bundle")
	}
	s := Seal{
		Logs:       len(pb.GetVerificationMaterial().GetTlogEntries()),
		Timestamps: len(pb.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps()),
	}
	leaf, err := leafOf(&pb)
	if err != nil {
		return Seal{}, errors.New("reading how a bundle was signed: its certificate is damaged")
	}
	if leaf == nil {
		s.Hint = pb.GetVerificationMaterial().GetPublicKey().GetHint()
		return s, nil
	}
	summary, err := certificate.SummarizeCertificate(leaf)
	if err != nil {
		return Seal{}, errors.New("reading how a bundle was signed: its certificate names nobody")
	}
	s.Issuer, s.Identity = summary.Issuer, summary.SubjectAlternativeName
	for _, e := range leaf.Extensions {
		s.SCT = s.SCT || e.Id.String() == sctExtension
	}
	return s, nil
}
