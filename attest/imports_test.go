package attest_test

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// Statements are a pure function of the decision, and know neither the
// criteria by name nor who will sign.
func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "criteria", "internal/strict")
	deptest.MustNotImport(t, "net", "os", "math/rand", "crypto/rand", "log")
}
