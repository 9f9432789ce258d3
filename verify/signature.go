package verify

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/hallmark-project/hallmark/criteria"
)

// maxRoot bounds a trusted root's file; the public one has some 10 kB.
const maxRoot = 4 << 20

// keySigner verifies what one key signed.
type keySigner struct {
	identity            Identity
	hints               [2]string
	notBefore, notAfter time.Time
	verifier            *sigstore.Verifier
	logs                *root.TrustedRoot // lists the logs of which one is required, nil where none is
}

// authority verifies what certificates under one trusted root signed.
type authority struct {
	trusted  *root.TrustedRoot
	logged   bool // a log entry is required
	verifier *sigstore.Verifier
	policies []sigstore.PolicyOption
	signers  []keylessSigner
}

type keylessSigner struct {
	name, issuer, identity string
	pattern                *regexp.Regexp
}

func newKeySigner(dir string, s Signer) (*keySigner, error) {
	key, fingerprint, err := parseKey(s.Key)
	if err != nil {
		return nil, fmt.Errorf("key %w", err)
	}
	loaded, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("key cannot be used: %v", err)
	}
	constrained := root.NewExpiringKey(loaded, s.NotBefore, s.NotAfter)
	// The hint in a bundle is unauthenticated; which key to try is decided in
	// [Verifier.signature].
	var material root.TrustedMaterial = root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return constrained, nil })
	options := []sigstore.VerifierOption{sigstore.WithoutStatementPredicate()}
	var logs *root.TrustedRoot
	if len(s.Require) > 0 {
		trusted, path, err := loadRoot(dir, s.TrustedRoot)
		if err != nil {
			return nil, err
		}
		if err := lists(trusted, path, s.Require); err != nil {
			return nil, err
		}
		// The root's certificate authorities vouch for no key.
		material = root.TrustedMaterialCollection{material, witnesses{trusted}}
		if slices.Contains(s.Require, Log) {
			logs = trusted
		}
	}
	if logs != nil {
		options = append(options, sigstore.WithTransparencyLog(1))
	}
	if slices.Contains(s.Require, Timestamp) {
		options = append(options, sigstore.WithSignedTimestamps(1))
	} else {
		options = append(options, sigstore.WithNoObserverTimestamps())
	}
	v, err := sigstore.NewVerifier(material, options...)
	if err != nil {
		return nil, err
	}
	sum, err := hex.DecodeString(fingerprint.Hex())
	if err != nil {
		return nil, err
	}
	return &keySigner{
		identity:  Identity{Name: s.Name, Key: fingerprint},
		hints:     [2]string{base64.StdEncoding.EncodeToString(sum), fingerprint.Hex()},
		notBefore: s.NotBefore, notAfter: s.NotAfter, verifier: v, logs: logs,
	}, nil
}

// witnesses are the logs and timestamp authorities of a trusted root, without
// its certificate authorities.
type witnesses struct{ *root.TrustedRoot }

// FulcioCertificateAuthorities implements [root.TrustedMaterial].
func (witnesses) FulcioCertificateAuthorities() []root.CertificateAuthority { return nil }

// valid says why the key is not to be trusted at t, or nothing.
func (k *keySigner) valid(t time.Time) string {
	switch {
	case !k.notBefore.IsZero() && t.Before(k.notBefore):
		return "not before " + stamp(k.notBefore)
	case !k.notAfter.IsZero() && t.After(k.notAfter):
		return "not after " + stamp(k.notAfter)
	}
	return ""
}

