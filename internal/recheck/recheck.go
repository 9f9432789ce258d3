// Package recheck asks of a verified artifact, again and again after its release,
// whether what is in it is vulnerable as of today: it holds the bills of materials
// that are attested about the artifact against an index of advisories, with the
// release's own VEX and the consumer's waivers.
//
// What decides is the criterion "vulnerabilities", the same that decided at the
// release. What it could not see, because a bill is missing or cannot be read, or
// a component cannot be looked up, is unknown and never clean.
package recheck

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/catalogue"
	"github.com/hallmark-project/hallmark/internal/advisory"
	"github.com/hallmark-project/hallmark/internal/severity"
)

// Criterion is the name of the criterion that decides, and the one that waivers
// name.
const Criterion = "vulnerabilities"

// Options are what a consumer says.
type Options struct {
	// Severity is the rating from which on a vulnerability counts; one of unknown
	// severity always does.
	Severity severity.Rating
	// MaxAge is how old the index may be.
	MaxAge  time.Duration
	Waivers []criteria.Waiver
	Now     time.Time
}

// The outcomes.
const (
	Clear    = "clear"    // nothing from the severity on stands
	Affected = "affected" // something does
	Unknown  = "unknown"  // it cannot be told
)

// Answer is what became of one artifact.
type Answer struct {
	Name   string          `json:"name"`
	Digest criteria.Digest `json:"digest"`
	// Outcome is clear, affected or unknown.
	Outcome string `json:"outcome"`
	// Reasons say why it cannot be told, or not all.
	Reasons []string `json:"reasons,omitempty"`
	// Bills and VEX are the documents that were read.
	Bills []Document `json:"bills"`
	VEX   []Document `json:"vex,omitempty"`
	// Packages counts the components that were looked up and decided.
	Packages int `json:"packages"`
	// Findings stand against the artifact, but those that a waiver excepts.
	Findings []Finding `json:"findings,omitempty"`
	// Suppressed are the vulnerabilities that VEX says do not affect it.
	Suppressed []catalogue.Suppression `json:"suppressed,omitempty"`
	// Undecided are components of which nothing can be said, or not all.
	Undecided []advisory.Undecided `json:"undecided,omitempty"`
	Waivers   []criteria.WaiverUse `json:"waivers,omitempty"`
	// Notes are what else a reader should know.
	Notes []string `json:"notes,omitempty"`
}

// Document is an attested document that was read.
type Document struct {
	Name   string          `json:"name"`
	Format string          `json:"format"`
	Digest criteria.Digest `json:"digest"`
	Signer string          `json:"signer"`
	// Components counts what a bill lists.
	Components int `json:"components,omitempty"`
	// Problem is why it could not be read; empty if it could.
	Problem string `json:"problem,omitempty"`
}

// Finding is one vulnerability in one package.
type Finding struct {
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases,omitempty"`
	Severity string   `json:"severity"`
	Package  string   `json:"package"`
	FixedIn  []string `json:"fixedIn,omitempty"`
	Summary  string   `json:"summary,omitempty"`
	// Waiver is the waiver that excepts it; empty if it stands.
	Waiver string `json:"waiver,omitempty"`
}

// attested is what is verified about one artifact, as far as it matters here.
type attested struct {
	subject  criteria.Subject
	resource string
	bills    []document
	vex      []document
	// gaps say what should have been there and is not.
	gaps  []string
	notes []string
}

// document is a verified document, not read yet.
type document struct {
	name, signer string
	format       criteria.Format
	data         []byte
	// problem is why there is no data.
	problem string
	digest  criteria.Digest
}

