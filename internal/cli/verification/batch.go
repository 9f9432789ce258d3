package verification

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/artifact"
	"github.com/hallmark-project/hallmark/verify/source"
)

// maxJobs bounds how many entries of a list are verified at once.
const maxJobs = 256

// together is how many subjects of one entry, a folder, are answered before
// their answers are written.
const together = 64

// maxOpen bounds the repositories that are kept open between entries.
const maxOpen = 64

// batchFlags are for lists.
func batchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from-file", Usage: "verify what `LIST` names, one artifact a line; - for standard input"},
		&cli.StringFlag{Name: "shard", Usage: "of the list, verify part `I/N`, counted from 0"},
		&cli.IntFlag{Name: "jobs", Usage: "verify `N` entries of the list at once; default one for each processor"},
		&cli.StringFlag{Name: "resume", Usage: "note in `FILE` what verified, and do not ask again for what is noted there"},
	}
}

// alone refuses the flags for lists where there is none, and a list where it is
// not worked through.
func alone(c *cli.Context) error {
	if c.String("from-file") != "" {
		return console.Misused(errors.New("--from-file and --replay do not go together: a dossier is about one release"))
	}
	for _, name := range []string{"shard", "jobs", "resume"} {
		if c.IsSet(name) {
			return console.Misused(fmt.Errorf("--%s is for a list: --from-file LIST", name))
		}
	}
	return nil
}

// run works through a list.
type run struct {
	io     console.IO
	want   verify.Expect
	base   *verify.Verifier
	given  bool                    // --attestations, --layout or --registry say where bundles are
	hash   artifact.Options        // how files are hashed
	online func(what string) error // refuses what needs a network that is not to be used
	access oci.Access
	done   *resume

	mu   sync.Mutex
	open map[string]*opened
}

// opened is a repository and what verifies the images in it.
type opened struct {
	repository *oci.Repository
	verifier   *verify.Verifier
}

// batch verifies what a list names. Answers are written in the list's order as
// soon as they are there, and none is kept.
func batch(io console.IO, c *cli.Context, helper credentials.Helper) (err error) {
	if c.Args().Present() || c.String("checksums") != "" {
		return console.Misused(errors.New("--from-file says what to verify: expected no arguments and no --checksums beside it"))
	}
	part, err := parseShard(c.String("shard"))
	if err != nil {
		return err
	}
	jobs := c.Int("jobs")
	switch {
	case !c.IsSet("jobs"):
		jobs = min(runtime.GOMAXPROCS(0), maxJobs)
	case jobs < 1 || jobs > maxJobs:
		return console.Misused(fmt.Errorf("--jobs %d: expected 1 to %d", jobs, maxJobs))
	}
	want, err := expected(c)
	if err != nil {
		return err
	}
	r := &run{io: io, want: want, access: Access(io, c, helper), open: make(map[string]*opened)}
	r.online = func(what string) error { return online(c, what) }
	r.given = len(c.StringSlice("attestations")) > 0 || c.String("layout") != "" || c.String("registry") != ""
	entries, err := readList(c.String("from-file"), io.In, r.check)
	if err != nil {
		return err
	}
	src, bundles, err := fixed(c, r.access)
	if err != nil {
		return err
	}
	r.hash = hashing(c.Context, src)
	if r.base, err = verifier(io, c, src, want); err != nil {
		return err
	}
	if file := c.String("resume"); file != "" {
		own := conditions{Bundles: bundles}
		if own.Expect, err = r.base.Fingerprint(); err == nil {
			own.Program, err = program()
		}
		if err != nil {
			return console.Unable(err)
		}
		if r.done, err = openResume(file, own, io.Now()); err != nil {
			return err
		}
		defer func() {
			if closing := r.done.close(); closing != nil && err == nil {
				err = console.Unable(closing)
			}
		}()
	}
	own := part.of(entries)
	out := newWriter(io, c.String("output"), part, len(entries), len(own))
	sum, err := r.all(c.Context, own, jobs, out)
	if err != nil {
		return err
	}
	return Ending(Report{Outcome: sum.Outcome})
}

// fixed is [bundles] for many subjects: it also says where they are so that it
// is another if they are others, as far as somebody who asks no network can tell.
func fixed(c *cli.Context, a oci.Access) (verify.Source, string, error) {
	if paths := c.StringSlice("attestations"); len(paths) > 0 && c.String("layout") == "" && c.String("registry") == "" {
		x, err := source.NewIndex(c.Context, paths...)
		if err != nil {
			return nil, "", console.Unable(err)
		}
		return x, "files " + x.Digest().String(), nil
	}
	src, err := bundles(c, a)
	switch {
	case err != nil:
		return nil, "", err
	case src == nil:
		return routed{}, "the images' own repositories", nil
	}
	if dir := c.String("layout"); dir != "" {
		// Everything in a layout is found from its index, by digest.
		index, err := regular.File(filepath.Join(dir, "index.json"), strict.MaxReport)
		if err != nil {
			return nil, "", console.Unable(fmt.Errorf("opening the layout %s: %w", dir, err))
		}
		sum := sha256.Sum256(index)
		return src, "layout sha256:" + hex.EncodeToString(sum[:]), nil
	}
	return src, "repository " + c.String("registry"), nil
}

// check says why an entry cannot be what it looks like.
func (r *run) check(text string) error {
	_, isImage, err := image(text)
	switch {
	case err != nil:
		return err
	case isImage:
		return r.online(text)
	}
	if _, err := digest(text); err != nil {
		return err
	}
	if !r.given {
		return fmt.Errorf("%q is no image REGISTRY/REPOSITORY:TAG, and of others nobody said where the bundles are: expected --attestations, --layout or --registry", text)
	}
	return nil
}

