package verify

import (
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// Keyring says who signed a bundle: which of the signers it was made of, with
// what witnesses. It says nothing of what was signed. [Verifier] is made on one;
// by itself it is for those who have a signature and no verdict.
//
// A Keyring is safe for use by several goroutines at once.
type Keyring struct {
	keys        []*keySigner
	authorities []*authority
	entries     []*entry
	now         func() time.Time
	shared      *Shared
}

// keySigner verifies what one key signed.
type keySigner struct {
	*entry
	hints    [2]string
	material root.TrustedMaterial
	verifier *sigstore.Verifier
	// unlogged asks for no log entry: [keySigner.entered] has looked at it.
	unlogged *sigstore.Verifier
	public   crypto.PublicKey
	several  bool // the key may sign with more than one algorithm
	// algorithms are those that it may sign with.
	algorithms keyAlgorithms
	// witnesses is the root whose logs and timestamp authorities are required,
	// nil where none is; logged says that a log is.
	witnesses *root.TrustedRoot
	logged    bool
}

// authority verifies what certificates under one trusted root signed.
type authority struct {
	trusted  *root.TrustedRoot
	root     criteria.Digest // of the trusted root's bytes
	logged   bool            // a log entry is required
	promised bool            // a promise of a certificate log is
	verifier *sigstore.Verifier
	// forgetful remembers nothing. It is for bundles with intermediates of their
	// own, which sigstore-go gives to the authorities it knows.
	forgetful *sigstore.Verifier
	entries   []*entry
}

// NewKeyring returns a Keyring of signers. dir is where relative paths in them
// begin. It reads the trusted roots that they name, and refuses signers that
// would trust anyone.
func NewKeyring(dir string, signers []Signer, opts ...Option) (*Keyring, error) {
	if len(signers) == 0 {
		return nil, errors.New("making a keyring: there are no signers")
	}
	var o options
	for _, set := range opts {
		set(&o)
	}
	k := &Keyring{now: o.clock(), shared: o.share()}
	for i, s := range signers {
		for _, f := range s.faults() {
			return nil, fmt.Errorf("making a keyring: signer %d: %s", i+1, f.msg)
		}
		if err := k.add(dir, s, nil, o.roots); err != nil {
			return nil, fmt.Errorf("making a keyring: signer %d: %w", i+1, err)
		}
	}
	return k, nil
}

// add adds s, whose signature counts for statements of these predicate types;
// nil is any.
func (k *Keyring) add(dir string, s Signer, predicates []string, roots Roots) error {
	e, err := newEntry(len(k.entries), s, predicates)
	if err != nil {
		return err
	}
	if s.Key != "" {
		signer, err := newKeySigner(k.shared, dir, e, roots)
		if err != nil {
			return err
		}
		k.keys = append(k.keys, signer)
	} else {
		i := slices.IndexFunc(k.authorities, func(a *authority) bool {
			first := a.entries[0]
			return first.TrustedRoot == s.TrustedRoot && required(first.Require) == required(s.Require)
		})
		if i < 0 {
			a, err := newAuthority(k.shared, dir, s.TrustedRoot, s.Require, roots)
			if err != nil {
				return err
			}
			i = len(k.authorities)
			k.authorities = append(k.authorities, a)
		}
		e.root = k.authorities[i].root
		k.authorities[i].entries = append(k.authorities[i].entries, e)
	}
	k.entries = append(k.entries, e)
	return nil
}

func newKeySigner(shared *Shared, dir string, e *entry, roots Roots) (*keySigner, error) {
	key, _, err := parseKey(e.Key)
	if err != nil {
		return nil, fmt.Errorf("key %w", err)
	}
	loaded, err := newKeyAlgorithms(key)
	if err != nil {
		return nil, fmt.Errorf("key cannot be used: %v", err)
	}
	// How long it is trusted is asked in [Keyring.key], which says so; which key
	// to try, too: the hint in a bundle is unauthenticated.
	unbounded := root.NewExpiringKey(loaded, time.Time{}, time.Time{})
	var material root.TrustedMaterial = root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return unbounded, nil })
	options := []sigstore.VerifierOption{sigstore.WithoutStatementPredicate()}
	signer := &keySigner{entry: e, logged: slices.Contains(e.Require, Log), public: key, several: len(loaded.by) > 1, algorithms: loaded}
	if len(e.Require) > 0 {
		trusted, err := shared.load(dir, e.TrustedRoot, roots)
		if err != nil {
			return nil, err
		}
		if err := lists(trusted, e.Require); err != nil {
			return nil, err
		}
		// The root's certificate authorities vouch for no key.
		material = root.TrustedMaterialCollection{material, witnesses{trusted.material}}
		signer.witnesses = trusted.TrustedRoot
		e.root = trusted.digest
	}
	if slices.Contains(e.Require, Timestamp) {
		options = append(options, sigstore.WithSignedTimestamps(1))
	} else {
		options = append(options, sigstore.WithNoObserverTimestamps())
	}
	signer.material = material
	if signer.unlogged, err = sigstore.NewVerifier(material, options...); err != nil {
		return nil, err
	}
	if signer.logged {
		options = append(options, sigstore.WithTransparencyLog(1))
	}
	if signer.verifier, err = sigstore.NewVerifier(material, options...); err != nil {
		return nil, err
	}
	sum, err := hex.DecodeString(e.key.Hex())
	if err != nil {
		return nil, err
	}
	signer.hints = [2]string{base64.StdEncoding.EncodeToString(sum), e.key.Hex()}
	return signer, nil
}

