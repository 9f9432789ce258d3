package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// statement is what a trusted author says of one vulnerability in the release
// that is judged.
type statement struct {
	author        string
	document      string
	status        string
	justification string
	time          time.Time
	// exact is true where the product is named by version or digest.
	exact bool
	// components narrow it; none means the whole product. narrow is true
	// where it is narrowed, even to something that cannot be compared.
	components []pkg
	narrow     bool
}

// trustedStatements returns, by vulnerability, the statements of the authors
// that the policy names about this very release, and says whose do not count.
// A signed document speaks for its signer; an unsigned one for the author it
// names, and then anybody who could write the file could write the name.
func trustedStatements(in criteria.Input, authors []string) (map[string][]statement, []string) {
	out := make(map[string][]statement)
	var notes []string
	for _, e := range in.Evidence {
		vex := e.Facts.Exploitability
		if vex == nil {
			continue
		}
		author := e.Signer
		if author == "" {
			author = vex.Author
		}
		if !slices.Contains(authors, author) {
			notes = append(notes, fmt.Sprintf("%s has no effect: the policy does not name %q among vexAuthors", e.Name, author))
			continue
		}
		if e.Signer == "" {
			author += " (unsigned)"
		}
		for i := range vex.Statements {
			s := &vex.Statements[i]
			for _, p := range s.Products {
				exact, ok := isProduct(in, p)
				if !ok {
					continue
				}
				st := statement{
					author: author, document: e.Name, status: s.Status, justification: s.Justification,
					time: s.Time, exact: exact, narrow: len(p.Components) > 0,
				}
				for _, c := range p.Components {
					if parsed, ok := parsePackage(c); ok {
						st.components = append(st.components, parsed)
					}
				}
				own := cveID(s.Vulnerability)
				out[own] = append(out[own], st)
				for _, a := range s.Aliases {
					if a = cveID(a); a != own {
						out[a] = append(out[a], st)
					}
				}
			}
		}
	}
	return out, notes
}

// isProduct reports whether p names the artifact that is judged or the release
// it belongs to, and whether exactly. Where p has digests they decide: a
// package URL beside the digest of something else does not make it ours.
func isProduct(in criteria.Input, p criteria.VEXProduct) (exact, ok bool) {
	if len(p.Digests) > 0 {
		for _, d := range p.Digests {
			if d.Matches(in.Subject.Digest) {
				return true, true
			}
		}
		return false, false
	}
	if !in.Release.IsProduct(p.PURL) {
		return false, false
	}
	parsed, ok := parsePackage(p.PURL)
	return ok && parsed.version != "", ok
}

// Suppression is one vulnerability that VEX says does not affect a release, and
// who says so.
type Suppression struct {
	ID            string    `json:"id"`
	Where         string    `json:"where"`
	Status        string    `json:"status"`
	Justification string    `json:"justification,omitempty"`
	Author        string    `json:"author"`
	Document      string    `json:"document"`
	Time          time.Time `json:"time"`
}

func (s Suppression) String() string {
	reason := s.Status
	if s.Justification != "" {
		reason += ", " + s.Justification
	}
	return fmt.Sprintf("%s (%s) is suppressed: %s, says %s in %s of %s", s.ID, s.Where, reason, s.Author, s.Document, s.Time.UTC().Format(time.RFC3339))
}

// Suppressed lists what the criterion "vulnerabilities" passes over in in because
// of VEX by authors, in a fixed order, as far as no list in it says that it is
// exploited.
func Suppressed(in criteria.Input, authors []string) []Suppression {
	statements, _ := trustedStatements(in, authors)
	if len(statements) == 0 {
		return nil
	}
	var out []Suppression
	all, _ := vulnerable(in)
	for _, v := range all {
		if s, ok := suppressed(in, statements, v); ok {
			out = append(out, s)
		}
	}
	return out
}

// suppressed reports whether VEX says that v does not affect the release, and
// who says so. A vulnerability that goes by several CVE ids is several flaws in
// one record: each has to be spoken of.
func suppressed(in criteria.Input, statements map[string][]statement, v vulnerability) (by Suppression, ok bool) {
	if len(statements) == 0 {
		return Suppression{}, false
	}
	have, known := parsePackage(v.pkg.PURL)
	for _, names := range v.group.flaws {
		var last *statement
		for _, name := range names {
			for i := range statements[name] {
				s := &statements[name][i]
				if s.narrow && !(known && slices.ContainsFunc(s.components, func(c pkg) bool { return c.covers(have) })) {
					continue
				}
				// The latest statement counts; of two at the same time, the
				// one that suppresses nothing.
				if last == nil || s.time.After(last.time) || (s.time.Equal(last.time) && !s.suppresses(in.Now)) {
					last = s
				}
			}
		}
		if last == nil || !last.suppresses(in.Now) {
			return Suppression{}, false
		}
		by = Suppression{
			ID: v.group.id, Where: v.where, Status: last.status, Justification: last.justification,
			Author: last.author, Document: last.document, Time: last.time.UTC(),
		}
	}
	return by, true
}

// suppresses reports whether s alone would suppress a finding: not_affected
// with one of OpenVEX's justifications (an impact statement is prose, which
// OpenVEX itself discourages for automation), or fixed in this very version.
// Readers refuse justifications that OpenVEX does not define.
func (s *statement) suppresses(now time.Time) bool {
	if s.time.IsZero() || s.time.After(now.Add(5*time.Minute)) {
		return false
	}
	switch s.status {
	case "not_affected":
		return slices.Contains(justifications, s.justification)
	case "fixed":
		return s.exact
	}
	return false
}

// https://github.com/openvex/spec/blob/v0.2.0/OPENVEX-SPEC.md#status-justifications
var justifications = []string{
	"component_not_present",
	"vulnerable_code_not_present",
	"vulnerable_code_not_in_execute_path",
	"vulnerable_code_cannot_be_controlled_by_adversary",
	"inline_mitigations_already_exist",
}

// spokenOf returns, for each thing that has to be spoken of, the names by which
// a statement may do so: for one CVE id at most, any name of the group; for
// several, each id, or a record that has it among its aliases.
func (g *group) spokenOf() [][]string {
	at := make(map[string]int)
	var out [][]string
	for _, n := range g.names {
		if strings.HasPrefix(n, "CVE-") {
			at[n] = len(out)
			out = append(out, []string{n})
		}
	}
	if len(out) <= 1 {
		return [][]string{g.names}
	}
	for record, aliases := range g.records {
		if _, ok := at[record]; ok {
			continue
		}
		for _, a := range aliases {
			if i, ok := at[a]; ok && !slices.Contains(out[i], record) {
				out[i] = append(out[i], record)
			}
		}
	}
	for i := range out {
		slices.Sort(out[i])
	}
	return out
}
