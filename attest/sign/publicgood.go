package sign

import (
	"context"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/tuf"
)

// Repository is a TUF repository that distributes a trusted root and a signing
// configuration. The zero value is the public-good instance's.
type Repository struct {
	// URL is where it is; empty means the public-good instance's.
	URL string
	// Root is its root.json, the anchor of trust. Required for any other URL.
	Root []byte
	// Cache is the folder that keeps what was fetched. Required.
	Cache string
}

// The targets that a repository of Sigstore distributes.
const (
	trustedRootTarget   = "trusted_root.json"
	signingConfigTarget = "signing_config.v0.2.json"
)

// Fetch returns the trusted root and the signing configuration that r
// distributes now, as TUF vouches for them: metadata that is old, rolled back
// or signed by too few is refused.
func (r Repository) Fetch(ctx context.Context) (trustedRoot, signingConfig []byte, err error) {
	if r.Cache == "" {
		return nil, nil, errors.New("fetching the trusted root: there is no folder to keep it in")
	}
	// Within a day, what is kept is believed as long as it has not expired: a
	// repository that is out of order keeps nobody from signing.
	o := tuf.DefaultOptions().WithContext(ctx).WithCachePath(r.Cache).WithCacheValidity(1)
	if r.URL != "" {
		if len(r.Root) == 0 {
			return nil, nil, errors.New("fetching the trusted root: the repository's own root.json is missing, by which its first answer can be trusted")
		}
		o = o.WithRepositoryBaseURL(r.URL).WithRoot(r.Root)
	}
	c, err := tuf.New(o)
	if err != nil {
		return nil, nil, fmt.Errorf("fetching the trusted root from %s: %w", o.RepositoryBaseURL, err)
	}
	if trustedRoot, err = c.GetTarget(trustedRootTarget); err != nil {
		return nil, nil, fmt.Errorf("fetching %s from %s: %w", trustedRootTarget, o.RepositoryBaseURL, err)
	}
	if signingConfig, err = c.GetTarget(signingConfigTarget); err != nil {
		return nil, nil, fmt.Errorf("fetching %s from %s: %w", signingConfigTarget, o.RepositoryBaseURL, err)
	}
	return trustedRoot, signingConfig, nil
}
