package advisory

import (
	"errors"
	"fmt"
	"strings"

	"github.com/package-url/packageurl-go"
)

// lookup is what a component is looked up as: the ecosystems, names and version
// that its package URL stands for.
type lookup struct {
	// ecosystems are the words that records may use for it, the same database in
	// each: "Ubuntu:22.04:LTS" and "Ubuntu:22.04".
	ecosystems []string
	packages   []named
	// kind is the URL's type.
	kind string
	// unsourced is true where records name source packages, and the URL does not
	// say which one it was built from; sourced where it does.
	unsourced, sourced bool
}

// named is a package in a version.
type named struct{ name, version string }

// languages are the ecosystems of package URL types that name no distribution.
var languages = map[string]string{
	packageurl.TypeGolang:   "Go",
	packageurl.TypeNPM:      "npm",
	packageurl.TypePyPi:     "PyPI",
	packageurl.TypeCargo:    "crates.io",
	packageurl.TypeMaven:    "Maven",
	packageurl.TypeGem:      "RubyGems",
	packageurl.TypeComposer: "Packagist",
	packageurl.TypeNuget:    "NuGet",
	packageurl.TypeHex:      "Hex",
	packageurl.TypePub:      "Pub",
	packageurl.TypeSwift:    "SwiftURL",
	packageurl.TypeCran:     "CRAN",
	packageurl.TypeHackage:  "Hackage",
	packageurl.TypeConan:    "ConanCenter",
	"bitnami":               "Bitnami",
	"julia":                 "Julia",
	"githubactions":         "GitHub Actions",
}

// parseLookup takes a package URL apart. The error says, as the end of a sentence
// about the component, why it cannot be looked up.
func parseLookup(purl string) (lookup, error) {
	u, err := packageurl.FromString(purl)
	if err != nil {
		return lookup{}, fmt.Errorf("has a package URL that is none: %v", err)
	}
	if eco, ok := languages[u.Type]; ok {
		name := u.Name
		if u.Namespace != "" {
			separator := "/"
			if eco == "Maven" {
				separator = ":"
			}
			name = u.Namespace + separator + u.Name
		}
		l := lookup{kind: u.Type, ecosystems: []string{eco}, packages: []named{{normal(eco, name), u.Version}}}
		if eco == "Go" {
			l.packages = goPackages(l.packages[0])
		}
		return l, nil
	}
	switch u.Type {
	case packageurl.TypeDebian, packageurl.TypeApk, packageurl.TypeRPM:
		return distribution(u)
	}
	return lookup{}, fmt.Errorf("is of type %q, for which there is no ecosystem of advisories", u.Type)
}

// goPackages gives what comes with Go itself the names and versions of the Go
// vulnerability database.
func goPackages(p named) []named {
	switch p.name {
	case "golang.org/toolchain":
		// v0.0.1-go1.22.1.linux-amd64 is what the go command calls a toolchain.
		_, v, _ := strings.Cut(p.version, "-go")
		parts := strings.Split(v, ".")
		for i, part := range parts {
			if part == "" || part[0] < '0' || part[0] > '9' {
				parts = parts[:i]
				break
			}
		}
		v = goRelease(strings.Join(parts, "."))
		return []named{{goToolchain, v}, {goStandardLibrary, v}}
	case goToolchain, goStandardLibrary:
		p.version = goRelease(p.version)
	}
	return []named{p}
}

// goRelease writes the version of a Go release as a semantic one: go1.21rc2 is
// 1.21.0-rc.2. What it does not know it leaves as it is.
func goRelease(v string) string {
	v = strings.TrimPrefix(strings.TrimPrefix(v, "go"), "v")
	// go1.22.1 X:boringcrypto
	v, _, _ = strings.Cut(v, " ")
	i := 0
	for i < len(v) && (v[i] >= '0' && v[i] <= '9' || v[i] == '.') {
		i++
	}
	numbers, rest := v[:i], v[i:]
	if strings.HasSuffix(numbers, ".") || strings.HasPrefix(numbers, ".") || numbers == "" {
		return v
	}
	for strings.Count(numbers, ".") < 2 {
		numbers += ".0"
	}
	for _, word := range []string{"beta", "rc"} {
		if n, ok := strings.CutPrefix(rest, word); ok {
			return numbers + "-" + word + "." + n
		}
	}
	return numbers + rest
}

