//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The pipelines that people copy release greet keyless and verify it as a
// consumer, by the very lines in them: here with the services on loopback in
// place of the public ones.
func TestPipelineExamples(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, folder, issuer, identity string
		release, consume               []string // scripts
		environment                    []string
	}{
		{
			name: "GitHub Actions", folder: "github-actions",
			issuer: "https://token.actions.githubusercontent.com", identity: "https://github.com/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0",
			release: workflowSteps(t, "release"), consume: workflowSteps(t, "consume"),
			environment: actionsEnvironment(),
		},
		{
			name: "GitLab CI", folder: "gitlab-ci",
			issuer: "https://gitlab.com", identity: "https://gitlab.com/greet/greet//.gitlab-ci.yml@refs/tags/v1.2.0",
			release: gitLabScript(t, "release"), consume: gitLabScript(t, "consume"),
			environment: []string{"GITLAB_CI=true", "CI=true", "SIGSTORE_ID_TOKEN=" + workflowToken(t)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := built(t, tt.folder)
			release := filepath.Join(dir, "release", "hallmark.yaml")
			shell := newProgram(t, "bash", "/bin/bash").in(dir).with(tt.environment...).with("GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary.md"))

			// Whoever the pipeline's token is for is not who was to sign.
			replace(t, release, "  keyless: true", "  keyless: true\n  signingConfig: "+services.Sigstore.SigningConfig+"\n  trustedRoot: "+services.Sigstore.TrustedRoot)
			step(shell, tt.release[0]).exits(1).says("refused: the certificate would be for "+workflowIdentity, "expected "+tt.identity)

			for _, file := range []string{release, filepath.Join(dir, "release", "trust.yaml")} {
				replace(t, file, tt.issuer+"\n", services.Issuer.Actions+"\n")
				replace(t, file, tt.identity, workflowIdentity)
			}
			for i, script := range tt.release {
				got := step(shell, script).exits(0)
				if i == 0 {
					got.says("PASSED: level basic", workflowIdentity, "transparency log, certificate log, timestamp authority")
				}
			}
			root, err := os.ReadFile(services.Sigstore.TrustedRoot)
			check(t, err)
			check(t, os.WriteFile(filepath.Join(dir, "release", "trusted_root.json"), root, 0o600))
			for _, script := range tt.consume {
				// As a consumer, there is no token.
				step(newProgram(t, "bash", "/bin/bash").in(dir), script).exits(0).says("verified", "level basic", workflowIdentity)
			}
			artifact := filepath.Join(dir, "dist", "greet_1.2.0_linux_amd64")
			check(t, os.WriteFile(artifact, []byte("something else"), 0o600))
			step(newProgram(t, "bash", "/bin/bash").in(dir), tt.consume[0]).exits(1).says("no-bundle")
		})
	}
}

// step runs a step of a pipeline as the runners do.
func step(shell *program, script string) result {
	shell.t.Helper()
	return shell.run("--noprofile", "--norc", "-eo", "pipefail", "-c", script)
}

// built is what the job that builds greet hands on, made of what the quickstart
// has of it: one artifact, reports, and what lies in the repository.
func built(t testing.TB, pipeline string) string {
	t.Helper()
	dir := t.TempDir()
	quickstart, own := filepath.Join(checkout, "examples", "quickstart"), filepath.Join(checkout, "examples", pipeline)
	for from, to := range map[string]string{
		"dist/greet_1.2.0_linux_amd64": "dist/greet_1.2.0_linux_amd64", "source/SECURITY.md": "SECURITY.md",
		"evidence/unit.json": "evidence/unit.json", "evidence/gitleaks.json": "evidence/gitleaks.json", "evidence/tags.txt": "evidence/tags.txt",
		"evidence/sbom-linux.spdx.json": "evidence/greet.spdx.json", "evidence/osv-linux.json": "evidence/osv.json",
		"evidence/greet.openvex.json": "release/greet.openvex.json",
	} {
		copyFile(t, filepath.Join(quickstart, from), filepath.Join(dir, to))
	}
	copyFile(t, filepath.Join(own, "policy.yaml"), filepath.Join(dir, "release", "policy.yaml"))
	copyFile(t, filepath.Join(own, "trust.yaml"), filepath.Join(dir, "release", "trust.yaml"))
	release := filepath.Join(dir, "release", "hallmark.yaml")
	copyFile(t, filepath.Join(own, "hallmark.in.yaml"), release)
	replace(t, release, "VERSION", "1.2.0")
	replace(t, release, "COMMIT", "5e56881774df3010319816adb1989a1399beb72b")
	replace(t, release, "PREVIOUS", "da79502cfa6d6e52500014a411d7c1b96c5b875c")
	replace(t, release, "SCANNED", "2026-11-22T17:33:26Z")
	// The reports age, and this is tested for as long as they are here.
	replace(t, release, "root: ..", "root: ..\nat: 2026-11-22T17:45:00Z")
	replace(t, filepath.Join(dir, "release", "trust.yaml"), "maxAge: 90d", "maxAge: unlimited")
	return dir
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	check(t, err)
	check(t, os.MkdirAll(filepath.Dir(to), 0o700))
	check(t, os.WriteFile(to, data, 0o600))
}

// replace changes every place in a file where old stands, and there must be one.
func replace(t testing.TB, file, old, now string) {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s does not hold %q", file, old)
	}
	check(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(data), old, now)), 0o600))
}

// workflowSteps are what the job of the example's workflow runs, without what
// installs.
func workflowSteps(t testing.TB, job string) []string {
	t.Helper()
	var workflow struct {
		Jobs map[string]struct{ Steps []struct{ Run string } }
	}
	readYAML(t, "github-actions/release.yml", &workflow)
	var out []string
	for _, s := range workflow.Jobs[job].Steps {
		out = append(out, s.Run)
	}
	return running(t, job, out)
}

// gitLabScript is the same for the job of a GitLab pipeline.
func gitLabScript(t testing.TB, job string) []string {
	t.Helper()
	var pipeline map[string]yaml.Node
	readYAML(t, "gitlab-ci/.gitlab-ci.yml", &pipeline)
	n := pipeline[job]
	var one struct{ Script []string }
	check(t, n.Decode(&one))
	return running(t, job, one.Script)
}

func readYAML(t testing.TB, example string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(checkout, "examples", example))
	check(t, err)
	check(t, yaml.Unmarshal(data, v))
}

// running are those scripts that run a program of ours.
func running(t testing.TB, job string, scripts []string) []string {
	t.Helper()
	var out []string
	for _, s := range scripts {
		if strings.HasPrefix(s, "hallmark") {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		t.Fatalf("the job %s runs nothing of ours", job)
	}
	return out
}
