package releasefile

import (
	"path"
	"path/filepath"
)

// Takes reports whether a pattern under artifacts would take what lies at p, or
// a folder above it, for an artifact, and which does.
func (f *File) Takes(p string) (pattern string, ok bool) {
	folder, err := filepath.Abs(f.Folder())
	if err != nil {
		return "", false
	}
	if p, err = filepath.Abs(p); err != nil {
		return "", false
	}
	rel, err := filepath.Rel(folder, p)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	for name := filepath.ToSlash(rel); name != "."; name = path.Dir(name) {
		for _, pattern := range f.Artifacts {
			if match, err := path.Match(inFolder(pattern), name); err == nil && match {
				return pattern, true
			}
		}
	}
	return "", false
}