// distribution takes apart the package URL of a distribution's package. Records
// are kept by the distribution's release.
func distribution(u packageurl.PackageURL) (lookup, error) {
	q := u.Qualifiers.Map()
	l := lookup{kind: u.Type}
	own := named{version: u.Version}
	distro := strings.ToLower(q["distro"])
	switch vendor := strings.ToLower(u.Namespace); vendor {
	case "wolfi":
		l.ecosystems = []string{"Wolfi"}
	case "chainguard":
		l.ecosystems = []string{"Chainguard"}
	case "minimos":
		l.ecosystems = []string{"MinimOS"}
	default:
		release := distro
		for _, prefix := range []string{"opensuse-leap", vendor} {
			if rest, ok := strings.CutPrefix(distro, prefix+"-"); ok {
				release = rest
				break
			}
		}
		if release == "" {
			return lookup{}, errors.New("names no release of its distribution: the package URL has no qualifier distro")
		}
		l.ecosystems = releases(vendor, distro, release)
	}
	if len(l.ecosystems) == 0 {
		return lookup{}, fmt.Errorf("is of %s %q, for which there is no ecosystem of advisories", u.Namespace, distro)
	}
	if u.Type == packageurl.TypeRPM && q["epoch"] != "" {
		own.version = q["epoch"] + ":" + own.version
	}
	own.name = normal(l.ecosystems[0], u.Name)
	// Advisories of Debian, Ubuntu, Alpine and others are about source packages.
	// How a URL names it is syft's convention: upstream is the source package, with
	// its version after @ where that is another, and absent where both are the same.
	var source named
	source.name, source.version, _ = strings.Cut(q["upstream"], "@")
	if u.Type == packageurl.TypeRPM {
		source = sourceRPM(q["upstream"])
	}
	source.name = normal(l.ecosystems[0], source.name)
	if source.version == "" {
		source.version = own.version
	}
	l.sourced = source.name != ""
	switch {
	case !l.sourced || source == own:
		l.packages = []named{own}
		l.unsourced = !l.sourced && u.Type != packageurl.TypeRPM
	case u.Type == packageurl.TypeDebian:
		l.packages = []named{source}
	default:
		l.packages = []named{own, source}
	}
	return l, nil
}

// sourceRPM takes NAME-VERSION-RELEASE.src.rpm apart; the version is that of the
// packages built from it, but for an epoch that the name leaves out.
func sourceRPM(file string) named {
	name := strings.TrimSuffix(strings.TrimSuffix(file, ".src.rpm"), ".nosrc.rpm")
	for range 2 {
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
	}
	return named{name: name}
}

// releases are the words for one release of a distribution in the OSV schema
// (https://ossf.github.io/osv-schema/#defined-ecosystems).
func releases(vendor, distro, release string) []string {
	major, rest, _ := strings.Cut(release, ".")
	switch vendor {
	case "debian":
		if number, ok := debianReleases[release]; ok {
			major = number
		}
		if isNumber(major) {
			return []string{"Debian:" + major}
		}
	case "ubuntu":
		if number, ok := ubuntuReleases[release]; ok {
			release = number
		}
		if len(release) >= 5 && isNumber(release[:2]) && release[2] == '.' && isNumber(release[3:5]) {
			return []string{"Ubuntu:" + release[:5] + ":LTS", "Ubuntu:" + release[:5]}
		}
	case "alpine":
		minor, _, _ := strings.Cut(rest, ".")
		if major = strings.TrimPrefix(major, "v"); isNumber(major) && isNumber(minor) {
			return []string{"Alpine:v" + major + "." + minor}
		}
	case "rocky", "rocky-linux", "rockylinux":
		if isNumber(major) {
			return []string{"Rocky Linux:" + major}
		}
	case "almalinux", "alma":
		if isNumber(major) {
			return []string{"AlmaLinux:" + major}
		}
	case "mageia":
		if isNumber(major) {
			return []string{"Mageia:" + major}
		}
	case "opensuse":
		switch {
		case strings.HasPrefix(distro, "opensuse-leap-"):
			return []string{"openSUSE:Leap " + release}
		case strings.Contains(distro, "tumbleweed"):
			return []string{"openSUSE:Tumbleweed"}
		}
	}
	// Red Hat's records go by CPE and SUSE's by module, which a package URL does
	// not say: looking them up by release alone would miss most.
	return nil
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

var debianReleases = map[string]string{
	"stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14",
}

var ubuntuReleases = map[string]string{
	"trusty": "14.04", "xenial": "16.04", "bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04",
}
