package slsa

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/provenance"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// verifier verifies bundles with one trusted root or one key. It is
// sigstore-go's, offline: everything that it asks is in the root and the bundle.
type verifier struct {
	*sigstore.Verifier
	trusted *root.TrustedRoot // nil: a key
	root    criteria.Digest   // of its bytes
	key     criteria.Digest
}

func newVerifier(trust []byte) (*verifier, error) {
	if block, rest := pem.Decode(trust); block != nil {
		if len(bytes.TrimSpace(rest)) > 0 {
			return nil, errors.New("the key it is to be verified with is followed by something else")
		}
		return keyVerifier(block)
	}
	if err := strict.CheckJSON(trust); err != nil {
		return nil, fmt.Errorf("what it is to be verified with is neither a Sigstore trusted root nor a public key in PEM: %w", err)
	}
	trusted, err := root.NewTrustedRootFromJSON(trust)
	if err != nil {
		return nil, fmt.Errorf("the trusted root it is to be verified with cannot be read: %v", err)
	}
	if len(trusted.FulcioCertificateAuthorities()) == 0 {
		return nil, errors.New("the trusted root it is to be verified with lists no certificate authority")
	}
	options := []sigstore.VerifierOption{sigstore.WithoutStatementPredicate()}
	// Certificates live for minutes: somebody must say when one signed.
	switch {
	case len(trusted.RekorLogs()) > 0:
		options = append(options, sigstore.WithTransparencyLog(1), sigstore.WithObserverTimestamps(1))
	case len(trusted.TimestampingAuthorities()) > 0:
		options = append(options, sigstore.WithSignedTimestamps(1))
	default:
		return nil, errors.New("the trusted root it is to be verified with lists no transparency log and no timestamp authority: nobody could say when a short-lived certificate signed")
	}
	if len(trusted.CTLogs()) > 0 {
		options = append(options, sigstore.WithSignedCertificateTimestamps(1))
	}
	v, err := sigstore.NewVerifier(trusted, options...)
	if err != nil {
		return nil, fmt.Errorf("the trusted root it is to be verified with cannot be used: %v", err)
	}
	return &verifier{Verifier: v, trusted: trusted, root: criteria.DigestOf(trust)}, nil
}

func keyVerifier(block *pem.Block) (*verifier, error) {
	if strings.Contains(block.Type, "PRIVATE KEY") {
		return nil, errors.New("what it is to be verified with is a private key: name the public one, and replace this one, which is no longer secret")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("what it is to be verified with is a %q in PEM, expected a PUBLIC KEY", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the key it is to be verified with cannot be read: %v", err)
	}
	loaded, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("the key it is to be verified with cannot be used: %v", err)
	}
	always := root.NewExpiringKey(loaded, time.Time{}, time.Time{})
	// The hint in a bundle is unauthenticated: there is one key, and it fits or not.
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return always, nil })
	v, err := sigstore.NewVerifier(material, sigstore.WithoutStatementPredicate(), sigstore.WithNoObserverTimestamps())
	if err != nil {
		return nil, fmt.Errorf("the key it is to be verified with cannot be used: %v", err)
	}
	return &verifier{Verifier: v, key: criteria.DigestOf(block.Bytes)}, nil
}

// read verifies a with v, which may be nil.
func (a attestation) read(v *verifier) reading {
	r := reading{statement: a.payload}
	no := func(format string, args ...any) reading {
		r.problem = clip(fmt.Sprintf(format, args...))
		return r
	}
	switch {
	case a.bundle == nil:
		return no("%s", a.why)
	case v == nil:
		return no("there is nothing to verify its signature with: name a trusted root beside it (trustedRoot)")
	case a.certified && v.trusted == nil:
		return no("it is signed with a certificate, and is to be verified with a key")
	case !a.certified && v.trusted != nil:
		return no("it is signed with a key, and is to be verified with a trusted root, which lists none: name the public key as trustedRoot")
	}
	// The statement is about what it says it is about; whether that is what
	// anybody asks for is the engine's question.
	subjects := sigstore.WithoutArtifactUnsafe()
	who := sigstore.WithoutIdentitiesUnsafe()
	if v.trusted == nil {
		who = sigstore.WithKey()
	}
	result, err := v.Verify(a.bundle, sigstore.NewPolicy(subjects, who))
	if err != nil {
		return no("its signature could not be verified: %v", err)
	}
	if v.trusted == nil {
		r.signer = &criteria.BuildSigner{By: "sigstore-go", Key: v.key}
		return r
	}
	for _, t := range result.VerifiedTimestamps {
		if r.time.IsZero() || t.Timestamp.Before(r.time) {
			r.time = t.Timestamp.UTC()
		}
	}
	if why := v.retired(a.bundle, result.VerifiedTimestamps); why != "" {
		r.time = time.Time{}
		return no("%s", why)
	}
	if result.Signature == nil || result.Signature.Certificate == nil || r.time.IsZero() {
		r.time = time.Time{}
		return no("it was verified without a certificate or a time")
	}
	r.signer = signerOf(result.Signature.Certificate)
	r.signer.Root = v.root
	return r
}

// retired says whether an entry that proves itself by inclusion alone, and so
// without a time of its own, is of a log that was not trusted when it was signed.
// sigstore-go does not ask.
func (v *verifier) retired(b *bundle.Bundle, times []sigstore.TimestampVerificationResult) string {
	entries, err := b.TlogEntries()
	if err != nil {
		return fmt.Sprintf("its log entry cannot be read: %v", err)
	}
	for _, e := range entries {
		if e.HasInclusionPromise() {
			continue
		}
		log, ok := v.trusted.RekorLogs()[e.LogKeyID()]
		if !ok {
			continue // it did not count
		}
		for _, t := range times {
			if t.Timestamp.Before(log.ValidityPeriodStart) || !log.ValidityPeriodEnd.IsZero() && t.Timestamp.After(log.ValidityPeriodEnd) {
				return fmt.Sprintf("it was signed on %s, when the trusted root did not trust its log", t.Timestamp.UTC().Format(time.RFC3339))
			}
		}
	}
	return ""
}

func signerOf(c *certificate.Summary) *criteria.BuildSigner {
	s := &criteria.BuildSigner{
		By: "sigstore-go", Issuer: c.Issuer, Identity: c.SubjectAlternativeName,
		Ref: c.SourceRepositoryRef, Commit: commitOf(c.SourceRepositoryDigest), Runner: c.RunnerEnvironment,
	}
	s.Repository, _ = provenance.Repository(c.SourceRepositoryURI)
	// Certificates of before 2023 say it in GitHub's own words.
	if s.Repository == "" && c.GithubWorkflowRepository != "" {
		s.Repository = "https://github.com/" + c.GithubWorkflowRepository
	}
	if s.Ref == "" {
		s.Ref = c.GithubWorkflowRef
	}
	if s.Commit.IsZero() {
		s.Commit = commitOf(c.GithubWorkflowSHA)
	}
	return s
}

// clip keeps a problem to one line that fits into a report.
func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
