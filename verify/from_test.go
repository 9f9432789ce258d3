package verify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/verify"
)

// A verifier made from another asks its own source, and expects no less.
func TestFrom(t *testing.T) {
	good := signed(releaseKey, verdict(predicate()))
	v, err := verify.New(found{}, expect(), verify.WithClock(func() time.Time { return thePresent }))
	if err != nil {
		t.Fatal(err)
	}
	other, err := v.From(found{good})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := v.From(found{signed(strangerKey, verdict(predicate()))})
	if err != nil {
		t.Fatal(err)
	}
	// Twice: what one has opened must not be found by another.
	for range 2 {
		if _, err := other.Verify(context.Background(), artifact); err != nil {
			t.Errorf("From(good).Verify = %v, want a result", err)
		}
		var no *verify.RejectionError
		if _, err := v.Verify(context.Background(), artifact); !errors.As(err, &no) || !no.Has(verify.NoBundle) {
			t.Errorf("Verify = %v, want %s", err, verify.NoBundle)
		}
		if _, err := stranger.Verify(context.Background(), artifact); !errors.As(err, &no) || !no.Has(verify.UntrustedSigner) {
			t.Errorf("From(stranger).Verify = %v, want %s", err, verify.UntrustedSigner)
		}
	}
	if _, err := v.From(nil); err == nil {
		t.Error("From(nil) = nil, want an error")
	}
}
