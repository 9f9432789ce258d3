package attest

import (
	"context"

	"github.com/hallmark-project/hallmark/criteria"
)

// Bundle is a Sigstore bundle v0.3 as JSON, unverified. It has no accessors on
// purpose: whoever wants to act on what it says must have it verified first,
// and then acts on the result and no longer on the bundle.
type Bundle []byte

// Signer signs statements: with a key, a key service, or a certificate made
// for the occasion. It signs s.Bytes() as they are.
type Signer interface {
	Sign(ctx context.Context, s Statement) (Bundle, error)
}

// Publisher puts a bundle where those who hold subject find it, and says where
// that is. Publishing the same bundle again changes nothing.
type Publisher interface {
	Publish(ctx context.Context, subject criteria.Digest, b Bundle) (location string, err error)
}

// DocumentPublisher is what a Publisher may be besides: one that also keeps the
// documents that statements refer to, so that they are found, by their digest,
// where the statements are.
type DocumentPublisher interface {
	Publisher
	// AddDocument publishes data, which must have d's digest, as what statements
	// about subject refer to. Publishing the same again changes nothing.
	AddDocument(ctx context.Context, subject criteria.Digest, d Document, data []byte) (location string, err error)
}
