package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// signer is who signed the verdict: of several, the first in the trust file.
func (c *candidate) signer() Identity { return c.signature.Signer }

// cosigners are the others who signed the same verdict.
func (c *candidate) cosigners() []Identity {
	var out []Identity
	for _, other := range c.together {
		if who := other.signer(); who != c.signer() && !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// signers counts the different signers of the bundles with c's verdict. A
// signature that fits several entries of the trust file is one person's, so it
// counts for the first alone.
func (c *candidate) signers() int {
	who := make(people)
	for _, other := range c.together {
		who.add(other.signer(), other.by[0].place)
	}
	return who.count()
}

// short says how many signers c has of those that are wanted.
func (c *candidate) short(want int) string {
	return fmt.Sprintf("%d of the trust file's signers, expected %d", c.signers(), want)
}

// threshold puts together the bundles that hold the same verdict, and returns
// those whose verdict enough different signers made. A FAILED counts whoever
// signed it: one signer is enough to take a release back.
func (v *Verifier) threshold(all []*candidate) (enough, alone []*candidate) {
	same := make(map[criteria.Digest][]*candidate)
	for _, c := range all {
		same[c.Statement] = append(same[c.Statement], c)
	}
	for _, c := range all {
		c.together = same[c.Statement]
		if !c.Passed || c.signers() >= max(1, v.want.Threshold) {
			enough = append(enough, c)
		} else {
			alone = append(alone, c)
		}
	}
	return enough, alone
}

// decide returns the verdict that is the answer, and whether it is a yes. What
// stands against the others, and against it, goes to no.
//
// Each resource has its own newest verdict. Where the trust file accepts several,
// one of them has to satisfy it, and none may be withdrawn: the bytes are the
// same, whatever they are called.
func (v *Verifier) decide(all []*candidate, now time.Time, no func(int, Reason)) (decided *candidate, yes bool) {
	withdrawn := false
	for _, group := range byResource(all) {
		deciding, superseded := newest(group)
		for _, c := range superseded {
			no(c.order, *c.reason(Superseded, "the verdict of %s is not the newest", stamp(c.Time)))
		}
		met := true
		for _, c := range deciding {
			withdrawn = withdrawn || !c.Passed
			for _, r := range v.unmet(c, now) {
				met = false
				no(c.order, r)
			}
		}
		if met && (decided == nil || deciding[0].Time.After(decided.Time)) {
			decided = deciding[0]
		}
	}
	return decided, decided != nil && !withdrawn
}

// byResource are the candidates about each resource, in the resources' order.
func byResource(all []*candidate) [][]*candidate {
	var names []string
	groups := make(map[string][]*candidate)
	for _, c := range all {
		if groups[c.Resource] == nil {
			names = append(names, c.Resource)
		}
		groups[c.Resource] = append(groups[c.Resource], c)
	}
	slices.Sort(names)
	var out [][]*candidate
	for _, name := range names {
		out = append(out, groups[name])
	}
	return out
}

// newest returns the candidates that decide, several only where they are of the
// same time, in an order that does not depend on how they were found. The rest
// are superseded.
func newest(all []*candidate) (deciding, superseded []*candidate) {
	var last time.Time
	for _, c := range all {
		if c.Time.After(last) {
			last = c.Time
		}
	}
	for _, c := range all {
		if c.timeless || c.Time.Equal(last) {
			deciding = append(deciding, c)
		} else {
			superseded = append(superseded, c)
		}
	}
	slices.SortStableFunc(deciding, func(a, b *candidate) int {
		return strings.Compare(a.Statement.String()+a.Verdict.Bundle.String(), b.Statement.String()+b.Verdict.Bundle.String())
	})
	return deciding, superseded
}
