//go:build integration

package integration

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The example of an image runs as its README says, with both kinds of signer, in
// both kinds of registry; and the image can be taken to a registry of the other
// kind with all that is known about it.
func TestContainerExample(t *testing.T) {
	t.Parallel()
	other := map[string]string{services.Registry: services.RegistryWithout, services.RegistryWithout: services.Registry}
	for kind, registry := range registries() {
		for _, signer := range []string{"key", "keyless"} {
			t.Run(kind+", "+signer, func(t *testing.T) {
				t.Parallel()
				out := filepath.Join(t.TempDir(), "out")
				var options []string
				if signer == "key" {
					key := filepath.Join(t.TempDir(), "release.key")
					hallmark(t).run("key", "generate", "--out", key).exits(0)
					options = []string{"--key", key}
				} else {
					options = []string{
						"--identity-token", writeFile(t, "token", workflowToken(t)),
						"--signing-config", services.Sigstore.SigningConfig, "--trusted-root", services.Sigstore.TrustedRoot,
					}
				}
				// The image has always the same digests, and servers may be kept from
				// one run to the next.
				own := repository(t) + "/" + strconv.FormatInt(time.Now().UnixNano(), 36)
				where := registry + "/" + own
				script := example(t, "container/release.sh").with("HALLMARK_EXAMPLE_REGISTRY=" + where)
				got := script.run(append([]string{out}, options...)...).exits(0)
				image := where + "/greet:1.2.0"
				got.says("copied 1 index 2 images 1 tag", "PASSED: level standard", "published "+where+"/greet and verified there", "verified "+image)
				index, children := digestsOf(t, got)

				// By tag, by digest, and each image by its own.
				trust := filepath.Join(out, "trust.yaml")
				for _, name := range append([]string{image, where + "/greet@" + index}, named(where+"/greet", children)...) {
					hallmarkVerify(t).run("-t", trust, "--allow-http-registry", name).exits(0).says("verified", "level standard")
				}
				if signer == "keyless" {
					for _, name := range append(named(where+"/greet", children), where+"/greet@"+index) {
						peer(t, "cosign").run("verify-attestation", "--allow-http-registry", "--trusted-root", services.Sigstore.TrustedRoot, "--type", verdictType,
							"--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, name).exits(0)
					}
				}

				// Again: the same image, and nothing is signed anew.
				again := script.run(append([]string{out}, options...)...).exits(0).says("there 1 index 2 images 1 tag", "reused verdict")
				if strings.Contains(again.stdout, "\nsigned ") {
					t.Errorf("the second run signed anew:\n%s", again.stdout)
				}

				// Elsewhere it is the same release, to whoever has the same trust file.
				mirror := other[registry] + "/" + own + "/mirror:1.2.0"
				hallmark(t).run("copy", "--allow-http-registry", image, mirror).exits(0).says("copied 1 index 2 images")
				hallmarkVerify(t).run("-t", trust, "--allow-http-registry", mirror).exits(0)
			})
		}
	}
}

// digestsOf are those that the example's image program prints.
func digestsOf(t testing.TB, r result) (index string, children []string) {
	t.Helper()
	for line := range strings.Lines(r.stdout) {
		words := strings.Fields(line)
		if len(words) != 2 || !strings.HasPrefix(words[0], "sha256:") {
			continue
		}
		if words[1] == "index" {
			index = words[0]
		} else {
			children = append(children, words[0])
		}
	}
	if index == "" || len(children) != 2 {
		t.Fatalf("%s\nprints no index with two images\n%s", r.line, r.stdout)
	}
	return index, children
}

// named are digests in repository.
func named(repository string, digests []string) []string {
	var out []string
	for _, d := range digests {
		out = append(out, repository+"@"+d)
	}
	return out
}

// example is a script of the examples. It finds the Go command, with the caches
// of whoever runs the tests.
func example(t testing.TB, script string) *program {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(checkout, "examples", script))
	check(t, err)
	p := newProgram(t, filepath.Base(script), path)
	for _, name := range []string{"GOPATH", "GOCACHE", "GOMODCACHE", "GOENV"} {
		value, err := exec.Command("go", "env", name).Output()
		check(t, err)
		p = p.with(name + "=" + strings.TrimSpace(string(value)))
	}
	return p
}
