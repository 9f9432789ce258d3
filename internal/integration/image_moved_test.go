//go:build integration

package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest/publish"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/verify/source"
)

// cosignTakes has cosign verify the verdict about i, in its older layout or in
// bundles.
func cosignTakes(t testing.TB, d deployment, i image, older bool) result {
	t.Helper()
	args := []string{
		"verify-attestation", "--allow-http-registry", "--trusted-root", d.TrustedRoot, "--type", verdictType,
		"--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, i.String(),
	}
	if older {
		args = append(args, "--new-bundle-format=false")
	}
	return peer(t, "cosign").run(args...)
}

// older are the arguments with which cosign signs and attests in its older
// layout.
func older(t testing.TB, token string) []string {
	t.Helper()
	return []string{
		"--new-bundle-format=false", "--use-signing-config=false", "--allow-http-registry", "--identity-token", token,
		"--fulcio-url", services.Fulcio, "--rekor-url", services.RekorV1, "--trusted-root", services.SigstoreV1.TrustedRoot,
	}
}

// attestVerdict has cosign attest about i what hallmark's verdict about r says.
func attestVerdict(t testing.TB, r release, i image, how ...string) {
	t.Helper()
	peer(t, "cosign").run(append([]string{"attest", "--type", verdictType, "--predicate", predicateOf(t, r.verdict()), i.String()}, how...)...).exits(0)
}

// newer is [older] for bundles.
func newer(t testing.TB, token string) []string {
	t.Helper()
	d := services.SigstoreV1
	return []string{"--allow-http-registry", "--identity-token", token, "--signing-config", d.SigningConfig, "--trusted-root", d.TrustedRoot}
}

// What hallmark publishes in cosign's older layout, cosign verifies there: the
// certificate, the log's promise and the statement. Beside it lies the bundle.
func TestOlderLayout(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	d := services.SigstoreV1
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			i := newImage(t, registry)
			attestVerdict(t, r, i, newer(t, writeFile(t, "token", workflowToken(t)))...)
			access := oci.Access{AllowHTTP: true}
			from, err := source.Registry(i.registry+"/"+i.repository, access)
			check(t, err)
			subject, err := criteria.ParseDigest(i.digest.String())
			check(t, err)
			bundles, err := from.Bundles(t.Context(), subject)
			check(t, err)
			if len(bundles) != 1 {
				t.Fatalf("%d bundles, want one", len(bundles))
			}
			to, err := publish.NewRegistry(i.registry+"/"+i.repository, access)
			check(t, err)
			to.Legacy = true
			_, err = to.PublishAll(t.Context(), nil, []publish.About{{Subject: subject, Bundle: bundles[0]}})
			check(t, err)
			cosignTakes(t, d, i, true).exits(0)
			cosignTakes(t, d, i, false).exits(0)
			trust := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity, "log", "sct")
			verifyImage(t, trust, i, i.digest).exits(0)
		})
	}
}

// What cosign attests in its older layout, hallmark finds and verifies.
func TestOlderLayoutByCosign(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	d := services.SigstoreV1
	for kind, registry := range registries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			i := newImage(t, registry)
			attestVerdict(t, r, i, older(t, writeFile(t, "token", workflowToken(t)))...)
			trust := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity, "log", "sct")
			verifyImage(t, trust, i, i.digest).exits(0)
			stranger := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity+"-rc1", "log", "sct")
			verifyImage(t, stranger, i, i.digest).refuses("untrusted-signer")
		})
	}
}

// An index that cosign signed and attested, in bundles and in its older layout,
// is moved to a registry of the other kind, by way of a layout, with everything:
// there, cosign and hallmark verify what they verified before.
func TestCopy(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	d := services.SigstoreV1
	all := registries()
	for from, registry := range all {
		for to, target := range all {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				i := newIndex(t, registry)
				token := writeFile(t, "token", workflowToken(t))
				for _, how := range [][]string{newer(t, token), older(t, token)} {
					peer(t, "cosign").run(append([]string{"sign", i.String()}, how...)...).exits(0)
					attestVerdict(t, r, i, how...)
				}
				moved := i
				moved.registry, moved.repository = target, i.repository+"-moved"
				layout := "oci:" + filepath.Join(t.TempDir(), "layout") + ":v1"
				for _, step := range [][2]string{{i.String(), layout}, {layout, moved.registry + "/" + moved.repository + ":v1"}} {
					got := hallmark(t).run("copy", "--allow-http-registry", step[0], step[1]).exits(0)
					if strings.Contains(got.stdout, "left") {
						t.Errorf("something was left behind:\n%s", got.stdout)
					}
				}
				for _, older := range []bool{true, false} {
					cosignTakes(t, d, moved, older).exits(0)
					args := []string{
						"verify", "--allow-http-registry", "--trusted-root", d.TrustedRoot,
						"--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions, moved.String(),
					}
					if older {
						args = append(args, "--new-bundle-format=false")
					}
					peer(t, "cosign").run(args...).exits(0)
				}
				trust := keylessTrust(t, d.TrustedRoot, services.Issuer.Actions, workflowIdentity, "log", "sct")
				verifyImage(t, trust, moved, moved.digest).exits(0)
				hallmark(t).run("copy", "--allow-http-registry", i.String(), moved.registry+"/"+moved.repository+":v1").exits(0).says("there")
			})
		}
	}
}
