package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/openvex/go-vex/pkg/vex"
	"github.com/package-url/packageurl-go"
)

// openVEX reads OpenVEX 0.2.0 (https://github.com/openvex/spec/blob/v0.2.0/OPENVEX-SPEC.md).
// A document that breaks a MUST of the specification is refused as a whole: a
// statement that suppresses findings has to be well made.
type openVEX struct{}

func (openVEX) Name() string           { return "openvex" }
func (openVEX) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactExploitability} }

type openVEXDocument struct {
	Context     string             `json:"@context"`
	ID          string             `json:"@id"`
	Author      string             `json:"author"`
	Timestamp   time.Time          `json:"timestamp"`
	LastUpdated time.Time          `json:"last_updated"`
	Tooling     string             `json:"tooling"`
	Statements  []openVEXStatement `json:"statements"`
}

type openVEXStatement struct {
	Vulnerability struct {
		ID      string   `json:"@id"`
		Name    string   `json:"name"`
		Aliases []string `json:"aliases"`
	} `json:"vulnerability"`
	Timestamp     time.Time `json:"timestamp"`
	LastUpdated   time.Time `json:"last_updated"`
	Status        string    `json:"status"`
	Justification string    `json:"justification"`
	Impact        string    `json:"impact_statement"`
	Action        string    `json:"action_statement"`
	Products      []struct {
		openVEXComponent
		Subcomponents []openVEXComponent `json:"subcomponents"`
	} `json:"products"`
}

type openVEXComponent struct {
	ID          string            `json:"@id"`
	Identifiers map[string]string `json:"identifiers"`
	Hashes      map[string]string `json:"hashes"`
}

func (openVEX) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var doc openVEXDocument
	if err := strict.JSON(data, &doc); err != nil {
		return criteria.Facts{}, err
	}
	if doc.Context != vex.TypeURI && !strings.HasPrefix(doc.Context, vex.TypeURI+"/") {
		return criteria.Facts{}, fmt.Errorf("is no OpenVEX document: @context is %q, expected %s/v0.2.0", doc.Context, vex.TypeURI)
	}
	switch {
	case strings.TrimSpace(doc.Author) == "":
		return criteria.Facts{}, errors.New("the document names no author")
	case doc.Timestamp.IsZero():
		return criteria.Facts{}, errors.New("the document has no timestamp")
	case len(doc.Statements) == 0:
		return criteria.Facts{}, errors.New("the document makes no statement")
	}
	out := &criteria.Exploitability{Author: strings.TrimSpace(doc.Author)}
	f := criteria.Facts{
		Time:           later(doc.Timestamp, doc.LastUpdated),
		Tool:           criteria.Tool{Name: doc.Tooling},
		Exploitability: out,
	}
	products := make(map[string]bool)
	digests := make(map[criteria.Digest]bool)
	for i := range doc.Statements {
		s, err := doc.statement(i)
		if err != nil {
			return criteria.Facts{}, fmt.Errorf("statement %d: %w", i+1, err)
		}
		for _, p := range s.Products {
			if p.PURL != "" && !products[p.PURL] {
				products[p.PURL] = true
				f.Products = append(f.Products, p.PURL)
			}
			for _, d := range p.Digests {
				if !digests[d] {
					digests[d] = true
					f.Subjects = append(f.Subjects, d)
				}
			}
		}
		out.Statements = append(out.Statements, s)
	}
	return f, nil
}

func (doc *openVEXDocument) statement(i int) (criteria.VEXStatement, error) {
	s := &doc.Statements[i]
	out := criteria.VEXStatement{
		Vulnerability: cmp.Or(strings.TrimSpace(s.Vulnerability.Name), s.Vulnerability.ID),
		Aliases:       s.Vulnerability.Aliases,
		Status:        s.Status,
		Justification: s.Justification,
		Impact:        s.Impact,
		Action:        s.Action,
		Time:          s.Timestamp,
	}
	// The statement's own time comes before that of its last change, and both
	// before the document's.
	for _, t := range []time.Time{s.LastUpdated, doc.LastUpdated, doc.Timestamp} {
		if out.Time.IsZero() {
			out.Time = t
		}
	}
	switch {
	case out.Vulnerability == "":
		return out, errors.New("names no vulnerability")
	case !slices.Contains(vex.Statuses(), s.Status):
		return out, fmt.Errorf("status is %q, expected %s", s.Status, strings.Join(vex.Statuses(), ", "))
	case s.Justification != "" && !slices.Contains(vex.Justifications(), s.Justification):
		return out, fmt.Errorf("justification is %q, expected %s", s.Justification, strings.Join(vex.Justifications(), ", "))
	// "For statements conveying a not_affected status, a VEX statement MUST
	// include either a status justification or an impact_statement"
	case s.Status == "not_affected" && s.Justification == "" && strings.TrimSpace(s.Impact) == "":
		return out, errors.New("not_affected needs a justification or an impact_statement")
	// "For a statement with affected status, a VEX statement MUST include a
	// statement that SHOULD describe actions to remediate or mitigate"
	case s.Status == "affected" && strings.TrimSpace(s.Action) == "":
		return out, errors.New("affected needs an action_statement")
	case len(s.Products) == 0:
		return out, errors.New("names no product")
	}
	for _, p := range s.Products {
		purl, digests, err := p.names()
		if err != nil {
			return out, err
		}
		product := criteria.VEXProduct{PURL: purl, Digests: digests}
		for _, sub := range p.Subcomponents {
			name, _, err := sub.names()
			if err != nil {
				return out, err
			}
			// A subcomponent that is not named by a package URL is kept as it
			// is, and matches nothing: without any, the statement would be
			// about the whole product.
			if name = cmp.Or(name, sub.ID); name == "" {
				return out, errors.New("a subcomponent has neither @id nor a package URL")
			}
			product.Components = append(product.Components, name)
		}
		out.Products = append(out.Products, product)
	}
	return out, nil
}

// names returns by which package URL and digests c is named.
func (c *openVEXComponent) names() (purl string, digests []criteria.Digest, err error) {
	purl = c.Identifiers["purl"]
	if purl == "" && strings.HasPrefix(c.ID, "pkg:") {
		purl = c.ID
	}
	if purl != "" {
		parsed, err := packageurl.FromString(purl)
		if err != nil {
			return "", nil, fmt.Errorf("%q is no package URL: %w", purl, err)
		}
		if parsed.Type == packageurl.TypeOCI {
			if d, ok := repoDigest(parsed.Version); ok {
				digests = append(digests, d)
			}
		}
	}
	for _, alg := range slices.Sorted(maps.Keys(c.Hashes)) {
		if d, ok := hash(alg, c.Hashes[alg]); ok {
			digests = append(digests, d)
		}
	}
	if digests = unique(digests); contradict(digests) {
		return "", nil, fmt.Errorf("%q has two digests of one algorithm: one thing has one", cmp.Or(purl, c.ID))
	}
	return purl, digests, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
