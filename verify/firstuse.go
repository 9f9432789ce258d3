package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// FirstUse says how a trust file is made from a release that somebody holds to
// be good.
type FirstUse struct {
	// Dir is where relative paths begin, and where the trust file will stand.
	Dir string
	// Key is the public key in PEM that must have signed. Empty is whoever the
	// certificate names: then TrustedRoot vouches for it.
	Key string
	// TrustedRoot is a trusted root as in [Signer]. Of a key, it vouches for
	// witnesses, if there are any.
	TrustedRoot string
	// AnyVersion accepts later releases of the same product, too.
	AnyVersion bool
	// MaxAge is how old verdicts may be.
	MaxAge MaxAge
}

// ErrNoVerdict says that nothing was found from which a trust file could be made.
var ErrNoVerdict = errors.New("there is no verdict about it")

// Expect returns the tightest expectation that the newest verdict about subject
// satisfies, with the [Result] by it: its signer, its verifier, its resource, its
// level and criteria, its policy, and the witnesses that were there. The
// signature, the certificate and the witnesses are verified first; whether
// whoever signed deserves trust is what nobody can verify, so the caller must
// have it confirmed. A [*RejectionError] is a no.
func (f FirstUse) Expect(ctx context.Context, src Source, subject criteria.Digest, opts ...Option) (Expect, *Result, error) {
	var o options
	for _, set := range opts {
		set(&o)
	}
	digests := o.same.all(subject)
	bundles, err := look(ctx, src, digests)
	if err != nil {
		return Expect{}, nil, err
	}
	var reasons []Reason
	var found []sighting
	for _, data := range bundles {
		if err := ctx.Err(); err != nil {
			return Expect{}, nil, err
		}
		s, reason, err := f.look(data, digests, opts)
		switch {
		case err != nil:
			return Expect{}, nil, err
		case reason != nil:
			reason.Bundle, reason.Message = criteria.DigestOf(data), printable(reason.Message)
			reasons = append(reasons, reason.at())
		case s != nil:
			found = append(found, *s)
		}
	}
	if len(found) == 0 {
		if len(reasons) > 0 {
			return Expect{}, nil, &RejectionError{Subject: subject, Reasons: reasons}
		}
		return Expect{}, nil, ErrNoVerdict
	}
	// Of copies, the one with all its witnesses: whoever takes some off gains
	// nothing.
	newest := slices.MaxFunc(found, func(a, b sighting) int {
		return cmp.Or(a.made.Compare(b.made), cmp.Compare(len(a.signer.Require), len(b.signer.Require)))
	})
	for _, s := range found {
		if s.verifier != newest.verifier || s.resource != newest.resource {
			return Expect{}, nil, fmt.Errorf("there are verdicts by %q about %q and by %q about %q: leave only those of one in the place where they are looked for", newest.verifier, newest.resource, s.verifier, s.resource)
		}
		// The newest would be a stranger's if he added one.
		if a, b := newest.who(), s.who(); a != b {
			return Expect{}, nil, fmt.Errorf("there are verdicts signed by %s and by %s: leave only those of whom is meant in the place where they are looked for", a, b)
		}
	}
	want := f.expect(newest)
	// Nothing was concluded but what to expect: whether that is met is asked as
	// everybody will ask it.
	v, err := New(src, want, opts...)
	if err != nil {
		return Expect{}, nil, err
	}
	result, err := v.Verify(ctx, subject)
	if err != nil {
		return Expect{}, nil, err
	}
	return want, result, nil
}

// sighting is a verdict whose signature verified.
type sighting struct {
	signer             Signer
	signature          Signature
	verifier, resource string
	made               time.Time
	levels             []string
	policy             criteria.Digest
}

// who signed s, and where that is a workflow of several repositories, for which.
func (s sighting) who() string {
	if s.signer.Key != "" {
		return "the key"
	}
	text := fmt.Sprintf("%q of %q", s.signer.Identity, s.signer.Issuer)
	if r := s.signer.Certificate.SourceRepository; r != "" {
		text += fmt.Sprintf(" for %q", r)
	}
	return text
}

