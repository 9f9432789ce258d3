package cli

import (
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/urfave/cli/v2"
)

func trustCommand(io console.IO) *cli.Command {
	commands := []*cli.Command{trustInitCommand(io), trustCheckCommand(io), trustRootCommand(io)}
	return &cli.Command{
		Name: "trust", Usage: "say whom you trust",
		Description: console.Examples("Writes trust files, says what they accept, keeps the trusted roots they name.",
			"hallmark trust init --from greet_1.2.0_linux_amd64 -a attestations",
			"hallmark trust check trust.yaml",
			"hallmark trust root"),
		Subcommands: commands,
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return cli.ShowSubcommandHelp(c)
			}
			var names []string
			for _, cmd := range commands {
				names = append(names, cmd.Name)
			}
			return console.Misused(fmt.Errorf("unknown command %q%s", "trust "+c.Args().First(), strings.Replace(didYouMean(c.Args().First(), names), "known are", "known after trust are", 1)),
				"see: hallmark trust --help")
		},
	}
}
