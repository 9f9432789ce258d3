// Package verification is the command by which a consumer checks artifacts. It
// is the same in hallmark and in hallmark-verify, and links nothing that a
// consumer does not need.
package verification

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/artifact"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

// Flags are the command's flags.
func Flags() []cli.Flag {
	return append(append(AskFlags(), console.Output("table", "json", "jsonl")), batchFlags()...)
}

// AskFlags are those that say what is asked of whom: all but how it is shown.
func AskFlags() []cli.Flag {
	trust := []cli.Flag{
		&cli.StringFlag{Name: "trust", Aliases: []string{"t"}, Usage: "what you expect: the trust `FILE`", EnvVars: []string{"HALLMARK_TRUST"}},
	}
	return slices.Concat(trust, BundleFlags(), signerFlags(), RootFlags(), AccessFlags())
}

// BundleFlags say where the bundles are.
func BundleFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "attestations", Aliases: []string{"a", "bundle"}, Usage: "bundles: a `PATH` to a file or folder; may be repeated"},
		&cli.StringFlag{Name: "layout", Usage: "bundles: an OCI image layout in `DIR`"},
		&cli.StringFlag{Name: "registry", Usage: "bundles: the `REPOSITORY` of an OCI registry; of images, default their own"},
	}
}

func signerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "key", Usage: "instead of the trust file's signers: the public key in `FILE`"},
		&cli.StringFlag{Name: "certificate-identity", Usage: "instead of the trust file's signers: `IDENTITY`, exactly"},
		&cli.StringFlag{Name: "certificate-oidc-issuer", Usage: "who vouches for that identity: `ISSUER`, exactly"},
		&cli.StringFlag{Name: "trusted-root", Usage: "the Sigstore trusted root in `FILE` for that identity; default the trust file's"},
		&cli.StringFlag{Name: "checksums", Usage: "verify each file that `FILE`, as sha256sum writes it, lists"},
	}
}

// Description says how the command is used; name is what it is called.
func Description(name string) string {
	return console.Examples(`Verifies that artifacts came out of a compliant pipeline: signature, signer,
subject, verifier, policy, level, criteria and age, as the trust file asks.
ARTIFACT is a file, a folder, a digest such as sha256:<hex> or gitCommit:<hex>,
an image REGISTRY/REPOSITORY:TAG, of which every platform is verified, an image
layout oci:DIR or oci:DIR:TAG, or a dossier. No network is used but for images,
--registry and roots that the trust file has from a TUF repository. Exit codes:
0 verified, 1 refused, 2 usage, 3 could not tell.`,
		name+" -t trust.yaml -a attestations greet_1.2.0_linux_amd64",
		name+" -t trust.yaml -a attestations --checksums SHA256SUMS",
		name+" -t trust.yaml --layout layout -o json sha256:<hex>",
		name+" -t trust.yaml registry.example/greet/greet:1.2.0",
		name+" -t trust.yaml --from-file images.txt --resume done.jsonl")
}

// What the command writes with -o json.
type (
	Report  = answer.Report
	Subject = answer.Subject
)

// The outcomes.
const (
	Verified = answer.Verified
	Refused  = answer.Refused
	Unknown  = answer.Unknown
)

// Action is the command. helper asks credential helpers, nil none.
func Action(io console.IO, helper credentials.Helper) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.String("from-file") != "" {
			return batch(io, c, helper)
		}
		v, subjects, err := Prepare(io, c, helper)
		if err != nil {
			return err
		}
		report, err := answer.Verify(c.Context, v, subjects)
		if err != nil {
			return err
		}
		return Show(io, c, report)
	}
}

// Prepare makes the verifier that the flags ask for, and hashes or resolves what
// the command line names.
func Prepare(io console.IO, c *cli.Context, helper credentials.Helper) (*verify.Verifier, []criteria.Subject, error) {
	if err := alone(c); err != nil {
		return nil, nil, err
	}
	want, err := expected(c)
	if err != nil {
		return nil, nil, err
	}
	found, err := Gather(io, c, helper, c.Args().Slice())
	if err != nil {
		return nil, nil, err
	}
	v, err := verifier(io, c, found.Source, want, found.Options...)
	if err != nil {
		return nil, nil, err
	}
	return v, found.Subjects, nil
}

// Found is what a command line names.
type Found struct {
	Subjects []criteria.Subject
	// Source is where the bundles about them are.
	Source verify.Source
	// Options are what a verifier of them needs to know.
	Options []verify.Option
}

