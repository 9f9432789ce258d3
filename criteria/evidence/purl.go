package evidence

import (
	"strings"

	"github.com/package-url/packageurl-go"
)

// purlTypes maps OSV's ecosystems to types of package URLs
// (https://ossf.github.io/osv-schema/#affectedpackage-field).
func purlType(ecosystem string) (kind, namespace string) {
	name, _, _ := strings.Cut(ecosystem, ":")
	switch name {
	case "Go":
		return packageurl.TypeGolang, ""
	case "npm":
		return packageurl.TypeNPM, ""
	case "PyPI":
		return packageurl.TypePyPi, ""
	case "crates.io":
		return packageurl.TypeCargo, ""
	case "Maven":
		return packageurl.TypeMaven, ""
	case "RubyGems":
		return packageurl.TypeGem, ""
	case "Packagist":
		return packageurl.TypeComposer, ""
	case "NuGet":
		return packageurl.TypeNuget, ""
	case "Hex":
		return packageurl.TypeHex, ""
	case "Pub":
		return packageurl.TypePub, ""
	case "GitHub Actions":
		return "githubactions", ""
	case "SwiftURL":
		return packageurl.TypeSwift, ""
	case "Debian":
		return packageurl.TypeDebian, "debian"
	case "Ubuntu":
		return packageurl.TypeDebian, "ubuntu"
	case "Alpine":
		return packageurl.TypeApk, "alpine"
	case "Wolfi":
		return packageurl.TypeApk, "wolfi"
	case "Chainguard":
		return packageurl.TypeApk, "chainguard"
	}
	return "", ""
}

// purl returns the package URL of a package in one of OSV's ecosystems, or ""
// where the ecosystem has none that we know.
func purl(ecosystem, name, version string) string {
	kind, namespace := purlType(ecosystem)
	if kind == "" || name == "" {
		return ""
	}
	switch {
	case kind == packageurl.TypeMaven:
		if group, artifact, ok := strings.Cut(name, ":"); ok {
			namespace, name = group, artifact
		}
	case namespace == "":
		if i := strings.LastIndexByte(name, '/'); i > 0 && kind != packageurl.TypePyPi {
			namespace, name = name[:i], name[i+1:]
		}
	}
	if kind == packageurl.TypeGolang && version != "" && version[0] >= '0' && version[0] <= '9' && name != "stdlib" {
		version = "v" + version
	}
	return packageurl.NewPackageURL(kind, namespace, name, version, nil, "").ToString()
}
