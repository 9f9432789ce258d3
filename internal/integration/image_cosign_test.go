//go:build integration

package integration

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// What cosign attests about an image is found where cosign puts it: by the
// referrers API where the registry has one, under the fallback tag where it has
// none. Beside it lies the image's signature, which is no statement.
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
				if err := verifyImage(t, trust, i, i.digest); !rejected(err, verify.BadEnvelope) && !rejected(err, verify.NoBundle) {
					t.Fatalf("with a signature and no statement: %v, want a refusal", err)
				}
				peer(t, "cosign").run(append([]string{"attest", "--identity-token", token, "--type", verdictType, "--predicate", predicate, i.String()}, keyless...)...).exits(0)
				peer(t, "cosign").run("verify-attestation", "--allow-http-registry", "--trusted-root", d.TrustedRoot, "--type", verdictType,
					"--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, i.String()).exits(0)

				check(t, verifyImage(t, trust, i, i.digest))
				fallback := strings.Replace(i.digest.String(), ":", "-", 1)
				if got, want := slices.Contains(i.tags(t), fallback), registry == services.RegistryWithout; got != want {
					t.Errorf("the fallback tag is there: %v, want %v", got, want)
				}
				other := newImage(t, registry)
				if err := verifyImage(t, trust, i, other.digest); !rejected(err, verify.NoBundle) {
					t.Errorf("of another image: %v, want %s", err, verify.NoBundle)
				}
				stranger := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity+"-rc1")
				if err := verifyImage(t, stranger, i, i.digest); !rejected(err, verify.UntrustedSigner) {
					t.Errorf("under another identity: %v, want %s", err, verify.UntrustedSigner)
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
			check(t, verifyImage(t, trust, i, i.digest))
			if len(i.children) != 3 {
				t.Fatalf("the index has %d images, want 3", len(i.children))
			}
			for _, child := range i.children {
				if err := verifyImage(t, trust, i, child); !rejected(err, verify.NoBundle) {
					t.Errorf("of an image in it: %v, want %s", err, verify.NoBundle)
				}
			}
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
	check(t, verifyImage(t, trust, i, i.digest))

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
			err := verifyImage(t, trust, via, i.digest)
			var no *verify.RejectionError
			if err == nil || errors.As(err, &no) {
				t.Errorf("Verify: %v, want that it could not tell", err)
			}
		})
	}
	t.Run("busy, then fine", func(t *testing.T) {
		t.Parallel()
		via := i
		via.registry = newProxy(t, i.registry).lieOn(path("/referrers/"), first(1, busy(1))).host
		check(t, verifyImage(t, trust, via, i.digest))
	})
}

// verifyImage verifies subject by what lies in the repository of i.
func verifyImage(t testing.TB, trust string, i image, subject v1.Hash) error {
	t.Helper()
	data, err := os.ReadFile(trust)
	check(t, err)
	want, err := verify.ParseTrust(trust, data)
	check(t, err)
	src, err := source.Registry(i.registry+"/"+i.repository, oci.Access{AllowHTTP: true})
	check(t, err)
	v, err := verify.New(src, want)
	check(t, err)
	digest, err := criteria.ParseDigest(subject.String())
	check(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = v.Verify(ctx, digest)
	return err
}

// rejected reports whether err is a refusal in which some reason has code.
func rejected(err error, code string) bool {
	var no *verify.RejectionError
	return errors.As(err, &no) && no.Has(code)
}
