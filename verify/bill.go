package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// SBOM is a bill of materials that a trust file requires: one about the
// artifact, in a statement of its own or as a document that a statement refers to
// and that is there.
type SBOM struct {
	// Formats are those that will do: spdx, cyclonedx. At least one.
	Formats []BillFormat `yaml:"formats"`
	// Signers may sign bills, and nothing else; default those of the trust file.
	Signers []Signer `yaml:"signers"`
}

// BillFormat is a format of bills of materials.
type BillFormat string

// The formats.
const (
	SPDX      BillFormat = "spdx"
	CycloneDX BillFormat = "cyclonedx"
)

// BillFormats lists every [BillFormat].
func BillFormats() []BillFormat { return []BillFormat{SPDX, CycloneDX} }

// types are the predicate types of f's bills. Some tools write the version of
// the format behind them.
func (f BillFormat) types() []string {
	switch f {
	case SPDX:
		return []string{"https://spdx.dev/Document", "https://spdx.dev/Document/v2.2", "https://spdx.dev/Document/v2.3", "https://spdx.dev/Document/v3.0"}
	case CycloneDX:
		return []string{
			"https://cyclonedx.org/bom", "https://cyclonedx.org/bom/v1.3", "https://cyclonedx.org/bom/v1.4",
			"https://cyclonedx.org/bom/v1.5", "https://cyclonedx.org/bom/v1.6", "https://cyclonedx.org/bom/v1.7",
		}
	}
	return nil
}

// media are the media types of f's documents that are referred to.
func (f BillFormat) media() []string {
	switch f {
	case SPDX:
		return []string{"application/spdx+json", "text/spdx"}
	case CycloneDX:
		return []string{"application/vnd.cyclonedx+json", "application/vnd.cyclonedx+xml"}
	}
	return nil
}

func (s SBOM) clone() *SBOM {
	s.Formats, s.Signers = slices.Clone(s.Formats), cloneSigners(s.Signers)
	return &s
}

func (s SBOM) faults() []fault {
	var faults []fault
	if len(s.Formats) == 0 {
		faults = append(faults, fault{[]any{"formats"}, "formats is missing: spdx, cyclonedx or both"})
	}
	for i, f := range s.Formats {
		switch {
		case !slices.Contains(BillFormats(), f):
			faults = append(faults, fault{[]any{"formats", i}, fmt.Sprintf("%q is no format of a bill of materials: expected spdx or cyclonedx", f)})
		case slices.Contains(s.Formats[:i], f):
			faults = append(faults, fault{[]any{"formats", i}, fmt.Sprintf("%q stands twice", f)})
		}
	}
	return append(faults, signersFaults(s.Signers)...)
}

// billed is an [SBOM] that is ready to be asked.
type billed struct {
	SBOM
	signers span
}

// types are the predicate types that s's signers may sign.
func (s SBOM) types() []string {
	types := []string{referenceType}
	for _, f := range s.Formats {
		types = append(types, f.types()...)
	}
	return types
}

// listed reports whether media is of a bill in one of s's formats.
func (s *billed) listed(media string) bool {
	return slices.ContainsFunc(s.Formats, func(f BillFormat) bool { return slices.Contains(f.media(), media) })
}

// alone reports whether st is by s's own signers and nobody else's: then it says
// something of bills alone.
func (s *billed) alone(st *verified) bool {
	return s != nil && len(s.Signers) > 0 && len(s.signers.of(st)) == len(st.by)
}

// judge returns which bill meets s, or why none does. The error is that it could
// not be told. Nothing that is no bill takes one away.
func (s *billed) judge(statements []*verified, references []Reference, digests []criteria.Digest) (*satisfied, *Reason, error) {
	met := &satisfied{Requirement: Requirement{Kind: SBOMRequired}}
	var nearest *verified
	why, found := "", 0
	var unsought *Reference
	for _, st := range statements {
		st = s.signers.only(st)
		if st == nil {
			continue
		}
		if st.payload.PredicateType == referenceType {
			for _, r := range references {
				if r.Statement != st.digest || !s.listed(r.MediaType) {
					continue
				}
				found++
				switch r.State {
				case Found:
					met.add(st)
					met.PredicateType, met.Document = referenceType, r.Digest
				case Unsought:
					unsought = &r
				default:
					nearest, why = st, fmt.Sprintf("document %s is %s: %s", r.Digest.Short(), r.State, r.Message)
				}
			}
			continue
		}
		i := slices.IndexFunc(s.Formats, func(f BillFormat) bool { return slices.Contains(f.types(), st.payload.PredicateType) })
		if i < 0 {
			continue
		}
		found++
		if err := s.Formats[i].check(st.payload.Predicate, digests); err != nil {
			nearest, why = st, err.Error()
			continue
		}
		met.add(st)
		met.PredicateType = st.payload.PredicateType
	}
	switch {
	case len(met.Statements) > 0:
		return met, nil, nil
	case unsought != nil:
		return nil, nil, fmt.Errorf("looking for document %s, a bill of materials that is required: %s", unsought.Digest, unsought.Message)
	case found > 0:
		return nil, unmetReason(nearest, fmt.Sprintf("sbom is not met: %s; %s", counted(found, "bill of materials"), why)), nil
	}
	return nil, unmetReason(nil, fmt.Sprintf("sbom is required, and no bill of materials by its signers was found in format %s", words(s.Formats, " or "))), nil
}

