package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

func publishCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "publish", Usage: "put artifacts and bundles where consumers look for them",
		Description: console.Examples(`Publishes the artifacts with their bundles into an OCI image layout inside the
dossier, and the bundles into a folder where hallmark.yaml or --directory names
one: for each artifact a file of JSON lines, and the verdict under the
artifact's name with .sigstore.json. With --registry, files go into a repository
with their bundles; bundles about images go to where the images are. What was
published is read back and verified as a consumer would. A release that failed
is not published, unless --withdraw says that its FAILED verdict shall withdraw
an earlier one.`,
			"hallmark publish -f hallmark.yaml",
			"hallmark publish --directory attestations",
			"hallmark publish --registry registry.example/greet/releases"),
		Flags: append([]cli.Flag{
			fileFlag(), outFlag(), directoryFlag(),
			&cli.BoolFlag{Name: "withdraw", Usage: "publish a FAILED verdict, which withdraws an earlier one"},
			console.Output("table", "json"),
		}, registryFlags()...),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			f, g, err := load(io, c)
			if err != nil {
				return err
			}
			dir := c.String("out")
			j, err := dossier.Replay(dir, known())
			if err != nil {
				return replayEnding(dir, err)
			}
			if err := sameRelease(g.Release, j.Release); err != nil {
				return console.Refuse(err, "judge it again with: hallmark evaluate")
			}
			if !j.Decision.Passed && !c.Bool("withdraw") {
				if c.String("output") == "json" {
					if err := io.JSON(Released{Dossier: dir, Decision: j.Decision}); err != nil {
						return err
					}
				}
				sayRefused(io, j.Decision)
				return decided(j.Decision)
			}
			return publishDossier(io, c, f, g, j, dir)
		},
	}
}

func directoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "directory", Usage: "also publish the bundles into `DIR`"}
}

func publishDossier(io console.IO, c *cli.Context, f *releasefile.File, g *releasefile.Gathered, j dossier.Judged, dir string) error {
	bundles, err := storedBundles(c.Context, dir, j.Release)
	if err != nil {
		return err
	}
	documents, err := documentsOf(f, j)
	if err != nil {
		return err
	}
	var layout *verification.Report
	err = dossier.Update(dir, nil, func(staging string) error {
		if err := j.Held(staging); err != nil {
			return err
		}
		if err := publishLayout(c.Context, io, staging, g, bundles, documents); err != nil {
			return err
		}
		if !j.Decision.Passed {
			return c.Context.Err()
		}
		report, err := verifyLayout(c.Context, io, staging, g)
		if err != nil {
			return err
		}
		layout = &report
		if err := publishedVerifies(report, documentsAbout(g.Files(), documents)); err != nil {
			return takenBack(err)
		}
		return c.Context.Err()
	})
	if err != nil {
		return err
	}
	into, err := publishDirectory(io, c, f, g, dir, j.Decision.Passed, bundles, documents)
	if err != nil {
		return kept(dir, err)
	}
	registries, err := publishRegistries(io, c, f, g, dir, j.Decision.Passed, bundles, documents)
	if err != nil {
		return kept(dir, err)
	}
	if c.String("output") == "json" {
		return io.JSON(Released{
			Passed: j.Decision.Passed, Dossier: dir, Decision: j.Decision,
			Layout: layoutOf(dir, g), Directory: into, Registries: registries, Verification: layout,
		})
	}
	sayPublished(io, layoutOf(dir, g), into, registries, j.Decision.Passed)
	return nil
}

// sayPublished says what is where. In registries it was verified, too, where
// there was a verdict that a consumer accepts.
func sayPublished(io console.IO, layout, into string, registries []InRegistry, passed bool) {
	for _, place := range []string{layout, into} {
		if place != "" {
			_ = io.Line("", "published", place)
		}
	}
	for _, r := range registries {
		where := []string{r.Repository}
		if passed {
			where = append(where, "and verified there")
		}
		_ = io.Line("", "published", where...)
	}
}

// layoutOf is the OCI image layout in the dossier at dir, empty where nothing
// was published into one.
func layoutOf(dir string, g *releasefile.Gathered) string {
	if len(g.Files()) == 0 {
		return ""
	}
	return filepath.Join(dir, dossier.LayoutDir)
}

// verifyLayout verifies what lies in the layout in dir.
func verifyLayout(ctx context.Context, io console.IO, dir string, g *releasefile.Gathered) (verification.Report, error) {
	if len(g.Files()) == 0 {
		return verification.Report{Outcome: verification.Verified}, nil
	}
	return verifySubjects(ctx, io, dir, g.Files(), source.Layout(filepath.Join(dir, dossier.LayoutDir)))
}

