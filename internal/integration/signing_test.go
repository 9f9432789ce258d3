//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keylessArgs are release's arguments for signing r keyless at d with token.
func keylessArgs(t testing.TB, r release, d deployment, token string) []string {
	t.Helper()
	return []string{
		"release", "-f", r.file, "--out", r.out, "--identity-token", writeFile(t, "token", token),
		"--signing-config", d.SigningConfig, "--trusted-root", d.TrustedRoot,
	}
}

// What hallmark signs keyless, it verifies itself, and so do cosign and
// sigstore-js: all bundles, through either version of Rekor, for identities of
// every kind.
func TestKeyless(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		deployment
		token, issuer, identity string
		require                 string
	}{
		"Rekor v2, workflow": {services.Sigstore, workflowToken(t), services.Issuer.Actions, workflowIdentity, "[log, sct, timestamp]"},
		"Rekor v2, person":   {services.Sigstore, emailToken(t), services.Issuer.Email, emailIdentity, "[log, sct, timestamp]"},
		"Rekor v2, workload": {services.Sigstore, spiffeToken(t), services.Issuer.Spiffe, spiffeIdentity, "[log, sct, timestamp]"},
		"Rekor v1, workflow": {services.SigstoreV1, workflowToken(t), services.Issuer.Actions, workflowIdentity, "[log, sct]"},
		"Rekor v1, person":   {services.SigstoreV1, emailToken(t), services.Issuer.Email, emailIdentity, "[log, sct]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			args := keylessArgs(t, r, tt.deployment, tt.token)
			hallmark(t).run(args...).exits(0).says(tt.identity, tt.issuer, "transparency log", "cannot be removed").hides(tt.token)
			trust, err := os.ReadFile(r.trust())
			check(t, err)
			if !strings.Contains(string(trust), "require: "+tt.require) {
				t.Errorf("the trust file does not require %s:\n%s", tt.require, trust)
			}
			for _, a := range r.artifacts {
				hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), a).exits(0).says(tt.identity)
				peer(t, "cosign").run("verify-blob-attestation", "--bundle", r.verdict(), "--trusted-root", tt.TrustedRoot, "--type", verdictType,
					"--certificate-identity", tt.identity, "--certificate-oidc-issuer", tt.issuer, a).exits(0).says("Verified OK")
			}
			for _, b := range r.bundles(t) {
				// The test's verifier asks for a timestamp, or for the log's own.
				peer(t, "sigstore-js").run(tt.TrustedRoot, b).exits(0)
			}
			// Once for all statements: one certificate, and so one entry in the
			// certificate log.
			certificates := make(map[any]bool)
			for _, b := range r.bundles(t) {
				certificates[at(t, readJSON(t, b), "verificationMaterial", "certificate", "rawBytes")] = true
			}
			if len(certificates) != 1 {
				t.Errorf("%d certificates for one release, want 1", len(certificates))
			}
			// Again: nothing is signed, and nothing is logged.
			before := readJSON(t, r.verdict())
			hallmark(t).run(args...).exits(0).says("reused")
			if got, want := at(t, readJSON(t, r.verdict()), "dsseEnvelope", "signatures", 0, "sig"), at(t, before, "dsseEnvelope", "signatures", 0, "sig"); got != want {
				t.Error("the second run signed anew")
			}
		})
	}
}

