package catalogue

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// now is when every release of these tests is judged.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// commitID makes a commit's digest out of a word.
func commitID(word string) criteria.Digest {
	sum := sha1.Sum([]byte(word))
	d, err := criteria.ParseDigest("gitCommit:" + hex.EncodeToString(sum[:]))
	if err != nil {
		panic(err)
	}
	return d
}

// history builds an export of changes the way a forge's history grows: alice
// owns the repository, bob and carol write, dora only reads, ci is a machine.
type history struct {
	criteria.Changes
	tip criteria.Digest
	n   int
}

func newHistory() *history {
	base := commitID("base")
	return &history{tip: base, Changes: criteria.Changes{
		Base: base, Head: base, Complete: true, Branch: "main",
		People: []criteria.Person{
			{Login: "alice", Permission: "owner"},
			{Login: "bob", Permission: "write"},
			{Login: "carol", Permission: "write"},
			{Login: "dora", Permission: "read"},
			{Login: "ci", Permission: "write", Bot: true},
		},
	}}
}

func (h *history) clock() time.Time { return now.Add(time.Duration(h.n-1000) * time.Minute) }

// commit puts a commit on the branch.
func (h *history) commit(word, author string, request int, parents []criteria.Digest, files ...string) criteria.Digest {
	h.n++
	id := commitID(word)
	h.Commits = append(h.Commits, criteria.Commit{
		ID: id, Parents: parents, Author: author, Committer: author, Subject: word, Time: h.clock(), Files: files, Request: request,
	})
	h.tip, h.Head = id, id
	return id
}

// push is a commit that came in without a change request.
func (h *history) push(word, author string) {
	h.commit(word, author, 0, []criteria.Digest{h.tip}, word+".txt")
}

// open opens a change request with a commit for each word, not merged yet.
func (h *history) open(author string, words ...string) *criteria.ChangeRequest {
	q := criteria.ChangeRequest{Number: len(h.Requests) + 1, Author: author, Base: "main"}
	parent := h.tip
	for _, w := range words {
		h.n++
		rc := criteria.RequestCommit{
			ID: commitID(w), Parents: []criteria.Digest{parent}, Author: author, Committer: author,
			Subject: w, Time: h.clock(), Files: []string{w + ".txt"},
		}
		q.Commits, q.Files, q.Head = append(q.Commits, rc), append(q.Files, w+".txt"), rc.ID
		parent = rc.ID
	}
	h.Requests = append(h.Requests, q)
	return &h.Requests[len(h.Requests)-1]
}

// approve has by approve the head as it is.
func (h *history) approve(q *criteria.ChangeRequest, by ...string) {
	for _, who := range by {
		h.n++
		q.Reviews = append(q.Reviews, criteria.Review{By: who, State: "APPROVED", Commit: q.Head, Time: h.clock()})
	}
}

// merge merges q as a forge does in the given style: merge, squash, rebase, or
// rebase-merge.
func (h *history) merge(q *criteria.ChangeRequest, by, style string) {
	before := h.tip
	replay := func(suffix string) criteria.Digest {
		for _, rc := range q.Commits {
			if len(rc.Parents) > 1 {
				continue
			}
			h.commit(rc.Subject+suffix, rc.Author, 0, []criteria.Digest{h.tip}, rc.Files...)
			c := &h.Commits[len(h.Commits)-1]
			c.Subject, c.Time, c.Committer = rc.Subject, rc.Time, by
		}
		return h.tip
	}
	switch style {
	case "merge", "rebase-merge":
		side := q.Head
		if style == "merge" {
			for _, rc := range q.Commits {
				h.commit(rc.Subject, rc.Author, 0, rc.Parents, rc.Files...)
				h.Commits[len(h.Commits)-1].ID = rc.ID
			}
		} else {
			side = replay(" rebased")
		}
		q.Merge = h.commit(fmt.Sprintf("merge #%d", q.Number), by, q.Number, []criteria.Digest{before, side}, q.Files...)
	case "squash":
		q.Merge = h.commit(fmt.Sprintf("squash #%d", q.Number), q.Author, q.Number, []criteria.Digest{before}, q.Files...)
		h.Commits[len(h.Commits)-1].Committer = by
	case "rebase":
		q.Merge = replay(" rebased")
		h.Commits[len(h.Commits)-1].Request = q.Number
	default:
		panic(style)
	}
	h.n++
	q.Merged, q.MergedBy, q.MergedAt = true, by, h.clock()
}

// update merges the branch into q, as a forge's "update branch" does, when the
// branch has moved on by files.
func (h *history) update(q *criteria.ChangeRequest, by string, files ...string) {
	h.n++
	rc := criteria.RequestCommit{
		ID: commitID(fmt.Sprintf("update %d of #%d", h.n, q.Number)), Parents: []criteria.Digest{q.Head, h.tip},
		Author: by, Committer: by, Subject: "Merge branch 'main'", Time: h.clock(), Files: files,
	}
	q.Commits, q.Head = append(q.Commits, rc), rc.ID
}

// about is evidence about source with facts.
func about(source criteria.Digest, facts criteria.Facts, gives ...criteria.Fact) criteria.Evidence {
	text := fmt.Sprint(gives, source, facts)
	return criteria.Evidence{
		Name: "report", Format: "test", Digest: criteria.DigestOf([]byte(text)),
		About: []criteria.Digest{source}, Time: now, Gives: gives, Facts: facts,
	}
}

func release(version string, source, previous criteria.Digest) criteria.Release {
	r := criteria.Release{
		Name: "greet", Version: version, Resource: "pkg:generic/greet@" + version,
		Source:    criteria.Subject{Name: "source", Digest: source},
		Artifacts: []criteria.Subject{{Name: "greet.tar.gz", Digest: criteria.DigestOf([]byte("greet"))}},
	}
	if !previous.IsZero() {
		r.Previous = criteria.Subject{Name: "previous", Digest: previous}
	}
	return r
}

// ask judges rel by one criterion through the engine, with params as a YAML
// flow mapping over those of profile.
func ask(t testing.TB, name, profile, params string, rel criteria.Release, ev ...criteria.Evidence) criteria.Outcome {
	t.Helper()
	if params == "" {
		params = "{}"
	}
	policy, err := criteria.ParsePolicy("policy.yaml", []byte(fmt.Sprintf("profile: %s\ncriteria:\n  %s: %s\n", profile, name, params)), All(), nil)
	if err != nil {
		t.Fatalf("ParsePolicy(%s) = %v", params, err)
	}
	for _, j := range policy.Evaluate(rel, ev, now).Judgements {
		if j.Criterion == name {
			return j.Outcome
		}
	}
	t.Fatalf("the policy does not ask %s", name)
	return criteria.Outcome{}
}

// reviewed judges h as the release of its head after its base.
func (h *history) reviewed(t testing.TB, profile, params string) criteria.Outcome {
	t.Helper()
	return ask(t, "changes-reviewed", profile, params, release("1.2.0", h.Head, commitID("base")),
		about(h.Head, criteria.Facts{Changes: &h.Changes}, criteria.FactChanges))
}
