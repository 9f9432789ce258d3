package slsa

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// publishType is the predicate type of npm's word that it published a package
// (https://github.com/npm/attestation/tree/main/specs/publish/v0.1).
const publishType = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"

// maxRegistryKeys bounds how many keys a registry has.
const maxRegistryKeys = 1000

// registry is the keys of a package registry, by their ids.
type registry map[string]registryKey

type registryKey struct {
	signature.Verifier
	// from and until limit when it signed; nil does not.
	from, until *time.Time
}

// newRegistry reads keys as a registry answers them at /-/npm/v1/keys, or as
// Sigstore's TUF repository holds them, where one key stands once for each use
// and only that for attestations is ours.
func newRegistry(data []byte) (registry, error) {
	var doc struct {
		Keys []struct {
			KeyID   string     `json:"keyid"`
			Scheme  string     `json:"scheme"`
			Key     string     `json:"key"`
			Expires *time.Time `json:"expires"`

			ID     string `json:"keyId"`
			Usage  string `json:"keyUsage"`
			Public *struct {
				Bytes   string `json:"rawBytes"`
				Details string `json:"keyDetails"`
				Valid   struct {
					Start *time.Time `json:"start"`
					End   *time.Time `json:"end"`
				} `json:"validFor"`
			} `json:"publicKey"`
		} `json:"keys"`
	}
	if err := strict.JSON(data, &doc); err != nil {
		return nil, err
	}
	if len(doc.Keys) > maxRegistryKeys {
		return nil, fmt.Errorf("list more than %d keys", maxRegistryKeys)
	}
	r := make(registry)
	for i, k := range doc.Keys {
		id, kind, want, encoded, key := k.KeyID, k.Scheme, "ecdsa-sha2-nistp256", k.Key, registryKey{until: k.Expires}
		if k.Public != nil {
			if k.Usage != "npm:attestations" {
				continue
			}
			id, kind, want, encoded = k.ID, k.Public.Details, "PKIX_ECDSA_P256_SHA_256", k.Public.Bytes
			key = registryKey{from: k.Public.Valid.Start, until: k.Public.Valid.End}
		}
		switch _, twice := r[id]; {
		case id == "":
			return nil, fmt.Errorf("list key %d without an id (keyid)", i+1)
		case twice:
			return nil, fmt.Errorf("list key %q twice", id)
		case kind != want:
			return nil, fmt.Errorf("list key %q of kind %q, expected %s", id, kind, want)
		}
		der, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("list key %q, which is not in base64: %v", id, err)
		}
		public, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			return nil, fmt.Errorf("list key %q, which cannot be read: %v", id, err)
		}
		if ec, ok := public.(*ecdsa.PublicKey); !ok || ec.Curve != elliptic.P256() {
			return nil, fmt.Errorf("list key %q, which is no key on the curve P-256", id)
		}
		if key.Verifier, err = signature.LoadDefaultVerifier(public); err != nil {
			return nil, fmt.Errorf("list key %q, which cannot be used: %v", id, err)
		}
		r[id] = key
	}
	if len(r) == 0 {
		return nil, errors.New("list no key for attestations")
	}
	return r, nil
}

// publication is a registry's word that it published a package.
type publication struct {
	purl    string
	digest  criteria.Digest
	problem string // why it does not count; then the rest is a mere claim
}

// published returns the publish attestations among signed, verified with r, at
// the time that a witness in v's root gives them.
func (r registry) published(signed []attestation, v *verifier) []publication {
	var out []publication
	for _, a := range signed {
		var st statement
		if err := strict.JSON(a.payload, &st); err != nil || st.PredicateType != publishType {
			continue
		}
		p := publication{}
		if len(st.Subject) == 1 {
			p.purl = st.Subject[0].Name
			if of := digests(st.Subject[0].Digest); len(of) == 1 {
				p.digest = of[0]
			}
		}
		if p.problem = r.verify(a, v); p.problem == "" {
			p.problem = st.unsound(p)
		}
		out = append(out, p)
	}
	return out
}

// unsound says what keeps a publish attestation from being about one package.
func (st statement) unsound(p publication) string {
	var predicate struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	err := strict.JSON(st.Predicate, &predicate)
	switch {
	case p.digest.Algorithm() != "sha512":
		return "is not about one subject with a SHA-512 and no other digest"
	case err != nil:
		return fmt.Sprintf("has a predicate that cannot be read: %v", err)
	case predicate.Name == "" || predicate.Version == "":
		return "does not say which package it is about"
	}
	if purl := packageURL(predicate.Name, predicate.Version); purl != p.purl {
		return fmt.Sprintf("says that it is about %s, and its subject is %s", purl, p.purl)
	}
	return ""
}

