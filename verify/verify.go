package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// Source finds bundles. Nothing it returns is trusted. It returns none and no
// error if it looked and there is none; an error means that it could not look.
type Source interface {
	Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error)
}

// Limits on what a source may hand over. An SBOM of 100,000 components fits in
// a bundle; more bundles about one artifact are an attack or an accident, and
// leaving some out could leave out the one that withdraws a release.
const (
	MaxBundle   = 64 << 20 // bytes of one bundle
	MaxBundles  = 10_000   // bundles about one subject
	MaxSubjects = 1024     // subjects of one statement: sigstore-go's own limit
)

// Skew is how far a verdict's time may lie ahead of our clock.
const Skew = 5 * time.Minute

// Verifier verifies. It is safe for use by several goroutines at once if its
// source is.
type Verifier struct {
	src       Source
	want      Expect
	resources []pattern
	keyring   *Keyring
	now       func() time.Time
	kept      *keep
	documents *remembered
	unread    bool
	same      Digests

	// main are the signers of the verdict; the others are of requirements.
	main     span
	attested []*attested
	built    *built
	billed   *billed
	vexed    *vexed
	// sourceSigners may sign what is said of the source.
	sourceSigners span
}

// Option sets one thing about a [Verifier] or a [Keyring].
type Option func(*options)

type options struct {
	now    func() time.Time
	roots  Roots
	unread bool
	same   Digests
	shared *Shared
}

func (o options) share() *Shared {
	if o.shared == nil {
		return new(Shared)
	}
	return o.shared
}

func (o options) clock() func() time.Time {
	if o.now == nil {
		return time.Now
	}
	return o.now
}

// WithClock takes the present from now instead of the system's clock.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithRoots asks r for trusted roots that are named and are no files.
func WithRoots(r Roots) Option { return func(o *options) { o.roots = r } }

// New returns a Verifier that trusts want.Signers and nobody else. It refuses
// an Expect that says too little: a verifier that trusts anyone, or accepts
// anything, is never what was meant. It reads the trusted roots that want names.
func New(src Source, want Expect, opts ...Option) (*Verifier, error) {
	if src == nil {
		return nil, errors.New("making a verifier: there is no source of bundles")
	}
	if err := want.check(); err != nil {
		return nil, fmt.Errorf("making a verifier: %w", err)
	}
	var o options
	for _, set := range opts {
		set(&o)
	}
	v := &Verifier{src: src, want: want.clone(), now: o.clock(), kept: new(keep), documents: new(remembered), unread: o.unread, same: o.same}
	v.keyring = &Keyring{now: v.now, shared: o.share()}
	for _, r := range v.want.called() {
		v.resources = append(v.resources, newPattern(r))
	}
	for i, s := range v.want.Signers {
		if err := v.keyring.add(v.want.dir, s, nil, o.roots); err != nil {
			return nil, fmt.Errorf("making a verifier: signer %d: %w", i+1, err)
		}
	}
	if err := v.require(o.roots); err != nil {
		return nil, fmt.Errorf("making a verifier: %w", err)
	}
	return v, nil
}

// clone returns a copy that the caller cannot change afterwards.
func (e Expect) clone() Expect {
	e.Signers, e.Criteria, e.Policies = cloneSigners(e.Signers), slices.Clone(e.Criteria), slices.Clone(e.Policies)
	e.Resources = slices.Clone(e.Resources)
	e.Attestations = slices.Clone(e.Attestations)
	for i, a := range e.Attestations {
		e.Attestations[i] = a.clone()
	}
	if e.Provenance != nil {
		e.Provenance = e.Provenance.clone()
	}
	if e.Source != nil {
		e.Source = e.Source.clone()
	}
	if e.SBOM != nil {
		e.SBOM = e.SBOM.clone()
	}
	if e.VEX != nil {
		e.VEX = e.VEX.clone()
	}
	return e
}

func cloneSigners(in []Signer) []Signer {
	out := slices.Clone(in)
	for i := range out {
		out[i].Require = slices.Clone(out[i].Require)
	}
	return out
}

