//go:build integration

package integration

import (
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What cosign attests about an image is found where cosign puts it: by the
// referrers API where the registry has one, under the fallback tag where it has
// none. Beside it lies the image's signature, which cosign writes as a statement
// of its own kind.
func TestImagesByCosign(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	predicate := predicateOf(t, r.verdict())
	for kind, registry := range registries() {
		for name, d := range map[string]deployment{"Rekor v2": services.Sigstore, "Rekor v1": services.SigstoreV1} {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				i := newImage(t, registry)
				keyless := []string{"--allow-http-registry", "--signing-config", d.SigningConfig, "--trusted-root", d.TrustedRoot}
				token := writeFile(t, "token", workflowToken(t))
				peer(t, "cosign").run(append([]string{"sign", "--identity-token", token, i.String()}, keyless...)...).exits(0)
				trust := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity)
				verifyImage(t, trust, i, i.digest).refuses("no-bundle", "it is no verdict")

				peer(t, "cosign").run(append([]string{"attest", "--identity-token", token, "--type", verdictType, "--predicate", predicate, i.String()}, keyless...)...).exits(0)
				peer(t, "cosign").run("verify-attestation", "--allow-http-registry", "--trusted-root", d.TrustedRoot, "--type", verdictType,
					"--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, i.String()).exits(0)

				verifyImage(t, trust, i, i.digest).exits(0)
				// As people name it.
				hallmarkVerify(t).run("-t", trust, "--allow-http-registry", i.registry+"/"+i.repository+":v1").exits(0)
				fallback := strings.Replace(i.digest.String(), ":", "-", 1)
				if got, want := slices.Contains(i.tags(t), fallback), registry == services.RegistryWithout; got != want {
					t.Errorf("the fallback tag is there: %v, want %v", got, want)
				}
				other := newImage(t, registry)
				verifyImage(t, trust, i, other.digest).refuses("no-bundle")
				stranger := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity+"-rc1")
				got := verifyImage(t, stranger, i, i.digest).exits(1).reasons()
				if !slices.ContainsFunc(got, func(r reason) bool { return r.Code == "untrusted-signer" }) {
					t.Errorf("under another identity: %v, want untrusted-signer", got)
				}
			})
		}
	}
}

// What is attested about an index is not said of the images in it.
func TestIndexByCosign(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	d := services.Sigstore
	trust := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity)
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			i := newIndex(t, registry)
			peer(t, "cosign").run("attest", "--allow-http-registry", "--signing-config", d.SigningConfig, "--trusted-root", d.TrustedRoot, "--identity-token", writeFile(t, "token", workflowToken(t)),
				"--type", verdictType, "--predicate", predicateOf(t, r.verdict()), i.String()).exits(0)
			verifyImage(t, trust, i, i.digest).exits(0)
			if len(i.children) != 3 {
				t.Fatalf("the index has %d images, want 3", len(i.children))
			}
			for _, child := range i.children {
				verifyImage(t, trust, i, child).refuses("no-bundle")
			}
			// Whoever names the index means every image in it.
			hallmarkVerify(t).run("-t", trust, "--allow-http-registry", i.String()).exits(1)
		})
	}
}

// A registry that cannot be asked, or answers nonsense, is not one without
// attestations: that would hide a release's withdrawal.
func TestRegistryThatCannotTell(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	i := newImage(t, services.Registry)
	d := services.Sigstore
	peer(t, "cosign").run("attest", "--allow-http-registry", "--signing-config", d.SigningConfig, "--trusted-root", d.TrustedRoot, "--identity-token", writeFile(t, "token", workflowToken(t)),
		"--type", verdictType, "--predicate", predicateOf(t, r.verdict()), i.String()).exits(0)
	trust := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity)
	verifyImage(t, trust, i, i.digest).exits(0)

	for name, p := range map[string]*proxy{
		"down":                     newProxy(t, i.registry).down(),
		"server error":             newProxy(t, i.registry).lie(status(500)),
		"html":                     newProxy(t, i.registry).lie(html),
		"referrers: cut":           newProxy(t, i.registry).lieOn(path("/referrers/"), truncated),
		"referrers: endless":       newProxy(t, i.registry).lieOn(path("/referrers/"), endless),
		"manifests: server error":  newProxy(t, i.registry).lieOn(path("/manifests/"), status(500)),
		"manifests: another's":     newProxy(t, i.registry).lieOn(path("/manifests/"), altered),
		"blobs: wrong digest":      newProxy(t, i.registry).lieOn(path("/blobs/"), altered),
		"blobs: cut":               newProxy(t, i.registry).lieOn(path("/blobs/"), truncated),
		"blobs: gone":              newProxy(t, i.registry).lieOn(path("/blobs/"), status(404)),
		"blobs: html":              newProxy(t, i.registry).lieOn(path("/blobs/"), html),
		"blobs: of another server": newProxy(t, i.registry).lieOn(path("/blobs/"), redirect("http://"+refusing(t))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			via := i
			via.registry = p.host
			verifyImage(t, trust, via, i.digest).exits(3)
		})
	}
	t.Run("busy, then fine", func(t *testing.T) {
		t.Parallel()
		via := i
		via.registry = newProxy(t, i.registry).lieOn(path("/referrers/"), first(1, busy(1))).host
		verifyImage(t, trust, via, i.digest).exits(0)
	})
}

// verifyImage verifies subject by what lies in the repository of i.
func verifyImage(t testing.TB, trust string, i image, subject v1.Hash) result {
	t.Helper()
	return hallmarkVerify(t).run("-o", "json", "-t", trust, "--allow-http-registry", "--registry", i.registry+"/"+i.repository, subject.String())
}