// look returns the verdict in data, if it is one about the bytes with digests. Of
// anything else it returns nothing.
func (f FirstUse) look(data attest.Bundle, digests []criteria.Digest, opts []Option) (found *sighting, reason *Reason, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, reason, err = nil, &Reason{Code: BadBundle, Message: fmt.Sprintf("reading it failed unexpectedly: %v", p)}, nil
		}
	}()
	b, reason := readBundle(data)
	if reason != nil {
		return nil, reason, nil
	}
	p, reason := statementIn(b)
	if reason != nil {
		return nil, reason, nil
	}
	if p.PredicateType != verdictType {
		return nil, nil, nil
	}
	about, _, ok := p.subject(digests...)
	if !ok {
		return nil, &Reason{Code: WrongSubject, Message: "it is about " + others(p)}, nil
	}
	content, err := b.VerificationContent()
	if err != nil {
		return nil, &Reason{Code: BadSignature, Message: fmt.Sprintf("its certificate cannot be read: %v", err)}, nil
	}
	var who Signer
	switch leaf := content.Certificate(); {
	case f.Key != "":
		who = Signer{Name: "as of first use", Key: f.Key}
	case leaf == nil:
		return nil, &Reason{Code: UntrustedSigner, Message: "it is signed with a key, and a bundle gives only a hint at which one: the key itself has to come from elsewhere"}, nil
	default:
		// Whom it says it is from is believed once that has verified.
		says, err := certificate.SummarizeCertificate(leaf)
		if err != nil {
			return nil, &Reason{Code: BadSignature, Message: fmt.Sprintf("its certificate cannot be read: %v", err)}, nil
		}
		who = Signer{Name: "as of first use", Issuer: says.Issuer, Identity: says.SubjectAlternativeName}
		// Without it, no keyring takes a workflow that anybody may call.
		who.Certificate.SourceRepository = says.SourceRepositoryURI
	}
	if strings.ContainsRune(who.Certificate.SourceRepository, '*') {
		return nil, &Reason{Code: UntrustedSigner, Message: "its certificate names a repository with a star, which would be a pattern"}, nil
	}
	signer, sig, reason, err := f.witnessed(who, data, about, opts)
	if reason != nil || err != nil {
		return nil, reason, err
	}
	var s summary
	if err := strict.JSON(p.Predicate, &s); err != nil {
		return nil, &Reason{Code: BadVerdict, Message: fmt.Sprintf("the verdict cannot be read: %v", err)}, nil
	}
	if sig.Certificate != nil {
		for key, value := range sig.Certificate.Says {
			if strings.Contains(value, "*") {
				return nil, &Reason{Code: UntrustedSigner, Message: "its certificate has a star in " + key + ", which would be a pattern"}, nil
			}
		}
	}
	if strings.Contains(s.ResourceURI, "*") {
		return nil, &Reason{Code: BadVerdict, Message: fmt.Sprintf("the verdict is about %q, and a star would be a pattern", s.ResourceURI)}, nil
	}
	made, err := parseTime(s.TimeVerified)
	if err != nil {
		return nil, &Reason{Code: BadVerdict, Message: fmt.Sprintf("the verdict's time: %v", err)}, nil
	}
	return &sighting{
		signer: signer, signature: *sig, verifier: s.Verifier.ID, resource: s.ResourceURI,
		made: made, levels: s.VerifiedLevels, policy: s.Policy.Digest.first(),
	}, nil, nil
}

// sets are what may be required of witnesses, the strictest first.
var sets = [][]Witness{
	{Log, SCT, Timestamp}, {Log, SCT}, {SCT, Timestamp}, {Log, Timestamp}, {Log}, {Timestamp},
}

// witnessed verifies data as signed by who, and returns who with the most
// witnesses that were there.
func (f FirstUse) witnessed(who Signer, data attest.Bundle, subject criteria.Digest, opts []Option) (Signer, *Signature, *Reason, error) {
	var o options
	for _, set := range opts {
		set(&o)
	}
	var candidates []Signer
	if f.TrustedRoot != "" {
		// A root that cannot be read is no reason to do without its witnesses.
		trusted, err := o.share().load(f.Dir, f.TrustedRoot, o.roots)
		if err != nil {
			return Signer{}, nil, nil, err
		}
		for _, set := range sets {
			if who.Key != "" && slices.Contains(set, SCT) || lists(trusted, set) != nil {
				continue
			}
			s := who
			s.TrustedRoot, s.Require = f.TrustedRoot, set
			candidates = append(candidates, s)
		}
	}
	if who.Key != "" {
		candidates = append(candidates, who)
	}
	last := &Reason{Code: BadSignature, Message: "there is no trusted root that could vouch for its certificate"}
	for _, s := range candidates {
		k, err := NewKeyring(f.Dir, []Signer{s}, opts...)
		if err != nil {
			return Signer{}, nil, nil, err
		}
		sig, err := k.Signature(data, Artifact{Digest: subject})
		switch {
		case err == nil:
			return s, sig, nil, nil
		case !errors.As(err, &last):
			return Signer{}, nil, nil, err
		}
	}
	return Signer{}, nil, last, nil
}

// expect is the tightest expectation that s satisfies.
func (f FirstUse) expect(s sighting) Expect {
	e := Expect{Verifier: s.verifier, Resource: s.resource, Signers: []Signer{s.signer}, MaxAge: f.MaxAge, dir: f.Dir}
	v := Verdict{Levels: s.levels}
	e.Level, e.Criteria = v.Level(), v.criteria()
	// Nobody can require what carries a name of a policy's own twice.
	slices.Sort(e.Criteria)
	e.Criteria = slices.Compact(e.Criteria)
	if !s.policy.IsZero() {
		e.Policies = []criteria.Digest{s.policy}
	}
	who := &e.Signers[0]
	if c := s.signature.Certificate; c != nil {
		// What later releases, and a verdict that takes this one back, have in
		// common with it: the commit and the trigger are not that.
		who.Certificate = Certificate{
			SourceRepository: c.Says["sourceRepository"], SourceRepositoryID: c.Says["sourceRepositoryId"],
			SourceOwnerID: c.Says["sourceOwnerId"], SourceRef: c.Says["sourceRef"], Runner: c.Says["runner"],
		}
	}
	if !f.AnyVersion {
		return e
	}
	if product, _, ok := cutVersion(s.resource); ok {
		e.Resource, e.Resources = "", []string{product + "@*"}
	}
	const tags = "refs/tags/"
	if strings.HasPrefix(who.Certificate.SourceRef, tags) {
		who.Certificate.SourceRef = tags + "*"
	}
	if before, ref, ok := strings.Cut(who.Identity, "@"+tags); ok && ref != "" {
		who.Identity, who.IdentityPattern = "", regexp.QuoteMeta(before+"@"+tags)+"[^@]+"
	}
	return e
}

// cutVersion takes the version off a package URL
// (https://github.com/package-url/purl-spec: scheme:type/namespace/name@version).
func cutVersion(resource string) (product, version string, ok bool) {
	if !strings.HasPrefix(resource, "pkg:") {
		return "", "", false
	}
	i := strings.LastIndexByte(resource, '@')
	if i < 0 || strings.ContainsAny(resource[i:], "/?#") {
		return "", "", false
	}
	return resource[:i], resource[i+1:], true
}