// Gather hashes or resolves args, and says where the flags have the bundles about
// them.
func Gather(io console.IO, c *cli.Context, helper credentials.Helper, args []string) (*Found, error) {
	access := Access(io, c, helper)
	src, err := bundles(c, access)
	if err != nil {
		return nil, err
	}
	sums := make(hashed)
	subjects, where, others, err := images(c, access, args)
	if err != nil {
		return nil, err
	}
	if len(others) > 0 || c.String("checksums") != "" || len(subjects) == 0 {
		if src == nil {
			return nil, console.Misused(errors.New("--attestations, --layout or --registry is missing: where the bundles are"),
				"--attestations takes a bundle, or the folder that the publisher gives with the artifacts")
		}
		more, err := files(c, sums, src, others)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, more...)
	}
	if src == nil {
		src = routed{images: where}
	}
	return &Found{Subjects: subjects, Source: src, Options: []verify.Option{verify.WithDigests(sums.digests)}}, nil
}

// expected is what the trust file and the flags ask for.
func expected(c *cli.Context) (verify.Expect, error) {
	if c.String("trust") == "" {
		return verify.Expect{}, console.Misused(errors.New("--trust is missing: nothing is trusted that you did not say"),
			"the publisher's trust.yaml, from a place you trust, is one to begin with")
	}
	want, err := LoadTrust(c.String("trust"))
	if err != nil {
		return verify.Expect{}, err
	}
	want.Signers, err = signers(c, want.Signers)
	return want, err
}

// verifier makes the verifier of what src finds.
func verifier(io console.IO, c *cli.Context, src verify.Source, want verify.Expect, more ...verify.Option) (*verify.Verifier, error) {
	v, err := verify.New(src, want, append(more, verify.WithClock(io.Now), verify.WithRoots(Roots(io, c)))...)
	if err != nil {
		return nil, Unmade(err)
	}
	return v, nil
}

