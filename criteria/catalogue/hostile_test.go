package catalogue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// What a report could say so that a vulnerability is not seen for what it is.
func TestVulnerabilities_disguised(t *testing.T) {
	mid := []criteria.Severity{cvss("CVSS_V3", 5)}
	high := []criteria.Severity{cvss("CVSS_V3", 8)}
	later := flaw("CVE-2024-1", high)
	later.Published = componentsNow.Add(1000 * time.Hour)
	var chained []criteria.Vulnerability
	for i := range maxAliases + 1 {
		chained = append(chained, flaw(fmt.Sprintf("X-%d", i), mid, "X-0"))
	}
	for _, tt := range []struct {
		name, params string
		ev           []criteria.Evidence
		want         criteria.Status
		finding      string
	}{
		{"lower case hides from the list of exploited ones", standardParams, []criteria.Evidence{scan(flaw("cve-2020-9999", mid)), kevOf(time.Hour, "CVE-2020-9999")}, criteria.Fail, "CVE-2020-9999"},
		{"lower case needs the list", standardParams, []criteria.Evidence{scan(flaw("cve-2020-9999", mid))}, criteria.Unknown, "no-exploited-list"},
		{"mixed case is one vulnerability", standardParams, []criteria.Evidence{scan(flaw("GHSA-x", mid, "Cve-2020-9999")), kevOf(time.Hour, "CVE-2020-9999")}, criteria.Fail, "CVE-2020-9999"},
		{"published later than now", standardParams + `,"leeway":{"high":"7d"}`, []criteria.Evidence{scan(later), kevOf(time.Hour, "CVE-1")}, criteria.Fail, "CVE-2024-1"},
		{"a thousand in one", standardParams, []criteria.Evidence{scan(chained...)}, criteria.Unknown, "entangled-names"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newCriterion(t, vulnerabilities, tt.params+"}").Evaluate(componentsInput(t, tt.ev...))
			if o.Status != tt.want || len(o.Findings) != 1 || o.Findings[0].ID != tt.finding {
				t.Errorf("Evaluate() = %v, %v, want %v and the finding %s", o.Status, o.Findings, tt.want, tt.finding)
			}
		})
	}
	// A later statement in another case takes the suppression back.
	o := newCriterion(t, vulnerabilities, standardParams+`,"vexAuthors":["us"]}`).Evaluate(componentsInput(t, scan(flaw("CVE-2024-1", high)), kevOf(time.Hour, "CVE-1"),
		vexBy("us", "",
			says("not_affected", 2*time.Hour, "CVE-2024-1", criteria.VEXProduct{PURL: "pkg:golang/example.com/widget@v1.2.0"}),
			says("affected", time.Hour, "cve-2024-1", criteria.VEXProduct{PURL: "pkg:golang/example.com/widget@v1.2.0"}))))
	if o.Status != criteria.Fail {
		t.Errorf("Evaluate(suppressed, then affected in lower case) = %v, %s, want fail", o.Status, o.Reason)
	}
}

// Only its author takes back that a vulnerability was fixed, and not tomorrow.
func TestReleaseNotes_supersededBy(t *testing.T) {
	rel := release("1.2.0", commitID("head"), criteria.Digest{})
	fixed := criteria.VEXStatement{Vulnerability: "CVE-2026-0003", Status: "fixed", Time: now.Add(-time.Hour), Products: []criteria.VEXProduct{{PURL: "pkg:generic/greet@1.2.0"}}}
	back := fixed
	back.Status, back.Time = "affected", now.Add(-time.Minute)
	tomorrow := back
	tomorrow.Time = now.Add(24 * time.Hour)
	notes := criteria.Evidence{Name: "notes", Facts: criteria.Facts{Notes: &criteria.Notes{Entries: []criteria.NotesEntry{{Version: "1.2.0", Date: now.Add(-time.Hour), Words: 12}}}}}
	for _, tt := range []struct {
		name, author string
		s            criteria.VEXStatement
		want         criteria.Status
	}{
		{"its author", "us", back, criteria.Pass},
		{"a stranger", "mallory", back, criteria.Fail},
		{"from the future", "us", tomorrow, criteria.Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newCriterion(t, releaseNotes, "{}").Evaluate(criteria.Input{
				Release: rel, Subject: rel.Source, Now: now,
				Evidence: []criteria.Evidence{notes, vexBy("us", "", fixed), vexBy(tt.author, "", tt.s)},
			})
			if o.Status != tt.want {
				t.Errorf("Evaluate() = %v, %s, want %v", o.Status, o.Reason, tt.want)
			}
		})
	}
}

