package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/hallmark-project/hallmark/criteria"
)

// Explanation says how an answer came about: for each bundle that was found, the
// way it took and where it ended. It is for people. What a program may act on is
// a [Result].
type Explanation struct {
	Subject criteria.Digest `json:"subject"`
	// Verified says whether the answer is yes. It is the answer of [Verifier.Verify].
	Verified bool   `json:"verified"`
	Paths    []Path `json:"paths"`
	// Reasons are those of a no that are about no single bundle.
	Reasons []Reason `json:"reasons,omitempty"`
	// Requirements are those beside the verdict that were met.
	Requirements []Requirement `json:"requirements,omitempty"`
	// References are the documents that verified statements refer to.
	References []Reference `json:"references,omitempty"`
}

// Path is the way of one bundle.
type Path struct {
	Bundle criteria.Digest `json:"bundle"`
	// Decided says that this bundle's verdict is the one that decided.
	Decided bool `json:"decided"`
	// Verified says that the signature is a trusted signer's. Where it is not,
	// all facts are what the bundle says of itself.
	Verified bool         `json:"verified"`
	Steps    []StepReport `json:"steps"`
	// Reasons are why it did not count, in the order of the steps.
	Reasons []Reason `json:"reasons,omitempty"`
}

// StepReport is what came of one step.
type StepReport struct {
	Step  Step   `json:"step"`
	State State  `json:"state"`
	Facts []Fact `json:"facts,omitempty"`
}

// State is what came of a step.
type State string

// The states.
const (
	Passed State = "passed"
	// Stopped: the bundle got no further.
	Stopped State = "stopped"
	// Unasked: nothing in the trust file asks for it, or there is nothing to ask.
	Unasked State = "unasked"
)

// Fact is one thing that a step found, in words for people.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Explain asks the question of [Verifier.Verify] and says how the answer came
// about. An error means that it could not tell.
func (v *Verifier) Explain(ctx context.Context, subject criteria.Digest) (*Explanation, error) {
	var t trail
	result, err := v.judge(ctx, subject, &t)
	var no *RejectionError
	if err != nil && !errors.As(err, &no) {
		return nil, err
	}
	e := &Explanation{Subject: subject, Verified: no == nil, Requirements: t.requirements}
	var reasons []Reason
	if no != nil {
		reasons = no.Reasons
		var statements []*verified
		for _, l := range t.bundles {
			if l.st != nil {
				statements = append(statements, l.st)
			}
		}
		if e.References, err = v.references(ctx, statements); err != nil {
			return nil, fmt.Errorf("explaining %s: %w", subject, err)
		}
	} else {
		reasons, e.References = result.Ignored, result.References
	}
	for _, r := range reasons {
		if r.Bundle.IsZero() {
			e.Reasons = append(e.Reasons, r)
		}
	}
	now := v.now()
	for _, l := range t.bundles {
		p := v.path(l, v.same.all(subject), now, t.decided)
		for _, r := range reasons {
			if r.Bundle == l.id {
				p.Reasons = append(p.Reasons, r)
			}
		}
		p.end()
		e.Paths = append(e.Paths, p)
	}
	return e, nil
}

// end takes p's steps to where its reasons say that it stopped.
func (p *Path) end() {
	steps := Steps()
	place := func(s Step) int { return slices.Index(steps, s) }
	slices.SortStableFunc(p.Reasons, func(a, b Reason) int { return place(a.Reached) - place(b.Reached) })
	if len(p.Reasons) == 0 {
		return
	}
	stop := p.Reasons[0].Reached
	var kept []StepReport
	for _, s := range p.Steps {
		if place(s.Step) < place(stop) {
			kept = append(kept, s)
		}
	}
	facts := []Fact(nil)
	if i := slices.IndexFunc(p.Steps, func(s StepReport) bool { return s.Step == stop }); i >= 0 {
		facts = p.Steps[i].Facts
	}
	p.Steps = append(kept, StepReport{Step: stop, State: Stopped, Facts: facts})
}

