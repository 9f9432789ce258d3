package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/deptest"
)

// linked are the packages of this module in the consumer's binary.
var linked = []string{
	"attest", "criteria", "verify", "verify/artifact", "verify/source",
	"internal/answer", "internal/atomicfile", "internal/beside", "internal/cli/console", "internal/cli/verification", "internal/oci", "internal/oci/credentials", "internal/provenance", "internal/regular", "internal/strict", "internal/wildcard",
	// go-tuf is linked whatever we do: sigstore-go's pkg/root brings it.
	"internal/trustroot",
}

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
	deptest.MayImportOnly(t, linked...)
}

// Our own packages in the consumer's binary compile no regular expression when
// it starts: each costs every run, whether it is needed or not.
func TestNothingCompiledAtStart(t *testing.T) {
	var folders []string
	for _, top := range []string{"attest", "criteria", "verify", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", top), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				folders = append(folders, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	looked := 0
	for _, folder := range folders {
		name, err := filepath.Rel(filepath.Join("..", ".."), folder)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(linked, filepath.ToSlash(name)) {
			continue
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			looked++
			for _, d := range parsed.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					ast.Inspect(g, func(n ast.Node) bool {
						if _, later := n.(*ast.FuncLit); later {
							return false
						}
						if s, ok := n.(*ast.SelectorExpr); ok {
							if x, ok := s.X.(*ast.Ident); ok && x.Name == "regexp" && strings.Contains(s.Sel.Name, "Compile") {
								t.Errorf("%s compiles a regular expression at start: use sync.OnceValue", set.Position(s.Pos()))
							}
						}
						return true
					})
				}
			}
		}
	}
	if looked < 50 {
		t.Errorf("only %d files were looked at", looked)
	}
}
