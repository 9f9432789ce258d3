package criteria_test

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// A decision can be replayed only if nothing from outside takes part in it.
func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "internal/strict")
	deptest.MustNotImport(t, "net", "os", "math/rand", "crypto/rand", "log")
}
