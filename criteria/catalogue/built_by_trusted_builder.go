package catalogue

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/provenance"
)

// builtByTrustedBuilder asks what slsa.dev/spec/v1.2/verifying-artifacts asks of
// provenance: who signed it may speak for the builder that it names, that builder
// is trusted up to some level, and source and parameters are the expected ones.
//
// All provenance about an artifact has to hold. One that is good does not excuse
// another: the same bytes were then built twice, and once by somebody who is not
// trusted.
var builtByTrustedBuilder = criteria.Kind{
	Name:        "built-by-trusted-builder",
	Title:       "Built by a trusted builder from the released source",
	Doc:         "Verified SLSA provenance says that the artifact was built from the release's commit, in its repository, by a builder that is trusted at the level asked for.",
	Practice:    criteria.Releases,
	Level:       criteria.Advanced,
	Refs:        []string{"REL-4", "SLSA Build L2", "SLSA Build L3", "SSDF PS.3.2"},
	Scope:       criteria.AboutArtifacts,
	Needs:       []criteria.Fact{criteria.FactBuilds},
	RatesBuilds: true,
	Params: map[criteria.Level]string{
		criteria.Basic:    `{"minimumLevel":2}`,
		criteria.Advanced: `{"minimumLevel":3}`,
	},
	New: newBuiltByTrustedBuilder,
}

func newBuiltByTrustedBuilder(params []byte) (criteria.Criterion, error) {
	var p struct {
		// MinimumLevel is the SLSA build level that every build must have.
		MinimumLevel int `json:"minimumLevel"`
		// Builders are those that are trusted, and no others. Left out, they are
		// those whose level is known here.
		Builders []trustedBuilder `json:"builders"`
		// SourceRepository is where the source must lie; left out, where the
		// release file says.
		SourceRepository string `json:"sourceRepository"`
		// Refs are the full names of which one must have been built,
		// refs/heads/main or refs/tags/v{version}; left out, any.
		Refs []string `json:"refs"`
	}
	p.MinimumLevel = 3
	if err := criteria.DecodeParams(params, &p); err != nil {
		return nil, err
	}
	if p.MinimumLevel < 1 || p.MinimumLevel > 3 {
		return nil, &criteria.ParamError{Key: "minimumLevel", Msg: fmt.Sprintf("%d is no SLSA build level that provenance can show: expected 1, 2 or 3", p.MinimumLevel)}
	}
	c := builtByTrustedBuilderCriterion{minimum: p.MinimumLevel, builders: p.Builders, refs: p.Refs}
	if p.Builders != nil && len(p.Builders) == 0 {
		return nil, &criteria.ParamError{Key: "builders", Msg: "trusts nobody: name builders, or leave it out"}
	}
	for i, b := range p.Builders {
		bad := func(format string, args ...any) error {
			return &criteria.ParamError{Key: "builders", Msg: fmt.Sprintf("builder %d: ", i+1) + fmt.Sprintf(format, args...)}
		}
		var key criteria.Digest
		switch {
		case b.ID == "":
			return nil, bad("has no id")
		case strings.ContainsAny(b.ID, "*?"):
			return nil, bad("an id is no pattern: %q", b.ID)
		case slices.ContainsFunc(p.Builders[:i], func(o trustedBuilder) bool { return o.ID == b.ID }):
			return nil, bad("%q stands there twice", b.ID)
		case b.Level < 0 || b.Level > 3:
			return nil, bad("level %d: expected 1, 2 or 3", b.Level)
		case (b.Issuer == "") != (b.Identity == ""):
			return nil, bad("issuer and identity belong together")
		case b.Key != "" && b.Issuer != "":
			return nil, bad("it signs with a key or with a certificate: name one of them")
		case b.Key == "" && b.Issuer == "" && !hasPlatform(b.ID):
			return nil, bad("%q is not known here: name the key it signs with, or its issuer and identity", b.ID)
		case (b.Key != "" || b.Issuer != "") && b.Level == 0:
			return nil, bad("the level of %q is not known here: say it", b.ID)
		}
		if b.Key != "" {
			var err error
			if key, err = publicKey(b.Key); err != nil {
				return nil, bad("key %v", err)
			}
		}
		c.keys = append(c.keys, key)
	}
	if p.SourceRepository != "" {
		repository, ref := provenance.Repository(p.SourceRepository)
		if ref != "" || !strings.Contains(repository, "://") {
			return nil, &criteria.ParamError{Key: "sourceRepository", Msg: fmt.Sprintf("%q is no repository: expected an address such as https://github.com/owner/repository, without a ref", p.SourceRepository)}
		}
		c.repository = repository
	}
	for _, r := range p.Refs {
		if !strings.HasPrefix(r, "refs/heads/") && !strings.HasPrefix(r, "refs/tags/") {
			return nil, &criteria.ParamError{Key: "refs", Msg: fmt.Sprintf("%q is no full name of a branch or a tag: expected refs/heads/… or refs/tags/…", r)}
		}
	}
	return c, nil
}

