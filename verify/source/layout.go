package source

import (
	"context"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
)

// Layout returns the bundles that refer to a file or a manifest in the OCI
// image layout in dir. Its index is read anew each time: a bundle that withdraws
// a release counts as soon as it is there. A layout that is damaged could hide a
// bundle, so damage anywhere is an error and not an absence.
func Layout(dir string) verify.Source { return &layout{dir: dir} }

type layout struct {
	dir  string
	mu   sync.Mutex
	seen *oci.Contents
}

func (l *layout) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	open, err := oci.Open(l.dir)
	if err != nil {
		return nil, err
	}
	if subject.Algorithm() != "sha256" {
		return nil, nil // nothing in a layout has another name
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen, err = open.Contents(l.seen); err != nil {
		return nil, err
	}
	found, err := l.seen.Bundles(v1.Hash{Algorithm: "sha256", Hex: subject.Hex()}, verify.MaxBundle)
	if err != nil {
		return nil, err
	}
	out := make([]attest.Bundle, len(found))
	for i, b := range found {
		out[i] = b
	}
	return out, nil
}
