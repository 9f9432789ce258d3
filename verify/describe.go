package verify

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/hallmark-project/hallmark/criteria"
)

// Description is what a trust file would accept, with all that was looked up.
type Description struct {
	Verifier  string                `json:"verifier"`
	Resources []string              `json:"resources"`
	Threshold int                   `json:"threshold"`
	Signers   []SignerDescription   `json:"signers"`
	Level     criteria.Level        `json:"level"`
	Criteria  []string              `json:"criteria,omitempty"`
	Policies  []criteria.Digest     `json:"policies,omitempty"`
	MaxAge    MaxAge                `json:"maxAge"`
	Required  []RequiredDescription `json:"required,omitempty"`
	// Roots are the trusted roots that the signers name, each once.
	Roots []RootDescription `json:"roots,omitempty"`
	// Warnings are what makes the file weaker than it may look, a sentence each.
	Warnings []string `json:"warnings,omitempty"`
}

// SignerDescription is one signer of the verdict.
type SignerDescription struct {
	Name string `json:"name,omitempty"`
	// Key is the key's SHA-256 digest, Algorithm its kind.
	Key       criteria.Digest `json:"key,omitzero"`
	Algorithm string          `json:"algorithm,omitempty"`
	NotBefore time.Time       `json:"notBefore,omitzero"`
	NotAfter  time.Time       `json:"notAfter,omitzero"`
	// Issuer and either of Identity and IdentityPattern are an identity's.
	Issuer          string            `json:"issuer,omitempty"`
	Identity        string            `json:"identity,omitempty"`
	IdentityPattern string            `json:"identityPattern,omitempty"`
	Certificate     map[string]string `json:"certificate,omitempty"`
	TrustedRoot     string            `json:"trustedRoot,omitempty"`
	// Require are the witnesses that must have seen its signatures, as the trust
	// file names them or, where it names none, as the trusted root has them.
	Require []Witness `json:"require,omitempty"`
}

// RequiredDescription is one thing that is required beside the verdict.
type RequiredDescription struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// RootDescription is one trusted root.
type RootDescription struct {
	Name    string          `json:"name"`
	Digest  criteria.Digest `json:"digest"`
	Members []RootMember    `json:"members"`
}

