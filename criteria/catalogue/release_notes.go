package catalogue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"golang.org/x/mod/semver"
)

var releaseNotes = criteria.Kind{
	Name:     "release-notes",
	Title:    "The release notes say what changed and what was fixed",
	Doc:      "The notes have a dated entry for this version that is not empty and names every vulnerability of the project that it fixes.",
	Practice: criteria.Releases,
	Level:    criteria.Standard,
	Refs:     []string{"REL-2", "OSPS-BR-04.01", "BPB release_notes_vulns"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactNotes},
	Uses:     []criteria.Fact{criteria.FactExploitability},
	New: func(params []byte) (criteria.Criterion, error) {
		var c releaseNotesCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.Advisories, func(id string) bool { return strings.TrimSpace(id) == "" }) {
			return nil, &criteria.ParamError{Key: "advisories", Msg: "an advisory needs its id"}
		}
		return c, nil
	},
}

type releaseNotesCriterion struct {
	// Advisories are the vulnerabilities that this version fixes, beside those
	// that a VEX document says it fixes.
	Advisories []string `json:"advisories"`
}

// dateLead is how far ahead of the decision an entry's date may lie: it has no
// time zone, and somewhere it is tomorrow already.
const dateLead = 24 * time.Hour

func (c releaseNotesCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var findings []criteria.Finding
	fail := func(id, where, format string, args ...any) {
		findings = append(findings, criteria.Finding{ID: id, Status: criteria.Fail, Where: where, Message: fmt.Sprintf(format, args...)})
	}
	own := strings.TrimPrefix(in.Release.Version, "v")
	var now, before []string // ids that the notes name for this version, and for earlier ones
	words, found, drafted := 0, 0, false
	for _, e := range in.Evidence {
		if e.Facts.Notes == nil {
			continue
		}
		here := 0
		for _, n := range e.Facts.Notes.Entries {
			if n.Version != own {
				drafted = drafted || n.Version == "unreleased" && n.Words > 0
				if earlier(n.Version, own) {
					before = append(before, n.Vulnerabilities...)
				}
				continue
			}
			here++
			words += n.Words
			now = append(now, n.Vulnerabilities...)
			switch {
			case n.Words == 0:
				fail("empty", e.Name, "the entry for %s is empty", own)
			case n.Yanked:
				fail("yanked", e.Name, "the entry for %s says that it was taken back", own)
			}
			switch {
			case n.Date.IsZero():
				fail("undated", e.Name, "the entry for %s has no date: it is still a draft", own)
			case n.Date.After(in.Now.Add(dateLead)):
				fail("date", e.Name, "the entry for %s is dated %s, in the future", own, n.Date.Format(time.DateOnly))
			}
		}
		if here > 1 {
			fail("twice", e.Name, "%d entries are for %s", here, own)
		}
		found += here
	}
	if found == 0 {
		hint := ""
		if drafted {
			hint = ": what is under Unreleased belongs under the version"
		}
		fail("missing", "", "the notes have no entry for %s%s", own, hint)
		return criteria.Conclude("", findings)
	}
	fixes := fixed(in)
	for _, id := range c.Advisories {
		i := slices.IndexFunc(fixes, func(f fix) bool { return f.is(id) })
		if i < 0 {
			i = len(fixes)
			fixes = append(fixes, fix{ids: []string{id}})
		}
		fixes[i].here = true
	}
	for _, f := range fixes {
		if f.in(now) {
			continue
		}
		// VEX keeps saying "fixed" in the releases after the one that fixed it.
		if !f.here && f.in(before) {
			continue
		}
		findings = append(findings, criteria.Finding{
			ID: f.ids[0], Aliases: f.ids[1:], Status: criteria.Fail,
			Message: fmt.Sprintf("the notes for %s do not say that %s is fixed", own, f.ids[0]),
		})
	}
	reason := fmt.Sprintf("the entry for %s has %s", own, count(words, "word"))
	if len(fixes) > 0 {
		var ids []string
		for _, f := range fixes {
			ids = append(ids, f.ids[0])
		}
		reason += " and the notes name what is fixed: " + strings.Join(ids, ", ")
	}
	return criteria.Conclude(reason, findings)
}

// earlier reports whether version is below own; of what is no semantic version
// nothing is known, so it is not.
func earlier(v, own string) bool {
	a, ok := version(v)
	b, both := version(own)
	return ok && both && semver.Compare(a, b) < 0
}

// fix is one vulnerability that the release is said to fix. here is true where
// it is this version that does.
type fix struct {
	ids  []string // its id, then its aliases
	here bool
}

func (f fix) is(id string) bool {
	return slices.ContainsFunc(f.ids, func(own string) bool { return strings.EqualFold(own, id) })
}

func (f fix) in(named []string) bool { return slices.ContainsFunc(named, f.is) }

// fixed returns what VEX documents say is fixed in the release. Of several
// statements about one vulnerability the latest holds
// (https://github.com/openvex/spec/blob/v0.2.0/OPENVEX-SPEC.md); of two at the
// same time, the one that says fixed, which asks more of the notes. Only
// its own author, who has the word on it, can supersede a statement, and none
// from the future does: otherwise whoever can add a document could take back
// what the notes must name.
func fixed(in criteria.Input) []fix {
	type said struct {
		fix
		at     time.Time
		status string
	}
	type name struct{ author, id string }
	var all []said
	at := make(map[name]int)
	for _, e := range in.Evidence {
		if e.Facts.Exploitability == nil {
			continue
		}
		author := cmp.Or(e.Signer, e.Facts.Exploitability.Author)
		for _, s := range e.Facts.Exploitability.Statements {
			if s.Vulnerability == "" || !slices.ContainsFunc(s.Products, func(p criteria.VEXProduct) bool { return isRelease(p, in.Release) }) {
				continue
			}
			one := said{fix{ids: append([]string{s.Vulnerability}, s.Aliases...)}, s.Time, s.Status}
			if one.status != "fixed" && one.at.After(in.Now) {
				continue
			}
			i := -1
			for _, id := range one.ids {
				if have, ok := at[name{author, strings.ToLower(id)}]; ok && (i < 0 || have < i) {
					i = have
				}
			}
			switch {
			case i < 0:
				i = len(all)
				all = append(all, one)
			case one.at.After(all[i].at), one.at.Equal(all[i].at) && one.status == "fixed":
				one.ids = merge(all[i].ids, one.ids)
				all[i] = one
			default:
				all[i].ids = merge(all[i].ids, one.ids)
			}
			for _, id := range one.ids {
				at[name{author, strings.ToLower(id)}] = i
			}
		}
	}
	var out []fix
	seen := make(map[string]bool)
	for _, s := range all {
		if s.status == "fixed" && !seen[strings.ToLower(s.ids[0])] {
			for _, id := range s.ids {
				seen[strings.ToLower(id)] = true
			}
			out = append(out, s.fix)
		}
	}
	return out
}

func merge(a, b []string) []string {
	out := slices.Clone(a)
	for _, id := range b {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func isRelease(p criteria.VEXProduct, rel criteria.Release) bool {
	if p.PURL != "" && rel.IsProduct(p.PURL) {
		return true
	}
	return slices.ContainsFunc(p.Digests, func(d criteria.Digest) bool {
		return slices.ContainsFunc(rel.Subjects(), func(s criteria.Subject) bool { return s.Digest.Matches(d) })
	})
}
