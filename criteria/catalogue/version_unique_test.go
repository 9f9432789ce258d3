package catalogue

import (
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
	"pgregory.net/rapid"
)

func annotated(name, commit string) criteria.Tag {
	return criteria.Tag{Name: name, Object: commitID("tag " + name), Commit: commitID(commit)}
}

func lightweight(name, commit string) criteria.Tag {
	return criteria.Tag{Name: name, Commit: commitID(commit)}
}

func TestVersionUnique(t *testing.T) {
	old := annotated("v1.1.0", "old")
	for _, tc := range []struct {
		name, version, profile, params string
		tags                           []criteria.Tag
		first                          bool
		want                           criteria.Status
		reason                         string
	}{
		{name: "annotated", tags: []criteria.Tag{old, annotated("v1.2.0", "new")}, want: criteria.Pass, reason: "tag v1.2.0"},
		{name: "v_in_version_only", version: "v1.2.0", tags: []criteria.Tag{annotated("1.1.0", "old"), annotated("1.2.0", "new")}, want: criteria.Pass},
		{name: "among_others", tags: []criteria.Tag{annotated("nightly", "new"), old, annotated("v1.2.0", "new"), annotated("v2.0.0", "x"), annotated("v1", "new")}, want: criteria.Pass},
		{name: "maintenance_line", version: "1.1.1", tags: []criteria.Tag{old, annotated("v1.1.1", "new"), annotated("v2.0.0", "x")}, want: criteria.Pass},
		{name: "candidate_to_final", tags: []criteria.Tag{annotated("v1.2.0-rc.1", "old"), annotated("v1.2.0", "new")}, want: criteria.Pass},
		{name: "first", first: true, tags: []criteria.Tag{annotated("v1.2.0", "new")}, want: criteria.Pass},
		{name: "first_after_candidate", first: true, tags: []criteria.Tag{annotated("v1.2.0-rc.1", "x"), annotated("v1.2.0", "new")}, want: criteria.Pass},
		{name: "first_but_not", first: true, tags: []criteria.Tag{old, annotated("v1.2.0", "new")}, want: criteria.Fail, reason: "1.1.0 is tagged"},
		{name: "untagged", tags: []criteria.Tag{old}, want: criteria.Fail, reason: "no tag bears"},
		{name: "no_tags", tags: []criteria.Tag{}, want: criteria.Fail},
		{name: "moved", tags: []criteria.Tag{old, annotated("v1.2.0", "elsewhere")}, want: criteria.Fail, reason: "not on the release commit"},
		{name: "twice", tags: []criteria.Tag{old, annotated("v1.2.0", "new"), annotated("1.2.0", "new")}, want: criteria.Fail, reason: "bear the same version"},
		{name: "build_metadata_twice", version: "1.2.0+a", tags: []criteria.Tag{old, annotated("v1.2.0+a", "new"), annotated("v1.2.0+b", "x")}, want: criteria.Fail, reason: "bear the same version"},
		{name: "other_build_metadata", version: "1.2.0+a", tags: []criteria.Tag{old, annotated("v1.2.0+b", "new")}, want: criteria.Fail, reason: "not 1.2.0+a"},
		{name: "lower", version: "1.0.9", tags: []criteria.Tag{old, annotated("v1.0.9", "new")}, want: criteria.Fail, reason: "not above 1.1.0"},
		{name: "as_text_higher", version: "1.9.0", tags: []criteria.Tag{annotated("v1.10.0", "old"), annotated("v1.9.0", "new")}, want: criteria.Fail, reason: "not above 1.10.0"},
		{name: "previous_untagged", tags: []criteria.Tag{annotated("v1.1.0", "x"), annotated("v1.2.0", "new")}, want: criteria.Fail, reason: "previous release's commit"},
		{name: "previous_tagged_without_version", tags: []criteria.Tag{annotated("latest", "old"), annotated("v1.2.0", "new")}, want: criteria.Fail, reason: "previous release's commit"},
		{name: "not_semantic", version: "2026.11", tags: []criteria.Tag{old, annotated("2026.11", "new")}, want: criteria.Fail, reason: "no semantic version"},
		{name: "leading_zero", version: "1.02.0", tags: []criteria.Tag{old, annotated("v1.02.0", "new")}, want: criteria.Fail, reason: "no semantic version"},
		{name: "lightweight_basic", profile: "basic", tags: []criteria.Tag{old, lightweight("v1.2.0", "new")}, want: criteria.Pass},
		{name: "lightweight_standard", tags: []criteria.Tag{old, lightweight("v1.2.0", "new")}, want: criteria.Fail, reason: "no object of its own"},
		{name: "lightweight_allowed", params: "{lightweight: true}", tags: []criteria.Tag{old, lightweight("v1.2.0", "new")}, want: criteria.Pass},
		{name: "prefix", params: "{prefix: tools/}", tags: []criteria.Tag{annotated("tools/v1.1.0", "old"), annotated("tools/v1.2.0", "new"), annotated("v1.2.0", "x")}, want: criteria.Pass},
		{name: "prefix_of_another", params: "{prefix: tools/}", tags: []criteria.Tag{old, annotated("v1.2.0", "new")}, want: criteria.Fail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			version, profile, previous := tc.version, tc.profile, commitID("old")
			if version == "" {
				version = "1.2.0"
			}
			if profile == "" {
				profile = "standard"
			}
			if tc.first {
				previous = criteria.Digest{}
			}
			got := ask(t, "version-unique", profile, tc.params, release(version, commitID("new"), previous),
				about(commitID("new"), criteria.Facts{Tags: &criteria.Tags{Items: tc.tags}}, criteria.FactTags))
			if got.Status != tc.want || !strings.Contains(got.Reason, tc.reason) {
				t.Errorf("Evaluate(%s) = %v %q, want %v with %q", tc.name, got.Status, got.Reason, tc.want, tc.reason)
			}
		})
	}
}

