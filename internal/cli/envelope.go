package cli

import (
	"context"
	"crypto"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/slsa-framework/slsa-verifier/v2/options"
	"github.com/slsa-framework/slsa-verifier/v2/verifiers"
	"github.com/urfave/cli/v2"
)

func envelopeFlag() cli.Flag {
	return &cli.StringFlag{Name: "envelope", Usage: "also write the verdict as a bare DSSE envelope to `FILE`, as slsa-verifier reads it"}
}

func bundleFlag() cli.Flag {
	return &cli.StringFlag{Name: "bundle", Usage: "also write the verdict's bundle to `FILE`, as cosign reads it"}
}

// writeBundle writes the verdict's bundle to path, if one is named.
func writeBundle(path string, all []signed) error {
	for _, s := range all {
		if s.statement.Name() == "verdict" {
			return writeEnvelope(path, s.bundle)
		}
	}
	return nil
}

// envelope returns the verdict among all as the envelope that consumers with
// slsa-verifier check, or nothing if path, where it shall be written, is empty.
// It asks slsa-verifier itself first: what that would not accept from them is
// not written for them.
func envelope(ctx context.Context, path string, all []signed, key *sign.Key, verifier string, d criteria.Decision) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	for _, s := range all {
		if s.statement.Name() != "verdict" {
			continue
		}
		envelope, err := sign.Envelope(s.bundle)
		if err != nil {
			return nil, err
		}
		if d.Passed {
			if err := slsaVerifier(ctx, envelope, key, verifier, d); err != nil {
				return nil, console.Unable(fmt.Errorf("slsa-verifier does not accept the envelope, so it is not written: %w", err))
			}
		}
		return envelope, nil
	}
	return nil, fmt.Errorf("there is no verdict to write to %s", path)
}

// writeEnvelope writes what envelope returned to path.
func writeEnvelope(path string, data []byte) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(path, data, 0o644)
}

// slsaVerifier asks what "slsa-verifier verify-vsa" asks, about every artifact
// and every label of the verdict.
func slsaVerifier(ctx context.Context, envelope []byte, key *sign.Key, verifier string, d criteria.Decision) error {
	var digests []string
	for _, a := range d.Release.Artifacts {
		digests = append(digests, a.Digest.String())
	}
	levels, noKeyID, hash := d.Labels(), "", crypto.SHA256
	switch key.Algorithm() {
	case sign.ECDSAP384:
		hash = crypto.SHA384
	case sign.Ed25519:
		hash = crypto.SHA512
	}
	_, err := verifiers.VerifyVSA(ctx, envelope,
		&options.VSAOpts{
			ExpectedDigests: &digests, ExpectedVerifierID: &verifier,
			ExpectedResourceURI: &d.Release.Resource, ExpectedVerifiedLevels: &levels,
		},
		&options.VerificationOpts{PublicKey: key.Public(), PublicKeyID: &noKeyID, PublicKeyHashAlgo: hash})
	return err
}