// From returns a Verifier that expects the same of what src finds, and shares
// with v what neither depends on where it was found nor can change: keys, roots,
// and the bundles that were opened. A server has one for each trust file, and
// one more for each place where it looks.
func (v *Verifier) From(src Source) (*Verifier, error) {
	if src == nil {
		return nil, errors.New("making a verifier: there is no source of bundles")
	}
	other := *v
	// What was found there need not be found here.
	other.src, other.documents = src, new(remembered)
	return &other, nil
}

// Expect returns what v expects.
func (v *Verifier) Expect() Expect { return v.want.clone() }

// Verify returns a Result if the newest verdict about subject satisfies v's
// expectations. If bundles were looked at and it does not, or there is none,
// the error is a [*RejectionError]; any other error means that Verify could not
// tell.
func (v *Verifier) Verify(ctx context.Context, subject criteria.Digest) (*Result, error) {
	return v.judge(ctx, subject, nil)
}

// judge is Verify. It notes in noted what it looked at, if that is not nil.
func (v *Verifier) judge(ctx context.Context, subject criteria.Digest, noted *trail) (*Result, error) {
	if subject.IsZero() {
		return nil, errors.New("verifying: no digest was given")
	}
	digests := v.same.all(subject)
	bundles, err := look(ctx, v.src, digests)
	if err != nil {
		return nil, err
	}
	now := v.now()

	var (
		reasons    []ordered
		statements []*verified
		candidates []*candidate
	)
	no := func(order int, r Reason) {
		r.Message = printable(r.Message)
		reasons = append(reasons, ordered{order, r.at()})
	}
	seen := make(map[criteria.Digest]bool, len(bundles))
	for i, b := range bundles {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("verifying %s: %w", subject, err)
		}
		id := criteria.DigestOf(b)
		if seen[id] {
			continue
		}
		seen[id] = true
		st, reason := v.open(b, id, digests, now)
		noted.found(b, id, st)
		if reason != nil {
			reason.Bundle = id
			no(i, *reason)
			continue
		}
		st.order = i
		statements = append(statements, st)
		if st.payload.PredicateType != verdictType {
			continue
		}
		// Who may sign a requirement's summary judges nothing.
		if st = v.main.only(st); st == nil {
			continue
		}
		c, reason := readVerdict(st, v.want.Verifier, v.resources, now)
		noted.verdict(c)
		if reason == nil && c.Passed {
			reason = st.outlived(c)
		}
		if reason != nil {
			no(i, *reason)
			continue
		}
		candidates = append(candidates, c)
	}

	candidates, alone := v.threshold(candidates)
	for _, c := range alone {
		no(c.order, *c.reason(TooFewSigners, "signed by %s", c.short(v.want.Threshold)))
	}
	slices.SortFunc(statements, compareStatements)
	decided, met := v.decide(candidates, now, no)
	required, unmet, err := v.required(ctx, question{
		digests: digests, bundles: bundles, statements: statements, verdict: decided, met: met, now: now,
	})
	if err != nil {
		return nil, fmt.Errorf("verifying %s: %w", subject, err)
	}
	requirements := make([]Requirement, 0, len(required))
	for _, r := range required {
		requirements = append(requirements, r.Requirement)
	}
	noted.decision(decided, requirements)
	for _, r := range unmet {
		no(len(bundles), r)
	}
	met = met && len(unmet) == 0
	slices.SortStableFunc(reasons, func(a, b ordered) int { return a.order - b.order })
	list := make([]Reason, 0, len(reasons))
	for _, r := range reasons {
		list = append(list, r.Reason)
	}
	if !met {
		if decided == nil && len(list) == len(unmet) {
			list = append([]Reason{{Code: NoBundle, Message: absent(statements)}}, list...)
		}
		return nil, &RejectionError{Subject: subject, Reasons: list}
	}

	result := &Result{
		Subject:   criteria.Subject{Name: decided.name, Digest: subject},
		Signer:    decided.signer(),
		Cosigners: decided.cosigners(),
		Verdict:   decided.Verdict,
		Findings:  v.companion(decided, statements),
		Ignored:   list,

		Requirements: requirements,
		until:        v.until(decided, required, statements, now),
	}
	for _, st := range statements {
		result.Statements = append(result.Statements, Statement{
			PredicateType: st.payload.PredicateType, Signature: st.signature,
			Bundle: st.bundle, Digest: st.digest, predicate: st.payload.Predicate,
		})
	}
	if result.References, err = v.references(ctx, statements); err != nil {
		return nil, fmt.Errorf("verifying %s: %w", subject, err)
	}
	return result, nil
}

