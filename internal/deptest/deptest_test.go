package deptest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The guard must see an import that is one package of this module away, and
// not those of tests.
func TestWalk(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":         "module " + module + "\n",
		"a/a.go":         "package a\n\nimport (\n\t_ \"fmt\"\n\t_ \"" + module + "/b\"\n)\n",
		"a/a_test.go":    "package a\n\nimport _ \"testing\"\n",
		"b/b.go":         "package b\n\nimport _ \"net/http\"\n",
		"c/unrelated.go": "package c\n\nimport _ \"os/exec\"\n",
	} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "a"))
	var got []string
	walk(t, func(by, path string) { got = append(got, by+": "+path) })
	want := []string{
		"this package: fmt",
		"this package: " + module + "/b",
		"this package → b: net/http",
	}
	if !slices.Equal(got, want) {
		t.Errorf("walk found %q, want %q", got, want)
	}
}
