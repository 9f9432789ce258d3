package publish

import (
	"context"
	"testing"
)

const MaxBundleForTest = maxBundle

// LockForTest holds the folder as another process would.
func LockForTest(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	unlock, err := lock(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return unlock
}
