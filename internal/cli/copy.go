package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/urfave/cli/v2"
)

func copyCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "copy", Usage: "relocate images and files with all their evidence", ArgsUsage: "SRC DST",
		Description: console.Examples(`Copies an image, an index with every child, or a released file from one place
to another, with all that is known about it: bundles and other referrers, what
refers to those, and what cosign keeps under tags. SRC and DST are
REGISTRY/REPOSITORY:TAG or @sha256:HEX, or an OCI image layout, oci:DIR or
oci:DIR:TAG. A file in a registry is named by its own digest; of a layout
without a tag, everything is copied. What is there already is not sent again.
Nothing is verified: hallmark verify does that, wherever the copy is.
Exit codes: 0 all copied, 1 something was left behind, 3 could not.`,
			"hallmark copy registry.example/app:v1 mirror.example/app:v1",
			"hallmark copy registry.example/app:v1 oci:app:v1",
			"hallmark copy oci:hallmark-out/layout registry.example/team/files"),
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "move tags at the destination that lead elsewhere"},
			console.Output("table", "json"),
		}, verification.AccessFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return console.Misused(fmt.Errorf("%d places given, expected two: from where and to where", c.NArg()), "see: hallmark copy --help")
			}
			var places [2]oci.Place
			for i, arg := range c.Args().Slice() {
				p, err := oci.ParsePlace(arg)
				if err != nil {
					return console.Misused(err)
				}
				places[i] = p
			}
			io.Step("copying %s to %s", places[0], places[1])
			access := accessOf(io, c)
			report, err := oci.Copy(c.Context, places[0], places[1], oci.CopyOptions{From: access, To: access, Force: c.Bool("force")})
			if err != nil && len(report.Parts) == 0 {
				return copyEnding(err)
			}
			if c.String("output") == "json" {
				if err := io.JSON(report); err != nil {
					return err
				}
			} else {
				sayCopied(io, report)
			}
			if err != nil {
				return copyEnding(err)
			}
			if n := report.Left(); n > 0 {
				return console.Refuse(fmt.Errorf("%d of %d parts were left behind", n, len(report.Parts)))
			}
			return nil
		},
	}
}

// copyEnding ends the command where what was asked for was not copied.
func copyEnding(err error) error {
	var taken *oci.TakenError
	var place *oci.PlaceError
	switch {
	case errors.Is(err, context.Canceled):
		return errors.Join(err, console.ErrKept)
	case errors.As(err, &taken):
		return console.Refuse(err, "to move the tag: --force")
	case errors.As(err, &place):
		return console.Misused(err)
	}
	return verification.RegistryEnding(err)
}

// sayCopied shows what was asked for by digest, the rest by number, and what was
// left behind each with its reason.
func sayCopied(io console.IO, r oci.Report) {
	for _, d := range r.Digests {
		_ = io.Line("", "copy of", d.String())
	}
	for _, state := range []string{oci.Copied, oci.There} {
		if words := counted(r.Parts, state); len(words) > 0 {
			_ = io.Line("", state, words...)
		}
	}
	for _, p := range r.Parts {
		if p.State != oci.Left {
			continue
		}
		words := []string{p.Kind, p.Digest.String()}
		if p.Tag != "" {
			words = append(words, "tag "+p.Tag)
		}
		if p.About != nil {
			words = append(words, "of "+p.About.String())
		}
		_ = io.Line(console.Red, oci.Left, append(words, p.Why)...)
	}
}

// counted says how many parts of each kind are in state.
func counted(parts []oci.Part, state string) []string {
	count := make(map[string]int)
	var kinds []string
	for _, p := range parts {
		if p.State != state {
			continue
		}
		if count[p.Kind] == 0 {
			kinds = append(kinds, p.Kind)
		}
		count[p.Kind]++
	}
	var words []string
	for _, kind := range kinds {
		words = append(words, fmt.Sprintf("%d %s", count[kind], plural(kind, count[kind])))
	}
	return words
}

func plural(kind string, n int) string {
	switch {
	case n == 1 && slices.Contains([]string{"signatures", "attestations"}, kind):
		return "set of " + kind
	case n == 1:
		return kind
	case slices.Contains([]string{"signatures", "attestations"}, kind):
		return "sets of " + kind
	case strings.HasSuffix(kind, "x"):
		return kind + "es"
	}
	return kind + "s"
}
