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
		Description: verification.Description("hallmark verify") + "\n  hallmark verify -t trust.yaml -a DIR/attestations --replay DIR ARTIFACT",
		Flags: append(verification.Flags(),
			&cli.StringFlag{Name: "replay", Usage: "also recompute the decision from the dossier in `DIR`, and hold it against what was signed"}),
		Action: func(c *cli.Context) error {
			dir := c.String("replay")
			if dir == "" {
				return plain(c)
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
			if err := verification.Show(io, c, report); err != nil {
				return err
			}
			if c.String("output") == "table" {
				fmt.Fprintf(io.Out, "replayed: %s gives the signed decision, byte for byte\n", dir)
			}
			return nil
		},
	}
}
