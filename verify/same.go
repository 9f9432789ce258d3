package verify

import (
	"context"
	"fmt"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// Digests returns the other digests of the bytes that have digest subject, by
// other algorithms, none where they are not known.
//
// Only who has hashed the bytes may say so, all of them in one reading. That a
// statement lists two digests side by side is its signer's word, and he could
// join what he judged to what he did not.
type Digests func(subject criteria.Digest) []criteria.Digest

// WithDigests has statements count by whichever digest they name the bytes of a
// subject: verdicts, those that withdraw, and what is required beside them.
func WithDigests(of Digests) Option { return func(o *options) { o.same = of } }

// WithDigests returns a Verifier that expects the same and shares all with v, and
// knows other digests as the option of this name has it. Of many artifacts,
// each is asked of one that knows it alone.
func (v *Verifier) WithDigests(of Digests) *Verifier {
	other := *v
	other.same = of
	return &other
}

// all are the digests of the bytes with digest subject, that one first.
func (of Digests) all(subject criteria.Digest) []criteria.Digest {
	digests := []criteria.Digest{subject}
	if of != nil {
		digests = append(digests, of(subject)...)
	}
	return digests
}

// look returns what src has about any of digests, each bundle once.
func look(ctx context.Context, src Source, digests []criteria.Digest) ([]attest.Bundle, error) {
	var bundles []attest.Bundle
	seen := make(map[criteria.Digest]bool)
	for _, d := range digests {
		found, err := src.Bundles(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("looking for bundles about %s: %w", d, err)
		}
		if len(digests) > 1 {
			var others []attest.Bundle
			for _, b := range found {
				if id := criteria.DigestOf(b); !seen[id] {
					seen[id] = true
					others = append(others, b)
				}
			}
			found = others
		}
		if bundles = append(bundles, found...); len(bundles) > MaxBundles {
			return nil, fmt.Errorf("looking for bundles about %s: found %d, expected at most %d", digests[0], len(bundles), MaxBundles)
		}
	}
	return bundles, nil
}