// Two lists that disagree show that a tag was moved: neither is believed alone.
func TestVersionUnique_lists(t *testing.T) {
	list := func(tags ...criteria.Tag) criteria.Evidence {
		return about(commitID("new"), criteria.Facts{Tags: &criteria.Tags{Items: tags}}, criteria.FactTags)
	}
	old := annotated("v1.1.0", "old")
	good, moved := list(old, annotated("v1.2.0", "new")), list(old, annotated("v1.2.0", "elsewhere"))
	rel := release("1.2.0", commitID("new"), commitID("old"))
	if got := ask(t, "version-unique", "basic", "", rel, good, moved); got.Status != criteria.Fail {
		t.Errorf("Evaluate(good, moved) = %v, want %v", got.Status, criteria.Fail)
	}
	if _, err := versionUnique.New([]byte(`{"prefix":"a b"}`)); err == nil {
		t.Error("New(prefix with a space) = nil, want an error")
	}
}

func TestVersionUnique_anotherTagNeverHelps(t *testing.T) {
	names := rapid.SampledFrom([]string{"v1.0.0", "v1.1.0", "1.2.0", "v1.2.0", "v1.2.0+x", "v1.3.0", "latest"})
	commits := rapid.SampledFrom([]string{"old", "new", "elsewhere"})
	rapid.Check(t, func(rt *rapid.T) {
		tags := []criteria.Tag{annotated("v1.1.0", "old"), annotated("v1.2.0", commits.Draw(rt, "commit"))}
		rel := release("1.2.0", commitID("new"), commitID("old"))
		judge := func() criteria.Status {
			return ask(t, "version-unique", "standard", "", rel,
				about(commitID("new"), criteria.Facts{Tags: &criteria.Tags{Items: tags}}, criteria.FactTags)).Status
		}
		before := judge()
		tags = append(tags, annotated(names.Draw(rt, "name"), commits.Draw(rt, "on")))
		if after := judge(); before == criteria.Fail && after == criteria.Pass {
			rt.Fatalf("Evaluate with %v = %v, without it %v", tags[2], after, before)
		}
	})
}
