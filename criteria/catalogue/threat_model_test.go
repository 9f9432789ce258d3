package catalogue

import (
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// dayOf is midnight on the day that lies days before the release is judged.
func dayOf(days int) time.Time { return now.AddDate(0, 0, -days).Truncate(24 * time.Hour) }

// modelOf is a model of five elements, reviewed at a time that it tells itself.
func modelOf(reviewed time.Time) criteria.Facts {
	return criteria.Facts{Threats: &criteria.Threats{Modelled: 5, Reviewed: reviewed, Reviewer: "carol"}}
}

func listOf(items ...criteria.Threat) criteria.Facts {
	return criteria.Facts{Threats: &criteria.Threats{Modelled: -1, Listed: true, Items: items}}
}

// judgeThreats asks about the release of h with reports.
func judgeThreats(t *testing.T, profile, params string, h *history, reports ...criteria.Facts) criteria.Outcome {
	t.Helper()
	var ev []criteria.Evidence
	source := commitID("source")
	if h != nil {
		source = h.Head
		e := about(source, criteria.Facts{Changes: &h.Changes}, criteria.FactChanges)
		e.Name = "changes"
		ev = append(ev, e)
	}
	for _, f := range reports {
		ev = append(ev, about(source, f, criteria.FactThreats))
	}
	return ask(t, "threat-model", profile, params, release("1.2.0", source, commitID("base")), ev...)
}

const modelParams = `{path: threats.yaml, architecture: ["cmd/**", "api"]}`

// touching is a history in which one change request, opened by alice, merged
// in style, changes files; after it come the files that others change.
func touching(style string, files ...string) *history {
	h := newHistory()
	h.push("unrelated", "bob")
	q := h.open("alice", "change")
	q.Files, q.Commits[0].Files = files, files
	h.approve(q, "bob")
	h.merge(q, "bob", style)
	return h
}

func TestThreatModel(t *testing.T) {
	unrelated := touching("squash", "docs/a.md")
	arch := touching("squash", "cmd/main.go")
	both := touching("squash", "cmd/main.go", "threats.yaml")
	model := touching("squash", "threats.yaml")
	with := func(h *history, change func(h *history, q *criteria.ChangeRequest)) *history {
		change(h, &h.Requests[0])
		return h
	}
	two := criteria.Facts{Threats: &criteria.Threats{Modelled: 2}}
	for _, tt := range []struct {
		name    string
		params  string
		history *history
		reports []criteria.Facts
		want    criteria.Status
		reason  string
	}{
		{"no_model", modelParams, unrelated, nil, criteria.Unknown, "no threat model about"},
		{"reviewed", modelParams, unrelated, []criteria.Facts{modelOf(dayOf(100))}, criteria.Pass, "threat model present and reviewed on 2026-08-14"},
		{"reviewed_by_the_models_word", modelParams, unrelated, []criteria.Facts{modelOf(dayOf(100))}, criteria.Pass, "the model's own word, by carol"},
		{"model_and_risks", modelParams, unrelated, []criteria.Facts{modelOf(dayOf(100)), listOf()}, criteria.Pass, "present and reviewed"},
		{"risks_alone", modelParams, unrelated, []criteria.Facts{listOf()}, criteria.Unknown, "no report says what was modelled"},
		{"about_nothing", modelParams, unrelated, []criteria.Facts{{Threats: &criteria.Threats{Reviewed: dayOf(1)}}}, criteria.Unknown, "the model is about nothing"},
		{"no_date", modelParams, unrelated, []criteria.Facts{modelOf(time.Time{})}, criteria.Unknown, "nothing says when the model was reviewed"},
		{"future", modelParams, unrelated, []criteria.Facts{modelOf(dayOf(-3))}, criteria.Unknown, "which has not come"},
		{"a_year_ago", modelParams, unrelated, []criteria.Facts{modelOf(now.AddDate(0, 0, -365))}, criteria.Pass, "present and reviewed"},
		{"too_old", modelParams, unrelated, []criteria.Facts{modelOf(dayOf(366))}, criteria.Fail, "more than 365d ago"},
		{"older_than_the_policy_allows", `{architecture: [cmd], maxReviewAge: 30d}`, unrelated, []criteria.Facts{modelOf(dayOf(31))}, criteria.Fail, "more than 30d ago"},
		{"architecture_not_declared", `{}`, unrelated, []criteria.Facts{modelOf(dayOf(100))}, criteria.Unknown, "parameter architecture"},
		{"no_changes", modelParams, nil, []criteria.Facts{modelOf(dayOf(100))}, criteria.Unknown, "no export of the changes"},
		{"one_of_two_models_unreviewed", modelParams, unrelated, []criteria.Facts{modelOf(dayOf(100)), two}, criteria.Unknown, "nothing says when"},

		{"architecture_changed", modelParams, arch, []criteria.Facts{modelOf(dayOf(100))}, criteria.Fail, "the architecture changed on 2026-11-21, after the model's review"},
		{"architecture_changed_before", modelParams, arch, []criteria.Facts{modelOf(now)}, criteria.Pass, "present and reviewed"},
		{"pushed_directly", modelParams, newHistory().pushed("api/x.proto"), []criteria.Facts{modelOf(dayOf(100))}, criteria.Fail, "the architecture changed"},
		{"merged_with_a_merge_commit", modelParams, touching("merge", "cmd/main.go"), []criteria.Facts{modelOf(dayOf(100))}, criteria.Fail, "the architecture changed"},
		{
			"written_before_the_review_and_merged_after", modelParams,
			with(touching("squash", "cmd/main.go"), func(h *history, q *criteria.ChangeRequest) { h.Commits[1].Time = dayOf(200) }),
			[]criteria.Facts{modelOf(dayOf(100))},
			criteria.Fail, "the architecture changed",
		},
		{
			"rebased_and_merged_after", modelParams, rebasedBeforeReview(),
			[]criteria.Facts{modelOf(dayOf(100))},
			criteria.Fail, "the architecture changed",
		},
		{
			"change_without_a_time", modelParams,
			with(touching("squash", "cmd/main.go"), func(h *history, q *criteria.ChangeRequest) {
				h.Commits[1].Time, q.MergedAt = time.Time{}, time.Time{}
			}),
			[]criteria.Facts{modelOf(dayOf(100))},
			criteria.Unknown, "when a change to the architecture came in",
		},

		{"changed_together_on_the_day_of_the_model", modelParams, both, []criteria.Facts{modelOf(dayOf(1))}, criteria.Pass, "present and reviewed"},
		{"changed_alone_on_the_day_of_the_model", modelParams, arch, []criteria.Facts{modelOf(dayOf(1))}, criteria.Fail, "the architecture changed"},

		{"approval_of_the_model", modelParams, model, []criteria.Facts{modelOf(time.Time{})}, criteria.Pass, "change request 1, approved by bob"},
		{"approval_of_model_and_architecture", modelParams, both, []criteria.Facts{modelOf(dayOf(300))}, criteria.Pass, "change request 1, approved by bob"},
		{"path_not_declared", `{architecture: [cmd]}`, model, []criteria.Facts{modelOf(time.Time{})}, criteria.Unknown, "nothing says when"},
		{"approval_of_something_else", modelParams, unrelated, []criteria.Facts{modelOf(time.Time{})}, criteria.Unknown, "nothing says when"},
		{"approval_of_one_of_two_models", modelParams, model, []criteria.Facts{modelOf(dayOf(1)), two}, criteria.Unknown, "nothing says when"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := judgeThreats(t, "standard", tt.params, tt.history, tt.reports...)
			said := o.Reason + "\n" + strings.Join(o.Notes, "\n")
			if o.Status != tt.want || !strings.Contains(said, tt.reason) {
				t.Errorf("Evaluate = %v, %q, want %v, %q\n%s", o.Status, said, tt.want, tt.reason, writeFindings(o))
			}
			if strings.Contains(said, "adequate") {
				t.Errorf("Evaluate says %q, which nobody can tell", said)
			}
		})
	}
}

