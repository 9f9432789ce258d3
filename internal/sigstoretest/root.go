package sigstoretest

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"time"
)

// Root is a trusted root before it is written. A test changes it as it likes.
type Root struct {
	Tlogs, CTLogs, Authorities, Stampers []map[string]any
}

// Root lists all of s, trusted from long ago and for ever.
func (s *Sigstore) Root() *Root {
	from := s.Now.Add(-life)
	return &Root{
		Tlogs:       []map[string]any{s.V1.Listed(from, time.Time{}), s.V2.Listed(from, time.Time{})},
		CTLogs:      []map[string]any{s.CT.Listed(from, time.Time{})},
		Authorities: []map[string]any{s.Fulcio.Listed(from, time.Time{})},
		Stampers:    []map[string]any{s.TSA.Listed(from, time.Time{})},
	}
}

// JSON is the trusted root as it is written.
func (r *Root) JSON() []byte {
	return must(json.MarshalIndent(map[string]any{
		"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs":     r.Tlogs, "ctlogs": r.CTLogs, "certificateAuthorities": r.Authorities, "timestampAuthorities": r.Stampers,
	}, "", " "))
}

// span is a validity period. An end that is zero is none.
func span(start, end time.Time) map[string]any {
	out := map[string]any{}
	if !start.IsZero() {
		out["start"] = start.UTC().Format(time.RFC3339)
	}
	if !end.IsZero() {
		out["end"] = end.UTC().Format(time.RFC3339)
	}
	return out
}

// Listed is l in a trusted root.
func (l *Log) Listed(start, end time.Time) map[string]any {
	details := "PKIX_ECDSA_P256_SHA_256"
	if _, ok := l.Key.Public().(ed25519.PublicKey); ok {
		details = "PKIX_ED25519"
	}
	return map[string]any{
		"baseUrl": l.URL, "hashAlgorithm": "SHA2_256", "logId": map[string]any{"keyId": l.ID()},
		"publicKey": map[string]any{"rawBytes": spki(l.Key.Public()), "keyDetails": details, "validFor": span(start, end)},
	}
}

// Listed is l in a trusted root.
func (l *CTLog) Listed(start, end time.Time) map[string]any {
	return map[string]any{
		"baseUrl": "https://ctlog.test", "hashAlgorithm": "SHA2_256", "logId": map[string]any{"keyId": l.ID()},
		"publicKey": map[string]any{"rawBytes": spki(&l.Key.PublicKey), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": span(start, end)},
	}
}

// Listed is a in a trusted root.
func (a *Authority) Listed(start, end time.Time) map[string]any {
	return listed(a.URI, start, end, a.Intermediate, a.Root)
}

// Listed is s in a trusted root.
func (s *Stamper) Listed(start, end time.Time) map[string]any {
	return listed(s.URI, start, end, s.Leaf, s.Intermediate, s.Root)
}

func listed(uri string, start, end time.Time, chain ...*x509.Certificate) map[string]any {
	certificates := []map[string]any{}
	for _, c := range chain {
		certificates = append(certificates, map[string]any{"rawBytes": c.Raw})
	}
	return map[string]any{
		"uri": uri, "subject": map[string]any{"organization": "sigstore.test", "commonName": "test"},
		"certChain": map[string]any{"certificates": certificates}, "validFor": span(start, end),
	}
}
