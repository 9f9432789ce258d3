package sign

import (
	"fmt"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	signatures "github.com/sigstore/sigstore/pkg/signature"
)

// check holds what the services answered against the trusted root that
// consumers use: a log or an authority that lies is found out before anything
// is published. It asks for every witness that the bundle has.
func (s *Signer) check(pb *protobundle.Bundle) error {
	b, err := bundle.NewBundle(pb)
	if err != nil {
		return fmt.Errorf("checking the bundle: %v", err)
	}
	var material root.TrustedMaterial = s.o.Trusted
	var options []verify.VerifierOption
	logged, stamped := len(pb.VerificationMaterial.GetTlogEntries()), len(pb.VerificationMaterial.GetTimestampVerificationData().GetRfc3161Timestamps())
	if logged > 0 {
		options = append(options, verify.WithTransparencyLog(logged))
	}
	if stamped > 0 {
		options = append(options, verify.WithSignedTimestamps(stamped))
	}
	if s.key != nil {
		v, err := signatures.LoadDefaultVerifier(s.key.Public())
		if err != nil {
			return fmt.Errorf("checking the bundle: %v", err)
		}
		key := root.NewExpiringKey(v, time.Time{}, time.Time{})
		material = root.TrustedMaterialCollection{s.o.Trusted, root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return key, nil })}
		if stamped == 0 {
			options = append(options, verify.WithNoObserverTimestamps())
		}
	} else {
		if stamped == 0 {
			options = append(options, verify.WithIntegratedTimestamps(1))
		}
		if len(s.o.Trusted.CTLogs()) > 0 {
			options = append(options, verify.WithSignedCertificateTimestamps(1))
		}
	}
	v, err := verify.NewVerifier(material, options...)
	if err != nil {
		return fmt.Errorf("checking the bundle: %v", err)
	}
	artifact := verify.WithoutArtifactUnsafe()
	if m := pb.GetMessageSignature().GetMessageDigest(); m != nil {
		// The digest is our own: what was signed was hashed here.
		artifact = verify.WithArtifactDigest(m.GetAlgorithm().String(), m.GetDigest())
	}
	policy := verify.NewPolicy(artifact, verify.WithoutIdentitiesUnsafe())
	if s.key != nil {
		policy = verify.NewPolicy(artifact, verify.WithKey())
	}
	if _, err := v.Verify(b, policy); err != nil {
		return fmt.Errorf("what the services answered does not verify with the trusted root: %v", err)
	}
	return nil
}
