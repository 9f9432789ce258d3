package main

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// What stands in a cluster's way links what verifies and what it is asked with,
// and nothing that judges, signs, publishes, or reads the cluster.
func TestImports(t *testing.T) {
	const hallmark = "github.com/hallmark-project/hallmark/"
	deptest.MustNotImport(t,
		hallmark+"attest/sign", hallmark+"attest/publish",
		hallmark+"criteria/catalogue", hallmark+"criteria/evidence", hallmark+"criteria/expression",
		hallmark+"internal/advisory", hallmark+"internal/collect", hallmark+"internal/cli/verification",
		hallmark+"internal/dossier", hallmark+"internal/releasefile", hallmark+"internal/report", hallmark+"internal/schema",
		"os/exec", "plugin", "html/template", "text/template",
		"github.com/google/cel-go", "github.com/slsa-framework", "github.com/in-toto/in-toto-golang",
		"github.com/google/go-containerregistry/pkg/v1/remote", "github.com/google/go-containerregistry/pkg/v1/layout",
		"github.com/google/go-containerregistry/pkg/authn", "github.com/google/go-containerregistry/pkg/registry",
		"github.com/sigstore/sigstore-go/pkg/tuf", "github.com/sigstore/sigstore-go/pkg/sign", "github.com/sigstore/sigstore/pkg/signature/kms",
		"github.com/aws", "github.com/Azure", "cloud.google.com", "google.golang.org/api", "google.golang.org/grpc",
		"k8s.io", "sigs.k8s.io",
	)
	// Of this module, these and no others: whoever adds one weighs it first.
	deptest.MayImportOnly(t,
		"attest", "criteria", "verify", "verify/source",
		"internal/admission", "internal/answer", "internal/atomicfile", "internal/beside", "internal/cli/console", "internal/oci", "internal/oci/credentials", "internal/provenance",
		"internal/regular", "internal/strict", "internal/wildcard",
	)
}
