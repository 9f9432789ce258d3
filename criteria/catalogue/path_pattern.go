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
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for len(pattern) > 1 && pattern[1] == "**" {
				pattern = pattern[1:]
			}
			if len(pattern) == 1 {
				return len(file) > 0
			}
			for i := range file {
				if matchParts(pattern[1:], file[i:]) {
					return true
				}
			}
			return false
		}
		if len(file) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], file[0]); err != nil || !ok {
			return false
		}
		pattern, file = pattern[1:], file[1:]
	}
	return len(file) == 0
}