// path is the way of l as if it had got through; [Path.end] takes back what it
// did not reach.
func (v *Verifier) path(l *looked, digests []criteria.Digest, now time.Time, decided *candidate) Path {
	p := Path{Bundle: l.id, Verified: l.st != nil, Decided: decided != nil && l.verdict == decided}
	add := func(step Step, state State, facts ...Fact) {
		var said []Fact
		for _, f := range facts {
			if f.Value != "" {
				f.Value = printable(f.Value)
				said = append(said, f)
			}
		}
		p.Steps = append(p.Steps, StepReport{Step: step, State: state, Facts: said})
	}
	claims := claimed(l)
	add(StepBundle, Passed, Fact{"type", claims.mediaType}, Fact{"bytes", strconv.Itoa(len(l.data))}, Fact{"digest", l.id.String()})
	add(StepEnvelope, Passed, Fact{"payload", claims.payloadType})
	add(StepStatement, Passed, claims.statement...)
	name, about := claims.subject(digests)
	add(StepSubject, Passed, Fact{"name", name}, Fact{"digest", about.String()})
	if l.st == nil {
		add(StepSigner, Passed, claims.signer...)
		// A step that is passed over by a key's bundle, or by one without a log
		// entry, is not one that it passed.
		asked := func(facts []Fact) State {
			if len(facts) == 0 {
				return Unasked
			}
			return Passed
		}
		add(StepLog, asked(claims.log), claims.log...)
		add(StepTime, asked(claims.certificate))
		add(StepCertificate, asked(claims.certificate), claims.certificate...)
		add(StepSCT, asked(claims.certificate))
		add(StepSignature, Passed)
		return p
	}
	sig := l.st.signature
	add(StepSigner, Passed, signerFacts(sig.Signer, l.st.by)...)
	logs := Unasked
	var facts []Fact
	for _, e := range sig.Logs {
		logs = Passed
		facts = append(facts, Fact{"log", cmpOr(e.Log, e.ID)}, Fact{"index", strconv.FormatInt(e.Index, 10)}, Fact{"entry", e.Kind})
	}
	add(StepLog, logs, facts...)
	times := Unasked
	facts = nil
	for _, t := range sig.Times {
		times = Passed
		facts = append(facts, Fact{string(t.By), stamp(t.Time) + ofWhom(t.URI)})
	}
	add(StepTime, times, facts...)
	if sig.Certificate == nil {
		add(StepCertificate, Unasked)
		add(StepSCT, Unasked)
	} else {
		add(StepCertificate, Passed, certificateFacts(sig.Certificate)...)
		promised := Unasked
		if sig.Certificate.Promised {
			promised = Passed
		}
		add(StepSCT, promised)
	}
	add(StepSignature, Passed, Fact{"by", sig.Signer.String()})
	if l.st.payload.PredicateType != verdictType {
		return p
	}
	c := l.verdict
	if c == nil {
		add(StepVerdict, Passed)
		return p
	}
	add(StepVerdict, Passed, verdictFacts(c)...)
	add(StepThreshold, Passed, Fact{"signers", fmt.Sprintf("%d, required %d", max(1, c.signers()), max(1, v.want.Threshold))})
	add(StepNewest, Passed)
	add(StepRequirements, Passed, v.requirementFacts(c, now)...)
	return p
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func ofWhom(uri string) string {
	if uri == "" {
		return ""
	}
	return " by " + uri
}

func signerFacts(who Identity, by []*entry) []Fact {
	facts := []Fact{{"name", who.Name}, {"key", who.Key.String()}, {"issuer", who.Issuer}, {"identity", who.Identity}}
	for _, e := range by {
		facts = append(facts, Fact{"trusted root", e.TrustedRoot})
		break
	}
	return facts
}

func certificateFacts(c *CertificateFacts) []Fact {
	facts := []Fact{
		{"digest", c.Digest.String()},
		{"issued by", c.Issuer},
		{"valid", stamp(c.NotBefore) + " to " + stamp(c.NotAfter)},
	}
	for _, k := range (Certificate{}).constraints() {
		facts = append(facts, Fact{k.key, c.Says[k.key]})
	}
	return append(facts, Fact{"run", c.Run})
}

func verdictFacts(c *candidate) []Fact {
	result := "FAILED"
	if c.Passed {
		result = "PASSED"
	}
	made := stamp(c.Time)
	if c.timeless {
		made = "not said"
	}
	facts := []Fact{
		{"verifier", c.Verifier},
		{"resource", c.Resource},
		{"result", result},
		{"made", made},
		{"policy", c.Policy.URI},
		{"policy digest", c.Policy.Digest.String()},
		{"level", c.Level().String()},
	}
	for _, name := range c.criteria() {
		facts = append(facts, Fact{"criterion", name})
	}
	return facts
}

// criteria are the criteria that v says passed, by their labels.
func (v Verdict) criteria() []string {
	var out []string
	for _, label := range v.Levels {
		if slices.ContainsFunc(criteria.Levels(), func(l criteria.Level) bool { return label == criteria.LevelLabel(l) }) {
			continue
		}
		if name, ok := strings.CutPrefix(label, "HALLMARK_"); ok {
			name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
			if criteria.Label(name) == label {
				out = append(out, name)
			}
		}
	}
	return out
}

// requirementFacts says what v's trust file asks of c, and what c has.
func (v *Verifier) requirementFacts(c *candidate, now time.Time) []Fact {
	var facts []Fact
	if v.want.Level != criteria.NoLevel {
		facts = append(facts, Fact{"level", fmt.Sprintf("%s, required %s", c.Level(), v.want.Level)})
	}
	for _, name := range v.want.Criteria {
		state := "passed"
		if !c.Has(criteria.Label(name)) {
			state = "not passed"
		}
		facts = append(facts, Fact{"criterion", name + " " + state})
	}
	switch {
	case len(v.want.Policies) == 0:
		facts = append(facts, Fact{"policy", "any is accepted"})
	case slices.ContainsFunc(c.policies, func(d criteria.Digest) bool { return slices.ContainsFunc(v.want.Policies, d.Matches) }):
		facts = append(facts, Fact{"policy", "one that is accepted"})
	default:
		facts = append(facts, Fact{"policy", "none that is accepted"})
	}
	if !c.timeless {
		facts = append(facts, Fact{"age", fmt.Sprintf("%s, at most %s", age(now.Sub(c.Time)), v.want.MaxAge)})
	}
	return facts
}

// age is d in words that are short.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case d >= 2*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.Round(time.Second).String()
}

