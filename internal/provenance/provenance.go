// Package provenance reads the predicate of SLSA provenance into the few things
// that anybody asks of it: who built, from which source, by which workflow.
//
// It verifies nothing. Whoever uses what it returns has first to know who signed
// it, and that this signer may speak for the builder: the level of a build is a
// property of its builder, and a builder id is worth what its signature is.
//
// Where the source stands differs from build type to build type. The rules are in
// [Parse]; what a build type does not say stays empty, and is never guessed.
package provenance

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// The predicate types that [Parse] reads. V01 is written by Google Cloud Build
// alone.
const (
	V01 = "https://slsa.dev/provenance/v0.1"
	V02 = "https://slsa.dev/provenance/v0.2"
	V1  = "https://slsa.dev/provenance/v1"
)

// Is reports whether predicateType is SLSA provenance that [Parse] reads.
func Is(predicateType string) bool {
	return predicateType == V01 || predicateType == V02 || predicateType == V1
}

// MaxSize bounds one predicate in bytes. GitHub's event payload, which
// slsa-github-generator puts into it, has at most 25 MB.
const MaxSize = 32 << 20

// Provenance is what one predicate says. Empty means that it does not say, or
// that there is no rule for its build type.
type Provenance struct {
	// BuilderID is as it stands: whether two ids are the same builder is not
	// decided here.
	BuilderID string
	BuildType string
	// SourceRepository is where the source lies: see [Repository].
	SourceRepository string
	// SourceRef is the full name of the ref that was built, refs/tags/v1.
	SourceRef string
	// SourceDigest is the commit that was built, in lower-case hex.
	SourceDigest string
	// Workflow is the path, in the source, of what says how it was built, or the
	// name of the job where there is no path.
	Workflow     string
	InvocationID string
	// Finished is when the build ended; zero where it is not said.
	Finished time.Time
}

// Parse reads a predicate. It fails on what is no predicate of that type, and on
// one that contradicts itself.
//
// Provenance v0.2 (https://slsa.dev/spec/v0.2/provenance): the source is
// invocation.configSource, the workflow its entryPoint, and no material on the
// same repository may say another commit. GitLab's runner writes the commit under
// "sha256". Beyond that:
//
//   - slsa-github-generator (go@v1, generic@v1, container@v1, delegator-generic@v0
//     and the older slsa-github-generator@v1, slsa-github-generator-go@v1) and npm
//     (npm/cli/gha@v1, gha/v2): the first material has to be the source, too.
//   - tekton.dev/…: configSource is where the task came from. The source is the
//     one git material that there is; of several, none.
//
// Provenance v1 (https://slsa.dev/spec/v1.0/provenance), by build type:
//
//   - GitHub (actions.github.io/buildtypes/workflow/v1 and
//     slsa-framework.github.io/github-actions-buildtypes/workflow/v1): repository,
//     ref and path are externalParameters.workflow; the commit is that of the
//     dependency with the same repository and ref.
//   - slsa-github-generator's delegator-generic@v0: the source is the first
//     dependency, the workflow stands in internalParameters.GITHUB_WORKFLOW_REF.
//   - slsa.dev/container-based-build/v0.1: the source is externalParameters.source,
//     which has to be the first dependency; the workflow as above.
//   - GitLab (gitlab-runner/-/blob/…/PROVENANCE.md and
//     docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1):
//     externalParameters.source and entryPoint; the commit is that of the
//     dependency with the same address. A ref is not said.
//   - Tekton Chains (tekton.dev/chains/v2/slsa and …/slsa-tekton): the source is
//     the one git dependency named inputs/result; of several, none.
//   - Google Cloud Build (gcb-buildtypes/google-worker/v1): repository, ref and
//     path are externalParameters.buildConfigSource; the commit is that of the
//     dependency with the same repository.
//
// Of other build types of v1 only builder, build type and invocation are read: the
// specification leaves to each where its source stands.
//
// Provenance v0.1 (https://slsa.dev/spec/v0.1/provenance), of Google Cloud Build:
// the source is the first material (…/commit/COMMIT by version 0.2 of the builder),
// the workflow recipe.entryPoint, and a tag substitution TAG_NAME.
func Parse(predicateType string, predicate []byte) (Provenance, error) {
	if len(predicate) > MaxSize {
		return Provenance{}, fmt.Errorf("provenance %w: more than %d bytes", strict.ErrTooLarge, MaxSize)
	}
	var p Provenance
	var err error
	switch predicateType {
	case V01:
		p, err = parseV01(predicate)
	case V02:
		p, err = parseV02(predicate)
	case V1:
		p, err = parseV1(predicate)
	default:
		return Provenance{}, fmt.Errorf("predicate type %q is no SLSA provenance: expected %s, %s or %s", predicateType, V1, V02, V01)
	}
	if err != nil {
		return Provenance{}, err
	}
	if p.BuilderID == "" {
		return Provenance{}, errors.New("names no builder")
	}
	for _, part := range []struct{ what, text string }{
		{"builder id", p.BuilderID},
		{"build type", p.BuildType},
		{"source", p.SourceRepository},
		{"ref", p.SourceRef},
		{"workflow", p.Workflow},
		{"invocation id", p.InvocationID},
	} {
		// Two that look the same to a person must not differ, and none may move a
		// terminal's cursor.
		if strings.ContainsFunc(part.text, invisible) {
			return Provenance{}, fmt.Errorf("the %s holds characters that cannot be seen: %q", part.what, part.text)
		}
	}
	return p, nil
}

