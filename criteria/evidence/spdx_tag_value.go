package evidence

import (
	"bytes"
	"fmt"
	"io"
	"regexp"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/tagvalue"
)

// spdxTagValue reads SPDX 2.2 and 2.3 as tags and values.
type spdxTagValue struct{}

func (spdxTagValue) Name() string           { return "spdx-tag-value" }
func (spdxTagValue) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactComponents} }

func (spdxTagValue) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	// The library tells the version of the format only while it reads, and
	// turns 2.2 into 2.3; what the document itself says is kept.
	version := tagValue(data, "SPDXVersion")
	if data, err = withoutTexts(data); err != nil {
		return criteria.Facts{}, err
	}
	read, err := tagvalue.Read(bytes.NewReader(data))
	if err != nil {
		return criteria.Facts{}, fmt.Errorf("is no SPDX document in tags and values: %w", err)
	}
	doc := spdxDocument{
		ID:        "SPDXRef-" + string(read.SPDXIdentifier),
		Version:   version,
		Name:      read.DocumentName,
		Namespace: read.DocumentNamespace,
	}
	if c := read.CreationInfo; c != nil {
		doc.Creation.Created = c.Created
		for _, creator := range c.Creators {
			doc.Creation.Creators = append(doc.Creation.Creators, creator.CreatorType+": "+creator.Creator)
		}
	}
	for _, p := range read.Packages {
		out := spdxPackage{
			ID:        "SPDXRef-" + string(p.PackageSPDXIdentifier),
			Name:      p.PackageName,
			Version:   p.PackageVersion,
			FileName:  p.PackageFileName,
			Concluded: p.PackageLicenseConcluded,
			Declared:  p.PackageLicenseDeclared,
			Purpose:   p.PrimaryPackagePurpose,
			Checksums: tagChecksums(p.PackageChecksums),
		}
		if p.PackageSupplier != nil {
			out.Supplier = p.PackageSupplier.Supplier
			if p.PackageSupplier.SupplierType != "" {
				out.Supplier = p.PackageSupplier.SupplierType + ": " + out.Supplier
			}
		}
		for _, ref := range p.PackageExternalReferences {
			out.Refs = append(out.Refs, spdxRef{Type: ref.RefType, Locator: ref.Locator})
		}
		doc.Packages = append(doc.Packages, out)
		doc.Files = append(doc.Files, tagFiles(p.Files)...)
	}
	doc.Files = append(doc.Files, tagFiles(read.Files)...)
	for _, rel := range read.Relationships {
		doc.Relations = append(doc.Relations, spdxRelationship{
			From: common.RenderDocElementID(rel.RefA), Type: rel.Relationship, To: common.RenderDocElementID(rel.RefB),
		})
	}
	return spdxFacts(&doc)
}

// multiline is the end of every tag whose value may take several lines.
var multiline = regexp.MustCompile(`(?:Comments?|Text|Notice|Description|Summary|Info)$`)

// withoutTexts keeps of each text that takes several lines the first: the rest
// is prose that nothing here reads, and the library joins its lines in square
// time. Where texts begin and end is read as the library does.
func withoutTexts(data []byte) ([]byte, error) {
	out := make([]byte, 0, len(data))
	open, n := 0, 0
	for line := range bytes.Lines(data) {
		n++
		if open > 0 {
			if bytes.Contains(line, []byte("</text>")) {
				open = 0
			}
			continue
		}
		tag, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		_, text, begins := bytes.Cut(value, []byte("<text>"))
		if !begins || bytes.HasPrefix(tag, []byte("#")) || bytes.Contains(text, []byte("</text>")) {
			out = append(out, line...)
			continue
		}
		if tag = bytes.TrimSpace(tag); !multiline.Match(tag) {
			return nil, &strict.Error{Line: n, Column: 1, Msg: fmt.Sprintf("the value of %.80s takes several lines, expected one", tag)}
		}
		open = n
		out = append(append(out, bytes.TrimRight(line, "\r\n")...), "</text>\n"...)
	}
	if open > 0 {
		return nil, &strict.Error{Line: open, Column: 1, Msg: "a text begins here and does not end"}
	}
	return out, nil
}

// tagValue returns the value of the first line that begins with tag.
func tagValue(data []byte, tag string) string {
	for line := range bytes.Lines(data) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(name)) == tag {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

func tagChecksums(sums []common.Checksum) []spdxChecksum {
	var out []spdxChecksum
	for _, s := range sums {
		out = append(out, spdxChecksum{Algorithm: string(s.Algorithm), Value: s.Value})
	}
	return out
}

func tagFiles(files []*spdx.File) []spdxFile {
	var out []spdxFile
	for _, f := range files {
		out = append(out, spdxFile{
			ID:        "SPDXRef-" + string(f.FileSPDXIdentifier),
			Name:      f.FileName,
			Concluded: f.LicenseConcluded,
			Checksums: tagChecksums(f.Checksums),
		})
	}
	return out
}
