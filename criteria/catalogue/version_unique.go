package catalogue

import (
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"golang.org/x/mod/semver"
)

var versionUnique = criteria.Kind{
	Name:     "version-unique",
	Title:    "The version is new, higher and tagged on the release commit",
	Doc:      "The release's version is a semantic version above the previous release's, and exactly one tag bears it, on the release commit.",
	Practice: criteria.Releases,
	Level:    criteria.Basic,
	Refs:     []string{"REL-1", "OSPS-BR-02.01"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactTags},
	Params: map[criteria.Level]string{
		criteria.Basic:    `{"lightweight":true}`,
		criteria.Standard: `{"lightweight":false}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var c versionUniqueCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		if strings.ContainsAny(c.Prefix, " \t\n~^:?*[\\") {
			return nil, &criteria.ParamError{Key: "prefix", Msg: fmt.Sprintf("%q can begin no tag", c.Prefix)}
		}
		return c, nil
	},
}

type versionUniqueCriterion struct {
	// Lightweight accepts a tag without an object of its own, which names
	// neither a tagger nor a time and cannot be signed.
	Lightweight bool `json:"lightweight"`
	// Prefix stands before the version in this project's tags: "tools/" where
	// a tag is tools/v1.2.0. The v is optional and not part of it.
	Prefix string `json:"prefix"`
}

func (c versionUniqueCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	own, ok := version(in.Release.Version)
	if !ok {
		return criteria.Conclude("", []criteria.Finding{{
			ID: "not-semantic", Status: criteria.Fail,
			Message: fmt.Sprintf("version %q is no semantic version such as 1.2.0", in.Release.Version),
		}})
	}
	var findings []criteria.Finding
	found := ""
	for _, e := range in.Evidence {
		if e.Facts.Tags == nil {
			continue
		}
		tag, faults := c.judge(e.Facts.Tags.Items, in.Release, own)
		if tag != "" {
			found = tag
		}
		findings = append(findings, faults...)
	}
	reason := fmt.Sprintf("tag %s is on the release commit", found)
	if !in.Release.Previous.Digest.IsZero() {
		reason += " and above the previous release's"
	}
	return criteria.Conclude(reason, findings)
}

// judge looks for the release's tag in one list: where a list disagrees with
// another, one of them shows a tag that was moved.
func (c versionUniqueCriterion) judge(tags []criteria.Tag, rel criteria.Release, own string) (found string, findings []criteria.Finding) {
	fail := func(id, where, format string, args ...any) {
		findings = append(findings, criteria.Finding{ID: id, Status: criteria.Fail, Where: where, Message: fmt.Sprintf(format, args...)})
	}
	var same []criteria.Tag
	lower, previous := "", ""
	previousTagged := false
	for _, t := range tags {
		name, ok := strings.CutPrefix(t.Name, c.Prefix)
		v, semantic := version(name)
		if !ok || !semantic {
			continue
		}
		order := semver.Compare(v, own)
		// Versions that differ only in build metadata have the same
		// precedence (https://semver.org/spec/v2.0.0.html#spec-item-10): to
		// whoever resolves them they are one version twice.
		if order == 0 {
			same = append(same, t)
		}
		if order < 0 && semver.Prerelease(v) == "" && (lower == "" || semver.Compare(v, lower) > 0) {
			lower = v
		}
		if t.Commit.Matches(rel.Previous.Digest) && order != 0 {
			previousTagged = true
			if previous == "" || semver.Compare(v, previous) > 0 {
				previous = v
			}
		}
	}
	switch {
	case len(same) == 0:
		fail("untagged", "", "no tag bears the version %s", rel.Version)
	case len(same) > 1:
		fail("tagged-twice", "", "tags %s and %s bear the same version", same[0].Name, same[1].Name)
	default:
		t := same[0]
		found = t.Name
		if v, _ := version(strings.TrimPrefix(t.Name, c.Prefix)); v != own {
			fail("other-build", t.Name, "the tag of this version is %s, not %s", t.Name, rel.Version)
		}
		if !t.Commit.Matches(rel.Source.Digest) {
			fail("tag-elsewhere", t.Name, "tag %s is on %s, not on the release commit %s", t.Name, t.Commit.Short(), rel.Source.Digest.Short())
		}
		if t.Object.IsZero() && !c.Lightweight {
			fail("lightweight", t.Name, "tag %s has no object of its own, so nobody answers for it: make an annotated one", t.Name)
		}
	}
	switch {
	case rel.Previous.Digest.IsZero() && lower != "":
		fail("previous-unnamed", "", "the release names no previous one, but %s is tagged", strings.TrimPrefix(lower, "v"))
	case rel.Previous.Digest.IsZero():
	case !previousTagged:
		fail("previous-untagged", "", "no tag with a version is on the previous release's commit %s", rel.Previous.Digest.Short())
	case semver.Compare(previous, own) > 0:
		fail("not-higher", "", "version %s is not above %s, the previous release's", rel.Version, strings.TrimPrefix(previous, "v"))
	}
	return found, findings
}

// version returns s, a whole semantic version with or without a leading v, in
// the form that package semver compares. Short forms such as v1.2, which that
// package takes, are no semantic versions.
func version(s string) (string, bool) {
	v := "v" + strings.TrimPrefix(s, "v")
	if !semver.IsValid(v) || semver.Canonical(v)+semver.Build(v) != v {
		return "", false
	}
	return v, true
}
