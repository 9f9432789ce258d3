package cli

import (
	"fmt"

	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/oci/credentials/helper"
	"github.com/urfave/cli/v2"
)

func verifyCommand(io console.IO) *cli.Command {
	plain := verification.Action(io, helper.Ask)
	return &cli.Command{
		Name: "verify", Usage: "check that artifacts came out of a compliant pipeline", ArgsUsage: "ARTIFACT...",
		Description: verification.Description("hallmark verify") + "\n  hallmark verify -t trust.yaml -a DIR/attestations --replay DIR ARTIFACT" +
			"\n  hallmark verify -t trust.yaml -a attestations --recheck osv.index ARTIFACT",
		Flags: append(append(verification.Flags(),
			&cli.StringFlag{Name: "replay", Usage: "also recompute the decision from the dossier in `DIR`, and hold it against what was signed"}),
			recheckFlags()...),
		Action: func(c *cli.Context) error {
			dir := c.String("replay")
			again, err := prepareRecheck(io, c)
			if err != nil {
				return err
			}
			if dir == "" && again == nil {
				return plain(c)
			}
			if again != nil {
				defer again.index.Close()
			}
			v, subjects, err := verification.Prepare(io, c, helper.Ask)
			if err != nil {
				return err
			}
			report, err := answer.Verify(c.Context, v, subjects)
			if err != nil {
				return err
			}
			if report.Outcome != verification.Verified {
				return verification.Show(io, c, report)
			}
			if dir != "" {
				if err := replayed(dir, report); err != nil {
					return err
				}
			}
			table := func() {
				verification.Table(io, report)
				if dir != "" {
					fmt.Fprintf(io.Out, "replayed: %s gives the signed decision, byte for byte\n", dir)
				}
			}
			if again != nil {
				answers, err := again.run(c.Context, v, report)
				if err != nil {
					return err
				}
				return answers.show(io, c, report, table)
			}
			if c.String("output") != "table" {
				return verification.Show(io, c, report)
			}
			table()
			return verification.Ending(report)
		},
	}
}

// replayed replays the dossier in dir and holds it against what was signed about
// every subject of report.
func replayed(dir string, report answer.Report) error {
	j, err := dossier.Replay(dir, known())
	if err != nil {
		return replayEnding(dir, err)
	}
	for _, s := range report.Subjects {
		if err := bind(j, s.Result); err != nil {
			return &console.ExitError{
				Code: console.Code(err),
				Err:  fmt.Errorf("refused: %s replays, but it is not shown to be the dossier of %s\n%w", dir, s.Name, err),
			}
		}
	}
	return nil
}