// witnesses are the logs and timestamp authorities of a trusted root, without
// its certificate authorities.
type witnesses struct{ root.TrustedMaterial }

// FulcioCertificateAuthorities implements [root.TrustedMaterial].
func (witnesses) FulcioCertificateAuthorities() []root.CertificateAuthority { return nil }

// valid says why the key is not to be trusted at t, or nothing.
func (e *entry) valid(t time.Time) string {
	switch {
	case !e.NotBefore.IsZero() && t.Before(e.NotBefore):
		return "not before " + stamp(e.NotBefore)
	case !e.NotAfter.IsZero() && t.After(e.NotAfter):
		return "not after " + stamp(e.NotAfter)
	}
	return ""
}

// newAuthority returns the verifier of what certificates under the trusted root
// called name signed and the witnesses in require saw.
func newAuthority(shared *Shared, dir, name string, require []Witness, roots Roots) (*authority, error) {
	trusted, err := shared.load(dir, name, roots)
	if err != nil {
		return nil, err
	}
	if len(trusted.FulcioCertificateAuthorities()) == 0 {
		return nil, fmt.Errorf("the trusted root %s lists no certificate authority", trusted.called)
	}
	if err := lists(trusted, require); err != nil {
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
		return nil, fmt.Errorf("the trusted root %s lists no transparency log and no timestamp authority: nobody could say when a short-lived certificate signed", trusted.called)
	}
	promised := wanted(SCT, len(trusted.CTLogs()))
	if promised {
		options = append(options, sigstore.WithSignedCertificateTimestamps(1))
	}
	a := &authority{trusted: trusted.TrustedRoot, root: trusted.digest, logged: log, promised: promised}
	for v, by := range map[**sigstore.Verifier]root.TrustedMaterial{&a.verifier: trusted.material, &a.forgetful: trusted.TrustedRoot} {
		if *v, err = sigstore.NewVerifier(by, options...); err != nil {
			return nil, fmt.Errorf("using the trusted root %s: %v", trusted.called, err)
		}
	}
	return a, nil
}

// Signature verifies who signed data, a Sigstore bundle about artifact: one with
// a statement that lists it, or one that signs its bytes. The error is a [Reason]
// why it is none of the signers, or one that it could not be looked at.
func (k *Keyring) Signature(data attest.Bundle, artifact Artifact) (sig *Signature, err error) {
	defer func() {
		if p := recover(); p != nil {
			sig, err = nil, &Reason{Code: BadBundle, Message: printable(fmt.Sprintf("reading it failed unexpectedly: %v", p))}
		}
	}()
	refuse := func(r *Reason) (*Signature, error) {
		r.Bundle, r.Message = criteria.DigestOf(data), printable(r.Message)
		said := r.at()
		return nil, &said
	}
	b, reason := readBundle(data)
	if reason != nil {
		return refuse(reason)
	}
	if b.GetDsseEnvelope() != nil {
		p, reason := statementIn(b)
		if reason != nil {
			return refuse(reason)
		}
		if artifact, reason = artifact.in(p); reason != nil {
			return refuse(reason)
		}
	}
	found, reason := k.signed(b, artifact)
	if reason != nil {
		return refuse(reason)
	}
	if why := k.expired(found); why != "" {
		return refuse(&Reason{Code: UntrustedSigner, Message: why})
	}
	return &found.Signature, nil
}

