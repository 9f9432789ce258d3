package evidence

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

const mergesExport = "testdata/gitea/merges.json"

func giteaExportOf(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(mergesExport)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// mapOf is JSON as it lies, so that a test can change one thing in it.
type mapOf = map[string]any

// giteaWith returns the real export with one thing changed.
func giteaWith(t testing.TB, edit func(e mapOf)) string {
	t.Helper()
	var e mapOf
	if err := json.Unmarshal([]byte(giteaExportOf(t)), &e); err != nil {
		t.Fatal(err)
	}
	edit(e)
	return asJSON(t, e)
}

func items(v any) []any        { return v.([]any) }
func entry(v any, i int) mapOf { return v.([]any)[i].(mapOf) }

// pullOf returns the export's entry of one pull request.
func pullOf(e mapOf, number float64) mapOf {
	for _, p := range items(e["pulls"]) {
		if p.(mapOf)["pull"].(mapOf)["number"] == number {
			return p.(mapOf)
		}
	}
	return nil
}

func TestGitea(t *testing.T) {
	f := mustRead(t, "gitea", giteaExportOf(t))
	c := f.Changes
	if !c.Complete || c.Why != "" || c.Branch != "main" || len(c.Commits) != 11 || len(c.Requests) != 5 {
		t.Fatalf("Read(%s) = complete %v (%s), branch %q, %d commits, %d requests, want complete, main, 11, 5", mergesExport, c.Complete, c.Why, c.Branch, len(c.Commits), len(c.Requests))
	}
	if diff := cmp.Diff([]string{c.Head.String()}, []string{f.Subjects[0].String()}); diff != "" || len(f.Subjects) != 1 {
		t.Errorf("Read(%s) subjects %v, want the head alone", mergesExport, f.Subjects)
	}
	if f.Time.IsZero() || f.Tool != (criteria.Tool{Name: "Gitea", Version: "development"}) {
		t.Errorf("Read(%s) time %v tool %v, want both", mergesExport, f.Time, f.Tool)
	}
	people := []criteria.Person{{Login: "alice", Permission: "owner"}, {Login: "bob", Permission: "write"}, {Login: "carol", Permission: "write"}}
	if diff := cmp.Diff(people, c.People); diff != "" {
		t.Errorf("Read(%s) people (-want +got):\n%s", mergesExport, diff)
	}
	var tags []string
	for _, tag := range f.Tags.Items {
		tags = append(tags, tag.Name)
		if tag.Object.IsZero() || tag.Object.Matches(tag.Commit) {
			t.Errorf("tag %s has object %s and commit %s, want an annotated one", tag.Name, tag.Object, tag.Commit)
		}
	}
	slices.Sort(tags)
	if diff := cmp.Diff([]string{"v1.0.0", "v1.1.0"}, tags); diff != "" {
		t.Errorf("Read(%s) tags (-want +got):\n%s", mergesExport, diff)
	}

	// #5: approved, then changed. Oldest revision first; Gitea marks the approval.
	i := slices.IndexFunc(c.Requests, func(q criteria.ChangeRequest) bool { return q.Number == 5 })
	q := c.Requests[i]
	if q.Author != "carol" || q.Base != "main" || !q.Merged || q.MergedBy != "carol" || q.MergedAt.IsZero() ||
		len(q.Commits) != 2 || q.Commits[0].Subject != "Seen" || q.Head != q.Commits[1].ID {
		t.Errorf("Read(%s) #5 = %+v", mergesExport, q)
	}
	if len(q.Reviews) != 1 || q.Reviews[0].By != "bob" || q.Reviews[0].State != "APPROVED" || !q.Reviews[0].Stale ||
		q.Reviews[0].Unofficial || q.Reviews[0].Commit != q.Commits[0].ID {
		t.Errorf("Read(%s) #5 reviews = %+v, want one stale approval by bob", mergesExport, q.Reviews)
	}
	// #3: the squashed commit names its co-author by an address of his account.
	for _, one := range c.Commits {
		if one.Request == 3 && !slices.Equal(one.CoAuthors, []string{"bob"}) {
			t.Errorf("Read(%s) co-authors of #3 = %q, want bob", mergesExport, one.CoAuthors)
		}
	}
}

func TestGitea_reviews(t *testing.T) {
	f := mustRead(t, "gitea", giteaWith(t, func(e mapOf) {
		r := entry(pullOf(e, 1)["reviews"], 0)
		with := func(edits mapOf) mapOf {
			out := mapOf{}
			for k, v := range r {
				out[k] = v
			}
			for k, v := range edits {
				out[k] = v
			}
			return out
		}
		pullOf(e, 1)["reviews"] = []any{
			with(mapOf{"official": false}), with(mapOf{"state": "REQUEST_CHANGES", "dismissed": true}),
			with(mapOf{"state": "COMMENT"}), with(mapOf{"state": "REQUEST_REVIEW", "user": nil}),
			with(mapOf{"user": nil}), with(mapOf{"user": mapOf{"id": -2, "login": "gitea-actions"}, "commit_id": ""}),
		}
	}))
	var got []string
	for _, q := range f.Changes.Requests {
		for _, r := range q.Reviews {
			if q.Number != 1 {
				continue
			}
			got = append(got, strings.TrimSpace(r.By+" "+r.State+map[bool]string{true: " unofficial"}[r.Unofficial]+
				map[bool]string{true: " dismissed"}[r.Dismissed]+map[bool]string{true: " of nothing"}[r.Commit.IsZero()]))
		}
	}
	want := []string{"alice APPROVED unofficial", "alice CHANGES_REQUESTED dismissed", "alice COMMENTED", "APPROVED", "gitea-actions APPROVED of nothing"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reviews (-want +got):\n%s", diff)
	}
	for _, p := range f.Changes.People {
		if p.Bot != (p.Login == "gitea-actions") {
			t.Errorf("person %+v: bot = %v", p, p.Bot)
		}
	}
}

// What an export does not show must not look as if it were not there.
func TestGitea_incomplete(t *testing.T) {
	drop := func(list any, match func(mapOf) bool) []any {
		return slices.DeleteFunc(slices.Clone(items(list)), func(v any) bool { return match(v.(mapOf)) })
	}
	subject := func(s string) func(mapOf) bool {
		return func(c mapOf) bool { return strings.HasPrefix(c["commit"].(mapOf)["message"].(string), s) }
	}
	for _, tc := range []struct {
		name string
		edit func(e mapOf)
		why  string
	}{
		{"commit_of_the_branch_missing", func(e mapOf) { e["commits"] = drop(e["commits"], subject("One")) }, "is missing: the branch leads"},
		{"oldest_of_a_side_missing", func(e mapOf) { e["commits"] = drop(e["commits"], subject("Seen")) }, "is missing"},
		{"side_missing_altogether", func(e mapOf) { e["commits"] = drop(e["commits"], subject("From before")) }, "is missing"},
		{"head_missing", func(e mapOf) { e["commits"] = drop(e["commits"], subject("Merge pull request 'changed'")) }, "is not among the commits"},
		{"no_commits", func(e mapOf) { e["commits"] = []any{} }, "no commits"},
		{"foreign_commit", func(e mapOf) {
			c := mapOf{}
			for k, v := range entry(e["commits"], 0) {
				c[k] = v
			}
			c["sha"] = strings.Repeat("a", 40)
			e["commits"] = append(items(e["commits"]), c)
			e["commit_pulls"].(mapOf)[strings.Repeat("a", 40)] = nil
		}, "does not lead to it"},
		{"base_among_commits", func(e mapOf) {
			e["base"] = entry(e["commits"], 3)["sha"]
		}, "among the commits after it"},
		{"base_elsewhere", func(e mapOf) { e["base"] = strings.Repeat("b", 40) }, "is missing: the branch leads"},
		{"not_from_the_beginning", func(e mapOf) { e["base"] = "" }, "is missing: the branch leads"},
		{"fork_point_not_shown", func(e mapOf) { pullOf(e, 1)["pull"].(mapOf)["merge_base"] = "" }, "do not lead back"},
		{"pull_not_asked_for", func(e mapOf) { delete(e["commit_pulls"].(mapOf), e["head"].(string)) }, "does not say which pull request"},
		{"pull_missing", func(e mapOf) {
			e["pulls"] = drop(e["pulls"], func(p mapOf) bool { return p["pull"].(mapOf)["number"] == 4.0 })
		}, "#4, by which commit"},
		{"revisions_cut_at_the_head", func(e mapOf) { pullOf(e, 5)["commits"] = items(pullOf(e, 5)["commits"])[1:] }, "its head"},
		{"revisions_cut_at_the_base", func(e mapOf) { pullOf(e, 5)["commits"] = items(pullOf(e, 5)["commits"])[:1] }, "do not lead back"},
		{"files_cut", func(e mapOf) { pullOf(e, 2)["files"] = items(pullOf(e, 2)["files"])[1:] }, "changes 2 files, and 1"},
		{"reviews_absent", func(e mapOf) { delete(pullOf(e, 2), "reviews") }, "without its commits, reviews or files"},
		{"files_of_a_commit_absent", func(e mapOf) { entry(e["commits"], 0)["files"] = nil }, "without its files"},
		{"files_of_a_revision_absent", func(e mapOf) { delete(entry(pullOf(e, 2)["commits"], 0), "files") }, "without its files"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := mustRead(t, "gitea", giteaWith(t, tc.edit)).Changes
			if c.Complete || !strings.Contains(c.Why, tc.why) {
				t.Errorf("Read(%s) = complete %v, %q, want incomplete with %q", tc.name, c.Complete, c.Why, tc.why)
			}
		})
	}
}

