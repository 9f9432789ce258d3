package identity_test

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// Who signs is found out without knowing what is signed, or how. Sigstore's own
// code for logins is not linked by this package: see decision 17.
func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "internal/strict")
	deptest.MustNotImport(t, "log", "os/user", "github.com/sigstore", "github.com/pkg/browser")
}
