// Package cli is the command line of hallmark: one file a subcommand. Commands
// parse flags, call the packages that do the work, and show what those return;
// release is the sum of the others and calls the same stages.
package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/hallmark-project/hallmark/criteria/catalogue"
	"github.com/hallmark-project/hallmark/criteria/evidence"
	"github.com/hallmark-project/hallmark/criteria/expression"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/urfave/cli/v2"
)

// Main runs hallmark with args, the program's name first, and returns the exit
// code.
func Main(args []string, io console.IO) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Asked once, we end in order; asked again, at once.
	context.AfterFunc(ctx, stop)
	io = io.Watched()
	return io.Run(ctx, app(io), args)
}

// known is what this program judges with.
func known() dossier.Catalogue {
	return dossier.Catalogue{Kinds: catalogue.All(), Formats: evidence.All(), Compile: expression.Compile}
}

func app(io console.IO) *cli.App {
	return &cli.App{
		Name:  "hallmark",
		Usage: "judge a release, sign what was found, and check that it was",
		Description: console.Examples(`Judges a release against its release criteria, signs what it found as in-toto
attestations, and lets anyone check that an artifact came out of a compliant
pipeline. Exit codes: 0 yes, 1 no, 2 usage or configuration, 3 could not tell.`,
			"hallmark init",
			"hallmark release -f hallmark.yaml",
			"hallmark verify --trust trust.yaml --attestations attestations ARTIFACT"),
		Commands: []*cli.Command{
			initCommand(io), criteriaCommand(io), keyCommand(io), releaseCommand(io),
			evaluateCommand(io), attestCommand(io), publishCommand(io),
			verifyCommand(io), explainCommand(io), trustCommand(io), policyCommand(io), copyCommand(io), replayCommand(io), advisoriesCommand(io), inspectCommand(io), versionCommand(io),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				var names []string
				for _, cmd := range c.App.Commands {
					names = append(names, cmd.Name)
				}
				return console.Misused(fmt.Errorf("unknown command %q%s", c.Args().First(), didYouMean(c.Args().First(), names)), "see: hallmark --help")
			}
			return cli.ShowAppHelp(c)
		},
	}
}

func versionCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "say which version this is",
		Description: console.Examples("Says the version, the commit it was built from and the Go release.", "hallmark version", "hallmark version -o json"),
		Flags:       []cli.Flag{console.Output("table", "json")},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			v := buildVersion()
			if c.String("output") == "json" {
				return io.JSON(v)
			}
			line := "hallmark " + v.Version
			if v.Commit != "" {
				line += " (" + v.Commit + ")"
			}
			_, err := fmt.Fprintln(io.Out, line+" "+v.Go)
			return err
		},
	}
}

// Build is what the binary knows of itself.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

func buildVersion() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "unknown"}
	}
	b := Build{Version: info.Main.Version, Go: info.GoVersion}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
		if s.Key == "vcs.modified" && s.Value == "true" && b.Commit != "" {
			b.Commit += ", modified"
		}
	}
	return b
}

func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return console.Misused(fmt.Errorf("unexpected argument %q", c.Args().First()), "see: hallmark "+c.Command.Name+" --help")
	}
	return nil
}

func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ": known are " + strings.Join(known, ", ")
}
