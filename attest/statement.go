package attest

import (
	"bytes"
	"slices"

	"github.com/hallmark-project/hallmark/criteria"
)

// PayloadType is what a signature says the signed bytes are
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/v1/envelope.md).
const PayloadType = "application/vnd.in-toto+json"

// Statement is one in-toto Statement v1. It does not change once made, and
// only [Statements] makes one.
type Statement struct {
	name, predicateType string
	subjects            []criteria.Subject
	data                []byte
}

// Name is a word for it, fit to be the stem of a file's name: "verdict",
// "findings", "sbom-greet_1.2.0_linux_amd64", "vex". No two statements of one
// decision share one.
func (s Statement) Name() string { return s.name }

// PredicateType is the URI of the kind of predicate.
func (s Statement) PredicateType() string { return s.predicateType }

// Subjects are the artifacts that it is about.
func (s Statement) Subjects() []criteria.Subject { return slices.Clone(s.subjects) }

// Bytes are exactly what is signed.
func (s Statement) Bytes() []byte { return bytes.Clone(s.data) }
