//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"testing"
)

// What hallmark signs with a key, others verify: cosign the bundles, and
// slsa-verifier the bare envelope. P-384 is not among them: cosign wants it
// signed over SHA-256 and slsa-verifier over SHA-384.
func TestKeysOfEveryKind(t *testing.T) {
	for _, algorithm := range []string{"ecdsa-p256", "rsa-3072", "ed25519"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			key := filepath.Join(r.dir, "release.key")
			hallmark(t).run("key", "generate", "--out", key, "--algorithm", algorithm).exits(0)
			hallmark(t).run("release", "-f", r.file, "--out", r.out, "--key", key).exits(0)
			hallmarkVerify(t).run(append([]string{"-t", r.trust(), "-a", r.attestations()}, r.artifacts...)...).exits(0)

			envelope := filepath.Join(r.dir, "verdict.dsse.json")
			hallmark(t).run("attest", "-f", r.file, "--out", r.out, "--key", key, "--envelope", envelope).exits(0)
			other := filepath.Join(r.dir, "other")
			check(t, os.WriteFile(other, []byte("not what was released"), 0o600))

			cosign := func(artifact string) result {
				return peer(t, "cosign").run("verify-blob-attestation", "--bundle", r.verdict(), "--key", key+".pub", "--insecure-ignore-tlog", "--type", verdictType, artifact)
			}
			slsa := func(artifact, level string) result {
				return peer(t, "slsa-verifier").run("verify-vsa", "--attestation-path", envelope, "--subject-digest", digest(t, artifact).String(),
					"--verifier-id", verifierID, "--resource-uri", resourceURI, "--verified-level", level, "--public-key-path", key+".pub")
			}
			for _, artifact := range r.artifacts {
				cosign(artifact).exits(0).says("Verified OK")
				slsa(artifact, "HALLMARK_RELEASE_STANDARD").exits(0).says("PASSED")
			}
			cosign(other).fails()
			slsa(other, "HALLMARK_RELEASE_STANDARD").fails()
			slsa(r.artifacts[0], "HALLMARK_RELEASE_ADVANCED").fails()
		})
	}
}

// Another's key verifies nothing, whoever looks.
func TestAnotherKey(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	key, stranger := filepath.Join(r.dir, "release.key"), filepath.Join(r.dir, "stranger.key")
	for _, k := range []string{key, stranger} {
		hallmark(t).run("key", "generate", "--out", k).exits(0)
	}
	hallmark(t).run("release", "-f", r.file, "--out", r.out, "--key", key).exits(0)
	hallmarkVerify(t).run("-o", "json", "-t", keyTrust(t, stranger+".pub"), "-a", r.verdict(), r.artifacts[0]).
		refuses("untrusted-signer", "none of the trusted keys signed it")
	peer(t, "cosign").run("verify-blob-attestation", "--bundle", r.verdict(), "--key", stranger+".pub", "--insecure-ignore-tlog", "--type", verdictType, r.artifacts[0]).fails()
}

// A key of cosign's signs for hallmark, and is asked for its password.
func TestCosignKey(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	const password = "correct horse battery staple"
	peer(t, "cosign").in(r.dir).with("COSIGN_PASSWORD=" + password).run("generate-key-pair").exits(0)
	key := filepath.Join(r.dir, "cosign.key")
	hallmark(t).with("COSIGN_PASSWORD="+password).run("release", "-f", r.file, "--out", r.out, "--key", key).exits(0).hides(password)
	hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)
	peer(t, "cosign").run("verify-blob-attestation", "--bundle", r.verdict(), "--key", filepath.Join(r.dir, "cosign.pub"), "--insecure-ignore-tlog", "--type", verdictType, r.artifacts[0]).exits(0)
	hallmark(t).with("COSIGN_PASSWORD=wrong").run("release", "-f", r.file, "--out", filepath.Join(r.dir, "out2"), "--key", key).exits(2).hides(password)
}
