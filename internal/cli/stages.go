package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

// The flags that several commands share.
func fileFlag() cli.Flag {
	return &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: "hallmark.yaml", Usage: "the release `FILE`"}
}

func outFlag() cli.Flag {
	return &cli.StringFlag{Name: "out", Value: "hallmark-out", Usage: "the dossier: a `DIR` that holds everything the decision rests on"}
}

func atFlag() cli.Flag {
	return &cli.StringFlag{Name: "at", Usage: "judge as of `TIME`, such as 2026-11-22T12:00:00Z, instead of now"}
}

func nearest(word string, known []string) string { return strict.Nearest(word, known) }

// hashing shows how far the hashing of artifacts is.
func hashing(io console.IO) releasefile.Watch {
	return func(total int64) (func(int64), func()) { return io.Progress("hashing", total) }
}

// load reads the release file and gathers what it names.
func load(io console.IO, c *cli.Context) (*releasefile.File, *releasefile.Gathered, error) {
	f, err := releasefile.Load(c.String("file"))
	if err != nil {
		var hints []string
		if errors.Is(err, os.ErrNotExist) {
			hints = append(hints, "begin one with: hallmark init")
		}
		return nil, nil, console.Misused(err, hints...)
	}
	if err := places(c, f); err != nil {
		return nil, nil, err
	}
	var formats []string
	for _, format := range known().Formats {
		formats = append(formats, format.Name())
	}
	g, err := f.Gather(c.Context, formats, hashing(io))
	if err != nil {
		if c.Context.Err() != nil {
			return nil, nil, err
		}
		return nil, nil, console.Misused(err)
	}
	return f, g, nil
}

// judgeStage evaluates the policy about what was gathered.
func judgeStage(io console.IO, c *cli.Context, f *releasefile.File, g *releasefile.Gathered) (dossier.Judged, error) {
	at, declared := f.At, !f.At.IsZero()
	if s := c.String("at"); s != "" {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return dossier.Judged{}, console.Misused(fmt.Errorf("--at %q is no time: write for example 2026-11-22T12:00:00Z", s))
		}
		at, declared = t, true
	}
	if !declared {
		at = io.Now()
	}
	io.Step("judging %s %s on %d reports", g.Release.Name, g.Release.Version, len(g.Reports))
	return dossier.Judge(g.Release, filepath.Join(f.Folder(), filepath.FromSlash(g.PolicyName)), g.Policy, g.Reports, at, declared, known())
}

// signed is one statement with the bundle that holds it.
type signed struct {
	statement attest.Statement
	bundle    attest.Bundle
	reused    bool
}

// signable refuses, before any work is done, a release of more artifacts than
// verifiers take.
func signable(rel criteria.Release) error {
	if n := len(rel.Artifacts); n > verify.MaxSubjects {
		return console.Misused(fmt.Errorf("the release has %d artifacts, and one statement can be about at most %d", n, verify.MaxSubjects),
			"split it, or release one archive of them")
	}
	return nil
}

// errFuture stops a verdict that would be dated later than it was made.
var errFuture = errors.New("will not sign a verdict from the future")

// attestStage makes the statements about j and has key sign them. Bundles in
// before, an earlier dossier's folder, that already hold the very same
// statement and verify are kept.
func attestStage(ctx context.Context, io console.IO, f *releasefile.File, j dossier.Judged, key *sign.Key, before string) ([]signed, verify.Expect, error) {
	if j.Decision.Time.After(io.Now().Add(verify.Skew)) {
		return nil, verify.Expect{}, console.Misused(fmt.Errorf("%w: judged as of %s", errFuture, j.Decision.Time.Format(time.RFC3339)))
	}
	policyURI := f.Verifier.PolicyURI
	if policyURI == "" {
		policyURI = dossier.PolicyFile
	}
	statements, err := attest.Statements(j.Decision, attest.Options{
		Verifier: f.Verifier.ID, VerifierVersion: map[string]string{"hallmark": buildVersion().Version},
		PolicyURI: policyURI, RunURL: f.Verifier.RunURL, Report: j.Report,
	})
	if err != nil {
		return nil, verify.Expect{}, fmt.Errorf("making statements: %w", err)
	}
	want, err := expectation(f, j, key)
	if err != nil {
		return nil, verify.Expect{}, err
	}
	kept := keep(ctx, io, before, want, j.Release)
	signer := sign.NewKeySigner(key)
	var out []signed
	for _, s := range statements {
		if b, ok := kept[criteria.DigestOf(s.Bytes())]; ok {
			out = append(out, signed{s, b, true})
			continue
		}
		io.Step("signing %s", s.Name())
		b, err := signer.Sign(ctx, s)
		if err != nil {
			return nil, verify.Expect{}, fmt.Errorf("signing %s: %w", s.Name(), err)
		}
		out = append(out, signed{s, b, false})
	}
	return out, want, nil
}

