package advisory

import (
	"regexp"
	"strings"
)

// base returns the ecosystem without the release of a distribution that it may
// name: Debian:12 is of Debian.
func base(ecosystem string) string {
	name, _, _ := strings.Cut(ecosystem, ":")
	return name
}

// keptUnder returns the ecosystem under which a record's package is kept and looked up.
// Some records name the repository that a package comes from
// (Packagist:https://packages.drupal.org/8), which package URLs seldom say: without
// it they are found.
func keptUnder(ecosystem string) string {
	name := base(ecosystem)
	for _, language := range languages {
		if language == name {
			return name
		}
	}
	return ecosystem
}

// normal returns the one form of a package's name under which it is kept and
// looked up. Where two packages could differ only in what it drops, they are
// looked up together: that may find too much, and never too little.
func normal(ecosystem, name string) string {
	// Go's names keep their case in records, and package URLs must not
	// (https://github.com/package-url/purl-spec/blob/v1.0.0/types-doc/golang-definition.md).
	// The same goes for others in one way or another.
	name = strings.ToLower(strings.TrimSpace(name))
	switch base(ecosystem) {
	case "PyPI":
		// https://packaging.python.org/en/latest/specifications/name-normalization/
		return separators.ReplaceAllString(name, "-")
	case "crates.io":
		// crates.io has no two crates that differ only in this.
		return strings.ReplaceAll(name, "_", "-")
	case "Go":
		switch name {
		case "std":
			return goStandardLibrary
		case "cmd":
			return goToolchain
		}
	case "SwiftURL":
		name = strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://")
		return strings.TrimSuffix(name, ".git")
	}
	return name
}

var separators = regexp.MustCompile(`[-_.]+`)

// What the Go vulnerability database calls what comes with Go itself
// (https://go.dev/doc/security/vuln/database#schema).
const (
	goStandardLibrary = "stdlib"
	goToolchain       = "toolchain"
)
