package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

// statementsOf makes the statements about j.
func statementsOf(f *releasefile.File, j dossier.Judged) ([]attest.Statement, error) {
	policyURI := f.Verifier.PolicyURI
	if policyURI == "" {
		policyURI = dossier.PolicyFile
	}
	all, err := attest.Statements(j.Decision, attest.Options{
		Verifier: f.Verifier.ID, VerifierVersion: map[string]string{"hallmark": buildVersion().Version},
		PolicyURI: policyURI, RunURL: f.Verifier.RunURL, Report: j.Report, MaxInline: j.InlineLimit,
	})
	if err != nil {
		return nil, fmt.Errorf("making statements: %w", err)
	}
	return all, nil
}

// outgoing is a document that a statement refers to, and that goes out with it.
type outgoing struct {
	attest.Document
	data     []byte
	subjects []criteria.Subject
}

// documentsOf returns what the statements about j refer to.
func documentsOf(f *releasefile.File, j dossier.Judged) ([]outgoing, error) {
	statements, err := statementsOf(f, j)
	if err != nil {
		return nil, err
	}
	var out []outgoing
	for _, s := range statements {
		d, ok := s.Document()
		if !ok {
			continue
		}
		data, err := j.Report(d.Digest)
		if err != nil {
			return nil, err
		}
		out = append(out, outgoing{d, data, s.Subjects()})
	}
	return out, nil
}

// documentsAbout returns documents as far as they are about some of subjects.
func documentsAbout(subjects []criteria.Subject, documents []outgoing) []outgoing {
	var out []outgoing
	for _, d := range documents {
		d.subjects = slices.DeleteFunc(slices.Clone(d.subjects), func(s criteria.Subject) bool {
			return !slices.ContainsFunc(subjects, func(o criteria.Subject) bool { return o.Digest.Matches(s.Digest) })
		})
		if len(d.subjects) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// publishDocuments publishes documents about each artifact that they are about.
func publishDocuments(ctx context.Context, to attest.DocumentPublisher, documents []outgoing) error {
	for _, d := range documents {
		for _, s := range d.subjects {
			if _, err := to.AddDocument(ctx, s.Digest, d.Document, d.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// documentsFound holds a report about what was published against the documents
// that went with it: a consumer finds each, about every artifact it is about.
func documentsFound(r verification.Report, documents []outgoing) error {
	var lines []string
	for _, d := range documents {
		for _, about := range d.subjects {
			if state := found(r, about.Digest, d.Digest); state != verify.Found {
				lines = append(lines, fmt.Sprintf("%s: document %s, which goes with it, is %s", about.Name, d.Name, state))
			}
		}
	}
	if len(lines) > 0 {
		return errors.New(strings.Join(lines, "\n"))
	}
	return nil
}

// found is what became of looking for document about subject.
func found(r verification.Report, subject, document criteria.Digest) string {
	for _, s := range r.Subjects {
		if !s.Digest.Matches(subject) || s.Result == nil {
			continue
		}
		for _, ref := range s.Result.References {
			if ref.Digest.Matches(document) {
				return ref.State
			}
		}
	}
	return "not referred to"
}

// directoryOf is the folder that the flag or the release file names to publish
// into, empty if none.
func directoryOf(c *cli.Context, f *releasefile.File) string {
	if into := c.String("directory"); into != "" || f.Publish.Directory == "" {
		return into
	}
	return f.Beside(f.Publish.Directory)
}

// besides refuses, before any work is done, artifacts beside which no bundles
// can be put under their names.
func besides(c *cli.Context, f *releasefile.File, g *releasefile.Gathered) error {
	if directoryOf(c, f) == "" {
		return nil
	}
	if err := publish.CheckNames(g.Files()); err != nil {
		return console.Misused(fmt.Errorf("publishing into a directory: %w", err))
	}
	return nil
}

// publishDirectory publishes into the folder that the flag or the release file
// names, if any, and says which. What a consumer finds there is verified, where
// the release passed.
func publishDirectory(io console.IO, c *cli.Context, f *releasefile.File, g *releasefile.Gathered, dir string, passed bool, bundles []published, documents []outgoing) (string, error) {
	into := directoryOf(c, f)
	if into == "" {
		return "", nil
	}
	to, err := publish.NewDirectory(into, g.Files()...)
	if err != nil {
		return "", console.Unable(err)
	}
	if err := publishDocuments(c.Context, to, documents); err != nil {
		return "", console.Unable(err)
	}
	if err := to.Together(c.Context, func() error { return publishAll(c.Context, to, bundles) }); err != nil {
		return "", console.Unable(err)
	}
	if !passed {
		return into, nil
	}
	io.Step("verifying %s", into)
	report, err := verifyStage(c.Context, io, dir, g, source.Once(into))
	if err != nil {
		return "", err
	}
	if err := publishedVerifies(report, documents); err != nil {
		return "", console.Unable(fmt.Errorf("what lies in %s now does not verify\n%w", into, err))
	}
	return into, nil
}
