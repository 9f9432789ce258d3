package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// cycloneDXJSON reads CycloneDX bills of materials, versions 1.2 to 1.7, in
// JSON (https://cyclonedx.org/docs/1.7/json/).
type cycloneDXJSON struct{}

func (cycloneDXJSON) Name() string           { return "cyclonedx-json" }
func (cycloneDXJSON) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactComponents} }

func (cycloneDXJSON) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	// The library's own decoder takes keys in any case, so that "Components"
	// beside "components" would be two lists to us and one to others.
	var bom cdx.BOM
	if err := strict.JSON(data, &bom); err != nil {
		return criteria.Facts{}, err
	}
	if bom.BOMFormat != "CycloneDX" {
		return criteria.Facts{}, fmt.Errorf("is no CycloneDX document: bomFormat is %q, expected \"CycloneDX\"", bom.BOMFormat)
	}
	return cycloneDXFacts(&bom)
}

// cycloneDXXML reads the same bills of materials in XML, versions 1.0 to 1.7.
type cycloneDXXML struct{}

func (cycloneDXXML) Name() string           { return "cyclonedx-xml" }
func (cycloneDXXML) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactComponents} }

func (cycloneDXXML) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	if err := strict.CheckXML(data); err != nil {
		return criteria.Facts{}, err
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(strings.NewReader(string(data)), cdx.BOMFileFormatXML).Decode(&bom); err != nil {
		return criteria.Facts{}, fmt.Errorf("is no CycloneDX document: %w", err)
	}
	return cycloneDXFacts(&bom)
}

// gomodHash begins the properties in which cyclonedx-gomod records the hashes
// of the binary that it looked at.
const gomodHash = "cdx:gomod:binary:hash:"

func cycloneDXFacts(bom *cdx.BOM) (criteria.Facts, error) {
	if bom.SpecVersion == 0 {
		return criteria.Facts{}, errors.New("is no CycloneDX document: it names no version of the specification, expected 1.0 to 1.7")
	}
	c := &criteria.Components{
		Format:  "CycloneDX",
		Version: bom.SpecVersion.String(),
		ID:      bom.SerialNumber,
	}
	f := criteria.Facts{Components: c}
	b := cycloneDXBill{out: c}
	var hashes []criteria.Digest
	if m := bom.Metadata; m != nil {
		if m.Timestamp != "" {
			t, err := time.Parse(time.RFC3339, m.Timestamp)
			if err != nil {
				return criteria.Facts{}, fmt.Errorf("metadata.timestamp is %q, expected a time such as 2026-11-22T12:00:00Z", m.Timestamp)
			}
			f.Time = t
		}
		for _, a := range each(m.Authors) {
			c.Authors = append(c.Authors, contact(a.Name, a.Email))
		}
		// metadata.manufacturer is who made the document, metadata.manufacture
		// (without r, before 1.6) who made what it is about.
		if m.Manufacturer != nil {
			c.Authors = append(c.Authors, entity(m.Manufacturer))
		}
		c.Authors = unique(c.Authors)
		c.Tools = cycloneDXTools(m.Tools)
		for _, l := range each(m.Lifecycles) {
			c.Lifecycles = append(c.Lifecycles, cmp.Or(string(l.Phase), l.Name))
		}
		c.Lifecycles = unique(c.Lifecycles)
		if m.Component != nil {
			c.Main = cycloneDXComponent(m.Component)
			if c.Main.Supplier == "" && m.Supplier != nil {
				c.Main.Supplier = entity(m.Supplier)
			}
			for _, h := range each(m.Component.Hashes) {
				if d, ok := hash(string(h.Algorithm), h.Value); ok {
					hashes = append(hashes, d)
				}
			}
			f.Subjects = binaryHashes(f.Subjects, m.Component.Properties)
			b.add(c.Main.Ref, m.Component.Components)
		}
		f.Subjects = binaryHashes(f.Subjects, m.Properties)
	}
	f.Subjects = binaryHashes(f.Subjects, bom.Properties)
	// A hash of the component may be of the module's sources, and those in
	// properties are of the binary: each is of one thing.
	if contradict(hashes) || contradict(f.Subjects) {
		return criteria.Facts{}, errors.New("names two digests of one algorithm for what it is about: one thing has one")
	}
	f.Subjects = unique(append(hashes, f.Subjects...))
	b.add("", bom.Components)
	dependencies := each(bom.Dependencies)
	c.Dependencies = slices.Grow(c.Dependencies, len(dependencies))
	for _, d := range dependencies {
		c.Dependencies = append(c.Dependencies, criteria.Dependency{Ref: d.Ref, On: each(d.Dependencies)})
	}
	if len(c.Tools) > 0 {
		f.Tool = c.Tools[0]
	}
	return f, nil
}