// A parent older than the base is shown to lie behind it by a comparison, where
// no pull request left the branch there.
func TestGitea_behind(t *testing.T) {
	var fork string
	without := func(e mapOf) {
		p := pullOf(e, 1)
		fork = entry(entry(p["commits"], 0)["parents"], 0)["sha"].(string)
		e["pulls"] = slices.DeleteFunc(items(e["pulls"]), func(v any) bool { return v.(mapOf)["pull"].(mapOf)["number"] == 1.0 })
		for sha, n := range e["commit_pulls"].(mapOf) {
			if n == 1.0 {
				e["commit_pulls"].(mapOf)[sha] = nil
			}
		}
	}
	if c := mustRead(t, "gitea", giteaWith(t, without)).Changes; c.Complete {
		t.Error("Read without the fork point = complete, want incomplete")
	}
	for total, want := range map[float64]bool{0: true, 1: false} {
		c := mustRead(t, "gitea", giteaWith(t, func(e mapOf) {
			without(e)
			e["behind"] = mapOf{fork: mapOf{"total_commits": total, "commits": []any{}}}
		})).Changes
		if c.Complete != want {
			t.Errorf("Read with %v commits between base and fork point = complete %v (%s), want %v", total, c.Complete, c.Why, want)
		}
	}
	if c := mustRead(t, "gitea", giteaWith(t, func(e mapOf) { without(e); e["behind"] = mapOf{fork: mapOf{}} })).Changes; c.Complete {
		t.Error("Read with an empty comparison = complete, want incomplete")
	}
}

