package catalogue

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// What is known of build platforms: which signature speaks for which builder, and
// which SLSA build level builds by it have. A level is a property of the builder,
// and stands nowhere in provenance.

const (
	gitHubIssuer = "https://token.actions.githubusercontent.com"
	gitHubPrefix = "https://github.com/"
	gitHubRunner = "https://github.com/actions/runner"
	gitLabIssuer = "https://gitlab.com"
	gitLabPrefix = "https://gitlab.com/"
	// cloudBuild is Google Cloud Build on Google's own workers.
	cloudBuild = "https://cloudbuild.googleapis.com/GoogleHostedWorker"

	generatorWorkflows = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
)

// generators sign in their own name, delegators in the name of whom their
// provenance names, and delegated are those of slsa-github-generator's own that
// call them. All have level 3, at release tags alone
// (https://github.com/slsa-framework/slsa-github-generator/blob/v2.0.0/README.md,
// and the same lists in slsa-verifier v2.6.0).
var (
	generators = []string{
		generatorWorkflows + "builder_container-based_slsa3.yml",
		generatorWorkflows + "builder_go_slsa3.yml",
		generatorWorkflows + "generator_container_slsa3.yml",
		generatorWorkflows + "generator_generic_slsa3.yml",
	}
	delegators = []string{
		generatorWorkflows + "delegator_generic_slsa3.yml",
		generatorWorkflows + "delegator_lowperms-generic_slsa3.yml",
	}
	delegated = []string{
		generatorWorkflows + "builder_bazel_slsa3.yml",
		generatorWorkflows + "builder_gradle_slsa3.yml",
		generatorWorkflows + "builder_maven_slsa3.yml",
		generatorWorkflows + "builder_nodejs_slsa3.yml",
	}
)

// platform is what is known of the builder of one build: its level, 0 where only
// a policy can know it, and the most that a policy can say.
type platform struct{ level, most int }

// hasPlatform reports whether anything is known of a builder with that id.
func hasPlatform(id string) bool {
	name, _, _ := strings.Cut(id, "@")
	return name == cloudBuild || strings.HasPrefix(name, gitHubPrefix) || strings.HasPrefix(name, gitLabPrefix) && strings.Contains(name, "/-/runners/")
}

// platformOf returns the platform that signed b. problem is why its signer cannot
// speak for the builder that b names. Neither: nothing is known of either.
func platformOf(b criteria.Build) (p platform, problem string) {
	s := b.Signer
	name, ref, _ := strings.Cut(b.Builder, "@")
	switch {
	case s.By == "slsa-verifier" && s.Identity == cloudBuild:
		// Level 3: https://cloud.google.com/build/docs/securing-builds/view-build-provenance
		if name != cloudBuild {
			return platform{}, "is signed by Google Cloud Build"
		}
		return platform{level: 3, most: 3}, ""
	case s.Issuer == gitHubIssuer:
		return gitHubPlatform(b, name, ref)
	case s.Issuer == gitLabIssuer:
		return gitLabPlatform(b)
	case hasPlatform(b.Builder):
		return platform{}, "is signed by " + nameOf(s)
	}
	return platform{}, ""
}

func gitHubPlatform(b criteria.Build, name, ref string) (platform, string) {
	s := b.Signer
	signer, signerRef, _ := strings.Cut(s.Identity, "@")
	switch {
	case slices.Contains(generators, signer):
		if b.Builder != s.Identity {
			return platform{}, "is signed by " + s.Identity
		}
		if !isReleaseTag(signerRef) {
			return platform{}, fmt.Sprintf("%s is no release of it", signerRef)
		}
		return platform{level: 3, most: 3}, ""
	case slices.Contains(delegators, signer):
		// The delegator writes the id of the workflow that called it.
		if !isReleaseTag(signerRef) {
			return platform{}, fmt.Sprintf("is signed by %s, and %s is no release of it", signer, signerRef)
		}
		if slices.Contains(delegated, name) && isReleaseTag(ref) {
			return platform{level: 3, most: 3}, ""
		}
		return platform{0, 3}, ""
	}
	// GitHub's own attestations, and npm's: level 2 on GitHub's machines, and 1 on
	// others, which tenants administer
	// (https://docs.github.com/en/actions/concepts/security/artifact-attestations,
	// https://docs.npmjs.com/generating-provenance-statements). A reusable workflow
	// can have level 3, if it keeps the steps of its callers from the signing; which
	// do so, only a policy can know.
	level := platform{1, 1}
	if s.Runner == "github-hosted" {
		level = platform{2, 2}
	} else if s.Runner != "self-hosted" {
		return platform{}, "its certificate does not say on whose machine it ran"
	}
	switch b.Builder {
	case gitHubRunner, gitHubRunner + "/github-hosted":
		if s.Runner != "github-hosted" {
			return platform{}, "ran on a machine that is not GitHub's"
		}
		return level, ""
	case gitHubRunner + "/self-hosted":
		return platform{1, 1}, ""
	case s.Identity:
		if reusable := repositoryOf(signer) != s.Repository; reusable && s.Runner == "github-hosted" {
			level.most = 3
		}
		return level, ""
	}
	return platform{}, "is signed by " + s.Identity
}

// gitLabPlatform is GitLab.com: level 2 on its own runners
// (https://about.gitlab.com/blog/achieve-slsa-level-2-compliance-with-gitlab/).
func gitLabPlatform(b criteria.Build) (platform, string) {
	s := b.Signer
	project, runner, ok := strings.Cut(b.Builder, "/-/runners/")
	if !ok || strings.Trim(runner, "0123456789") != "" || runner == "" || project != s.Repository {
		return platform{}, "is signed by " + s.Identity
	}
	switch s.Runner {
	case "gitlab-hosted":
		return platform{2, 2}, ""
	case "self-hosted":
		return platform{1, 1}, ""
	}
	return platform{}, "its certificate does not say on whose machine it ran"
}

var releaseRef = regexp.MustCompile(`^refs/tags/v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)

// isReleaseTag reports whether ref is the tag of a release, v1.2.3: a branch, and a
// tag that can be moved from release to release, are not.
func isReleaseTag(ref string) bool { return releaseRef.MatchString(ref) }

// repositoryOf returns the repository of a workflow on GitHub.
func repositoryOf(workflow string) string {
	if repository, _, ok := strings.Cut(workflow, "/.github/workflows/"); ok {
		return repository
	}
	return ""
}

// publicKey returns the SHA-256 of a public key in PEM, in DER.
func publicKey(text string) (criteria.Digest, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return criteria.Digest{}, errors.New("is no public key in PEM")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return criteria.Digest{}, errors.New("is a private key: name the public one, and replace this one, which is no longer secret")
	case block.Type != "PUBLIC KEY":
		return criteria.Digest{}, fmt.Errorf("is a %q in PEM, expected a PUBLIC KEY", block.Type)
	case strings.TrimSpace(string(rest)) != "":
		return criteria.Digest{}, errors.New("is followed by something else")
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return criteria.Digest{}, fmt.Errorf("cannot be read: %v", err)
	}
	return criteria.DigestOf(block.Bytes), nil
}
