package oci

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1"
)

// Reference names one thing in a repository: by tag, by digest, or by both. The
// digest counts then, and the tag is only shown.
type Reference struct {
	repository name.Repository
	Tag        string
	Digest     v1.Hash
}

// ParseReference reads REGISTRY/REPOSITORY with :TAG, @DIGEST or both. What
// names neither is refused: a tag that nobody wrote is not what was meant to be
// judged.
func ParseReference(s string) (Reference, error) {
	ref, err := parseLoosely(s)
	if err == nil && ref.Tag == "" && ref.Digest == (v1.Hash{}) {
		return Reference{}, fmt.Errorf("image %q: names no tag and no digest: write %s:TAG or %s@sha256:…", s, s, s)
	}
	return ref, err
}

// parseLoosely is [ParseReference] for what may name neither.
func parseLoosely(s string) (Reference, error) {
	fault := func(format string, args ...any) (Reference, error) {
		return Reference{}, fmt.Errorf("image %q: "+format, append([]any{s}, args...)...)
	}
	base, digest, byDigest := strings.Cut(s, "@")
	var ref Reference
	if byDigest {
		if strings.Contains(digest, "@") {
			return fault("has two digests")
		}
		h, err := parseHash(digest)
		if err != nil {
			return fault("%w", err)
		}
		ref.Digest = h
	}
	// A colon before the last slash is a port's.
	if i := strings.LastIndexByte(base, ':'); i > strings.LastIndexByte(base, '/') {
		base, ref.Tag = base[:i], base[i+1:]
		if err := checkTag(ref.Tag); err != nil {
			return fault("%w", err)
		}
	}
	repository, err := parseRepository(base)
	if err != nil {
		return fault("%w", err)
	}
	ref.repository = repository
	return ref, nil
}

// Repository is the name of the repository: REGISTRY/REPOSITORY.
func (r Reference) Repository() string { return r.repository.Name() }

// Registry is the host of the registry, with its port.
func (r Reference) Registry() string { return r.repository.RegistryStr() }

// String is the reference in full.
func (r Reference) String() string {
	s := r.repository.Name()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != (v1.Hash{}) {
		s += "@" + r.Digest.String()
	}
	return s
}

// identifier is what the registry is asked for: the digest, if there is one.
func (r Reference) identifier() string {
	if r.Digest != (v1.Hash{}) {
		return r.Digest.String()
	}
	return r.Tag
}

// parseRepository reads REGISTRY/REPOSITORY. As everywhere, what has no host in
// front is Docker Hub's.
func parseRepository(s string) (name.Repository, error) {
	switch {
	case s == "":
		return name.Repository{}, errors.New("names no repository")
	case strings.Contains(s, "://"):
		return name.Repository{}, errors.New("begins with a scheme: write REGISTRY/REPOSITORY")
	case strings.ContainsAny(s, "@"):
		return name.Repository{}, errors.New("is not a repository alone: it has a digest")
	}
	host, path, found := strings.Cut(s, "/")
	isHost := found && (host == "localhost" || strings.ContainsAny(host, ".:"))
	if !isHost {
		path = s
	}
	// The path, not the host: hosts may be written in capitals.
	if path != strings.ToLower(path) {
		return name.Repository{}, fmt.Errorf("has capitals: repositories are written in lower case: %s", strings.ToLower(path))
	}
	for _, part := range strings.Split(path, "/") {
		// "..", which some registry might take for a path, among them.
		if part == "" || strings.Trim(part, "._-") != part {
			return name.Repository{}, fmt.Errorf("has a part %q: expected lower-case letters and digits with single separators between them", part)
		}
	}
	r, err := name.NewRepository(s)
	if err != nil {
		return name.Repository{}, fmt.Errorf("is not REGISTRY/REPOSITORY: %w", err)
	}
	if u, err := url.Parse("https://" + r.RegistryStr()); err != nil || u.Host != r.RegistryStr() || u.User != nil || u.Hostname() == "" {
		return name.Repository{}, fmt.Errorf("has no registry's host: %q", r.RegistryStr())
	}
	return r, nil
}

// parseHash reads a digest. Only SHA-256 is used in registries by whoever
// attests, and what is named by another digest could have another, too.
func parseHash(s string) (v1.Hash, error) {
	h := v1.Hash{}
	algorithm, hex, _ := strings.Cut(s, ":")
	if algorithm != "sha256" {
		return h, fmt.Errorf("digest %q: only sha256 digests are accepted", s)
	}
	if len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return h, fmt.Errorf("digest %q: expected sha256: and 64 digits in lower case", s)
	}
	return v1.Hash{Algorithm: algorithm, Hex: hex}, nil
}

// checkTag refuses what is no tag (OCI distribution 1.1, "Pulling manifests").
func checkTag(tag string) error {
	const first = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	if tag == "" || len(tag) > 128 || strings.Trim(tag[:1], first) != "" || strings.Trim(tag, first+".-") != "" {
		return fmt.Errorf("has a tag %q: expected at most 128 letters, digits, and . _ - behind the first", tag)
	}
	return nil
}

// fallbackTag is under what name referrers are listed where a registry does not
// list them itself (OCI distribution 1.1, "Referrers Tag Schema").
func fallbackTag(h v1.Hash) string { return h.Algorithm + "-" + h.Hex }

// fileTag is under what name a released file is found by who holds only the
// file.
func fileTag(h v1.Hash) string { return fallbackTag(h) + ".file" }

// legacyTag is where cosign before its version 3 keeps attestations.
func legacyTag(h v1.Hash) string { return fallbackTag(h) + ".att" }