// claims are what a bundle says of itself. None of it is verified.
type claims struct {
	mediaType, payloadType string
	statement              []Fact
	signer, log            []Fact
	certificate            []Fact
	payload                *payload
}

// subject is the name and the digest by which the statement is about the bytes
// with digests, or what it is about instead.
func (c claims) subject(digests []criteria.Digest) (string, criteria.Digest) {
	if c.payload == nil {
		return "", digests[0]
	}
	if about, name, ok := c.payload.subject(digests...); ok {
		return name, about
	}
	return others(c.payload), digests[0]
}

// claimed reads l as far as it can be read.
func claimed(l *looked) (c claims) {
	// Nothing rests on what is read here, and a fault in reading it is the
	// reason's to tell.
	defer func() { _ = recover() }()
	if len(l.data) > MaxBundle {
		return c
	}
	var b bundle.Bundle
	if b.UnmarshalJSON(l.data) != nil {
		return c
	}
	c.mediaType = b.GetMediaType()
	envelope := b.GetDsseEnvelope()
	if envelope == nil {
		return c
	}
	c.payloadType = envelope.GetPayloadType()
	if p, err := parsePayload(envelope.GetPayload()); err == nil {
		c.payload = p
		c.statement = []Fact{
			{"type", p.Type},
			{"predicate", p.PredicateType},
			{"subjects", strconv.Itoa(len(p.Subject))},
			{"digest", criteria.DigestOf(envelope.GetPayload()).String()},
		}
	}
	if entries, err := b.TlogEntries(); err == nil {
		for _, e := range entries {
			c.log = append(c.log, Fact{"index", strconv.FormatInt(e.LogIndex(), 10)})
		}
	}
	content, err := b.VerificationContent()
	if err != nil {
		return c
	}
	if key := content.PublicKey(); key != nil {
		c.signer = []Fact{{"key hint", key.Hint()}}
	}
	if leaf := content.Certificate(); leaf != nil {
		if s, err := certificate.SummarizeCertificate(leaf); err == nil {
			c.signer = []Fact{{"issuer", s.Issuer}, {"identity", s.SubjectAlternativeName}}
			c.certificate = certificateFacts(newCertificateFacts(leaf, &s))
		}
	}
	return c
}
