package cli

import (
	"slices"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// The root that reports are verified with where the release file names none is one
// that a policy accepts which names none.
func TestPublicGoodRootIsAccepted(t *testing.T) {
	if got := criteria.DigestOf(verify.PublicGoodRoot()); !slices.Contains(criteria.PublicGoodRoots(), got) {
		t.Errorf("the built-in root is %s, and policies accept %v: add it there, and keep those that are there", got, criteria.PublicGoodRoots())
	}
}
