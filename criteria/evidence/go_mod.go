package evidence

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// goMod reads go.mod (https://go.dev/ref/mod#go-mod-file). Direct are the
// modules required without "// indirect", after replacement: what is built in
// is the replacement.
type goMod struct{}

func (goMod) Name() string           { return "go-mod" }
func (goMod) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactDependencies} }

func (goMod) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxConfig)
	if err != nil {
		return criteria.Facts{}, err
	}
	file, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return criteria.Facts{}, fmt.Errorf("is no go.mod: %w", err)
	}
	if file.Module == nil || file.Module.Mod.Path == "" {
		return criteria.Facts{}, errors.New("is no go.mod: it has no module line")
	}
	replaced := make(map[module.Version]module.Version)
	for _, r := range file.Replace {
		replaced[r.Old] = r.New
	}
	out := &criteria.Dependencies{Direct: []criteria.Package{}}
	seen := make(map[string]bool)
	for _, r := range file.Require {
		if seen[r.Mod.Path] {
			return criteria.Facts{}, fmt.Errorf("is no go.mod that go mod tidy left: %s is required twice", r.Mod.Path)
		}
		seen[r.Mod.Path] = true
		m := r.Mod
		// "If the version on the left side of the arrow is omitted, all
		// versions of the module are replaced"; a named version comes first.
		for _, old := range []module.Version{r.Mod, {Path: r.Mod.Path}} {
			if to, ok := replaced[old]; ok {
				m = to
				break
			}
		}
		if isLocal(m) {
			// A folder beside go.mod has no version; its name stays.
			m = module.Version{Path: r.Mod.Path}
		}
		p := criteria.Package{Ecosystem: "Go", Name: m.Path, Version: m.Version, PURL: purl("Go", m.Path, m.Version)}
		if !r.Indirect {
			out.Direct = append(out.Direct, p)
		}
		out.All = append(out.All, p)
	}
	return criteria.Facts{Dependencies: out}, nil
}

// isLocal reports whether a replacement is a folder. "If the path on the right
// side of the arrow is an absolute or relative path (beginning with ./ or ../)".
func isLocal(m module.Version) bool {
	return m.Version == "" && (strings.HasPrefix(m.Path, "./") || strings.HasPrefix(m.Path, "../") || strings.HasPrefix(m.Path, "/") || modfile.IsDirectoryPath(m.Path))
}
