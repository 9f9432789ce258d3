package verify

import (
	"encoding/json"
	"fmt"

	"github.com/hallmark-project/hallmark/criteria"
)

// Fingerprint is a digest of all that v expects: the trust file's meaning, and
// the bytes of every trusted root that it names. What one verifier answered is
// worth something to another only if both have the same.
func (v *Verifier) Fingerprint() (criteria.Digest, error) {
	var roots []criteria.Digest
	for _, e := range v.keyring.entries {
		roots = append(roots, e.root)
	}
	data, err := json.Marshal(struct {
		Want  Expect
		Age   int64 // its text is for people
		Roots []criteria.Digest
	}{v.want, int64(v.want.MaxAge), roots})
	if err != nil {
		return criteria.Digest{}, fmt.Errorf("taking the fingerprint of a verifier: %w", err)
	}
	return criteria.DigestOf(data), nil
}
