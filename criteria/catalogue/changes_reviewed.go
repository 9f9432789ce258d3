package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// The ways to decide what counts as reviewed.
const (
	// oneNonauthor asks for an approval by somebody who wrote no part of the
	// change.
	oneNonauthor = "one-nonauthor"
	// twoParty asks for two trusted persons: the one who proposed the change
	// and one who approved it, or two who approved it. Somebody who may not
	// write to the repository is not trusted, so a change from outside needs
	// two approvals.
	twoParty = "slsa-two-party"
	// scorecardCompatible counts as OpenSSF Scorecard does: any approval by
	// another login, of any revision, or a merge by another login.
	scorecardCompatible = "scorecard-compatible"
)

var changesReviewed = criteria.Kind{
	Name:     "changes-reviewed",
	Title:    "Every change since the last release was reviewed",
	Doc:      "Every commit since the previous release came in through a change request into the protected branch whose final revision was approved by somebody who did not write it.",
	Practice: criteria.SupplyChain,
	Level:    criteria.Standard,
	Refs:     []string{"SRC-1", "SRC-2", "OSPS-QA-07.01", "SLSA Source L4", "Scorecard Code-Review", "BPB two_person_review"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactChanges},
	Params: map[criteria.Level]string{
		criteria.Standard: `{"mode":"one-nonauthor"}`,
		criteria.Advanced: `{"mode":"slsa-two-party"}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var c changesReviewedCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		switch c.Mode {
		case "":
			c.Mode = twoParty
		case oneNonauthor, twoParty, scorecardCompatible:
		default:
			return nil, &criteria.ParamError{Key: "mode", Msg: fmt.Sprintf("%q is none of %s, %s, %s", c.Mode, oneNonauthor, twoParty, scorecardCompatible)}
		}
		if !c.Baseline.IsZero() && c.Baseline.Algorithm() != "gitCommit" {
			return nil, &criteria.ParamError{Key: "baseline", Msg: fmt.Sprintf("%s is no commit: expected gitCommit:…", c.Baseline)}
		}
		seen := make(map[string]bool)
		for _, b := range c.Bots {
			switch {
			case strings.TrimSpace(b.Login) == "":
				return nil, &criteria.ParamError{Key: "bots", Msg: "a bot needs its login"}
			case seen[login(b.Login)]:
				return nil, &criteria.ParamError{Key: "bots", Msg: fmt.Sprintf("%s stands twice", b.Login)}
			}
			seen[login(b.Login)] = true
			for _, p := range b.Paths {
				if _, err := path.Match(p, ""); err != nil || p == "" {
					return nil, &criteria.ParamError{Key: "bots", Msg: fmt.Sprintf("path %q of %s is no pattern", p, b.Login)}
				}
			}
		}
		return c, nil
	},
}

type changesReviewedCriterion struct {
	// Mode is one of one-nonauthor, slsa-two-party, scorecard-compatible.
	Mode string `json:"mode"`
	// Branch is the branch that changes must be merged into, where it is not
	// the protected default branch that the export names.
	Branch string `json:"branch"`
	// Baseline is the revision from which on changes are judged in a project's
	// first release, which has no previous one.
	Baseline criteria.Digest `json:"baseline"`
	// Bots are accounts of machines. Their approvals never count.
	Bots []bot `json:"bots"`
}

// bot is one machine's account. Its own changes to files that match one of
// Paths, and to no others, need no approval; without Paths they all do.
type bot struct {
	Login string   `json:"login"`
	Paths []string `json:"paths"` // as in [path.Match]; one ending in /** is all below a folder
}

func (b bot) mayChange(file string) bool {
	return slices.ContainsFunc(b.Paths, func(pattern string) bool {
		if folder, ok := strings.CutSuffix(pattern, "/**"); ok {
			return strings.HasPrefix(file, folder+"/")
		}
		matched, err := path.Match(pattern, file)
		return err == nil && matched
	})
}

func (c changesReviewedCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	want := in.Release.Previous.Digest
	if want.IsZero() {
		want = c.Baseline
	}
	var findings []criteria.Finding
	var others, notes []string
	commits, requests := make(map[criteria.Digest]bool), make(map[int]bool)
	judged := false
	type saying struct {
		where, message string
		status         criteria.Status
	}
	said := make(map[saying]bool)
	for _, e := range in.Evidence {
		ch := e.Facts.Changes
		if ch == nil {
			continue
		}
		if why := c.otherRange(ch, in.Release, want); why != "" {
			others = append(others, e.Name+" "+why)
			continue
		}
		judged = true
		r := newReview(c, ch)
		switch {
		case !ch.Complete:
			findings = append(findings, unshown("%s does not show every change: %s", e.Name, ch.Why))
		case r.branch == "":
			findings = append(findings, unshown("%s names no protected branch: set the parameter branch to the one that changes are merged into", e.Name))
			continue
		}
		found, excepted := r.judge()
		for _, f := range found {
			// Two exports of one range say of a commit the same thing once.
			if s := (saying{f.Where, f.Message, f.Status}); !said[s] {
				said[s] = true
				findings = append(findings, f)
			}
		}
		notes = append(notes, excepted...)
		for _, one := range ch.Commits {
			commits[one.ID] = true
		}
		maps.Copy(requests, r.used)
	}
	notes = append(notes, others...)
	switch {
	case !judged && len(others) > 0:
		return criteria.Outcome{Status: criteria.Unknown, Reason: others[0], Notes: others[1:]}
	case len(commits) == 0 && len(findings) == 0:
		// Nothing changed, so nothing was reviewed: that a release without
		// changes is meant is for the policy to declare, not for silence to say.
		return criteria.CannotTell("there is no commit between the previous release and this one: nothing was reviewed")
	}
	o := criteria.Conclude(fmt.Sprintf("%s since %s came in through %s, reviewed as %s asks",
		count(len(commits), "commit"), since(want), count(len(requests), "change request"), c.Mode), findings)
	o.Notes = append(o.Notes, notes...)
	return o
}

// unshown is the finding that an export leaves something open.
func unshown(format string, args ...any) criteria.Finding {
	return criteria.Finding{
		ID: "incomplete", Status: criteria.Unknown, Message: fmt.Sprintf(format, args...),
		NeverWaive: "what an export does not show cannot be excepted",
	}
}

// otherRange says why ch does not answer for the commits from want to the
// release; "" where it does.
func (c changesReviewedCriterion) otherRange(ch *criteria.Changes, rel criteria.Release, want criteria.Digest) string {
	switch {
	case !ch.Head.Matches(rel.Source.Digest):
		return fmt.Sprintf("ends at %s, not at the release commit %s", ch.Head.Short(), rel.Source.Digest.Short())
	case want.IsZero() && !ch.Base.IsZero():
		return fmt.Sprintf("begins after %s, but the release names no previous one and the policy no baseline: changes before it may be unreviewed", ch.Base.Short())
	case want.IsZero(): // from the beginning: nothing is left out
	case !ch.Base.Matches(want):
		return fmt.Sprintf("begins after %s, not after %s as it should", since(ch.Base), want.Short())
	}
	return ""
}

func since(base criteria.Digest) string {
	if base.IsZero() {
		return "the beginning"
	}
	return base.Short()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// login is how two spellings of one account compare: forges ignore case.
func login(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// review judges one export.
type review struct {
	changesReviewedCriterion
	changes *criteria.Changes
	branch  string

	people   map[string]criteria.Person
	bots     map[string]bot
	requests []request
	used     map[int]bool // the requests that brought something in

	byCommit map[criteria.Digest][]int // see candidates
	byNumber map[int][]int
}

func newReview(c changesReviewedCriterion, ch *criteria.Changes) *review {
	r := &review{
		changesReviewedCriterion: c,
		changes:                  ch,
		branch:                   cmp.Or(c.Branch, ch.Branch),
		people:                   make(map[string]criteria.Person),
		bots:                     make(map[string]bot),
		used:                     make(map[int]bool),
	}
	for _, p := range ch.People {
		r.people[login(p.Login)] = p
	}
	for _, b := range c.Bots {
		r.bots[login(b.Login)] = b
	}
	commits := make(map[criteria.Digest]*criteria.Commit)
	for i := range ch.Commits {
		commits[ch.Commits[i].ID] = &ch.Commits[i]
	}
	for i := range ch.Requests {
		r.requests = append(r.requests, newRequest(&ch.Requests[i], commits))
	}
	return r
}

// candidates are the requests that may have brought c in, in their order.
// Asking each request about each commit would take square time.
func (r *review) candidates(c *criteria.Commit) []int {
	if r.byCommit == nil {
		r.byCommit, r.byNumber = make(map[criteria.Digest][]int), make(map[int][]int)
		for i := range r.requests {
			q := &r.requests[i]
			ids := map[criteria.Digest]bool{q.Merge: true}
			for id := range q.own {
				ids[id] = true
			}
			for id := range q.entered {
				ids[id] = true
			}
			for id := range ids {
				r.byCommit[id] = append(r.byCommit[id], i)
			}
			r.byNumber[q.Number] = append(r.byNumber[q.Number], i)
		}
	}
	out := slices.Concat(r.byCommit[c.ID], r.byNumber[c.Request])
	slices.Sort(out)
	return slices.Compact(out)
}

// judge returns a finding for each commit that no approved change request
// brought in, and a note for each exception that was made.
func (r *review) judge() (findings []criteria.Finding, notes []string) {
	verdicts := make([]verdict, len(r.requests))
	for i := range r.requests {
		verdicts[i] = r.decide(&r.requests[i])
	}
	excepted := make(map[string]int)
	for _, c := range r.changes.Commits {
		best, number := verdict{status: criteria.Fail, why: "no merged change request brought it in"}, 0
		for _, i := range r.candidates(&c) {
			q := &r.requests[i]
			refused, covers := q.covers(&c)
			v := verdicts[i]
			if covers && refused != "" {
				v = verdict{status: criteria.Fail, why: refused}
			}
			// Where several brought it in, the one that says most for it counts.
			if covers && (number == 0 || v.status == criteria.Pass || v.status == criteria.Unknown && best.status == criteria.Fail) {
				best, number = v, q.Number
			}
			if best.status == criteria.Pass {
				break
			}
		}
		if best.status == criteria.Pass {
			r.used[number] = true
			if best.bot != "" {
				excepted[best.bot]++
			}
			continue
		}
		if number != 0 {
			best.why = fmt.Sprintf("change request #%d: %s", number, best.why)
		}
		findings = append(findings, criteria.Finding{
			ID: "unreviewed", Status: best.status, Where: c.ID.Hex(),
			Message: fmt.Sprintf("commit %q by %s: %s", c.Subject, c.Author, best.why),
		})
	}
	for _, b := range r.Bots {
		if n := excepted[b.Login]; n > 0 {
			notes = append(notes, fmt.Sprintf("%s of the bot %s needed no approval: only %s changed", count(n, "commit"), b.Login, strings.Join(b.Paths, ", ")))
		}
	}
	return findings, notes
}

// verdict is whether one change request was reviewed.
type verdict struct {
	status criteria.Status // Pass, Fail or Unknown
	why    string          // why not Pass
	bot    string          // the bot whose change needed no approval
}

func (r *review) decide(q *request) verdict {
	switch {
	case !q.Merged:
		return verdict{status: criteria.Fail, why: "it was not merged"}
	case q.Base != r.branch:
		return verdict{status: criteria.Fail, why: fmt.Sprintf("it was merged into %s, not into %s", q.Base, r.branch)}
	}
	if b, ok := r.bots[login(q.Author)]; ok && withinScope(q, b) {
		return verdict{status: criteria.Pass, bot: b.Login}
	}
	if r.Mode == scorecardCompatible {
		return r.decideAsScorecard(q)
	}
	if !q.whole {
		return verdict{status: criteria.Unknown, why: "the export does not list its revisions, so who wrote it is not known"}
	}
	approvers, unsure, refused := r.approvals(q)
	voices, needed, also := approvers, 1, ""
	if r.Mode == twoParty {
		// "changes in protected branches are agreed to by two or more trusted
		// persons" (https://slsa.dev/spec/v1.2/source-requirements, Level 4):
		// proposing a change is agreeing to it.
		needed = 2
		trusted, known := r.trusted(q.Author)
		switch {
		case trusted:
			voices++
		case known:
			also = fmt.Sprintf("; %s, who proposed it, is no trusted person, so it needs two", q.Author)
		default:
			also = fmt.Sprintf("; what %s, who proposed it, may do is not in the export", q.Author)
			unsure++
		}
	}
	why := "nobody approved it"
	if approvers > 0 {
		why = count(approvers, "approval") + " that counts"
	} else if len(refused) > 0 {
		why = "no approval counts: " + strings.Join(refused, "; ")
	}
	switch {
	case voices >= needed:
		return verdict{status: criteria.Pass}
	case approvers+len(refused) > 0 && voices+unsure >= needed:
		return verdict{status: criteria.Unknown, why: why + also}
	}
	return verdict{status: criteria.Fail, why: why + also}
}

// approvals returns how many persons approved q so that it counts, how many
// more might if the export said what they may do, and why the others do not.
//
// OSPS Baseline v2026.02.19, OSPS-QA-07.01: "at least one non-author human
// approval of the changes before merging"
// (https://github.com/ossf/security-baseline/blob/v2026.02.19/baseline/OSPS-QA.yaml).
func (r *review) approvals(q *request) (approvers, unsure int, refused []string) {
	wrote := q.writers()
	type word struct{ counts, unsure, no string }
	said := make(map[string]word)
	for _, v := range q.Reviews {
		if v.State != "APPROVED" {
			continue
		}
		key := login(v.By)
		w := said[key]
		switch why, open := r.refuse(q, v, wrote); {
		case why == "":
			w.counts = v.By
		case open:
			w.unsure = why
		case w.no == "":
			w.no = why
		}
		said[key] = w
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		switch w := said[key]; {
		case w.counts != "":
			approvers++
		case w.unsure != "":
			unsure++
			refused = append(refused, key+" "+w.unsure)
		default:
			refused = append(refused, strings.TrimSpace(key+" "+w.no))
		}
	}
	return approvers, unsure, refused
}

// refuse says why the approval v does not count, or "" where it does; open is
// true where it would if the export said that its author may write.
func (r *review) refuse(q *request, v criteria.Review, wrote map[string]string) (why string, open bool) {
	key := login(v.By)
	trusted, known := r.trusted(v.By)
	switch {
	case key == "":
		return "an account that is gone approved it", false
	case v.Dismissed:
		return "gave an approval that was dismissed", false
	case v.Stale:
		return "approved an older revision", false
	case v.Unofficial:
		return "gave an approval that the forge itself did not count", false
	case r.machine(v.By):
		return "is a bot", false
	case key == login(q.Author):
		return "proposed it", false
	case wrote[key] != "":
		return wrote[key], false
	case v.Commit.IsZero():
		return "approved, but of which revision is not said", false
	case !q.final[v.Commit]:
		return fmt.Sprintf("approved %s, and more than a merge of the base branch came after that", v.Commit.Short()), false
	case !q.MergedAt.IsZero() && v.Time.After(q.MergedAt):
		return "approved only after the merge", false
	case known && !trusted:
		return "may not write to the repository", false
	}
	// The same person's later objection takes the approval back; of two at the
	// same moment the objection holds.
	for _, o := range q.Reviews {
		if o.State == "CHANGES_REQUESTED" && login(o.By) == key && !o.Dismissed && !o.Time.Before(v.Time) {
			return "approved, then asked for changes", false
		}
	}
	if !known {
		return "approved, but what this person may do is not in the export", true
	}
	return "", false
}

func (r *review) machine(who string) bool {
	_, listed := r.bots[login(who)]
	return listed || r.people[login(who)].Bot
}

// trusted reports whether who is a person that may write to the repository;
// known is false where the export does not say what that person may do.
func (r *review) trusted(who string) (trusted, known bool) {
	if r.machine(who) {
		return false, true
	}
	switch r.people[login(who)].Permission {
	case "":
		return false, false
	case "write", "admin", "owner":
		return true, true
	}
	return false, true
}

// withinScope reports whether q is all b's own work, within what b may change
// alone. That a person did not write in the bot's name is only as sure as
// commits are, so the paths are what bounds it.
func withinScope(q *request, b bot) bool {
	if !q.whole || len(q.Files) == 0 {
		return false
	}
	files := slices.Clone(q.Files)
	for _, rc := range q.contents() {
		own := login(rc.Author) == login(b.Login) && len(rc.CoAuthors) == 0 &&
			(rc.Committer == "" || login(rc.Committer) == login(b.Login))
		if !own || len(rc.Files) == 0 {
			return false
		}
		files = append(files, rc.Files...)
	}
	return !slices.ContainsFunc(files, func(f string) bool { return !b.mayChange(f) })
}

// decideAsScorecard counts what Scorecard's Code-Review counts
// (https://github.com/ossf/scorecard/blob/v5.5.0/docs/checks.md#code-review):
// weaker than the other modes, for projects that compare.
func (r *review) decideAsScorecard(q *request) verdict {
	for _, v := range q.Reviews {
		if v.State == "APPROVED" && !v.Dismissed && v.By != "" && !r.machine(v.By) && login(v.By) != login(q.Author) {
			return verdict{status: criteria.Pass}
		}
	}
	if q.MergedBy != "" && !r.machine(q.MergedBy) && login(q.MergedBy) != login(q.Author) {
		return verdict{status: criteria.Pass}
	}
	return verdict{status: criteria.Fail, why: "nobody but its author approved or merged it"}
}