// signed is a verified signature and whose it is.
type signed struct {
	Signature
	// by are the entries that made it, in the order of the trust file; at least
	// one. Of those in unseen, no witness that they require says when.
	by, unseen []*entry
	// until is when a log ends that counts only as long as it is trusted, since
	// nobody says when it took the entry in; zero where there is none.
	until time.Time
}

// valid says why e, who made s, is not to be trusted now, or nothing. Where a
// witness saw when it signed, that was held against its validity already; else it
// might be now.
func (s *signed) valid(e *entry, now time.Time) string {
	if !slices.Contains(s.unseen, e) {
		return ""
	}
	return e.valid(now)
}

// expired says why none of those who made s is to be trusted now, or nothing.
func (k *Keyring) expired(s *signed) string {
	why := ""
	now := k.now()
	for _, e := range s.by {
		if why = s.valid(e, now); why == "" {
			return ""
		}
	}
	return fmt.Sprintf("%s is trusted %s", s.Signer, why)
}

// signed says which of k's entries signed b, and what their witnesses saw. The
// reason's code is UntrustedSigner or BadSignature. A key's validity is the
// caller's to ask where nobody saw when it signed.
func (k *Keyring) signed(b *parsed, about Artifact) (*signed, *Reason) {
	content, err := b.VerificationContent()
	if err != nil {
		return nil, &Reason{Code: BadSignature, Message: fmt.Sprintf("its certificate cannot be read: %v", err)}
	}
	if content.Certificate() != nil {
		return k.certificate(b, about)
	}
	hint := ""
	if key := content.PublicKey(); key != nil {
		hint = key.Hint()
	}
	return k.key(b, hint, about)
}

