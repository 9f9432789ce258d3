package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/attest/sign/identity"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/trustroot"
	"github.com/hallmark-project/hallmark/verify"
)

const (
	maxRoot     = sign.MaxTrustedRoot
	maxArtifact = 1 << 30
)

// signing is what sign-bundle was asked.
type signing struct {
	staging, inToto            bool
	token                      string
	bundle                     string
	trustedRoot, signingConfig string
	artifact                   string
}

func parseSign(args []string) (*signing, error) {
	var s signing
	f := flag.NewFlagSet("sign-bundle", flag.ContinueOnError)
	f.BoolVar(&s.staging, "staging", false, "")
	f.BoolVar(&s.inToto, "in-toto", false, "")
	f.StringVar(&s.token, "identity-token", "", "")
	f.StringVar(&s.bundle, "bundle", "", "")
	f.StringVar(&s.trustedRoot, "trusted-root", "", "")
	f.StringVar(&s.signingConfig, "signing-config", "", "")
	var err error
	if s.artifact, err = parse(f, args); err != nil {
		return nil, err
	}
	if s.token == "" || s.bundle == "" {
		return nil, misusedf("sign-bundle: expected --identity-token and --bundle")
	}
	return &s, nil
}

func (s *signing) run(ctx context.Context) error {
	content, err := regular.File(s.artifact, maxArtifact)
	if err != nil {
		return fmt.Errorf("reading the artifact: %w", err)
	}
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	var b attest.Bundle
	if s.inToto {
		b, err = signer.SignPayload(ctx, content)
	} else {
		b, err = signer.SignBytes(ctx, content)
	}
	if err != nil {
		return err
	}
	return atomicfile.Write(s.bundle, b, 0o644)
}

func (s *signing) signer(ctx context.Context) (*sign.Signer, error) {
	tokens, err := identity.Given(s.token, identity.Environment{Env: os.Getenv, Now: time.Now})
	if err != nil {
		return nil, misusedf("%v", err)
	}
	trusted, config, err := s.deployment(ctx)
	if err != nil {
		return nil, err
	}
	services, err := sign.ReadSigningConfig(config, time.Now())
	if err != nil {
		return nil, misusedf("%v", err)
	}
	r, err := root.NewTrustedRootFromJSON(trusted)
	if err != nil {
		return nil, misusedf("reading the trusted root: %v", err)
	}
	return sign.NewKeylessSigner(sign.Options{Services: services, Trusted: r, Tokens: tokens})
}

// deployment returns the trusted root and the signing configuration: what was
// given, and where one was not, what the instance distributes.
func (s *signing) deployment(ctx context.Context) (trusted, config []byte, err error) {
	if s.trustedRoot == "" || s.signingConfig == "" {
		if trusted, config, err = fetch(ctx, s.staging); err != nil {
			return nil, nil, err
		}
	}
	if s.trustedRoot != "" {
		if trusted, err = regular.File(s.trustedRoot, maxRoot); err != nil {
			return nil, nil, fmt.Errorf("reading the trusted root: %w", err)
		}
	}
	if s.signingConfig != "" {
		if config, err = regular.File(s.signingConfig, sign.MaxSigningConfig); err != nil {
			return nil, nil, fmt.Errorf("reading the signing configuration: %w", err)
		}
	}
	return trusted, config, nil
}

// stagingName is what a keyring calls the staging instance's trusted root.
const stagingName = verify.TUF + tuf.StagingMirror

// fetch returns what the public-good or the staging instance distributes.
func fetch(ctx context.Context, staging bool) (trusted, config []byte, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, nil, fmt.Errorf("finding a folder to keep the trusted root in: %w", err)
	}
	k := trustroot.Keeper{Dir: filepath.Join(cache, "hallmark-conformance")}
	address := trustroot.PublicGood
	if staging {
		address = tuf.StagingMirror
		if _, err := k.Begin(address, tuf.StagingRoot()); err != nil {
			return nil, nil, err
		}
	}
	files, err := k.Fetch(ctx, address, trustroot.TrustedRoot, trustroot.SigningConfig)
	if err != nil {
		return nil, nil, err
	}
	return files[0], files[1], nil
}

// fetched is a trusted root that was fetched.
type fetched []byte

// TrustedRoot implements [verify.Roots].
func (f fetched) TrustedRoot(string) ([]byte, error) { return f, nil }
