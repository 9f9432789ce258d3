package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/oci/credentials/helper"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

func trustInitCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "write a trust file from a release that you hold to be good",
		Description: console.Examples(`Writes a trust file that accepts what the newest verdict about ARTIFACT says and
nothing else: its signer, verifier, resource, level, criteria and policy, and
the witnesses that were there. All of that is verified; that the signer deserves
trust cannot be, so it is shown, and yours to confirm: trust on first use. A
bundle that a key signed holds no key: give it with --key. Exit codes: 0
written, 1 refused, 2 usage, 3 could not tell.`,
			"hallmark trust init --from greet_1.2.0_linux_amd64 -a attestations",
			"hallmark trust init --from registry.example/greet/greet:1.2.0 --any-version",
			"hallmark trust init --from greet -a greet.sigstore.json --key release.pub"),
		Flags: append(append([]cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the release: `ARTIFACT`, a file, a digest or an image"},
			&cli.StringFlag{Name: "out", Value: "trust.yaml", Usage: "write to `FILE`, which must not exist"},
			&cli.StringFlag{Name: "key", Usage: "the public key in `FILE` that must have signed"},
			&cli.StringFlag{Name: "trusted-root", Value: verify.PublicGood, Usage: "who vouches for identities and witnesses: `ROOT`, a file, public-good or tuf:URL"},
			&cli.BoolFlag{Name: "any-version", Usage: "accept other versions of the same product, from other tags of the same repository"},
			&cli.StringFlag{Name: "max-age", Value: "365d", Usage: "accept verdicts of at most this `AGE`"},
			console.Output("table", "json"),
		}, verification.BundleFlags()...), append(verification.RootFlags(), verification.AccessFlags()...)...),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return trustInit(io, c)
		},
	}
}

// FirstTrust is what hallmark trust init says.
type FirstTrust struct {
	Path    string           `json:"path"`
	Subject criteria.Subject `json:"subject"`
	Signer  verify.Identity  `json:"signer"`
	// Signature is what was verified of it.
	Signature verify.Signature    `json:"signature"`
	Verdict   verify.Verdict      `json:"verdict"`
	Accepts   *verify.Description `json:"accepts"`
}

func trustInit(io console.IO, c *cli.Context) error {
	from, out := c.String("from"), c.String("out")
	if from == "" {
		return console.Misused(errors.New("--from is missing: the release that you hold to be good"), "see: hallmark trust init --help")
	}
	if _, err := os.Lstat(out); err == nil {
		return console.Misused(fmt.Errorf("%s exists: whom you trust is never overwritten", out), "choose another file with: --out FILE")
	}
	first := verify.FirstUse{Dir: filepath.Dir(out), TrustedRoot: c.String("trusted-root"), AnyVersion: c.Bool("any-version")}
	if err := first.MaxAge.UnmarshalText([]byte(c.String("max-age"))); err != nil {
		return console.Misused(fmt.Errorf("--max-age: %w", err))
	}
	if path := c.String("key"); path != "" {
		pem, err := regular.File(path, strict.MaxConfig)
		if err != nil {
			return console.Misused(fmt.Errorf("reading the public key: %w", err))
		}
		first.Key = string(pem)
	}
	if root := first.TrustedRoot; root != verify.PublicGood && !strings.HasPrefix(root, verify.TUF) {
		var err error
		if first.TrustedRoot, err = relativeTo(first.Dir, root); err != nil {
			return console.Misused(err)
		}
	}
	found, err := verification.Gather(io, c, helper.Ask, []string{from})
	if err != nil {
		return err
	}
	subject := found.Subjects[0]
	options := append(found.Options, verify.WithClock(io.Now), verify.WithRoots(verification.Roots(io, c)))
	want, result, err := first.Expect(c.Context, found.Source, subject.Digest, options...)
	for _, s := range found.Subjects[1:] {
		// Of an index, the verdict may be about what is in it alone.
		if !errors.Is(err, verify.ErrNoVerdict) {
			break
		}
		subject = s
		want, result, err = first.Expect(c.Context, found.Source, subject.Digest, options...)
	}
	var no *verify.RejectionError
	switch {
	case errors.As(err, &no):
		var hints []string
		if first.Key == "" && no.Has(verify.UntrustedSigner) {
			hints = append(hints, "if a key signed it: hallmark trust init --key FILE")
		}
		if no.Has(verify.TooOld) {
			hints = append(hints, "accept older verdicts with: --max-age AGE")
		}
		return console.Refuse(err, hints...)
	case errors.Is(err, verify.ErrNoVerdict):
		return console.Refuse(fmt.Errorf("%s: %w", subject.Name, err), "say where its bundles are with: --attestations PATH, --layout DIR or --registry REPOSITORY")
	case err != nil:
		return verification.Unmade(err)
	}
	data, err := want.Encode()
	if err != nil {
		return console.Misused(err)
	}
	accepts, err := verify.Describe(want, options...)
	if err != nil {
		return verification.Unmade(err)
	}
	report := FirstTrust{Path: out, Subject: subject, Signer: result.Signer, Verdict: result.Verdict, Accepts: accepts}
	for _, st := range result.Statements {
		if st.Bundle == result.Verdict.Bundle {
			report.Signature = st.Signature
		}
	}
	if err := atomicfile.Write(out, data, 0o644); err != nil {
		return console.Unable(fmt.Errorf("writing the trust file: %w", err))
	}
	for _, text := range []string{
		"this trusts on first use. That this signer signed was verified:",
		"  " + result.Signer.String(),
		"that the signer deserves your trust was not. Before anything relies on " + out + ",",
		"compare the signer with what the publisher says elsewhere",
	} {
		fmt.Fprintf(io.Err, "%s: %s\n", c.App.Name, text)
	}
	if c.String("output") == "json" {
		return io.JSON(report)
	}
	fmt.Fprintf(io.Out, "wrote %s from %s\n", out, subject.Name)
	b := brushOf(io)
	b.described(io.Out, accepts)
	return nil
}

// relativeTo is path as it is found from dir.
func relativeTo(dir, path string) (string, error) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(from, to); err == nil {
		return filepath.ToSlash(rel), nil
	}
	return to, nil
}
