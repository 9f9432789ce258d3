// Command alone verifies one bundle with sigstore-go and nothing else. It reads
// no verdict: it is a measure for command ours, no verifier to use.
//
//	alone PUBLIC-KEY BUNDLE DIGEST
//	alone TRUSTED-ROOT BUNDLE DIGEST ISSUER IDENTITY
//	alone TRUSTED-ROOT FOLDER LIST ISSUER IDENTITY
//
// Of a folder, it verifies the bundle of each digest in the list, one after the
// other: its file is called as the digest. The trusted root is read once.
package main

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "alone:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 && len(args) != 5 {
		return errors.New("expected a key or root, a bundle, a digest, and perhaps an issuer and an identity")
	}
	if info, err := os.Stat(args[1]); err == nil && info.IsDir() && len(args) == 5 {
		return all(args)
	}
	b, err := bundle.LoadJSONFromPath(args[1])
	if err != nil {
		return err
	}
	digest, err := hex.DecodeString(strings.TrimPrefix(args[2], "sha256:"))
	if err != nil {
		return err
	}
	v, policy, err := key(args[0])
	if len(args) == 5 {
		v, policy, err = keyless(args[0], args[3], args[4])
	}
	if err != nil {
		return err
	}
	_, err = v.Verify(b, verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), policy))
	return err
}

func key(path string) (*verify.Verifier, verify.PolicyOption, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, nil, errors.New("the key is no PEM")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	loaded, err := signature.LoadDefaultVerifier(public)
	if err != nil {
		return nil, nil, err
	}
	trusted := root.NewExpiringKey(loaded, time.Time{}, time.Time{})
	v, err := verify.NewVerifier(
		root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return trusted, nil }),
		verify.WithNoObserverTimestamps(),
	)
	return v, verify.WithKey(), err
}

func all(args []string) error {
	v, policy, err := keyless(args[0], args[3], args[4], verify.WithSignedCertificateTimestamps(1))
	if err != nil {
		return err
	}
	list, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		name := strings.TrimPrefix(strings.TrimSpace(line), "sha256:")
		digest, err := hex.DecodeString(name)
		if err != nil {
			return err
		}
		b, err := bundle.LoadJSONFromPath(filepath.Join(args[1], name+".sigstore.json"))
		if err != nil {
			return err
		}
		if _, err := v.Verify(b, verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), policy)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func keyless(path, issuer, identity string, more ...verify.VerifierOption) (*verify.Verifier, verify.PolicyOption, error) {
	trusted, err := root.NewTrustedRootFromPath(path)
	if err != nil {
		return nil, nil, err
	}
	id, err := verify.NewShortCertificateIdentity(issuer, "", identity, "")
	if err != nil {
		return nil, nil, err
	}
	v, err := verify.NewVerifier(trusted, append(more, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))...)
	return v, verify.WithCertificateIdentity(id), err
}
