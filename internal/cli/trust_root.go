package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/trustroot"
	"github.com/urfave/cli/v2"
)

func trustRootCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "root", Usage: "fetch the trusted root of a TUF repository, and keep it",
		Description: console.Examples(`Fetches what a TUF repository distributes and keeps it, so that a trust file
that names it with trustedRoot: tuf:URL is verified without a network until the
repository's own dates end. A repository of your own is trusted by its
root.json, which you give once; that of Sigstore's public instance is built in.
With --offline, says what is kept. Exit codes: 0 usable, 2 usage, 3 nothing is.`,
			"hallmark trust root",
			"hallmark trust root --tuf https://tuf.example --root root.json",
			"hallmark trust root --tuf https://tuf.example --offline -o json"),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "tuf", Value: trustroot.PublicGood, Usage: "the TUF repository at `URL`"},
			&cli.StringFlag{Name: "root", Usage: "trust it by the root.json in `FILE`, from a place you trust"},
			console.Output("table", "json"),
		}, verification.RootFlags()[:2]...),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return trustRoot(io, c)
		},
	}
}

func trustRoot(io console.IO, c *cli.Context) error {
	address, err := trustroot.Address(c.String("tuf"))
	if err != nil {
		return console.Misused(err)
	}
	k, err := verification.Keeper(io, c)
	if err != nil {
		return err
	}
	replaced := false
	if path := c.String("root"); path != "" {
		if replaced, err = verification.Begin(k, address, path); err != nil {
			return err
		}
	}
	if k.Offline {
		_, err = k.Fetch(c.Context, address, trustroot.TrustedRoot)
	} else {
		io.Step("asking %s", address)
		_, err = k.Refresh(c.Context, address, trustroot.TrustedRoot)
	}
	var absent *trustroot.UnavailableError
	switch {
	case errors.As(err, &absent):
		return console.Unable(err, absent.Hint())
	case err != nil:
		return err
	}
	s, err := k.State(address)
	if err != nil {
		return console.Unable(err)
	}
	if c.String("output") == "json" {
		return io.JSON(s)
	}
	if replaced {
		fmt.Fprintf(io.Err, "hallmark: warning: it was trusted by another root.json before; what was kept of it is forgotten\n")
	}
	fmt.Fprintf(io.Out, "tuf:%s\n", s.Address)
	fmt.Fprintf(io.Out, "  began with  root.json %s\n", s.Begun.Short())
	fmt.Fprintf(io.Out, "  root.json   version %d\n", s.Version)
	fmt.Fprintf(io.Out, "  fetched     %s\n", s.Refreshed.UTC().Format(time.RFC3339))
	fmt.Fprintf(io.Out, "  counts      until %s\n", s.Expires.Format(time.RFC3339))
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		fmt.Fprintf(io.Out, "  keeps       %s %s\n", name, s.Files[name].Short())
	}
	return nil
}