func TestGitea_branch(t *testing.T) {
	for rule, want := range map[string]string{"main": "main", "m*": "main", "release/*": "", "[": ""} {
		c := mustRead(t, "gitea", giteaWith(t, func(e mapOf) { e["branch_protections"] = []any{mapOf{"rule_name": rule}} })).Changes
		if c.Branch != want {
			t.Errorf("Read with rule %q = branch %q, want %q", rule, c.Branch, want)
		}
	}
	if c := mustRead(t, "gitea", giteaWith(t, func(e mapOf) { delete(e, "branch_protections") })).Changes; c.Branch != "" {
		t.Errorf("Read without protections = branch %q, want none", c.Branch)
	}
}

// An address that two accounts use is neither's.
func TestGitea_sharedAddress(t *testing.T) {
	f := mustRead(t, "gitea", giteaWith(t, func(e mapOf) {
		for i := range items(e["commits"]) {
			c := entry(e["commits"], i)
			c["commit"].(mapOf)["author"].(mapOf)["email"] = "team@h.invalid"
			if i == 0 {
				c["author"] = nil
			}
		}
	}))
	if got := f.Changes.Commits[0].Author; got != "team@h.invalid" {
		t.Errorf("author with a shared address = %q, want the address", got)
	}
}

func TestGitea_refused(t *testing.T) {
	for _, tc := range []struct {
		name, doc, want string
	}{
		{"empty", "", "empty"},
		{"gzip", "\x1f\x8b\x08", "gzip"},
		{"another_format", `{"runs":[]}`, "no export of a Gitea"},
		{"list", `[]`, "expected"},
		{"truncated", giteaExportOf(t)[:2000], "ends in the middle"},
		{"followed_by_more", giteaExportOf(t) + "{}", "follows"},
		{"key_twice", strings.Replace(giteaExportOf(t), `"base":`, `"head":"x","base":`, 1), "stands twice"},
		{"deep", strings.Repeat("[", 5000), "nested deeper"},
		{"no_time", giteaWith(t, func(e mapOf) { delete(e, "exported_at") }), "when it was made"},
		{"no_head", giteaWith(t, func(e mapOf) { delete(e, "head") }), "no export"},
		{"no_pulls", giteaWith(t, func(e mapOf) { delete(e, "pulls") }), "lacks a part"},
		{"no_collaborators", giteaWith(t, func(e mapOf) { e["collaborators"] = nil }), "lacks a part"},
		{"head_is_a_name", giteaWith(t, func(e mapOf) { e["head"] = "main" }), "head"},
		{"commit_twice", giteaWith(t, func(e mapOf) { e["commits"] = append(items(e["commits"]), entry(e["commits"], 0)) }), "stands twice"},
		{"pull_twice", giteaWith(t, func(e mapOf) { e["pulls"] = append(items(e["pulls"]), entry(e["pulls"], 0)) }), "stands twice"},
		{"tag_twice", giteaWith(t, func(e mapOf) { e["tags"] = append(items(e["tags"]), entry(e["tags"], 0)) }), "stands twice"},
		{"merged_as_nothing", giteaWith(t, func(e mapOf) { pullOf(e, 1)["pull"].(mapOf)["merge_commit_sha"] = nil }), "neither when nor"},
		{"text_for_a_number", giteaWith(t, func(e mapOf) { pullOf(e, 1)["pull"].(mapOf)["number"] = "1" }), "number"},
	} {
		t.Run(tc.name, func(t *testing.T) { mustRefuse(t, "gitea", tc.doc, tc.want) })
	}
}

