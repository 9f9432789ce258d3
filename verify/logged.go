package verify

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

// verify has sigstore-go say whether s signed b about artifact, and its log
// entries, too, where it knows how.
func (s *keySigner) verify(b *parsed, about Artifact) (*sigstore.VerificationResult, error) {
	entity, artifact := about.asked(b)
	by := s.verifier
	if s.logged && s.unknown(b) {
		if err := s.entered(b); err != nil {
			return nil, fmt.Errorf("failed to verify log inclusion: %w", err)
		}
		by = s.unlogged
	}
	return by.Verify(entity, sigstore.NewPolicy(artifact, sigstore.WithKey()))
}

// unknown reports whether b has a log entry that the specification allows and
// sigstore-go refuses: one of version 1 under a checkpoint whose origin has no
// number, or one of version 2 with an algorithm that is not the key's first.
func (s *keySigner) unknown(b *parsed) bool {
	entries, err := b.TlogEntries()
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.HasInclusionPromise() || !e.HasInclusionProof() || numbered(e) {
			return false
		}
		if _, ok := logOf(s.witnesses, e); !ok {
			return false
		}
	}
	for _, e := range entries {
		if !e.IsRekorV2() || s.several {
			return true
		}
	}
	return false
}

// entered says why the log entries of b, which are unknown, do not show that
// the signature in b is in the logs of s's root.
func (s *keySigner) entered(b *parsed) error {
	entries, err := b.TlogEntries()
	if err != nil {
		return err
	}
	content, err := b.SignatureContent()
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		if err := tlog.ValidateEntry(e); err != nil {
			return err
		}
		log, ok := logOf(s.witnesses, e)
		if !ok {
			return errors.New("it is from no log that the trusted root lists")
		}
		place := fmt.Sprintf("%s %d", log.ID, e.LogIndex())
		if seen[place] {
			return errors.New("one log entry stands twice")
		}
		seen[place] = true
		if err := included(e, log); err != nil {
			return err
		}
		if !bytes.Equal(e.Signature(), content.Signature()) {
			return errors.New("the log entry is of another signature")
		}
		key, ok := e.PublicKey().(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !key.Equal(s.public) {
			return errors.New("the log entry is of another key")
		}
		if err := ofContent(e, b); err != nil {
			return err
		}
	}
	return nil
}

// included says why e is not in log.
func included(e *tlog.Entry, log *root.TransparencyLog) error {
	u, err := url.Parse(log.BaseURL)
	if err != nil || u.Hostname() == "" {
		return errors.New("the trusted root gives no address of the log")
	}
	v, err := signature.LoadVerifier(log.PublicKey, log.SignatureHashFunc)
	if err != nil {
		return err
	}
	return tlog.VerifyCheckpointAndInclusion(e, v, u.Hostname())
}

// ofContent says why what e holds is not what b signs.
func ofContent(e *tlog.Entry, b *parsed) error {
	envelope := b.GetDsseEnvelope()
	if digest, ok := e.GetDssePayloadHash(); ok {
		sum := sha256.Sum256(envelope.GetPayload())
		if envelope == nil || !bytes.Equal(digest, sum[:]) {
			return errors.New("the log entry is of another statement")
		}
		return nil
	}
	digest, name, ok := e.GetHashedRekordDigest()
	if !ok {
		return errors.New("the log entry holds no digest")
	}
	if envelope == nil {
		if m := b.GetMessageSignature().GetMessageDigest(); !bytes.Equal(digest, m.GetDigest()) {
			return errors.New("the log entry is of other bytes")
		}
		return nil
	}
	for h, n := range hashNames {
		if name != n && name != "SHA2_"+n[len("sha"):] {
			continue
		}
		sum := h.New()
		sum.Write(dsse.PAE(envelope.GetPayloadType(), envelope.GetPayload()))
		if !bytes.Equal(digest, sum.Sum(nil)) {
			return errors.New("the log entry is of another statement")
		}
		return nil
	}
	return fmt.Errorf("the log entry holds a digest of an unknown kind, %s %s", name, hex.EncodeToString(digest))
}
