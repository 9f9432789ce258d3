package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// Links between the documents lead somewhere: to a file that is there, and to a
// heading in it.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^) ]+)\)`)
	count := 0
	for _, file := range append(documents(t), "../CHANGELOG.md", "../SECURITY.md") {
		for i, part := range strings.Split(read(t, file), "```") {
			if i%2 == 1 {
				continue
			}
			for _, m := range link.FindAllStringSubmatch(part, -1) {
				path, heading, _ := strings.Cut(m[1], "#")
				if strings.Contains(path, "://") || strings.HasPrefix(path, "mailto:") {
					continue
				}
				count++
				target := file
				if path != "" {
					target = filepath.Join(filepath.Dir(file), path)
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s: the link to %s: %v", file, m[1], err)
				} else if heading != "" && !headings(read(t, target))[heading] {
					t.Errorf("%s: the link to %s leads to no heading", file, m[1])
				}
			}
		}
	}
	if count < 50 {
		t.Errorf("%d links were found, expected more", count)
	}
}

// headings are the names by which a document's headings are linked to.
func headings(text string) map[string]bool {
	out := make(map[string]bool)
	for line := range strings.Lines(text) {
		level, title, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.Trim(level, "#") != "" {
			continue
		}
		out[strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, title)] = true
	}
	return out
}
