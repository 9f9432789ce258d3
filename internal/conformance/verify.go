package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/verify"
)

// verification is what verify-bundle was asked.
type verification struct {
	staging          bool
	bundle           string
	identity, issuer string
	key              string
	trustedRoot      string
	artifact         string // a file or a digest
}

func parseVerify(args []string) (*verification, error) {
	var v verification
	f := flag.NewFlagSet("verify-bundle", flag.ContinueOnError)
	f.BoolVar(&v.staging, "staging", false, "")
	f.StringVar(&v.bundle, "bundle", "", "")
	f.StringVar(&v.identity, "certificate-identity", "", "")
	f.StringVar(&v.issuer, "certificate-oidc-issuer", "", "")
	f.StringVar(&v.key, "key", "", "")
	f.StringVar(&v.trustedRoot, "trusted-root", "", "")
	var err error
	if v.artifact, err = parse(f, args); err != nil {
		return nil, err
	}
	given := make(map[string]bool)
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case v.bundle == "":
		return nil, misusedf("verify-bundle: --bundle is missing")
	case given["key"] && (given["certificate-identity"] || given["certificate-oidc-issuer"]):
		return nil, misusedf("verify-bundle: a bundle is signed with a key or by an identity: expected --key or --certificate-identity, not both")
	case !given["key"] && (v.identity == "" || v.issuer == ""):
		return nil, misusedf("verify-bundle: expected --key, or --certificate-identity and --certificate-oidc-issuer")
	}
	return &v, nil
}

func (v *verification) run(ctx context.Context) error {
	data, err := regular.File(v.bundle, verify.MaxBundle)
	if err != nil {
		return err
	}
	signer, roots, err := v.signer(ctx, data)
	if err != nil {
		return err
	}
	keyring, err := verify.NewKeyring("", []verify.Signer{signer}, verify.WithRoots(roots))
	if err != nil {
		return misusedf("%v", err)
	}
	artifact, closeArtifact, err := v.subject()
	if err != nil {
		return err
	}
	defer closeArtifact()
	_, err = keyring.Signature(data, artifact)
	return err
}

// subject is what the bundle shall be about.
func (v *verification) subject() (verify.Artifact, func() error, error) {
	if d, err := criteria.ParseDigest(v.artifact); err == nil {
		if _, err := os.Lstat(v.artifact); err != nil {
			return verify.Artifact{Digest: d}, func() error { return nil }, nil
		}
	}
	f, err := os.Open(v.artifact)
	if err != nil {
		return verify.Artifact{}, nil, fmt.Errorf("reading the artifact: %w", err)
	}
	return verify.Artifact{Content: f}, f.Close, nil
}

// maxKey bounds a public key's file.
const maxKey = 64 << 10

// signer is who shall have signed the bundle in data, with whatever witnesses
// the trusted root lists.
func (v *verification) signer(ctx context.Context, data attest.Bundle) (verify.Signer, verify.Roots, error) {
	s := verify.Signer{Issuer: v.issuer, Identity: v.identity, TrustedRoot: verify.PublicGood}
	// Of the public-good instance, as the root that is built in lists it: of
	// timestamp authorities that has only one which is not the instance's own.
	listed := witnesses{log: true, sct: true}
	var roots verify.Roots
	switch {
	case v.trustedRoot != "":
		path, err := filepath.Abs(v.trustedRoot)
		if err != nil {
			return s, nil, err
		}
		content, err := regular.File(path, maxRoot)
		if err != nil {
			return s, nil, fmt.Errorf("reading the trusted root: %w", err)
		}
		if listed, err = witnessesOf(content); err != nil {
			return s, nil, misusedf("reading the trusted root %s: %v", v.trustedRoot, err)
		}
		s.TrustedRoot = path
	case v.staging:
		content, _, err := fetch(ctx, true)
		if err != nil {
			return s, nil, err
		}
		if listed, err = witnessesOf(content); err != nil {
			return s, nil, err
		}
		s.TrustedRoot, roots = stagingName, fetched(content)
	}
	if v.key != "" {
		pem, err := regular.File(v.key, maxKey)
		if err != nil {
			return s, nil, fmt.Errorf("reading the key: %w", err)
		}
		s.Key, s.Issuer, s.Identity = string(pem), "", ""
		listed.sct = false // is about certificates
	}
	s.Require = listed.required(stamped(data))
	if v.key != "" && len(s.Require) == 0 {
		s.TrustedRoot, roots = "", nil
	}
	return s, roots, nil
}

// stamped reports whether the bundle in data says that it has timestamps. It is
// a reason to require one.
func stamped(data attest.Bundle) bool {
	var b protobundle.Bundle
	return protojson.Unmarshal(data, &b) == nil && len(b.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps()) > 0
}

// witnesses are the kinds of witnesses that a trusted root lists.
type witnesses struct{ log, sct, timestamp bool }

func witnessesOf(trustedRoot []byte) (witnesses, error) {
	r, err := root.NewTrustedRootFromJSON(trustedRoot)
	if err != nil {
		return witnesses{}, err
	}
	return witnesses{len(r.RekorLogs()) > 0, len(r.CTLogs()) > 0, len(r.TimestampingAuthorities()) > 0}, nil
}

func (w witnesses) required(stamped bool) []verify.Witness {
	var out []verify.Witness
	if w.log {
		out = append(out, verify.Log)
	}
	if w.sct {
		out = append(out, verify.SCT)
	}
	if w.timestamp && stamped {
		out = append(out, verify.Timestamp)
	}
	return out
}