// defaultMaxAge bounds how long a withdrawn release can be kept alive by hiding
// what withdrew it, where the release file says nothing.
const defaultMaxAge = 365 * 24 * time.Hour

// expectation is the trust file that a consumer of this release begins with.
func expectation(f *releasefile.File, j dossier.Judged, key *sign.Key) (verify.Expect, error) {
	pem, err := key.PublicPEM()
	if err != nil {
		return verify.Expect{}, err
	}
	want := verify.Expect{
		Verifier: f.Verifier.ID, Resource: j.Release.Resource,
		Signers:  []verify.Signer{{Name: "release key", Key: string(pem)}},
		Level:    j.Decision.Policy.Profile,
		Criteria: f.Trust.Criteria,
		Policies: []criteria.Digest{j.Decision.Policy.Digest},
		MaxAge:   verify.MaxAge(defaultMaxAge),
	}
	if f.Trust.Level != criteria.NoLevel {
		want.Level = f.Trust.Level
	}
	if f.Trust.MaxAge == "unlimited" {
		want.MaxAge = verify.Unlimited
	} else if f.Trust.MaxAge != "" {
		age, err := criteria.ParseAge(f.Trust.MaxAge)
		if err != nil {
			return verify.Expect{}, console.Misused(err)
		}
		want.MaxAge = verify.MaxAge(age)
	}
	return want, nil
}

// keep returns the bundles in an earlier dossier that still verify, by the
// digest of the statement they hold. Whatever goes wrong, there are none: then
// everything is signed anew.
func keep(ctx context.Context, io console.IO, before string, want verify.Expect, rel criteria.Release) map[criteria.Digest]attest.Bundle {
	kept := make(map[criteria.Digest]attest.Bundle)
	if before == "" {
		return kept
	}
	src := source.Once(filepath.Join(before, dossier.AttestationsDir))
	v, err := verify.New(src, want, verify.WithClock(io.Now))
	if err != nil {
		return kept
	}
	for _, a := range rel.Artifacts {
		bundles, err := src.Bundles(ctx, a.Digest)
		if err != nil {
			return kept
		}
		byDigest := make(map[criteria.Digest]attest.Bundle, len(bundles))
		for _, b := range bundles {
			byDigest[criteria.DigestOf(b)] = b
		}
		result, err := v.Verify(ctx, a.Digest)
		if err != nil {
			return kept
		}
		for _, s := range result.Statements {
			if b, ok := byDigest[s.Bundle]; ok {
				kept[s.Digest] = b
			}
		}
	}
	return kept
}

// writeAttestations puts bundles and the trust file into the dossier at dir.
func writeAttestations(dir string, all []signed, want verify.Expect) error {
	into := filepath.Join(dir, dossier.AttestationsDir)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	for _, s := range all {
		if err := atomicfile.Write(filepath.Join(into, bundleName(s.statement)), s.bundle, 0o644); err != nil {
			return err
		}
	}
	trust, err := want.Encode()
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, dossier.TrustFile), trust, 0o644)
}

// bundleName is the name under which consumers expect a bundle.
func bundleName(s attest.Statement) string { return s.Name() + ".sigstore.json" }

// verifyStage verifies every artifact as a consumer would: with the trust file
// and the bundles that lie in dir, and nothing from memory.
func verifyStage(ctx context.Context, io console.IO, dir string, g *releasefile.Gathered, from verify.Source) (verification.Report, error) {
	want, err := verification.LoadTrust(filepath.Join(dir, dossier.TrustFile))
	if err != nil {
		return verification.Report{}, err
	}
	v, err := verify.New(from, want, verify.WithClock(io.Now))
	if err != nil {
		return verification.Report{}, err
	}
	return verification.Verify(ctx, v, g.Release.Artifacts)
}

// decided is the error that a decision ends a command with.
func decided(d criteria.Decision) error {
	switch {
	case d.Passed:
		return nil
	case d.CouldNotTell():
		return console.Quiet(console.CouldNotTell)
	}
	return console.Quiet(console.No)
}