// all verifies entries, so many at once as jobs says, and writes the answers in
// their order. Answers wait only for those before them, and few do.
func (r *run) all(ctx context.Context, entries []entry, jobs int, out writer) (Summary, error) {
	type task struct {
		entry
		answers chan []Line
	}
	sum := Summary{Outcome: Verified, Entries: len(entries)}
	todo, ordered := make(chan task), make(chan task, 2*jobs)
	g, working := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(todo)
		defer close(ordered)
		for _, e := range entries {
			t := task{e, make(chan []Line, 1)}
			for _, to := range []chan task{ordered, todo} {
				select {
				case to <- t:
				case <-working.Done():
					return working.Err()
				}
			}
		}
		return nil
	})
	for range min(jobs, len(entries)) {
		g.Go(func() error {
			for t := range todo {
				err := r.answer(working, t.entry, func(lines []Line) error {
					select {
					case t.answers <- lines:
						return nil
					case <-working.Done():
						return working.Err()
					}
				})
				close(t.answers)
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		progress := r.io.Count("verified", len(entries))
		defer progress.Clear()
		for t := range ordered {
			for {
				lines, more, err := receive(working, t.answers)
				if err != nil {
					return err
				}
				if !more {
					break
				}
				progress.Clear()
				for _, l := range lines {
					l.Line = t.line
					if err := r.write(l, &sum, out); err != nil {
						return err
					}
				}
			}
			progress.Add()
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		if errors.Is(err, context.Canceled) {
			err = fmt.Errorf("verifying: %w: %w", err, console.ErrKept)
		}
		return sum, err
	}
	// An answer that was not given is not a yes.
	if err := ctx.Err(); err != nil {
		return sum, fmt.Errorf("verifying: %w: %w", err, console.ErrKept)
	}
	return sum, out.end(sum)
}

func receive(ctx context.Context, from <-chan []Line) (lines []Line, more bool, err error) {
	select {
	case lines, more = <-from:
		// A worker that gave up closes it, too.
		return lines, more, ctx.Err()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// write writes one answer, and notes a yes that was found now.
func (r *run) write(l Line, sum *Summary, out writer) error {
	sum.add(l.Outcome, l.Recorded != nil)
	if err := out.subject(l); err != nil {
		return err
	}
	if l.Outcome != Verified || l.Recorded != nil {
		return nil
	}
	if err := r.done.note(record{Digest: l.Digest, From: l.from, At: l.at, Until: lasts(r.want, l.Result.Verdict.Time, l.Result.Until(), l.at)}); err != nil {
		return console.Unable(err)
	}
	return nil
}

// answer verifies what e names. Whatever keeps it from an answer about e is an
// answer, too: the others have theirs. It returns an error only if ctx has ended.
func (r *run) answer(ctx context.Context, e entry, give func([]Line) error) error {
	subjects, v, from, err := r.find(ctx, e.text)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return give([]Line{{Subject: Subject{Name: e.text, Outcome: Unknown, Error: err.Error()}}})
	}
	for some := range slices.Chunk(subjects, together) {
		lines := make([]Line, 0, len(some))
		for _, s := range some {
			now := r.io.Now()
			if known, ok := r.done.verified(s.Digest, from, now); ok {
				lines = append(lines, Line{Subject: Subject{Name: s.Name, Digest: s.Digest, Outcome: Verified}, Recorded: &known.At})
				continue
			}
			report, err := answer.Verify(ctx, v, []criteria.Subject{s})
			if err != nil {
				return err
			}
			lines = append(lines, Line{Subject: report.Subjects[0], at: now, from: from})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := give(lines); err != nil {
			return err
		}
	}
	return nil
}

// find returns the subjects that an entry names, what verifies them, and the
// repository that is asked where it is the image's own. A file is hashed and a
// tag resolved each time, whatever was noted: what is noted is a digest.
func (r *run) find(ctx context.Context, text string) (subjects []criteria.Subject, v *verify.Verifier, from string, err error) {
	ref, isImage, err := image(text)
	if err != nil {
		return nil, nil, "", err
	}
	if isImage {
		o, err := r.repository(ref)
		if err != nil {
			return nil, nil, "", err
		}
		resolved, err := o.repository.Resolve(ctx, ref)
		if err != nil {
			return nil, nil, "", RegistryEnding(err)
		}
		subjects = released(text, ref, resolved)
		if r.given {
			return subjects, r.base, "", nil
		}
		return subjects, o.verifier, ref.Repository(), nil
	}
	d, err := digest(text)
	if err != nil {
		return nil, nil, "", err
	}
	if !d.IsZero() {
		return []criteria.Subject{{Name: text, Digest: d}}, r.base, "", nil
	}
	found, err := artifact.Find(ctx, r.hash, text)
	if err != nil {
		return nil, nil, "", err
	}
	// Of its own: what an entry is answered depends on no other.
	sums := make(hashed)
	return sums.add(found), r.base.WithDigests(sums.digests), "", nil
}

// repository returns the opened repository of ref: a hundred images of one are
// asked for over the same connections.
func (r *run) repository(ref oci.Reference) (*opened, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.open[ref.Repository()]; o != nil {
		return o, nil
	}
	if len(r.open) >= maxOpen {
		clear(r.open)
	}
	o := &opened{repository: ref.Open(r.access)}
	var err error
	if o.verifier, err = r.base.From(source.Repository(o.repository)); err != nil {
		return nil, err
	}
	r.open[ref.Repository()] = o
	return o, nil
}
