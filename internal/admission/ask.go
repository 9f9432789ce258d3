package admission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// Limits says how much is done at once and how long what is known is kept.
type Limits struct {
	Verified time.Duration // how long a yes is kept
	Refused  time.Duration // how long a no is kept
	Tag      time.Duration // how long is believed what a tag leads to; 0 asks each time
	Entries  int           // verdicts that are kept
	Lookups  int           // lookups at once
	Registry int           // lookups at once at one registry
	Lookup   time.Duration // the longest that one lookup takes
	Bundles  int64         // bytes of bundles about one image and what it lists; 0 is no bound
}

// maxPending bounds the lookups that wait: more are not begun.
const maxPending = 10_000

// asker asks registries, folders and verifiers, each question once however many
// wait for its answer, and remembers what they said.
//
// A lookup belongs to nobody who waits for it: it goes on when they have been
// told that it takes too long, so that they are answered when they ask again.
type asker struct {
	ctx     context.Context // of all lookups
	now     func() time.Time
	limits  Limits
	metrics *metrics

	verdicts *cache[verdictKey, *verdict]
	images   *cache[imageKey, oci.Image]
	tags     *cache[string, *resolved]
	flights  singleflight.Group
	pending  atomic.Int64
	free     chan struct{}
	hosts    *limiter
}

// verdictKey is what a verdict is about, and all that it rests on but time and
// what lies in where.
type verdictKey struct{ trust, where, digest string }

type imageKey struct {
	repository string
	digest     v1.Hash
}

// resolved is what a tag led to.
type resolved struct {
	image   oci.Image
	problem *verdict // why that is not known
	made    time.Time
}

func newAsker(ctx context.Context, now func() time.Time, l Limits, m *metrics) *asker {
	return &asker{
		ctx: ctx, now: now, limits: l, metrics: m,
		verdicts: newCache[verdictKey, *verdict](l.Entries),
		images:   newCache[imageKey, oci.Image](l.Entries),
		tags:     newCache[string, *resolved](l.Entries),
		free:     make(chan struct{}, l.Lookups),
		hosts:    newLimiter(l.Registry),
	}
}

// flight makes one lookup called key, unless it is under way, and waits for it
// until ctx ends.
func flight[T any](ctx context.Context, a *asker, key string, do func(context.Context) T, fault func(*verdict) T) T {
	ch := launch(a, key, do, fault)
	select {
	case r := <-ch:
		return r.Val.(T) //nolint:forcetypeassert // only do and fault make it
	case <-ctx.Done():
		return fault(unknown(a.now(), notInTime, 0, "no answer within the time that the API server waits: it is still being looked for, try again"))
	}
}

func launch[T any](a *asker, key string, do func(context.Context) T, fault func(*verdict) T) <-chan singleflight.Result {
	return a.flights.DoChan(key, func() (out any, _ error) {
		// Nobody else catches it: a fault in what reads strangers' bytes must cost
		// this answer, not everyone the process.
		defer func() {
			if p := recover(); p != nil {
				out = fault(unknown(a.now(), internalFault, keepUnknown, "looking failed unexpectedly: %v", p))
			}
		}()
		defer a.pending.Add(-1)
		if a.pending.Add(1) > maxPending {
			return fault(unknown(a.now(), overloaded, 0, "too much is being looked for: try again")), nil
		}
		ctx, cancel := context.WithTimeout(a.ctx, a.limits.Lookup)
		defer cancel()
		return do(ctx), nil
	})
}