// judge answers about one artifact. It is pure but for reading the index.
func judge(ctx context.Context, a attested, x *advisory.Index, o Options) (Answer, error) {
	out := Answer{Name: a.subject.Name, Digest: a.subject.Digest, Bills: []Document{}, Reasons: a.gaps, Notes: a.notes}
	var components []criteria.Component
	for _, d := range a.bills {
		e := d.read(criteria.Declared{About: []criteria.Digest{a.subject.Digest}})
		doc := d.shown(e)
		if c := e.Facts.Components; e.Problem == "" && c != nil {
			doc.Components = len(c.Items)
			// Of a bill with a hundred thousand components most is of no use here.
			components = slices.Grow(components, len(c.Items))
			for _, i := range c.Items {
				components = append(components, criteria.Component{Type: i.Type, Name: i.Name, Version: i.Version, PURL: i.PURL})
			}
			// What the bill is for is the artifact itself: it need not be a package.
			if c.Main.PURL != "" {
				components = append(components, c.Main)
			}
			if len(c.Items) == 0 {
				out.reason("%s lists no components", d.name)
			}
		} else {
			out.reason("%s could not be read: %s", d.name, cmp.Or(e.Problem, "it lists no components"))
		}
		out.Bills = append(out.Bills, doc)
	}
	if len(a.bills) == 0 && len(a.gaps) == 0 {
		out.reason("no bill of materials is attested about it")
	}
	// Advisories about the release itself matter most, and few bills list it.
	if why := x.Unheld(a.resource); why == "" {
		components = append(components, criteria.Component{Name: a.resource, PURL: a.resource})
	} else {
		out.Notes = append(out.Notes, fmt.Sprintf("advisories about the release itself were not looked for: %s %s", a.resource, why))
	}
	m, err := x.Match(ctx, components)
	if err != nil {
		return Answer{}, err
	}
	out.Packages, out.Undecided = m.Packages, m.Undecided
	if m.Files > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d files and operating systems in the bills have no package URL and were passed over", m.Files))
	}
	if n := len(m.Undecided); n > 0 {
		out.reason("%d of its components could not be decided", n)
	}
	in, authors := input(a, m, x, o, &out)
	return out, conclude(&out, in, authors, m, o)
}

func (a *Answer) reason(format string, args ...any) {
	if r := fmt.Sprintf(format, args...); !slices.Contains(a.Reasons, r) {
		a.Reasons = append(a.Reasons, r)
	}
}

// read reads d as evidence.
func (d document) read(declared criteria.Declared) criteria.Evidence {
	if d.problem != "" {
		return criteria.UnreadEvidence(d.format, d.name, d.problem, declared)
	}
	e := criteria.ReadEvidence(d.format, d.name, d.data, declared)
	e.Signer = d.signer
	return e
}

func (d document) shown(e criteria.Evidence) Document {
	digest := d.digest
	if digest.IsZero() {
		digest = e.Digest
	}
	return Document{Name: d.name, Format: d.format.Name(), Digest: digest, Signer: d.signer, Problem: e.Problem}
}

// input is what the criterion is asked about: what was matched, as the report of a
// scan that was made now, and the release's VEX.
func input(a attested, m advisory.Matches, x *advisory.Index, o Options, out *Answer) (criteria.Input, []string) {
	// In an order in which they are found again, by package.
	slices.SortFunc(m.Vulnerabilities, byPlace)
	packages := 0
	for i, v := range m.Vulnerabilities {
		if i == 0 || v.Package.PURL != m.Vulnerabilities[i-1].Package.PURL {
			packages++
		}
	}
	in := criteria.Input{
		Release: criteria.Release{Resource: a.resource, Artifacts: []criteria.Subject{a.subject}},
		Subject: a.subject, Now: o.Now,
		Evidence: []criteria.Evidence{{
			Name: "the index of advisories", Digest: x.Digest(), About: []criteria.Digest{a.subject.Digest}, Time: o.Now,
			Gives: []criteria.Fact{criteria.FactVulnerabilities},
			Facts: criteria.Facts{Time: o.Now, Vulnerabilities: &criteria.Vulnerabilities{
				Packages: max(m.Packages, packages),
				Database: criteria.Database{Version: x.Digest().String(), Updated: m.Oldest()},
				Items:    m.Vulnerabilities,
			}},
		}},
	}
	var authors []string
	for _, d := range a.vex {
		e := d.read(criteria.Declared{})
		out.VEX = append(out.VEX, d.shown(e))
		if e.Problem != "" {
			out.Notes = append(out.Notes, fmt.Sprintf("%s has no effect: it could not be read: %s", d.name, e.Problem))
			continue
		}
		in.Evidence = append(in.Evidence, e)
		// Whoever signed it is one whom the trust file trusts: no other statement
		// is in a result.
		if !slices.Contains(authors, d.signer) {
			authors = append(authors, d.signer)
		}
	}
	return in, authors
}

