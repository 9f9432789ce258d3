//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"testing"
)

// Beside the artifacts lies what cosign's users name, and it is the newest
// verdict, however often it is published; a bill that is referred to goes along.
func TestDirectoryForCosign(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	key, dist := filepath.Join(r.dir, "release.key"), filepath.Dir(r.artifacts[0])
	hallmark(t).run("key", "generate", "--out", key).exits(0)
	policy := filepath.Join(r.dir, "policy.yaml")
	data, err := os.ReadFile(policy)
	check(t, err)
	check(t, os.WriteFile(policy, append(data, "\nattest: {inlineLimit: 1KiB}\n"...), 0o644))

	for range 2 {
		hallmark(t).run("release", "-f", r.file, "--out", r.out, "--key", key, "--directory", dist).exits(0)
		for _, artifact := range r.artifacts {
			cosign := func(file string) result {
				return peer(t, "cosign").run("verify-blob-attestation", "--bundle", artifact+".sigstore.json", "--key", key+".pub",
					"--insecure-ignore-tlog", "--type", verdictType, file)
			}
			cosign(artifact).exits(0).says("Verified OK")
			cosign(r.file).fails()
			hallmarkVerify(t).run("-t", r.trust(), "-a", dist, artifact).exits(0).says("referred to, found, digest matches")
			hallmarkVerify(t).run("-t", r.trust(), "-a", artifact+".sigstore.json", artifact).exits(0)
		}
	}
	documents, err := filepath.Glob(filepath.Join(dist, "sha256-*.spdx.json"))
	check(t, err)
	if len(documents) != 2 {
		t.Fatalf("%d bills went out, want 2", len(documents))
	}
}
