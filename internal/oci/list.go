package oci

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// maxRaces bounds how often a fallback tag is written again because somebody
// else wrote it, too.
const maxRaces = 20

// Jobs is how many requests are under way at once. Registries answer more with
// 429.
const Jobs = 8

// Listing is what is to be found about a manifest.
type Listing struct {
	Subject  v1.Hash
	Entries  []v1.Descriptor // as referrers
	Attached []Attachment    // as cosign kept them before, too
	// Unsaid means that the manifests do not name the subject themselves, so
	// that a registry that lists referrers cannot know of them.
	Unsaid bool
}

// List makes entries found as referrers where the registry does not list them
// itself: they are added to the index under each subject's fallback tag, and
// attachments to the image under its older tag. Adding twice adds nothing. The errors stand in the order of the listings, nil for
// those that were made.
//
// A tag can only be replaced, and not on condition that nobody else did so
// meanwhile (OCI distribution 1.1). So what was written is read again, at once
// and after a while, and written again until it stays, with whatever others
// added. What cannot be had: an entry of a publisher who does not look again,
// written between our reading and our writing, is lost; and so is ours, if such
// a publisher comes after we have looked for the last time.
func (r *Repository) List(ctx context.Context, listings []Listing) []error {
	errs := make([]error, len(listings))
	lists := make([]*listing, len(listings))
	for i, l := range listings {
		lists[i] = &listing{Listing: l, wanted: slices.Clone(l.Entries)}
	}
	each := func(f func(*listing) error) {
		var g errgroup.Group
		g.SetLimit(Jobs)
		for i, l := range lists {
			if errs[i] == nil && !l.done {
				g.Go(func() error {
					errs[i] = f(l)
					return nil
				})
			}
		}
		_ = g.Wait() // each has its own
	}
	for round := 0; ; round++ {
		began := time.Now()
		each(func(l *listing) error { return r.list(ctx, l) })
		again := 0
		for i, l := range lists {
			if errs[i] == nil && !l.done {
				again++
			}
		}
		if again == 0 {
			return errs
		}
		if round == maxRaces {
			each(func(l *listing) error {
				return r.wrong("writing tag "+fallbackTag(l.Subject), "others wrote it, too, %d times over", round)
			})
			return errs
		}
		// Who read before we wrote may write still.
		wait := max(r.client.patience.Settle, 2*time.Since(began))
		sleep(ctx, wait+rand.N(wait/4+1))
	}
}

// listing is a listing on its way.
type listing struct {
	Listing
	wanted []v1.Descriptor // its entries, and what others had there
	done   bool            // nothing was missing when it was looked at last
}

// list looks whether all that l wants is listed, and writes it where it is not.
func (r *Repository) list(ctx context.Context, l *listing) error {
	lock, _ := r.fallback.LoadOrStore(l.Subject, new(sync.Mutex))
	lock.(*sync.Mutex).Lock()
	defer lock.(*sync.Mutex).Unlock()
	referred, err := r.refer(ctx, l)
	if err != nil {
		return err
	}
	attached := true
	if len(l.Attached) > 0 {
		layers := make([]v1.Descriptor, len(l.Attached))
		for i, a := range l.Attached {
			layers[i] = a.layer
		}
		if attached, err = r.attach(ctx, legacyTag(l.Subject), layers); err != nil {
			return err
		}
	}
	l.done = referred && attached
	return nil
}

// refer is list for the referrers.
func (r *Repository) refer(ctx context.Context, l *listing) (done bool, err error) {
	if len(l.Entries) == 0 {
		return true, nil
	}
	if !l.Unsaid {
		has, err := r.listsReferrers(ctx, l.Subject)
		if err != nil || has {
			return true, err
		}
	}
	tag := fallbackTag(l.Subject)
	index, _, err := r.fallbackIndex(ctx, l.Subject)
	if err != nil {
		return false, err
	}
	missing, err := r.missing(ctx, index, l.wanted, len(l.Entries))
	if err != nil || len(missing) == 0 {
		return err == nil, err
	}
	for _, d := range index.Manifests {
		if !listsDigest(l.wanted, d.Digest) {
			l.wanted = append(l.wanted, d)
		}
	}
	index.Manifests = append(index.Manifests, missing...)
	if len(index.Manifests) > MaxReferrers {
		return false, r.wrong("writing tag "+tag, "more than %d manifests refer to it", MaxReferrers)
	}
	index.MediaType = types.OCIImageIndex
	data, err := json.Marshal(index)
	if err != nil {
		return false, err
	}
	if len(data) > MaxManifest {
		return false, r.wrong("writing tag "+tag, "its index would be larger than %d bytes", MaxManifest)
	}
	_, err = r.put(ctx, tag, types.OCIImageIndex, data)
	return false, err
}

// missing returns which of wanted index does not list. Of those that are not
// ours, the first own of wanted, it returns only what is still there: it may
// have been removed on purpose.
func (r *Repository) missing(ctx context.Context, index v1.IndexManifest, wanted []v1.Descriptor, own int) ([]v1.Descriptor, error) {
	var out []v1.Descriptor
	have := make(map[v1.Hash]bool, len(index.Manifests))
	for _, d := range index.Manifests {
		have[d.Digest] = true
	}
	for i, d := range wanted {
		if have[d.Digest] {
			continue
		}
		have[d.Digest] = true
		if i >= own {
			there, err := r.has(ctx, d.Digest.String())
			if err != nil {
				return nil, err
			}
			if !there {
				continue
			}
		}
		out = append(out, d)
	}
	return out, nil
}

func listsDigest(list []v1.Descriptor, h v1.Hash) bool {
	return slices.ContainsFunc(list, func(d v1.Descriptor) bool { return d.Digest == h })
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