// trustedBuilder is a builder that a policy lists.
type trustedBuilder struct {
	// ID is the builder's id. Without @ and a ref, a workflow on GitHub counts at
	// release tags, v1.2.3, alone, unless it is the source's own.
	ID string `json:"id"`
	// Level is what builds by it are worth at most, 1 to 3; default what is known
	// of its platform.
	Level int `json:"level"`
	// Key is the public key, in PEM, of a builder that signs with one; Issuer and
	// Identity are the certificate's of one that is not known here.
	Key      string `json:"key"`
	Issuer   string `json:"issuer"`
	Identity string `json:"identity"`
}

type builtByTrustedBuilderCriterion struct {
	builders   []trustedBuilder
	keys       []criteria.Digest // of builders, by place
	repository string
	refs       []string
	minimum    int
}

func (c builtByTrustedBuilderCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	repository := c.repository
	if repository == "" {
		repository, _ = provenance.Repository(in.Release.Repository)
	}
	if repository == "" {
		return criteria.CannotTell("neither the policy (sourceRepository) nor the release file (release.repository) says where the source lies")
	}
	refs := make([]string, len(c.refs))
	for i, r := range c.refs {
		refs[i] = strings.ReplaceAll(r, "{version}", in.Release.Version)
	}
	var findings []criteria.Finding
	builds, rated, reason := 0, 3, ""
	for _, e := range in.Evidence {
		if e.Facts.Builds == nil {
			continue
		}
		for i, b := range e.Facts.Builds.Items {
			if !slices.ContainsFunc(b.Subjects, func(d criteria.Digest) bool { return in.Release.Names(in.Subject, d) }) {
				continue
			}
			builds++
			where := e.Name
			if len(e.Facts.Builds.Items) > 1 {
				where = fmt.Sprintf("%s, provenance %d", e.Name, i+1)
			}
			x := examination{where: where}
			level := c.examine(&x, b, repository, refs, in.Release.Source.Digest)
			findings = append(findings, x.findings...)
			rated = min(rated, level.certain)
			reason = fmt.Sprintf("built by %s, SLSA build level %d, from %s at %s", b.Builder, level.trusted, repository, in.Release.Source.Digest.Short())
		}
	}
	if builds == 0 {
		return criteria.CannotTell("no SLSA provenance about %s", in.Subject.Name)
	}
	o := criteria.Conclude(reason, findings)
	if o.Status == criteria.Pass {
		o.BuildLevel = rated
	}
	return o
}

// examination collects what stands against one build.
type examination struct {
	where    string
	findings []criteria.Finding
}

func (x *examination) add(status criteria.Status, id, format string, args ...any) {
	x.findings = append(x.findings, criteria.Finding{ID: id, Status: status, Where: x.where, Message: fmt.Sprintf(format, args...)})
}

// never is add for what no exception can excuse.
func (x *examination) never(id, why, format string, args ...any) {
	x.add(criteria.Fail, id, format, args...)
	x.findings[len(x.findings)-1].NeverWaive = why
}

func (c builtByTrustedBuilderCriterion) examine(x *examination, b criteria.Build, repository string, refs []string, commit criteria.Digest) buildRating {
	if b.Signer == nil {
		x.add(criteria.Unknown, "provenance-unverified", "%s", b.Problem)
		return buildRating{}
	}
	level := c.rate(x, b)
	if level.trusted > 0 && level.trusted < c.minimum {
		x.add(criteria.Fail, "level-too-low", "builds by %s have SLSA build level %d, and %d is asked for", b.Builder, level.trusted, c.minimum)
	}

	// The certificate says what the issuer of identities saw; the provenance what
	// the builder wrote. Neither may say what the other does not.
	const disputed = "provenance that contradicts its signer's certificate was not written by who signed it"
	repo, ref, built := b.Repository, b.Ref, b.Commit
	if s := b.Signer; s.Repository != "" && repo != "" && repo != s.Repository {
		x.never("source-disputed", disputed, "it names the repository %s, and was signed in a run of %s", repo, s.Repository)
	} else if repo == "" {
		repo = s.Repository
	}
	if s := b.Signer; s.Ref != "" && ref != "" && ref != s.Ref {
		x.never("source-disputed", disputed, "it names the ref %s, and was signed in a run of %s", ref, s.Ref)
	} else if ref == "" {
		ref = s.Ref
	}
	if s := b.Signer; !s.Commit.IsZero() && !built.IsZero() && built != s.Commit {
		x.never("source-disputed", disputed, "it names the commit %s, and was signed in a run of %s", built.Short(), s.Commit.Short())
	} else if built.IsZero() {
		built = s.Commit
	}

	switch {
	case repo == "":
		x.add(criteria.Unknown, "source-unknown", "it does not say from which repository it was built (build type %s)", b.Type)
	case repo != repository:
		x.add(criteria.Fail, "source-repository", "built from %s, and the source lies in %s", repo, repository)
	}
	switch {
	case built.IsZero():
		x.add(criteria.Unknown, "source-unknown", "it does not say from which commit it was built (build type %s)", b.Type)
	case built != commit:
		x.add(criteria.Fail, "source-commit", "built from commit %s, and the release's is %s", built.Short(), commit.Short())
	}
	switch {
	case len(refs) == 0:
	case ref == "":
		x.add(criteria.Unknown, "source-unknown", "it does not say which branch or tag was built (build type %s)", b.Type)
	case !slices.Contains(refs, ref):
		x.add(criteria.Fail, "source-ref", "built from %s, expected %s", ref, strings.Join(refs, " or "))
	}
	return level
}

