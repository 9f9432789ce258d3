package verify

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/hallmark-project/hallmark/criteria"
)

// Signature is what was verified of one signature: who made it and who saw it.
// Everything in it was verified.
type Signature struct {
	Signer Identity `json:"signer"`
	// Certificate is nil for a key.
	Certificate *CertificateFacts `json:"certificate,omitempty"`
	// Times are those at which others saw the signature, empty where the trust
	// file requires nobody who would say.
	Times []SignedTime `json:"times,omitempty"`
	// Logs are the log entries that were verified, empty where the trust file
	// requires none.
	Logs []LogEntry `json:"logs,omitempty"`
}

// CertificateFacts are what a verified certificate says.
type CertificateFacts struct {
	// Digest is of the certificate's DER.
	Digest criteria.Digest `json:"digest"`
	// Issuer is the certificate authority's name for itself.
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	// Says are the extensions by their keys in the trust file.
	Says map[string]string `json:"says,omitempty"`
	// Promised says that a certificate log which the trusted root lists was shown
	// to have promised to hold it. It is asked only where the trust file requires it.
	Promised bool `json:"promised,omitempty"`
	// Run is the address of the run that asked for it.
	Run string `json:"run,omitempty"`
}

// SignedTime is when somebody saw a signature.
type SignedTime struct {
	// By is log or timestamp; URI is who, as far as the trusted root says.
	By   Witness   `json:"by"`
	URI  string    `json:"uri,omitempty"`
	Time time.Time `json:"time"`
}

// LogEntry is an entry of a transparency log that was verified.
type LogEntry struct {
	// Log is the log's address in the trusted root, ID the hex of its id.
	Log   string `json:"log,omitempty"`
	ID    string `json:"id"`
	Index int64  `json:"index"`
	// Kind is what the log calls what it holds, such as dsse 0.0.1.
	Kind string `json:"kind,omitempty"`
}

func newCertificateFacts(c *x509.Certificate, s *certificate.Summary) *CertificateFacts {
	f := &CertificateFacts{
		Digest: criteria.DigestOf(c.Raw), Issuer: s.CertificateIssuer,
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), Run: s.RunInvocationURI,
	}
	for _, k := range (Certificate{}).constraints() {
		if value := k.value(s); value != "" {
			if f.Says == nil {
				f.Says = make(map[string]string)
			}
			f.Says[k.key] = value
		}
	}
	return f
}

// witnessed notes what result says that witnesses of trusted saw of b. logged
// says that its log entries were verified.
func (s *signed) witnessed(b *parsed, trusted *root.TrustedRoot, result *sigstore.VerificationResult, logged bool) {
	for _, t := range result.VerifiedTimestamps {
		by := Timestamp
		if t.Type == "Tlog" {
			by = Log
		}
		s.Times = append(s.Times, SignedTime{By: by, URI: t.URI, Time: t.Timestamp.UTC()})
	}
	if !logged {
		return
	}
	entries, err := b.TlogEntries()
	if err != nil {
		return
	}
	for _, e := range entries {
		// Of an entry of a log that is not listed, and of one whose promise does
		// not verify, nothing was: sigstore-go passes over both.
		log, ok := logOf(trusted, e)
		if ok && (!e.HasInclusionPromise() || tlog.VerifySET(e, trusted.RekorLogs()) == nil) {
			index, kind := s.proved(e)
			s.Logs = append(s.Logs, LogEntry{Log: log.BaseURL, ID: hex.EncodeToString([]byte(e.LogKeyID())), Index: index, Kind: kind})
		}
	}
}

// proved returns of e, a verified entry, the index and the kind that were verified.
// What a bundle says of both beside the entry is signed by nobody, and neither is
// the entry's body where sigstore-go makes it anew to look for it in the log.
func (s *signed) proved(e *tlog.Entry) (index int64, kind string) {
	index = e.LogIndex()
	switch {
	case e.HasInclusionPromise():
	case numbered(e):
		// Only the index in one of the log's trees is part of the proof.
		index = e.TransparencyLogEntry().GetInclusionProof().GetLogIndex()
	case s.Certificate != nil || e.IsRekorV2():
		return index, "hashedrekord 0.0.2"
	}
	var body struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(e.TransparencyLogEntry().GetCanonicalizedBody(), &body); err != nil {
		return index, ""
	}
	return index, body.Kind + " " + body.Version
}

// logTimes notes when the logs that signer requires say that they took b in,
// where nobody else says when it was signed. A Rekor v2 says nothing.
func (s *signed) logTimes(b *parsed, signer *keySigner) {
	if !signer.logged || len(s.Times) > 0 || signer.NotBefore.IsZero() && signer.NotAfter.IsZero() {
		return
	}
	entity, _ := Artifact{}.asked(b)
	times, err := sigstore.VerifyTlogEntry(entity, signer.material, 1, true)
	if err != nil {
		return
	}
	for _, t := range times {
		s.Times = append(s.Times, SignedTime{By: Log, URI: t.URI, Time: t.Time.UTC()})
	}
}

// outside says why e, a key, is not to be trusted at a time when somebody saw
// its signature, or nothing.
func (s *signed) outside(e *entry) string {
	for _, t := range s.Times {
		if why := e.valid(t.Time); why != "" {
			return fmt.Sprintf("it was signed on %s; %s is trusted %s", stamp(t.Time), s.Signer, why)
		}
	}
	return ""
}
