package catalogue

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/evidence"
	"pgregory.net/rapid"
)

// one is a history of one change request by alice, approved by bob.
func one(style string) *history {
	h := newHistory()
	q := h.open("alice", "a", "b")
	h.approve(q, "bob")
	h.merge(q, "alice", style)
	return h
}

// altered is one("merge") with the request changed by f.
func altered(f func(h *history, q *criteria.ChangeRequest)) *history {
	h := one("merge")
	f(h, &h.Requests[0])
	return h
}

func TestChangesReviewed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		h      *history
		params string
		want   criteria.Status
		reason string // contained in it
	}{
		{"merge", one("merge"), "", criteria.Pass, "3 commits since"},
		{"squash", one("squash"), "", criteria.Pass, "1 commit since"},
		{"rebase_of_several", one("rebase"), "", criteria.Pass, "2 commits since"},
		{"rebase_then_merge", one("rebase-merge"), "", criteria.Pass, "3 commits since"},
		{"direct_push", func() *history { h := one("merge"); h.push("sneak", "bob"); return h }(), "", criteria.Fail, "no merged change request"},
		{"direct_push_below", func() *history {
			h := newHistory()
			h.push("sneak", "bob")
			q := h.open("alice", "a")
			h.approve(q, "bob")
			h.merge(q, "alice", "squash")
			return h
		}(), "", criteria.Fail, `"sneak" by bob`},
		{"no_approval", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews = nil }), "", criteria.Fail, "nobody approved it"},
		{"self_approval", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "Alice" }), "", criteria.Fail, "alice proposed it"},
		{"comment_only", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].State = "COMMENTED" }), "", criteria.Fail, "nobody approved it"},
		{"dismissed", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].Dismissed = true }), "", criteria.Fail, "dismissed"},
		{"stale", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].Stale = true }), "", criteria.Fail, "older revision"},
		{"unofficial", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].Unofficial = true }), "", criteria.Fail, "did not count"},
		{"ghost", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "" }), "", criteria.Fail, "gone"},
		{"of_no_revision", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].Commit = criteria.Digest{} }), "", criteria.Fail, "of which revision"},
		{"of_earlier_revision", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].Commit = q.Commits[0].ID }), "", criteria.Fail, "came after that"},
		{"after_the_merge", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].Time = q.MergedAt.Add(time.Second) }), "", criteria.Fail, "after the merge"},
		{"then_asked_for_changes", altered(func(h *history, q *criteria.ChangeRequest) {
			q.Reviews = append(q.Reviews, criteria.Review{By: "BOB", State: "CHANGES_REQUESTED", Commit: q.Head, Time: q.Reviews[0].Time})
		}), "", criteria.Fail, "asked for changes"},
		{"asked_for_changes_first", altered(func(h *history, q *criteria.ChangeRequest) {
			q.Reviews = append(q.Reviews, criteria.Review{By: "bob", State: "CHANGES_REQUESTED", Commit: q.Head, Time: q.Reviews[0].Time.Add(-time.Second)})
		}), "", criteria.Pass, ""},
		{"objection_dismissed", altered(func(h *history, q *criteria.ChangeRequest) {
			q.Reviews = append(q.Reviews, criteria.Review{By: "bob", State: "CHANGES_REQUESTED", Dismissed: true, Time: q.MergedAt})
		}), "", criteria.Pass, ""},
		{"bot_approval", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "ci" }), "", criteria.Fail, "ci is a bot"},
		{"listed_bot_approval", one("merge"), "{bots: [{login: Bob}]}", criteria.Fail, "bob is a bot"},
		{"reader_approval", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "dora" }), "", criteria.Fail, "may not write"},
		{"unlisted_approver", altered(func(h *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "erin" }), "", criteria.Unknown, "not in the export"},
		{"approver_wrote_a_commit", altered(func(h *history, q *criteria.ChangeRequest) { q.Commits[0].Author = "bob" }), "", criteria.Fail, "bob wrote part"},
		{"approver_is_co-author", altered(func(h *history, q *criteria.ChangeRequest) { q.Commits[1].CoAuthors = []string{"bob"} }), "", criteria.Fail, "bob wrote part"},
		{"approver_pushed_last", altered(func(h *history, q *criteria.ChangeRequest) { q.Commits[1].Committer = "bob" }), "", criteria.Fail, "committed its last revision"},
		{"approver_squashed_in_as_co-author", func() *history {
			h := one("squash")
			h.Commits[0].CoAuthors = []string{"bob"}
			return h
		}(), "", criteria.Fail, "bob wrote part"},
		{"approver_merges", altered(func(h *history, q *criteria.ChangeRequest) { q.MergedBy = "bob" }), "", criteria.Pass, ""},
		{"self_merge_without_approval", func() *history {
			h := newHistory()
			h.merge(h.open("alice", "a"), "alice", "merge")
			return h
		}(), "", criteria.Fail, "nobody approved it"},
		{"merged_by_queue", altered(func(h *history, q *criteria.ChangeRequest) { q.MergedBy = "ci" }), "", criteria.Pass, ""},
		{"into_another_branch", altered(func(h *history, q *criteria.ChangeRequest) { q.Base = "develop" }), "", criteria.Fail, "into develop, not into main"},
		{"not_merged", altered(func(h *history, q *criteria.ChangeRequest) { q.Merged = false }), "", criteria.Fail, "not merged"},
		{"named_branch", altered(func(h *history, q *criteria.ChangeRequest) { q.Base, h.Branch = "release", "" }), "{branch: release}", criteria.Pass, ""},
		{"no_protected_branch", altered(func(h *history, q *criteria.ChangeRequest) { h.Branch = "" }), "", criteria.Unknown, "names no protected branch"},
		{"incomplete", altered(func(h *history, q *criteria.ChangeRequest) { h.Complete, h.Why = false, "page 2 is missing" }), "", criteria.Unknown, "page 2 is missing"},
		{"revisions_missing", altered(func(h *history, q *criteria.ChangeRequest) {
			// As a squash, no id of the request is needed to find it.
			*h = *one("squash")
			h.Requests[0].Commits = nil
		}), "", criteria.Unknown, "does not list its revisions"},
		{"merge_of_something_else", altered(func(h *history, q *criteria.ChangeRequest) { h.Commits[2].Parents[1] = commitID("other") }), "", criteria.Fail, "neither the request's head"},
		{"merge_changes_more", altered(func(h *history, q *criteria.ChangeRequest) { h.Commits[2].Files = []string{"a.txt", "evil.txt"} }), "", criteria.Fail, "changes evil.txt"},
		{"squash_changes_more", func() *history {
			h := one("squash")
			h.Commits[0].Files = append(h.Commits[0].Files, "evil.txt")
			return h
		}(), "", criteria.Fail, "changes evil.txt"},
		{"octopus", altered(func(h *history, q *criteria.ChangeRequest) {
			h.Commits[2].Parents = append(h.Commits[2].Parents, commitID("third"))
		}), "", criteria.Fail, "3 parents"},
		{"rebased_with_other_subject", func() *history { h := one("rebase"); h.Commits[0].Subject = "x"; return h }(), "", criteria.Fail, `"x" by alice`},
		{"rebased_by_other_author", func() *history { h := one("rebase"); h.Commits[0].Author = "carol"; return h }(), "", criteria.Fail, "no merged change request"},
		{"rebased_at_other_time", func() *history { h := one("rebase"); h.Commits[0].Time = now; return h }(), "", criteria.Fail, "no merged change request"},
		{"rebased_with_other_files", func() *history { h := one("rebase"); h.Commits[0].Files = []string{"x"}; return h }(), "", criteria.Fail, "no merged change request"},
		{"forge_maps_rebased_commit", func() *history {
			h := one("rebase")
			h.Commits[0].Subject, h.Commits[0].Request = "reworded", 1
			return h
		}(), "", criteria.Pass, ""},
		{"forge_maps_foreign_files", func() *history {
			h := one("squash")
			h.push("x", "alice")
			h.Commits[1].Request = 1
			return h
		}(), "", criteria.Fail, "changes x.txt"},
		{"pushed_after_the_review_of_the_branch", func() *history {
			h := newHistory()
			q := h.open("alice", "a", "b")
			h.approve(q, "bob")
			// A revision that the merged head does not lead to.
			q.Commits = append(q.Commits, criteria.RequestCommit{ID: commitID("left over"), Author: "alice", Files: []string{"l"}})
			h.merge(q, "alice", "squash")
			h.commit("left over", "alice", 0, []criteria.Digest{h.tip}, "l")
			return h
		}(), "", criteria.Fail, `"left over" by alice`},
		{"cherry-pick_needs_its_own", func() *history {
			h := newHistory()
			q := h.open("alice", "a")
			q.Base = "next"
			h.approve(q, "bob")
			h.merge(q, "alice", "squash")
			h.Commits[0].Request = 0
			q.Merge = commitID("on next")
			return h
		}(), "", criteria.Fail, "no merged change request"},
		{"no_commits", newHistory(), "", criteria.Unknown, "no commit between"},
		{"stacked_request_into_a_reviewed_one", func() *history {
			h := one("merge")
			h.Requests = append(h.Requests, criteria.ChangeRequest{
				Number: 2, Author: "bob", Base: "feature", Merged: true, Merge: commitID("a"), Head: commitID("a"),
			})
			h.Commits[0].Request = 2
			return h
		}(), "", criteria.Pass, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.h.reviewed(t, "standard", tc.params)
			if got.Status != tc.want || !strings.Contains(got.Reason, tc.reason) {
				t.Errorf("Evaluate(%s) = %v %q, want %v with %q", tc.name, got.Status, got.Reason, tc.want, tc.reason)
			}
		})
	}
}

