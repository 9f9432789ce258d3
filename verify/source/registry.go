package source

import (
	"context"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
)

// Registry returns the bundles that refer to a file or an image in the
// repository called name, REGISTRY/REPOSITORY. The registry is asked anew each
// time: a bundle that withdraws a release counts as soon as it is there. What
// cannot be asked, or is listed and cannot be read, is an error and not an
// absence.
func Registry(name string, a oci.Access) (verify.Source, error) {
	r, err := oci.OpenRepository(name, a)
	if err != nil {
		return nil, err
	}
	return Repository(r), nil
}

// Repository is [Registry] for a repository that is open already.
func Repository(r *oci.Repository) verify.Source { return registry{r} }

type registry struct{ repository *oci.Repository }

func (r registry) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if subject.Algorithm() != "sha256" {
		return nil, nil // nothing in a registry that we read has another name
	}
	found, err := r.repository.Bundles(ctx, v1.Hash{Algorithm: "sha256", Hex: subject.Hex()}, verify.MaxBundle)
	if err != nil {
		return nil, err
	}
	out := make([]attest.Bundle, len(found))
	for i, b := range found {
		out[i] = b
	}
	return out, nil
}