// pushed adds a commit that changes file and came in without a request.
func (h *history) pushed(file string) *history {
	h.commit("pushed", "bob", 0, []criteria.Digest{h.tip}, file)
	return h
}

// rebasedBeforeReview is a request of two commits, of which the first changes
// the architecture and was written long before it was merged.
func rebasedBeforeReview() *history {
	h := newHistory()
	q := h.open("alice", "first", "second")
	q.Commits[0].Files, q.Files = []string{"cmd/main.go"}, []string{"cmd/main.go", "second.txt"}
	q.Commits[0].Time = dayOf(200)
	h.approve(q, "bob")
	h.merge(q, "bob", "rebase")
	return h
}

// An approval counts as the record of a review only where somebody else gave
// it, to what was merged, in a request that is part of the release.
func TestThreatModelRecord(t *testing.T) {
	for name, spoil := range map[string]func(h *history, q *criteria.ChangeRequest){
		"own_approval":         func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "Alice" },
		"author_of_a_commit":   func(_ *history, q *criteria.ChangeRequest) { q.Commits[0].Author = "bob" },
		"co_author":            func(_ *history, q *criteria.ChangeRequest) { q.Commits[0].CoAuthors = []string{"bob"} },
		"machine":              func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "ci" },
		"nobody":               func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].By = "" },
		"comment":              func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].State = "COMMENTED" },
		"dismissed":            func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].Dismissed = true },
		"stale":                func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].Stale = true },
		"unofficial":           func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].Unofficial = true },
		"of_another_revision":  func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].Commit = commitID("before") },
		"of_no_revision":       func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].Commit = criteria.Digest{} },
		"without_a_time":       func(_ *history, q *criteria.ChangeRequest) { q.Reviews[0].Time = time.Time{} },
		"not_merged":           func(_ *history, q *criteria.ChangeRequest) { q.Merged = false },
		"into_another_branch":  func(_ *history, q *criteria.ChangeRequest) { q.Base = "next" },
		"not_of_this_release":  func(h *history, _ *criteria.ChangeRequest) { h.Commits[1].Request = 0 },
		"of_another_file":      func(_ *history, q *criteria.ChangeRequest) { q.Files = []string{"threats.yaml.orig"} },
		"of_an_export_cut_off": func(h *history, _ *criteria.ChangeRequest) { h.Complete = false },
	} {
		t.Run(name, func(t *testing.T) {
			h := touching("squash", "threats.yaml")
			if o := judgeThreats(t, "standard", modelParams, h, modelOf(time.Time{})); o.Status != criteria.Pass {
				t.Fatalf("before it is spoiled = %v (%s), want pass", o.Status, o.Reason)
			}
			spoil(h, &h.Requests[0])
			if o := judgeThreats(t, "standard", modelParams, h, modelOf(time.Time{})); o.Status != criteria.Unknown {
				t.Errorf("Evaluate = %v (%s), want unknown", o.Status, o.Reason)
			}
		})
	}
}

