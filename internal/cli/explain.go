package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/oci/credentials/helper"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

func explainCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "say how hallmark verify comes to its answer", ArgsUsage: "ARTIFACT...",
		Description: console.Examples(`Verifies as hallmark verify does, with the same flags and the same exit codes,
and shows the way of each bundle that was found: what was read, who signed, who
witnessed it, what the verdict says and how it fares against the trust file; of
one that did not count, up to where it stopped and why.`,
			"hallmark explain -t trust.yaml -a attestations greet_1.2.0_linux_amd64",
			"hallmark explain -t trust.yaml -o json registry.example/greet/greet:1.2.0"),
		Flags: append([]cli.Flag{console.Output("table", "json")}, verification.AskFlags()...),
		Action: func(c *cli.Context) error {
			v, subjects, err := verification.Prepare(io, c, helper.Ask)
			if err != nil {
				return err
			}
			report, err := explained(c, v, subjects)
			if err != nil {
				return err
			}
			if c.String("output") == "json" {
				if err := io.JSON(report); err != nil {
					return err
				}
			} else {
				b := brushOf(io)
				for i, s := range report.Subjects {
					if i > 0 {
						fmt.Fprintln(io.Out)
					}
					b.subject(io.Out, s)
				}
			}
			return verification.Ending(verification.Report{Outcome: report.Outcome})
		},
	}
}

// Explained is how the answers about several subjects came about.
type Explained struct {
	Outcome  string             `json:"outcome"`
	Subjects []ExplainedSubject `json:"subjects"`
}

// ExplainedSubject is how the answer about one came about.
type ExplainedSubject struct {
	Name        string              `json:"name"`
	Digest      criteria.Digest     `json:"digest"`
	Outcome     string              `json:"outcome"`
	Explanation *verify.Explanation `json:"explanation,omitempty"`
	Error       string              `json:"error,omitempty"`
}

func explained(c *cli.Context, v *verify.Verifier, subjects []criteria.Subject) (Explained, error) {
	report := Explained{Outcome: verification.Verified}
	for _, s := range subjects {
		if err := c.Context.Err(); err != nil {
			return Explained{}, err
		}
		out := ExplainedSubject{Name: s.Name, Digest: s.Digest, Outcome: verification.Verified}
		e, err := v.Explain(c.Context, s.Digest)
		switch {
		case err != nil:
			out.Outcome, out.Error = verification.Unknown, err.Error()
			if report.Outcome == verification.Verified {
				report.Outcome = verification.Unknown
			}
		case !e.Verified:
			out.Outcome, report.Outcome = verification.Refused, verification.Refused
		}
		out.Explanation = e
		report.Subjects = append(report.Subjects, out)
	}
	return report, nil
}

// brush draws trees: with lines and signs where the terminal has them, else in
// ASCII.
type brush struct {
	passed, stopped, unasked     string
	branch, last, through, space string
}

// brushOf chooses by the locale, as the C library does.
func brushOf(io console.IO) brush {
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale = io.Env(name); locale != "" {
			break
		}
	}
	locale = strings.ToLower(strings.ReplaceAll(locale, "-", ""))
	if strings.Contains(locale, "utf8") && io.Env("TERM") != "dumb" {
		return brush{
			passed: io.Paint(console.Green, "✓"), stopped: io.Paint(console.Red, "✗"), unasked: "·",
			branch: "├─ ", last: "└─ ", through: "│  ", space: "   ",
		}
	}
	return brush{
		passed: io.Paint(console.Green, "+"), stopped: io.Paint(console.Red, "x"), unasked: "-",
		branch: "|- ", last: "`- ", through: "|  ", space: "   ",
	}
}

// columns is how wide a tree may be.
const columns = 80

func (b brush) subject(w io.Writer, s ExplainedSubject) {
	fmt.Fprintf(w, "%s %s\n", s.Outcome, s.Name)
	if !strings.Contains(s.Name, s.Digest.String()) {
		fmt.Fprintln(w, s.Digest)
	}
	if s.Explanation == nil {
		b.text(w, "  ", "  ", s.Error)
		return
	}
	e := s.Explanation
	// What decided is what people look for first.
	paths := slices.Clone(e.Paths)
	slices.SortStableFunc(paths, func(a, b verify.Path) int { return rank(a) - rank(b) })
	var branches []func(lead, under string)
	for _, p := range paths {
		branches = append(branches, func(lead, under string) { b.path(w, lead, under, p) })
	}
	for _, r := range e.Requirements {
		branches = append(branches, func(lead, under string) {
			name := r.Name
			if name == "" {
				name = r.PredicateType
			}
			fmt.Fprintf(w, "%s%s required %s %s\n", lead, b.passed, r.Kind, name)
			for _, d := range r.Statements {
				b.fact(w, under+"  ", "statement", d.String())
			}
			for _, who := range r.Signers {
				b.fact(w, under+"  ", "signed by", who.String())
			}
		})
	}
	for _, r := range e.References {
		branches = append(branches, func(lead, under string) {
			sign := b.unasked
			if r.State == verify.Found {
				sign = b.passed
			}
			name := r.Name
			if name == "" {
				name = r.MediaType
			}
			fmt.Fprintf(w, "%s%s document %s\n", lead, sign, name)
			b.fact(w, under+"  ", "digest", r.Digest.String())
			b.fact(w, under+"  ", "state", verification.Became(r))
		})
	}
	for _, r := range e.Reasons {
		branches = append(branches, func(lead, under string) {
			b.text(w, lead+b.stopped+" "+r.Code+": ", under+"  ", r.Message)
		})
	}
	for i, draw := range branches {
		if i == len(branches)-1 {
			draw(b.last, b.space)
		} else {
			draw(b.branch, b.through)
		}
	}
}

