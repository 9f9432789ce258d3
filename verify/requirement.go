package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// Requirement is one that a trust file makes beside the verdict, and that was
// met: by which statements.
type Requirement struct {
	// Kind is one of [Kinds].
	Kind string `json:"kind"`
	// Name is what the trust file calls it, empty if it does not.
	Name string `json:"name,omitempty"`
	// PredicateType is of the statements that met it, the first where they differ.
	PredicateType string `json:"predicateType"`
	// Statements are the digests of the signed statements that met it, in their
	// order; Signers are who made them.
	Statements []criteria.Digest `json:"statements"`
	Signers    []Identity        `json:"signers"`
	// Build is what the provenance says.
	Build *Build `json:"build,omitempty"`
	// Source is what is said of the commit.
	Source *JudgedSource `json:"source,omitempty"`
	// Document is the bill of materials that a statement refers to, zero where it
	// is in one.
	Document criteria.Digest `json:"document,omitzero"`
}

// The kinds of requirement.
const (
	AttestationRequired = "attestation"
	ProvenanceRequired  = "provenance"
	SourceRequired      = "source"
	SBOMRequired        = "sbom"
	VEXRequired         = "vex"
)

// Kinds lists every kind of [Requirement].
func Kinds() []string {
	return []string{AttestationRequired, ProvenanceRequired, SBOMRequired, VEXRequired, SourceRequired}
}

// satisfied is a requirement that is met, and until when it is: zero where no
// time ends it.
type satisfied struct {
	Requirement
	until time.Time
}

// ends notes that s is met no longer than for age from made on.
func (s *satisfied) ends(made time.Time, age MaxAge) {
	if age > 0 {
		s.until = sooner(s.until, made.Add(time.Duration(age)))
	}
}

// sooner returns the earlier of two ends, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// add notes that st met r.
func (r *Requirement) add(st *verified) {
	if !slices.Contains(r.Statements, st.digest) {
		r.Statements = append(r.Statements, st.digest)
	}
	if !slices.Contains(r.Signers, st.signature.Signer) {
		r.Signers = append(r.Signers, st.signature.Signer)
	}
}

// span is a range of a keyring's signers: whose statements count for what.
type span struct{ from, to int }

// of are those of st's signers that lie in s, in their order.
func (s span) of(st *verified) []*entry {
	var by []*entry
	for _, e := range st.by {
		if e.place >= s.from && e.place < s.to {
			by = append(by, e)
		}
	}
	return by
}

// only returns st as one that those in s alone signed, nil where none of them
// did.
func (s span) only(st *verified) *verified {
	by := s.of(st)
	if len(by) == 0 {
		return nil
	}
	if len(by) == len(st.by) {
		return st
	}
	limited := *st
	limited.by = by
	limited.signature.Signer.Name = by[0].Name
	return &limited
}

// unmetReason is the reason of a requirement that is not met. st is the statement
// that came nearest, nil where there is none.
func unmetReason(st *verified, message string) *Reason {
	r := &Reason{Code: RequirementUnmet, Message: printable(message)}
	if st != nil {
		r.Bundle = st.bundle
	}
	return r
}

func (e Expect) requirementFaults() []fault {
	var faults []fault
	add := func(path []any, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Sprintf(format, args...)})
	}
	if len(e.Attestations) > maxAttestations {
		add([]any{"attestations"}, "%d attestations, expected at most %d", len(e.Attestations), maxAttestations)
	}
	titles := make(map[string]bool)
	for i, a := range e.Attestations {
		for _, f := range a.faults() {
			add(append([]any{"attestations", i}, f.path...), "%s", f.msg)
		}
		if titles[a.title()] && a.PredicateType != "" {
			add([]any{"attestations", i}, "two attestations are called %q: give each a name", a.title())
		}
		titles[a.title()] = true
		if n := len(a.Signers); n == 0 && a.Threshold > len(e.Signers) || n > 0 && a.Threshold > n {
			add([]any{"attestations", i, "threshold"}, "threshold %d is more than there are signers: %d", a.Threshold, cmp.Or(n, len(e.Signers)))
		}
	}
	if e.Provenance != nil {
		for _, f := range e.Provenance.faults() {
			add(append([]any{"provenance"}, f.path...), "%s", f.msg)
		}
	}
	if e.Source != nil {
		for _, f := range e.Source.faults(e) {
			add(append([]any{"source"}, f.path...), "%s", f.msg)
		}
	}
	if e.SBOM != nil {
		for _, f := range e.SBOM.faults() {
			add(append([]any{"sbom"}, f.path...), "%s", f.msg)
		}
	}
	if e.VEX != nil {
		for _, f := range e.VEX.faults() {
			add(append([]any{"vex"}, f.path...), "%s", f.msg)
		}
	}
	return faults
}

