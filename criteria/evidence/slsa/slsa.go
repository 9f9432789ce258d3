// Package slsa reads signed SLSA provenance as evidence, and verifies who signed
// it while it is read: with the trusted root or the key that is given beside the
// report, and without asking anybody. What it cannot verify it says nothing of,
// but why.
package slsa

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/provenance"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// Provenance reads provenance as slsa-github-generator, GitHub, GitLab and Tekton
// Chains hand it out: one document or JSON Lines, each of them
//
//   - a Sigstore bundle
//     (https://github.com/sigstore/protobuf-specs/blob/v0.5.1/protos/sigstore_bundle.proto),
//   - a DSSE envelope (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md)
//     signed with a key,
//   - a DSSE envelope signed with a certificate, as slsa-github-generator's
//     *.intoto.jsonl are, and on the next line its entry in the transparency log, as
//     Rekor answers for it: without, nobody says when it was signed,
//   - an object whose "attestations" hold bundles, as the interfaces of GitHub and
//     npm answer.
//
// Attestations of other predicate types are passed over; but npm's own, that it
// published the package, has to be there where the registry's keys are given.
type Provenance struct{}

var _ criteria.RegistryFormat = Provenance{}

// Name implements [criteria.Format].
func (Provenance) Name() string { return "slsa-provenance" }

// Gives implements [criteria.Format].
func (Provenance) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactBuilds} }

// Read implements [criteria.Format]. Nothing is verified without trust.
func (p Provenance) Read(r io.Reader) (criteria.Facts, error) { return p.ReadSigned(r, nil) }

// ReadSigned implements [criteria.SignedFormat].
func (p Provenance) ReadSigned(r io.Reader, trust []byte) (criteria.Facts, error) {
	return p.ReadRegistry(r, trust, nil)
}

// ReadRegistry implements [criteria.RegistryFormat].
func (Provenance) ReadRegistry(r io.Reader, trust, registryKeys []byte) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var by *verifier
	if len(trust) > 0 {
		if by, err = newVerifier(trust); err != nil {
			return criteria.Facts{}, err
		}
	}
	signed, err := attestations(data)
	if err != nil {
		return criteria.Facts{}, err
	}
	var published []publication
	if len(registryKeys) > 0 {
		keys, err := newRegistry(registryKeys)
		if err != nil {
			return criteria.Facts{}, fmt.Errorf("the registry's keys it is to be verified with (registryKeys) %w", err)
		}
		published = keys.published(signed, by)
	}
	c := collection{}
	for _, s := range signed {
		r := s.read(by)
		if len(registryKeys) > 0 && r.signer != nil {
			if why := unpublished(r.statement, published); why != "" {
				r = reading{statement: r.statement, problem: clip(why)}
			}
		}
		if err := c.add(r); err != nil {
			return criteria.Facts{}, fmt.Errorf("%s: %w", s.where, err)
		}
	}
	return c.facts()
}

// maxAttestations bounds how many attestations one report holds.
const maxAttestations = 1000

// reading is one attestation after an attempt to verify it.
type reading struct {
	statement []byte
	signer    *criteria.BuildSigner
	problem   string
	time      time.Time // when it was signed, as a witness says
}

// collection gathers the provenance of a report.
type collection struct {
	builds []criteria.Build
	times  []time.Time
}

// statement is as much of an in-toto statement as is read, v0.1 and v1
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/v1/statement.md).
type statement struct {
	Type          string `json:"_type"`
	PredicateType string `json:"predicateType"`
	Subject       []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	Predicate raw `json:"predicate"`
}

// raw is JSON that is read later.
type raw []byte

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (r *raw) UnmarshalJSON(data []byte) error {
	*r = bytes.Clone(data)
	return nil
}

// Build is the provenance in statement, signed by signer; or, where that is nil,
// what is known of it all the same: its subjects, and the problem. A statement of
// another predicate type gives ok false.
func Build(data []byte, signer *criteria.BuildSigner, problem string) (b criteria.Build, ok bool, err error) {
	var st statement
	if err := strict.JSON(data, &st); err != nil {
		return b, false, fmt.Errorf("the statement %w", err)
	}
	if st.Type != "https://in-toto.io/Statement/v1" && st.Type != "https://in-toto.io/Statement/v0.1" {
		return b, false, fmt.Errorf("holds no in-toto statement: _type is %q", st.Type)
	}
	if !provenance.Is(st.PredicateType) {
		return b, false, nil
	}
	for _, s := range st.Subject {
		b.Subjects = append(b.Subjects, digests(s.Digest)...)
	}
	if len(b.Subjects) == 0 {
		return b, false, errors.New("the statement names no subject with a SHA-256, SHA-384 or SHA-512")
	}
	slices.SortFunc(b.Subjects, func(x, y criteria.Digest) int { return strings.Compare(x.String(), y.String()) })
	b.Subjects = slices.Compact(b.Subjects)
	if signer == nil {
		b.Problem = problem
		return b, true, nil
	}
	p, err := provenance.Parse(st.PredicateType, st.Predicate)
	if err != nil {
		return b, false, fmt.Errorf("the provenance %w", err)
	}
	b.Signer = signer
	b.Builder, b.Type, b.Workflow, b.Invocation = p.BuilderID, p.BuildType, p.Workflow, p.InvocationID
	b.Repository, b.Ref = p.SourceRepository, p.SourceRef
	if p.SourceDigest != "" {
		if b.Commit, err = criteria.ParseDigest("gitCommit:" + p.SourceDigest); err != nil {
			return b, false, err
		}
	}
	return b, true, nil
}

// digests are those of a digest set that can name an artifact.
func digests(set map[string]string) []criteria.Digest {
	var out []criteria.Digest
	for _, alg := range []string{"sha256", "sha384", "sha512"} {
		if d, err := criteria.ParseDigest(alg + ":" + set[alg]); err == nil {
			out = append(out, d)
		}
	}
	return out
}

func (c *collection) add(r reading) error {
	b, ok, err := Build(r.statement, r.signer, r.problem)
	if err != nil {
		return err
	}
	if !ok {
		return nil
	}
	c.builds = append(c.builds, b)
	c.times = append(c.times, r.time)
	return nil
}

func (c *collection) facts() (criteria.Facts, error) {
	if len(c.builds) == 0 {
		return criteria.Facts{}, errors.New("holds no SLSA provenance")
	}
	f := criteria.Facts{Builds: &criteria.Builds{Items: c.builds}}
	for _, b := range c.builds {
		f.Subjects = append(f.Subjects, b.Subjects...)
	}
	slices.SortFunc(f.Subjects, func(x, y criteria.Digest) int { return strings.Compare(x.String(), y.String()) })
	f.Subjects = slices.Compact(f.Subjects)
	// The report is as old as the oldest that is in it, if somebody says so of all.
	f.Time = slices.MinFunc(c.times, time.Time.Compare)
	return f, nil
}

// commitOf is a certificate's commit, zero if it is none.
func commitOf(s string) criteria.Digest {
	d, err := criteria.ParseDigest("gitCommit:" + s)
	if err != nil {
		return criteria.Digest{}
	}
	return d
}
