package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
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
	var formats []releasefile.Format
	for _, format := range known().Formats {
		_, signed := format.(criteria.SignedFormat)
		_, registry := format.(criteria.RegistryFormat)
		f := releasefile.Format{Name: format.Name(), Signed: signed, Registry: registry}
		if signed {
			f.TrustedRoot = verify.PublicGoodRoot()
		}
		formats = append(formats, f)
	}
	g, err := f.Gather(c.Context, formats, hashing(io), resolver(io, c))
	if err != nil {
		if c.Context.Err() != nil {
			return nil, nil, err
		}
		var fault *oci.Error
		if errors.As(err, &fault) {
			return nil, nil, verification.RegistryEnding(err)
		}
		return nil, nil, console.Misused(err)
	}
	if err := besides(c, f, g); err != nil {
		return nil, nil, err
	}
	if err := toRegistry(c, f, g); err != nil {
		return nil, nil, err
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
	// outage is why the bundle is not complete, if it is not; then it may also
	// be nil.
	outage *sign.OutageError
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

// attestation is what the attest stage made of a decision.
type attestation struct {
	all []signed
	// want is the trust file for consumers; zero where something is queued.
	want verify.Expect
	// queued is true where a service did not answer, and what there is waits for
	// it.
	queued bool
}

// attestStage makes the statements about j and has them signed. Bundles in
// before, an earlier dossier's folder, that already hold the very same
// statement and verify are kept, and those that wait there are completed.
func attestStage(ctx context.Context, io console.IO, f *releasefile.File, j dossier.Judged, by *signing, before string) (attestation, error) {
	if j.Decision.Time.After(io.Now().Add(verify.Skew)) {
		return attestation{}, console.Misused(fmt.Errorf("%w: judged as of %s, and this machine's clock says %s", errFuture, j.Decision.Time.Format(time.RFC3339), io.Now().UTC().Format(time.RFC3339)))
	}
	statements, err := statementsOf(f, j)
	if err != nil {
		return attestation{}, err
	}
	want, err := expectation(f, j)
	if err != nil {
		return attestation{}, err
	}
	kept, waiting := by.keep(ctx, io, before, want, j.Release), by.own(waitingIn(before))

	// Statements are signed side by side: most of the time goes by in waiting
	// for others. Where one cannot be, no other is begun, and those that were are
	// not broken off: a log may take it out on whoever asked at the same time.
	const together = 8
	var failed atomic.Bool
	out := attestation{all: make([]signed, len(statements))}
	var group errgroup.Group
	group.SetLimit(together)
	begun := false
	for i, s := range statements {
		if b, ok := kept[criteria.DigestOf(s.Bytes())]; ok {
			out.all[i] = signed{statement: s, bundle: b, reused: true}
			continue
		}
		io.Step("signing %s", s.Name())
		one := func() error {
			if failed.Load() {
				return nil
			}
			b, err := by.Resume(ctx, s, waiting[bundleName(s)])
			var outage *sign.OutageError
			if errors.As(err, &outage) && by.outage == sign.Queue {
				out.all[i] = signed{statement: s, bundle: outage.Bundle, outage: outage}
				return nil
			}
			out.all[i] = signed{statement: s, bundle: b}
			if err != nil {
				failed.Store(true)
			}
			return err
		}
		// A token that is asked with a wrong PIN counts it: once is enough.
		if by.service && !begun {
			if err := one(); err != nil {
				return attestation{}, signingEnding(ctx, err)
			}
		} else {
			group.Go(one)
		}
		begun = true
	}
	if err := group.Wait(); err != nil {
		return attestation{}, signingEnding(ctx, err)
	}
	var bundles []attest.Bundle
	for _, s := range out.all {
		if s.outage != nil {
			out.queued = true
			return out, nil
		}
		bundles = append(bundles, s.bundle)
	}
	out.want = want
	out.want.Signers, err = by.signers(bundles)
	return out, err
}

// signingEnding says how a command ends that could not sign.
func signingEnding(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	var outage *sign.OutageError
	var no *sign.RefusedError
	switch {
	case errors.As(err, &outage):
		return console.Unable(err, "keep what there is until it answers with: --outage queue")
	case errors.As(err, &no):
		return console.Unable(err)
	}
	return err
}

// defaultMaxAge bounds how long a withdrawn release can be kept alive by hiding
// what withdrew it, where the release file says nothing.
const defaultMaxAge = 365 * 24 * time.Hour

// expectation is the trust file that a consumer of this release begins with,
// but for its signers.
func expectation(f *releasefile.File, j dossier.Judged) (verify.Expect, error) {
	want := verify.Expect{
		Verifier: f.Verifier.ID, Resource: j.Release.Resource,
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

// writeAttestations puts bundles, the trust file and the trusted root that it
// names into the dossier at dir.
func writeAttestations(dir string, all []signed, want verify.Expect, trustedRoot []byte) error {
	into := filepath.Join(dir, dossier.AttestationsDir)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	for _, s := range all {
		if err := atomicfile.Write(filepath.Join(into, bundleName(s.statement)), s.bundle, 0o644); err != nil {
			return err
		}
		if d, ok := s.statement.Document(); ok {
			if err := dossier.AddDocument(dir, d); err != nil {
				return err
			}
		}
	}
	if trustedRoot != nil {
		if err := atomicfile.Write(filepath.Join(dir, dossier.TrustedRootFile), trustedRoot, 0o644); err != nil {
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
func bundleName(s attest.Statement) string { return s.Name() + bundleSuffix }

const bundleSuffix = ".sigstore.json"

// verifyStage verifies every artifact as a consumer would: with the trust file
// that lies in dir, the bundles that from finds, and nothing from memory.
func verifyStage(ctx context.Context, io console.IO, dir string, g *releasefile.Gathered, from verify.Source) (verification.Report, error) {
	return verifySubjects(ctx, io, dir, g.Release.Artifacts, from)
}

// verifySubjects is verifyStage for some artifacts.
func verifySubjects(ctx context.Context, io console.IO, dir string, subjects []criteria.Subject, from verify.Source) (verification.Report, error) {
	want, err := verification.LoadTrust(filepath.Join(dir, dossier.TrustFile))
	if err != nil {
		return verification.Report{}, err
	}
	v, err := verify.New(from, want, verify.WithClock(io.Now))
	if err != nil {
		return verification.Report{}, err
	}
	return answer.Verify(ctx, v, subjects)
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
