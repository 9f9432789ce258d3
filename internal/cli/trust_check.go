package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/oci/credentials/helper"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

func trustCheckCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "say in words what a trust file would accept", ArgsUsage: "[FILE] [ARTIFACT...]",
		Description: console.Examples(`Says whom a trust file (default trust.yaml) trusts for what: each signer, what
its certificate must say, who must have witnessed it, the trusted roots with
what is in them and until when, and what must have been reached; and warns of
what makes it weaker than it looks, such as keys that end soon. With artifacts,
verifies them, too. Exit codes: 0 sound, 1 warnings with --strict or an
artifact refused, 2 faults, 3 could not tell.`,
			"hallmark trust check trust.yaml",
			"hallmark trust check --strict -o json trust.yaml",
			"hallmark trust check trust.yaml -a attestations greet_1.2.0_linux_amd64"),
		Flags: append(append([]cli.Flag{
			&cli.BoolFlag{Name: "strict", Usage: "end with exit code 1 if there are warnings"},
			console.Output("table", "json"),
		}, verification.BundleFlags()...), append(verification.RootFlags(), verification.AccessFlags()...)...),
		Action: func(c *cli.Context) error { return trustCheck(io, c) },
	}
}

// Checked is what hallmark trust check says.
type Checked struct {
	Path string `json:"path"`
	*verify.Description
	Verification *answer.Report `json:"verification,omitempty"`
}

func trustCheck(io console.IO, c *cli.Context) error {
	path, artifacts := "trust.yaml", []string(nil)
	if c.NArg() > 0 {
		path, artifacts = c.Args().First(), c.Args().Tail()
	}
	want, err := verification.LoadTrust(path)
	if err != nil {
		return err
	}
	options := []verify.Option{verify.WithClock(io.Now), verify.WithRoots(verification.Roots(io, c))}
	d, err := verify.Describe(want, options...)
	if err != nil {
		return verification.Unmade(err)
	}
	report := Checked{Path: path, Description: d}
	if len(artifacts) > 0 {
		found, err := verification.Gather(io, c, helper.Ask, artifacts)
		if err != nil {
			return err
		}
		v, err := verify.New(found.Source, want, append(options, found.Options...)...)
		if err != nil {
			return verification.Unmade(err)
		}
		answered, err := answer.Verify(c.Context, v, found.Subjects)
		if err != nil {
			return err
		}
		report.Verification = &answered
	}
	if c.String("output") == "json" {
		if err := io.JSON(report); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(io.Out, path)
		brushOf(io).described(io.Out, d)
		if report.Verification != nil {
			verification.Table(io, *report.Verification)
		}
	}
	if report.Verification != nil {
		if err := verification.Ending(*report.Verification); err != nil {
			return err
		}
	}
	if n := len(d.Warnings); n > 0 && c.Bool("strict") {
		return console.Refuse(fmt.Errorf("%s has %d warnings", path, n))
	}
	return nil
}

// described writes what a trust file would accept.
func (b brush) described(w io.Writer, d *verify.Description) {
	say := func(format string, args ...any) { b.text(w, "  ", "    ", fmt.Sprintf(format, args...)) }
	fmt.Fprintln(w, "accepts verdicts")
	say("by the verifier %s", d.Verifier)
	say("about %s", strings.Join(d.Resources, " or "))
	if d.Threshold > 1 {
		say("that %d of these signed:", d.Threshold)
	} else if len(d.Signers) > 1 {
		say("that any one of these signed:")
	} else {
		say("that this one signed:")
	}
	for i, s := range d.Signers {
		lead, under := "  "+b.branch, "  "+b.through
		if i == len(d.Signers)-1 {
			lead, under = "  "+b.last, "  "+b.space
		}
		b.signer(w, lead, under, s)
	}
	switch {
	case d.Level != criteria.NoLevel && len(d.Criteria) > 0:
		say("that reached the level %s, and for which passed: %s", d.Level, strings.Join(d.Criteria, ", "))
	case d.Level != criteria.NoLevel:
		say("that reached the level %s", d.Level)
	case len(d.Criteria) > 0:
		say("for which passed: %s", strings.Join(d.Criteria, ", "))
	}
	switch {
	case len(d.Policies) > 0:
		var names []string
		for _, p := range d.Policies {
			names = append(names, p.Short())
		}
		say("under the policy %s", strings.Join(names, " or "))
	default:
		say("under any policy")
	}
	if d.MaxAge == verify.Unlimited {
		say("of any age")
	} else {
		say("that are at most %s old", d.MaxAge)
	}
	for _, r := range d.Required {
		say("and requires beside it %s: %s", r.Kind, r.Text)
	}
	for _, r := range d.Roots {
		fmt.Fprintf(w, "trusted root %s (%s)\n", r.Name, r.Digest.Short())
		for _, m := range r.Members {
			until := "on"
			if !m.Until.IsZero() {
				until = "to " + m.Until.Format(time.DateOnly)
			}
			from := ""
			if !m.From.IsZero() {
				from = "from " + m.From.Format(time.DateOnly) + " "
			}
			b.text(w, fmt.Sprintf("  %-9s  ", m.Kind), strings.Repeat(" ", 15), fmt.Sprintf("%s, trusted %s%s", m.URI, from, until))
		}
	}
	for _, text := range d.Warnings {
		b.text(w, "warning: ", "  ", text)
	}
	if len(d.Warnings) == 0 {
		fmt.Fprintln(w, "no warnings")
	}
}

func (b brush) signer(w io.Writer, lead, under string, s verify.SignerDescription) {
	name := s.Name
	if name == "" {
		name = "without a name"
	}
	b.text(w, lead, under+"  ", name)
	line := func(key, value string) {
		if value != "" {
			b.text(w, fmt.Sprintf("%s%-18s ", under, key), under+strings.Repeat(" ", 19), value)
		}
	}
	if !s.Key.IsZero() {
		line("key", s.Algorithm+", "+s.Key.String())
	}
	if !s.NotBefore.IsZero() {
		line("trusted from", s.NotBefore.UTC().Format(time.RFC3339))
	}
	if !s.NotAfter.IsZero() {
		line("trusted until", s.NotAfter.UTC().Format(time.RFC3339))
	}
	line("issuer", s.Issuer)
	line("identity", s.Identity)
	line("identity matches", s.IdentityPattern)
	for _, key := range slices.Sorted(maps.Keys(s.Certificate)) {
		line(key, s.Certificate[key])
	}
	line("vouched for by", s.TrustedRoot)
	var names []string
	for _, n := range s.Require {
		names = append(names, string(n))
	}
	if len(names) == 0 {
		names = []string{"nobody"}
	}
	line("witnessed by", strings.Join(names, ", "))
}
