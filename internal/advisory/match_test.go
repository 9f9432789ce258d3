package advisory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
)

func TestRanges(t *testing.T) {
	const purl = "pkg:golang/example.com/lib@"
	for _, tt := range []struct {
		name, ranges, versions string
		want                   map[string]string
	}{
		{
			"one that is fixed", events("SEMVER", "introduced 0", "fixed 1.2.0"), "",
			map[string]string{"v0.0.0": "R 1.2.0", "v1.1.9": "R 1.2.0", "v1.2.0": "clean", "1.1.9": "R 1.2.0", "v1.2.0-rc.1": "R 1.2.0", "v1.2.0+incompatible": "clean"},
		},
		{
			"not yet there", events("SEMVER", "introduced 1.0.0", "fixed 1.2.0"), "",
			map[string]string{"v0.9.0": "clean", "v1.0.0": "R 1.2.0", "v1.0.0-rc.1": "clean"},
		},
		{
			"the last affected", events("SEMVER", "introduced 0", "last_affected 1.2.0"), "",
			map[string]string{"v1.2.0": "R", "v1.2.1": "clean"},
		},
		{
			"twice, in any order", events("SEMVER", "introduced 2.0.0", "fixed 2.1.0", "introduced 0", "fixed 1.2.0"), "",
			map[string]string{"v1.0.0": "R 1.2.0", "v1.5.0": "clean", "v2.0.5": "R 2.1.0", "v2.1.0": "clean"},
		},
		{
			"fixed and there again at once", events("SEMVER", "introduced 0", "fixed 1.0.0", "introduced 1.0.0", "fixed 1.1.0"), "",
			map[string]string{"v0.9.0": "R 1.0.0", "v1.0.0": "R 1.1.0", "v1.1.0": "clean"},
		},
		{
			"up to a limit", events("SEMVER", "introduced 0", "limit 2.0.0"), "",
			map[string]string{"v1.9.0": "R", "v2.0.0": "clean"},
		},
		{
			"every version", events("SEMVER", "introduced 0"), "",
			map[string]string{"v1.0.0": "R", "(devel)": "R", "": "R"},
		},
		{
			"a list", "", `"1.0.0", "1.0.1"`,
			map[string]string{"1.0.0": "R", "v1.0.1": "R", "v1.0.2": "clean", "": "? R cannot be decided: the component has no version"},
		},
		{
			"a range or a list", events("SEMVER", "introduced 1.0.0", "fixed 1.1.0"), `"1.0.5", "3.0.0"`,
			map[string]string{"v1.0.5": "R 1.1.0", "v3.0.0": "R", "v2.0.0": "clean"},
		},
		{
			"commits", events("GIT", "introduced 0", "fixed 0123456789012345678901234567890123456789"), "",
			map[string]string{"v1.0.0": "? R cannot be decided: it names commits and no versions"},
		},
		{
			"commits beside versions", events("GIT", "introduced 0") + ", " + events("SEMVER", "introduced 0", "fixed 1.0.0"), "",
			map[string]string{"v1.0.0": "clean", "v0.1.0": "R 1.0.0"},
		},
		{
			"nothing at all", "", "",
			map[string]string{"v1.0.0": "? R cannot be decided: it names no versions"},
		},
		{
			"a version that is none", events("SEMVER", "introduced 0", "fixed soon"), "",
			map[string]string{"v1.0.0": "? R cannot be decided: it names a version that is none"},
		},
		{
			"a pseudo-version", events("SEMVER", "introduced 0", "fixed 0.0.0-20220314234724-5d542ad81a58"), "",
			map[string]string{"v0.0.0-20220101000000-000000000000": "R 0.0.0-20220314234724-5d542ad81a58", "v0.0.0-20220314234724-5d542ad81a58": "clean"},
		},
	} {
		x := index(t, nil, rec("R", "Go", "example.com/lib", tt.ranges, tt.versions))
		for version, want := range tt.want {
			if got := answer(t, x, purl+version); got != want {
				t.Errorf("%s: %q is %s, want %s", tt.name, version, got, want)
			}
		}
	}
}

