package advisory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// Matches is what an index says of some components.
type Matches struct {
	// Packages counts the components that were looked up and decided, each once.
	Packages int
	// Vulnerabilities are what was found, by package and id.
	Vulnerabilities []criteria.Vulnerability
	// Undecided are the components of which nothing can be said, or not all.
	Undecided []Undecided
	// Files counts what is no package and has no package URL: files, operating
	// systems.
	Files int
	// Ecosystems are those that components were looked up in.
	Ecosystems []Ecosystem
}

// Undecided is a component of which nothing can be said, or not all.
type Undecided struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	PURL    string `json:"purl,omitempty"`
	// Advisory is the record that could not be decided, empty for all.
	Advisory string `json:"advisory,omitempty"`
	// Why is the end of a sentence about it: "has no package URL".
	Why string `json:"why"`
}

func (u Undecided) String() string {
	name := cmp.Or(u.PURL, strings.TrimSuffix(u.Name+"@"+u.Version, "@"))
	if u.Advisory != "" {
		return fmt.Sprintf("%s: %s %s", name, u.Advisory, u.Why)
	}
	return name + " " + u.Why
}

// Oldest is as of when the oldest of the ecosystems is known; zero where one does
// not say.
func (m Matches) Oldest() time.Time {
	var oldest time.Time
	for _, e := range m.Ecosystems {
		if e.Updated.IsZero() {
			return time.Time{}
		}
		if oldest.IsZero() || e.Updated.Before(oldest) {
			oldest = e.Updated
		}
	}
	return oldest
}

// question is one package of one component, to be looked up under one key.
type question struct {
	key       string
	ecosystem string
	version   string
	component int
}

// found is what became of one component.
type found struct {
	lookup lookup
	known  bool // there is an entry for it
	why    string
}

// Match looks components up, each package URL and version once.
func (x *Index) Match(ctx context.Context, components []criteria.Component) (Matches, error) {
	var m Matches
	seen := make(map[string]bool)
	states := make([]found, len(components))
	asked := make([]bool, len(components))
	var questions []question
	used := make(map[string]bool)
	sourced := make(map[string]bool)
	for i, c := range components {
		if c.PURL == "" {
			if c.Type == "file" || c.Type == "operating-system" {
				m.Files++
				continue
			}
			if name := c.Name + "\t" + c.Version; !seen[name] {
				seen[name] = true
				m.undecided(c, "", "has no package URL")
			}
			continue
		}
		l, err := parseLookup(c.PURL)
		one := c.PURL
		// A version that stands beside the package URL is as good as one in it.
		for j := range l.packages {
			if l.packages[j].version == "" && c.Version != "" {
				l.packages[j].version = c.Version
				one = c.PURL + "\t" + c.Version
			}
		}
		if seen[one] {
			continue
		}
		seen[one] = true
		if err != nil {
			m.undecided(c, "", err.Error())
			continue
		}
		states[i].lookup, asked[i] = l, true
		sourced[l.kind] = sourced[l.kind] || l.sourced
		states[i].why = x.unheld(l)
		if states[i].why == "" {
			used[base(l.ecosystems[0])] = true
		}
		// What the index cannot clear it may still know something bad of.
		ask := func(eco string) {
			for _, p := range l.packages {
				questions = append(questions, question{key(eco, p.name), eco, p.version, i})
			}
		}
		for _, eco := range l.ecosystems {
			ask(eco)
		}
		// Some records name a distribution and none of its releases.
		if eco := base(l.ecosystems[0]); eco != l.ecosystems[0] {
			ask(eco)
		}
	}
	slices.SortFunc(questions, func(a, b question) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.component, b.component), cmp.Compare(a.version, b.version))
	})
	questions = slices.Compact(questions)
	for n, q := range questions {
		if n%256 == 0 {
			if err := ctx.Err(); err != nil {
				return Matches{}, err
			}
		}
		e, err := x.find(q.key)
		if err != nil {
			return Matches{}, err
		}
		if e == nil {
			continue
		}
		states[q.component].known = true
		m.decide(e, q, components[q.component])
	}
	for i, s := range states {
		if !asked[i] {
			continue
		}
		switch l := s.lookup; {
		case s.why != "":
			m.undecided(components[i], "", s.why)
		case l.unsourced && !s.known && !sourced[l.kind]:
			m.undecided(components[i], "", "does not say which source package it was built from, and advisories go by that")
		default:
			m.Packages++
		}
	}
	for _, e := range x.Ecosystems {
		if used[e.Name] {
			m.Ecosystems = append(m.Ecosystems, e)
		}
	}
	slices.SortStableFunc(m.Undecided, func(a, b Undecided) int {
		return cmp.Or(cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Advisory, b.Advisory))
	})
	return m, nil
}

