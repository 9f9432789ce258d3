package catalogue

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

var sbomQuality = criteria.Kind{
	Name:     "sbom-quality",
	Title:    "SBOM has the minimum elements",
	Doc:      "A bill of materials about the artifact has the elements that a published profile asks for, each for as large a part of the components as the policy says.",
	Practice: criteria.SupplyChain,
	Level:    criteria.Standard,
	Refs:     []string{"SCA-9", "OSPS-QA-02.02"},
	Scope:    criteria.AboutArtifacts,
	Needs:    []criteria.Fact{criteria.FactComponents},
	Params: map[criteria.Level]string{
		criteria.Standard: `{"profile": "ntia"}`,
		criteria.Advanced: `{"profile": "cisa"}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var p sbomQualityParams
		if err := criteria.DecodeParams(params, &p); err != nil {
			return nil, err
		}
		return p.check()
	},
}

// sbomQualityParams name a profile and, for each element that a policy wants to
// ask otherwise, which part of the components has to have it: from 0, not
// asked, to 1, all. An element of the document is there (any part above 0 asks
// it) or not.
type sbomQualityParams struct {
	// Profile is "ntia" (minimum elements of 2021), "cisa" (the draft of 2025
	// that is to replace them) or "bsi" (TR-03183-2 v2.1.0).
	Profile string `json:"profile"`

	Supplier   *float64 `json:"supplier"`
	Name       *float64 `json:"name"`
	Version    *float64 `json:"version"`
	Identifier *float64 `json:"identifier"`
	Relations  *float64 `json:"relations"`
	Hash       *float64 `json:"hash"`
	SHA512     *float64 `json:"sha512"`
	Licence    *float64 `json:"licence"`
	Creator    *float64 `json:"creator"`
	File       *float64 `json:"file"`
	FileKind   *float64 `json:"fileKind"`

	Author        *float64 `json:"author"`
	AuthorContact *float64 `json:"authorContact"`
	Timestamp     *float64 `json:"timestamp"`
	Tool          *float64 `json:"tool"`
	Context       *float64 `json:"context"`
	Format        *float64 `json:"format"`
}

// element is one thing that a bill may have for each component, or once.
type element struct {
	name      string
	profiles  []string
	override  func(*sbomQualityParams) *float64
	component func(*criteria.Component) bool
	document  func(*criteria.Evidence) bool
}

// elements lists what can be asked. NTIA: "The Minimum Elements For a Software
// Bill of Materials", 2021. CISA: its draft of 2025 adds hash, licence, tool
// and context. BSI: TR-03183-2 v2.1.0, sections 4 and 5.2.
func elements() []element {
	ntia, cisa, bsi := "ntia", "cisa", "bsi"
	return []element{
		{
			name: "supplier", profiles: []string{ntia, cisa}, override: func(p *sbomQualityParams) *float64 { return p.Supplier },
			component: func(c *criteria.Component) bool { return c.Supplier != "" },
		},
		{
			name: "name", profiles: []string{ntia, cisa, bsi}, override: func(p *sbomQualityParams) *float64 { return p.Name },
			component: func(c *criteria.Component) bool { return c.Name != "" },
		},
		{
			name: "version", profiles: []string{ntia, cisa, bsi}, override: func(p *sbomQualityParams) *float64 { return p.Version },
			component: func(c *criteria.Component) bool { return c.Version != "" },
		},
		{
			name: "identifier", profiles: []string{ntia, cisa}, override: func(p *sbomQualityParams) *float64 { return p.Identifier },
			component: func(c *criteria.Component) bool {
				_, ok := parsePackage(c.PURL)
				return ok || len(c.CPEs) > 0 || c.SWID != ""
			},
		},
		{name: "relations", profiles: []string{ntia, cisa, bsi}, override: func(p *sbomQualityParams) *float64 { return p.Relations }},
		{
			name: "hash", profiles: []string{cisa}, override: func(p *sbomQualityParams) *float64 { return p.Hash },
			component: func(c *criteria.Component) bool { return len(c.Digests) > 0 },
		},
		{
			name: "sha512", profiles: []string{bsi}, override: func(p *sbomQualityParams) *float64 { return p.SHA512 },
			component: func(c *criteria.Component) bool {
				return slices.ContainsFunc(c.Digests, func(d criteria.Digest) bool { return d.Algorithm() == "sha512" })
			},
		},
		{
			name: "licence", profiles: []string{cisa, bsi}, override: func(p *sbomQualityParams) *float64 { return p.Licence },
			component: func(c *criteria.Component) bool {
				return slices.ContainsFunc(c.Licences, func(l string) bool { return l != "NOASSERTION" && l != "NONE" })
			},
		},
		{
			name: "creator", profiles: []string{bsi}, override: func(p *sbomQualityParams) *float64 { return p.Creator },
			component: func(c *criteria.Component) bool { return hasContact(c.Supplier) },
		},
		{
			name: "file", profiles: []string{bsi}, override: func(p *sbomQualityParams) *float64 { return p.File },
			component: func(c *criteria.Component) bool { return c.File != "" },
		},
		{
			name: "fileKind", profiles: []string{bsi}, override: func(p *sbomQualityParams) *float64 { return p.FileKind },
			component: func(c *criteria.Component) bool { return c.Executable != "" && c.Archive != "" && c.Structured != "" },
		},

		{
			name: "author", profiles: []string{ntia, cisa}, override: func(p *sbomQualityParams) *float64 { return p.Author },
			document: func(e *criteria.Evidence) bool { return len(e.Facts.Components.Authors) > 0 },
		},
		{
			name: "authorContact", profiles: []string{bsi}, override: func(p *sbomQualityParams) *float64 { return p.AuthorContact },
			document: func(e *criteria.Evidence) bool { return slices.ContainsFunc(e.Facts.Components.Authors, hasContact) },
		},
		{
			name: "timestamp", profiles: []string{ntia, cisa, bsi}, override: func(p *sbomQualityParams) *float64 { return p.Timestamp },
			document: func(e *criteria.Evidence) bool { return !e.Facts.Time.IsZero() },
		},
		{
			name: "tool", profiles: []string{cisa}, override: func(p *sbomQualityParams) *float64 { return p.Tool },
			document: func(e *criteria.Evidence) bool { return len(e.Facts.Components.Tools) > 0 },
		},
		{
			name: "context", profiles: []string{cisa}, override: func(p *sbomQualityParams) *float64 { return p.Context },
			document: func(e *criteria.Evidence) bool { return len(e.Facts.Components.Lifecycles) > 0 },
		},
		{
			name: "format", profiles: []string{bsi}, override: func(p *sbomQualityParams) *float64 { return p.Format },
			document: func(e *criteria.Evidence) bool { return recentFormat(e.Facts.Components) },
		},
	}
}

// hasContact reports whether s holds an e-mail address or a URL, as BSI asks of
// creators.
func hasContact(s string) bool { return strings.Contains(s, "@") || strings.Contains(s, "://") }

// recentFormat: "CycloneDX, version 1.6 or higher", "SPDX, version 3.0.1 or
// higher" (TR-03183-2 v2.1.0, section 4).
func recentFormat(c *criteria.Components) bool {
	least := map[string][]int{"CycloneDX": {1, 6, 0}, "SPDX": {3, 0, 1}}[c.Format]
	if least == nil {
		return false
	}
	have := make([]int, 3)
	for i, part := range strings.SplitN(c.Version, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return false
		}
		have[i] = n
	}
	return slices.Compare(have, least) >= 0
}

type askedElement struct {
	element
	least float64
}

type sbomQualityCriterion struct {
	profile string
	asked   []askedElement
}

func (p sbomQualityParams) check() (criteria.Criterion, error) {
	if !slices.Contains([]string{"ntia", "cisa", "bsi"}, p.Profile) {
		return nil, &criteria.ParamError{Key: "profile", Msg: fmt.Sprintf("is %q, expected ntia, cisa or bsi", p.Profile)}
	}
	c := sbomQualityCriterion{profile: p.Profile}
	for _, e := range elements() {
		least := 0.0
		if slices.Contains(e.profiles, p.Profile) {
			least = 1
		}
		if o := e.override(&p); o != nil {
			if !(*o >= 0 && *o <= 1) {
				return nil, &criteria.ParamError{Key: e.name, Msg: fmt.Sprintf("is %v, expected a part from 0 to 1", *o)}
			}
			least = *o
		}
		if least > 0 {
			c.asked = append(c.asked, askedElement{e, least})
		}
	}
	if len(c.asked) == 0 {
		return nil, &criteria.ParamError{Msg: "every element is set to 0: a criterion that asks nothing passes anything"}
	}
	return c, nil
}

// Evaluate takes the best bill about the artifact: one that has everything is
// enough.
func (c sbomQualityCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var best []criteria.Finding
	var name string
	found := false
	for i := range in.Evidence {
		e := &in.Evidence[i]
		if e.Facts.Components == nil {
			continue
		}
		findings := c.bill(e)
		if !found || len(findings) < len(best) {
			best, name, found = findings, e.Name, true
		}
	}
	return criteria.Conclude(fmt.Sprintf("%s has all %d elements asked for (%s)", name, len(c.asked), c.profile), best)
}

func (c sbomQualityCriterion) bill(e *criteria.Evidence) []criteria.Finding {
	bill := e.Facts.Components
	var parts []*criteria.Component
	add := func(p *criteria.Component) {
		// Files inside packages have no supplier, version or identifier.
		if p.Type != "file" {
			parts = append(parts, p)
		}
	}
	for i := range bill.Items {
		add(&bill.Items[i])
	}
	var findings []criteria.Finding
	if len(parts) == 0 {
		return []criteria.Finding{{ID: "empty-sbom", Status: criteria.Fail, Where: e.Name, Message: e.Name + " lists no component"}}
	}
	if bill.Main.Name != "" || bill.Main.Ref != "" {
		add(&bill.Main)
	}
	related := relations(bill)
	for _, a := range c.asked {
		if a.document != nil {
			if !a.document(e) {
				findings = append(findings, criteria.Finding{
					ID: a.name, Status: criteria.Fail, Where: e.Name, Message: fmt.Sprintf("%s has no %s", e.Name, a.name),
				})
			}
			continue
		}
		has := a.component
		if has == nil {
			has = func(p *criteria.Component) bool { return p.Ref != "" && related[p.Ref] }
		}
		n, without := 0, ""
		for _, p := range parts {
			if has(p) {
				n++
			} else if without == "" {
				without = cmp.Or(p.PURL, p.Name, p.Ref)
			}
		}
		if float64(n) < a.least*float64(len(parts)) {
			findings = append(findings, criteria.Finding{
				ID: a.name, Status: criteria.Fail, Where: e.Name,
				Message: fmt.Sprintf("%s has %s for %d of %d components, expected %.4g%%: first without is %s", e.Name, a.name, n, len(parts), 100*a.least, without),
			})
		}
	}
	return findings
}

// relations returns which components are at either end of a dependency. An
// entry that depends on nothing relates nothing, and DESCRIBES, which readers
// leave out, says only what a document is about.
func relations(bill *criteria.Components) map[string]bool {
	out := make(map[string]bool)
	for _, d := range bill.Dependencies {
		for _, on := range d.On {
			if on != d.Ref {
				out[d.Ref], out[on] = true, true
			}
		}
	}
	return out
}