// A key's signatures are entered into a log and stamped on request, and cosign
// checks that too.
func TestWitnessedKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		algorithm string
		deployment
		require string // empty: refused before anything is signed
	}{
		{"ecdsa-p256", services.Sigstore, "[log, timestamp]"},
		{"ecdsa-p256", services.SigstoreV1, "[log]"},
		{"rsa-3072", services.Sigstore, "[log, timestamp]"},
		{"rsa-3072", services.SigstoreV1, "[log]"},
		{"ed25519", services.SigstoreV1, "[log]"},
		{"ed25519", services.Sigstore, ""},
		{"ecdsa-p384", services.Sigstore, "[log, timestamp]"},
		{"ecdsa-p384", services.SigstoreV1, ""},
	} {
		t.Run(tt.algorithm+" "+filepath.Base(tt.SigningConfig), func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			key := filepath.Join(r.dir, "release.key")
			hallmark(t).run("key", "generate", "--out", key, "--algorithm", tt.algorithm).exits(0)
			got := hallmark(t).run("release", "-f", r.file, "--out", r.out, "--key", key, "--signing-config", tt.SigningConfig, "--trusted-root", tt.TrustedRoot)
			if tt.require == "" {
				got.exits(2).says("takes no signatures of " + tt.algorithm + " keys")
				r.unsigned(t)
				return
			}
			got.exits(0)
			trust, err := os.ReadFile(r.trust())
			check(t, err)
			if !strings.Contains(string(trust), "require: "+tt.require) {
				t.Errorf("the trust file does not require %s:\n%s", tt.require, trust)
			}
			hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)
			if tt.algorithm != "ecdsa-p384" { // cosign wants it over SHA-256
				peer(t, "cosign").run("verify-blob-attestation", "--bundle", r.verdict(), "--key", key+".pub", "--trusted-root", tt.TrustedRoot, "--type", verdictType, r.artifacts[0]).exits(0)
			}
			// Who trusts the key alone accepts it too.
			hallmarkVerify(t).run("-t", keyTrust(t, key+".pub"), "-a", r.attestations(), r.artifacts[0]).exits(0)
			// And a bundle that is not logged is not enough for who asks.
			stripped := alteredBundle(t, r.verdict(), func(b map[string]any) {
				delete(b["verificationMaterial"].(map[string]any), "tlogEntries")
			})
			hallmarkVerify(t).run("-o", "json", "-t", r.trust(), "-a", stripped, r.artifacts[0]).refuses("bad-signature")
		})
	}
}

// The services may be named one by one, as with cosign.
func TestServicesByAddress(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	token := workflowToken(t)
	// So may the token itself, though others on the machine see arguments.
	hallmark(t).run("release", "-f", r.file, "--out", r.out, "--identity-token", token, "--trusted-root", services.Sigstore.TrustedRoot,
		"--fulcio-url", services.Fulcio, "--rekor-url", services.Rekor, "--rekor-version", "2", "--timestamp-server-url", services.Timestamp).exits(0).hides(token)
	hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)

	// A key with a timestamp and no log: its signature is witnessed, and no
	// name of the release left the house.
	key := filepath.Join(r.dir, "release.key")
	hallmark(t).run("key", "generate", "--out", key).exits(0)
	stamped := newRelease(t)
	hallmark(t).run("release", "-f", stamped.file, "--out", stamped.out, "--key", key, "--private", "--trusted-root", services.Sigstore.TrustedRoot,
		"--timestamp-server-url", services.Timestamp).exits(0).says("private", "no log entry", "timestamp authority")
	hallmarkVerify(t).run("-t", stamped.trust(), "-a", stamped.attestations(), stamped.artifacts[0]).exits(0)
}

// What hallmark.yaml says is done without flags, and a flag that asks for a key
// replaces it.
func TestSignerInTheReleaseFile(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	r.set(t, "signer:\n  keyless: true\n  signingConfig: "+services.Sigstore.SigningConfig+"\n  trustedRoot: "+services.Sigstore.TrustedRoot+
		"\n  identity: "+workflowIdentity+"\n  issuer: "+services.Issuer.Actions+"\n")
	hallmark(t).with(actionsEnvironment()...).run("release", "-f", r.file, "--out", r.out).exits(0).says(workflowIdentity)
	hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0)

	key := filepath.Join(r.dir, "release.key")
	hallmark(t).run("key", "generate", "--out", key).exits(0)
	hallmark(t).run("release", "-f", r.file, "--out", r.out, "--key", key).exits(0)
	hallmarkVerify(t).run("-t", keyTrust(t, key+".pub"), "-a", r.attestations(), r.artifacts[0]).exits(0)
}

// Whoever is not who was to sign signs nothing, and nothing of him is logged.
func TestSomebodyElsesToken(t *testing.T) {
	t.Parallel()
	log, authority := newProxy(t, services.Rekor), newProxy(t, services.Fulcio)
	d := deployment{signingConfig(t, services.Sigstore.SigningConfig, services.Rekor, log.url, services.Fulcio, authority.url), services.Sigstore.TrustedRoot}
	r := newRelease(t)
	token := emailToken(t)
	args := append(keylessArgs(t, r, d, token), "--certificate-identity", workflowIdentity, "--certificate-oidc-issuer", services.Issuer.Actions)
	hallmark(t).run(args...).exits(1).says("refused", emailIdentity, workflowIdentity).hides(token)
	r.unsigned(t)
	if n := log.requests("POST"); n != 0 {
		t.Errorf("%d entries were made, want none", n)
	}
	if n := authority.requests("signingCert"); n > 1 {
		t.Errorf("%d certificates were asked for, want at most one", n)
	}
}
