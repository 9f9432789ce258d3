package attest

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// reference is the predicate of an in-toto reference
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/predicates/reference.md).
type reference struct {
	Attester struct {
		ID string `json:"id"`
	} `json:"attester"`
	References []descriptor `json:"references"`
}

// Document is a report that a statement refers to and does not hold, and that
// goes out with it. Whoever publishes the statement publishes the document: see
// [DocumentPublisher].
type Document struct {
	// Name and MediaType are as the statement gives them.
	Name, MediaType string
	Digest          criteria.Digest
}

// Document returns what s refers to, where that goes out with it: a bill of
// materials or VEX document, which would otherwise have been attested whole. A
// scanner's report may tell of more than its results, and is referred to only.
func (s Statement) Document() (Document, bool) { return s.refers, !s.refers.Digest.IsZero() }

// outgoing is [maker.reference] to a report that goes out with the statement.
func (m *maker) outgoing(word string, e criteria.Evidence, about []criteria.Subject) error {
	if err := m.reference(word, e, about); err != nil {
		return err
	}
	m.out[len(m.out)-1].refers = Document{publicName(e.Name), mediaType(e.Format), e.Digest}
	return nil
}

// reference attests that this report, by its digest, was judged. A download
// location is required, and it is a URI: where the report is not published at an
// address of its own, it is named by its content (RFC 6920). What goes out with
// the statement lies, under that digest, wherever the statement lies.
func (m *maker) reference(word string, e criteria.Evidence, about []criteria.Subject) error {
	var r reference
	r.Attester.ID = m.o.Verifier
	location := m.reportURL(e.Digest)
	if location == "" {
		sum, err := hex.DecodeString(e.Digest.Hex())
		if err != nil {
			return err
		}
		location = "ni:///" + namedHash(e.Digest.Algorithm()) + ";" + base64.RawURLEncoding.EncodeToString(sum)
	}
	r.References = []descriptor{{
		Name:             publicName(e.Name),
		Digest:           setOf(e.Digest),
		DownloadLocation: location,
		MediaType:        mediaType(e.Format),
	}}
	return m.add(stem(word, about), ReferenceType, about, r)
}

// namedHash spells an algorithm as the registry of RFC 6920 does.
func namedHash(algorithm string) string { return "sha-" + strings.TrimPrefix(algorithm, "sha") }

func mediaType(format string) string {
	switch format {
	case "cyclonedx-json":
		return "application/vnd.cyclonedx+json"
	case "cyclonedx-xml":
		return "application/vnd.cyclonedx+xml"
	case "spdx-json":
		return "application/spdx+json"
	case "spdx-tag-value":
		return "text/spdx"
	case "openvex":
		return "application/json"
	}
	// "If the file type is unknown, application/octet-stream SHOULD be used."
	// https://github.com/in-toto/attestation/blob/v1.2.0/spec/predicates/reference.md
	return "application/octet-stream"
}
