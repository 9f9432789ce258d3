package advisory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/semantic"
)

// order compares versions as one ecosystem, or Semantic Versioning, does.
type order struct{ ecosystem string }

// semver is the order of ranges of type SEMVER, whatever the ecosystem.
var semver = order{"npm"}

var errNoVersion = errors.New("has no version")

// parse reads a component's or a record's version. The library takes for
// versions much that is none, and orders it somewhere: what has no place in the
// order must be found here.
func (o order) parse(s string) (v version, err error) {
	defer func() {
		// A version is foreign text in a library's hands.
		if r := recover(); r != nil {
			v, err = version{}, fmt.Errorf("has version %q, which cannot be read: %v", s, r)
		}
	}()
	switch {
	case s == "":
		return version{}, errNoVersion
	case len(s) > maxVersion:
		return version{}, fmt.Errorf("has a version of more than %d bytes", maxVersion)
	case strings.ContainsAny(s, "${}*^<>=|,()[]\"'`;&%?#") || strings.ContainsFunc(s, func(c rune) bool { return c < 0x21 || c > 0x7e }) || !strings.ContainsAny(s, "0123456789"):
		return version{}, fmt.Errorf("has version %q, which is none", s)
	}
	if !o.plausible(s) {
		return version{}, fmt.Errorf("has version %q, which is no %s", s, o.kind())
	}
	parsed, err := semantic.Parse(s, o.ecosystem)
	switch {
	case errors.Is(err, semantic.ErrUnsupportedEcosystem):
		return version{}, fmt.Errorf("is of ecosystem %s, whose versions have no order that is known here", o.ecosystem)
	case err != nil:
		return version{}, fmt.Errorf("has version %q, which is no %s", s, o.kind())
	}
	return version{parsed, s}, nil
}

// kind says in a reader's words what o orders.
func (o order) kind() string {
	if o == semver {
		return "semantic version"
	}
	return "version of " + base(o.ecosystem)
}

// plausible reports whether s has the form that the ecosystem's versions must
// have, where the library takes any text.
func (o order) plausible(s string) bool {
	switch base(o.ecosystem) {
	case "Go", "npm", "crates.io", "Hex", "Pub", "Julia", "SwiftURL", "PyPI", "Packagist":
		if len(s) > 1 {
			s = strings.TrimPrefix(s, "v")
		}
	}
	if base(o.ecosystem) != "Maven" && (s[0] < '0' || s[0] > '9') {
		return false
	}
	switch base(o.ecosystem) {
	case "Go", "npm", "crates.io":
		// Three numbers: 1.x or 2 would be ordered as if the rest were zero.
		core, _, _ := strings.Cut(s, "+")
		core, _, _ = strings.Cut(core, "-")
		parts := strings.Split(core, ".")
		if len(parts) != 3 {
			return false
		}
		for _, p := range parts {
			if !isNumber(p) {
				return false
			}
		}
	}
	return true
}

// version is a version that has a place in its ecosystem's order.
type version struct {
	parsed semantic.Version
	text   string
}

// compare returns how v stands to the version that other says.
func (v version) compare(other string) (c int, err error) {
	defer func() {
		if r := recover(); r != nil {
			c, err = 0, fmt.Errorf("version %q cannot be read: %v", other, r)
		}
	}()
	if len(other) > maxVersion || other == "" {
		return 0, fmt.Errorf("version %.20q cannot be read", other)
	}
	return v.parsed.CompareStr(other)
}

// The kinds of event in a range, in the order in which they come to pass at one
// version: what is fixed and introduced at the same one is there.
const (
	fixed = iota + 1
	lastAffected
	introduced
	limit
)

type event struct {
	kind    uint8
	version string
}

// affectedRange is a range in which a package is affected.
type affectedRange struct {
	semver bool
	// commits is true for a range between commits, which no version is in.
	commits bool
	// events are in the order of their versions.
	events []event
	// unordered is true where they could not be put in order.
	unordered bool
}

// newRange takes over a record's range.
func newRange(ecosystem string, r osvRange) affectedRange {
	out := affectedRange{semver: r.Type == "SEMVER", commits: r.Type == "GIT"}
	if out.commits {
		return out
	}
	for _, e := range r.Events {
		for _, one := range []event{{introduced, e.Introduced}, {fixed, e.Fixed}, {lastAffected, e.LastAffected}, {limit, e.Limit}} {
			if one.version != "" {
				out.events = append(out.events, one)
			}
		}
	}
	o := out.order(ecosystem)
	parsed := make(map[string]version, len(out.events))
	for _, e := range out.events {
		if e.version == "0" && e.kind == introduced {
			continue
		}
		v, err := o.parseEvent(e.version)
		if err != nil {
			out.unordered = true
			return out
		}
		parsed[e.version] = v
	}
	slices.SortStableFunc(out.events, func(a, b event) int {
		first := func(e event) bool { return e.version == "0" && e.kind == introduced }
		switch {
		case first(a) && first(b):
			return 0
		case first(a):
			return -1
		case first(b):
			return 1
		}
		c, err := parsed[a.version].compare(b.version)
		out.unordered = out.unordered || err != nil
		return cmp.Or(c, cmp.Compare(a.kind, b.kind))
	})
	return out
}

func (r affectedRange) order(ecosystem string) order {
	if r.semver {
		return semver
	}
	return order{ecosystem}
}

// parseEvent reads a version of a record, which may be shorter than a component's
// may: 1.20 is where something begins.
func (o order) parseEvent(s string) (version, error) {
	switch base(o.ecosystem) {
	case "Go", "npm", "crates.io":
		if len(s) <= maxVersion && s != "" && s[0] >= '0' && s[0] <= '9' {
			return version{semantic.ParseSemverVersion(s), s}, nil
		}
	}
	return o.parse(s)
}

// whole reports whether r affects every version, so that none needs to be known.
func (r affectedRange) whole() bool {
	return !r.commits && len(r.events) > 0 && !slices.ContainsFunc(r.events, func(e event) bool { return e.kind != introduced || e.version != "0" })
}

// holds reports whether v is in r by the algorithm of
// https://ossf.github.io/osv-schema/#evaluation, and in which versions that are
// later than v it is fixed.
func (r affectedRange) holds(v version) (in bool, fixes string, err error) {
	if r.unordered {
		return false, "", errors.New("names a version that is none")
	}
	limited, below := false, false
	for _, e := range r.events {
		if e.kind == introduced && e.version == "0" {
			in, fixes = true, ""
			continue
		}
		if e.kind == limit && e.version == "*" {
			limited, below = true, true
			continue
		}
		c, err := v.compare(e.version)
		if err != nil {
			return false, "", err
		}
		switch e.kind {
		case introduced:
			if c >= 0 {
				in = true
			}
		case fixed:
			if c >= 0 {
				in = false
			} else if in && fixes == "" {
				fixes = e.version
			}
		case lastAffected:
			if c > 0 {
				in = false
			}
		case limit:
			limited = true
			below = below || c < 0
		}
	}
	return in && (!limited || below), fixes, nil
}