// conclude asks the criterion and writes what it answers.
func conclude(out *Answer, in criteria.Input, authors []string, m advisory.Matches, o Options) error {
	for _, e := range m.Ecosystems {
		switch age := o.Now.Sub(e.Updated); {
		case e.Updated.IsZero():
			out.reason("the index does not say how old its records of %s are", e.Name)
		case age > o.MaxAge:
			out.reason("the index's records of %s are of %s, %s old: at most %s is accepted", e.Name,
				e.Updated.UTC().Format(time.RFC3339), criteria.Age(age.Truncate(time.Hour)), criteria.Age(o.MaxAge))
		case age < -5*time.Minute:
			out.reason("the index's records of %s are from the future: %s", e.Name, e.Updated.UTC().Format(time.RFC3339))
		}
	}
	scan := in.Evidence[0].Facts.Vulnerabilities
	if scan.Packages == 0 {
		// An empty scan shows nothing, and the criterion would say so in a scanner's
		// words.
		out.reason("none of its components could be looked up")
		out.Outcome = Unknown
		return nil
	}
	kind, err := vulnerabilities()
	if err != nil {
		return err
	}
	params, err := json.Marshal(map[string]any{
		"failFrom": o.Severity.String(), "maxDatabaseAge": criteria.Age(o.MaxAge).String(),
		"maxListAge": "14d", "exploited": "optional", "vexAuthors": append([]string{}, authors...),
	})
	if err != nil {
		return err
	}
	criterion, err := kind.New(params)
	if err != nil {
		return fmt.Errorf("criterion %s: %w", kind.Name, err)
	}
	outcome, uses := criteria.Except(o.Waivers, Criterion, in.Subject, criterion.Evaluate(in), o.Now)
	out.Waivers = uses
	out.Suppressed = catalogue.Suppressed(in, authors)
	said := make(map[string]bool, len(out.Suppressed))
	for _, s := range out.Suppressed {
		said[s.String()] = true
	}
	for _, n := range outcome.Notes {
		if !said[n] {
			out.Notes = append(out.Notes, n)
		}
	}
	out.Findings = make([]Finding, 0, len(outcome.Findings))
	for _, f := range outcome.Findings {
		if f.Status == criteria.Unknown {
			// How old the index is was said above, by ecosystem.
			if f.ID != "unsound-scan" || len(out.Reasons) == 0 {
				out.reason("%s", f.Message)
			}
			continue
		}
		finding := Finding{ID: f.ID, Aliases: f.Aliases, Severity: f.Severity, Package: f.Where, Waiver: f.Waiver}
		finding.look(scan.Items, f.ID)
		for _, id := range f.Aliases {
			finding.look(scan.Items, id)
		}
		out.Findings = append(out.Findings, finding)
	}
	switch {
	case outcome.Status == criteria.Fail:
		out.Outcome = Affected
	case len(out.Reasons) > 0 || !outcome.Status.Satisfied():
		if len(out.Reasons) == 0 {
			out.reason("%s", outcome.Reason)
		}
		out.Outcome = Unknown
	default:
		out.Outcome = Clear
	}
	return nil
}

// byPlace orders vulnerabilities by package, and there by id.
func byPlace(a, b criteria.Vulnerability) int {
	return cmp.Or(strings.Compare(a.Package.PURL, b.Package.PURL), strings.Compare(a.ID, b.ID))
}

// look takes over what records of f's vulnerability, called id, say of its
// package: a finding goes by one name and may rest on several records.
func (f *Finding) look(items []criteria.Vulnerability, id string) {
	at, _ := slices.BinarySearchFunc(items, criteria.Vulnerability{ID: id, Package: criteria.Package{PURL: f.Package}}, byPlace)
	for _, v := range items[at:] {
		if v.ID != id || v.Package.PURL != f.Package {
			return
		}
		f.Summary = cmp.Or(f.Summary, v.Summary)
		for _, fix := range v.FixedIn {
			if !slices.Contains(f.FixedIn, fix) {
				f.FixedIn = append(f.FixedIn, fix)
			}
		}
	}
}

func vulnerabilities() (criteria.Kind, error) {
	for _, k := range catalogue.All() {
		if k.Name == Criterion {
			return k, nil
		}
	}
	return criteria.Kind{}, fmt.Errorf("the catalogue has no criterion %s", Criterion)
}

// Standing are the findings that no waiver excepts.
func (a Answer) Standing() []Finding {
	return slices.DeleteFunc(slices.Clone(a.Findings), func(f Finding) bool { return f.Waiver != "" })
}

// Worse returns the outcome that says more against an artifact.
func Worse(a, b string) string {
	order := []string{Clear, Unknown, Affected}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// trimmed is a media type without its parameters.
func trimmed(mediaType string) string {
	kind, _, _ := strings.Cut(mediaType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}