// https://github.com/Mergifyio/mergify/issues/5174: a merge of the base branch
// after the approval is no change of the request, if it is nothing else.
func TestChangesReviewed_updateBranch(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files []string // that the merge brings into the request
		net   []string // that the request changes beside its own
		want  criteria.Status
	}{
		{"other_files", []string{"elsewhere.txt"}, nil, criteria.Pass},
		{"a_file_of_the_request", []string{"elsewhere.txt", "a.txt"}, nil, criteria.Fail},
		{"a_file_changed_in_merging", []string{"elsewhere.txt"}, []string{"elsewhere.txt"}, criteria.Fail},
		{"files_not_exported", nil, nil, criteria.Fail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHistory()
			other := h.open("carol", "elsewhere")
			h.approve(other, "bob")
			q := h.open("alice", "a")
			h.approve(q, "bob")
			h.merge(&h.Requests[0], "carol", "squash")
			// Who presses the button may be the one who approved.
			h.update(&h.Requests[1], "bob", tc.files...)
			h.Requests[1].Files = append(h.Requests[1].Files, tc.net...)
			h.merge(&h.Requests[1], "alice", "merge")
			if got := h.reviewed(t, "standard", ""); got.Status != tc.want {
				t.Errorf("Evaluate(%s) = %v %q, want %v", tc.name, got.Status, got.Reason, tc.want)
			}
		})
	}
}

