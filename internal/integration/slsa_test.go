//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// slsa-verifier takes our word for the SLSA level of what slsa-github-generator
// built: the verdict about a jar, judged by its real provenance, has
// SLSA_BUILD_LEVEL_3 and what is below it, and nothing above.
func TestBuildLevel(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/slsa-framework/slsa-verifier/v2").Output()
	module := strings.TrimSpace(string(out))
	if err != nil || module == "" {
		t.Skipf("the sources of slsa-verifier, which hold real provenance, are not here: %v", err)
	}
	real := filepath.Join(module, "cli", "slsa-verifier", "testdata", "gha_maven", "v2.0.0", "binary-linux-amd64-push-v14.2")
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "dist"), 0o755))
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.WriteFile(path, data, 0o644))
		return path
	}
	from := func(path string) []byte {
		data, err := os.ReadFile(path)
		check(t, err)
		return data
	}
	jar := put("dist/test-java-project-1.21.4.jar", from(real))
	put("provenance.json", from(real+".build.slsa"))
	na := ""
	for _, c := range []string{"licences", "no-secrets", "security-policy", "tests-pass", "version-unique", "vulnerabilities"} {
		na += "  - {criterion: " + c + ", reason: not this release's business}\n"
	}
	put("policy.yaml", []byte("profile: basic\ncriteria:\n  built-by-trusted-builder: {minimumLevel: 3, refs: ['refs/tags/v{version}']}\nnotApplicable:\n"+na))
	const verifier, resource = "https://example.com/verifier/v1", "pkg:maven/example/test-java-project@14.2"
	file := put("hallmark.yaml", []byte(`release:
  name: test-java-project
  version: "14.2"
  resource: `+resource+`
  repository: git+https://github.com/slsa-framework/example-package
  source: gitCommit:693130cb6cb840a7bc9cb18c6510d536a95dc7e6
artifacts: [dist/*]
policy: policy.yaml
evidence:
  - {path: provenance.json, format: slsa-provenance}
verifier: {id: `+verifier+`}
`))
	key, dossier, envelope := filepath.Join(dir, "release.key"), filepath.Join(dir, "out"), filepath.Join(dir, "verdict.dsse.json")
	hallmark(t).run("key", "generate", "--out", key).exits(0)
	hallmark(t).run("release", "-f", file, "--out", dossier, "--key", key).exits(0)
	hallmark(t).run("attest", "-f", file, "--out", dossier, "--key", key, "--envelope", envelope).exits(0)
	slsa := func(level string) result {
		return peer(t, "slsa-verifier").run("verify-vsa", "--attestation-path", envelope, "--subject-digest", digest(t, jar).String(),
			"--verifier-id", verifier, "--resource-uri", resource, "--verified-level", level, "--public-key-path", key+".pub")
	}
	for _, level := range []string{"SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_2", "HALLMARK_BUILT_BY_TRUSTED_BUILDER"} {
		slsa(level).exits(0).says("PASSED")
	}
	slsa("SLSA_BUILD_LEVEL_4").fails()
	slsa("SLSA_SOURCE_LEVEL_1").fails()
	hallmark(t).run("replay", dossier).exits(0)
}
