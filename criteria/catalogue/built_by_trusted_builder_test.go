package catalogue

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

const (
	buildCommit = "gitCommit:1111111111111111111111111111111111111111"
	builtWidget = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	builtGadget = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
	sourceRepo  = "https://github.com/acme/widget"
	ownWorkflow = sourceRepo + "/.github/workflows/release.yml@refs/tags/v1.2.0"
	genericID   = generatorWorkflows + "generator_generic_slsa3.yml@refs/tags/v2.0.0"
)

func mustDigest(t testing.TB, s string) criteria.Digest {
	t.Helper()
	d, err := criteria.ParseDigest(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func builtRelease(t testing.TB) criteria.Release {
	return criteria.Release{
		Name: "widget", Version: "1.2.0", Resource: "pkg:generic/widget@1.2.0", Repository: "git+" + sourceRepo + ".git",
		Source:    criteria.Subject{Name: "source", Digest: mustDigest(t, buildCommit)},
		Artifacts: []criteria.Subject{{Name: "widget", Digest: mustDigest(t, builtWidget)}},
	}
}

// gitHubBuild is a build as GitHub attests it, by the source's own workflow.
func gitHubBuild(t testing.TB) criteria.Build {
	return criteria.Build{
		Subjects: []criteria.Digest{mustDigest(t, builtWidget)},
		Builder:  ownWorkflow, Type: "https://actions.github.io/buildtypes/workflow/v1",
		Repository: sourceRepo, Ref: "refs/tags/v1.2.0", Commit: mustDigest(t, buildCommit), Workflow: ".github/workflows/release.yml",
		Signer: &criteria.BuildSigner{
			By: "sigstore-go", Root: criteria.PublicGoodRoots()[0], Issuer: gitHubIssuer, Identity: ownWorkflow, Repository: sourceRepo, Ref: "refs/tags/v1.2.0",
			Commit: mustDigest(t, buildCommit), Runner: "github-hosted",
		},
	}
}

// generatedBuild is a build by slsa-github-generator.
func generatedBuild(t testing.TB) criteria.Build {
	b := gitHubBuild(t)
	b.Builder, b.Type = genericID, "https://github.com/slsa-framework/slsa-github-generator/generic@v1"
	b.Signer.Identity = genericID
	return b
}

func builtEvidence(builds ...criteria.Build) criteria.Evidence {
	e := criteria.Evidence{Name: "provenance.jsonl", Format: "slsa-provenance", Gives: []criteria.Fact{criteria.FactBuilds}}
	e.Facts.Builds = &criteria.Builds{Items: builds}
	for _, b := range builds {
		e.About = append(e.About, b.Subjects...)
	}
	data, err := json.Marshal(e.Facts)
	if err != nil {
		panic(err)
	}
	e.Digest = criteria.DigestOf(data)
	return e
}

func somePublicKey(t testing.TB) (text string, digest criteria.Digest) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), criteria.DigestOf(der)
}

