package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

func releaseCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "release", Usage: "judge, sign, publish and verify a release in one go",
		Description: console.Examples(`Reads the release and its evidence, judges it by its policy, shows the decision,
signs what was found, publishes it, verifies what it published as a consumer
would, and says what a consumer runs next. It needs no set-up: without a key,
one is made once in your configuration folder. A release that is refused is
neither signed nor published. Exit codes: 0 released, 1 refused, 2 usage,
3 could not tell.`,
			"hallmark release -f hallmark.yaml",
			"hallmark release -f hallmark.yaml --key release.key --out out",
			"hallmark release -f hallmark.yaml --keyless",
			"hallmark release --identity-token TOKEN-FILE \\\n    --signing-config signing_config.json --trusted-root trusted_root.json"),
		Flags: append([]cli.Flag{
			fileFlag(), outFlag(), atFlag(), directoryFlag(), allFlag(),
			envelopeFlag(),
			console.Output("table", "json", "markdown"),
			bundleFlag(),
		}, append(signerFlags(), registryFlags()...)...),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return release(io, c)
		},
	}
}

// Released is release -o json.
type Released struct {
	Passed       bool                 `json:"passed"`
	Dossier      string               `json:"dossier"`
	Key          string               `json:"key,omitempty"`
	Signers      []SignedBy           `json:"signers,omitempty"`
	Decision     any                  `json:"decision"`
	Attestations []Attestation        `json:"attestations,omitempty"`
	Queued       []Waiting            `json:"queued,omitempty"`
	Layout       string               `json:"layout,omitempty"`
	Directory    string               `json:"directory,omitempty"`
	Registries   []InRegistry         `json:"registries,omitempty"`
	Verification *verification.Report `json:"verification,omitempty"`
	Next         string               `json:"next,omitempty"`
}

