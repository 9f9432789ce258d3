package verify

import (
	"context"
	"errors"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// Source finds bundles. Nothing it returns is trusted. It returns none and no
// error if it looked and there is none; an error means that it could not look.
type Source interface {
	Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error)
}

// Limits on what a source may hand over. An SBOM of 100,000 components fits in
// a bundle; more bundles about one artifact are an attack or an accident, and
// leaving some out could leave out the one that withdraws a release.
const (
	MaxBundle   = 64 << 20 // bytes of one bundle
	MaxBundles  = 10_000   // bundles about one subject
	MaxSubjects = 1024     // subjects of one statement: sigstore-go's own limit
)

// Skew is how far a verdict's time may lie ahead of our clock.
const Skew = 5 * time.Minute

// Verifier verifies. It is safe for use by several goroutines at once.
type Verifier struct {
	src  Source
	want Expect
	now  func() time.Time
}

// Option sets one thing about a Verifier.
type Option func(*Verifier)

// WithClock takes the present from now instead of the system's clock.
func WithClock(now func() time.Time) Option { return func(v *Verifier) { v.now = now } }

// New returns a Verifier that trusts want.Signers and nobody else. It refuses
// an Expect that says too little: a verifier that trusts anyone, or accepts
// anything, is never what was meant.
func New(src Source, want Expect, opts ...Option) (*Verifier, error) {
	return nil, errors.New("verification is not written yet")
}

// Verify returns a Result if the newest verdict about subject satisfies v's
// expectations. If bundles were looked at and it does not, or there is none,
// the error is a [*RejectionError]; any other error means that Verify could not
// tell.
func (v *Verifier) Verify(ctx context.Context, subject criteria.Digest) (*Result, error) {
	return nil, errors.New("verification is not written yet")
}
