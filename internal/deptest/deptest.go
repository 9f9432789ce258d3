// Package deptest lets a package's own tests say what it must never import.
package deptest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hallmark-project/hallmark"

// MustNotImport fails if the package under test imports any of the banned
// paths, or a package below them, directly or through this module. What a
// third module imports in turn is that module's affair.
//
// It reads the sources itself instead of running "go list": go test caches a
// result until a file that the test opened changes, and it cannot see what a
// subprocess opened.
func MustNotImport(t *testing.T, banned ...string) {
	t.Helper()
	walk(t, func(by, path string) {
		for _, b := range banned {
			if path == b || strings.HasPrefix(path, b+"/") {
				t.Errorf("%s imports %s", by, path)
			}
		}
	})
}

// MayImportOnly fails if the package under test imports any package of this
// module, directly or through another, that is not allowed: "internal/strict".
func MayImportOnly(t *testing.T, allowed ...string) {
	t.Helper()
	walk(t, func(by, path string) {
		if own, ok := strings.CutPrefix(path, module+"/"); ok && !slices.Contains(allowed, own) {
			t.Errorf("%s imports %s", by, path)
		}
	})
}

// walk calls visit with every import path reached from the package in the
// working directory, once, and with the way that led there.
func walk(t *testing.T, visit func(by, path string)) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root := dir
	for !exists(filepath.Join(root, "go.mod")) {
		if root == filepath.Dir(root) {
			t.Fatalf("no go.mod above %s", dir)
		}
		root = filepath.Dir(root)
	}
	follow(t, root, dir, "this package", visit, make(map[string]bool))
}

func follow(t *testing.T, root, dir, by string, visit func(by, path string), seen map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	if len(files) == 0 {
		t.Fatalf("no Go files in %s", dir)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if seen[path] {
				continue
			}
			seen[path] = true
			visit(by, path)
			if own, ok := strings.CutPrefix(path, module+"/"); ok {
				follow(t, root, filepath.Join(root, filepath.FromSlash(own)), by+" → "+own, visit, seen)
			}
		}
	}
}

func exists(name string) bool { _, err := os.Stat(name); return err == nil }