func TestBuiltByTrustedBuilder(t *testing.T) {
	key, keyDigest := somePublicKey(t)
	otherKey, _ := somePublicKey(t)
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const reusable = "https://github.com/acme/builders/.github/workflows/build.yml"
	byReusable := func(ref string) criteria.Build {
		b := gitHubBuild(t)
		b.Builder, b.Signer.Identity = reusable+"@"+ref, reusable+"@"+ref
		return b
	}
	byKey := func() criteria.Build {
		b := gitHubBuild(t)
		b.Builder, b.Signer = "https://tekton.dev/chains/v2", &criteria.BuildSigner{By: "sigstore-go", Key: keyDigest}
		b.Ref = ""
		return b
	}
	delegatedBy := func(builder, delegator string) criteria.Build {
		b := gitHubBuild(t)
		b.Builder, b.Signer.Identity = builder, generatorWorkflows+delegator
		return b
	}
	with := func(b criteria.Build, change func(*criteria.Build)) criteria.Build {
		signer := *b.Signer
		b.Signer = &signer
		change(&b)
		return b
	}
	for name, c := range map[string]struct {
		params  string // over minimumLevel 2
		builds  []criteria.Build
		status  criteria.Status
		finding string // id of the first, "" where there is none
		reason  string
		level   int // in the label
	}{
		"GitHub's own workflow has level 2": {``, []criteria.Build{gitHubBuild(t)}, criteria.Pass, "", "SLSA build level 2, from " + sourceRepo, 2},
		"and not 3":                         {`"minimumLevel":3`, []criteria.Build{gitHubBuild(t)}, criteria.Fail, "level-too-low", "3 is asked for", 0},
		"slsa-github-generator has 3":       {`"minimumLevel":3`, []criteria.Build{generatedBuild(t)}, criteria.Pass, "", "level 3", 3},
		"under a root of the policy's own it earns no label": {
			`"minimumLevel":3`, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) { b.Signer.Root = mustDigest(t, builtGadget) })}, criteria.Pass, "", "level 3", 0,
		},
		"and no more because the policy says less": {`"builders":[{"id":` + quoted(genericID) + `,"level":2}]`, []criteria.Build{generatedBuild(t)}, criteria.Pass, "", "level 2", 2},
		"the generator without a ref, listed":      {`"builders":[{"id":` + quoted(generatorWorkflows+"generator_generic_slsa3.yml") + `}]`, []criteria.Build{generatedBuild(t)}, criteria.Pass, "", "level 3", 3},
		"the lower of two builds counts":           {``, []criteria.Build{generatedBuild(t), gitHubBuild(t)}, criteria.Pass, "", "", 2},
		"the generator at a branch": {``, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) {
			b.Builder = strings.Replace(b.Builder, "tags/v2.0.0", "heads/main", 1)
			b.Signer.Identity = b.Builder
		})}, criteria.Fail, "builder-impersonated", "no release", 0},
		"the generator at a tag that is no release": {``, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) {
			b.Builder = strings.Replace(b.Builder, "v2.0.0", "v2", 1)
			b.Signer.Identity = b.Builder
		})}, criteria.Fail, "builder-impersonated", "no release", 0},
		"a name that begins as the generator's": {``, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) {
			b.Builder = generatorWorkflows + "generator_generic_slsa3.yml.evil.yml@refs/tags/v2.0.0"
		})}, criteria.Fail, "builder-impersonated", "", 0},
		"somebody else's copy of the generator": {`"minimumLevel":3`, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) {
			b.Builder = strings.Replace(b.Builder, "slsa-framework", "evil", 1)
			b.Signer.Identity = b.Builder
		})}, criteria.Fail, "level-too-low", "", 0},
		"the generator's id, signed by another workflow":          {``, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) { b.Signer.Identity = ownWorkflow })}, criteria.Fail, "builder-impersonated", "is signed by " + ownWorkflow, 0},
		"another id, signed by the generator":                     {``, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) { b.Builder = ownWorkflow })}, criteria.Fail, "builder-impersonated", "", 0},
		"the generator's id under another issuer":                 {``, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) { b.Signer.Issuer = gitHubIssuer + ".evil.example" })}, criteria.Fail, "builder-impersonated", "", 0},
		"the generator's id, signed with a key":                   {``, []criteria.Build{with(generatedBuild(t), func(b *criteria.Build) { b.Signer = &criteria.BuildSigner{Key: keyDigest} })}, criteria.Fail, "builder-impersonated", "key sha256:", 0},
		"maven through a delegator":                               {`"minimumLevel":3`, []criteria.Build{delegatedBy(generatorWorkflows+"builder_maven_slsa3.yml@refs/tags/v2.0.0", "delegator_lowperms-generic_slsa3.yml@refs/tags/v2.0.0")}, criteria.Pass, "", "level 3", 3},
		"maven at a branch":                                       {``, []criteria.Build{delegatedBy(generatorWorkflows+"builder_maven_slsa3.yml@refs/heads/main", "delegator_lowperms-generic_slsa3.yml@refs/tags/v2.0.0")}, criteria.Fail, "builder-unknown", "", 0},
		"a delegator at a branch":                                 {``, []criteria.Build{delegatedBy(generatorWorkflows+"builder_maven_slsa3.yml@refs/tags/v2.0.0", "delegator_lowperms-generic_slsa3.yml@refs/heads/main")}, criteria.Fail, "builder-impersonated", "", 0},
		"a builder nobody knows, through a delegator":             {``, []criteria.Build{delegatedBy(reusable+"@refs/tags/v1.0.0", "delegator_generic_slsa3.yml@refs/tags/v2.0.0")}, criteria.Fail, "builder-unknown", "name it in the policy", 0},
		"which the policy lists":                                  {`"minimumLevel":3,"builders":[{"id":"` + reusable + `","level":3}]`, []criteria.Build{delegatedBy(reusable+"@refs/tags/v1.0.0", "delegator_generic_slsa3.yml@refs/tags/v2.0.0")}, criteria.Pass, "", "level 3", 3},
		"and lists without a level":                               {`"builders":[{"id":"` + reusable + `"}]`, []criteria.Build{delegatedBy(reusable+"@refs/tags/v1.0.0", "delegator_generic_slsa3.yml@refs/tags/v2.0.0")}, criteria.Fail, "builder-unknown", "say it in the policy", 0},
		"a reusable workflow that is not listed":                  {`"minimumLevel":3`, []criteria.Build{byReusable("refs/tags/v1.0.0")}, criteria.Fail, "level-too-low", "", 0},
		"a reusable workflow that is":                             {`"minimumLevel":3,"builders":[{"id":"` + reusable + `","level":3}]`, []criteria.Build{byReusable("refs/tags/v1.0.0")}, criteria.Pass, "", "level 3", 3},
		"at a branch":                                             {`"builders":[{"id":"` + reusable + `","level":3}]`, []criteria.Build{byReusable("refs/heads/main")}, criteria.Fail, "builder-unknown", "does not list", 0},
		"at a branch that is listed":                              {`"minimumLevel":3,"builders":[{"id":"` + reusable + `@refs/heads/main","level":3}]`, []criteria.Build{byReusable("refs/heads/main")}, criteria.Pass, "", "level 3", 3},
		"the source's own workflow, listed with more than it can": {`"minimumLevel":3,"builders":[{"id":"` + sourceRepo + `/.github/workflows/release.yml","level":3}]`, []criteria.Build{gitHubBuild(t)}, criteria.Fail, "level-too-low", "level 2", 0},
		"another builder than listed":                             {`"builders":[{"id":` + quoted(genericID) + `}]`, []criteria.Build{gitHubBuild(t)}, criteria.Fail, "builder-unknown", "does not list", 0},
		"npm on GitHub":                                           {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Builder = gitHubRunner + "/github-hosted" })}, criteria.Pass, "", "level 2", 2},
		"npm on somebody's machine":                               {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Builder, b.Signer.Runner = gitHubRunner+"/self-hosted", "self-hosted" })}, criteria.Fail, "level-too-low", "level 1", 0},
		"on somebody's machine, in GitHub's name":                 {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Builder, b.Signer.Runner = gitHubRunner+"/github-hosted", "self-hosted" })}, criteria.Fail, "builder-impersonated", "not GitHub's", 0},
		"on nobody knows whose machine":                           {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Signer.Runner = "" })}, criteria.Fail, "builder-impersonated", "on whose machine", 0},
		"GitLab":                                                  {`"sourceRepository":"https://gitlab.com/acme/widget"`, []criteria.Build{gitLabBuild(t)}, criteria.Pass, "", "level 2", 2},
		"a runner of another project on GitLab":                   {`"sourceRepository":"https://gitlab.com/acme/widget"`, []criteria.Build{with(gitLabBuild(t), func(b *criteria.Build) { b.Builder = "https://gitlab.com/acme/widgetry/-/runners/1" })}, criteria.Fail, "builder-impersonated", "", 0},
		"a runner without a number on GitLab":                     {`"sourceRepository":"https://gitlab.com/acme/widget"`, []criteria.Build{with(gitLabBuild(t), func(b *criteria.Build) { b.Builder = "https://gitlab.com/acme/widget/-/runners/1x" })}, criteria.Fail, "builder-impersonated", "", 0},
		"a runner of one's own on GitLab":                         {`"sourceRepository":"https://gitlab.com/acme/widget"`, []criteria.Build{with(gitLabBuild(t), func(b *criteria.Build) { b.Signer.Runner = "self-hosted" })}, criteria.Fail, "level-too-low", "", 0},
		"Google Cloud Build": {`"minimumLevel":3`, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) {
			b.Builder, b.Signer = cloudBuild+"@v0.3", &criteria.BuildSigner{By: "slsa-verifier", Identity: cloudBuild}
		})}, criteria.Pass, "", "level 3", 3},
		"Google Cloud Build, listed": {`"minimumLevel":3,"builders":[{"id":"` + cloudBuild + `"}]`, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) {
			b.Builder, b.Signer = cloudBuild+"@v0.3", &criteria.BuildSigner{By: "slsa-verifier", Identity: cloudBuild}
		})}, criteria.Pass, "", "level 3", 3},
		"Google Cloud Build's id, signed on GitHub": {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Builder = cloudBuild })}, criteria.Fail, "builder-impersonated", "", 0},
		"Google Cloud Build's id in a certificate": {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) {
			b.Builder, b.Signer.Issuer, b.Signer.Identity = cloudBuild, "https://accounts.google.com", cloudBuild
		})}, criteria.Fail, "builder-impersonated", "", 0},
		"Tekton Chains that the policy does not name": {``, []criteria.Build{byKey()}, criteria.Fail, "builder-unknown", "", 0},
		"Tekton Chains with its key earns no label":   {`"builders":[{"id":"https://tekton.dev/chains/v2","level":2,"key":` + quoted(key) + `}]`, []criteria.Build{byKey()}, criteria.Pass, "", "level 2", 0},
		"Tekton Chains with another key":              {`"builders":[{"id":"https://tekton.dev/chains/v2","level":2,"key":` + quoted(otherKey) + `}]`, []criteria.Build{byKey()}, criteria.Fail, "builder-impersonated", "not signed with its key", 0},
		"a builder by issuer and identity": {`"builders":[{"id":"https://ci.acme.example","level":3,"issuer":"https://id.acme.example","identity":"spiffe://acme/ci"}]`, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) {
			b.Builder, b.Signer.Issuer, b.Signer.Identity = "https://ci.acme.example", "https://id.acme.example", "spiffe://acme/ci"
		})}, criteria.Pass, "", "level 3", 0},
		"of which only the beginning fits": {`"builders":[{"id":"https://ci.acme.example","level":3,"issuer":"https://id.acme.example","identity":"spiffe://acme/ci"}]`, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) {
			b.Builder, b.Signer.Issuer, b.Signer.Identity = "https://ci.acme.example", "https://id.acme.example", "spiffe://acme/ci2"
		})}, criteria.Fail, "builder-impersonated", "", 0},

		"another repository":                      {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Repository, b.Signer.Repository = sourceRepo+"-fork", sourceRepo+"-fork" })}, criteria.Fail, "source-repository", "", 0},
		"a repository that the policy names":      {`"sourceRepository":"git+https://github.com/acme/other.git"`, []criteria.Build{gitHubBuild(t)}, criteria.Fail, "source-repository", "lies in https://github.com/acme/other", 0},
		"another repository than the certificate": {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Signer.Repository = "https://github.com/evil/widget" })}, criteria.Fail, "source-disputed", "", 0},
		"another commit": {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) {
			b.Commit = mustDigest(t, strings.ReplaceAll(buildCommit, "1", "4"))
			b.Signer.Commit = b.Commit
		})}, criteria.Fail, "source-commit", "", 0},
		"another commit than the certificate": {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Signer.Commit = mustDigest(t, strings.ReplaceAll(buildCommit, "1", "4")) })}, criteria.Fail, "source-disputed", "", 0},
		"no commit anywhere":                  {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Commit, b.Signer.Commit = criteria.Digest{}, criteria.Digest{} })}, criteria.Unknown, "source-unknown", "", 0},
		"a commit in the certificate alone":   {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Commit = criteria.Digest{} })}, criteria.Pass, "", "", 2},
		"no repository anywhere":              {`"builders":[{"id":"https://tekton.dev/chains/v2","level":2,"key":` + quoted(key) + `}]`, []criteria.Build{with(byKey(), func(b *criteria.Build) { b.Repository = "" })}, criteria.Unknown, "source-unknown", "", 0},
		"the tag of the version":              {`"refs":["refs/tags/v{version}"]`, []criteria.Build{gitHubBuild(t)}, criteria.Pass, "", "", 2},
		"a branch in place of the tag":        {`"refs":["refs/tags/v{version}"]`, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Ref, b.Signer.Ref = "refs/heads/v1.2.0", "refs/heads/v1.2.0" })}, criteria.Fail, "source-ref", "expected refs/tags/v1.2.0", 0},
		"another tag than the certificate":    {`"refs":["refs/tags/v{version}"]`, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Signer.Ref = "refs/heads/main" })}, criteria.Fail, "source-disputed", "", 0},
		"no ref anywhere":                     {`"refs":["refs/tags/v{version}"],"builders":[{"id":"https://tekton.dev/chains/v2","level":2,"key":` + quoted(key) + `}]`, []criteria.Build{byKey()}, criteria.Unknown, "source-unknown", "", 0},

		"nothing was verified":                    {``, []criteria.Build{{Subjects: []criteria.Digest{mustDigest(t, builtWidget)}, Problem: "it is a bare envelope"}}, criteria.Unknown, "provenance-unverified", "it is a bare envelope", 0},
		"a good one beside one nobody verified":   {``, []criteria.Build{gitHubBuild(t), {Subjects: []criteria.Digest{mustDigest(t, builtWidget)}, Problem: "it is a bare envelope"}}, criteria.Unknown, "provenance-unverified", "", 0},
		"a good one beside one from elsewhere":    {``, []criteria.Build{gitHubBuild(t), with(gitHubBuild(t), func(b *criteria.Build) { b.Repository, b.Signer.Repository = sourceRepo+"-fork", sourceRepo+"-fork" })}, criteria.Fail, "source-repository", "", 0},
		"one about the artifact beside another's": {``, []criteria.Build{gitHubBuild(t), {Subjects: []criteria.Digest{mustDigest(t, builtGadget)}, Problem: "it is a bare envelope"}}, criteria.Pass, "", "", 2},
		"about another artifact":                  {``, []criteria.Build{with(gitHubBuild(t), func(b *criteria.Build) { b.Subjects = []criteria.Digest{mustDigest(t, builtGadget)} })}, criteria.Unknown, "", "no SLSA provenance about widget", 0},
		"an empty report":                         {``, nil, criteria.Unknown, "", "no SLSA provenance about widget", 0},
	} {
		t.Run(name, func(t *testing.T) {
			params := c.params
			if !strings.Contains(params, "minimumLevel") {
				params = strings.Trim(`"minimumLevel":2,`+params, ",")
			}
			criterion, err := builtByTrustedBuilder.New([]byte("{" + params + "}"))
			if err != nil {
				t.Fatal(err)
			}
			rel := builtRelease(t)
			in := criteria.Input{Release: rel, Subject: rel.Artifacts[0], Evidence: []criteria.Evidence{builtEvidence(c.builds...)}, Now: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}
			o := criterion.Evaluate(in)
			if o.Status != c.status || !strings.Contains(o.Reason, c.reason) || o.BuildLevel != c.level {
				t.Errorf("Evaluate = %v, %q, level %d, want %v, %q, level %d", o.Status, o.Reason, o.BuildLevel, c.status, c.reason, c.level)
			}
			got := ""
			if len(o.Findings) > 0 {
				got = o.Findings[0].ID
			}
			if got != c.finding {
				t.Errorf("first finding %q of %+v, want %q", got, o.Findings, c.finding)
			}
		})
	}
}

