// Package report shows a decision to people: as a table on a terminal, as
// Markdown in a pipeline's summary, as HTML where it is shared. All show the
// same answers in the same order; none decides anything.
package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// width is the number of columns that a table may take: what fits a terminal
// nobody has widened.
const width = 80

// row is what one line of a report says: the same answer about several
// subjects is one line.
type row struct {
	criterion string
	subjects  []string
	level     criteria.Level
	outcome   criteria.Outcome
}

// rows groups the judgements of d by criterion and answer, in d's order.
func rows(d criteria.Decision) []row {
	var out []row
	for _, j := range d.Judgements {
		if n := len(out); n > 0 && out[n-1].criterion == j.Criterion &&
			out[n-1].outcome.Status == j.Status && alike(out[n-1].outcome, j.Outcome) {
			out[n-1].subjects = append(out[n-1].subjects, j.Subject.Name)
			continue
		}
		out = append(out, row{j.Criterion, []string{j.Subject.Name}, j.Level, j.Outcome})
	}
	return out
}

func alike(a, b criteria.Outcome) bool {
	if a.Reason != b.Reason || len(a.Findings) != len(b.Findings) {
		return false
	}
	for i := range a.Findings {
		x, y := a.Findings[i], b.Findings[i]
		if x.ID != y.ID || x.Where != y.Where || x.Status != y.Status || x.Waiver != y.Waiver {
			return false
		}
	}
	return true
}

// about says which subjects a row is about where that is not plain.
func (r row) about(d criteria.Decision) string {
	switch {
	case len(r.subjects) == 1 && r.subjects[0] == d.Release.Source.Name:
		return ""
	case len(r.subjects) == len(d.Release.Artifacts) && len(r.subjects) > 1:
		return fmt.Sprintf("all %d artifacts", len(r.subjects))
	case len(r.subjects) == len(d.Release.Artifacts):
		return r.subjects[0]
	case len(r.subjects) > 3:
		return fmt.Sprintf("%s and %d more", r.subjects[0], len(r.subjects)-1)
	}
	return strings.Join(r.subjects, ", ")
}

// details are the lines below a row that a person needs in order to act.
func (r row) details(all bool) []string {
	var out []string
	const most = 10
	if r.outcome.Status != criteria.Pass || all {
		for i, f := range r.outcome.Findings {
			if i == most && !all {
				out = append(out, fmt.Sprintf("and %d more findings: see decision.json", len(r.outcome.Findings)-most))
				break
			}
			line := f.Status.String() + ": " + f.ID
			if f.Waiver != "" {
				line = "waived by " + f.Waiver + ": " + f.ID
			}
			if f.Where != "" {
				line += " at " + f.Where
			}
			if f.Message != "" && !strings.Contains(r.outcome.Reason, f.Message) {
				line += ": " + f.Message
			}
			out = append(out, line)
		}
	}
	out = append(out, r.outcome.Notes...)
	if all && len(r.outcome.Vouched) > 0 {
		out = append(out, "only the pipeline says what these are about: "+strings.Join(r.outcome.Vouched, ", "))
	}
	return out
}

// Options say how to show a decision.
type Options struct {
	// Color marks answers with colour.
	Color bool
	// All shows every finding and note, also of what passed.
	All bool
}