// RootMember is one authority or log of a trusted root.
type RootMember struct {
	// Kind is authority, log, sct or timestamp.
	Kind string `json:"kind"`
	URI  string `json:"uri"`
	// From and Until are when it is trusted; zero is unbounded.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// soon is how long before its end a key is warned of.
const soon = 30 * 24 * time.Hour

// Describe says what want would accept now. It makes no verifier, but finds what
// [New] would: an error is one that New would give.
func Describe(want Expect, opts ...Option) (*Description, error) {
	var o options
	for _, set := range opts {
		set(&o)
	}
	now := o.clock()()
	if _, err := New(nowhere{}, want, opts...); err != nil {
		return nil, err
	}
	d := &Description{
		Verifier: want.Verifier, Resources: want.called(), Threshold: max(1, want.Threshold),
		Level: want.Level, Criteria: want.Criteria, Policies: want.Policies, MaxAge: want.MaxAge,
	}
	warn := func(format string, args ...any) { d.Warnings = append(d.Warnings, fmt.Sprintf(format, args...)) }
	if want.MaxAge == Unlimited {
		warn("maxAge is unlimited: whoever can hide newer verdicts keeps a withdrawn release alive for ever")
	}
	if len(want.Policies) == 0 {
		warn("no policy is pinned: the signer may change at any time what a level means")
	}
	for _, r := range want.Resources {
		// One star after the version's @ is what resources are for.
		if before, after, ok := strings.Cut(r, "*"); ok && (after != "" || !strings.HasSuffix(before, "@") && !strings.HasSuffix(before, "/")) {
			warn("the resource pattern %s is wide", r)
		}
	}
	usable := 0
	for i, s := range want.Signers {
		called := s.Name
		if called == "" {
			called = fmt.Sprintf("signer %d", i+1)
		}
		about, why := describeSigner(s, now)
		if why != "" {
			warn("%s %s", called, why)
		}
		if s.NotAfter.IsZero() || s.NotAfter.After(now) || len(s.Require) > 0 {
			usable++
		}
		if s.TrustedRoot != "" {
			found := slices.IndexFunc(d.Roots, func(r RootDescription) bool { return r.Name == s.TrustedRoot })
			if found < 0 {
				r, err := describeRoot(want.dir, s.TrustedRoot, o.roots)
				if err != nil {
					return nil, err
				}
				d.Roots = append(d.Roots, *r)
				found = len(d.Roots) - 1
				d.Warnings = append(d.Warnings, r.warnings(now)...)
			}
			if len(about.Require) == 0 && s.Key == "" {
				about.Require = d.Roots[found].kinds()
			}
		}
		d.Signers = append(d.Signers, about)
	}
	if usable < d.Threshold {
		warn("%d of the signers can still sign, and %d have to: nothing new will be accepted", usable, d.Threshold)
	}
	for _, a := range want.Attestations {
		signers := a.Signers
		if len(signers) == 0 {
			signers = want.Signers
		}
		if a.Time == "" && a.MaxAge > 0 && slices.ContainsFunc(signers, func(s Signer) bool { return s.Key != "" }) {
			warn("attestation %q has a maxAge and no time: nobody can say when what a key signed was made, so none of it counts", a.title())
		}
	}
	d.Required = want.requiredInWords()
	return d, nil
}

// nowhere has no bundles.
type nowhere struct{ Source }

func describeSigner(s Signer, now time.Time) (about SignerDescription, why string) {
	about = SignerDescription{
		Name: s.Name, NotBefore: s.NotBefore, NotAfter: s.NotAfter, Issuer: s.Issuer, Identity: s.Identity,
		IdentityPattern: s.IdentityPattern, TrustedRoot: s.TrustedRoot, Require: s.Require,
	}
	for _, c := range s.Certificate.constraints() {
		if c.want == "" {
			continue
		}
		if about.Certificate == nil {
			about.Certificate = make(map[string]string)
		}
		about.Certificate[c.key] = c.want
		if strings.Contains(c.want, "**") {
			why = fmt.Sprintf("has a wide pattern: %s %s", c.key, c.want)
		}
	}
	if s.Key == "" {
		if p := s.IdentityPattern; strings.Contains(p, ".*") || strings.Contains(p, ".+") {
			why = "has a wide pattern: identityPattern " + p
		}
		return about, why
	}
	key, digest, err := parseKey(s.Key)
	if err != nil {
		return about, "has no key that can be read"
	}
	about.Key = digest
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		about.Algorithm = "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		about.Algorithm = "Ed25519"
	case *rsa.PublicKey:
		about.Algorithm = fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	switch {
	case !s.NotBefore.IsZero() && now.Before(s.NotBefore):
		why = "is not trusted before " + stamp(s.NotBefore)
	case !s.NotAfter.IsZero() && now.After(s.NotAfter) && len(s.Require) == 0:
		why = "expired on " + stamp(s.NotAfter) + ", and no witness says what it signed before: nothing it signed counts"
	case !s.NotAfter.IsZero() && now.After(s.NotAfter):
		why = "expired on " + stamp(s.NotAfter) + ": only what a witness saw before counts"
	case !s.NotAfter.IsZero() && s.NotAfter.Sub(now) < soon:
		why = "expires soon, on " + stamp(s.NotAfter)
	}
	return about, why
}

func describeRoot(dir, name string, roots Roots) (*RootDescription, error) {
	trusted, err := new(Shared).load(dir, name, roots)
	if err != nil {
		return nil, err
	}
	r := &RootDescription{Name: name, Digest: trusted.digest}
	add := func(kind, uri string, from, until time.Time) {
		r.Members = append(r.Members, RootMember{Kind: kind, URI: printable(uri), From: from.UTC(), Until: until.UTC()})
	}
	for _, ca := range trusted.FulcioCertificateAuthorities() {
		if ca, ok := ca.(*root.FulcioCertificateAuthority); ok {
			add("authority", ca.URI, ca.ValidityPeriodStart, ca.ValidityPeriodEnd)
		}
	}
	logs := func(kind Witness, all map[string]*root.TransparencyLog) {
		for _, l := range all {
			add(string(kind), l.BaseURL, l.ValidityPeriodStart, l.ValidityPeriodEnd)
		}
	}
	logs(Log, trusted.RekorLogs())
	logs(SCT, trusted.CTLogs())
	for _, ts := range trusted.TimestampingAuthorities() {
		if ts, ok := ts.(*root.SigstoreTimestampingAuthority); ok {
			add(string(Timestamp), ts.URI, ts.ValidityPeriodStart, ts.ValidityPeriodEnd)
		}
	}
	order := []string{"authority", string(Log), string(SCT), string(Timestamp)}
	slices.SortStableFunc(r.Members, func(a, b RootMember) int {
		if a.Kind != b.Kind {
			return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
		}
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return strings.Compare(a.URI, b.URI)
	})
	return r, nil
}

// kinds are the witnesses that r has.
func (r RootDescription) kinds() []Witness {
	var out []Witness
	for _, w := range Witnesses() {
		if slices.ContainsFunc(r.Members, func(m RootMember) bool { return m.Kind == string(w) }) {
			out = append(out, w)
		}
	}
	return out
}

// warnings says what in r is over.
func (r RootDescription) warnings(now time.Time) []string {
	var out []string
	for _, kind := range []string{"authority", string(Log), string(SCT), string(Timestamp)} {
		last, present := time.Time{}, false
		listed := 0
		for _, m := range r.Members {
			if m.Kind != kind {
				continue
			}
			listed++
			if outside(now, m.From, m.Until) == "" {
				present = true
			}
			if m.Until.After(last) {
				last = m.Until
			}
		}
		if listed > 0 && !present {
			out = append(out, fmt.Sprintf("the trusted root %s is old: the last %s in it was trusted until %s", r.Name, kind, stamp(last)))
		}
	}
	return out
}

// requiredInWords says what e requires beside the verdict.
func (e Expect) requiredInWords() []RequiredDescription {
	var out []RequiredDescription
	add := func(kind, format string, args ...any) {
		out = append(out, RequiredDescription{kind, fmt.Sprintf(format, args...)})
	}
	by := func(signers []Signer) string {
		if len(signers) == 0 {
			return "one of the same signers"
		}
		var names []string
		for _, s := range signers {
			name := cmp.Or(s.Name, s.Identity, s.IdentityPattern)
			if name == "" {
				if _, fingerprint, err := parseKey(s.Key); err == nil {
					name = "key " + fingerprint.Short()
				}
			}
			names = append(names, name)
		}
		return strings.Join(names, " or ")
	}
	aged := func(age MaxAge) string {
		if age > 0 {
			return ", at most " + age.String() + " old"
		}
		return ""
	}
	for _, a := range e.Attestations {
		text := a.PredicateType
		if a.Name != "" {
			text = a.Name + ": " + text
		}
		text += ", signed by " + by(a.Signers)
		if a.Threshold > 1 {
			text += fmt.Sprintf(", %d of them", a.Threshold)
		}
		if n := len(a.Where) + len(a.All) + len(a.Any); n > 0 {
			text += ", with " + counted(n, "condition")
		}
		add(AttestationRequired, "%s", text+aged(a.MaxAge))
	}
	if p := e.Provenance; p != nil {
		var builders []string
		for _, b := range p.Builders {
			text := fmt.Sprintf("%s (level %d", b.ID, b.level(p.SourceRepository))
			if len(b.Signers) > 0 {
				text += ", signed by " + by(b.Signers)
			}
			builders = append(builders, text+")")
		}
		text := fmt.Sprintf("SLSA build level %d, from %s", p.Level, p.SourceRepository)
		for _, k := range []struct{ what, value string }{{"ref", p.Ref}, {"tag", p.Tag}, {"commit", p.Commit}, {"workflow", p.Workflow}} {
			if k.value != "" {
				text += fmt.Sprintf(", %s %s", k.what, k.value)
			}
		}
		add(ProvenanceRequired, "%s, by %s", text, strings.Join(builders, " or "))
	}
	if s := e.SBOM; s != nil {
		add(SBOMRequired, "a bill of materials about the artifact, in %s, signed by %s", words(s.Formats, " or "), by(s.Signers))
	}
	if x := e.VEX; x != nil {
		text := "an OpenVEX document"
		if x.Resolved {
			text = "OpenVEX that leaves no vulnerability open"
		}
		add(VEXRequired, "%s, signed by %s%s", text, by(x.Signers), aged(x.MaxAge))
	}
	if s := e.Source; s != nil {
		add(SourceRequired, "SLSA source level %d of the commit in %s, by verifier %s, signed by %s%s", s.Level, s.Resource, s.Verifier, by(s.Signers), aged(s.MaxAge))
	}
	return out
}
