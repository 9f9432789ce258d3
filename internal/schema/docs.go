package schema

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strings"
)

// Docs reads the comments on the fields of the types in folders of fsys, by
// "Type.Field".
func Docs(fsys fs.FS, folders ...string) (map[string]string, error) {
	docs := make(map[string]string)
	for _, folder := range folders {
		files, err := fs.Glob(fsys, folder+"/*.go")
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				t, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				s, ok := t.Type.(*ast.StructType)
				if !ok {
					return false
				}
				for _, f := range s.Fields.List {
					text := f.Doc.Text()
					if text == "" {
						text = f.Comment.Text()
					}
					for _, n := range f.Names {
						docs[t.Name.Name+"."+n.Name] = plain(text)
					}
				}
				return false
			})
		}
	}
	return docs, nil
}

var links = regexp.MustCompile(`\[([^\]]*)\]`)

// plain makes one line of a comment, without the marks of links.
func plain(text string) string {
	var p comment.Printer
	var r comment.Parser
	p.TextWidth = -1
	return links.ReplaceAllString(strings.Join(strings.Fields(string(p.Text(r.Parse(text)))), " "), "$1")
}
