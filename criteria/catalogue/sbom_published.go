package catalogue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

var sbomPublished = criteria.Kind{
	Name:     "sbom-published",
	Title:    "SBOM published for the artifact",
	Doc:      "A bill of materials names the artifact by its digest, is not empty, and lists every direct dependency of the lockfile that is built in.",
	Practice: criteria.SupplyChain,
	Level:    criteria.Standard,
	Refs:     []string{"SCA-8", "OSPS-QA-02.02", "SSDF PS.3.2"},
	Scope:    criteria.AboutArtifacts,
	Needs:    []criteria.Fact{criteria.FactComponents, criteria.FactDependencies},
	// A lockfile is about the source, and only adds what must be in the bill.
	FromSource: []criteria.Fact{criteria.FactDependencies},
	New: func(params []byte) (criteria.Criterion, error) {
		var c sbomPublishedCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		for _, n := range c.NotLinked {
			if strings.TrimSpace(n) == "" {
				return nil, &criteria.ParamError{Key: "notLinked", Msg: "a package without a name"}
			}
		}
		return c, nil
	},
}

type sbomPublishedCriterion struct {
	// AcceptVouched takes the pipeline's word on which artifact a bill is
	// about. A bill that does not say so itself tells nothing to those who
	// find it beside the artifact.
	AcceptVouched bool `json:"acceptVouched"`
	// NotLinked are direct dependencies, by name, that do not end up in the
	// artifact: what only tests or tools of the build need. A bill of a binary
	// rightly lacks them, and a lockfile does not tell them apart.
	NotLinked []string `json:"notLinked"`
}

func (c sbomPublishedCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var bills []criteria.Evidence
	var wanted []criteria.Package
	for _, e := range in.Evidence {
		if e.Facts.Components != nil {
			bills = append(bills, e)
		}
		if e.Facts.Dependencies != nil {
			wanted = append(wanted, e.Facts.Dependencies.Direct...)
		}
	}
	skipped := make(map[string]bool, len(c.NotLinked))
	for _, n := range c.NotLinked {
		skipped[n] = false
	}
	wanted = slices.DeleteFunc(wanted, func(p criteria.Package) bool {
		_, skip := skipped[p.Name]
		if skip {
			skipped[p.Name] = true
		}
		return skip
	})

	var best []criteria.Finding
	var name string
	parts := 0
	for i, e := range bills {
		findings := c.bill(in, e, wanted)
		if i == 0 || len(findings) < len(best) {
			best, name, parts = findings, e.Name, len(e.Facts.Components.Items)
		}
	}
	o := criteria.Conclude(fmt.Sprintf("%s names %s by digest and lists %d components with all %d direct dependencies", name, in.Subject.Name, parts, len(wanted)), best)
	for _, n := range c.NotLinked {
		if !skipped[n] {
			o.Notes = append(o.Notes, fmt.Sprintf("notLinked names %s, which is no direct dependency", n))
		}
	}
	return o
}

// bill returns what stands against one bill of materials. One good bill is
// enough: others beside it take nothing away.
func (c sbomPublishedCriterion) bill(in criteria.Input, e criteria.Evidence, wanted []criteria.Package) []criteria.Finding {
	var findings []criteria.Finding
	own := !e.Vouched && slices.ContainsFunc(e.About, in.Subject.Digest.Matches)
	if !own && !c.AcceptVouched {
		findings = append(findings, criteria.Finding{
			ID: "unbound-sbom", Status: criteria.Fail, Where: e.Name,
			Message: fmt.Sprintf("%s does not itself name %s by its digest", e.Name, in.Subject.Name),
		})
	}
	items := e.Facts.Components.Items
	if len(items) == 0 {
		return append(findings, criteria.Finding{
			ID: "empty-sbom", Status: criteria.Fail, Where: e.Name, Message: e.Name + " lists no component",
		})
	}
	if len(wanted) == 0 {
		return findings
	}
	// By package URL where there is one, else by name.
	have := make(map[string]map[string]bool, len(items))
	add := func(key, version string) {
		if have[key] == nil {
			have[key] = make(map[string]bool, 1)
		}
		have[key][version] = true
	}
	for i := range items {
		if p, ok := parsePackage(items[i].PURL); ok {
			add(p.key, p.version)
		} else {
			add(items[i].Name, items[i].Version)
		}
	}
	for _, w := range wanted {
		where := cmp.Or(w.PURL, w.Name)
		key, version := w.Name, w.Version
		if p, ok := parsePackage(w.PURL); ok {
			key, version = p.key, p.version
		}
		versions, listed := have[key]
		if !listed && key != w.Name {
			versions, listed = have[w.Name]
			version = w.Version
		}
		switch {
		case !listed:
			findings = append(findings, criteria.Finding{
				ID: "missing-dependency", Status: criteria.Fail, Where: where,
				Message: fmt.Sprintf("%s does not list the direct dependency %s (if only tests or the build need it, name it in notLinked)", e.Name, w.Name),
			})
		case version != "" && !versions[version]:
			findings = append(findings, criteria.Finding{
				ID: "other-version", Status: criteria.Fail, Where: where,
				Message: fmt.Sprintf("%s lists %s in another version than the lockfile", e.Name, w.Name),
			})
		}
	}
	return findings
}