// Table shows d in at most 80 columns.
func Table(w io.Writer, d criteria.Decision, o Options) error {
	paint := func(s criteria.Status, word string) string {
		if !o.Color {
			return word
		}
		return color(s).Sprint(word)
	}
	as := "judged as of " + d.Time.Format(time.RFC3339)
	if d.TimeDeclared {
		as += " (declared)"
	}
	fmt.Fprintf(w, "%s %s, profile %s, %s\n\n", d.Release.Name, d.Release.Version, d.Policy.Profile, as)

	t := table.NewWriter()
	t.SetStyle(table.StyleDefault)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = "", "  "
	all := rows(d)
	first, second := len("CRITERION"), len("OUTCOME")
	for _, r := range all {
		first, second = max(first, len(r.criterion)), max(second, len(r.outcome.Status.String()))
	}
	first = min(first, 28)
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, WidthMax: first, WidthMaxEnforcer: text.WrapSoft},
		{Number: 2, WidthMax: second},
		{Number: 3, WidthMax: width - first - second - 6, WidthMaxEnforcer: wrap},
	})
	t.AppendHeader(table.Row{"criterion", "outcome", "why"})
	for _, r := range all {
		why := r.outcome.Reason
		if a := r.about(d); a != "" && !strings.HasSuffix(why, " "+a) {
			why += " (" + a + ")"
		}
		for _, line := range r.details(o.All) {
			if line != r.outcome.Reason {
				why += "\n- " + line
			}
		}
		t.AppendRow(table.Row{r.criterion, paint(r.outcome.Status, r.outcome.Status.String()), why})
	}
	for _, line := range strings.Split(t.Render(), "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	fmt.Fprintln(w)
	for _, warning := range warnings(d) {
		fmt.Fprintln(w, wrap("warning: "+warning, width))
	}
	if len(d.Warnings) > 0 {
		fmt.Fprintln(w)
	}
	verdict, status := "PASSED", criteria.Pass
	switch {
	case d.CouldNotTell():
		verdict, status = "COULD NOT TELL", criteria.Unknown
	case !d.Passed:
		verdict, status = "FAILED", criteria.Fail
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", paint(status, verdict), Summary(d))
	return err
}

// warnings are d's, with those that say the same of several reports in one.
func warnings(d criteria.Decision) []string {
	const unused = " was read but no criterion used it"
	var out, names []string
	for _, w := range d.Warnings {
		if name, ok := strings.CutSuffix(w, unused); ok {
			names = append(names, name)
			continue
		}
		out = append(out, w)
	}
	switch len(names) {
	case 0:
	case 1:
		out = append(out, names[0]+unused)
	default:
		out = append(out, fmt.Sprintf("no criterion used these %d reports: %s", len(names), strings.Join(names, ", ")))
	}
	return out
}

// Summary is one line: levels reached, and how many answers of each kind.
func Summary(d criteria.Decision) string {
	var counts []string
	for _, s := range []criteria.Status{
		criteria.Pass, criteria.Waived, criteria.Warn, criteria.NotApplicable,
		criteria.Fail, criteria.Unknown, criteria.NeedsReview, criteria.Faulty,
	} {
		if n := len(d.Criteria(s)); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, s))
		}
	}
	reached := "no level reached"
	if n := len(d.Levels); n > 0 {
		reached = "level " + d.Levels[n-1].String()
	}
	return reached + "; criteria: " + strings.Join(counts, ", ")
}

// wrap breaks s into lines of at most n columns, at spaces where there are any.
func wrap(s string, n int) string {
	var out []string
	for i, line := range strings.Split(s, "\n") {
		wrapped := text.WrapSoft(line, n)
		if i > 0 && strings.HasPrefix(line, "- ") {
			wrapped = strings.ReplaceAll(text.WrapSoft(line, n-2), "\n", "\n  ")
		}
		for l := range strings.SplitSeq(wrapped, "\n") {
			out = append(out, strings.TrimRight(l, " "))
		}
	}
	return strings.Join(out, "\n")
}

func color(s criteria.Status) text.Colors {
	switch s {
	case criteria.Pass:
		return text.Colors{text.FgGreen}
	case criteria.Fail, criteria.Faulty:
		return text.Colors{text.FgRed, text.Bold}
	case criteria.NotApplicable:
		return text.Colors{text.Faint}
	}
	return text.Colors{text.FgYellow}
}

// Markdown shows d for a pipeline's summary or a release page.
func Markdown(w io.Writer, d criteria.Decision) error {
	verdict := "PASSED"
	switch {
	case d.CouldNotTell():
		verdict = "COULD NOT TELL"
	case !d.Passed:
		verdict = "FAILED"
	}
	fmt.Fprintf(w, "## %s %s: %s\n\n", cell(d.Release.Name), cell(d.Release.Version), verdict)
	fmt.Fprintf(w, "Profile %s, judged as of %s. %s.\n\n", d.Policy.Profile, d.Time.Format(time.RFC3339), Summary(d))
	fmt.Fprintf(w, "| criterion | outcome | why |\n| --- | --- | --- |\n")
	for _, r := range rows(d) {
		why := cell(r.outcome.Reason)
		if a := r.about(d); a != "" {
			why += " (" + cell(a) + ")"
		}
		for _, line := range r.details(false) {
			if line != r.outcome.Reason {
				why += "<br>" + cell(line)
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", r.criterion, r.outcome.Status, why)
	}
	for _, warning := range warnings(d) {
		fmt.Fprintf(w, "\n> warning: %s\n", cell(warning))
	}
	return nil
}

// cell makes text from a report harmless inside a Markdown table: it must not
// end the cell, and must not become markup of its own.
var cellEscaper = strings.NewReplacer("\n", " ", "\r", " ", "|", `\|`, "<", "&lt;", ">", "&gt;", "`", "'", "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`, "!", `\!`)

func cell(s string) string { return cellEscaper.Replace(s) }