// slot waits until another lookup may be made, at host if there is one, and
// returns what ends it.
func (a *asker) slot(ctx context.Context, host string) (func(), error) {
	leave := func() {}
	if host != "" {
		if leave = a.hosts.acquire(ctx.Done(), host); leave == nil {
			return nil, fmt.Errorf("waiting for %s, which is busy: %w", host, ctx.Err())
		}
	}
	select {
	case a.free <- struct{}{}:
		return func() { <-a.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("waiting until less is looked for at once: %w", ctx.Err())
	}
}

// resolve says which digest ref names. What a tag led to is believed for a short
// while.
func (a *asker) resolve(ctx context.Context, s *state, ref oci.Reference) (oci.Reference, *verdict) {
	if hasDigest(ref) {
		return ref, nil
	}
	key := s.repos.id + " " + ref.String()
	if r := a.tagged(key); r != nil {
		return r.image.Reference, r.problem
	}
	r := flight(ctx, a, "tag "+key, func(ctx context.Context) *resolved {
		r := &resolved{}
		end, err := a.slot(ctx, ref.Registry())
		if err == nil {
			began := time.Now()
			r.image, err = s.repos.repository(ref).Resolve(ctx, ref)
			a.metrics.lookup("resolve", err, time.Since(began))
			end()
		}
		r.made = a.now()
		if err != nil {
			r.problem = unable(r.made, err)
		} else {
			a.keepImage(r.image)
			r.image.Children = nil // they are the digest's, not the tag's
		}
		if a.limits.Tag > 0 || r.problem != nil {
			a.tags.put(key, r)
		}
		return r
	}, func(v *verdict) *resolved { return &resolved{problem: v} })
	return r.image.Reference, r.problem
}

// tagged returns what a tag led to a short while ago.
func (a *asker) tagged(key string) *resolved {
	r, ok := a.tags.get(key)
	if !ok {
		return nil
	}
	keep := a.limits.Tag
	if r.problem != nil {
		keep = r.problem.keep
	}
	if age := a.now().Sub(r.made); age < 0 || age >= keep {
		return nil
	}
	return r
}

// known returns what is remembered of ref, which has a digest, under p; nil
// where it has to be asked.
func (a *asker) known(s *state, p *policy, ref oci.Reference) *verdict {
	verdicts := make([]*verdict, len(p.trusts))
	for i, t := range p.trusts {
		v := a.remembered(s, p, t, ref)
		if v == nil {
			return nil
		}
		if v.outcome == answer.Verified {
			return v // whatever the others say
		}
		verdicts[i] = v
	}
	return together(p.trusts, verdicts)
}

// remembered is [asker.known] for one trust file. A yes that will end soon is
// asked again meanwhile.
func (a *asker) remembered(s *state, p *policy, t *trust, ref oci.Reference) *verdict {
	key := keyOf(p, t, ref)
	v, ok := a.verdicts.get(key)
	now := a.now()
	if !ok || !v.counts(now) {
		return nil
	}
	if v.outcome == answer.Verified && v.ages(now) && v.due(now) {
		a.again(s, p, t, ref, key)
	}
	return v
}

func keyOf(p *policy, t *trust, ref oci.Reference) verdictKey {
	where := p.where
	if p.source == nil {
		where = "registry " + ref.Repository()
	}
	return verdictKey{t.id, where, ref.Digest.String()}
}

// ask says what p says of ref, which has a digest, before ctx ends.
func (a *asker) ask(ctx context.Context, s *state, p *policy, ref oci.Reference) *verdict {
	verdicts := make([]*verdict, len(p.trusts))
	var wait sync.WaitGroup
	for i, t := range p.trusts {
		if v := a.remembered(s, p, t, ref); v != nil {
			verdicts[i] = v
			continue
		}
		wait.Go(func() {
			key := keyOf(p, t, ref)
			verdicts[i] = flight(ctx, a, key.String(), func(ctx context.Context) *verdict { return a.look(ctx, s, p, t, ref, key) }, same)
		})
	}
	wait.Wait()
	return together(p.trusts, verdicts)
}

func same(v *verdict) *verdict { return v }

func (k verdictKey) String() string { return "verdict " + k.trust + " " + k.where + " " + k.digest }

// again looks once more for what is known already, without anyone waiting.
func (a *asker) again(s *state, p *policy, t *trust, ref oci.Reference, key verdictKey) {
	launch(a, key.String(), func(ctx context.Context) *verdict { return a.look(ctx, s, p, t, ref, key) }, same)
}

// look asks t about ref and keeps the answer. A yes that stands is not taken
// back because nothing could be told a second time: it ends when it ends.
func (a *asker) look(ctx context.Context, s *state, p *policy, t *trust, ref oci.Reference, key verdictKey) *verdict {
	v := a.verify(ctx, s, p, t, ref)
	if v.outcome == answer.Unknown {
		if old, ok := a.verdicts.get(key); ok && old.outcome == answer.Verified && old.counts(a.now()) {
			return old
		}
	}
	if v.keep > 0 {
		a.verdicts.put(key, v)
	}
	return v
}

// verify asks t's verifier about ref and, where it is an index, all its images.
func (a *asker) verify(ctx context.Context, s *state, p *policy, t *trust, ref oci.Reference) *verdict {
	host := ""
	if p.source == nil {
		host = ref.Registry()
	}
	end, err := a.slot(ctx, host)
	if err != nil {
		return unable(a.now(), err)
	}
	defer end()
	began := time.Now()
	report, err := a.report(ctx, s, p, t, ref)
	if p.source == nil {
		a.metrics.lookup("bundles", errors.Join(err, cause(report)), time.Since(began))
	}
	if err != nil {
		return unable(a.now(), err)
	}
	return judged(report, a.now(), a.limits.Verified, a.limits.Refused)
}

// cause is the first thing that kept r from an answer.
func cause(r answer.Report) error {
	for _, s := range r.Subjects {
		if err := s.Cause(); err != nil {
			return err
		}
	}
	return nil
}

func (a *asker) report(ctx context.Context, s *state, p *policy, t *trust, ref oci.Reference) (answer.Report, error) {
	src, image := p.source, oci.Image{Reference: ref, Descriptor: v1.Descriptor{Digest: ref.Digest}}
	if src == nil {
		repository := s.repos.repository(ref)
		var ok bool
		key := imageKey{ref.Repository(), ref.Digest}
		if image, ok = a.images.get(key); !ok {
			var err error
			if image, err = repository.Resolve(ctx, ref); err != nil {
				return answer.Report{}, err
			}
			a.keepImage(image)
		}
		src = source.Repository(repository)
	}
	subjects := answer.Released(ref.Repository(), image)
	found, err := gather(ctx, src, subjects, a.limits.Bundles)
	if err != nil {
		return answer.Report{}, err
	}
	v, err := t.verifier.From(found)
	if err != nil {
		return answer.Report{}, err
	}
	return answer.Verify(ctx, v, subjects)
}

// maxKeptChildren bounds the images of an index that are remembered with it. Of
// what lists more they are asked for each time.
const maxKeptChildren = 64

// keepImage remembers what an image lists: its digest says it for ever.
func (a *asker) keepImage(image oci.Image) {
	if len(image.Children) <= maxKeptChildren {
		a.images.put(imageKey{image.Reference.Repository(), image.Digest}, image)
	}
}

// gathered are bundles that were looked for, all at once: an index has many
// images, and a registry that is asked about one after the other takes as many
// times as long. What else a trust file asks for is looked for when it is.
type gathered struct {
	found map[criteria.Digest]looked
	src   verify.Source
}

type looked struct {
	bundles []attest.Bundle
	err     error
}

var _ verify.DocumentSource = gathered{}

// Bundles implements [verify.Source].
func (g gathered) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if found, ok := g.found[subject]; ok {
		return found.bundles, found.err
	}
	return bundlesOf(ctx, g.src, subject)
}