func TestGitTags(t *testing.T) {
	a, b, c := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	digest := func(hex string) criteria.Digest {
		d, err := criteria.ParseDigest("gitCommit:" + hex)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	got := mustRead(t, "git-tags", a+" refs/tags/tools/v1.0.0\n"+b+" refs/tags/v1.0.0\n"+c+" refs/tags/v1.0.0^{}\n").Tags
	want := &criteria.Tags{Items: []criteria.Tag{
		{Name: "tools/v1.0.0", Commit: digest(a)}, {Name: "v1.0.0", Object: digest(b), Commit: digest(c)},
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(x, y criteria.Digest) bool { return x == y })); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	for _, tc := range []struct{ name, doc, want string }{
		{"empty", "", "empty"},
		{"blank", "\n\n", "empty"},
		{"truncated", a + " refs/tags/v1.0.0\n" + b + " refs/ta", "middle of a line"},
		{"truncated_id", a + " refs/tags/v1\n" + b[:20] + " refs/tags/v2\n", "hex digits"},
		{"heads", a + " refs/heads/main\n", "is no tag"},
		{"ls-remote", a + "\trefs/tags/v1.0.0\n", "is no tag"},
		{"gzip", "\x1f\x8b\x08", "gzip"},
		{"json", `[{"name":"v1.0.0"}]` + "\n", "is no tag"},
		{"twice", a + " refs/tags/v1\n" + b + " refs/tags/v1\n", "stands twice"},
		{"twice_with_object", a + " refs/tags/v1\n" + b + " refs/tags/v1^{}\n" + a + " refs/tags/v1\n", "stands twice"},
		{"target_first", a + " refs/tags/v1^{}\n", "own line before"},
		{"target_of_another", a + " refs/tags/v1\n" + b + " refs/tags/v2^{}\n", "own line before"},
		{"two_targets", a + " refs/tags/v1\n" + b + " refs/tags/v1^{}\n" + c + " refs/tags/v1^{}\n", "own line before"},
		{"nameless", a + " refs/tags/\n", "names no tag"},
		{"upper_case", strings.Repeat("A", 40) + " refs/tags/v1\n", "lower-case"},
	} {
		t.Run(tc.name, func(t *testing.T) { mustRefuse(t, "git-tags", tc.doc, tc.want) })
	}
}

func TestChangelog(t *testing.T) {
	on := func(d string) time.Time {
		day, err := time.Parse(time.DateOnly, d)
		if err != nil {
			t.Fatal(err)
		}
		return day
	}
	got := mustRead(t, "changelog", `# Changelog

## [Unreleased]

- Draft

## [1.2.0] - 2026-11-22

### Security (CVE-2026-1111)

- Fixed two things: GO-2021-0113 and ghsa-AAAA-bbbb-cccc, GO-2021-0113.
<!-- CVE-2026-0000 is
not for you -->

`+"```"+`
## 9.9.9 - 2026-01-01
`+"```"+`

## [1.1.1](https://h.invalid/1.1.1) (2026-10-06)
### Added
## [1.1.0] - 2026-13-01 [YANKED]
A <!-- of <b>
### v1.0.1
Small
## What else there is
CVE-2026-2222
# 1.0.0-rc.1
x
[1.2.0]: https://h.invalid/compare/CVE-2026-3333
`).Notes
	want := &criteria.Notes{Entries: []criteria.NotesEntry{
		{Version: "unreleased", Words: 1},
		{Version: "1.2.0", Date: on("2026-11-22"), Words: 9, Vulnerabilities: []string{"CVE-2026-1111", "GO-2021-0113", "GHSA-aaaa-bbbb-cccc"}},
		{Version: "1.1.1", Date: on("2026-10-06")},
		{Version: "1.1.0", Words: 3, Yanked: true},
		{Version: "1.0.1", Words: 1},
		{Version: "1.0.0-rc.1", Words: 1},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	for _, tc := range []struct{ name, doc, want string }{
		{"empty", "", "empty"},
		{"gzip", "\x1f\x8b\x08", "gzip"},
		{"no_versions", "# Changelog\n\n## Unreleased\n- x\n", "no version's heading"},
		{"version_in_prose", "We released 1.2.0 today.\n#### 1.2.0\n", "no version's heading"},
		{"number_of_things", "## 3 things\n## 1.2 and more\n", "no version's heading"},
		{"hidden", "<!--\n## 1.2.0 - 2026-11-22\nx\n-->\n", "no version's heading"},
		{"hidden_to_the_end", "<!--\n## 1.2.0 - 2026-11-22\nx\n", "no version's heading"},
		{"json", `{"version":"1.2.0"}`, "no version's heading"},
		{"utf16", "\xff\xfe#\x00", "UTF-16"},
	} {
		t.Run(tc.name, func(t *testing.T) { mustRefuse(t, "changelog", tc.doc, tc.want) })
	}
	// Ours, as it is.
	data, err := os.ReadFile("../../examples/quickstart/source/CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	e := mustRead(t, "changelog", string(data)).Notes.Entries
	if len(e) != 3 || e[1].Version != "1.2.0" || e[1].Date.IsZero() || e[1].Words == 0 || !slices.Contains(e[1].Vulnerabilities, "CVE-2021-38561") {
		t.Errorf("Read(quickstart) = %+v", e)
	}
}