func (b brush) path(w io.Writer, lead, trunk string, p verify.Path) {
	what := "did not count"
	switch {
	case p.Decided && len(p.Reasons) == 0:
		what = "decided"
	case p.Decided:
		what = "decided, and is a no"
	case len(p.Reasons) == 0:
		what = "counts"
	}
	if kind := predicate(p); kind != "" {
		what += ": " + kind
	}
	b.text(w, lead+"bundle "+p.Bundle.Short()+" ", trunk, what)
	if !p.Verified {
		fmt.Fprintf(w, "%sno trusted signature: what follows is what it says of itself\n", trunk)
	}
	left := unreached(p)
	steps := together(p.Steps)
	for i, s := range steps {
		lead, under := trunk+b.branch, trunk+b.through
		if i == len(steps)-1 && left == "" {
			lead, under = trunk+b.last, trunk+b.space
		}
		sign := b.passed
		switch s.State {
		case verify.Stopped:
			sign = b.stopped
		case verify.Unasked:
			sign = b.unasked
		}
		note := ""
		if s.State == verify.Unasked {
			note = ": not asked"
		}
		fmt.Fprintf(w, "%s%s %s%s\n", lead, sign, s.Step, note)
		b.facts(w, under+"  ", s.Facts)
		if s.State == verify.Stopped {
			for _, r := range p.Reasons {
				b.text(w, under+"  "+r.Code+": ", under+"    ", r.Message)
			}
		}
	}
	if left != "" {
		b.text(w, trunk+b.last+"not reached: ", trunk+b.space+"  ", left)
	}
}

// rank is where p stands among the others: what decided, then what got furthest
// of the verdicts, then the rest.
func rank(p verify.Path) int {
	steps := verify.Steps()
	switch {
	case p.Decided:
		return -len(steps)
	case len(p.Reasons) > 0:
		return -slices.Index(steps, p.Reasons[0].Reached)
	}
	return 1
}

// predicate is the type of p's statement, empty where it was not read.
func predicate(p verify.Path) string {
	for _, s := range p.Steps {
		for _, f := range s.Facts {
			if s.Step == verify.StepStatement && f.Name == "predicate" {
				return f.Value
			}
		}
	}
	return ""
}

// together are steps with those that were not asked, one after the other, as one.
func together(steps []verify.StepReport) []verify.StepReport {
	var out []verify.StepReport
	for _, s := range steps {
		if n := len(out); s.State == verify.Unasked && n > 0 && out[n-1].State == verify.Unasked {
			out[n-1].Step += ", " + s.Step
			continue
		}
		out = append(out, s)
	}
	return out
}

// unreached are the steps that p did not get to.
func unreached(p verify.Path) string {
	if len(p.Steps) == 0 || len(p.Reasons) == 0 {
		return ""
	}
	steps := verify.Steps()
	var names []string
	for _, s := range steps[slices.Index(steps, p.Steps[len(p.Steps)-1].Step)+1:] {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// factColumn is how wide the names of facts are.
const factColumn = 15

// facts writes facts, those of one name together.
func (b brush) facts(w io.Writer, under string, facts []verify.Fact) {
	for i := 0; i < len(facts); i++ {
		name, value := facts[i].Name, facts[i].Value
		for name == "criterion" && i+1 < len(facts) && facts[i+1].Name == name {
			i++
			value += ", " + facts[i].Value
		}
		b.fact(w, under, name, value)
	}
}

// fact writes one fact; -o json has digests whole.
func (b brush) fact(w io.Writer, under, name, value string) {
	if d, err := criteria.ParseDigest(value); err == nil {
		value = d.Short()
	}
	b.text(w, fmt.Sprintf("%s%-*s", under, factColumn, name), under+strings.Repeat(" ", factColumn), value)
}

// text writes text behind first, broken to the width: rest begins the lines after
// the first. A word that is too long for a line is broken, too.
func (b brush) text(w io.Writer, first, rest, text string) {
	room := max(20, columns-max(width(first), width(rest)))
	lead := first
	for _, line := range console.Wrap(text, room) {
		runes := []rune(line)
		for {
			n := min(len(runes), room)
			fmt.Fprintf(w, "%s%s\n", lead, string(runes[:n]))
			lead = rest
			if runes = runes[n:]; len(runes) == 0 {
				break
			}
		}
	}
}

// width is how many columns s takes: colours take none.
func width(s string) int {
	n, inside := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			inside = true
		case inside:
			inside = r != 'm'
		default:
			n++
		}
	}
	return n
}
