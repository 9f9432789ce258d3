package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/advisory"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/urfave/cli/v2"
)

func advisoriesCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "advisories", Usage: "make an index of known vulnerabilities for verify --recheck",
		Description: console.Examples("Makes an index of known vulnerabilities, and says what one holds.",
			"hallmark advisories import go.zip --to osv.index",
			"hallmark advisories show osv.index"),
		Subcommands: []*cli.Command{importCommand(io), showCommand(io)},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return console.Misused(fmt.Errorf("unknown command %q: known are import and show", "advisories "+c.Args().First()))
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func importCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "make an index of records that were downloaded", ArgsUsage: "FILE...",
		Description: console.Examples(`Makes an index of records of the OSV schema. FILE is an archive as
https://osv.dev publishes one for each ecosystem (all.zip), a folder of records,
or one record, in JSON or YAML. Nothing is downloaded. An index that was there
is replaced as a whole.

An index answers for the ecosystems that FILE holds whole: those that every
record in it is about, or those that --ecosystem names. It is as old as the
newest record, or as old as --as-of says that the download is.`,
			"hallmark advisories import go.zip pypi.zip --to osv.index",
			"hallmark advisories import records/ --ecosystem npm --to osv.index",
			"hallmark advisories import go.zip --as-of 2026-11-27T06:00:00Z --to osv.index"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "write the index to the file `INDEX`"},
			&cli.StringSliceFlag{Name: "ecosystem", Usage: "each FILE holds every record of the ecosystem `NAME`; may be repeated"},
			&cli.StringFlag{Name: "as-of", Usage: "when the files were downloaded: a `TIME` such as 2026-11-27T06:00:00Z"},
			console.Output("table", "json"),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return console.Misused(errors.New("nothing to import: name an archive or folder of records"), "see: hallmark advisories import --help")
			}
			to := c.String("to")
			if to == "" {
				return console.Misused(errors.New("--to is missing: the file that becomes the index"))
			}
			var asOf time.Time
			if s := c.String("as-of"); s != "" {
				var err error
				if asOf, err = time.Parse(time.RFC3339, s); err != nil {
					return console.Misused(fmt.Errorf("--as-of is %q, expected a time such as 2026-11-27T06:00:00Z", s))
				}
			}
			b, err := advisory.NewBuilder(io.Now(), asOf)
			if err != nil {
				return console.Misused(fmt.Errorf("--as-of: %w", err))
			}
			for _, path := range c.Args().Slice() {
				io.Step("reading %s", path)
				err := b.Add(c.Context, path, c.StringSlice("ecosystem"))
				var unclear *advisory.UnclearError
				switch {
				case errors.As(err, &unclear):
					hint := "say of which ecosystem it does: --ecosystem NAME"
					if len(unclear.Ecosystems) > 0 {
						hint = "say of which it does: --ecosystem " + quote(unclear.Ecosystems[0])
					}
					return console.Misused(err, hint)
				case errors.Is(err, fs.ErrNotExist):
					return console.Misused(err)
				case err != nil:
					return console.Unable(fmt.Errorf("importing %w", err))
				}
			}
			if _, err := b.Write(to); err != nil {
				return console.Unable(err)
			}
			x, err := openIndex(to)
			if err != nil {
				return err
			}
			defer x.Close()
			return describeIndex(io, c, to, x)
		},
	}
}

func showCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "say what an index holds, and check that it is sound", ArgsUsage: "INDEX",
		Description: console.Examples(`Says what an index of advisories was made from, which ecosystems it answers for
and how old it is, and reads it as a whole to find damage.`,
			"hallmark advisories show osv.index",
			"hallmark advisories show osv.index -o json"),
		Flags: []cli.Flag{console.Output("table", "json")},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return console.Misused(errors.New("name one index"), "see: hallmark advisories show --help")
			}
			path := c.Args().First()
			x, err := openIndex(path)
			if err != nil {
				return err
			}
			defer x.Close()
			if err := x.Check(); err != nil {
				return console.Unable(fmt.Errorf("%s: %w", path, err), "make it again with: hallmark advisories import FILE... --to "+quote(path))
			}
			return describeIndex(io, c, path, x)
		},
	}
}

// describeIndex says what x, which lies at path, holds.
func describeIndex(io console.IO, c *cli.Context, path string, x *advisory.Index) error {
	if c.String("output") == "json" {
		return io.JSON(struct {
			Path       string               `json:"path"`
			Digest     string               `json:"digest"`
			Made       time.Time            `json:"made"`
			Ecosystems []advisory.Ecosystem `json:"ecosystems"`
			Sources    []advisory.Source    `json:"sources"`
			Withdrawn  int                  `json:"withdrawn"`
		}{path, x.Digest().String(), x.Made, x.Ecosystems, x.Sources, x.Withdrawn})
	}
	fmt.Fprintf(io.Out, "%s\n  %s\n  made      %s\n", path, x.Digest(), x.Made.Format(time.RFC3339))
	for _, s := range x.Sources {
		fmt.Fprintf(io.Out, "  from      %s: %d records, all of %s\n", s.Name, s.Records, strings.Join(s.Ecosystems, ", "))
		if s.Packageless > 0 {
			fmt.Fprintf(io.Out, "            %d of them are about no package and match nothing\n", s.Packageless)
		}
	}
	if x.Withdrawn > 0 {
		fmt.Fprintf(io.Out, "  withdrawn %d records are left out\n", x.Withdrawn)
	}
	fmt.Fprintln(io.Out)
	fmt.Fprintf(io.Out, "%-28s  %8s  %s\n", "ECOSYSTEM", "RECORDS", "AS OF")
	for _, e := range x.Ecosystems {
		asOf := "nobody says: nothing is clear by it"
		switch {
		case !e.Whole:
			asOf = "only some records: nothing is clear by them"
		case !e.Updated.IsZero():
			asOf = e.Updated.Format(time.RFC3339)
		}
		fmt.Fprintf(io.Out, "%-28s  %8d  %s\n", e.Name, e.Records, asOf)
	}
	return nil
}
