package evidence

import (
	"fmt"

	"github.com/hallmark-project/hallmark/criteria"
)

// commitRange is a forge's list of the commits from one revision to another,
// with what else is known of where it ends.
type commitRange struct {
	base, head criteria.Digest // base zero: from the beginning
	commits    []criteria.Commit
	// behind are revisions outside the list that the export proves to be
	// reachable from base.
	behind map[criteria.Digest]bool
	// onBranch are revisions that the forge names as the place where a merged
	// change request left the branch.
	onBranch map[criteria.Digest]bool
	// revisions are all commits of the change requests.
	revisions map[criteria.Digest]bool
}

// hole says what is missing from the list, or "" where nothing is.
//
// A list is whole where every commit in it is reachable from head and every
// parent is in it, is base, or is an ancestor of base. The list alone cannot
// tell the last of these from a commit that was left out, so such a parent
// must be shown to lie behind base; the forge's word that a change request
// left the branch there will do where the branch itself, the line of first
// parents from head, is in the list down to base.
func (r commitRange) hole() string {
	byID := make(map[criteria.Digest]criteria.Commit, len(r.commits))
	for _, c := range r.commits {
		byID[c.ID] = c
	}
	if len(r.commits) == 0 {
		if r.head.Matches(r.base) {
			return ""
		}
		return "the export lists no commits"
	}
	if _, ok := byID[r.head]; !ok {
		return fmt.Sprintf("the release commit %s is not among the commits of the export", r.head.Short())
	}
	if _, ok := byID[r.base]; ok {
		return fmt.Sprintf("the base %s is among the commits after it", r.base.Short())
	}
	ends := func(p criteria.Digest) bool { return p.Matches(r.base) || r.behind[p] }

	whole := false
	at := r.head
	for seen := make(map[criteria.Digest]bool); !whole; {
		c, ok := byID[at]
		switch {
		case ends(at):
			whole = true
		case !ok:
			return fmt.Sprintf("commit %s is missing: the branch leads from the release commit to it, and it is neither in the export nor shown to lie before the base", at.Short())
		case seen[at]:
			return fmt.Sprintf("commit %s is its own ancestor", at.Short())
		case len(c.Parents) == 0 && r.base.IsZero():
			whole = true
		case len(c.Parents) == 0:
			return fmt.Sprintf("the branch leads to %s, which has no parent, and not to the base %s", at.Short(), r.base.Short())
		default:
			seen[at] = true
			at = c.Parents[0]
		}
	}

	reached := map[criteria.Digest]bool{r.head: true}
	for queue := []criteria.Digest{r.head}; len(queue) > 0; {
		c := byID[queue[0]]
		queue = queue[1:]
		for _, p := range c.Parents {
			if _, ok := byID[p]; ok {
				if !reached[p] {
					reached[p] = true
					queue = append(queue, p)
				}
				continue
			}
			if !ends(p) && (!r.onBranch[p] || r.revisions[p]) {
				return fmt.Sprintf("commit %s, a parent of %s, is missing: it is neither in the export nor shown to lie before the base", p.Short(), c.ID.Short())
			}
		}
	}
	for _, c := range r.commits {
		if !reached[c.ID] {
			return fmt.Sprintf("commit %s is in the export although the release commit does not lead to it", c.ID.Short())
		}
	}
	return ""
}
