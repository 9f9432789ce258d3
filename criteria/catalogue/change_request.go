package catalogue

import (
	"fmt"
	"slices"

	"github.com/hallmark-project/hallmark/criteria"
)

// request is one change request, and which commits of the range it brought in.
type request struct {
	*criteria.ChangeRequest
	// whole is true where the list of revisions holds the head.
	whole bool
	// own are the revisions that the head leads to: git's ids make an approval
	// of the head one of each of them.
	own map[criteria.Digest]*criteria.RequestCommit
	// content is the last revision that is more than a merge of the base
	// branch, and final are the revisions from it on: who approved one of them
	// approved what was merged.
	content *criteria.RequestCommit
	final   map[criteria.Digest]bool
	// entered are the commits made when it was merged: a merge commit, a
	// squashed one, or each rebased one. mismatch says why the merge commit
	// does not hold what was reviewed.
	entered  map[criteria.Digest]bool
	mismatch string
	// squash is the one commit that holds the whole request; nil where it was
	// merged in another way.
	squash *criteria.Commit

	fileSet map[string]bool // see files
}

// files are the paths that the request changes.
func (r *request) files() map[string]bool {
	if r.fileSet == nil {
		r.fileSet = make(map[string]bool, len(r.Files))
		for _, f := range r.Files {
			r.fileSet[f] = true
		}
	}
	return r.fileSet
}

func newRequest(q *criteria.ChangeRequest, commits map[criteria.Digest]*criteria.Commit) request {
	r := request{
		ChangeRequest: q,
		own:           make(map[criteria.Digest]*criteria.RequestCommit),
		final:         make(map[criteria.Digest]bool),
		entered:       make(map[criteria.Digest]bool),
	}
	byID := make(map[criteria.Digest]*criteria.RequestCommit, len(q.Commits))
	for i := range q.Commits {
		byID[q.Commits[i].ID] = &q.Commits[i]
	}
	for queue := []criteria.Digest{q.Head}; len(queue) > 0; queue = queue[1:] {
		rc, ok := byID[queue[0]]
		if ok && r.own[rc.ID] == nil {
			r.own[rc.ID] = rc
			queue = append(queue, rc.Parents...)
		}
	}
	r.content, r.whole = r.own[q.Head], r.own[q.Head] != nil
	if r.whole {
		r.final[q.Head] = true
		for r.mergesOnlyBase(r.content) {
			r.content = r.own[r.content.Parents[0]]
			r.final[r.content.ID] = true
		}
	}
	if m := commits[q.Merge]; m != nil && r.own[m.ID] == nil {
		r.enter(m, commits)
	}
	return r
}

// mergesOnlyBase reports whether rc brought nothing into the request but the
// base branch: what a forge's "update branch" makes.
//
// A merge can hide a change of its own, and the file names show that this one
// does not: a file that the request changes was left as it was by the merge,
// and any other is the base branch's own, because the request as a whole does
// not differ from that branch there.
func (r request) mergesOnlyBase(rc *criteria.RequestCommit) bool {
	if len(rc.Parents) != 2 || r.own[rc.Parents[0]] == nil || r.own[rc.Parents[1]] != nil {
		return false
	}
	if len(rc.Files) == 0 || len(r.Files) == 0 {
		return false
	}
	changed := make(map[string]bool)
	for _, f := range r.Files {
		changed[f] = true
	}
	for _, own := range r.own {
		if len(own.Parents) == 1 {
			for _, f := range own.Files {
				changed[f] = true
			}
		}
	}
	return !slices.ContainsFunc(rc.Files, func(f string) bool { return changed[f] })
}

// enter finds the commits that merging the request as m made.
func (r *request) enter(m *criteria.Commit, commits map[criteria.Digest]*criteria.Commit) {
	for _, f := range m.Files {
		if !r.files()[f] {
			r.mismatch = fmt.Sprintf("%s changes %s, which the request does not", m.ID.Short(), f)
			return
		}
	}
	var rebased []criteria.Digest
	switch len(m.Parents) {
	case 1:
		if rebased = r.rebased(m, commits); rebased == nil {
			r.squash = m
		}
	case 2:
		if !m.Parents[1].Matches(r.Head) {
			if tip := commits[m.Parents[1]]; tip != nil {
				rebased = r.rebased(tip, commits)
			}
			if rebased == nil {
				r.mismatch = fmt.Sprintf("%s merges %s, which is neither the request's head %s nor that rebased", m.ID.Short(), m.Parents[1].Short(), r.Head.Short())
				return
			}
		}
	default:
		r.mismatch = fmt.Sprintf("%s has %d parents", m.ID.Short(), len(m.Parents))
		return
	}
	r.entered[m.ID] = true
	for _, id := range rebased {
		r.entered[id] = true
	}
}

// rebased returns the commits that end with tip and are the request's own
// revisions, merges left out, applied anew: each by the same author at the same
// time, with the same subject and files. nil: they are not. A forge that names
// only the last of them (Gitea) leaves no better sign.
func (r *request) rebased(tip *criteria.Commit, commits map[criteria.Digest]*criteria.Commit) []criteria.Digest {
	var out []criteria.Digest
	for _, rc := range slices.Backward(r.Commits) {
		if len(rc.Parents) > 1 || r.own[rc.ID] == nil {
			continue
		}
		if tip == nil || len(tip.Parents) != 1 || login(tip.Author) != login(rc.Author) ||
			rc.Time.IsZero() || !tip.Time.Equal(rc.Time) || tip.Subject != rc.Subject || !sameFiles(tip.Files, rc.Files) {
			return nil
		}
		out = append(out, tip.ID)
		tip = commits[tip.Parents[0]]
	}
	return out
}

func sameFiles(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// covers reports whether the request is what brought c in; refused says why its
// review is none of c all the same.
func (r *request) covers(c *criteria.Commit) (refused string, covers bool) {
	switch {
	case r.own[c.ID] != nil, r.entered[c.ID]:
		return "", true
	case r.Merge.Matches(c.ID):
		return r.mismatch, true
	case c.Request != r.Number || c.Request == 0:
		return "", false
	}
	// The forge's word that c belongs to the request holds for what the
	// request changes.
	for _, f := range c.Files {
		if !r.files()[f] {
			return fmt.Sprintf("%s changes %s, which the request does not", c.ID.Short(), f), true
		}
	}
	return "", true
}

// contents are the revisions without the trailing merges of the base branch.
func (r *request) contents() []*criteria.RequestCommit {
	var out []*criteria.RequestCommit
	for i := range r.Commits {
		rc := &r.Commits[i]
		if r.own[rc.ID] != nil && (!r.final[rc.ID] || rc.ID == r.content.ID) {
			out = append(out, rc)
		}
	}
	return out
}

// writers returns who had a hand in what was merged, and how: an approval by
// one of them is not a second person's. Who merges the base branch into a
// request writes nothing.
//
// Names in commits can be forged: a name too many only takes a voice away, and
// a name left out still leaves the change with the account that proposed it and
// another that approved it.
func (r *request) writers() map[string]string {
	wrote := make(map[string]string)
	add := func(how string, who ...string) {
		for _, w := range who {
			if key := login(w); key != "" && wrote[key] == "" {
				wrote[key] = how
			}
		}
	}
	for _, rc := range r.contents() {
		add("wrote part of it", rc.Author)
		add("wrote part of it", rc.CoAuthors...)
	}
	if r.squash != nil {
		add("wrote part of it", r.squash.Author)
		add("wrote part of it", r.squash.CoAuthors...)
	}
	if r.content != nil {
		add("committed its last revision", r.content.Committer)
	}
	return wrote
}