// takenBack is the error where what was published was not put in place.
func takenBack(err error) error {
	return console.Unable(fmt.Errorf("what was published does not verify, so it was taken back\n%w", err))
}

// publishedVerifies turns a report about what was just published into an
// error where a consumer would not accept it, or would not find a document.
func publishedVerifies(r verification.Report, documents []outgoing) error {
	if r.Outcome == verification.Verified {
		return documentsFound(r, documents)
	}
	var lines []string
	for _, s := range r.Subjects {
		if s.Outcome == verification.Verified {
			continue
		}
		line := s.Name + ": " + s.Outcome
		for _, reason := range s.Reasons {
			line += "; " + reason.String()
		}
		if s.Error != "" {
			line += ": " + s.Error
		}
		lines = append(lines, line)
	}
	return errors.New(strings.Join(lines, "\n"))
}

// published is one bundle and what it is about.
type published struct {
	bundle   attest.Bundle
	subjects []criteria.Digest
}

// storedBundles reads back which bundles in the dossier's folder are about
// which artifacts.
func storedBundles(ctx context.Context, dir string, rel criteria.Release) ([]published, error) {
	src := source.Once(filepath.Join(dir, dossier.AttestationsDir))
	var out []published
	place := make(map[criteria.Digest]int)
	for _, a := range rel.Artifacts {
		found, err := src.Bundles(ctx, a.Digest)
		if errors.Is(err, fs.ErrNotExist) && queued(dir) {
			return nil, console.Misused(fmt.Errorf("the attestations in %s wait for a service that did not answer", filepath.Join(dir, dossier.PendingDir)),
				"complete them with: hallmark attest --resume")
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, console.Misused(fmt.Errorf("%s has no attestations", dir), "sign them with: hallmark attest")
		}
		if err != nil {
			return nil, console.Unable(err)
		}
		for _, b := range found {
			id := criteria.DigestOf(b)
			i, ok := place[id]
			if !ok {
				i = len(out)
				place[id] = i
				out = append(out, published{bundle: b})
			}
			out[i].subjects = append(out[i].subjects, a.Digest)
		}
	}
	if len(out) == 0 {
		return nil, console.Misused(fmt.Errorf("%s has no attestations about this release", dir), "sign them with: hallmark attest")
	}
	return out, nil
}

// publishLayout puts the artifacts, bundles and documents into the dossier's OCI
// image layout.
func publishLayout(ctx context.Context, io console.IO, dir string, g *releasefile.Gathered, bundles []published, documents []outgoing) error {
	if len(g.Files()) == 0 {
		return nil // images are published where they are
	}
	layout, err := publish.NewLayout(filepath.Join(dir, dossier.LayoutDir))
	if err != nil {
		return console.Unable(err)
	}
	err = layout.Together(func() error {
		for _, a := range g.Files() {
			io.Step("publishing %s", a.Name)
			if err := layout.AddFile(ctx, a, g.Path(a.Name)); err != nil {
				return err
			}
		}
		if err := publishDocuments(ctx, layout, documentsAbout(g.Files(), documents)); err != nil {
			return err
		}
		return publishAll(ctx, layout, about(g.Files(), bundles))
	})
	if err != nil {
		return console.Unable(err)
	}
	return nil
}

// about returns bundles as far as they are about some of subjects.
func about(subjects []criteria.Subject, bundles []published) []published {
	var out []published
	for _, b := range bundles {
		b.subjects = slices.DeleteFunc(slices.Clone(b.subjects), func(d criteria.Digest) bool {
			return !slices.ContainsFunc(subjects, func(s criteria.Subject) bool { return s.Digest.Matches(d) })
		})
		if len(b.subjects) > 0 {
			out = append(out, b)
		}
	}
	return out
}

func publishAll(ctx context.Context, to attest.Publisher, bundles []published) error {
	for _, b := range bundles {
		for _, subject := range b.subjects {
			if _, err := to.Publish(ctx, subject, b.bundle); err != nil {
				return console.Unable(err)
			}
		}
	}
	return nil
}

// display is a path as it can be pasted into a terminal from anywhere, short
// where it lies below the working folder.
func display(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, abs); err == nil && filepath.IsLocal(rel) {
		if strings.HasPrefix(rel, "-") {
			rel = "." + string(filepath.Separator) + rel // no flag
		}
		return rel
	}
	return abs
}
