package evidence

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// changelog reads a change log in the form of Keep a Changelog
// (https://keepachangelog.com/en/1.1.0/): Markdown with a heading for each
// version, "## [1.2.0] - 2026-11-20", "[YANKED]" after it where the release was
// taken back. The headings that release tools write, "# [1.3.0](…) (2026-11-20)"
// and "### 1.2.1", are read too, so that one version's notes never count as
// another's.
type changelog struct{}

var _ criteria.Format = changelog{}

func (changelog) Name() string           { return "changelog" }
func (changelog) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactNotes} }

var (
	atxHeading = regexp.MustCompile(`^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$`)
	// versionHeading begins with a full version: "3 small things" is no version.
	versionHeading = regexp.MustCompile(`^\[?v?(\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]*)?)\]?(?:\([^)]*\))?(?:$|[ \t:,-].*$)`)
	unreleased     = regexp.MustCompile(`(?i)^\[?unreleased\]?`)
	day            = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b`)
	fence          = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})")
	linkTarget     = regexp.MustCompile(`^ {0,3}\[[^\]]+\]:`)
	vulnerability  = regexp.MustCompile(`(?i)\b(?:(?:CVE|GO|PYSEC|RUSTSEC|OSV|MAL)-\d{4}-\d{1,12}|GHSA(?:-[0-9a-z]{4}){3})\b`)
)

func (changelog) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxConfig)
	if err != nil {
		return criteria.Facts{}, err
	}
	text := withoutComments(string(data))
	notes := &criteria.Notes{}
	versions := 0
	var entry *criteria.NotesEntry // nil: text that belongs to no version
	open := ""                     // the fence of the code block we are in
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := fence.FindStringSubmatch(line); m != nil {
			switch {
			case open == "":
				open = m[1]
			case strings.HasPrefix(m[1], open) && strings.TrimSpace(line) == m[1]:
				open = ""
			}
			continue
		}
		if m := atxHeading.FindStringSubmatch(line); m != nil && open == "" {
			level, title := len(m[1]), m[2]
			version := versionHeading.FindStringSubmatch(title)
			switch {
			case level <= 3 && version != nil:
				notes.Entries = append(notes.Entries, heading(version[1], title))
				entry = &notes.Entries[len(notes.Entries)-1]
				versions++
			case level <= 2 && unreleased.MatchString(title):
				notes.Entries = append(notes.Entries, criteria.NotesEntry{Version: "unreleased"})
				entry = &notes.Entries[len(notes.Entries)-1]
			case level <= 2:
				entry = nil
			case entry != nil:
				// "### Security" alone says nothing, but an id in it counts.
				mention(entry, title)
			}
			continue
		}
		if entry == nil || linkTarget.MatchString(line) && open == "" {
			continue
		}
		for _, word := range strings.Fields(line) {
			if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
				entry.Words++
			}
		}
		mention(entry, line)
	}
	if versions == 0 {
		return criteria.Facts{}, errors.New("has no version's heading: expected a change log with headings such as ## [1.2.0] - 2026-11-20")
	}
	for i := range notes.Entries {
		notes.Entries[i].Vulnerabilities = unique(notes.Entries[i].Vulnerabilities)
	}
	return criteria.Facts{Notes: notes}, nil
}

// heading reads one version's heading. A date that is none on the calendar
// counts as no date.
func heading(version, title string) criteria.NotesEntry {
	e := criteria.NotesEntry{
		Version: strings.TrimRight(version, ".-+"),
		Yanked:  strings.Contains(strings.ToUpper(title), "[YANKED]"),
	}
	if d := day.FindString(title); d != "" {
		if t, err := time.Parse(time.DateOnly, d); err == nil {
			e.Date = t
		}
	}
	return e
}

func mention(e *criteria.NotesEntry, line string) {
	for _, id := range vulnerability.FindAllString(line, -1) {
		id = strings.ToUpper(id)
		if rest, ok := strings.CutPrefix(id, "GHSA-"); ok {
			id = "GHSA-" + strings.ToLower(rest)
		}
		e.Vulnerabilities = append(e.Vulnerabilities, id)
	}
}

// withoutComments blanks HTML comments, which no reader of the notes sees,
// keeping the lines. One that begins a line and never ends hides all that
// follows; "<!--" elsewhere without an end is text.
func withoutComments(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "<!--")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		hidden, after, ended := strings.Cut(rest, "-->")
		if !ended {
			line := before[strings.LastIndexByte(before, '\n')+1:]
			if strings.TrimSpace(line) != "" {
				b.WriteString(rest)
			}
			return b.String()
		}
		b.WriteString(strings.Repeat("\n", strings.Count(hidden, "\n")))
		text = after
	}
}
