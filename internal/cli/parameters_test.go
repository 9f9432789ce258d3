package cli

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestParameters holds parameters.json against the comments in the catalogue.
func TestParameters(t *testing.T) {
	all := make(map[string][]Parameters)
	for _, k := range known().Kinds {
		file := "../../criteria/catalogue/" + strings.ReplaceAll(k.Name, "-", "_") + ".go"
		all[k.Name] = commented(t, file)
		if len(all[k.Name]) == 0 {
			t.Errorf("%s: found no parameter of %s", file, k.Name)
		}
	}
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("parameters.json", got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		parametersJSON = got.Bytes()
	}
	want, err := os.ReadFile("parameters.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got.String()); diff != "" {
		t.Errorf("parameters.json is not what the comments in criteria/catalogue say; run: go test ./internal/cli -update (twice)\n%s", diff)
	}
}

// commented returns the keys of the first type in file that JSON is decoded
// into, with the comments on its fields. A field without one belongs to the
// field right above it or, behind an empty line, to the type's own comment.
func commented(t *testing.T, file string) []Parameters {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	docs := make(map[*ast.StructType]string)
	structs := make(map[string]*ast.StructType)
	var first *ast.StructType
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			for _, s := range n.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok {
					if st, ok := ts.Type.(*ast.StructType); ok {
						docs[st], structs[ts.Name.Name] = strings.Replace(n.Doc.Text(), ts.Name.Name, "these", 1), st
					}
				}
			}
		case *ast.StructType:
			if first == nil && len(n.Fields.List) > 0 && jsonKey(n.Fields.List[0]) != "" {
				first = n
			}
		}
		return true
	})
	if first == nil {
		return nil
	}
	return groups(fset, first, docs, structs, "")
}

func groups(fset *token.FileSet, st *ast.StructType, docs map[*ast.StructType]string, structs map[string]*ast.StructType, prefix string) []Parameters {
	var out []Parameters
	keys := make(map[string]string)
	for _, field := range st.Fields.List {
		if key := jsonKey(field); key != "" {
			keys[field.Names[0].Name] = key
		}
	}
	plain := func(text string) string {
		text = strings.Join(strings.Fields(text), " ")
		text = regexp.MustCompile(`\[([A-Za-z.]+)\]`).ReplaceAllString(text, "$1")
		return regexp.MustCompile(`\w+`).ReplaceAllStringFunc(text, func(word string) string {
			if key, ok := keys[word]; ok {
				return key
			}
			return word
		})
	}
	last := 0
	for _, field := range st.Fields.List {
		key := jsonKey(field)
		if key == "" {
			continue
		}
		line := fset.Position(field.Pos()).Line
		text := field.Doc.Text() + field.Comment.Text()
		switch {
		case text != "":
			out = append(out, Parameters{[]string{prefix + key}, plain(text)})
		case len(out) == 0 || line > last+1:
			if n := len(out); n > 0 && out[n-1].Doc == plain(docs[st]) {
				out[n-1].Keys = append(out[n-1].Keys, prefix+key)
				break
			}
			out = append(out, Parameters{[]string{prefix + key}, plain(docs[st])})
		default:
			out[len(out)-1].Keys = append(out[len(out)-1].Keys, prefix+key)
		}
		last = fset.Position(field.End()).Line
		if list, ok := field.Type.(*ast.ArrayType); ok {
			if name, ok := list.Elt.(*ast.Ident); ok && structs[name.Name] != nil {
				out = append(out, groups(fset, structs[name.Name], docs, structs, prefix+key+".")...)
			}
		}
	}
	return out
}

func jsonKey(f *ast.Field) string {
	if f.Tag == nil || len(f.Names) == 0 {
		return ""
	}
	key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
	return key
}

// TestFormatExamples holds the examples to the formats that exist: each has
// one, with a path and a way to come by it, that fits what reads it.
func TestFormatExamples(t *testing.T) {
	examples := formatExamples()
	if len(examples) != len(known().Formats) {
		t.Errorf("there are %d examples for %d formats", len(examples), len(known().Formats))
	}
	for _, f := range describedFormats() {
		if f.Path == "" || f.made() == "" || (f.Command != "" && f.Origin != "") {
			t.Errorf("format %s has no example, or two: add it to formatExamples", f.Name)
		}
		if f.Command != "" && strings.Contains(f.Command, ">") && !strings.Contains(f.Command, f.Path) {
			t.Errorf("format %s: %q does not write %s", f.Name, f.Command, f.Path)
		}
	}
}
