package main

import (
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// The consumer's binary links what verifies and nothing that judges, signs,
// publishes or serves.
func TestImports(t *testing.T) {
	const hallmark = "github.com/hallmark-project/hallmark/"
	deptest.MustNotImport(t,
		hallmark+"attest/sign", hallmark+"attest/publish",
		hallmark+"criteria/catalogue", hallmark+"criteria/evidence", hallmark+"criteria/expression",
		hallmark+"internal/admission", hallmark+"internal/advisory", hallmark+"internal/collect",
		hallmark+"internal/dossier", hallmark+"internal/releasefile", hallmark+"internal/report", hallmark+"internal/schema",
		"os/exec", "plugin", "html/template", "text/template",
		"github.com/google/cel-go", "github.com/slsa-framework", "github.com/in-toto/in-toto-golang",
		"github.com/google/osv-scalibr", "github.com/CycloneDX", "github.com/spdx", "github.com/openvex",
		"github.com/go-git", "github.com/google/go-github", "gitlab.com", "code.gitea.io",
		"github.com/google/go-containerregistry/pkg/v1/remote", "github.com/google/go-containerregistry/pkg/v1/layout",
		"github.com/google/go-containerregistry/pkg/authn", "github.com/google/go-containerregistry/pkg/registry",
		"github.com/sigstore/sigstore-go/pkg/sign", "github.com/sigstore/sigstore/pkg/signature/kms",
		"github.com/jedib0t", "github.com/vbauerster", "github.com/prometheus", "k8s.io", "sigs.k8s.io",
	)
	// Of this module, these and no others: whoever adds one weighs it first.
	deptest.MayImportOnly(t,
		"attest", "criteria", "verify", "verify/artifact", "verify/source",
		"internal/answer", "internal/atomicfile", "internal/beside", "internal/cli/console", "internal/cli/verification", "internal/oci", "internal/oci/credentials", "internal/provenance", "internal/regular", "internal/strict", "internal/wildcard",
		// go-tuf is linked whatever we do: sigstore-go's pkg/root brings it.
		"internal/trustroot",
	)
}
