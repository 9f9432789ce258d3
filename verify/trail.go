package verify

import (
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// trail is what one verification looked at, for [Verifier.Explain]. It takes no
// part in the answer. A nil trail notes nothing.
type trail struct {
	bundles      []*looked
	decided      *candidate
	requirements []Requirement
}

// looked is one bundle and how far it got.
type looked struct {
	data    attest.Bundle
	id      criteria.Digest
	st      *verified  // nil where its signature did not count
	verdict *candidate // nil where it is none, or not one by the expected verifier
}

func (t *trail) found(data attest.Bundle, id criteria.Digest, st *verified) {
	if t != nil {
		t.bundles = append(t.bundles, &looked{data: data, id: id, st: st})
	}
}

func (t *trail) verdict(c *candidate) {
	if t != nil && c != nil && len(t.bundles) > 0 {
		t.bundles[len(t.bundles)-1].verdict = c
	}
}

func (t *trail) decision(decided *candidate, met []Requirement) {
	if t != nil {
		t.decided, t.requirements = decided, met
	}
}