func gitLabBuild(t testing.TB) criteria.Build {
	const project = "https://gitlab.com/acme/widget"
	return criteria.Build{
		Subjects: []criteria.Digest{mustDigest(t, builtWidget)}, Builder: project + "/-/runners/12270837",
		Type:       "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/16.7.0/PROVENANCE.md",
		Repository: project, Commit: mustDigest(t, buildCommit), Workflow: "build-job",
		Signer: &criteria.BuildSigner{
			By: "sigstore-go", Root: criteria.PublicGoodRoots()[0], Issuer: gitLabIssuer, Identity: project + "//.gitlab-ci.yml@refs/tags/v1.2.0",
			Repository: project, Ref: "refs/tags/v1.2.0", Commit: mustDigest(t, buildCommit), Runner: "gitlab-hosted",
		},
	}
}

// A repository that nobody named is none that everything is in.
func TestBuiltByTrustedBuilder_withoutRepository(t *testing.T) {
	rel := builtRelease(t)
	rel.Repository = ""
	c, err := builtByTrustedBuilder.New([]byte(`{"minimumLevel":1}`))
	if err != nil {
		t.Fatal(err)
	}
	b := gitHubBuild(t)
	b.Repository, b.Signer.Repository = "", ""
	o := c.Evaluate(criteria.Input{Release: rel, Subject: rel.Artifacts[0], Evidence: []criteria.Evidence{builtEvidence(b)}})
	if o.Status != criteria.Unknown || !strings.Contains(o.Reason, "release.repository") {
		t.Errorf("Evaluate without a repository = %v, %q, want unknown", o.Status, o.Reason)
	}
}

