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

// reference attests that this report, by its digest, was judged. A download
// location is required; a report that lies only beside the decision is named
// by its content (RFC 6920), and the decision's folder holds it under that.
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