// Whatever has no place in an ecosystem's order is undecided, never below or above
// everything.
func TestVersionsThatAreNone(t *testing.T) {
	x := index(t, []string{"Go", "npm", "PyPI", "Maven", "NuGet"},
		rec("G", "Go", "lib", events("SEMVER", "introduced 1.0.0", "fixed 2.0.0"), ""),
		rec("N", "npm", "lib", events("SEMVER", "introduced 1.0.0", "fixed 2.0.0"), ""),
		rec("P", "PyPI", "lib", events("ECOSYSTEM", "introduced 1.0", "fixed 2.0"), ""),
		rec("M", "Maven", "a:lib", events("ECOSYSTEM", "introduced 1.0", "fixed 2.0"), ""),
		rec("U", "NuGet", "lib", events("ECOSYSTEM", "introduced 1.0", "fixed 2.0"), ""),
	)
	for _, kind := range []string{"golang/lib", "npm/lib", "pypi/lib", "maven/a/lib", "nuget/lib"} {
		for _, version := range []string{"", "(devel)", "latest", "UNKNOWN", "%5E1.2.3", "*", "%24%7Bproject.version%7D", ">=1.0", "1.0,2.0", strings.Repeat("1", 300), "\u0661.0.0"} {
			if got := answer(t, x, "pkg:"+kind+"@"+version); !strings.HasPrefix(got, "? ") {
				t.Errorf("pkg:%s@%.20s is %s, want it undecided", kind, version, got)
			}
		}
	}
	for _, version := range []string{"1", "1.x", "1.2", "1.2.3.4", "V1.2.3", "master-1.2.3"} {
		for _, kind := range []string{"golang/lib", "npm/lib"} {
			if got := answer(t, x, "pkg:"+kind+"@"+version); !strings.HasPrefix(got, "? ") {
				t.Errorf("pkg:%s@%s is %s, want it undecided", kind, version, got)
			}
		}
	}
	// Where nothing is known against any version, none has to be known.
	if got := answer(t, x, "pkg:golang/other@(devel)"); got != "clean" {
		t.Errorf("a package without advisories is %s, want clean", got)
	}
	// A version beside the package URL is as good as one in it.
	m, err := x.Match(context.Background(), []criteria.Component{{Name: "lib", Version: "v1.5.0", PURL: "pkg:golang/lib"}})
	if err != nil || len(m.Vulnerabilities) != 1 || len(m.Undecided) != 0 {
		t.Errorf("version beside the package URL: %+v, %v", m, err)
	}
}

