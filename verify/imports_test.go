package verify_test

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// A consumer's verifier depends on nothing that judges, signs or publishes, and
// asks no network.
func TestImports(t *testing.T) {
	const hallmark = "github.com/hallmark-project/hallmark/"
	deptest.MustNotImport(t,
		hallmark+"criteria/catalogue", hallmark+"criteria/evidence", hallmark+"criteria/expression",
		hallmark+"attest/sign", hallmark+"attest/publish", hallmark+"internal/cli", hallmark+"internal/collect",
		"net/http", "os/exec", "k8s.io", "github.com/google/cel-go", "github.com/google/go-containerregistry",
		"github.com/slsa-framework", "github.com/go-git", "github.com/sigstore/sigstore-go/pkg/tuf",
	)
}
