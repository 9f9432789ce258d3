package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// The statement types that are accepted. cosign still writes v0.1, which
// differs in nothing that is read here.
const (
	statementV1  = "https://in-toto.io/Statement/v1"
	statementV01 = "https://in-toto.io/Statement/v0.1"
)

// payload is an in-toto statement
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/v1/statement.md).
type payload struct {
	Type    string `json:"_type"`
	Subject []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	PredicateType string                    `json:"predicateType"`
	Predicate     jsontext.Value            `json:"predicate"`
	Others        map[string]jsontext.Value `json:",embed"`
}

// parsePayload reads a statement and refuses what two readers could understand
// differently.
func parsePayload(data []byte) (*payload, error) {
	var p payload
	if err := strict.JSON(data, &p); err != nil {
		return nil, err
	}
	if err := noTwins(p.Others, "_type", "subject", "predicateType", "predicate"); err != nil {
		return nil, err
	}
	switch {
	case p.Type != statementV1 && p.Type != statementV01:
		return nil, fmt.Errorf("the statement's type is %q, expected %s", p.Type, statementV1)
	case len(p.Subject) == 0:
		return nil, errors.New("the statement is about nothing")
	case p.PredicateType == "":
		return nil, errors.New("the statement has no predicate type")
	}
	return &p, nil
}

// subject returns the first of digests, which are of the same bytes, that the
// statement is about, and under which name. Digests are compared as they are
// written: algorithm and lower-case hex. One that is absent or empty is equal to
// nothing.
func (p *payload) subject(digests ...criteria.Digest) (about criteria.Digest, name string, ok bool) {
	for _, d := range digests {
		for _, s := range p.Subject {
			if value := s.Digest[d.Algorithm()]; value != "" && value == d.Hex() {
				return d, s.Name, true
			}
		}
	}
	return criteria.Digest{}, "", false
}

// noTwins refuses keys that differ from known ones only in case: readers that
// ignore case, Go's among them, would take the one for the other.
func noTwins(others map[string]jsontext.Value, known ...string) error {
	for other := range others {
		for _, k := range known {
			if strings.EqualFold(other, k) {
				return fmt.Errorf("key %q stands beside or instead of %q", other, k)
			}
		}
	}
	return nil
}

// digestSet is in-toto's way to name bytes: algorithm to hex value.
type digestSet map[string]string

// algorithms are those that are compared, the one to show first.
var algorithms = [...]string{"sha256", "sha512", "sha384", "gitCommit"}

// all returns the digests of algorithms that we know.
func (d digestSet) all() []criteria.Digest {
	var out []criteria.Digest
	for _, alg := range algorithms {
		if value, ok := d[alg]; ok {
			if digest, err := criteria.ParseDigest(alg + ":" + value); err == nil {
				out = append(out, digest)
			}
		}
	}
	return out
}

// first returns the digest to show, zero where none is known.
func (d digestSet) first() criteria.Digest {
	if all := d.all(); len(all) > 0 {
		return all[0]
	}
	return criteria.Digest{}
}

// descriptor is in-toto's ResourceDescriptor, as far as it is read here.
type descriptor struct {
	Name        string         `json:"name"`
	URI         string         `json:"uri"`
	Digest      digestSet      `json:"digest"`
	Annotations map[string]any `json:"annotations"`
}

func resources(in []descriptor) []Resource {
	out := make([]Resource, 0, len(in))
	for _, d := range in {
		r := Resource{Name: d.Name, URI: d.URI, Digest: d.Digest.first()}
		for key, value := range d.Annotations {
			if text, ok := value.(string); ok {
				if r.Annotations == nil {
					r.Annotations = make(map[string]string)
				}
				r.Annotations[key] = text
			}
		}
		out = append(out, r)
	}
	return out
}

// parseTime reads a time in RFC 3339. The zero time is none: it would be older
// than everything.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.IsZero() {
		return time.Time{}, fmt.Errorf("%q is no time in RFC 3339", s)
	}
	return t.UTC(), nil
}
