package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/translate"
	"github.com/urfave/cli/v2"
)

func policyCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "policy", Usage: "say a trust file in the words of other admission controllers",
		Description: console.Examples("Translates trust files.", "hallmark policy export --to kyverno -t trust.yaml --image 'r.example/team/*'"),
		Subcommands: []*cli.Command{{
			Name: "export", Usage: "write a trust file as another controller's policy",
			Description: console.Examples(`Writes what a trust file asks for as a policy of Kyverno or of Sigstore's
policy-controller. Neither can say all of it: each thing that cannot be said
stands in the policy as a comment. Read them before you apply it.
hallmark-admission takes the trust file as it is.`,
				"hallmark policy export --to kyverno -t trust.yaml --image 'r.example/team/*'",
				"hallmark policy export --to policy-controller --image 'r.example/**' -o json"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "to", Usage: "the `CONTROLLER`: " + strings.Join(translate.Targets(), " or ")},
				&cli.StringFlag{Name: "trust", Aliases: []string{"t"}, Usage: "what you expect: the trust `FILE`", EnvVars: []string{"HALLMARK_TRUST"}},
				&cli.StringSliceFlag{Name: "image", Usage: "the images that the policy is for: a `PATTERN` as the controller writes them; may be repeated"},
				&cli.StringFlag{Name: "name", Value: "hallmark-release", Usage: "the policy's `NAME` in the cluster"},
				&cli.StringFlag{Name: "out", Usage: "write to `FILE` instead of standard output"},
				console.Output("yaml", "json"),
			},
			Action: func(c *cli.Context) error {
				if err := noArguments(c); err != nil {
					return err
				}
				switch {
				case c.String("to") == "":
					return console.Misused(errors.New("--to is missing: the controller, "+strings.Join(translate.Targets(), " or ")), "see: hallmark policy export --help")
				case c.String("trust") == "":
					return console.Misused(errors.New("--trust is missing: what you expect"), "see: hallmark policy export --help")
				}
				want, err := verification.LoadTrust(c.String("trust"))
				if err != nil {
					return err
				}
				policy, err := translate.Policy(c.String("to"), want, translate.Options{Name: c.String("name"), Images: c.StringSlice("image")})
				if err != nil {
					return console.Misused(fmt.Errorf("translating %s: %w", c.String("trust"), err), "see: hallmark policy export --help")
				}
				if out := c.String("out"); out != "" {
					if err := atomicfile.Write(out, []byte(policy.Text), 0o644); err != nil {
						return console.Unable(err)
					}
					if c.String("output") != "json" {
						return nil
					}
				}
				if c.String("output") == "json" {
					return io.JSON(policy)
				}
				_, err = fmt.Fprint(io.Out, policy.Text)
				return err
			},
		}},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return console.Misused(fmt.Errorf("unknown command %q: known is export", "policy "+c.Args().First()))
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}
