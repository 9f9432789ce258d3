package catalogue

import (
	"path"
	"strings"
)

// pathPattern is a pattern for paths in a repository: as in [path.Match], and
// ** stands for any number of folders, none included. A pattern without
// wildcards that names a folder is all below it.
type pathPattern string

// valid reports whether p can match anything at all.
func (p pathPattern) valid() bool {
	if p == "" || strings.HasPrefix(string(p), "/") {
		return false
	}
	for _, part := range strings.Split(string(p), "/") {
		if _, err := path.Match(part, ""); err != nil || part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

func (p pathPattern) matches(file string) bool {
	file = strings.TrimPrefix(file, "./")
	if !strings.ContainsAny(string(p), `*?[\`) && strings.HasPrefix(file, string(p)+"/") {
		return true
	}
	return matchParts(strings.Split(string(p), "/"), strings.Split(file, "/"))
}

func matchParts(pattern, file []string) bool {
	// What a ** stands for is tried from none on. Only the last one met needs
	// to be tried again: what the ones before stand for is settled by what
	// matched after them. So time grows with both lengths and no faster.
	p, f := 0, 0
	back, from := -1, 0
	for f < len(file) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			if p == len(pattern)-1 {
				return true
			}
			back, from = p, f
			p++
			continue
		case p < len(pattern):
			if ok, err := path.Match(pattern[p], file[f]); err == nil && ok {
				p++
				f++
				continue
			}
		}
		if back < 0 {
			return false
		}
		from++
		p, f = back+1, from
	}
	return p == len(pattern)
}
