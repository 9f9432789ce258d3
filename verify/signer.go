package verify

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/hallmark-project/hallmark/criteria"
)

// entry is one signer of a trust file, and what its signature counts for.
type entry struct {
	Signer
	place   int             // among all signers of the trust file
	key     criteria.Digest // fingerprint, zero for an identity
	root    criteria.Digest // of the trusted root's bytes, zero where it has none
	pattern *regexp.Regexp  // nil where the identity is exact
	demands []demand
	// predicates are the types of the statements that it may sign; nil is any.
	predicates []string
}

// demand is a constraint that an entry makes.
type demand struct {
	constraint
	pattern pattern
}

func newEntry(place int, s Signer, predicates []string) (*entry, error) {
	e := &entry{Signer: s, place: place, predicates: predicates}
	if s.Key != "" {
		_, fingerprint, err := parseKey(s.Key)
		if err != nil {
			return nil, fmt.Errorf("key %w", err)
		}
		e.key = fingerprint
		return e, nil
	}
	if s.IdentityPattern != "" {
		var err error
		if e.pattern, err = anchored(s.IdentityPattern); err != nil {
			return nil, err
		}
	}
	for _, c := range s.Certificate.constraints() {
		if c.want != "" {
			e.demands = append(e.demands, demand{c, newPattern(c.want)})
		}
	}
	return e, nil
}

// may reports whether e's signature counts for statements of predicateType.
func (e *entry) may(predicateType string) bool {
	return e.predicates == nil || slices.Contains(e.predicates, predicateType)
}

// named reports whether c is a certificate for e's identity.
func (e *entry) named(c *certificate.Summary) bool {
	if c.Issuer == "" || c.SubjectAlternativeName == "" || c.Issuer != e.Issuer {
		return false
	}
	if e.pattern != nil {
		return e.pattern.MatchString(c.SubjectAlternativeName)
	}
	return c.SubjectAlternativeName == e.Identity
}

// lacks says what c does not say that e demands, or nothing.
func (e *entry) lacks(c *certificate.Summary) string {
	for _, d := range e.demands {
		got := d.value(c)
		switch {
		case got == "":
			return fmt.Sprintf("its certificate names no %s, expected %q", d.key, d.want)
		case !d.pattern.match(got):
			return fmt.Sprintf("its certificate's %s is %q, expected %q", d.key, got, d.want)
		}
	}
	return ""
}

// identity is who e is, as c says or, where it is nil, e's key.
func (e *entry) identity(c *certificate.Summary) Identity {
	if c == nil {
		return Identity{Name: e.Name, Key: e.key}
	}
	return Identity{Name: e.Name, Issuer: c.Issuer, Identity: c.SubjectAlternativeName}
}
