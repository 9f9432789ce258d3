package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// PayloadType is what a signature says the signed bytes are
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/v1/envelope.md).
const PayloadType = "application/vnd.in-toto+json"

// StatementType is the _type of every statement.
const StatementType = "https://in-toto.io/Statement/v1"

// The types of predicate that [Statements] writes.
const (
	VerdictType         = "https://slsa.dev/verification_summary/v1"
	FindingsType        = "https://in-toto.io/attestation/test-result/v0.1"
	SPDXType            = "https://spdx.dev/Document"
	CycloneDXType       = "https://cyclonedx.org/bom"
	VulnerabilitiesType = "https://in-toto.io/attestation/vulns/v0.2"
	VEXType             = "https://openvex.dev/ns/v0.2.0"
	ReferenceType       = "https://in-toto.io/attestation/reference/v0.1"
)

// Statement is one in-toto Statement v1. It does not change once made, and
// only [Statements] makes one.
type Statement struct {
	name, predicateType string
	subjects            []criteria.Subject
	data                []byte
	refers              Document
}

// Name is a word for it, fit to be the stem of a file's name: "verdict",
// "findings", "sbom-greet_1.2.0_linux_amd64", "vex". No two statements of one
// decision share one, not even where case does not count.
func (s Statement) Name() string { return s.name }

// PredicateType is the URI of the kind of predicate.
func (s Statement) PredicateType() string { return s.predicateType }

// Subjects are the artifacts that it is about.
func (s Statement) Subjects() []criteria.Subject { return slices.Clone(s.subjects) }

// Bytes are exactly what is signed.
func (s Statement) Bytes() []byte { return bytes.Clone(s.data) }

// document is the statement as JSON. Fields stand in the order of the
// specification, and the bytes depend on that order.
type document struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     any       `json:"predicate"`
}

type subject struct {
	Name   string    `json:"name"`
	Digest digestSet `json:"digest"`
}

// digestSet is a digest as in-toto writes it: the value by its algorithm.
type digestSet map[string]string

func setOf(d criteria.Digest) digestSet { return digestSet{d.Algorithm(): d.Hex()} }

// descriptor is an in-toto ResourceDescriptor
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/v1/resource_descriptor.md).
type descriptor struct {
	Name             string            `json:"name,omitempty"`
	URI              string            `json:"uri,omitempty"`
	Digest           digestSet         `json:"digest,omitempty"`
	DownloadLocation string            `json:"downloadLocation,omitempty"`
	MediaType        string            `json:"mediaType,omitempty"`
	Annotations      map[string]string `json:"annotations,omitempty"`
}

// encode writes JSON without the escapes that only matter inside HTML, which
// would alter an SBOM that is attested whole.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// add makes a statement whose name begins with stem.
func (m *maker) add(stem, predicateType string, about []criteria.Subject, predicate any) error {
	doc := document{Type: StatementType, PredicateType: predicateType, Predicate: predicate}
	for _, s := range about {
		doc.Subject = append(doc.Subject, subject{s.Name, setOf(s.Digest)})
	}
	data, err := encode(doc)
	if err != nil {
		return fmt.Errorf("writing the %s statement: %v", stem, err)
	}
	m.out = append(m.out, Statement{name: m.unique(stem), predicateType: predicateType, subjects: slices.Clone(about), data: data})
	return nil
}

// unique returns stem, numbered if there is one already: an artifact may have
// two SBOMs.
func (m *maker) unique(stem string) string {
	name := stem
	for n := 2; m.names[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s-%d", stem, n)
	}
	m.names[strings.ToLower(name)] = true
	return name
}

// maxStem is how much of an artifact's name a file's name repeats: with the
// words before and after it, it stays below every file system's limit.
const maxStem = 120

// stem returns word, and the artifact where it is not about all of them.
func stem(word string, about []criteria.Subject) string {
	if len(about) != 1 {
		return word
	}
	name := []byte(about[0].Name)
	for i, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			name[i] = '_'
		}
	}
	return word + "-" + string(name[:min(len(name), maxStem)])
}
