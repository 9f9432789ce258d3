package verification

import (
	"context"
	"sync"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/artifact"
	"github.com/hallmark-project/hallmark/verify/source"
)

// hashed knows the other digests of files that were hashed by several
// algorithms: those by which statements name them. It is safe for use by several
// goroutines at once.
type hashed struct {
	mu   sync.Mutex
	also map[criteria.Digest][]criteria.Digest
}

// options are how files are hashed for what src holds about them. Where src
// cannot be read, whoever asks it for bundles is told.
func (h *hashed) options(ctx context.Context, src verify.Source) artifact.Options {
	algorithms, err := source.Algorithms(ctx, src)
	if err != nil {
		algorithms = nil
	}
	return artifact.Options{Skip: beside.Patterns(), Also: algorithms}
}

// add notes all digests of found, and returns what was found by its first.
func (h *hashed) add(found []artifact.Artifact) []criteria.Subject {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []criteria.Subject
	for _, a := range found {
		out = append(out, a.Subject)
		if len(a.Also) == 0 {
			continue
		}
		if h.also == nil {
			h.also = make(map[criteria.Digest][]criteria.Digest)
		}
		h.also[a.Digest] = a.Also
	}
	return out
}

// option has a verifier ask for the other digests, too.
func (h *hashed) option() verify.Option {
	return verify.WithDigests(func(subject criteria.Digest) []criteria.Digest {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.also[subject]
	})
}