// require makes v ask what its trust file requires beside the verdict. Signers
// of a requirement stand in the keyring behind those of the verdict, and count
// for statements of its type alone.
func (v *Verifier) require(roots Roots) error {
	v.main = span{0, len(v.want.Signers)}
	for i, a := range v.want.Attestations {
		signers, err := v.signers(a.Signers, []string{a.PredicateType}, roots)
		if err != nil {
			return fmt.Errorf("attestation %d: %w", i+1, err)
		}
		asked, err := newAttested(a, signers)
		if err != nil {
			return err
		}
		v.attested = append(v.attested, asked)
	}
	if v.want.Provenance != nil {
		asked, err := v.newBuilt(*v.want.Provenance, roots)
		if err != nil {
			return fmt.Errorf("provenance: %w", err)
		}
		v.built = asked
	}
	var err error
	if want := v.want.SBOM; want != nil {
		v.billed = &billed{SBOM: *want}
		if v.billed.signers, err = v.signers(want.Signers, want.types(), roots); err != nil {
			return fmt.Errorf("sbom: %w", err)
		}
		// Where a document decides, everybody looks for it.
		v.unread = false
	}
	if want := v.want.VEX; want != nil {
		v.vexed = &vexed{VEX: *want}
		if v.vexed.signers, err = v.signers(want.Signers, vexTypes(), roots); err != nil {
			return fmt.Errorf("vex: %w", err)
		}
	}
	if want := v.want.Source; want != nil {
		if v.sourceSigners, err = v.signers(want.Signers, []string{verdictType}, roots); err != nil {
			return fmt.Errorf("source: %w", err)
		}
	}
	return nil
}

// signers adds own to the keyring, and returns where they stand: where the
// verdict's signers do, if own is none.
func (v *Verifier) signers(own []Signer, predicates []string, roots Roots) (span, error) {
	if len(own) == 0 {
		return v.main, nil
	}
	s := span{from: len(v.keyring.entries)}
	for _, signer := range own {
		if err := v.keyring.add(v.want.dir, signer, predicates, roots); err != nil {
			return span{}, err
		}
	}
	s.to = len(v.keyring.entries)
	return s, nil
}

// question is what is known when requirements are asked.
type question struct {
	digests    []criteria.Digest // of the same bytes
	bundles    []attest.Bundle
	statements []*verified // in an order of their own
	// verdict is the one that decided, and met that it is a yes.
	verdict *candidate
	met     bool
	now     time.Time
}

// required returns which requirements are met, and why the others are not. The
// error is that it could not be told, which is asked only where all else is a
// yes: so is what was said of the source, which has to be looked for.
func (v *Verifier) required(ctx context.Context, q question) (met []satisfied, unmet []Reason, err error) {
	note := func(r *satisfied, why *Reason) {
		if why != nil {
			unmet = append(unmet, *why)
		} else {
			met = append(met, *r)
		}
	}
	for _, a := range v.attested {
		note(a.judge(q.statements, q.now))
	}
	one := true // the provenance names one commit at most
	if v.built != nil {
		var r *satisfied
		var why *Reason
		r, one, why = v.built.judge(q.statements)
		note(r, why)
	}
	var untold error
	if v.billed != nil {
		references, err := v.references(ctx, q.statements)
		if err != nil {
			return nil, nil, err
		}
		r, why, err := v.billed.judge(q.statements, references, q.digests)
		if untold = err; err == nil {
			note(r, why)
		}
	}
	if v.vexed != nil {
		note(v.vexed.judge(q.statements, q.now))
	}
	switch {
	case !q.met || len(unmet) > 0:
		return met, unmet, nil
	case untold != nil:
		return nil, nil, untold
	}
	if v.want.Source != nil {
		commit, why := builtFrom(met, one, v.companion(q.verdict, q.statements))
		if why != "" {
			note(nil, unmetReason(nil, "source: "+why))
			return met, unmet, nil
		}
		r, reason, err := v.sourceVerdict(ctx, commit, q.bundles, q.now)
		if err != nil {
			return nil, nil, err
		}
		note(r, reason)
	}
	return met, unmet, nil
}
