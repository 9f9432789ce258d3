package catalogue

import (
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

func TestReleaseNotes(t *testing.T) {
	yesterday := now.Add(-24 * time.Hour)
	entry := func(edit func(*criteria.NotesEntry)) criteria.NotesEntry {
		e := criteria.NotesEntry{Version: "1.2.0", Date: yesterday, Words: 12, Vulnerabilities: []string{"CVE-2026-0001"}}
		if edit != nil {
			edit(&e)
		}
		return e
	}
	earlier := criteria.NotesEntry{Version: "1.1.0", Date: yesterday, Words: 5, Vulnerabilities: []string{"CVE-2025-9999"}}
	later := criteria.NotesEntry{Version: "1.3.0", Date: yesterday, Words: 5, Vulnerabilities: []string{"CVE-2027-0001"}}
	fixed := func(id string, aliases ...string) criteria.VEXStatement {
		return criteria.VEXStatement{
			Vulnerability: id, Aliases: aliases, Status: "fixed", Time: yesterday,
			Products: []criteria.VEXProduct{{PURL: "pkg:generic/greet@1.2.0"}},
		}
	}
	with := func(s criteria.VEXStatement, f func(*criteria.VEXStatement)) criteria.VEXStatement { f(&s); return s }
	for _, tc := range []struct {
		name    string
		entries []criteria.NotesEntry
		params  string
		vex     []criteria.VEXStatement
		want    criteria.Status
		reason  string
	}{
		{name: "entry", entries: []criteria.NotesEntry{later, entry(nil), earlier}, want: criteria.Pass, reason: "12 words"},
		{name: "missing", entries: []criteria.NotesEntry{earlier}, want: criteria.Fail, reason: "no entry for 1.2.0"},
		{name: "nothing", entries: nil, want: criteria.Fail, reason: "no entry"},
		{name: "unreleased_only", entries: []criteria.NotesEntry{{Version: "unreleased", Words: 9}, earlier}, want: criteria.Fail, reason: "under Unreleased"},
		{name: "candidate_is_another", entries: []criteria.NotesEntry{entry(func(e *criteria.NotesEntry) { e.Version = "1.2.0-rc.1" })}, want: criteria.Fail, reason: "no entry"},
		{name: "empty", entries: []criteria.NotesEntry{entry(func(e *criteria.NotesEntry) { e.Words = 0 })}, want: criteria.Fail, reason: "is empty"},
		{name: "yanked", entries: []criteria.NotesEntry{entry(func(e *criteria.NotesEntry) { e.Yanked = true })}, want: criteria.Fail, reason: "taken back"},
		{name: "undated", entries: []criteria.NotesEntry{entry(func(e *criteria.NotesEntry) { e.Date = time.Time{} })}, want: criteria.Fail, reason: "no date"},
		{name: "tomorrow_somewhere", entries: []criteria.NotesEntry{entry(func(e *criteria.NotesEntry) { e.Date = now.Add(20 * time.Hour) })}, want: criteria.Pass},
		{name: "future", entries: []criteria.NotesEntry{entry(func(e *criteria.NotesEntry) { e.Date = now.Add(25 * time.Hour) })}, want: criteria.Fail, reason: "in the future"},
		{name: "twice", entries: []criteria.NotesEntry{entry(nil), entry(nil)}, want: criteria.Fail, reason: "2 entries"},
		{name: "advisory_named", entries: []criteria.NotesEntry{entry(nil)}, params: "{advisories: [cve-2026-0001]}", want: criteria.Pass, reason: "cve-2026-0001"},
		{name: "advisory_not_named", entries: []criteria.NotesEntry{entry(nil)}, params: "{advisories: [CVE-2026-0002]}", want: criteria.Fail, reason: "CVE-2026-0002 is fixed"},
		{name: "advisory_named_for_another_version", entries: []criteria.NotesEntry{entry(nil), earlier}, params: "{advisories: [CVE-2025-9999]}", want: criteria.Fail, reason: "CVE-2025-9999"},
		{name: "vex_named", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{fixed("CVE-2026-0001")}, want: criteria.Pass},
		{name: "vex_named_by_alias", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{fixed("GHSA-aaaa-bbbb-cccc", "CVE-2026-0001")}, want: criteria.Pass},
		{name: "vex_not_named", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{fixed("CVE-2026-0003")}, want: criteria.Fail, reason: "CVE-2026-0003"},
		{name: "vex_fixed_earlier", entries: []criteria.NotesEntry{entry(nil), earlier}, vex: []criteria.VEXStatement{fixed("CVE-2025-9999")}, want: criteria.Pass},
		{name: "vex_fixed_earlier_but_declared_here", entries: []criteria.NotesEntry{entry(nil), earlier}, params: "{advisories: [CVE-2025-9999]}", vex: []criteria.VEXStatement{fixed("GHSA-aaaa-bbbb-cccc", "CVE-2025-9999")}, want: criteria.Fail},
		{name: "vex_named_for_a_later_version", entries: []criteria.NotesEntry{entry(nil), later}, vex: []criteria.VEXStatement{fixed("CVE-2027-0001")}, want: criteria.Fail},
		{name: "vex_not_fixed", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{with(fixed("CVE-2026-0003"), func(s *criteria.VEXStatement) { s.Status = "not_affected" })}, want: criteria.Pass},
		{name: "vex_of_another_product", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{with(fixed("CVE-2026-0003"), func(s *criteria.VEXStatement) { s.Products[0].PURL = "pkg:generic/other@1.2.0" })}, want: criteria.Pass},
		{name: "vex_of_another_version", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{with(fixed("CVE-2026-0003"), func(s *criteria.VEXStatement) { s.Products[0].PURL = "pkg:generic/greet@1.1.0" })}, want: criteria.Pass},
		{name: "vex_by_digest", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{with(fixed("CVE-2026-0003"), func(s *criteria.VEXStatement) {
			s.Products = []criteria.VEXProduct{{Digests: []criteria.Digest{criteria.DigestOf([]byte("greet"))}}}
		})}, want: criteria.Fail},
		{name: "vex_later_statement_holds", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{
			fixed("CVE-2026-0003"),
			with(fixed("CVE-2026-0003"), func(s *criteria.VEXStatement) { s.Status, s.Time = "affected", now }),
		}, want: criteria.Pass},
		{name: "vex_earlier_statement_does_not", entries: []criteria.NotesEntry{entry(nil)}, vex: []criteria.VEXStatement{
			fixed("CVE-2026-0003"),
			with(fixed("CVE-2026-0003"), func(s *criteria.VEXStatement) { s.Status, s.Time = "affected", yesterday.Add(-time.Hour) }),
		}, want: criteria.Fail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rel := release("v1.2.0", commitID("new"), commitID("old"))
			rel.Resource = "pkg:generic/greet@1.2.0"
			ev := []criteria.Evidence{about(rel.Source.Digest, criteria.Facts{Notes: &criteria.Notes{Entries: tc.entries}}, criteria.FactNotes)}
			if tc.vex != nil {
				ev = append(ev, about(rel.Source.Digest, criteria.Facts{Exploitability: &criteria.Exploitability{Author: "us", Statements: tc.vex}}, criteria.FactExploitability))
			}
			got := ask(t, "release-notes", "standard", tc.params, rel, ev...)
			if got.Status != tc.want || !strings.Contains(got.Reason, tc.reason) {
				t.Errorf("Evaluate(%s) = %v %q, want %v with %q", tc.name, got.Status, got.Reason, tc.want, tc.reason)
			}
		})
	}
	if _, err := releaseNotes.New([]byte(`{"advisories":[""]}`)); err == nil {
		t.Error("New(empty advisory) = nil, want an error")
	}
}