func invisible(r rune) bool { return !unicode.IsPrint(r) }

// source is a place that a predicate names, and what it held.
type source struct{ repository, ref, commit string }

// resource is a v1 resource descriptor, and the material and config source of
// v0.2, as far as they are read.
type resource struct {
	Name   string            `json:"name"`
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

func (r resource) source() (source, error) {
	s := source{}
	s.repository, s.ref = Repository(r.URI)
	var err error
	s.commit, err = commit(r.Digest)
	return s, err
}

// commit returns the commit of a digest set: gitCommit, or sha1 as v0.2 has it, or
// what GitLab calls sha256, which is a commit's id too.
func commit(digests map[string]string) (string, error) {
	found := ""
	for _, alg := range []string{"gitCommit", "sha1", "sha256"} {
		v, ok := digests[alg]
		if !ok {
			continue
		}
		if !isCommit(v) {
			return "", fmt.Errorf("%q is no commit: expected 40 or 64 digits in lower-case hex", v)
		}
		if found != "" && found != v {
			return "", fmt.Errorf("names two commits for one source, %s and %s", found, v)
		}
		found = v
	}
	return found, nil
}

func isCommit(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}

// agree returns what a and b say together, and fails where they contradict each
// other. Both speak of the same thing.
func agree(what string, a, b source) (source, error) {
	one := func(part, x, y string) (string, error) {
		if x != "" && y != "" && x != y {
			return "", fmt.Errorf("contradicts itself on the %s's %s: %q and %q", what, part, x, y)
		}
		return max(x, y), nil
	}
	var out source
	var err error
	if out.repository, err = one("repository", a.repository, b.repository); err != nil {
		return source{}, err
	}
	if out.ref, err = one("ref", a.ref, b.ref); err != nil {
		return source{}, err
	}
	if out.commit, err = one("commit", a.commit, b.commit); err != nil {
		return source{}, err
	}
	return out, nil
}

func (p *Provenance) from(s source) {
	p.SourceRepository, p.SourceRef, p.SourceDigest = s.repository, s.ref, s.commit
}

// Repository splits a source's URI as an SPDX download location
// (git+https://github.com/o/r@refs/tags/v1) or a web address into the repository,
// https://github.com/o/r, and the ref, or "". The leading git+, a trailing slash
// and .git are taken off, and the host is in lower case; so two ways to write one
// repository compare equal. The path is left as it stands.
func Repository(uri string) (repository, ref string) {
	uri = strings.TrimPrefix(uri, "git+")
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri, ""
	}
	host, path, _ := strings.Cut(rest, "/")
	path, ref, _ = strings.Cut(path, "@")
	path = strings.TrimSuffix(strings.TrimRight(path, "/"), ".git")
	if path == "" {
		return strings.ToLower(scheme + "://" + host), ref
	}
	return strings.ToLower(scheme+"://"+host) + "/" + path, ref
}

// one returns the source that all of found are, or none if they differ or there
// is none.
func one(found []source) source {
	var out source
	for i, s := range found {
		if i > 0 && s != out {
			return source{}
		}
		out = s
	}
	return out
}

func isGit(uri string) bool { return strings.HasPrefix(uri, "git+") }