func binaryHashes(list []criteria.Digest, properties *[]cdx.Property) []criteria.Digest {
	for _, p := range each(properties) {
		if alg, ok := strings.CutPrefix(p.Name, gomodHash); ok {
			if d, ok := hash(alg, p.Value); ok {
				list = append(list, d)
			}
		}
	}
	return list
}

// cycloneDXBill flattens components, which may hold others.
type cycloneDXBill struct{ out *criteria.Components }

func (b cycloneDXBill) add(parent string, components *[]cdx.Component) {
	list := each(components)
	b.out.Items = slices.Grow(b.out.Items, len(list))
	var inside []string
	for i := range list {
		item := cycloneDXComponent(&list[i])
		b.out.Items = append(b.out.Items, item)
		if parent != "" && item.Ref != "" {
			inside = append(inside, item.Ref)
		}
		b.add(item.Ref, list[i].Components)
	}
	if len(inside) > 0 {
		b.out.Dependencies = append(b.out.Dependencies, criteria.Dependency{Ref: parent, On: inside})
	}
}

func cycloneDXComponent(c *cdx.Component) criteria.Component {
	out := criteria.Component{
		Ref:     c.BOMRef,
		Type:    string(c.Type),
		Name:    c.Name,
		Version: c.Version,
		PURL:    c.PackageURL,
		Scope:   string(c.Scope),
	}
	if c.Group != "" {
		out.Name = c.Group + "/" + c.Name
	}
	switch {
	case c.Supplier != nil && entity(c.Supplier) != "":
		out.Supplier = entity(c.Supplier)
	case c.Manufacturer != nil && entity(c.Manufacturer) != "":
		out.Supplier = entity(c.Manufacturer)
	default:
		out.Supplier = strings.TrimSpace(c.Publisher)
	}
	if c.CPE != "" {
		out.CPEs = []string{c.CPE}
	}
	if c.SWID != nil {
		out.SWID = c.SWID.TagID
	}
	for _, h := range each(c.Hashes) {
		if d, ok := hash(string(h.Algorithm), h.Value); ok {
			out.Digests = append(out.Digests, d)
		}
	}
	out.Licences = cycloneDXLicences(c.Licenses)
	// https://github.com/BSI-Bund/tr-03183-cyclonedx-property-taxonomy
	for _, p := range each(c.Properties) {
		switch p.Name {
		case "bsi:component:filename":
			out.File = p.Value
		case "bsi:component:executable":
			out.Executable = p.Value
		case "bsi:component:archive":
			out.Archive = p.Value
		case "bsi:component:structured":
			out.Structured = p.Value
		}
	}
	return out
}

// cycloneDXLicences returns the licences that somebody concluded on where there
// are any: what was declared is then only where they started from.
func cycloneDXLicences(l *cdx.Licenses) []string {
	if l == nil {
		return nil
	}
	var all, concluded []string
	for _, choice := range *l {
		var word string
		var ack cdx.LicenseAcknowledgement
		switch {
		case choice.License != nil:
			word, ack = cmp.Or(choice.License.ID, choice.License.Name), choice.License.Acknowledgement
		default:
			word = choice.Expression
			if choice.Acknowledgement != nil {
				ack = *choice.Acknowledgement
			}
		}
		if word == "" {
			continue
		}
		all = append(all, word)
		if ack == cdx.LicenseAcknowledgementConcluded {
			concluded = append(concluded, word)
		}
	}
	if len(concluded) > 0 {
		return concluded
	}
	return all
}

func cycloneDXTools(t *cdx.ToolsChoice) []criteria.Tool {
	if t == nil {
		return nil
	}
	var out []criteria.Tool
	for _, x := range each(t.Tools) { // documents before 1.5 have only these
		out = append(out, criteria.Tool{Name: x.Name, Version: x.Version})
	}
	for _, x := range each(t.Components) {
		out = append(out, criteria.Tool{Name: x.Name, Version: x.Version})
	}
	for _, x := range each(t.Services) {
		out = append(out, criteria.Tool{Name: x.Name, Version: x.Version})
	}
	return out
}

// entity returns an organisation's name with one way to reach it.
func entity(e *cdx.OrganizationalEntity) string {
	reach := ""
	for _, u := range each(e.URL) {
		reach = cmp.Or(reach, u)
	}
	for _, c := range each(e.Contact) {
		reach = cmp.Or(reach, c.Email)
	}
	return contact(e.Name, reach)
}

func contact(name, reach string) string {
	name, reach = strings.TrimSpace(name), strings.TrimSpace(reach)
	switch {
	case reach == "":
		return name
	case name == "":
		return reach
	}
	return name + " <" + reach + ">"
}

// each returns the list behind a pointer that may be nil.
func each[T any](list *[]T) []T {
	if list == nil {
		return nil
	}
	return *list
}
