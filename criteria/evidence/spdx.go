package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// spdxDocument is what we take from a document of SPDX 2.2 or 2.3, whichever
// way it is written (https://spdx.github.io/spdx-spec/v2.3/).
type spdxDocument struct {
	ID        string             `json:"SPDXID"`
	Version   string             `json:"spdxVersion"`
	Name      string             `json:"name"`
	Namespace string             `json:"documentNamespace"`
	Creation  spdxCreation       `json:"creationInfo"`
	Describes []string           `json:"documentDescribes"`
	Packages  []spdxPackage      `json:"packages"`
	Files     []spdxFile         `json:"files"`
	Relations []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"` // "Person: …", "Organization: …", "Tool: …"
}

type spdxPackage struct {
	ID        string         `json:"SPDXID"`
	Name      string         `json:"name"`
	Version   string         `json:"versionInfo"`
	FileName  string         `json:"packageFileName"`
	Supplier  string         `json:"supplier"`
	Concluded string         `json:"licenseConcluded"`
	Declared  string         `json:"licenseDeclared"`
	Purpose   string         `json:"primaryPackagePurpose"`
	Checksums []spdxChecksum `json:"checksums"`
	Refs      []spdxRef      `json:"externalRefs"`
}

type spdxFile struct {
	ID        string         `json:"SPDXID"`
	Name      string         `json:"fileName"`
	Concluded string         `json:"licenseConcluded"`
	Checksums []spdxChecksum `json:"checksums"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRef struct {
	Type    string `json:"referenceType"`
	Locator string `json:"referenceLocator"`
}

type spdxRelationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// spdxDependsOn says of each relationship that means "one is part of, or needed
// by, the other" whether it is written from the one that needs (true) or from
// the one that is needed. DESCRIBES is none: it only says what the document is
// about.
func spdxDependsOn(kind string) (forward, ok bool) {
	switch kind {
	case "DEPENDS_ON", "CONTAINS", "DYNAMIC_LINK", "STATIC_LINK", "HAS_PREREQUISITE", "GENERATED_FROM":
		return true, true
	case "DEPENDENCY_OF", "CONTAINED_BY", "PREREQUISITE_FOR", "GENERATES", "PACKAGE_OF",
		"BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF",
		"TEST_DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF", "DEPENDENCY_MANIFEST_OF":
		return false, true
	}
	return false, false
}

func spdxFacts(doc *spdxDocument) (criteria.Facts, error) {
	version, ok := strings.CutPrefix(doc.Version, "SPDX-")
	if !ok || (version != "2.2" && version != "2.3") {
		return criteria.Facts{}, fmt.Errorf("is no SPDX document that can be read here: spdxVersion is %q, expected SPDX-2.2 or SPDX-2.3", doc.Version)
	}
	c := &criteria.Components{Format: "SPDX", Version: version, ID: doc.Namespace}
	f := criteria.Facts{Components: c}
	if doc.Creation.Created != "" {
		t, err := time.Parse(time.RFC3339, doc.Creation.Created)
		if err != nil {
			return criteria.Facts{}, fmt.Errorf("creationInfo.created is %q, expected a time such as 2026-11-22T12:00:00Z", doc.Creation.Created)
		}
		f.Time = t
	}
	for _, creator := range doc.Creation.Creators {
		kind, name, ok := strings.Cut(creator, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return criteria.Facts{}, fmt.Errorf("creator %q is not written as \"Person: …\", \"Organization: …\" or \"Tool: …\"", creator)
		}
		switch strings.TrimSpace(kind) {
		case "Tool":
			c.Tools = append(c.Tools, spdxTool(name))
		default:
			c.Authors = append(c.Authors, name)
		}
	}
	c.Authors = unique(c.Authors)
	if len(c.Tools) > 0 {
		f.Tool = c.Tools[0]
	}

	self := cmp.Or(doc.ID, "SPDXRef-DOCUMENT")
	described := make(map[string]bool)
	for _, id := range doc.Describes {
		described[id] = true
	}
	for _, r := range doc.Relations {
		switch {
		case r.Type == "DESCRIBES" && r.From == self:
			described[r.To] = true
		case r.Type == "DESCRIBED_BY" && r.To == self:
			described[r.From] = true
		}
	}
	main := false
	packages := make(map[string]bool, len(doc.Packages))
	for i := range doc.Packages {
		p := &doc.Packages[i]
		if p.ID == "" {
			return criteria.Facts{}, fmt.Errorf("package %q has no SPDXID", p.Name)
		}
		if packages[p.ID] {
			return criteria.Facts{}, fmt.Errorf("two packages have the SPDXID %q", p.ID)
		}
		packages[p.ID] = true
		item := spdxComponent(p)
		if described[p.ID] {
			if contradict(item.Digests) {
				return criteria.Facts{}, fmt.Errorf("package %s has two checksums of one algorithm: one thing has one", p.ID)
			}
			f.Subjects = append(f.Subjects, item.Digests...)
			if !main {
				c.Main, main = item, true
				continue
			}
		}
		c.Items = append(c.Items, item)
	}
	for i := range doc.Files {
		file := &doc.Files[i]
		if !described[file.ID] {
			// Files inside packages are no components of their own: they have
			// no supplier, version or identifier.
			continue
		}
		item := criteria.Component{Ref: file.ID, Type: "file", Name: file.Name, Licences: spdxLicences(file.Concluded, "")}
		item.Digests = spdxDigests(file.Checksums)
		if contradict(item.Digests) {
			return criteria.Facts{}, fmt.Errorf("file %s has two checksums of one algorithm: one thing has one", file.ID)
		}
		f.Subjects = append(f.Subjects, item.Digests...)
		packages[file.ID] = true
		if !main {
			c.Main, main = item, true
			continue
		}
		c.Items = append(c.Items, item)
	}
	if len(doc.Packages) == 0 && !main {
		if len(doc.Files) == 0 && len(doc.Relations) == 0 && doc.Name == "" {
			return criteria.Facts{}, errors.New("is no SPDX document: it has neither a name nor packages nor files")
		}
	}
	f.Subjects = unique(f.Subjects)
	at := make(map[string]int)
	for _, r := range doc.Relations {
		forward, ok := spdxDependsOn(r.Type)
		from, to := r.From, r.To
		if !forward {
			from, to = to, from
		}
		if !ok || !packages[from] || !packages[to] {
			continue
		}
		i, seen := at[from]
		if !seen {
			i = len(c.Dependencies)
			at[from] = i
			c.Dependencies = append(c.Dependencies, criteria.Dependency{Ref: from})
		}
		c.Dependencies[i].On = append(c.Dependencies[i].On, to)
	}
	return f, nil
}

func spdxComponent(p *spdxPackage) criteria.Component {
	out := criteria.Component{
		Ref:      p.ID,
		Type:     strings.ToLower(p.Purpose),
		Name:     p.Name,
		Version:  said(p.Version),
		Supplier: spdxSupplier(p.Supplier),
		File:     p.FileName,
		Digests:  spdxDigests(p.Checksums),
		Licences: spdxLicences(p.Concluded, p.Declared),
	}
	for _, r := range p.Refs {
		switch r.Type {
		case "purl":
			out.PURL = cmp.Or(out.PURL, r.Locator)
		case "cpe22Type", "cpe23Type":
			out.CPEs = append(out.CPEs, r.Locator)
		case "swid":
			out.SWID = cmp.Or(out.SWID, r.Locator)
		}
	}
	return out
}

func spdxDigests(sums []spdxChecksum) []criteria.Digest {
	var out []criteria.Digest
	for _, s := range sums {
		if d, ok := hash(s.Algorithm, s.Value); ok {
			out = append(out, d)
		}
	}
	return unique(out)
}

// spdxSupplier returns the name after "Organization:" or "Person:".
// NOASSERTION is no supplier.
func spdxSupplier(s string) string {
	if _, name, ok := strings.Cut(s, ":"); ok {
		s = name
	}
	return said(s)
}

// said returns what a field says, "" where it says that it does not say.
func said(s string) string {
	s = strings.TrimSpace(s)
	if s == "NOASSERTION" || s == "NONE" {
		return ""
	}
	return s
}

// spdxLicences returns what the author of the document concluded, or else what
// the package declares, or else that neither says anything.
func spdxLicences(concluded, declared string) []string {
	for _, l := range []string{said(concluded), said(declared), concluded, declared} {
		if l != "" {
			return []string{l}
		}
	}
	return nil
}

// spdxTool splits "syft-1.2.3" at the hyphen before the version.
func spdxTool(s string) criteria.Tool {
	for i := len(s) - 1; i > 0; i-- {
		if s[i] != '-' || i+1 == len(s) {
			continue
		}
		v := strings.TrimPrefix(s[i+1:], "v")
		if v != "" && v[0] >= '0' && v[0] <= '9' {
			return criteria.Tool{Name: s[:i], Version: s[i+1:]}
		}
	}
	return criteria.Tool{Name: s}
}
