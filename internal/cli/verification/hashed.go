package verification

import (
	"context"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/artifact"
	"github.com/hallmark-project/hallmark/verify/source"
)

// hashed are the other digests of files that were hashed by several algorithms,
// by the first. What is not a file that was read is not in it.
type hashed map[criteria.Digest][]criteria.Digest

// hashing is how files are hashed for what src holds about them: by what
// statements name them by. Where src cannot be read, whoever asks it for bundles
// is told.
func hashing(ctx context.Context, src verify.Source) artifact.Options {
	algorithms, err := source.Algorithms(ctx, src)
	if err != nil {
		algorithms = nil
	}
	return artifact.Options{Skip: beside.Patterns(), Also: algorithms}
}

// add notes all digests of found, and returns what was found by its first.
func (h hashed) add(found []artifact.Artifact) []criteria.Subject {
	var out []criteria.Subject
	for _, a := range found {
		out = append(out, a.Subject)
		if len(a.Also) > 0 {
			h[a.Digest] = a.Also
		}
	}
	return out
}

// digests tells a verifier of the other digests.
func (h hashed) digests(subject criteria.Digest) []criteria.Digest { return h[subject] }