// Unheld says, as the end of a sentence about purl, why the index cannot clear
// what it names; empty if it can.
func (x *Index) Unheld(purl string) string {
	l, err := parseLookup(purl)
	if err != nil {
		return err.Error()
	}
	return x.unheld(l)
}

// unheld says why the index cannot clear what l looks for; empty if it can.
func (x *Index) unheld(l lookup) string {
	e, ok := x.Ecosystem(base(l.ecosystems[0]))
	switch {
	case !ok:
		return fmt.Sprintf("is of ecosystem %s, which the index does not hold", base(l.ecosystems[0]))
	case !e.Whole:
		return fmt.Sprintf("is of ecosystem %s, of which the index holds only some records", e.Name)
	}
	for _, eco := range l.ecosystems {
		if slices.Contains(x.Releases, eco) {
			return ""
		}
	}
	return fmt.Sprintf("is of %s, of which the index holds nothing", l.ecosystems[0])
}

func (m *Matches) undecided(c criteria.Component, advisory, why string) {
	m.Undecided = append(m.Undecided, Undecided{Name: c.Name, Version: c.Version, PURL: c.PURL, Advisory: advisory, Why: why})
}

// decide holds every record about a package against its version.
func (m *Matches) decide(e *entry, q question, c criteria.Component) {
	versions := make(map[order]parsed, 2)
	pkg := criteria.Package{Ecosystem: q.ecosystem, Name: c.Name, Version: q.version, PURL: c.PURL}
	for i := range e.advisories {
		a := &e.advisories[i]
		in, fixes, why := a.affects(q, versions)
		switch {
		case in:
			v := criteria.Vulnerability{
				ID: a.id, Aliases: a.names, Package: pkg, Severities: a.severities, Published: a.published, Summary: a.summary,
			}
			if fixes != "" {
				v.FixedIn = []string{fixes}
			}
			m.Vulnerabilities = append(m.Vulnerabilities, v)
		case why != "":
			m.undecided(c, a.id, why)
		}
	}
}

type parsed struct {
	version version
	err     error
}

// affects reports whether the version that q asks about is affected, or why that
// cannot be told.
func (a *advisory) affects(q question, versions map[order]parsed) (in bool, fixes, why string) {
	decided := false
	for _, r := range a.ranges {
		if r.whole() {
			return true, "", ""
		}
		if r.commits {
			continue
		}
		o := r.order(q.ecosystem)
		p, ok := versions[o]
		if !ok {
			p.version, p.err = o.parse(q.version)
			versions[o] = p
		}
		if p.err != nil {
			why = "cannot be decided: the component " + p.err.Error()
			continue
		}
		held, fix, err := r.holds(p.version)
		if err != nil {
			why = "cannot be decided: it " + err.Error()
			continue
		}
		decided = true
		if held {
			in = true
			fixes = cmp.Or(fixes, fix)
		}
	}
	if in {
		return true, fixes, ""
	}
	if q.version == "" && len(a.versions) > 0 {
		return false, "", "cannot be decided: the component has no version"
	}
	if slices.Contains(a.versions, q.version) {
		return true, "", ""
	}
	if len(a.versions) > 0 {
		// The same version may be written in two ways. Where nothing orders the
		// ecosystem's versions, equal text is all that the list can mean.
		o := order{q.ecosystem}
		p, ok := versions[o]
		if !ok {
			p.version, p.err = o.parse(q.version)
			versions[o] = p
		}
		if p.err == nil {
			for _, listed := range a.versions {
				if c, err := p.version.compare(listed); err == nil && c == 0 {
					return true, "", ""
				}
			}
		}
		decided = true
	}
	if !decided && why == "" {
		if slices.ContainsFunc(a.ranges, func(r affectedRange) bool { return r.commits }) {
			why = "cannot be decided: it names commits and no versions"
		} else {
			why = "cannot be decided: it names no versions"
		}
	}
	return false, "", why
}
