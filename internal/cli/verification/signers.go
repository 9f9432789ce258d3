package verification

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

// signers are those whom the flags name, in place of all that the trust file
// does; the trust file's where they name none. What else the trust file asks is
// asked all the same.
func signers(c *cli.Context, trusted []verify.Signer) ([]verify.Signer, error) {
	key, name, issuer, root := c.String("key"), c.String("certificate-identity"), c.String("certificate-oidc-issuer"), c.String("trusted-root")
	switch {
	case key == "" && name == "" && issuer == "" && root == "":
		return trusted, nil
	case key != "" && (name != "" || issuer != ""):
		return nil, console.Misused(errors.New("--key and --certificate-identity both say who must have signed: expected one of both"))
	case key != "" && root != "", key == "" && name == "" && issuer == "":
		return nil, console.Misused(errors.New("--trusted-root is for --certificate-identity"))
	case key != "":
		pem, err := regular.File(key, strict.MaxConfig)
		if err != nil {
			return nil, console.Misused(fmt.Errorf("reading the public key: %w", err))
		}
		return []verify.Signer{{Name: "--key", Key: string(pem)}}, nil
	case name == "" || issuer == "":
		return nil, console.Misused(errors.New("--certificate-identity and --certificate-oidc-issuer belong together: a name means something with who vouches for it"))
	}
	s := verify.Signer{Name: "--certificate-identity", Issuer: issuer, Identity: name}
	if root != "" {
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, err
		}
		s.TrustedRoot = abs
		return []verify.Signer{s}, nil
	}
	// The trust file's root, with the witnesses that it requires.
	for _, t := range trusted {
		switch {
		case t.Identity == "" && t.IdentityPattern == "":
		case s.TrustedRoot == "":
			s.TrustedRoot, s.Require = t.TrustedRoot, t.Require
		case s.TrustedRoot != t.TrustedRoot || fmt.Sprint(s.Require) != fmt.Sprint(t.Require):
			return nil, console.Misused(errors.New("the trust file has several trusted roots, or requires different witnesses under them"), "say which root with: --trusted-root FILE")
		}
	}
	if s.TrustedRoot == "" {
		return nil, console.Misused(errors.New("the trust file names no trusted root"), "name one with: --trusted-root FILE")
	}
	return []verify.Signer{s}, nil
}
