package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials/helper"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

// registryFlags say what is published into registries.
func registryFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "registry", Usage: "also publish files and bundles into the `REPOSITORY` of an OCI registry"},
		&cli.BoolFlag{Name: "legacy", Usage: "publish bundles about images in cosign's older layout (.att), too"},
	}, verification.AccessFlags()...)
}

// accessOf is how registries are reached.
func accessOf(io console.IO, c *cli.Context) oci.Access {
	return verification.Access(io, c, helper.Ask)
}

// resolver asks registries what the release file's images are.
func resolver(io console.IO, c *cli.Context) releasefile.Resolver {
	access := accessOf(io, c)
	return func(ctx context.Context, reference string) ([]releasefile.Image, error) {
		ref, err := oci.ParseReference(reference)
		if err != nil {
			return nil, err
		}
		io.Step("resolving %s", reference)
		image, err := ref.Open(access).Resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		var out []releasefile.Image
		for _, s := range answer.Released(reference, image) {
			out = append(out, releasefile.Image{Subject: s, Repository: ref.Repository()})
		}
		return out, nil
	}
}

// intoRegistry is the repository for the release's files, if any is named, and
// by what it is named.
func intoRegistry(c *cli.Context, f *releasefile.File) (repository, by string) {
	if s := c.String("registry"); s != "" {
		return s, "--registry"
	}
	return f.Publish.Registry, "publish.registry"
}

// toRegistry refuses, before any work is done, a repository that cannot be
// meant, and one that nothing would go into.
func toRegistry(c *cli.Context, f *releasefile.File, g *releasefile.Gathered) error {
	into, by := intoRegistry(c, f)
	if into == "" {
		return nil
	}
	if err := verification.Repository(into); err != nil {
		return fmt.Errorf("%s: %w", by, err)
	}
	if len(g.Files()) == 0 {
		return console.Misused(fmt.Errorf("%s: %s is for files, and this release has images only: what is about them is published where they are", by, into),
			"to have images elsewhere with all that is known about them: hallmark copy")
	}
	return nil
}

// InRegistry is what was published into one repository.
type InRegistry struct {
	Repository string `json:"repository"`
	// Locations are those of all files and bundles, by digest.
	Locations []string `json:"locations"`
}

// publishRegistries publishes into the registries that hold the release's
// images, and into the one that the flag or the release file names for its
// files, reads all of it back, and verifies it as a consumer would where the
// release passed. What is there already is not sent again, so whatever was kept
// from its end is completed by running it once more.
func publishRegistries(io console.IO, c *cli.Context, f *releasefile.File, g *releasefile.Gathered, dir string, passed bool, bundles []published, documents []outgoing) ([]InRegistry, error) {
	into, _ := intoRegistry(c, f)
	subjects := make(map[string][]criteria.Subject)
	var repositories []string
	add := func(repository string, s criteria.Subject) {
		if _, ok := subjects[repository]; !ok {
			repositories = append(repositories, repository)
		}
		subjects[repository] = append(subjects[repository], s)
	}
	for _, image := range g.Images() {
		add(image.Repository, image.Subject)
	}
	if into != "" {
		for _, file := range g.Files() {
			add(into, file)
		}
	}
	var out []InRegistry
	var failed []error
	for _, repository := range repositories {
		at, err := publishRegistry(io, c, f, g, repository, subjects[repository], bundles, documents)
		if err == nil && passed {
			err = readBack(io, c, dir, repository, subjects[repository], documents)
		}
		if err == nil {
			out = append(out, at)
			continue
		}
		failed = append(failed, err)
		if c.Context.Err() != nil {
			break
		}
	}
	if len(failed) == 0 {
		return out, nil
	}
	// Which half is out, and which is not.
	var whole, half []string
	for _, repository := range repositories {
		if slices.ContainsFunc(out, func(o InRegistry) bool { return o.Repository == repository }) {
			whole = append(whole, repository)
		} else {
			half = append(half, repository)
		}
	}
	if c.Context.Err() != nil {
		// An interruption ends without the words of what it interrupted.
		fmt.Fprintf(io.Err, "hallmark: not published in full: %s\n", strings.Join(half, ", "))
		if len(whole) > 0 {
			fmt.Fprintf(io.Err, "hallmark: published in full: %s\n", strings.Join(whole, ", "))
		}
		return out, errors.Join(failed...)
	}
	err := errors.Join(failed...)
	if len(whole) > 0 {
		err = fmt.Errorf("%w\npublished in full: %s", err, strings.Join(whole, ", "))
	}
	return out, verification.RegistryEnding(err)
}

func publishRegistry(io console.IO, c *cli.Context, f *releasefile.File, g *releasefile.Gathered, repository string, subjects []criteria.Subject, bundles []published, documents []outgoing) (InRegistry, error) {
	out := InRegistry{Repository: repository}
	to, err := publish.NewRegistry(repository, accessOf(io, c))
	if err != nil {
		return out, console.Misused(err)
	}
	to.Legacy = c.Bool("legacy") || f.Publish.Legacy
	io.Step("publishing into %s", repository)
	here := func(d criteria.Digest) bool {
		return slices.ContainsFunc(subjects, func(s criteria.Subject) bool { return s.Digest.Matches(d) })
	}
	var files []publish.File
	for _, s := range g.Files() {
		if here(s.Digest) {
			files = append(files, publish.File{Subject: s, Path: g.Path(s.Name)})
		}
	}
	var referrers []publish.About
	for _, b := range about(subjects, bundles) {
		for _, s := range b.subjects {
			referrers = append(referrers, publish.About{Subject: s, Bundle: b.bundle})
		}
	}
	at, err := to.PublishAll(c.Context, files, referrers)
	if err != nil {
		return out, err
	}
	for _, p := range at {
		out.Locations = append(out.Locations, p.Location)
	}
	for _, d := range documentsAbout(subjects, documents) {
		for _, s := range d.subjects {
			location, err := to.AddDocument(c.Context, s.Digest, d.Document, d.data)
			if err != nil {
				return out, err
			}
			out.Locations = append(out.Locations, location)
		}
	}
	return out, nil
}

// readBack verifies what a consumer gets from a repository.
func readBack(io console.IO, c *cli.Context, dir, repository string, subjects []criteria.Subject, documents []outgoing) error {
	src, err := source.Registry(repository, accessOf(io, c))
	if err != nil {
		return err
	}
	io.Step("verifying what is in %s", repository)
	report, err := verifySubjects(c.Context, io, dir, subjects, src)
	if err != nil {
		return err
	}
	if err := publishedVerifies(report, documentsAbout(subjects, documents)); err != nil {
		return fmt.Errorf("what is in %s now does not verify\n%w", repository, err)
	}
	return nil
}
