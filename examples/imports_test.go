package examples

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// docs/design.md shows the arrows between the packages as they are.
func TestImportsAreDocumented(t *testing.T) {
	_, text, ok := strings.Cut(read(t, "../docs/design.md"), "Imports between these packages")
	if !ok {
		t.Fatal("docs/design.md has no table of imports")
	}
	block := blocks(text)[0]
	shown := make(map[string][]string)
	last := ""
	for row := range strings.Lines(block) {
		name, imports, begins := strings.Cut(row, "→")
		if begins {
			last = strings.TrimSpace(name)
			shown[last] = strings.Fields(imports)
		} else {
			shown[last] = append(shown[last], strings.Fields(row)...)
		}
	}
	there := packages(t)
	if len(there) < 20 {
		t.Fatalf("%d packages were found, expected more", len(there))
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		want, got := there[name], shown[name]
		slices.Sort(got)
		if _, ok := shown[name]; !ok || !slices.Equal(got, want) {
			t.Errorf("%s imports %v, and docs/design.md shows %v", name, want, got)
		}
	}
	for name := range shown {
		if _, ok := there[name]; !ok {
			t.Errorf("docs/design.md shows %s, which is not there", name)
		}
	}
}

// packages are the module's packages that are not left out of the table, with
// those that their code, not their tests, imports. Programs that are only built
// to be measured are left out, too.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	const module = "github.com/hallmark-project/hallmark/"
	out := []string{"internal/strict", "internal/regular", "internal/atomicfile", "internal/cli/console", "internal/custody", "internal/deptest", "internal/wildcard"}
	found := make(map[string]map[string]bool)
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, ".."+string(filepath.Separator))))
		if slices.Contains(out, name) || strings.Contains(name, "testdata") || strings.HasPrefix(name, "verify/internal/cold") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, data, parser.ImportsOnly)
		if err != nil {
			return err
		}
		if found[name] == nil {
			found[name] = make(map[string]bool)
		}
		for _, i := range f.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(out, own) {
				found[name][own] = true
			}
		}
		return nil
	}
	for _, dir := range []string{"attest", "cmd", "criteria", "internal", "verify"} {
		if err := filepath.WalkDir(filepath.Join("..", dir), walk); err != nil {
			t.Fatal(err)
		}
	}
	all := make(map[string][]string)
	for name, imports := range found {
		all[name] = slices.Sorted(maps.Keys(imports))
	}
	return all
}