func TestPathPattern_hostile(t *testing.T) {
	deep := strings.Repeat("a/", 4000)
	pattern := pathPattern(strings.Repeat("**/a/", 12) + "b")
	start := time.Now()
	if pattern.matches(deep + "c") {
		t.Errorf("%s matches a path that ends in c", pattern)
	}
	if !pattern.matches(deep + "b") {
		t.Errorf("%s does not match a path that ends in b", pattern)
	}
	if took := time.Since(start); took > neverEnding {
		t.Errorf("matching a path of 4000 folders took %v", took)
	}
	for _, tt := range []struct {
		pattern pathPattern
		file    string
		want    bool
	}{
		{"**", "a", true},
		{"**/b", "b", true},
		{"**/b", "a/b", true},
		{"a/**", "a", false},
		{"a/**", "a/b/c", true},
		{"a/**/c", "a/c", true},
		{"a/**/c/**/e", "a/b/c/c/d/e", true},
		{"a/**/c/**/e", "a/b/c/c/d/f", false},
		{"a/**/**/c", "a/c", true},
		{"*/b", "a/c/b", false},
	} {
		if got := tt.pattern.matches(tt.file); got != tt.want {
			t.Errorf("%q matches %q = %t, want %t", tt.pattern, tt.file, got, tt.want)
		}
	}
}

// Many commits without review, many requests, long lists of files, and a long
// baseline cost time in proportion.
func TestCriteria_takeTimeInProportion(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	const n = 20_000
	within := func(name string, f func() criteria.Outcome) {
		t.Helper()
		start := time.Now()
		o := f()
		if took := time.Since(start); took > neverEnding {
			t.Errorf("%s took %v", name, took)
		}
		if o.Status == criteria.Pass {
			t.Errorf("%s: Evaluate() = %v, %s", name, o.Status, o.Reason)
		}
	}
	files := make([]string, n)
	for i := range files {
		files[i] = fmt.Sprintf("f%d", i)
	}
	head := commitID("head")
	ch := &criteria.Changes{Head: head, Complete: true, Branch: "main", Commits: []criteria.Commit{{ID: head, Author: "ada", Files: files}}}
	for i := range n {
		id := commitID(fmt.Sprint("c", i))
		ch.Commits = append(ch.Commits, criteria.Commit{ID: id, Author: "ada", Files: files[:1]})
		ch.Requests = append(ch.Requests, criteria.ChangeRequest{Number: i + 1, Author: "ada", Base: "main", Merged: true, Head: id})
	}
	ch.Requests[0].Merge, ch.Requests[0].Files = head, files
	rel := release("1.2.0", head, criteria.Digest{})
	within("changes-reviewed", func() criteria.Outcome {
		return newCriterion(t, changesReviewed, "{}").Evaluate(criteria.Input{
			Release: rel, Subject: rel.Source, Now: now,
			Evidence: []criteria.Evidence{{Name: "changes", Facts: criteria.Facts{Changes: ch}}},
		})
	})
	var baseline strings.Builder
	results := make([]criteria.ScanResult, n)
	for i := range n {
		fmt.Fprintf(&baseline, `,"%s:a:r:%d"`, head.Hex(), i)
		results[i] = criteria.ScanResult{Rule: "r", Path: "b", Line: i}
	}
	within("no-secrets", func() criteria.Outcome {
		return newCriterion(t, noSecrets, `{"range":"history","baseline":[`+baseline.String()[1:]+`]}`).Evaluate(criteria.Input{
			Release: rel, Subject: rel.Source, Now: now,
			Evidence: []criteria.Evidence{{Name: "secrets", Facts: criteria.Facts{Secrets: &criteria.Scan{Complete: true, Rules: 1, Results: results}}}},
		})
	})
	var statements []criteria.VEXStatement
	for i := range n {
		statements = append(statements, criteria.VEXStatement{Vulnerability: fmt.Sprint("CVE-2026-", i), Status: "fixed", Time: now, Products: []criteria.VEXProduct{{PURL: "pkg:generic/greet@1.2.0"}}})
	}
	within("release-notes", func() criteria.Outcome {
		return newCriterion(t, releaseNotes, "{}").Evaluate(criteria.Input{
			Release: rel, Subject: rel.Source, Now: now,
			Evidence: []criteria.Evidence{vexBy("us", "", statements...), {Name: "notes", Facts: criteria.Facts{Notes: &criteria.Notes{Entries: []criteria.NotesEntry{{Version: "1.2.0", Date: now, Words: 12}}}}}},
		})
	})
}

// neverEnding is how long what must end may take on the slowest of machines: a
// guard against time that explodes, not a measurement.
const neverEnding = 2 * time.Minute
