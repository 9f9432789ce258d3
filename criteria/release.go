package criteria

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
)

// Subject is one thing that evidence can be about: an artifact or a commit.
type Subject struct {
	Name   string `json:"name"`
	Digest Digest `json:"digest"`
}

// Release is what is judged.
type Release struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Resource is what consumers call this release: a package URL with its
	// version, or a download location. It becomes the verdict's resourceUri.
	Resource string `json:"resource"`
	// Repository is where the source lives, as an SPDX download location
	// ("git+https://…"); empty if not said.
	Repository string `json:"repository,omitempty"`
	// Source is the commit the release was built from; Previous the one that
	// the release before it was built from, zero for a first release.
	Source    Subject   `json:"source"`
	Previous  Subject   `json:"previous,omitzero"`
	Artifacts []Subject `json:"artifacts"`
	// Also are further digests of artifacts, under their names, by whoever read
	// the same bytes: npm's attestations name a tarball by SHA-512 alone.
	Also []Subject `json:"also,omitempty"`
}

// Names reports whether d is a digest of s, one of r's artifacts or its source.
func (r Release) Names(s Subject, d Digest) bool {
	return d == s.Digest || slices.Contains(r.Also, Subject{Name: s.Name, Digest: d}) && slices.Contains(r.Artifacts, s)
}

// Check returns what makes r no release: every fault, not only the first.
func (r Release) Check() error {
	var faults, controls []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if r.Name == "" {
		fault("the release has no name")
	}
	if r.Version == "" {
		fault("the release has no version")
	}
	if r.Resource == "" {
		fault("the release has no resource: the package URL or address by which consumers ask for it")
	}
	if r.Source.Digest.IsZero() {
		fault("the release has no source commit")
	} else if r.Source.Digest.Algorithm() != "gitCommit" {
		fault("the release's source is %s, expected gitCommit:…", r.Source.Digest)
	}
	if p := r.Previous.Digest; !p.IsZero() && p.Algorithm() != "gitCommit" {
		fault("the release before was built from %s, expected gitCommit:…", p)
	}
	if len(r.Artifacts) == 0 {
		fault("the release has no artifacts")
	}
	for what, text := range map[string]string{
		"name": r.Name, "version": r.Version, "resource": r.Resource, "repository": r.Repository,
		"source's name": r.Source.Name, "previous release's name": r.Previous.Name,
	} {
		if strings.ContainsFunc(text, acts) {
			controls = append(controls, fmt.Errorf("the release's %s %q holds a control character", what, text))
		}
	}
	slices.SortFunc(controls, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	faults = append(faults, controls...)
	names, digests := make(map[string]bool), make(map[Digest]string)
	for _, a := range r.Artifacts {
		switch {
		case a.Name == "":
			fault("an artifact has no name")
		case a.Digest.IsZero():
			fault("artifact %q has no digest", a.Name)
		case a.Digest.Algorithm() == "gitCommit":
			fault("artifact %q is named by a commit: an artifact's digest is sha256, sha384 or sha512", a.Name)
		case strings.ContainsFunc(a.Name, acts):
			// It would be printed to terminals and into line-based lists.
			fault("the name of artifact %q holds a control character", a.Name)
		case a.Name == r.Source.Name:
			// Waivers and release files name subjects by these words.
			fault("an artifact is named %q, which is the name of the source", a.Name)
		case names[a.Name]:
			fault("two artifacts are named %q", a.Name)
		case digests[a.Digest] != "":
			fault("artifacts %q and %q are the same bytes", digests[a.Digest], a.Name)
		}
		names[a.Name], digests[a.Digest] = true, a.Name
	}
	for _, a := range r.Also {
		switch {
		case !slices.ContainsFunc(r.Artifacts, func(s Subject) bool { return s.Name == a.Name }):
			fault("a further digest is of %q, which is no artifact", a.Name)
		case a.Digest.Algorithm() != "sha512":
			fault("artifact %q is %s as well: expected sha512", a.Name, a.Digest)
		case digests[a.Digest] != "":
			fault("artifacts %q and %q are the same bytes", digests[a.Digest], a.Name)
		}
		digests[a.Digest] = a.Name
	}
	return errors.Join(faults...)
}

// Subjects returns the source commit, then the artifacts in their order.
func (r Release) Subjects() []Subject {
	return append([]Subject{r.Source}, r.Artifacts...)
}

// IsProduct reports whether purl names this release: the same package and, if
// purl has a version, the same version. Qualifiers of purl must be among the
// release's own. Documents that speak of products rather than of bytes (VEX)
// are matched with it.
func (r Release) IsProduct(purl string) bool {
	own, err := packageurl.FromString(r.Resource)
	if err != nil {
		return purl != "" && purl == r.Resource
	}
	other, err := packageurl.FromString(purl)
	if err != nil {
		return false
	}
	return narrows(other, own)
}