func TestChangesReviewed_modes(t *testing.T) {
	by := func(author string, approvers ...string) *history {
		h := newHistory()
		q := h.open(author, "a")
		h.approve(q, approvers...)
		h.merge(q, "alice", "squash")
		return h
	}
	for _, tc := range []struct {
		name                string
		h                   *history
		one, two, scorecard criteria.Status
	}{
		{"member_and_member", by("bob", "carol"), criteria.Pass, criteria.Pass, criteria.Pass},
		{"outsider_and_one_member", by("dora", "carol"), criteria.Pass, criteria.Fail, criteria.Pass},
		{"outsider_and_two_members", by("dora", "carol", "bob"), criteria.Pass, criteria.Pass, criteria.Pass},
		{"stranger_and_one_member", by("erin", "carol"), criteria.Pass, criteria.Unknown, criteria.Pass},
		{"stranger_and_nobody", by("erin"), criteria.Fail, criteria.Fail, criteria.Pass},
		{"machine_and_one_member", by("ci", "carol"), criteria.Pass, criteria.Fail, criteria.Pass},
		{"one_member_twice", by("dora", "carol", "Carol"), criteria.Pass, criteria.Fail, criteria.Pass},
		{"merged_by_another", by("bob"), criteria.Fail, criteria.Fail, criteria.Pass},
		{"merged_by_author", by("alice"), criteria.Fail, criteria.Fail, criteria.Fail},
		{"reader_approves", by("alice", "dora"), criteria.Fail, criteria.Fail, criteria.Pass},
		{"machine_approves", by("alice", "ci"), criteria.Fail, criteria.Fail, criteria.Fail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for mode, want := range map[string]criteria.Status{oneNonauthor: tc.one, twoParty: tc.two, scorecardCompatible: tc.scorecard} {
				if got := tc.h.reviewed(t, "standard", "{mode: "+mode+"}"); got.Status != want {
					t.Errorf("Evaluate(%s, %s) = %v %q, want %v", tc.name, mode, got.Status, got.Reason, want)
				}
			}
		})
	}
	// Without a word on it, the strictest; and each profile has its own.
	c, err := changesReviewed.New([]byte(`{}`))
	if err != nil || c.(changesReviewedCriterion).Mode != twoParty {
		t.Errorf("New({}) = %+v, %v, want mode %s", c, err, twoParty)
	}
	if got := by("dora", "carol").reviewed(t, "advanced", ""); got.Status != criteria.Fail {
		t.Errorf("Evaluate(advanced) = %v, want %v", got.Status, criteria.Fail)
	}
}