func release(io console.IO, c *cli.Context) error {
	dir := c.String("out")
	f, g, err := load(io, c)
	if err != nil {
		return err
	}
	if err := signable(g.Release); err != nil {
		return err
	}
	j, err := judgeStage(io, c, f, g)
	if err != nil {
		return err
	}
	if !j.Decision.Passed {
		if err := dossier.Replace(dir, j.Write); err != nil {
			return fmt.Errorf("writing the dossier: %w", err)
		}
		if c.String("output") == "json" {
			err = io.JSON(Released{Dossier: dir, Decision: j.Decision})
		} else {
			err = showDecision(io, c, j.Decision)
		}
		if err != nil {
			return err
		}
		sayRefused(io, j.Decision)
		return decided(j.Decision)
	}

	by, err := chooseSigner(io, c, f)
	if err != nil {
		return err
	}
	var made attestation
	var bundles []published
	documents, err := documentsOf(f, j)
	if err != nil {
		return err
	}
	var report verification.Report
	var verdict []byte
	err = dossier.Replace(dir, func(staging string) error {
		if err := j.Write(staging); err != nil {
			return fmt.Errorf("writing the dossier: %w", err)
		}
		// Somebody may have written since the artifacts were judged.
		if err := g.Unchanged(c.Context, hashing(io)); errors.Is(err, releasefile.ErrChanged) {
			return console.Refuse(err, "judge it again with: hallmark release")
		} else if err != nil {
			return console.Unable(err)
		}
		if made, err = attestStage(c.Context, io, f, j, by, dir); err != nil {
			return err
		}
		if made.queued {
			if err := writeQueue(staging, made.all, io.Now()); err != nil {
				return fmt.Errorf("writing the dossier: %w", err)
			}
			return c.Context.Err()
		}
		if verdict, err = envelope(c.Context, c.String("envelope"), made.all, by.key, f.Verifier.ID, j.Decision); err != nil {
			return err
		}
		if err := writeAttestations(staging, made.all, made.want, by.root); err != nil {
			return fmt.Errorf("writing the dossier: %w", err)
		}
		if bundles, err = storedBundles(c.Context, staging, g.Release); err != nil {
			return err
		}
		if err := publishLayout(c.Context, io, staging, g, bundles, documents); err != nil {
			return err
		}
		// Nothing is released that a consumer would not accept: from the folder,
		// and from the layout.
		for _, src := range []struct {
			name string
			from func() (verification.Report, error)
		}{
			{"attestations", func() (verification.Report, error) {
				return verifyStage(c.Context, io, staging, g, source.Once(filepath.Join(staging, dossier.AttestationsDir)))
			}},
			{"layout", func() (verification.Report, error) { return verifyLayout(c.Context, io, staging, g) }},
		} {
			io.Step("verifying the %s", src.name)
			found, err := src.from()
			if err != nil {
				return err
			}
			expected := documents
			if src.name == "layout" {
				expected = documentsAbout(g.Files(), documents)
			} else {
				report = found
			}
			if err := publishedVerifies(found, expected); err != nil {
				return takenBack(err)
			}
		}
		return c.Context.Err()
	})
	if err != nil {
		return err
	}
	if made.queued {
		if c.String("output") == "json" {
			if err := io.JSON(Released{Passed: true, Dossier: dir, Key: by.where, Decision: j.Decision, Queued: waitingList(made.all)}); err != nil {
				return err
			}
		} else if err := showDecision(io, c, j.Decision); err != nil {
			return err
		}
		return sayQueued(io, c, dir, made.all)
	}
	into, err := publishDirectory(io, c, f, g, dir, true, bundles, documents)
	if err != nil {
		return kept(dir, err)
	}
	registries, err := publishRegistries(io, c, f, g, dir, true, bundles, documents)
	if err != nil {
		return kept(dir, err)
	}
	if err := writeBundle(c.String("bundle"), made.all); err != nil {
		return kept(dir, err)
	}
	if err := writeEnvelope(c.String("envelope"), verdict); err != nil {
		return kept(dir, err)
	}
	next := nextFor(c, f, g, dir)

	if c.String("output") == "json" {
		return io.JSON(Released{
			Passed: true, Dossier: dir, Key: by.where, Signers: signersOf(made.want), Decision: j.Decision, Attestations: attestations(dir, made.all),
			Layout: layoutOf(dir, g), Directory: into, Registries: registries, Verification: &report, Next: next,
		})
	}
	if err := showDecision(io, c, j.Decision); err != nil {
		return err
	}
	if c.String("output") == "markdown" {
		return nil
	}
	fmt.Fprintln(io.Out)
	sayKey(io, by.where)
	by.sayWitnesses(io, made.want.Signers)
	sayAttestations(io, dir, made.all)
	sayPublished(io, layoutOf(dir, g), into, registries, true)
	many := "s"
	if len(report.Subjects) == 1 {
		many = ""
	}
	from := []string{fmt.Sprintf("%d artifact%s, as a consumer would, from", len(report.Subjects), many), filepath.Join(dir, dossier.AttestationsDir)}
	if layout := layoutOf(dir, g); layout != "" {
		from = append(from, layout)
	}
	_ = io.Line(console.Green, "verified", from...)
	_, err = fmt.Fprintf(io.Out, "\nA consumer runs:\n  %s\n", next)
	return err
}

// nextFor is the command by which a consumer verifies the release.
func nextFor(c *cli.Context, f *releasefile.File, g *releasefile.Gathered, dir string) string {
	next := fmt.Sprintf("%s --trust %s", consumerCommand(), quote(display(filepath.Join(dir, dossier.TrustFile))))
	var artifacts []string
	for _, a := range g.Files() {
		artifacts = append(artifacts, quote(display(g.Path(a.Name))))
	}
	if len(artifacts) > 0 {
		return fmt.Sprintf("%s --attestations %s %s", next, quote(display(filepath.Join(dir, dossier.AttestationsDir))), abridge(artifacts))
	}
	if c.Bool("allow-http-registry") {
		next += " --allow-http-registry"
	}
	for _, reference := range f.Images {
		artifacts = append(artifacts, quote(reference))
	}
	return next + " " + abridge(artifacts)
}

// consumerCommand is how hallmark-verify can be run here and now: from a
// checkout where it is not installed, by way of go run.
func consumerCommand() string {
	const name = "hallmark-verify"
	if _, err := exec.LookPath(name); err != nil {
		if _, err := os.Stat(filepath.Join("cmd", name, "main.go")); err == nil {
			return "go run ./cmd/" + name
		}
	}
	return name
}

// abridge keeps a command line short enough to read: of many artifacts, it
// names the first ones.
func abridge(paths []string) string {
	const most = 4
	return strings.Join(paths[:min(most, len(paths))], " ")
}

// quote makes path safe to paste into a shell.
func quote(path string) string {
	if strings.IndexFunc(path, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+,:@=", r)
	}) < 0 && path != "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
