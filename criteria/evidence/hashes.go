package evidence

import (
	"slices"
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

// contradict reports whether digests, which are said to be of one thing, name
// two values of one algorithm. A bill of one artifact that also bore the digest
// of another would be a bill of both.
func contradict(digests []criteria.Digest) bool {
	values := make(map[string]string)
	for _, d := range digests {
		if have, ok := values[d.Algorithm()]; ok && have != d.Hex() {
			return true
		}
		values[d.Algorithm()] = d.Hex()
	}
	return false
}

// unique returns the items of list that are not empty, each once, in their
// order. Looking through the list anew for each item would take square time,
// and reports are as long as who writes them likes.
func unique[T comparable](list []T) []T {
	var empty T
	seen := make(map[T]bool, len(list))
	list = slices.DeleteFunc(list, func(item T) bool {
		again := item == empty || seen[item]
		seen[item] = true
		return again
	})
	if len(list) == 0 {
		return nil
	}
	return list
}
