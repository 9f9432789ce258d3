//go:build integration

package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// conformance is the client that Sigstore's conformance suite drives.
func conformance(t testing.TB) *program { return ours(t, "conformance") }

// What the client of the conformance suite signs through real services, it
// verifies itself, and so do cosign and sigstore-js; and it verifies what cosign
// signs.
func TestConformance(t *testing.T) {
	t.Parallel()
	artifact := writeFile(t, "a.txt", "DO NOT MODIFY ME!\n")
	other := writeFile(t, "b.txt", "something else\n")
	data, err := os.ReadFile(artifact)
	check(t, err)
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	statement, err := json.Marshal(map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"name": "a.txt", "digest": map[string]any{"sha256": hex.EncodeToString(sum[:])}}},
		"predicateType": "https://example.test/predicate", "predicate": map[string]any{},
	})
	check(t, err)
	for name, d := range map[string]deployment{"Rekor v1": services.SigstoreV1, "Rekor v2": services.Sigstore} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := []string{"--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions}
			verifies := func(bundle, what string, want int) {
				t.Helper()
				args := append([]string{"verify-bundle", "--bundle", bundle}, who...)
				conformance(t).run(append(args, "--trusted-root", d.TrustedRoot, what)...).exits(want)
			}
			sign := func(flag []string, file string) string {
				t.Helper()
				bundle := filepath.Join(t.TempDir(), "bundle.sigstore.json")
				args := append([]string{"sign-bundle"}, flag...)
				args = append(args, "--identity-token", workflowToken(t), "--bundle", bundle, "--trusted-root", d.TrustedRoot, "--signing-config", d.SigningConfig, file)
				conformance(t).run(args...).exits(0)
				return bundle
			}
			bytes := sign(nil, artifact)
			attested := sign([]string{"--in-toto"}, writeFile(t, "statement.json", string(statement)))
			cosigned := filepath.Join(t.TempDir(), "cosign.sigstore.json")
			peer(t, "cosign").run("sign-blob", "--identity-token", writeFile(t, "token", workflowToken(t)), "--signing-config", d.SigningConfig, "--trusted-root", d.TrustedRoot, "--bundle", cosigned, artifact).exits(0)
			for _, bundle := range []string{bytes, attested, cosigned} {
				verifies(bundle, artifact, 0)
				verifies(bundle, digest, 0)
				verifies(bundle, other, 1)
			}
			// Another identity, another issuer, another deployment's root.
			stranger := services.Stranger.TrustedRoot
			conformance(t).run("verify-bundle", "--bundle", bytes, "--certificate-identity", emailIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, "--trusted-root", d.TrustedRoot, artifact).exits(1)
			conformance(t).run("verify-bundle", "--bundle", bytes, "--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Email, "--trusted-root", d.TrustedRoot, artifact).exits(1)
			conformance(t).run("verify-bundle", "--bundle", bytes, "--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, "--trusted-root", stranger, artifact).exits(1)
			conformance(t).run("verify-bundle", "--bundle", bytes, "--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, artifact).exits(1)

			args := append([]string{"verify-blob", "--trusted-root", d.TrustedRoot, "--bundle", bytes}, who...)
			peer(t, "cosign").run(append(args, artifact)...).exits(0)
			args = append([]string{"verify-blob-attestation", "--type", "https://example.test/predicate", "--trusted-root", d.TrustedRoot, "--bundle", attested}, who...)
			peer(t, "cosign").run(append(args, artifact)...).exits(0)
			peer(t, "sigstore-js").run("--identity", workflowIdentity, "--issuer", services.Issuer.Actions, d.TrustedRoot, bytes, artifact).exits(0)
			peer(t, "sigstore-js").run("--identity", workflowIdentity, "--issuer", services.Issuer.Actions, d.TrustedRoot, attested).exits(0)
		})
	}
}