func TestEcosystems(t *testing.T) {
	eco := func(id, ecosystem, name, fix string) string {
		return rec(id, ecosystem, name, events("ECOSYSTEM", "introduced 0", "fixed "+fix), "")
	}
	x := index(t, []string{
		"Go", "npm", "PyPI", "Maven", "crates.io", "NuGet", "RubyGems", "Packagist", "Hex", "Pub", "SwiftURL", "GitHub Actions",
		"Debian", "Ubuntu", "Alpine", "Wolfi", "Rocky Linux", "AlmaLinux", "openSUSE",
	},
		eco("GO", "Go", "github.com/Masterminds/Sprig", "2.0.0"),
		rec("STD", "Go", "stdlib", events("SEMVER", "introduced 0", "fixed 1.21.3", "introduced 1.22.0-0", "fixed 1.22.1"), ""),
		rec("CMD", "Go", "toolchain", events("SEMVER", "introduced 0", "fixed 1.22.2"), ""),
		eco("NPM", "npm", "@Scope/lib", "2.0.0"), eco("PY", "PyPI", "Zope.Interface_x", "2.0"), eco("MVN", "Maven", "org.a:lib", "2.0"),
		eco("RS", "crates.io", "serde_yaml", "2.0.0"), eco("NU", "NuGet", "Newtonsoft.Json", "13.0.1"), eco("GEM", "RubyGems", "rack", "2.0"),
		eco("PHP", "Packagist", "Symfony/http", "2.0"), eco("DRU", "Packagist:https://packages.drupal.org/8", "drupal/core", "10.0"), eco("HEX", "Hex", "plug", "2.0.0"), eco("PUB", "Pub", "dio", "2.0.0"),
		eco("SW", "SwiftURL", "https://github.com/apple/swift-nio.git", "2.0.0"), eco("GHA", "GitHub Actions", "tj-actions/changed-files", "46.0.1"),
		eco("DEB12", "Debian:12", "openssl", "3.0.11-1~deb12u2"), eco("DEB11", "Debian:11", "openssl", "1.1.1n-0+deb11u5"),
		eco("UBU", "Ubuntu:22.04:LTS", "openssl", "3.0.2-0ubuntu1.12"), eco("ALP", "Alpine:v3.18", "openssl", "3.1.4-r0"),
		eco("WOLFI", "Wolfi", "openssl", "3.1.4-r0"), eco("ROCKY", "Rocky Linux:9", "openssl", "1:3.0.7-17.el9_2"),
		eco("ALMA", "AlmaLinux:9", "openssl", "1:3.0.7-17.el9_2"), eco("SUSE", "openSUSE:Leap 15.5", "openssl", "1.1.0-1"),
	)
	for purl, want := range map[string]string{
		"pkg:golang/github.com/masterminds/sprig@v1.0.0":              "GO 2.0.0",
		"pkg:golang/github.com/Masterminds/Sprig@v2.0.0":              "clean",
		"pkg:golang/std@1.20.1":                                       "STD 1.21.3",
		"pkg:golang/stdlib@go1.21.3":                                  "clean",
		"pkg:golang/stdlib@1.22rc1":                                   "STD 1.22.1",
		"pkg:golang/stdlib@1.22":                                      "STD 1.22.1",
		"pkg:golang/cmd@1.22.1":                                       "CMD 1.22.2",
		"pkg:golang/golang.org/toolchain@v0.0.1-go1.22.0.linux-amd64": "STD 1.22.1; CMD 1.22.2",
		"pkg:npm/%40scope/lib@1.0.0":                                  "NPM 2.0.0",
		"pkg:pypi/zope-interface-x@1.0":                               "PY 2.0",
		"pkg:pypi/zope.interface_x@2.0.0":                             "clean",
		"pkg:maven/org.a/lib@1.9":                                     "MVN 2.0",
		"pkg:cargo/serde-yaml@1.0.0":                                  "RS 2.0.0",
		"pkg:nuget/newtonsoft.json@12.0.3":                            "NU 13.0.1",
		"pkg:gem/rack@1.9.9":                                          "GEM 2.0",
		"pkg:composer/symfony/http@1.0":                               "PHP 2.0",
		"pkg:composer/drupal/core@9.5":                                "DRU 10.0",
		"pkg:hex/plug@1.0.0":                                          "HEX 2.0.0",
		"pkg:pub/dio@1.0.0":                                           "PUB 2.0.0",
		"pkg:swift/github.com/apple/swift-nio@1.0.0":                  "SW 2.0.0",
		"pkg:githubactions/tj-actions/changed-files@45.0.0":           "? GHA cannot be decided: the component is of ecosystem GitHub Actions, whose versions have no order that is known here",

		"pkg:deb/debian/libssl3@3.0.11-1~deb12u1?distro=debian-12&upstream=openssl":                                          "DEB12 3.0.11-1~deb12u2",
		"pkg:deb/debian/openssl@3.0.11-1~deb12u2?distro=debian-12.5":                                                         "clean",
		"pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u4?distro=bullseye":                                                          "DEB11 1.1.1n-0+deb11u5",
		"pkg:deb/debian/libssl3@3.0.11-1~deb12u1?distro=debian-12":                                                           "? does not say which source package it was built from, and advisories go by that",
		"pkg:deb/debian/openssl@3.0.11?distro=debian-10":                                                                     "? is of Debian:10, of which the index holds nothing",
		"pkg:deb/debian/openssl@3.0.11":                                                                                      "? names no release of its distribution: the package URL has no qualifier distro",
		"pkg:deb/debian/libssl@1?distro=debian-12&upstream=openssl%403.0.11-1~deb12u1":                                       "DEB12 3.0.11-1~deb12u2",
		"pkg:deb/ubuntu/openssl@3.0.2-0ubuntu1.10?distro=ubuntu-22.04":                                                       "UBU 3.0.2-0ubuntu1.12",
		"pkg:apk/alpine/libcrypto3@3.1.3-r0?distro=alpine-3.18.4&upstream=openssl":                                           "ALP 3.1.4-r0",
		"pkg:apk/wolfi/openssl@3.1.3-r0":                                                                                     "WOLFI 3.1.4-r0",
		"pkg:rpm/rocky/openssl@3.0.7-16.el9_2?distro=rocky-9.3&epoch=1":                                                      "ROCKY 1:3.0.7-17.el9_2",
		"pkg:rpm/almalinux/openssl-libs@3.0.7-16.el9_2?distro=almalinux-9.3&epoch=1&upstream=openssl-3.0.7-16.el9_2.src.rpm": "ALMA 1:3.0.7-17.el9_2",
		"pkg:rpm/opensuse/openssl@1.0.9-1?distro=opensuse-leap-15.5":                                                         "SUSE 1.1.0-1",
		"pkg:rpm/redhat/openssl@3.0.7?distro=rhel-9.3":                                                                       `? is of redhat "rhel-9.3", for which there is no ecosystem of advisories`,
		"pkg:generic/openssl@3.0.7":                                                                                          `? is of type "generic", for which there is no ecosystem of advisories`,
		"pkg:cran/ggplot2@3.0.7":                                                                                             "? is of ecosystem CRAN, which the index does not hold",
		"openssl 3":                                                                                                          "? has a package URL that is none: purl scheme is not \"pkg\": \"openssl 3\"",
	} {
		if got := answer(t, x, purl); got != want {
			t.Errorf("%s is %s, want %s", purl, got, want)
		}
	}
}

