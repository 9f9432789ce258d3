//go:build integration

package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What a trust file becomes for policy-controller says yes to what hallmark
// signed and hallmark verify accepts, and no to what it refuses, in the words of
// the evaluator that policy-controller asks.
func TestPolicyControllerAgrees(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	key := filepath.Join(r.dir, "release.key")
	hallmark(t).run("key", "generate", "--out", key).exits(0)
	hallmark(t).run("release", "-f", r.file, "--out", r.out, "--key", key).exits(0)
	// The example is of any age; so is nothing that is exported here.
	trust := writeFile(t, "trust.yaml", strings.Replace(read(t, r.trust()), "maxAge: unlimited", "maxAge: 3650d", 1))
	hallmarkVerify(t).run("-t", trust, "-a", r.attestations(), r.artifacts[0]).exits(0)
	var policy map[string]any
	check(t, yaml.Unmarshal([]byte(hallmark(t).run("policy", "export", "--to", "policy-controller", "-t", trust, "--image", "registry.example/**").exits(0).stdout), &policy))
	condition := writeFile(t, "policy.rego", at(t, policy, "spec", "authorities", 0, "attestations", 0, "policy", "data").(string))
	signed := string(decode(t, at(t, readJSON(t, r.verdict()), "dsseEnvelope", "payload")))
	says := func(statement string) result {
		return peer(t, "rego").run(condition, writeFile(t, "statement.json", statement))
	}
	says(signed).exits(0).says("compliant")
	for _, change := range [][2]string{
		{`"PASSED"`, `"FAILED"`},
		{verifierID, verifierID + "/other"},
		{resourceURI, resourceURI + "0"},
		{`"HALLMARK_RELEASE_STANDARD"`, `"HALLMARK_RELEASE_STANDARDS"`},
		{`"timeVerified":"20`, `"timeVerified":"19`},
		{`"timeVerified":`, `"timeVerifiedBy":`},
		{`"verificationResult":`, `"result":`},
		{`https://slsa.dev/verification_summary/v1"`, `https://slsa.dev/verification_summary/v2"`},
	} {
		if !strings.Contains(signed, change[0]) {
			t.Fatalf("the statement holds no %s:\n%s", change[0], signed)
		}
		if got := says(strings.ReplaceAll(signed, change[0], change[1])); got.code != 1 {
			t.Errorf("with %s in place of %s: exit code %d, want 1", change[1], change[0], got.code)
		}
	}
}

// A real API server that knows the kinds of Kyverno and of policy-controller takes
// what a trust file becomes for each, with no field that they do not have.
func TestTranslationsAreTaken(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	kinds, err := filepath.Glob(filepath.Join(filepath.Dir(located(t, "crds")+"/"), "*.yaml"))
	check(t, err)
	if len(kinds) != 2 {
		t.Fatalf("%d kinds, expected 2: %q", len(kinds), kinds)
	}
	for _, file := range kinds {
		kind := documents(t, read(t, file))[0]
		// Nobody is there who would convert one version into another.
		delete(kind["spec"].(map[string]any), "conversion")
		text, err := yaml.Marshal(kind)
		check(t, err)
		k.apply(t, string(text))[0].allowed()
	}
	trust := filepath.Join(t.TempDir(), "trust.yaml")
	check(t, os.WriteFile(trust, []byte(`
verifier: https://greet.example/hallmark/v1
resources: ["pkg:oci/greet@*", "pkg:generic/greet@1.2.0"]
threshold: 2
signers:
  - name: workflow
    issuer: https://token.actions.githubusercontent.com
    identityPattern: 'https://github\.com/acme/greet/\.github/workflows/release\.yml@refs/tags/v[0-9.]+'
    trustedRoot: public-good
  - name: workflow with a root of its own
    issuer: https://token.actions.githubusercontent.com
    identity: https://github.com/acme/greet/.github/workflows/release.yml@refs/heads/main
    trustedRoot: `+services.Sigstore.TrustedRoot+`
    require: [log, timestamp]
  - name: key
    key: |
      -----BEGIN PUBLIC KEY-----
      MCowBQYDK2VwAyEAiV6OLJPX0S6UzBY4pttUpc/9mCtsUSMs2LWkz9+fDdc=
      -----END PUBLIC KEY-----
level: standard
criteria: [changes-reviewed]
maxAge: 90d
policies: ["sha256:41b6dec0b3936624b7d77d76185b1e2384cd5255a9b4862129dcdfd6f3dd8055"]
`), 0o600))
	for controller, path := range map[string]string{
		"kyverno":           "/apis/policies.kyverno.io/v1/imagevalidatingpolicies",
		"policy-controller": "/apis/policy.sigstore.dev/v1beta1/clusterimagepolicies",
	} {
		eventually(t, "the kinds of "+controller+" are served", func() bool { return k.do(t, http.MethodGet, path, nil).code == http.StatusOK })
		text := hallmark(t).run("policy", "export", "--to", controller, "-t", trust, "--image", "registry.example/team/*", "--name", "greet").exits(0).stdout
		var policy map[string]any
		check(t, yaml.Unmarshal([]byte(text), &policy))
		if a := k.do(t, http.MethodPost, path+"?fieldValidation=Strict", policy).is(http.StatusCreated); len(a.warnings) > 0 {
			t.Errorf("%s: %q", controller, a.warnings)
		}
		// A field that there is not is refused, or the line above would say nothing.
		policy["metadata"] = map[string]any{"name": "other"}
		policy["spec"].(map[string]any)["surely"] = "not"
		k.do(t, http.MethodPost, path+"?fieldValidation=Strict", policy).is(http.StatusBadRequest)
	}
}