// packageURL writes a package as npm writes its subjects.
func packageURL(name, version string) string {
	if scoped, ok := strings.CutPrefix(name, "@"); ok {
		name = "%40" + scoped
	}
	return "pkg:npm/" + name + "@" + version
}

// verify says why the signature of a does not count; empty if it does.
func (r registry) verify(a attestation, v *verifier) string {
	switch {
	case a.bundle == nil:
		return "cannot be verified: " + a.why
	case a.certified:
		return "is signed with a certificate, not with a key of the registry"
	}
	content, err := a.bundle.VerificationContent()
	if err != nil || content.PublicKey() == nil {
		return "does not say which key signed it"
	}
	id := content.PublicKey().Hint()
	key, ok := r[id]
	if !ok {
		return fmt.Sprintf("names the key %q, which is not among the registry's (registryKeys)", id)
	}
	entries, err := a.bundle.TlogEntries()
	if err != nil {
		return fmt.Sprintf("has a log entry that cannot be read: %v", err)
	}
	// sigstore-go's own words on a key's limits do not name them: see limits.
	always := root.NewExpiringKey(key.Verifier, time.Time{}, time.Time{})
	material := root.TrustedMaterialCollection{root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return always, nil })}
	options := []sigstore.VerifierOption{sigstore.WithoutStatementPredicate()}
	logged := len(entries) > 0 && v != nil && v.trusted != nil && len(v.trusted.RekorLogs()) > 0
	if logged {
		material = append(material, v.trusted)
		options = append(options, sigstore.WithTransparencyLog(1), sigstore.WithObserverTimestamps(1))
	} else {
		options = append(options, sigstore.WithNoObserverTimestamps())
	}
	by, err := sigstore.NewVerifier(material, options...)
	if err != nil {
		return fmt.Sprintf("cannot be verified: %v", err)
	}
	result, err := by.Verify(a.bundle, sigstore.NewPolicy(sigstore.WithoutArtifactUnsafe(), sigstore.WithKey()))
	if err != nil {
		return fmt.Sprintf("has a signature that could not be verified: %v", err)
	}
	if logged {
		if why := v.retired(a.bundle, result.VerifiedTimestamps); why != "" {
			return "does not count: " + why
		}
	}
	return key.limits(id, result.VerifiedTimestamps)
}

// limits says why a key did not count when it signed. Nothing is read from a
// clock, since a replay must say the same: a key that ends counts only at a time
// that somebody witnessed.
func (k registryKey) limits(id string, times []sigstore.TimestampVerificationResult) string {
	if len(times) == 0 && k.until != nil {
		return fmt.Sprintf("is signed with the key %q, which expires on %s, and no log entry that verifies says that it was signed before", id, k.until.UTC().Format(time.DateOnly))
	}
	for _, t := range times {
		at := t.Timestamp.UTC()
		switch {
		case k.until != nil && !at.Before(*k.until):
			return fmt.Sprintf("was signed on %s with the key %q, which expired on %s", at.Format(time.DateOnly), id, k.until.UTC().Format(time.DateOnly))
		case k.from != nil && at.Before(*k.from):
			return fmt.Sprintf("was signed on %s with the key %q, which counts from %s on", at.Format(time.DateOnly), id, k.from.UTC().Format(time.DateOnly))
		}
	}
	return ""
}

// unpublished says why nothing in all is the registry's word on the very package
// that the provenance in data is about; empty if something is.
func unpublished(data []byte, all []publication) string {
	var st statement
	if err := strict.JSON(data, &st); err != nil {
		return fmt.Sprintf("its statement cannot be read: %v", err)
	}
	if len(all) == 0 {
		return "the registry's publish attestation, which registryKeys asks for, does not stand beside it"
	}
	if len(st.Subject) != 1 {
		return fmt.Sprintf("it is about %d subjects, and a registry publishes one package at a time", len(st.Subject))
	}
	// Of a second digest the registry said nothing.
	of := digests(st.Subject[0].Digest)
	if len(of) != 1 || of[0].Algorithm() != "sha512" {
		return "it does not name its subject by a SHA-512 alone, as the registry does"
	}
	var why string
	for _, p := range all {
		reason := p.problem
		switch {
		case reason != "":
		case p.digest != of[0]:
			reason = fmt.Sprintf("is about other bytes, %s, than the provenance, %s", p.digest.Short(), of[0].Short())
		case p.purl != st.Subject[0].Name:
			reason = fmt.Sprintf("is about %s, and the provenance about %s", p.purl, st.Subject[0].Name)
		default:
			return ""
		}
		if why == "" || p.digest == of[0] {
			why = reason
		}
	}
	return "the registry's publish attestation " + why
}
