package cli

import (
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/report"
	"github.com/urfave/cli/v2"
)

func evaluateCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "evaluate", Usage: "judge a release by its policy",
		Description: console.Examples(`Reads the release and its evidence, answers every question of the policy, and
writes the decision with all that it rests on into a dossier. Nothing is signed.
Exit codes: 0 passed, 1 failed, 2 usage, 3 could not tell.`,
			"hallmark evaluate -f hallmark.yaml",
			"hallmark evaluate -f hallmark.yaml --at 2026-11-22T12:00:00Z -o json",
			"hallmark evaluate -o html > report.html"),
		Flags: append([]cli.Flag{
			fileFlag(), outFlag(), atFlag(), allFlag(), console.Output("table", "json", "markdown", "html"),
		}, verification.AccessFlags()...),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			f, g, err := load(io, c)
			if err != nil {
				return err
			}
			j, err := judgeStage(io, c, f, g)
			if err != nil {
				return err
			}
			if err := dossier.Replace(c.String("out"), j.Write); err != nil {
				return fmt.Errorf("writing the dossier: %w", err)
			}
			if err := showDecision(io, c, j.Decision); err != nil {
				return err
			}
			sayRefused(io, j.Decision)
			if j.Decision.Passed && c.String("output") == "table" {
				fmt.Fprintf(io.Out, "\nNext: sign what was found, or do that and all the rest at once\n  hallmark attest%[1]s\n  hallmark release%[1]s\n", sameFlags(c))
			}
			return decided(j.Decision)
		},
	}
}

// sameFlags are the flags that the next command needs to go on with the same
// release and dossier.
func sameFlags(c *cli.Context) string {
	out := " -f " + quote(c.String("file"))
	if c.IsSet("out") {
		out += " --out " + quote(c.String("out"))
	}
	return out
}

func allFlag() cli.Flag {
	return &cli.BoolFlag{Name: "all", Usage: "show every finding and note, also of what passed"}
}

func showDecision(io console.IO, c *cli.Context, d criteria.Decision) error {
	switch c.String("output") {
	case "json":
		data, err := d.Encode()
		if err == nil {
			_, err = io.Out.Write(data)
		}
		return err
	case "markdown":
		return report.Markdown(io.Out, d)
	case "html":
		return report.HTML(io.Out, d)
	}
	return report.Table(io.Out, d, report.Options{Color: io.Color, All: c.Bool("all")})
}

// sayRefused says on the error stream why a release was not passed, in the form
// that a log or a pipeline keeps: one line for each criterion.
func sayRefused(io console.IO, d criteria.Decision) {
	if d.Passed {
		return
	}
	what := "refused"
	if d.CouldNotTell() {
		what = "could not tell"
	}
	fmt.Fprintf(io.Err, "hallmark: %s: %s %s\n", what, d.Release.Name, d.Release.Version)
	defer func() {
		for _, h := range hints(d) {
			fmt.Fprintf(io.Err, "hallmark: hint: %s\n", h)
		}
	}()
	if io.Terminal {
		return // the table above says the rest
	}
	seen := make(map[string]bool)
	for _, j := range d.Judgements {
		if j.Status.Satisfied() {
			continue
		}
		line := fmt.Sprintf("  %s  %s  %s", j.Criterion, j.Status, j.Reason)
		if seen[line] {
			continue
		}
		seen[line] = true
		fmt.Fprintln(io.Err, line)
		for _, n := range j.Notes {
			if !strings.Contains(j.Reason, n) && !seen[j.Criterion+n] {
				seen[j.Criterion+n] = true
				fmt.Fprintln(io.Err, "    "+n)
			}
		}
	}
}
