package source

import (
	"context"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
)

// Layout returns the bundles that refer to a file or a manifest in the OCI
// image layout in dir. A layout that is damaged where it is looked at could
// hide a bundle, so it is an error and not an absence.
func Layout(dir string) verify.Source { return layout(dir) }

type layout string

func (l layout) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	open, err := oci.Open(string(l))
	if err != nil {
		return nil, err
	}
	if subject.Algorithm() != "sha256" {
		return nil, nil // nothing in a layout has another name
	}
	found, err := open.Bundles(v1.Hash{Algorithm: "sha256", Hex: subject.Hex()}, verify.MaxBundle)
	if err != nil {
		return nil, err
	}
	out := make([]attest.Bundle, len(found))
	for i, b := range found {
		out[i] = b
	}
	return out, nil
}
