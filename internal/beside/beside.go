// Package beside names the files that lie beside artifacts and are none: bundles
// about them, and the documents that statements refer to. What publishes writes
// these names, what reads looks for them, and what looks for artifacts in a
// folder passes over them, so all three must mean the same.
package beside

import (
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// Working begins the names of what a publisher keeps in a folder while it writes.
const Working = ".hallmark-publishing"

const (
	bundleEnding = ".sigstore.json"
	linesEnding  = ".jsonl"
)

// Bundle is the file with the verdict about the artifact called name: the name
// under which others, cosign's and PyPI's users among them, put an artifact's
// bundle.
func Bundle(name string) string { return name + bundleEnding }

// Lines is the file with the bundles about subject, one on each line: as
// "gh attestation download" calls it where names may hold no colon.
func Lines(subject criteria.Digest) string { return stem(subject) + linesEnding }

// Shared is the file of one bundle about many artifacts, named by its own digest.
func Shared(bundle criteria.Digest) string { return stem(bundle) + bundleEnding }

// kinds are the endings by which tools know the kind of a document, as in
// https://cyclonedx.org/specification/overview/ ("Recognized File Patterns") and
// https://spdx.github.io/spdx-spec/v2.3/conformance/.
var kinds = [...]struct{ mediaType, ending string }{
	{"application/vnd.cyclonedx+json", ".cdx.json"},
	{"application/vnd.cyclonedx+xml", ".cdx.xml"},
	{"application/spdx+json", ".spdx.json"},
	{"text/spdx", ".spdx"},
	{"", ".document"}, // of every other kind
}

// Document is the file of a document that a statement refers to, named by its
// own digest.
func Document(d criteria.Digest, mediaType string) string {
	for _, k := range kinds[:len(kinds)-1] {
		if k.mediaType == mediaType {
			return stem(d) + k.ending
		}
	}
	return stem(d) + kinds[len(kinds)-1].ending
}

// Documents are the names that the document with digest d can have.
func Documents(d criteria.Digest) []string {
	var all []string
	for _, k := range kinds {
		all = append(all, stem(d)+k.ending)
	}
	return all
}

// IsDocument returns the digest by which a document's file is named.
func IsDocument(name string) (criteria.Digest, bool) {
	for _, k := range kinds {
		if s, ok := strings.CutSuffix(name, k.ending); ok {
			if d, ok := digest(s); ok {
				return d, true
			}
		}
	}
	return criteria.Digest{}, false
}

// Is reports whether what is called name is no artifact, but lies beside some.
func Is(name string) bool {
	if strings.HasSuffix(name, bundleEnding) || strings.HasSuffix(name, ".sigstore.jsonl") || strings.HasPrefix(name, Working) {
		return true
	}
	if s, ok := strings.CutSuffix(name, linesEnding); ok {
		if _, ok := digest(s); ok {
			return true
		}
	}
	_, ok := IsDocument(name)
	return ok
}

// Patterns are patterns as in [path.Match] that match what [Is] knows.
func Patterns() []string {
	named := "sha256-" + strings.Repeat("[0-9a-f]", 64)
	all := []string{"*" + bundleEnding, "*.sigstore.jsonl", Working + "*", named + linesEnding}
	for _, k := range kinds {
		all = append(all, named+k.ending)
	}
	return all
}

func stem(d criteria.Digest) string { return d.Algorithm() + "-" + d.Hex() }

func digest(stem string) (criteria.Digest, bool) {
	hex, ok := strings.CutPrefix(stem, "sha256-")
	if !ok {
		return criteria.Digest{}, false
	}
	d, err := criteria.ParseDigest("sha256:" + hex)
	return d, err == nil
}