// What an export does not show cannot be told unchanged.
func TestThreatModelChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(h *history)
		want  string
	}{
		"incomplete":   {func(h *history) { h.Complete, h.Why = false, "a parent is missing" }, "a parent is missing"},
		"another_head": {func(h *history) { h.Changes.Head = commitID("elsewhere") }, "ends at another commit"},
		"another_base": {func(h *history) { h.Base = commitID("later") }, "does not begin at the previous release"},
		"no_files": {func(h *history) {
			for i := range h.Commits {
				h.Commits[i].Files = nil
			}
		}, "does not list the files"},
	} {
		t.Run(name, func(t *testing.T) {
			h := touching("squash", "docs/a.md")
			source := h.Head
			tt.spoil(h)
			o := ask(t, "threat-model", "standard", modelParams, release("1.2.0", source, commitID("base")),
				about(source, modelOf(dayOf(100)), criteria.FactThreats), about(source, criteria.Facts{Changes: &h.Changes}, criteria.FactChanges))
			if o.Status != criteria.Unknown || !strings.Contains(o.Reason, tt.want) {
				t.Errorf("Evaluate = %v (%s), want unknown, %q", o.Status, o.Reason, tt.want)
			}
		})
	}
}

func TestThreatModelOpenThreats(t *testing.T) {
	threat := func(severity, status string) criteria.Threat {
		return criteria.Threat{ID: "T", Title: "Spoofing at web", Severity: severity, Status: status}
	}
	other := criteria.Threat{ID: "U", Severity: "critical", Status: "mitigated"}
	accepts := `{architecture: [cmd], takeAccepted: true}`
	for _, tt := range []struct {
		name    string
		params  string
		reports []criteria.Facts
		want    criteria.Status
		reason  string
	}{
		{"high", "", []criteria.Facts{listOf(threat("high", "open"), other)}, criteria.Fail, "Spoofing at web: open"},
		{"elevated", "", []criteria.Facts{listOf(threat("elevated", "open"))}, criteria.Fail, "Spoofing at web: open"},
		{"medium", "", []criteria.Facts{listOf(threat("medium", "open"))}, criteria.Pass, ""},
		{"medium_that_counts", `{architecture: [cmd], openThreats: medium}`, []criteria.Facts{listOf(threat("medium", "open"))}, criteria.Fail, ""},
		{"unknown_severity", "", []criteria.Facts{listOf(threat("", "open"))}, criteria.Fail, ""},
		{"unheard_of_severity", "", []criteria.Facts{listOf(threat("blocker", "open"))}, criteria.Fail, ""},
		{"in_progress", "", []criteria.Facts{listOf(threat("high", "in-progress"))}, criteria.Fail, "in-progress"},
		{"unheard_of_status", "", []criteria.Facts{listOf(threat("high", "forgotten"))}, criteria.Fail, "forgotten"},
		{"no_status", "", []criteria.Facts{listOf(threat("high", ""))}, criteria.Fail, ""},
		{"mitigated", "", []criteria.Facts{listOf(threat("high", "mitigated"))}, criteria.Pass, ""},
		{"not_applicable", "", []criteria.Facts{listOf(threat("high", "not-applicable"))}, criteria.Pass, ""},
		{"accepted_in_the_model", "", []criteria.Facts{listOf(threat("high", "accepted"))}, criteria.Fail, "accepted in the model only"},
		{"accepted_where_that_counts", accepts, []criteria.Facts{listOf(threat("high", "accepted"))}, criteria.Pass, ""},
		{"open_where_accepting_counts", accepts, []criteria.Facts{listOf(threat("high", "open"))}, criteria.Fail, ""},
		{"worse_severity_of_two_reports", "", []criteria.Facts{listOf(threat("low", "open")), listOf(threat("high", "open"))}, criteria.Fail, ""},
		{"no_severity_in_one_of_two", "", []criteria.Facts{listOf(threat("low", "open")), listOf(threat("", "open"))}, criteria.Fail, ""},
		{"no_severity_in_the_other", "", []criteria.Facts{listOf(threat("", "open")), listOf(threat("low", "open"))}, criteria.Fail, ""},
		{"open_in_one_of_two", "", []criteria.Facts{listOf(threat("high", "mitigated")), listOf(threat("high", "open"))}, criteria.Fail, ""},
		{"open_in_the_other", "", []criteria.Facts{listOf(threat("high", "open")), listOf(threat("high", "mitigated"))}, criteria.Fail, ""},
		{"no_list", "", nil, criteria.Unknown, "no report lists the model's threats"},
		{"empty_list", "", []criteria.Facts{listOf()}, criteria.Unknown, "not one threat is listed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := tt.params
			if params == "" {
				params = `{architecture: [cmd]}`
			}
			o := judgeThreats(t, "advanced", params, touching("squash", "docs/a.md"), append([]criteria.Facts{modelOf(dayOf(100))}, tt.reports...)...)
			if o.Status != tt.want || !strings.Contains(o.Reason, tt.reason) {
				t.Errorf("Evaluate = %v (%s), want %v, %q\n%s", o.Status, o.Reason, tt.want, tt.reason, writeFindings(o))
			}
		})
	}
	// At standard, what the model says is not judged.
	if o := judgeThreats(t, "standard", `{architecture: [cmd]}`, touching("squash", "docs/a.md"), modelOf(dayOf(100)), listOf(threat("critical", "open"))); o.Status != criteria.Pass {
		t.Errorf("at standard = %v (%s), want pass", o.Status, o.Reason)
	}
	refusedParams(t, threatModel, map[string]string{
		`{"openThreats":"severe"}`: "none of", `{"maxReviewAge":"soon"}`: "no length of time", `{"architecture":["/abs"]}`: "no pattern", `{"path":"a/["}`: "no path",
	})
	// Without parameters the least threat counts.
	low := newCriterion(t, threatModel, `{}`).Evaluate(criteria.Input{Now: now, Evidence: []criteria.Evidence{{Facts: modelOf(now)}, {Facts: listOf(threat("low", "open"))}}})
	if low.Status != criteria.Fail {
		t.Errorf("a low threat without parameters = %v, want fail", low.Status)
	}
}