// bundles is where the flags say that bundles are, nil where they say nothing.
func bundles(c *cli.Context, a oci.Access) (verify.Source, error) {
	paths, layout, registry := c.StringSlice("attestations"), c.String("layout"), c.String("registry")
	given := 0
	for _, g := range []bool{len(paths) > 0, layout != "", registry != ""} {
		if g {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, console.Misused(errors.New("of --attestations, --layout and --registry only one can be given"))
	case len(paths) > 0:
		return source.Once(paths...), nil
	case layout != "":
		return source.Layout(layout), nil
	case registry != "":
		if err := Repository(registry); err != nil {
			return nil, fmt.Errorf("--registry: %w", err)
		}
		if err := online(c, registry); err != nil {
			return nil, err
		}
		src, err := source.Registry(registry, a)
		if err != nil {
			return nil, console.Misused(err)
		}
		return src, nil
	}
	return nil, nil
}

// LoadTrust reads a trust file.
func LoadTrust(path string) (verify.Expect, error) {
	want, err := answer.LoadTrust(path)
	if err != nil {
		return verify.Expect{}, console.Misused(err)
	}
	return want, nil
}

// digest returns the digest that arg is, or none where it is a path. What is
// meant as a digest is told by its algorithm; some tools write capitals.
func digest(arg string) (criteria.Digest, error) {
	d, err := criteria.ParseDigest(arg)
	if err == nil {
		return d, nil
	}
	if _, stat := os.Lstat(arg); stat == nil {
		return criteria.Digest{}, nil
	}
	lower := strings.ToLower(arg)
	for _, algorithm := range []string{"sha256:", "sha384:", "sha512:"} {
		if strings.HasPrefix(lower, algorithm) {
			if d, err = criteria.ParseDigest(lower); err != nil {
				err = console.Misused(err)
			}
			return d, err
		}
	}
	if _, err := criteria.ParseDigest("sha256:" + lower); err == nil {
		return criteria.Digest{}, console.Misused(fmt.Errorf("%s is no file, and as a digest it lacks the algorithm", arg), "write sha256:"+lower)
	}
	return criteria.Digest{}, nil
}

// files hashes the files that args and --checksums name.
func files(c *cli.Context, sums hashed, src verify.Source, args []string) ([]criteria.Subject, error) {
	var subjects []criteria.Subject
	var paths []string
	for _, arg := range args {
		d, err := digest(arg)
		if err != nil {
			return nil, err
		}
		if !d.IsZero() {
			subjects = append(subjects, criteria.Subject{Name: arg, Digest: d})
			continue
		}
		paths = append(paths, arg)
	}
	var o artifact.Options
	if len(paths) > 0 || c.String("checksums") != "" {
		o = hashing(c.Context, src)
	}
	if file := c.String("checksums"); file != "" {
		listed, err := artifact.FindListed(c.Context, o, file)
		var other *artifact.ChecksumError
		var fault *strict.Error
		switch {
		case errors.As(err, &other):
			// Whatever it is, it is not what the publisher lists.
			return nil, console.Refuse(fmt.Errorf("refused: %w", err))
		case errors.As(err, &fault):
			return nil, console.Misused(err)
		case err != nil:
			return nil, console.Unable(err)
		}
		subjects = append(subjects, sums.add(listed)...)
	}
	if len(paths) > 0 {
		found, err := artifact.Find(c.Context, o, paths...)
		if err != nil {
			return nil, console.Unable(err)
		}
		subjects = append(subjects, sums.add(found)...)
	}
	if len(subjects) == 0 {
		return nil, console.Misused(errors.New("nothing to verify: name an artifact, a folder, a digest, or --checksums FILE"))
	}
	return subjects, nil
}

// Show writes report as the output flag asks, and returns the error that ends
// the process with the right code.
func Show(io console.IO, c *cli.Context, report Report) error {
	switch c.String("output") {
	case "json":
		if err := io.JSON(report); err != nil {
			return err
		}
	case "jsonl":
		var sum Summary
		w := newLines(io)
		for _, s := range report.Subjects {
			sum.add(s.Outcome, false)
			if err := w.subject(Line{Subject: s}); err != nil {
				return err
			}
		}
		if err := w.end(sum); err != nil {
			return err
		}
	default:
		Table(io, report)
	}
	return Ending(report)
}

// Ending is the error that report ends a command with.
func Ending(report Report) error {
	switch report.Outcome {
	case Verified:
		return nil
	case Refused:
		return console.Quiet(console.No)
	}
	return console.Quiet(console.CouldNotTell)
}

// Table writes what was verified to io.Out and what was not to io.Err.
func Table(c console.IO, report Report) {
	verdicts, documents := make(map[criteria.Digest]bool), make(map[string]bool)
	for _, s := range report.Subjects {
		switch s.Outcome {
		case Verified:
			fmt.Fprintf(c.Out, "%s %s\n", c.Paint(console.Green, "verified"), s.Name)
			if v := s.Result.Verdict; !verdicts[v.Statement] {
				verdicts[v.Statement] = true
				details(c.Out, s)
			}
			references(c, c.Out, s, documents)
		case Refused:
			fmt.Fprintf(c.Err, "%s %s\n  %s\n", c.Paint(console.Red, "refused"), named(s), strings.Join(s.Lines(), "\n  "))
		default:
			fmt.Fprintf(c.Err, "%s %s\n  %s\n", c.Paint(console.Yellow, "could not tell"), named(s), strings.Join(s.Lines(), "\n  "))
		}
	}
	if hint := partly(report); hint != "" {
		fmt.Fprintf(c.Err, "hint: %s\n", hint)
	}
}

// named is s's name and, on a line of its own, its digest where the
// name does not say it.
func named(s Subject) string {
	if strings.Contains(s.Name, s.Digest.String()) {
		return s.Name
	}
	return s.Name + "\n  " + s.Digest.String()
}

func details(w io.Writer, s Subject) {
	v := s.Result.Verdict
	fmt.Fprintf(w, "  release   %s\n", v.Resource)
	fmt.Fprintf(w, "  verifier  %s\n", v.Verifier)
	fmt.Fprintf(w, "  signer    %s\n", s.Result.Signer)
	fmt.Fprintf(w, "  level     %s, judged %s\n", v.Level(), v.Time.Format(time.RFC3339))
	var names []string
	for _, l := range v.Levels {
		if level := slices.ContainsFunc(criteria.Levels(), func(m criteria.Level) bool { return l == criteria.LevelLabel(m) }); level {
			continue
		}
		if name, ok := strings.CutPrefix(l, "HALLMARK_"); ok {
			names = append(names, strings.ToLower(strings.ReplaceAll(name, "_", "-")))
		}
	}
	label := "  criteria  "
	line := label
	for _, n := range names {
		if len(line)+len(n)+2 > 80 && line != label {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			line = "            "
		}
		line += n + "  "
	}
	if len(names) > 0 {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	if f := s.Result.Findings; f != nil && len(f.Warned) > 0 {
		fmt.Fprintf(w, "  warned    %s\n", strings.Join(f.Warned, "  "))
	}
}

// Main runs hallmark-verify with args, the program's name first, and returns
// the exit code.
func Main(args []string, io console.IO) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Asked once, we end in order; asked again, at once.
	context.AfterFunc(ctx, stop)
	io = io.Watched()
	return io.Run(ctx, &cli.App{
		Name: "hallmark-verify", Usage: "check that artifacts came out of a compliant pipeline", ArgsUsage: "ARTIFACT...",
		Description: Description("hallmark-verify"), Flags: Flags(), Action: Action(io, nil),
	}, args)
}