// Document implements [verify.DocumentSource].
func (g gathered) Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error {
	src, ok := g.src.(verify.DocumentSource)
	if !ok {
		return errors.New("the source of the bundles cannot look for documents")
	}
	return src.Document(ctx, digest, read)
}

// atOnce is how many images of an index are asked about at once.
const atOnce = 4

// gather looks for the bundles about all subjects. What is more than limit
// bytes altogether is refused and not cut off: the bundle that withdraws a
// release could be what is left out.
func gather(ctx context.Context, src verify.Source, subjects []criteria.Subject, limit int64) (gathered, error) {
	out := gathered{make(map[criteria.Digest]looked, len(subjects)), src}
	var mu sync.Mutex
	var total int64
	counted := make(map[*byte]bool) // one bundle about a hundred images lies in memory once
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, s := range subjects {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			bundles, err := bundlesOf(ctx, src, s.Digest)
			mu.Lock()
			defer mu.Unlock()
			for _, b := range bundles {
				if len(b) > 0 && !counted[&b[0]] {
					counted[&b[0]] = true
					total += int64(len(b))
				}
			}
			if limit > 0 && total > limit {
				return fmt.Errorf("looking for bundles: there are more than %d bytes about this image and what it lists", limit)
			}
			out.found[s.Digest] = looked{bundles, err}
			return nil
		})
	}
	return out, g.Wait()
}

// bundlesOf turns a fault in reading strangers' bytes into an error.
func bundlesOf(ctx context.Context, src verify.Source, d criteria.Digest) (out []attest.Bundle, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("looking for bundles failed unexpectedly: %v", p)
		}
	}()
	return src.Bundles(ctx, d)
}
