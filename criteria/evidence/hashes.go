package evidence

import (
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// hash returns the digest that a report writes as an algorithm's name, in the
// spelling of its own format ("SHA-256", "SHA256", "sha-256"), and a value in
// hex. Algorithms that nobody should rely on (MD5, SHA-1) give none.
func hash(algorithm, value string) (criteria.Digest, bool) {
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(algorithm)), "-", "")
	if name != "sha256" && name != "sha384" && name != "sha512" {
		return criteria.Digest{}, false
	}
	d, err := criteria.ParseDigest(name + ":" + strings.ToLower(strings.TrimSpace(value)))
	return d, err == nil
}

// repoDigest returns the digest of an image reference such as
// registry.example/app@sha256:….
func repoDigest(reference string) (criteria.Digest, bool) {
	_, digest, ok := strings.Cut(reference, "@")
	if !ok {
		digest = reference
	}
	d, err := criteria.ParseDigest(digest)
	if err != nil || d.Algorithm() == "gitCommit" {
		return criteria.Digest{}, false
	}
	return d, true
}

// addDigest appends d unless it is there already.
func addDigest(list []criteria.Digest, d criteria.Digest) []criteria.Digest {
	for _, have := range list {
		if have == d {
			return list
		}
	}
	return append(list, d)
}
