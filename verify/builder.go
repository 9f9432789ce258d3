package verify

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hallmark-project/hallmark/internal/wildcard"
)

// maxLevel is the highest build or source level that a trust file can ask for:
// SLSA defines none above.
const (
	maxBuildLevel  = 3
	maxSourceLevel = 4
)

// Builder is one that a trust file believes about how it builds.
//
// A builder id in provenance is the word of whoever signed it. It counts if one
// of Signers did; without Signers, if the signature is that which a builder that
// is known here leaves.
type Builder struct {
	// ID is runDetails.builder.id or builder.id, exactly, or a pattern whose stars
	// stand behind what names the builder, such as …/release.yml@refs/tags/v*.
	ID string `yaml:"id"`
	// Level is the SLSA build level that it reaches, 1 to 3. Required, but of a
	// builder whose level is known here.
	Level int `yaml:"level"`
	// Signers are those who sign for it; none for a builder that is known here.
	Signers []Signer `yaml:"signers"`
	// TrustedRoot and Require are, for a builder that is known here, what they are
	// for a signer.
	TrustedRoot string    `yaml:"trustedRoot"`
	Require     []Witness `yaml:"require"`
}

const (
	gitHubIssuer = "https://token.actions.githubusercontent.com"
	gitHub       = "https://github.com/"
	// gitHubHosted is the builder that npm and the first GitHub attestations name.
	gitHubHosted = "https://github.com/actions/runner/github-hosted"
	workflows    = "/.github/workflows/"
	generator    = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
	gitLab       = "https://gitlab.com/"
	runners      = "/-/runners/"
)

// delegators are slsa-github-generator's workflows that run a builder and attest
// what it built.
var delegators = [...]string{"delegator_generic_slsa3.yml", "delegator_lowperms-generic_slsa3.yml"}

// known is a builder whose signature is known here.
type known struct {
	// level is zero where it is the trust file's to say.
	level   int
	signers []Signer
	// bound says why a signature by who does not speak for the builder with this
	// id, or nothing.
	bound func(who, id string) string
}

// known returns what is known of b, nil for a builder that is not known here.
// source is the repository that it must have built.
//
//   - a workflow of GitHub Actions (slsa-github-generator, GitHub's attestations):
//     the certificate's identity is the builder's id. slsa-github-generator's
//     release workflows reach level 3; the source's own workflow level 2, since
//     who may change it may change what it attests; another repository's is not
//     known. Some of slsa-github-generator's builders (Maven, Gradle, Node.js) are
//     attested by its delegators, which say on whose behalf they ran
//     (https://github.com/slsa-framework/slsa-github-generator/blob/v2.0.0/BYOB.md).
//   - GitHub's hosted runner (npm, GitHub's first attestations): the certificate is
//     a workflow's of the source itself. Level 2.
//   - a runner of gitlab.com, in the source's own project: the certificate is of
//     that project's pipeline. Level 1: the job that is attested can sign itself.
//
// All of them ran where the forge hosts, but for GitLab, whose builder is one
// runner.
func (b Builder) known(source string) *known {
	signer := Signer{TrustedRoot: b.TrustedRoot, Require: b.Require, Certificate: Certificate{SourceRepository: source}}
	repository, file, isWorkflow := strings.Cut(b.ID, workflows)
	switch {
	case strings.HasPrefix(b.ID, gitHub) && isWorkflow && strings.Contains(file, "@refs/") && strings.Count(repository, "/") == 4 && !strings.Contains(repository, "*"):
		signer.Issuer, signer.Certificate.Runner = gitHubIssuer, "github-hosted"
		name, ref, _ := strings.Cut(file, "@")
		ids := []string{b.ID}
		if strings.HasPrefix(b.ID, generator+"builder_") {
			for _, d := range delegators {
				ids = append(ids, generator+d+"@"+ref)
			}
		}
		k := &known{bound: func(who, id string) string {
			if who == id {
				return ""
			}
			// A delegator is of the same release as the builder it ran for.
			_, release, _ := strings.Cut(id, "@")
			for _, d := range delegators {
				if strings.HasPrefix(id, generator+"builder_") && who == generator+d+"@"+release {
					return ""
				}
			}
			return fmt.Sprintf("it names builder %q, and the certificate is of %q", id, who)
		}}
		for _, id := range ids {
			s := signer
			if strings.Contains(id, "*") {
				s.IdentityPattern = wildcard.Expression(id)
			} else {
				s.Identity = id
			}
			k.signers = append(k.signers, s)
		}
		switch {
		case strings.HasPrefix(b.ID, generator) && strings.HasSuffix(name, "_slsa3.yml"):
			k.level = 3
		case repository == source:
			k.level = 2
		}
		return k
	case b.ID == gitHubHosted && strings.HasPrefix(source, gitHub):
		signer.Issuer, signer.Certificate.Runner = gitHubIssuer, "github-hosted"
		signer.IdentityPattern = regexp.QuoteMeta(source+workflows) + `[^@]+@.+`
		return &known{level: 2, signers: []Signer{signer}, bound: func(string, string) string { return "" }}
	case strings.HasPrefix(source, gitLab) && strings.HasPrefix(b.ID, source+runners):
		signer.Issuer = strings.TrimSuffix(gitLab, "/")
		signer.IdentityPattern = regexp.QuoteMeta(source+"//") + `[^@]+@.+`
		return &known{level: 1, signers: []Signer{signer}, bound: func(string, string) string { return "" }}
	}
	return nil
}

