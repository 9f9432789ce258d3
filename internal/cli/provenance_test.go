package cli

import (
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/verify"
)

// moduleFile is a file among the sources of a module that is required, or skips
// the test.
func moduleFile(t testing.TB, module, file string) []byte {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the sources of %s are not here: %v", module, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What builders really wrote, judged by the criterion with nothing said in the
// policy but the level: of every platform the right level, and nothing for another
// artifact, repository, commit or tag.
func TestRealProvenance(t *testing.T) {
	const (
		verifier  = "github.com/slsa-framework/slsa-verifier/v2"
		generator = "slsa-framework/example-package"
		e2e       = "gitCommit:693130cb6cb840a7bc9cb18c6510d536a95dc7e6"
	)
	for name, c := range map[string]struct {
		module, file, format         string
		artifact, repository, commit string
		ref                          string
		level                        int
	}{
		"slsa-github-generator, container-based": {
			verifier, "cli/slsa-verifier/testdata/gha_container-based/v2.0.0/binary-linux-amd64-push-v14.2.intoto.build.slsa", "slsa-provenance",
			"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", generator, e2e, "refs/tags/v14.2", 3,
		},
		"slsa-github-generator, Maven": {
			verifier, "cli/slsa-verifier/testdata/gha_maven/v2.0.0/binary-linux-amd64-push-v14.2.build.slsa", "slsa-provenance",
			"sha256:46e833cf2594d94efd5f298c39772b295e483cb37456055e04144f1a27c64b34", generator, e2e, "refs/tags/v14.2", 3,
		},
		"npm": {
			verifier, "cli/slsa-verifier/testdata/npm/gha/supreme-googles-cli-v02-tag.tgz.json", "slsa-provenance",
			"sha512:1e2ebece757250876cde9d0f6c636ed6e0088a23a6c477fe0cd1afcc11800a5ba0c932f4a57a12537063d49d717bb7ae76b8a2938b3d48e7f02617f6564ad919",
			"trishankatdatadog/supreme-goggles", "gitCommit:38ebf99444e033b2f1550c9aaaeacd62d02a12ba", "refs/tags/v1.0.5", 2,
		},
		"npm, by slsa-github-generator": {
			verifier, "cli/slsa-verifier/testdata/npm/gha/provenance-npm-test-ossf.tgz.json", "slsa-provenance",
			"sha512:563bc6d88c7cc60917b13cf4838473eeea6ec7ea0430f2672b16f43c2a5c82c239949c7cae7fe13bbe3b30d0571c3e56de624aa31ea43c98c12f1f190b8a7ca0",
			"laurentsimon/provenance-npm-test", "gitCommit:34490b44db557f009617bcb92b8780f972c189ab", "refs/heads/main", 3,
		},
		"GitHub's own": {
			"github.com/sigstore/sigstore-go", "pkg/testing/data/bundles/sigstore.js@2.0.0-provenance.sigstore.json", "slsa-provenance",
			"sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c",
			"sigstore/sigstore-js", "gitCommit:f0b49a04e5a62250e0f60fb128004a73110fe311", "refs/heads/main", 2,
		},
		"Google Cloud Build": {
			verifier, "cli/slsa-verifier/testdata/gcb_container/v0.3/gcloud-container-github-tag.json", "gcb-provenance",
			"sha256:87db6d5226440e72f7134b71163df45282127a3f7b0600c946683cb2f43a70a9", generator, "gitCommit:c750fd73a1669b095df7c74da9f1ff2032f926c9", "refs/tags/v33.0.4", 3,
		},
		// Through a delegator, by a builder that only a policy can know.
		"slsa-github-generator, a builder nobody knows": {
			verifier, "cli/slsa-verifier/testdata/gha_delegator/v2.0.0/binary-linux-amd64-push-v14.2.build.slsa", "slsa-provenance",
			"sha256:9e2ba52487d945504d250de186cb4fe2e3ba023ed2921dd6ac8b97ed43e76af9", generator, e2e, "refs/tags/v14.2", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			parse := func(s string) criteria.Digest {
				d, err := criteria.ParseDigest(s)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			report := releasefile.Report{Name: "provenance", Format: c.format, Data: moduleFile(t, c.module, c.file)}
			if c.format == "slsa-provenance" {
				report.TrustedRoot = verify.PublicGoodRoot()
				report.Declared.TrustedRoot = criteria.DigestOf(report.TrustedRoot)
			}
			ev, err := report.Read(releasefile.ByName(known().Formats))
			if err != nil || ev.Problem != "" {
				t.Fatalf("reading: %v, %s", err, ev.Problem)
			}
			artifact := c.artifact
			if c.level == 0 {
				artifact = ev.About[0].String()
			}
			judge := func(artifact, repository, commit, ref string) criteria.Judgement {
				t.Helper()
				policy := "profile: basic\ncriteria: {built-by-trusted-builder: {minimumLevel: 1, refs: [" + ref + "]}}\n"
				p, err := criteria.ParsePolicy("policy.yaml", []byte(policy), known().Kinds, nil)
				if err != nil {
					t.Fatal(err)
				}
				rel := criteria.Release{
					Name: "x", Version: "1", Resource: "pkg:generic/x@1", Repository: "git+https://github.com/" + repository,
					Source:    criteria.Subject{Name: "source", Digest: parse(commit)},
					Artifacts: []criteria.Subject{{Name: "x", Digest: parse(artifact)}},
				}
				d := p.Evaluate(rel, []criteria.Evidence{ev}, time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
				i := slices.IndexFunc(d.Judgements, func(j criteria.Judgement) bool { return j.Criterion == "built-by-trusted-builder" })
				return d.Judgements[i]
			}
			want := criteria.Pass
			if c.level == 0 {
				want = criteria.Fail
			}
			if j := judge(artifact, c.repository, c.commit, c.ref); j.Status != want || j.BuildLevel != c.level {
				t.Errorf("%v, level %d: %s; want %v, level %d", j.Status, j.BuildLevel, j.Reason, want, c.level)
			}
			another := "sha256:" + strings.Repeat("0", 64)
			if j := judge(another, c.repository, c.commit, c.ref); j.Status != criteria.Unknown {
				t.Errorf("another artifact: %v: %s", j.Status, j.Reason)
			}
			for what, j := range map[string]criteria.Judgement{
				"another repository": judge(artifact, c.repository+"-fork", c.commit, c.ref),
				"another commit":     judge(artifact, c.repository, "gitCommit:"+strings.Repeat("0", 40), c.ref),
				"another ref":        judge(artifact, c.repository, c.commit, c.ref+".1"),
			} {
				if j.Status != criteria.Fail || j.BuildLevel != 0 {
					t.Errorf("%s: %v, level %d: %s; want fail", what, j.Status, j.BuildLevel, j.Reason)
				}
			}
		})
	}
}

// npm's own word beside its builder's: with the registry's keys it has to be
// there, and hold, and the policy has to know the keys.
func TestRegistryKeys(t *testing.T) {
	const (
		testdata = "cli/slsa-verifier/testdata/npm/gha/supreme-googles-cli-v02-tag"
		signed   = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA"
		key      = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg=="
	)
	keys := func(id, expires string) []byte {
		return fmt.Appendf(nil, `{"keys":[{"keyid":%q,"keytype":"ecdsa-sha2-nistp256","scheme":"ecdsa-sha2-nistp256","key":%q,"expires":%q}]}`, id, key, expires)
	}
	// npm names the tarball by SHA-512 alone, and a release by SHA-256.
	tarball := moduleFile(t, "github.com/slsa-framework/slsa-verifier/v2", testdata+".tgz")
	longer := sha512.Sum512(tarball)
	good := keys(signed, "2025-01-29T00:00:00.000Z")
	parse := func(s string) criteria.Digest {
		d, err := criteria.ParseDigest(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, c := range map[string]struct {
		file           string
		keys, accepted []byte
		status         criteria.Status
		reason         string
	}{
		"npm's word":                 {".tgz.json", good, good, criteria.Pass, ""},
		"not asked for":              {".tgz.json", nil, nil, criteria.Pass, ""},
		"altered, and not asked for": {"-invalidsigpub.tgz.json", nil, nil, criteria.Pass, ""},
		"altered":                    {"-invalidsigpub.tgz.json", good, good, criteria.Unknown, "could not be verified"},
		"another key":                {".tgz.json", keys("SHA256:other", "2025-01-29T00:00:00.000Z"), keys("SHA256:other", "2025-01-29T00:00:00.000Z"), criteria.Unknown, "registryKeys"},
		"keys that nobody accepts":   {".tgz.json", good, nil, criteria.Unknown, "the policy does not accept"},
		"expired":                    {".tgz.json", keys(signed, "2023-01-01T00:00:00Z"), keys(signed, "2023-01-01T00:00:00Z"), criteria.Unknown, "expired on 2023-01-01"},
		"no keys":                    {".tgz.json", []byte("{}"), []byte("{}"), criteria.Unknown, "list no key"},
	} {
		t.Run(name, func(t *testing.T) {
			r := releasefile.Report{
				Name: "npm.json", Format: "slsa-provenance", Data: moduleFile(t, "github.com/slsa-framework/slsa-verifier/v2", testdata+c.file),
				TrustedRoot: verify.PublicGoodRoot(), RegistryKeys: c.keys,
			}
			r.Declared.TrustedRoot = criteria.DigestOf(r.TrustedRoot)
			roots := r.Declared.TrustedRoot.String()
			if c.keys != nil {
				r.Declared.RegistryKeys = criteria.DigestOf(c.keys)
			}
			if c.accepted != nil {
				roots += ", " + criteria.DigestOf(c.accepted).String()
			}
			ev, err := r.Read(releasefile.ByName(known().Formats))
			if err != nil {
				t.Fatal(err)
			}
			p, err := criteria.ParsePolicy("policy.yaml", []byte("profile: basic\ntrustedRoots: ["+roots+"]\ncriteria: {built-by-trusted-builder: {minimumLevel: 1, refs: [refs/tags/v1.0.5]}}\n"), known().Kinds, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := p.Evaluate(criteria.Release{
				Name: "x", Version: "1", Resource: "pkg:generic/x@1", Repository: "git+https://github.com/trishankatdatadog/supreme-goggles",
				Source:    criteria.Subject{Name: "source", Digest: parse("gitCommit:38ebf99444e033b2f1550c9aaaeacd62d02a12ba")},
				Artifacts: []criteria.Subject{{Name: "x", Digest: criteria.DigestOf(tarball)}},
				Also:      []criteria.Subject{{Name: "x", Digest: parse("sha512:" + hex.EncodeToString(longer[:]))}},
			}, []criteria.Evidence{ev}, time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
			i := slices.IndexFunc(d.Judgements, func(j criteria.Judgement) bool { return j.Criterion == "built-by-trusted-builder" })
			j := d.Judgements[i]
			said := j.Reason + strings.Join(j.Notes, " ")
			for _, f := range j.Findings {
				said += f.Message
			}
			if j.Status != c.status || !strings.Contains(said, c.reason) {
				t.Errorf("%v: %s; want %v with %q", j.Status, said, c.status, c.reason)
			}
		})
	}
}