func TestChangesReviewed_bots(t *testing.T) {
	const scope = "{bots: [{login: renovate, paths: [go.mod, go.sum, vendor/**]}]}"
	by := func(edit func(q *criteria.ChangeRequest), files ...string) *history {
		h := newHistory()
		q := h.open("renovate", "bump")
		q.Files, q.Commits[0].Files = files, files
		edit(q)
		h.merge(q, "renovate", "rebase")
		return h
	}
	asIs := func(*criteria.ChangeRequest) {}
	for _, tc := range []struct {
		name   string
		h      *history
		params string
		want   criteria.Status
	}{
		{"in_scope", by(asIs, "go.mod", "go.sum"), scope, criteria.Pass},
		{"below_a_folder", by(asIs, "vendor/x/y.go"), scope, criteria.Pass},
		{"beside_the_folder", by(asIs, "vendored/y.go"), scope, criteria.Fail},
		{"out_of_scope", by(asIs, "go.mod", "main.go"), scope, criteria.Fail},
		{"not_listed", by(asIs, "go.mod"), "", criteria.Fail},
		{"listed_without_paths", by(asIs, "go.mod"), "{bots: [{login: renovate}]}", criteria.Fail},
		{"suffix_is_no_listing", by(func(q *criteria.ChangeRequest) { q.Author = "renovate[bot]" }, "go.mod"), scope, criteria.Fail},
		{"with_a_person's_commit", by(func(q *criteria.ChangeRequest) { q.Commits[0].Author = "alice" }, "go.mod"), scope, criteria.Fail},
		{"committed_by_a_person", by(func(q *criteria.ChangeRequest) { q.Commits[0].Committer = "alice" }, "go.mod"), scope, criteria.Fail},
		{"with_a_co-author", by(func(q *criteria.ChangeRequest) { q.Commits[0].CoAuthors = []string{"alice"} }, "go.mod"), scope, criteria.Fail},
		{"files_unknown", by(asIs), scope, criteria.Fail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.h.reviewed(t, "standard", tc.params)
			if got.Status != tc.want {
				t.Errorf("Evaluate(%s) = %v %q, want %v", tc.name, got.Status, got.Reason, tc.want)
			}
			if tc.want == criteria.Pass && !strings.Contains(strings.Join(got.Notes, "\n"), "1 commit of the bot renovate needed no approval") {
				t.Errorf("Evaluate(%s) notes %q, want the exception counted", tc.name, got.Notes)
			}
		})
	}
}