// buildRating is what a build is worth: as far as the policy trusts its builder, and
// as far as is certain whatever the policy says.
type buildRating struct{ trusted, certain int }

// rate says who built and signed, and what that is worth.
func (c builtByTrustedBuilderCriterion) rate(x *examination, b criteria.Build) buildRating {
	const impersonated = "provenance that names a builder and is signed by somebody else was not written by that builder"
	p, problem := platformOf(b)
	if c.builders == nil {
		switch {
		case problem != "":
			x.never("builder-impersonated", impersonated, "it names the builder %s, and %s", b.Builder, problem)
			return buildRating{}
		case p.level == 0:
			x.add(criteria.Fail, "builder-unknown", "%s is no builder whose level is known here: name it in the policy (builders) if it is trusted", b.Builder)
			return buildRating{}
		}
		return certain(b, p.level)
	}
	i := slices.IndexFunc(c.builders, func(t trustedBuilder) bool { return t.is(b) })
	if i < 0 {
		x.add(criteria.Fail, "builder-unknown", "built by %s, which the policy does not list (builders)", b.Builder)
		return buildRating{}
	}
	t := c.builders[i]
	switch s := b.Signer; {
	case t.Key != "":
		if !s.Key.Matches(c.keys[i]) {
			x.never("builder-impersonated", impersonated, "it names the builder %s, and is not signed with its key but by %s", b.Builder, nameOf(s))
			return buildRating{}
		}
		return buildRating{trusted: t.Level}
	case t.Issuer != "":
		if s.Issuer != t.Issuer || s.Identity != t.Identity {
			x.never("builder-impersonated", impersonated, "it names the builder %s, and is not signed by %s but by %s", b.Builder, t.Identity, nameOf(s))
			return buildRating{}
		}
		return buildRating{trusted: t.Level}
	case problem != "":
		x.never("builder-impersonated", impersonated, "it names the builder %s, and %s", b.Builder, problem)
		return buildRating{}
	}
	level := p.level
	if t.Level > 0 {
		// A policy says which workflow it trusts to keep its steps from the keys;
		// what the platform cannot do, it cannot say.
		level = min(t.Level, p.most)
	}
	if level == 0 {
		x.add(criteria.Fail, "builder-unknown", "the level of %s is not known here: say it in the policy (builders)", b.Builder)
	}
	return certain(b, level)
}

// certain is a level that is certain whatever the policy says, unless the policy
// chose the root: only of Sigstore's public instance is it known that a
// certificate in the name of GitHub or GitLab is for whom they say.
func certain(b criteria.Build, level int) buildRating {
	if s := b.Signer; s.By != "slsa-verifier" && !slices.Contains(criteria.PublicGoodRoots(), s.Root) {
		return buildRating{trusted: level}
	}
	return buildRating{level, level}
}

// is reports whether t is the builder that b names. Names are compared whole: one
// that only begins alike is another.
func (t trustedBuilder) is(b criteria.Build) bool {
	if t.ID == b.Builder {
		return true
	}
	name, ref, _ := strings.Cut(b.Builder, "@")
	if strings.Contains(t.ID, "@") || t.ID != name {
		return false
	}
	if !strings.HasPrefix(name, gitHubPrefix) || isReleaseTag(ref) {
		return true
	}
	// The source's own workflow is built from the ref that is asked for anyhow.
	return repositoryOf(name) == b.Signer.Repository && b.Signer.Repository != ""
}

func nameOf(s *criteria.BuildSigner) string {
	switch {
	case s.Identity != "":
		return s.Identity
	case !s.Key.IsZero():
		return "key " + s.Key.Short()
	}
	return "nobody"
}
