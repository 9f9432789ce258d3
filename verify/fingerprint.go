package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/hallmark-project/hallmark/criteria"
)

// Fingerprint is a digest of all that v expects: the trust file's meaning, and
// the bytes of every trusted root that it names. What one verifier answered is
// worth something to another only if both have the same.
func (v *Verifier) Fingerprint() (criteria.Digest, error) {
	// What it writes is read back as the same: nothing that is expected is left
	// out.
	text, err := v.want.Encode()
	if err != nil {
		return criteria.Digest{}, fmt.Errorf("taking the fingerprint of a verifier: %w", err)
	}
	sum := sha256.New()
	sum.Write(text)
	for _, e := range v.keyring.entries {
		fmt.Fprintf(sum, "\nroot %d %s", e.place, e.root)
	}
	return criteria.ParseDigest("sha256:" + hex.EncodeToString(sum.Sum(nil)))
}