// newAuthority returns the verifier of what certificates under the trusted root
// at path signed and the witnesses in require saw.
func newAuthority(dir, path string, require []Witness) (*authority, error) {
	trusted, path, err := loadRoot(dir, path)
	if err != nil {
		return nil, err
	}
	if len(trusted.FulcioCertificateAuthorities()) == 0 {
		return nil, fmt.Errorf("the trusted root %s lists no certificate authority", path)
	}
	if err := lists(trusted, path, require); err != nil {
		return nil, err
	}
	wanted := func(w Witness, listed int) bool {
		if len(require) == 0 {
			return listed > 0
		}
		return slices.Contains(require, w)
	}
	options := []sigstore.VerifierOption{sigstore.WithoutStatementPredicate()}
	// Certificates live for minutes: somebody must say when one signed.
	log := wanted(Log, len(trusted.RekorLogs()))
	stamp := slices.Contains(require, Timestamp) || !log && wanted(Timestamp, len(trusted.TimestampingAuthorities()))
	if log {
		options = append(options, sigstore.WithTransparencyLog(1))
	}
	switch {
	case stamp:
		options = append(options, sigstore.WithSignedTimestamps(1))
	case log:
		options = append(options, sigstore.WithObserverTimestamps(1))
	default:
		return nil, fmt.Errorf("the trusted root %s lists no transparency log and no timestamp authority: nobody could say when a short-lived certificate signed", path)
	}
	if wanted(SCT, len(trusted.CTLogs())) {
		options = append(options, sigstore.WithSignedCertificateTimestamps(1))
	}
	v, err := sigstore.NewVerifier(trusted, options...)
	if err != nil {
		return nil, fmt.Errorf("using the trusted root %s: %v", path, err)
	}
	return &authority{trusted: trusted, logged: log, verifier: v}, nil
}

// loadRoot reads the trusted root at path, which begins in dir if relative.
func loadRoot(dir, path string) (*root.TrustedRoot, string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	data, err := readRoot(path)
	if err != nil {
		return nil, path, fmt.Errorf("reading the trusted root: %w", err)
	}
	trusted, err := root.NewTrustedRootFromJSON(data)
	if err != nil {
		return nil, path, fmt.Errorf("reading the trusted root %s: %v", path, err)
	}
	return trusted, path, nil
}

// lists says which required witness nobody in the trusted root could be.
func lists(trusted *root.TrustedRoot, path string, require []Witness) error {
	listed := map[Witness]int{
		Log: len(trusted.RekorLogs()), SCT: len(trusted.CTLogs()), Timestamp: len(trusted.TimestampingAuthorities()),
	}
	for _, w := range require {
		if listed[w] == 0 {
			return fmt.Errorf("the trusted root %s lists nobody who could be the required %q", path, w)
		}
	}
	return nil
}

func readRoot(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRoot+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRoot {
		return nil, fmt.Errorf("%s is too large: more than %d bytes", path, maxRoot)
	}
	return data, nil
}

func (a *authority) add(s Signer) error {
	k := keylessSigner{name: s.Name, issuer: s.Issuer, identity: s.Identity}
	pattern := ""
	if s.IdentityPattern != "" {
		var err error
		if k.pattern, err = anchored(s.IdentityPattern); err != nil {
			return err
		}
		pattern = k.pattern.String()
	}
	id, err := sigstore.NewShortCertificateIdentity(s.Issuer, "", s.Identity, pattern)
	if err != nil {
		return err
	}
	a.signers = append(a.signers, k)
	a.policies = append(a.policies, sigstore.WithCertificateIdentity(id))
	return nil
}

// identify returns the identity of a verified certificate.
func (a *authority) identify(c *certificate.Summary) (Identity, bool) {
	for _, s := range a.signers {
		if c.Issuer == "" || c.SubjectAlternativeName == "" || c.Issuer != s.issuer {
			continue
		}
		if s.pattern == nil && c.SubjectAlternativeName == s.identity ||
			s.pattern != nil && s.pattern.MatchString(c.SubjectAlternativeName) {
			return Identity{Name: s.name, Issuer: c.Issuer, Identity: c.SubjectAlternativeName}, true
		}
	}
	return Identity{}, false
}