// ordered is a reason with the place of its bundle.
type ordered struct {
	order int
	Reason
}

func absent(statements []*verified) string {
	if len(statements) == 0 {
		return "no bundle about it was found"
	}
	if len(statements) == 1 {
		return "one statement about it was found and verified, and it is no verdict"
	}
	return fmt.Sprintf("%d statements about it were found and verified, and none is a verdict", len(statements))
}

// verified is a statement about the subject whose signature is a trusted
// signer's.
type verified struct {
	order          int
	bundle, digest criteria.Digest
	name           string // of the subject
	signature      Signature
	by             []*entry // who signed it and may, at least one
	payload        *payload
	until          time.Time // when it ends to count, zero where nothing ends it
}

func (st *verified) reason(code, format string, args ...any) *Reason {
	return &Reason{Code: code, Bundle: st.bundle, Message: fmt.Sprintf(format, args...)}
}

// outlived says why nobody who signed c was to be trusted at the time of the
// verdict, and leaves to st those who were.
func (st *verified) outlived(c *candidate) *Reason {
	var by []*entry
	why := ""
	for _, e := range st.by {
		if w := e.valid(c.Time); w != "" {
			why = w
			continue
		}
		by = append(by, e)
	}
	if len(by) == 0 {
		return st.reason(UntrustedSigner, "the verdict was made on %s; %s is trusted %s", stamp(c.Time), st.signature.Signer, why)
	}
	st.by = by
	return nil
}

// open returns the statement in data if it is about the bytes with digests and
// signed by one of v's signers.
//
// What costs nothing is asked first. So a statement about other artifacts is
// turned down before its signature is looked at, and nothing is concluded from
// a statement before its signature is verified, but that it does not count.
func (v *Verifier) open(data attest.Bundle, id criteria.Digest, digests []criteria.Digest, now time.Time) (st *verified, reason *Reason) {
	no := func(code, format string, args ...any) (*verified, *Reason) {
		return nil, &Reason{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	// The libraries below read what anyone may have written. A fault in them
	// must cost this bundle its vote, not everyone the process.
	defer func() {
		if p := recover(); p != nil {
			st, reason = no(BadBundle, "reading it failed unexpectedly: %v", p)
		}
	}()
	if len(data) > MaxBundle {
		return nil, tooLarge(data)
	}
	if o := v.kept.get(id); o != nil {
		return o.about(digests, now)
	}
	b, reason := readBundle(data)
	if reason != nil {
		return nil, reason
	}
	p, reason := statementIn(b)
	if reason != nil {
		return nil, reason
	}
	about, _, ok := p.subject(digests...)
	if !ok {
		return no(WrongSubject, "it is about %s", others(p))
	}
	signed, reason := v.keyring.signed(b, Artifact{Digest: about})
	if reason != nil {
		return nil, reason
	}
	o := &opened{
		bundle: id, digest: criteria.DigestOf(b.GetDsseEnvelope().GetPayload()),
		signed: signed, payload: p,
	}
	if signed.until.IsZero() {
		v.kept.put(o, len(data))
	}
	return o.about(digests, now)
}

// others says what p is about, for people.
func others(p *payload) string {
	s := p.Subject[0]
	var text string
	switch d := digestSet(s.Digest).first(); {
	case s.Name != "":
		text = strconv.Quote(s.Name[:min(len(s.Name), 100)])
	case !d.IsZero():
		text = d.Short()
	default:
		text = "something without a name"
	}
	if n := len(p.Subject); n > 1 {
		text += fmt.Sprintf(" and %d others", n-1)
	}
	return text
}

// maxMessage is how long a reason may be in characters.
const maxMessage = 400

// printable shortens s and takes out what could act on a terminal: messages
// quote what strangers wrote.
func printable(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxMessage {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