func TestChangesReviewed_range(t *testing.T) {
	h := one("merge")
	base, other := commitID("base"), commitID("other")
	ev := func(c criteria.Changes) criteria.Evidence {
		return about(h.Head, criteria.Facts{Changes: &c}, criteria.FactChanges)
	}
	fromTheBeginning, elsewhere := h.Changes, h.Changes
	fromTheBeginning.Base = criteria.Digest{}
	elsewhere.Head = other
	for _, tc := range []struct {
		name     string
		previous criteria.Digest
		params   string
		ev       criteria.Evidence
		want     criteria.Status
		reason   string
	}{
		{"since_another_release", other, "", ev(h.Changes), criteria.Unknown, "not after"},
		{"baseline_does_not_replace_previous", other, "{baseline: '" + base.String() + "'}", ev(h.Changes), criteria.Unknown, "not after"},
		{"first_release", criteria.Digest{}, "", ev(h.Changes), criteria.Unknown, "no baseline"},
		{"first_release_with_baseline", criteria.Digest{}, "{baseline: '" + base.String() + "'}", ev(h.Changes), criteria.Pass, ""},
		{"first_release_with_other_baseline", criteria.Digest{}, "{baseline: '" + other.String() + "'}", ev(h.Changes), criteria.Unknown, "not after"},
		{"first_release_whole_history", criteria.Digest{}, "", ev(fromTheBeginning), criteria.Pass, "since the beginning"},
		{"export_ends_elsewhere", base, "", ev(elsewhere), criteria.Unknown, "ends at"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, "changes-reviewed", "standard", tc.params, release("1.2.0", h.Head, tc.previous), tc.ev)
			if got.Status != tc.want || !strings.Contains(got.Reason, tc.reason) {
				t.Errorf("Evaluate(%s) = %v %q, want %v with %q", tc.name, got.Status, got.Reason, tc.want, tc.reason)
			}
		})
	}

	// A good export does not make up for a bad one of the same range.
	bad := *one("merge")
	bad.Requests[0].Reviews = nil
	if got := ask(t, "changes-reviewed", "standard", "", release("1.2.0", h.Head, base), ev(h.Changes), ev(bad.Changes)); got.Status != criteria.Fail {
		t.Errorf("Evaluate(good, bad) = %v, want %v", got.Status, criteria.Fail)
	}
}

