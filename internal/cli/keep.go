package cli

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// keep returns the bundles in an earlier dossier that this signer would make
// again, by the digest of the statement they hold: they verify, and what signed
// them would sign now, witnessed by as many. Whatever goes wrong, there are
// none: then everything is signed anew.
func (out *signing) keep(ctx context.Context, io console.IO, before string, want verify.Expect, rel criteria.Release) map[criteria.Digest]attest.Bundle {
	kept := make(map[criteria.Digest]attest.Bundle)
	if before == "" {
		return kept
	}
	earlier, ok := out.earlier(before)
	if !ok {
		return kept
	}
	earlier.Verifier, earlier.Resource, earlier.Level, earlier.Criteria, earlier.Policies, earlier.MaxAge = want.Verifier, want.Resource, want.Level, want.Criteria, want.Policies, want.MaxAge
	src := source.Once(filepath.Join(before, dossier.AttestationsDir))
	v, err := verify.New(src, earlier, verify.WithClock(io.Now))
	if err != nil {
		return kept
	}
	for _, a := range rel.Artifacts {
		bundles, err := src.Bundles(ctx, a.Digest)
		if err != nil {
			return kept
		}
		byDigest := make(map[criteria.Digest]attest.Bundle, len(bundles))
		for _, b := range bundles {
			byDigest[criteria.DigestOf(b)] = b
		}
		result, err := v.Verify(ctx, a.Digest)
		if err != nil {
			return kept
		}
		for _, s := range result.Statements {
			if b, ok := byDigest[s.Bundle]; ok {
				kept[s.Digest] = b
			}
		}
	}
	return kept
}

// earlier returns the trust file of the dossier in before, if its one signer is
// the one that would sign now.
func (out *signing) earlier(before string) (verify.Expect, bool) {
	e, err := verification.LoadTrust(filepath.Join(before, dossier.TrustFile))
	if err != nil || len(e.Signers) != 1 {
		return e, false
	}
	s := e.Signers[0]
	for _, w := range out.asked() {
		asked := false
		for _, r := range s.Require {
			asked = asked || r == w
		}
		if !asked {
			return e, false
		}
	}
	if len(s.Require) > 0 || s.Identity != "" {
		if s.TrustedRoot != dossier.TrustedRootFile {
			return e, false
		}
		was, err := regular.File(filepath.Join(before, dossier.TrustedRootFile), sign.MaxTrustedRoot)
		if err != nil || !bytes.Equal(was, out.root) {
			return e, false
		}
	}
	if out.key != nil {
		pem, err := out.key.PublicPEM()
		// The file may have been written with other spaces.
		return e, err == nil && bytes.Equal(bytes.TrimSpace([]byte(s.Key)), bytes.TrimSpace(pem)) && len(s.Require) == len(out.asked())
	}
	return e, s.Identity != "" && out.mine(s.Issuer, s.Identity)
}

// asked are the witnesses whom the signer asks.
func (out *signing) asked() []verify.Witness {
	var asked []verify.Witness
	if len(out.services.Logs) > 0 {
		asked = append(asked, verify.Log)
	}
	if len(out.services.Timestamps) > 0 {
		asked = append(asked, verify.Timestamp)
	}
	return asked
}

// mine reports whether a certificate for that identity is what would be asked
// for now.
func (out *signing) mine(issuer, name string) bool {
	if out.identity != "" {
		return name == out.identity && issuer == out.issuer
	}
	return out.claimed != nil && out.claimed.CertificateIssuer() == issuer && out.claimed.Identity() == name
}