// key is signed for bundles without a certificate.
func (k *Keyring) key(b *parsed, hint string, about Artifact) (*signed, *Reason) {
	no := func(code, format string, args ...any) (*signed, *Reason) {
		return nil, &Reason{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	candidates := k.keys
	hinted := slices.DeleteFunc(slices.Clone(k.keys), func(s *keySigner) bool { return hint != s.hints[0] && hint != s.hints[1] })
	if len(hinted) > 0 {
		candidates = hinted
	}
	var (
		found   *signed
		last    error
		refused *Reason // of a key that did sign it
	)
	for _, s := range candidates {
		if found != nil && found.Signer.Key != s.entry.key {
			continue // what one key signed, another did not
		}
		if crowd(b) {
			if why := unsigned(b, s.algorithms); why != "" {
				last = errors.New(why)
				continue
			}
		}
		result, err := s.verify(b, about)
		if err != nil {
			last = err
			continue
		}
		if why := unnoticed(b, s.witnesses, result); why != "" {
			refused = &Reason{Code: BadSignature, Message: why}
			continue
		}
		if s.logged {
			if why := retired(b, s.witnesses, result.VerifiedTimestamps, k.now()); why != "" {
				refused = &Reason{Code: BadSignature, Reached: StepLog, Message: why}
				continue
			}
		}
		seen := &signed{Signature: Signature{Signer: s.identity(nil)}, by: []*entry{s.entry}}
		if s.witnesses != nil {
			seen.witnessed(b, s.witnesses, result, s.logged)
			seen.logTimes(b, s)
		}
		if why := seen.outside(s.entry); why != "" {
			refused = &Reason{Code: UntrustedSigner, Message: why}
			continue
		}
		if found == nil {
			found = seen
		} else {
			found.by = append(found.by, s.entry)
		}
		if len(seen.Times) == 0 {
			found.unseen = append(found.unseen, s.entry)
		}
		if s.logged && len(result.VerifiedTimestamps) == 0 {
			found.until = sooner(found.until, logsEnd(b, s.witnesses))
		}
	}
	switch {
	case found != nil:
		return found, nil
	case refused != nil:
		return nil, refused
	case len(hinted) > 0:
		step, _ := failure(last)
		return nil, &Reason{
			Code: BadSignature, Reached: step,
			Message: fmt.Sprintf("it says it is signed by %s, and the signature does not verify: %v", hinted[0].identity(nil), last),
		}
	case len(k.keys) == 0:
		return no(UntrustedSigner, "it is signed with a key, and no key is trusted")
	case hint != "":
		return no(UntrustedSigner, "none of the trusted keys signed it; it says it is signed with key %q", hint)
	}
	return no(UntrustedSigner, "none of the trusted keys signed it")
}

// certificate is signed for bundles that carry a certificate.
//
// Whom the certificate names is asked first, since it costs nothing: it is
// believed no further than to look no more. An identity counts only in a
// certificate that verified.
func (k *Keyring) certificate(b *parsed, about Artifact) (*signed, *Reason) {
	no := func(code, format string, args ...any) (*signed, *Reason) {
		return nil, &Reason{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	if len(k.authorities) == 0 {
		return no(UntrustedSigner, "it is signed with a certificate, and no identity is trusted")
	}
	content, err := b.VerificationContent()
	if err != nil {
		return no(BadSignature, "its certificate cannot be read: %v", err)
	}
	claims, err := certificate.SummarizeCertificate(content.Certificate())
	if err != nil {
		return no(BadSignature, "its certificate cannot be read: %v", err)
	}
	var (
		found   *signed
		refused string // the first reason of a root that might have accepted it
		at      Step   // where it was refused
		lacking string // what a certificate for somebody trusted does not say
	)
	named := false
	for _, a := range k.authorities {
		might := false
		for _, e := range a.entries {
			if !e.named(&claims) {
				continue
			}
			named = true
			if why := e.lacks(&claims); why != "" {
				lacking = why
				continue
			}
			might = true
		}
		if !might {
			continue
		}
		if why := crowded(b, a.trusted, content.Certificate()); why != "" {
			refused = why
			continue
		}
		entity, artifact := about.asked(b)
		verifier := a.verifier
		if len(content.Intermediates()) > 0 {
			verifier = a.forgetful
		}
		result, err := verifier.Verify(entity, sigstore.NewPolicy(artifact, a.identities()))
		if err != nil {
			if refused == "" {
				refused, at = explain(b, a.trusted, err)
			}
			continue
		}
		if why := unnoticed(b, a.trusted, result); why != "" {
			refused = why
			continue
		}
		if a.logged {
			if why := retired(b, a.trusted, result.VerifiedTimestamps, k.now()); why != "" {
				refused, at = why, StepLog
				continue
			}
		}
		if result.Signature == nil || result.Signature.Certificate == nil {
			return no(BadSignature, "it was verified without a certificate")
		}
		summary := result.Signature.Certificate
		var by []*entry
		for _, e := range a.entries {
			if e.named(summary) && e.lacks(summary) == "" {
				by = append(by, e)
			}
		}
		if len(by) == 0 {
			return no(UntrustedSigner, "its certificate is for nobody who is trusted")
		}
		if found == nil {
			found = &signed{Signature: Signature{Certificate: newCertificateFacts(content.Certificate(), summary)}}
			found.Certificate.Promised = a.promised
			found.witnessed(b, a.trusted, result, a.logged)
		}
		found.by = append(found.by, by...)
	}
	switch {
	case found != nil:
		slices.SortFunc(found.by, func(a, b *entry) int { return a.place - b.place })
		summary := claims // verified by now: it is of the same bytes
		found.Signer = found.by[0].identity(&summary)
		return found, nil
	case refused != "":
		return nil, &Reason{Code: BadSignature, Reached: at, Message: refused}
	case named:
		return no(UntrustedSigner, "it is signed by %q, of issuer %q, but %s", claims.SubjectAlternativeName, claims.Issuer, lacking)
	}
	return no(UntrustedSigner, "it is signed by %q, of issuer %q", claims.SubjectAlternativeName, claims.Issuer)
}

// identities has sigstore-go hold the certificate against the identities of a's
// entries.
func (a *authority) identities() sigstore.PolicyOption {
	return func(c *sigstore.PolicyConfig) error {
		for _, e := range a.entries {
			pattern := ""
			if e.pattern != nil {
				pattern = e.pattern.String()
			}
			id, err := sigstore.NewShortCertificateIdentity(e.Issuer, "", e.Identity, pattern)
			if err != nil {
				return err
			}
			if err := sigstore.WithCertificateIdentity(id)(c); err != nil {
				return err
			}
		}
		return nil
	}
}