// check says why predicate is no bill in format f about the bytes with digests.
// What it says by one algorithm does not make up for what it says by another.
func (f BillFormat) check(predicate jsontext.Value, digests []criteria.Digest) error {
	hashes, err := f.describes(predicate)
	if err != nil {
		return err
	}
	for _, d := range digests {
		other, same := "", false
		for alg, value := range hashes {
			// SHA-256, SHA256.
			if strings.ReplaceAll(strings.ToLower(alg), "-", "") != d.Algorithm() {
				continue
			}
			for _, v := range value {
				if strings.EqualFold(v, d.Hex()) {
					same = true
				} else {
					other = max(other, v)
				}
			}
		}
		if other != "" && !same {
			return fmt.Errorf("it says that it is about %s:%s", d.Algorithm(), clip(other))
		}
	}
	return nil
}

// describes returns the hashes of what the bill says it is about, none where it
// does not say.
func (f BillFormat) describes(predicate jsontext.Value) (map[string][]string, error) {
	hashes := make(map[string][]string)
	if f == CycloneDX {
		var doc struct {
			Format   string `json:"bomFormat"`
			Version  string `json:"specVersion"`
			Metadata struct {
				Component *struct {
					Hashes []struct {
						Algorithm string `json:"alg"`
						Content   string `json:"content"`
					} `json:"hashes"`
				} `json:"component"`
			} `json:"metadata"`
			Components []jsontext.Value `json:"components"`
		}
		if err := strict.JSON(predicate, &doc); err != nil {
			return nil, fmt.Errorf("it cannot be read: %v", err)
		}
		switch {
		case doc.Format != "CycloneDX" || doc.Version == "":
			return nil, errors.New("it is no CycloneDX document")
		case doc.Metadata.Component == nil && len(doc.Components) == 0:
			return nil, errors.New("it lists nothing")
		}
		if c := doc.Metadata.Component; c != nil {
			for _, h := range c.Hashes {
				hashes[h.Algorithm] = append(hashes[h.Algorithm], h.Content)
			}
		}
		return hashes, nil
	}
	type element struct {
		ID        string `json:"SPDXID"`
		Checksums []struct {
			Algorithm string `json:"algorithm"`
			Value     string `json:"checksumValue"`
		} `json:"checksums"`
	}
	var doc struct {
		Version       string    `json:"spdxVersion"`
		ID            string    `json:"SPDXID"`
		Describes     []string  `json:"documentDescribes"`
		Packages      []element `json:"packages"`
		Files         []element `json:"files"`
		Relationships []struct {
			From string `json:"spdxElementId"`
			Type string `json:"relationshipType"`
			To   string `json:"relatedSpdxElement"`
		} `json:"relationships"`
		// Of version 3, which is a graph.
		Context jsontext.Value   `json:"@context"`
		Graph   []jsontext.Value `json:"@graph"`
	}
	if err := strict.JSON(predicate, &doc); err != nil {
		return nil, fmt.Errorf("it cannot be read: %v", err)
	}
	switch {
	case doc.Version == "" && len(doc.Context) > 0 && strings.Contains(string(doc.Context), "spdx.org/") && len(doc.Graph) > 0:
		return hashes, nil
	case !strings.HasPrefix(doc.Version, "SPDX-"):
		return nil, errors.New("it is no SPDX document")
	case len(doc.Packages)+len(doc.Files) == 0:
		return nil, errors.New("it lists nothing")
	}
	about := make(map[string]bool)
	for _, id := range doc.Describes {
		about[id] = true
	}
	for _, r := range doc.Relationships {
		if r.From == doc.ID && r.Type == "DESCRIBES" {
			about[r.To] = true
		}
	}
	for _, e := range append(doc.Packages, doc.Files...) {
		if about[e.ID] {
			for _, c := range e.Checksums {
				hashes[c.Algorithm] = append(hashes[c.Algorithm], c.Value)
			}
		}
	}
	return hashes, nil
}
