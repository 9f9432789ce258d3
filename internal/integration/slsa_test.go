//go:build integration

package integration

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
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

// What cosign signs keyless and a real Rekor logs, the whole bundle and the bare
// envelope with Rekor's own answer on the next line, is the same provenance; the
// envelope alone is none.
func TestProvenanceFromRekor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	app := put("app", "what was built")
	root, err := os.ReadFile(services.SigstoreV1.TrustedRoot)
	check(t, err)
	put("trusted_root.json", string(root))
	// The source is what the issuer's tokens, and so the certificates, say.
	const builder, commit = "https://ci.example/release", "0123456789abcdef0123456789abcdef01234567"
	predicate := put("predicate.json", `{"buildDefinition":{"buildType":"https://tekton.dev/chains/v2/slsa","externalParameters":{"runSpec":{}},
		"resolvedDependencies":[{"name":"inputs/result","uri":"git+https://github.com/acme/app.git","digest":{"sha1":"`+commit+`"}}]},
		"runDetails":{"builder":{"id":"`+builder+`"},"metadata":{}}}`)
	bundle := filepath.Join(dir, "bundle.json")
	peer(t, "cosign").run("attest-blob", "--identity-token", writeFile(t, "token", workflowToken(t)), "--type", "slsaprovenance1", "--predicate", predicate,
		"--bundle", bundle, "--signing-config", services.SigstoreV1.SigningConfig, "--trusted-root", services.SigstoreV1.TrustedRoot, app).exits(0)

	b := readJSON(t, bundle)
	leaf := decode(t, at(t, b, "verificationMaterial", "certificate", "rawBytes"))
	envelope, ok := at(t, b, "dsseEnvelope").(map[string]any)
	if !ok {
		t.Fatal("the bundle has no envelope")
	}
	signature, ok := at(t, envelope, "signatures", 0).(map[string]any)
	if !ok {
		t.Fatal("the envelope has no signature")
	}
	signature["cert"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}))
	bare, err := json.Marshal(envelope)
	check(t, err)
	logged, ok := at(t, b, "verificationMaterial", "tlogEntries", 0).(map[string]any)
	if !ok {
		t.Fatal("the bundle has no log entry")
	}
	index, ok := logged["logIndex"].(string)
	if !ok {
		index = "0" // left out
	}
	answer, err := http.Get(services.RekorV1 + "/api/v1/log/entries?logIndex=" + index)
	check(t, err)
	defer answer.Body.Close()
	entry, err := io.ReadAll(answer.Body)
	check(t, err)
	put("bare.jsonl", string(bare)+"\n")
	put("complete.jsonl", string(bare)+"\n"+strings.TrimSpace(string(entry))+"\n")

	na := ""
	for _, c := range []string{"licences", "no-secrets", "security-policy", "tests-pass", "version-unique", "vulnerabilities"} {
		na += "  - {criterion: " + c + ", reason: not this release's business}\n"
	}
	put("policy.yaml", "profile: basic\ntrustedRoots: ['"+criteria.DigestOf(root).String()+"']\ncriteria:\n  built-by-trusted-builder:\n    builders:\n      - {id: '"+builder+
		"', level: 2, issuer: '"+services.Issuer.Actions+"', identity: '"+workflowIdentity+"'}\nnotApplicable:\n"+na)
	for name, exit := range map[string]int{"bundle.json": 0, "complete.jsonl": 0, "bare.jsonl": 3} {
		file := put(name+".yaml", `release: {name: app, version: "1", resource: 'pkg:generic/app@1', repository: 'git+https://github.com/acme/app', source: 'gitCommit:`+commit+`'}
artifacts: [app]
policy: policy.yaml
evidence:
  - {path: `+name+`, format: slsa-provenance, trustedRoot: trusted_root.json}
verifier: {id: https://example.com/verifier/v1}
`)
		out := filepath.Join(dir, "out-"+name)
		hallmark(t).run("evaluate", "-f", file, "--out", out).exits(exit)
		hallmark(t).run("replay", out).exits(0)
	}
}
