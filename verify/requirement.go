package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// Requirement is one that a trust file makes beside the verdict, and that was
// met: by which statements.
type Requirement struct {
	// Kind is one of [Kinds].
	Kind string `json:"kind"`
	// Name is what the trust file calls it, empty if it does not.
	Name string `json:"name,omitempty"`
	// PredicateType is of the statements that met it.
	PredicateType string `json:"predicateType"`
	// Statements are the digests of the signed statements that met it, in their
	// order; Signers are who made them.
	Statements []criteria.Digest `json:"statements"`
	Signers    []Identity        `json:"signers"`
}

// The kinds of requirement.
const (
	AttestationRequired = "attestation"
)

// Kinds lists every kind of [Requirement].
func Kinds() []string { return []string{AttestationRequired} }

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
	return faults
}

// require makes v ask what its trust file requires beside the verdict. Signers
// of a requirement stand in the keyring behind those of the verdict, and count
// for statements of its type alone.
func (v *Verifier) require(roots Roots) error {
	v.main = span{0, len(v.want.Signers)}
	for _, a := range v.want.Attestations {
		signers, err := v.signers(a.Signers, []string{a.PredicateType}, roots)
		if err != nil {
			return err
		}
		asked, err := newAttested(a, signers)
		if err != nil {
			return err
		}
		v.attested = append(v.attested, asked)
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

// required returns what the verified statements meet of what is required, and
// why they do not meet the rest.
func (v *Verifier) required(statements []*verified, now time.Time) (met []Requirement, unmet []Reason) {
	for _, a := range v.attested {
		r, why := a.judge(statements, now)
		if why != nil {
			unmet = append(unmet, *why)
			continue
		}
		met = append(met, *r)
	}
	return met, unmet
}
