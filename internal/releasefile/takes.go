package releasefile

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/internal/beside"
)

// wild reports whether pattern may mean several files.
func wild(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// artifactsOf returns those of the paths that pattern matches that it means: one
// with wildcards passes over bundles and documents that lie beside artifacts, as
// consumers do who verify a folder. Otherwise the next run would take what this
// one publishes for artifacts.
func artifactsOf(pattern string, found []string) []string {
	if !wild(pattern) {
		return found
	}
	return slices.DeleteFunc(found, func(p string) bool { return beside.Is(path.Base(p)) })
}

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
			match, err := path.Match(inFolder(pattern), name)
			if err == nil && match && len(artifactsOf(pattern, []string{name})) > 0 {
				return pattern, true
			}
		}
	}
	return "", false
}