// What an index knows some of it can condemn, and not clear.
func TestHalfAnEcosystem(t *testing.T) {
	both := `{"id": "B", "affected": [
		{"package": {"ecosystem": "Go", "name": "lib"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]},
		{"package": {"ecosystem": "npm", "name": "lib"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}`
	x := index(t, nil, both, rec("G", "Go", "other", events("SEMVER", "introduced 0"), ""))
	const some = "? is of ecosystem npm, of which the index holds only some records"
	for purl, want := range map[string]string{
		"pkg:golang/lib@v1.0.0": "B", "pkg:golang/clean@v1.0.0": "clean",
		"pkg:npm/lib@1.0.0": "B; " + some, "pkg:npm/clean@1.0.0": some,
	} {
		if got := answer(t, x, purl); got != want {
			t.Errorf("%s is %s, want %s", purl, got, want)
		}
	}
}

func TestComponents(t *testing.T) {
	x := index(t, nil, rec("R", "Go", "lib", events("SEMVER", "introduced 0", "fixed 2.0.0"), ""))
	m, err := x.Match(context.Background(), []criteria.Component{
		{Name: "lib", PURL: "pkg:golang/lib@v1.0.0"},
		{Name: "lib again", PURL: "pkg:golang/lib@v1.0.0"},
		{Name: "lib 2", PURL: "pkg:golang/lib@v2.0.0"},
		{Name: "lib", Version: "v1.0.0", PURL: "pkg:golang/lib"},
		{Name: "lib", Version: "v2.0.0", PURL: "pkg:golang/lib"},
		{Name: "etc/passwd", Type: "file"},
		{Name: "debian", Type: "operating-system"},
		{Name: "nobody knows", Version: "1", Type: "library"},
		{Name: "nobody knows", Version: "1", Type: "library"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.Packages != 4 || len(m.Vulnerabilities) != 2 || m.Files != 2 || len(m.Undecided) != 1 {
		t.Errorf("Match = %+v", m)
	}
	if got, want := m.Undecided[0].String(), "nobody knows@1 has no package URL"; got != want {
		t.Errorf("undecided %q, want %q", got, want)
	}
	if got := m.Oldest(); !got.Equal(now) {
		t.Errorf("Oldest = %s, want %s", got, now)
	}
	if m, err := x.Match(context.Background(), nil); err != nil || m.Packages != 0 || !m.Oldest().IsZero() {
		t.Errorf("Match of nothing = %+v, %v", m, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := x.Match(ended, components("pkg:golang/lib@v1.0.0")); !errors.Is(err, context.Canceled) {
		t.Errorf("Match after the end = %v, want %v", err, context.Canceled)
	}
}

// One vulnerability has the names and the rating of all its records.
func TestAliases(t *testing.T) {
	const critical = `"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`
	x := index(t, []string{"Go"},
		rec("GO-1", "Go", "lib", events("SEMVER", "introduced 0", "fixed 2.0.0"), "", `"aliases": ["cve-2026-1"]`),
		// Another record of it affects another package and says how severe it is.
		rec("GHSA-1", "npm", "lib", events("SEMVER", "introduced 0"), "", `"aliases": ["CVE-2026-1"]`, critical),
		rec("GO-2", "Go", "lib", events("SEMVER", "introduced 0"), "", `"aliases": ["CVE-2026-2"]`, `"withdrawn": "2026-11-01T00:00:00Z"`),
		rec("GO-3", "Go", "lib", events("SEMVER", "introduced 0"), "", `"aliases": ["CVE-2026-2", "CVE-2026-3"]`),
		rec("GO-4", "Go", "lib", events("SEMVER", "introduced 0"), "", `"upstream": ["CVE-2026-4"]`),
		rec("GO-5", "Go", "lib", events("SEMVER", "introduced 0"), "", `"upstream": ["CVE-2026-4", "CVE-2026-5"]`),
	)
	m, err := x.Match(context.Background(), components("pkg:golang/lib@v1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string)
	for _, v := range m.Vulnerabilities {
		got[v.ID] = v.Aliases
		rated := slices.ContainsFunc(v.Severities, func(s criteria.Severity) bool { return s.Source == "GHSA-1" && s.Score != nil && *s.Score == 9.8 })
		if rated != (v.ID == "GO-1") {
			t.Errorf("%s has severities %+v", v.ID, v.Severities)
		}
	}
	want := map[string][]string{
		"GO-1": {"CVE-2026-1", "GHSA-1"}, "GO-3": {"CVE-2026-2", "CVE-2026-3"}, "GO-4": {"CVE-2026-4"},
		"GO-5": nil, // several vulnerabilities, of which an exception for one is none for all
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if x.Withdrawn != 1 {
		t.Errorf("%d withdrawn, want 1", x.Withdrawn)
	}
}

// Real records against versions of which it is known what is wrong with them.
func TestRealRecords(t *testing.T) {
	x := indexOf(t, nil, realData(t, "osv/go-vulndb.zip"), realData(t, "osv/pypi-yaml.zip"))
	for purl, want := range map[string]string{
		"pkg:golang/golang.org/x/text@v0.3.7":                            "GO-2022-1059 0.3.8",
		"pkg:golang/golang.org/x/text@v0.3.8":                            "clean",
		"pkg:golang/gopkg.in/yaml.v3@v3.0.1":                             "clean",
		"pkg:golang/gopkg.in/yaml.v3@v3.0.0-20200313102051-9f266ea9e77c": "GO-2022-0603 3.0.0-20220521103104-8f96da9f5d5e",
		"pkg:pypi/jinja2@2.11.2":                                         "PYSEC-2021-66 2.11.3",
		"pkg:pypi/Jinja2@2.11.3":                                         "clean",
		"pkg:pypi/apache_skywalking@1.0.1":                               "PYSEC-2020-342",
	} {
		if got := answer(t, x, purl); got != want {
			t.Errorf("%s is %s, want %s", purl, got, want)
		}
	}
	for _, e := range x.Ecosystems {
		if !e.Whole || e.Records < 2000 || !e.Updated.Equal(now) {
			t.Errorf("ecosystem %+v", e)
		}
	}
}