func TestChangesReviewed_waiver(t *testing.T) {
	h := one("merge")
	h.push("hotfix", "bob")
	policy := func(where string) string {
		return "profile: standard\nwaivers:\n  - {id: W1, criterion: changes-reviewed, finding: unreviewed, where: " + where +
			", reason: outage, owner: bob, requester: bob, approver: carol, created: 2026-11-01T00:00:00Z, expires: 2026-12-01T00:00:00Z}\n"
	}
	judge := func(where string) criteria.Outcome {
		p, err := criteria.ParsePolicy("policy.yaml", []byte(policy(where)), []criteria.Kind{changesReviewed}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.Evaluate(release("1.2.0", h.Head, commitID("base")), []criteria.Evidence{about(h.Head, criteria.Facts{Changes: &h.Changes}, criteria.FactChanges)}, now).Judgements[0].Outcome
	}
	if got := judge(commitID("hotfix").Hex()); got.Status != criteria.Waived {
		t.Errorf("Evaluate(waived commit) = %v %q, want %v", got.Status, got.Reason, criteria.Waived)
	}
	if got := judge(commitID("other").Hex()); got.Status != criteria.Fail {
		t.Errorf("Evaluate(another commit waived) = %v, want %v", got.Status, criteria.Fail)
	}
	h.Complete, h.Why = false, "cut off"
	if got := judge(commitID("hotfix").Hex()); got.Status != criteria.Unknown {
		t.Errorf("Evaluate(waived in a cut export) = %v, want %v", got.Status, criteria.Unknown)
	}
}

func TestChangesReviewed_params(t *testing.T) {
	for _, params := range []string{
		`{"mode":"lenient"}`, `{"baseline":"sha256:` + strings.Repeat("a", 64) + `"}`, `{"baseline":"main"}`,
		`{"bots":[{"login":""}]}`, `{"bots":[{"login":"a"},{"login":"A"}]}`, `{"bots":[{"login":"a","paths":["["]}]}`, `{"bots":[{"login":"a","paths":[""]}]}`,
		`{"bots":["a"]}`, `{"branches":"main"}`,
	} {
		if c, err := changesReviewed.New([]byte(params)); err == nil {
			t.Errorf("New(%s) = %+v, want an error", params, c)
		}
	}
}

// The exports of a real Gitea, from the report's bytes to the decision.
func TestChangesReviewed_gitea(t *testing.T) {
	for _, tc := range []struct {
		file, profile, params string
		want                  criteria.Status
		findings              []string // the subjects of unreviewed commits
	}{
		{"../evidence/testdata/gitea/merges.json", "standard", "", criteria.Fail, []string{"Merge pull request 'changed' (#5) from changed into main", "Seen", "Unseen"}},
		{"../../examples/quickstart/evidence/changes.gitea.json", "standard", "", criteria.Pass, nil},
		{"../../examples/quickstart/evidence/changes.gitea.json", "advanced", "", criteria.Pass, nil},
		{"../../examples/quickstart/evidence/changes.gitea.json", "advanced", "{bots: [{login: renovate}]}", criteria.Fail, []string{"Update golang.org/x/text to v0.3.7"}},
		{"../../examples/quickstart/evidence/changes.gitea.json", "advanced", "{bots: [{login: renovate, paths: [go.mod, go.sum]}]}", criteria.Pass, nil},
		{"../../examples/refused/evidence/changes-unreviewed.gitea.json", "standard", "", criteria.Fail, []string{"Greet in the language of the environment"}},
	} {
		t.Run(filepath.Base(tc.file)+tc.params, func(t *testing.T) {
			data, err := os.ReadFile(tc.file)
			if err != nil {
				t.Fatal(err)
			}
			formats := evidence.All()
			i := slices.IndexFunc(formats, func(f criteria.Format) bool { return f.Name() == "gitea" })
			e := criteria.ReadEvidence(formats[i], tc.file, data, criteria.Declared{})
			if e.Problem != "" {
				t.Fatal(e.Problem)
			}
			ch := e.Facts.Changes
			byID := make(map[string]string)
			for _, c := range ch.Commits {
				byID[c.ID.Hex()] = c.Subject
			}
			at := e.Time.Add(time.Hour)
			p, err := criteria.ParsePolicy("policy.yaml", []byte("profile: "+tc.profile+"\ncriteria: {changes-reviewed: "+paramsOrNone(tc.params)+"}\n"), All(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range p.Evaluate(release("1.2.0", ch.Head, ch.Base), []criteria.Evidence{e}, at).Judgements {
				if j.Criterion != "changes-reviewed" {
					continue
				}
				var found []string
				for _, f := range j.Findings {
					found = append(found, byID[f.Where])
				}
				slices.Sort(found)
				if diff := cmp.Diff(tc.findings, found); j.Status != tc.want || diff != "" {
					t.Errorf("Evaluate(%s) = %v %q, want %v (-want +got):\n%s", tc.file, j.Status, j.Reason, tc.want, diff)
				}
			}
		})
	}
}

func paramsOrNone(p string) string {
	if p == "" {
		return "{}"
	}
	return p
}

// anyHistory draws requests by different people, reviewed and merged in
// different ways.
func anyHistory(t *rapid.T, approvers []string) *history {
	h := newHistory()
	for i := range rapid.IntRange(1, 4).Draw(t, "requests") {
		words := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "commits")]
		for k := range words {
			words[k] += strings.Repeat("'", i)
		}
		q := h.open(rapid.SampledFrom([]string{"alice", "bob", "dora", "erin"}).Draw(t, "author"), words...)
		for _, who := range rapid.SliceOfN(rapid.SampledFrom(approvers), 0, 4).Draw(t, "approvers") {
			h.approve(q, who)
			v := &q.Reviews[len(q.Reviews)-1]
			v.Stale = rapid.IntRange(0, 9).Draw(t, "stale") == 0
			if rapid.IntRange(0, 9).Draw(t, "early") == 0 {
				v.Commit = q.Commits[0].ID
			}
			if rapid.IntRange(0, 9).Draw(t, "objects") == 0 {
				v.State = "CHANGES_REQUESTED"
			}
		}
		h.merge(q, rapid.SampledFrom([]string{"alice", "ci"}).Draw(t, "merger"), rapid.SampledFrom([]string{"merge", "squash", "rebase", "rebase-merge"}).Draw(t, "style"))
	}
	return h
}

var anyMode = rapid.SampledFrom([]string{"{mode: one-nonauthor}", "{mode: slsa-two-party}", "{mode: scorecard-compatible}"})

func TestChangesReviewed_removingApprovalNeverHelps(t *testing.T) {
	refused := 0
	rapid.Check(t, func(rt *rapid.T) {
		h := anyHistory(rt, []string{"alice", "bob", "carol", "dora", "erin", "ci"})
		params := anyMode.Draw(rt, "mode")
		before := h.reviewed(t, "standard", params)
		q := &h.Requests[rapid.IntRange(0, len(h.Requests)-1).Draw(rt, "request")]
		var approvals []int
		for i, v := range q.Reviews {
			if v.State == "APPROVED" {
				approvals = append(approvals, i)
			}
		}
		if len(approvals) == 0 {
			return
		}
		q.Reviews = slices.Delete(slices.Clone(q.Reviews), approvals[0], approvals[0]+1)
		if before.Status != criteria.Pass {
			refused++
			if after := h.reviewed(t, "standard", params); after.Status == criteria.Pass {
				rt.Fatalf("Evaluate without an approval = %v, with it %v %q", after.Status, before.Status, before.Reason)
			}
		}
	})
	if refused == 0 {
		t.Error("no history was refused: the property was never tried")
	}
}

func TestChangesReviewed_addingUnreviewedNeverPasses(t *testing.T) {
	passed := 0
	rapid.Check(t, func(rt *rapid.T) {
		h := anyHistory(rt, []string{"carol"})
		params := anyMode.Draw(rt, "mode")
		if h.reviewed(t, "standard", params).Status == criteria.Pass {
			passed++
		}
		// A push anywhere on the branch: whoever made it, whatever it is called.
		like := rapid.SampledFrom(h.Commits).Draw(rt, "like")
		h.push("sneak", like.Author)
		c := &h.Commits[len(h.Commits)-1]
		c.Subject, c.Files, c.Time = like.Subject, like.Files, like.Time
		if got := h.reviewed(t, "standard", params); got.Status != criteria.Fail {
			rt.Fatalf("Evaluate with a pushed commit = %v %q, want %v", got.Status, got.Reason, criteria.Fail)
		}
	})
	if passed == 0 {
		t.Error("no history passed: the property was never tried")
	}
}
