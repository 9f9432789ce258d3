//go:build integration

package integration

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

// cosignVerdict has cosign attest, keyless, the verdict that hallmark gave about
// r's first artifact, and returns the bundle. r must have been signed.
func cosignVerdict(t testing.TB, r release, d deployment, token string) string {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "cosign.sigstore.json")
	args := []string{"attest-blob", "--identity-token", writeFile(t, "token", token), "--type", verdictType, "--predicate", predicateOf(t, r.verdict()), "--bundle", bundle}
	if d.SigningConfig != "" {
		args = append(args, "--signing-config", d.SigningConfig)
	}
	if d.TrustedRoot != "" {
		args = append(args, "--trusted-root", d.TrustedRoot)
	}
	peer(t, "cosign").run(append(args, r.artifacts[0])...).exits(0).hides(token)
	return bundle
}

// signedRelease is a release that hallmark has judged and signed with a key.
func signedRelease(t testing.TB) release {
	t.Helper()
	r := newRelease(t)
	key := filepath.Join(r.dir, "release.key")
	hallmark(t).run("key", "generate", "--out", key).exits(0)
	hallmark(t).run("release", "-f", r.file, "--out", r.out, "--key", key).exits(0)
	return r
}

// statementOf is the statement in a bundle.
func statementOf(t testing.TB, bundle string) map[string]any {
	t.Helper()
	b := readJSON(t, bundle)
	var s map[string]any
	check(t, json.Unmarshal(decode(t, at(t, b, "dsseEnvelope", "payload")), &s))
	return s
}

// predicateOf writes the predicate of a bundle's statement into a file.
func predicateOf(t testing.TB, bundle string) string {
	t.Helper()
	return writeJSON(t, "predicate.json", statementOf(t, bundle)["predicate"])
}

// alteredBundle is a copy of a bundle that change has altered.
func alteredBundle(t testing.TB, bundle string, change func(b map[string]any)) string {
	t.Helper()
	b := readJSON(t, bundle)
	change(b)
	return writeJSON(t, filepath.Base(bundle), b)
}

// What cosign attests keyless, hallmark-verify accepts: cosign writes Statement
// v0.1, logs a hashedrekord over the envelope's PAE in Rekor v2, and a dsse
// entry in Rekor v1.
func TestCosignKeyless(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	for name, tt := range map[string]struct {
		deployment
		token, issuer, identity string
		entry                   string
		require                 []string
	}{
		"Rekor v2, workflow": {services.Sigstore, workflowToken(t), services.Issuer.Actions, workflowIdentity, "hashedrekord 0.0.2", []string{"log", "sct", "timestamp"}},
		"Rekor v2, person":   {services.Sigstore, emailToken(t), services.Issuer.Email, emailIdentity, "hashedrekord 0.0.2", []string{"log", "sct", "timestamp"}},
		"Rekor v2, workload": {services.Sigstore, spiffeToken(t), services.Issuer.Spiffe, spiffeIdentity, "hashedrekord 0.0.2", nil},
		"Rekor v1, workflow": {services.SigstoreV1, workflowToken(t), services.Issuer.Actions, workflowIdentity, "dsse 0.0.1", []string{"log", "sct"}},
		"Rekor v1, person":   {services.SigstoreV1, emailToken(t), services.Issuer.Email, emailIdentity, "dsse 0.0.1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle := cosignVerdict(t, r, tt.deployment, tt.token)
			if got := statementOf(t, bundle)["_type"]; got != "https://in-toto.io/Statement/v0.1" {
				t.Errorf("cosign wrote a %v: this test is of Statement v0.1", got)
			}
			kind := at(t, readJSON(t, bundle), "verificationMaterial", "tlogEntries", 0, "kindVersion")
			if got := at(t, kind, "kind").(string) + " " + at(t, kind, "version").(string); got != tt.entry {
				t.Errorf("cosign logged %s, want %s", got, tt.entry)
			}
			trust := keylessTrust(t, tt.TrustedRoot, tt.issuer, tt.identity, tt.require...)
			hallmarkVerify(t).run("-t", trust, "-a", bundle, r.artifacts[0]).exits(0).says("verified", resourceURI, tt.identity)
			// The very same in hallmark.
			hallmark(t).run("verify", "-t", trust, "-a", bundle, r.artifacts[0]).exits(0)
		})
	}
}
