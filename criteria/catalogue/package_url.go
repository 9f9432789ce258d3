package catalogue

import (
	"strings"

	"github.com/package-url/packageurl-go"
)

// pkg is a package URL taken apart, so that it can be compared.
type pkg struct {
	key        string // type, namespace and name
	version    string
	qualifiers packageurl.Qualifiers
	subpath    string
}

// parsePackage returns the parts of a package URL. ok is false where it is none.
func parsePackage(purl string) (p pkg, ok bool) {
	u, err := packageurl.FromString(purl)
	if err != nil {
		return pkg{}, false
	}
	key := u.Type + "/" + u.Namespace + "/" + u.Name
	version := u.Version
	if u.Type == packageurl.TypeGolang {
		// "The namespace and name must be lowercased" says the purl
		// specification, and not every tool does so; versions are written with
		// and without v, and the standard library has two names.
		key = strings.ToLower(key)
		if key == "golang//stdlib" {
			key = "golang//std"
		}
		version = goVersion(version)
	}
	return pkg{key: key, version: version, qualifiers: u.Qualifiers, subpath: u.Subpath}, true
}

func goVersion(v string) string {
	if rest, ok := strings.CutPrefix(v, "go"); ok {
		return rest
	}
	return strings.TrimPrefix(v, "v")
}

// covers reports whether a statement about want speaks of have: the same
// package, the same version if want has one, and no qualifier or subpath that
// have lacks.
func (want pkg) covers(have pkg) bool {
	if want.key != have.key || (want.version != "" && want.version != have.version) {
		return false
	}
	if want.subpath != "" && want.subpath != have.subpath {
		return false
	}
	for _, q := range want.qualifiers {
		found := false
		for _, h := range have.qualifiers {
			found = found || h == q
		}
		if !found {
			return false
		}
	}
	return true
}
