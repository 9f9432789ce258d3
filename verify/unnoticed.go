package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"
)

// unnoticed says what speaks against b, which sigstore-go accepted with result
// under trusted, and what it passes over; or nothing. trusted is nil where no
// witness is required.
func unnoticed(b *parsed, trusted *root.TrustedRoot, result *sigstore.VerificationResult) string {
	if trusted == nil {
		return ""
	}
	if why := mixed(b, trusted); why != "" {
		return why
	}
	return belated(b, trusted, result)
}

// belated says which timestamp is of a time when the certificate was not valid.
//
// Of several timestamps of one authority, sigstore-go looks at the first, and so
// believes who chooses the order.
func belated(b *parsed, trusted *root.TrustedRoot, result *sigstore.VerificationResult) string {
	stamps, err := b.Timestamps()
	if err != nil {
		return fmt.Sprintf("its timestamps cannot be read: %v", err)
	}
	counted := 0
	for _, t := range result.VerifiedTimestamps {
		if t.Type != "Tlog" {
			counted++
		}
	}
	if len(stamps) <= counted {
		return ""
	}
	content, err := b.VerificationContent()
	if err != nil || content.Certificate() == nil {
		return ""
	}
	leaf := content.Certificate()
	signature, err := b.SignatureContent()
	if err != nil {
		return fmt.Sprintf("its signature cannot be read: %v", err)
	}
	for _, raw := range stamps {
		t, ok := stamped(raw, signature.Signature(), trusted)
		if !ok {
			continue // by nobody who is trusted then
		}
		if why := outside(t, leaf.NotBefore, leaf.NotAfter); why != "" {
			return fmt.Sprintf("one of its timestamps is of %s, and its certificate was valid %s", stamp(t), why)
		}
	}
	return ""
}

// stamped is when some authority of trusted saw signature, if stamp shows it.
func stamped(stamp, signature []byte, trusted *root.TrustedRoot) (time.Time, bool) {
	for _, a := range trusted.TimestampingAuthorities() {
		if t, err := a.Verify(stamp, signature); err == nil {
			return t.Time, true
		}
	}
	return time.Time{}, false
}

// mixed says which log entry is of one version of Rekor, and is proved as the
// other does. sigstore-go takes what is proved for what is signed if the entry is
// of version 2 and the checkpoint of version 1, and compares neither.
func mixed(b *parsed, trusted *root.TrustedRoot) string {
	entries, err := b.TlogEntries()
	if err != nil {
		return fmt.Sprintf("its log entry cannot be read: %v", err)
	}
	for _, e := range entries {
		if _, ok := logOf(trusted, e); ok && e.IsRekorV2() && numbered(e) {
			return "its log entry is of Rekor v2 and its checkpoint of Rekor v1"
		}
	}
	return ""
}

// numbered reports whether e's checkpoint is one of Rekor v1, whose origin ends
// with the number of a tree.
func numbered(e *tlog.Entry) bool {
	origin, _, _ := strings.Cut(e.TransparencyLogEntry().GetInclusionProof().GetCheckpoint().GetEnvelope(), "\n")
	i := strings.LastIndex(origin, " - ")
	if i < 0 {
		return false
	}
	number := origin[i+len(" - "):]
	return number != "" && strings.Trim(number, "0123456789") == ""
}
