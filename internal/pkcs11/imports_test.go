package pkcs11

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// What runs beside foreign C code, with a PIN, is little.
func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "internal/custody", "internal/strict")
	deptest.MustNotImport(t, "net/http", "os/exec", "log")
}