// level is what b reaches, zero where nobody says.
func (b Builder) level(source string) int {
	if k := b.known(source); b.Level == 0 && len(b.Signers) == 0 && k != nil {
		return k.level
	}
	return b.Level
}

func (b Builder) faults(source string) []fault {
	var faults []fault
	add := func(key, format string, args ...any) {
		faults = append(faults, fault{[]any{key}, fmt.Sprintf(format, args...)})
	}
	if why := openBuilder(b.ID); why != "" {
		add("id", "builder %q %s", b.ID, why)
		return faults
	}
	if b.Level < 0 || b.Level > maxBuildLevel {
		add("level", "a build level is 1 to %d", maxBuildLevel)
	}
	k := b.known(source)
	switch {
	case len(b.Signers) > 0:
		faults = append(faults, signersFaults(b.Signers)...)
		if b.TrustedRoot != "" || len(b.Require) > 0 {
			add("trustedRoot", "trustedRoot and require stand with each of the builder's signers")
		}
		if b.Level == 0 {
			add("level", "level is missing: the SLSA build level that this builder reaches")
		}
	case k == nil:
		add("signers", "signers is missing: who signs for builder %q is not known here for source %s", b.ID, source)
	default:
		if b.level(source) == 0 {
			add("level", "level is missing: the SLSA build level that this builder reaches")
		}
		for _, f := range k.signers[0].faults() {
			add("trustedRoot", "%s", f.msg)
		}
	}
	return faults
}

// openBuilder says why the pattern id would accept builders that nobody can have
// meant, or nothing.
func openBuilder(id string) string {
	if why := openResource(id); why != "" {
		return why
	}
	before := newPattern(id).literal()
	if before == id {
		return ""
	}
	if ref := strings.LastIndex(before, "@refs/"); ref >= 0 && strings.Count(before[ref:], "/") >= 2 {
		if strings.HasPrefix(id, generator) && !strings.HasPrefix(before[ref:], "@refs/tags/v") {
			return "may be any ref: only its tags, @refs/tags/v*, are releases"
		}
		return ""
	}
	if strings.HasSuffix(before, runners) {
		return ""
	}
	return "has a star where it names the builder: it may stand behind @refs/tags/ or @refs/heads/, or for a runner's number"
}