func TestBuiltByTrustedBuilder_params(t *testing.T) {
	key, _ := somePublicKey(t)
	encoded, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	for params, want := range map[string]string{
		`{"minimumLevel":0}`: "minimumLevel",
		`{"minimumLevel":4}`: "minimumLevel",
		`{"builders":[]}`:    "trusts nobody",
		`{"builders":[{}]}`:  "has no id",
		`{"builders":[{"id":"https://github.com/acme/*"}]}`:                                                                                 "no pattern",
		`{"builders":[{"id":"https://ci.example"}]}`:                                                                                        "name the key",
		`{"builders":[{"id":"https://github.com/a/b","level":4}]}`:                                                                          "level 4",
		`{"builders":[{"id":"https://github.com/a/b"},{"id":"https://github.com/a/b"}]}`:                                                    "twice",
		`{"builders":[{"id":"https://ci.example","level":2,"issuer":"https://id.example"}]}`:                                                "belong together",
		`{"builders":[{"id":"https://ci.example","issuer":"https://id.example","identity":"a"}]}`:                                           "level",
		`{"builders":[{"id":"https://ci.example","level":2,"key":"x"}]}`:                                                                    "no public key",
		`{"builders":[{"id":"https://ci.example","level":2,"key":"-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n"}]}`: "private key",
		`{"builders":[{"id":"https://ci.example","level":2,"issuer":"a","identity":"b","key":` + string(encoded) + `}]}`:                    "one of them",
		`{"builders":[{"id":"https://ci.example","levels":2}]}`:                                                                             "levels",
		`{"sourceRepository":"acme/widget"}`:                                                                                                "sourceRepository",
		`{"sourceRepository":"https://github.com/a/b@refs/heads/main"}`:                                                                     "without a ref",
		`{"refs":["main"]}`: "refs/heads/",
	} {
		var pe *criteria.ParamError
		if c, err := builtByTrustedBuilder.New([]byte(params)); !errors.As(err, &pe) || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%s) = %v, %v, want an error with %q", params, c, err, want)
		}
	}
	// What nobody said is the strictest.
	c, err := builtByTrustedBuilder.New([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.(builtByTrustedBuilderCriterion).minimum; got != 3 {
		t.Errorf("New({}) asks for level %d, want 3", got)
	}
}

// Only the catalogue's own criterion gives the verdict a SLSA label, of the
// lowest level that any artifact has, and never beside a waiver.
func TestBuildLevelLabel(t *testing.T) {
	rel := builtRelease(t)
	rel.Artifacts = append(rel.Artifacts, criteria.Subject{Name: "gadget", Digest: mustDigest(t, builtGadget)})
	gadget := generatedBuild(t)
	gadget.Subjects = []criteria.Digest{rel.Artifacts[1].Digest}
	labels := func(policy string, ev ...criteria.Evidence) []string {
		t.Helper()
		p, err := criteria.ParsePolicy("policy.yaml", []byte(policy), []criteria.Kind{builtByTrustedBuilder}, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Evaluate(rel, ev, time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
		for _, j := range d.Judgements {
			if j.Status != criteria.Pass && j.BuildLevel != 0 {
				t.Errorf("%s about %s is %v with build level %d", j.Criterion, j.Subject.Name, j.Status, j.BuildLevel)
			}
		}
		return d.Labels()
	}
	const policy = "profile: basic\ncriteria: {built-by-trusted-builder: {}}\n"
	if got, want := labels(policy, builtEvidence(generatedBuild(t)), builtEvidence(gadget)), []string{"HALLMARK_RELEASE_BASIC", "HALLMARK_BUILT_BY_TRUSTED_BUILDER", "SLSA_BUILD_LEVEL_3"}; !slices.Equal(got, want) {
		t.Errorf("labels of two at level 3 = %q, want %q", got, want)
	}
	if got := labels(policy, builtEvidence(gitHubBuild(t)), builtEvidence(gadget)); !slices.Contains(got, "SLSA_BUILD_LEVEL_2") || slices.Contains(got, "SLSA_BUILD_LEVEL_3") {
		t.Errorf("labels at levels 2 and 3 = %q, want SLSA_BUILD_LEVEL_2", got)
	}
	if got := labels(policy, builtEvidence(generatedBuild(t))); len(got) != 0 {
		t.Errorf("labels with provenance of one of two artifacts = %q, want none", got)
	}
	fork := generatedBuild(t)
	signer := *fork.Signer
	fork.Signer = &signer
	fork.Ref, fork.Signer.Ref = "refs/heads/main", "refs/heads/main"
	waived := `profile: basic
criteria: {built-by-trusted-builder: {refs: [refs/tags/v1.2.0]}}
waivers:
  - {id: W1, criterion: built-by-trusted-builder, finding: source-ref, reason: built before the tag, owner: a@acme.example, requester: b@acme.example, approver: c@acme.example, created: 2026-11-01T00:00:00Z, expires: 2026-12-01T00:00:00Z}
`
	if got := labels(waived, builtEvidence(fork), builtEvidence(gadget)); slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "SLSA_") || l == "HALLMARK_BUILT_BY_TRUSTED_BUILDER" }) || len(got) == 0 {
		t.Errorf("labels of a waived release = %q, want the level's alone", got)
	}
}