// signature says which of v's signers signed b, a bundle about subject. The
// error's code is UntrustedSigner or BadSignature.
//
// A key's validity is for the caller to ask: see [opened.about].
func (v *Verifier) signature(b *bundle.Bundle, subject criteria.Digest) (Identity, *keySigner, *Reason) {
	no := func(code, format string, args ...any) (Identity, *keySigner, *Reason) {
		return Identity{}, nil, &Reason{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	raw, err := hex.DecodeString(subject.Hex())
	if err != nil {
		return no(BadSignature, "%v", err)
	}
	artifact := sigstore.WithArtifactDigest(subject.Algorithm(), raw)
	content, err := b.VerificationContent()
	if err != nil {
		return no(BadSignature, "its certificate cannot be read: %v", err)
	}
	if leaf := content.Certificate(); leaf != nil {
		return v.certificate(b, artifact)
	}

	hint := ""
	if key := content.PublicKey(); key != nil {
		hint = key.Hint()
	}
	candidates, hinted := v.keys, false
	for _, k := range v.keys {
		if hint == k.hints[0] || hint == k.hints[1] {
			candidates, hinted = []*keySigner{k}, true
			break
		}
	}
	for _, k := range candidates {
		var verified *sigstore.VerificationResult
		verified, err = k.verifier.Verify(b, sigstore.NewPolicy(artifact, sigstore.WithKey()))
		if err != nil {
			continue
		}
		if k.logs != nil {
			if why := retired(b, k.logs, verified.VerifiedTimestamps, v.now()); why != "" {
				return no(BadSignature, "%s", why)
			}
		}
		return k.identity, k, nil
	}
	if hinted {
		return no(BadSignature, "it says it is signed by %s, and the signature does not verify: %v", candidates[0].identity, err)
	}
	if len(v.keys) == 0 {
		return no(UntrustedSigner, "it is signed with a key, and no key is trusted")
	}
	if hint != "" {
		return no(UntrustedSigner, "none of the trusted keys signed it; it says it is signed with key %q", hint)
	}
	return no(UntrustedSigner, "none of the trusted keys signed it")
}

// certificate is signature for bundles that carry a certificate.
func (v *Verifier) certificate(b *bundle.Bundle, artifact sigstore.ArtifactPolicyOption) (Identity, *keySigner, *Reason) {
	no := func(code, format string, args ...any) (Identity, *keySigner, *Reason) {
		return Identity{}, nil, &Reason{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	if len(v.authorities) == 0 {
		return no(UntrustedSigner, "it is signed with a certificate, and no identity is trusted")
	}
	var (
		last  error
		under *root.TrustedRoot // that refused with last
		gone  string            // what a root said that refused only the log
	)
	for _, a := range v.authorities {
		verified, err := a.verifier.Verify(b, sigstore.NewPolicy(artifact, a.policies...))
		if err != nil {
			// Whoever made it past the certificate and failed on the identity
			// got furthest.
			var stranger *sigstore.ErrNoMatchingCertificateIdentity
			if last == nil || errors.As(err, &stranger) {
				last, under = err, a.trusted
			}
			continue
		}
		if a.logged {
			if why := retired(b, a.trusted, verified.VerifiedTimestamps, v.now()); why != "" {
				gone = why
				continue
			}
		}
		if verified.Signature == nil || verified.Signature.Certificate == nil {
			return no(BadSignature, "it was verified without a certificate")
		}
		if id, ok := a.identify(verified.Signature.Certificate); ok {
			return id, nil, nil
		}
		return no(UntrustedSigner, "its certificate is for nobody who is trusted")
	}
	if gone != "" {
		return no(BadSignature, "%s", gone)
	}
	var stranger *sigstore.ErrNoMatchingCertificateIdentity
	if errors.As(last, &stranger) {
		who := "somebody else"
		if content, err := b.VerificationContent(); err == nil {
			if c, err := certificate.SummarizeCertificate(content.Certificate()); err == nil {
				who = fmt.Sprintf("%q, of issuer %q", c.SubjectAlternativeName, c.Issuer)
			}
		}
		return no(UntrustedSigner, "it is signed by %s", who)
	}
	return no(BadSignature, "%s", explain(b, under, last))
}