// A root that the release file brings and the policy does not accept verifies
// nothing, whatever the criterion would make of it.
func TestBuiltByTrustedBuilder_foreignRoot(t *testing.T) {
	rel := builtRelease(t)
	e := builtEvidence(generatedBuild(t))
	e.Declared.TrustedRoot = criteria.DigestOf([]byte("a root of one's own"))
	for policy, want := range map[string]criteria.Status{
		"profile: basic\ncriteria: {built-by-trusted-builder: {}}\n":                                                          criteria.Unknown,
		"profile: basic\ntrustedRoots: [" + e.Declared.TrustedRoot.String() + "]\ncriteria: {built-by-trusted-builder: {}}\n": criteria.Pass,
	} {
		p, err := criteria.ParsePolicy("policy.yaml", []byte(policy), []criteria.Kind{builtByTrustedBuilder}, nil)
		if err != nil {
			t.Fatal(err)
		}
		j := p.Evaluate(rel, []criteria.Evidence{e}, time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)).Judgements[0]
		if j.Status != want {
			t.Errorf("%s: %v, %q, %q, want %v", policy, j.Status, j.Reason, j.Notes, want)
		}
		if want == criteria.Unknown && !slices.ContainsFunc(j.Notes, func(n string) bool { return strings.Contains(n, "trustedRoots") }) {
			t.Errorf("%s: notes %q do not say what to do", policy, j.Notes)
		}
	}
}
