//go:build integration

package integration

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
)

// What cosign refuses of keyless bundles, hallmark-verify refuses, each for its
// own reason. What can be made for real is made for real; the rest is the real
// bundle, or what the consumer trusts, with one thing changed.
func TestKeylessRefused(t *testing.T) {
	t.Parallel()
	r := signedRelease(t)
	artifact := r.artifacts[0]
	v2, v1 := services.Sigstore, services.SigstoreV1
	good2, good1 := cosignVerdict(t, r, v2, workflowToken(t)), cosignVerdict(t, r, v1, workflowToken(t))
	again2, again1 := cosignVerdict(t, r, v2, workflowToken(t)), cosignVerdict(t, r, v1, workflowToken(t))
	byStranger := cosignVerdict(t, r, services.Stranger.deployment, workflowToken(t))

	// cosign itself would not go without a timestamp here.
	noLog := cosignVerdict(t, r, deployment{alteredBundle(t, v2.SigningConfig, func(c map[string]any) { delete(c, "rekorTlogUrls") }), v2.TrustedRoot}, workflowToken(t))

	// A signature of the bytes says nothing about them.
	blob := filepath.Join(r.dir, "blob.sigstore.json")
	peer(t, "cosign").run("sign-blob", "--identity-token", writeFile(t, "token", workflowToken(t)), "--signing-config", v2.SigningConfig, "--trusted-root", v2.TrustedRoot, "--bundle", blob, artifact).exits(0)

	trust := func(root string) string {
		return keylessTrust(t, root, services.Issuer.Actions, workflowIdentity)
	}
	root := func(file string, change func(root map[string]any)) string { return trust(trustedRoot(t, file, change)) }
	material := func(bundle string, change func(m map[string]any)) string {
		return alteredBundle(t, bundle, func(b map[string]any) { change(at(t, b, "verificationMaterial").(map[string]any)) })
	}
	entry := func(bundle string, change func(e map[string]any)) string {
		return material(bundle, func(m map[string]any) { change(at(t, m, "tlogEntries", 0).(map[string]any)) })
	}
	materialOf := func(bundle, member string) any { return at(t, readJSON(t, bundle), "verificationMaterial", member) }
	expired := func(member string) func(root map[string]any) {
		return func(root map[string]any) {
			span := map[string]any{"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
			switch one := at(t, root, member, 0).(map[string]any); {
			case one["publicKey"] != nil:
				one["publicKey"].(map[string]any)["validFor"] = span
			default:
				one["validFor"] = span
			}
		}
	}
	other := filepath.Join(r.dir, "other")
	check(t, os.WriteFile(other, []byte("not what was released"), 0o600))

	for name, tt := range map[string]struct {
		trust, bundle, artifact string
		code, message           string
	}{
		"another identity":         {keylessTrust(t, v2.TrustedRoot, services.Issuer.Actions, workflowIdentity+"-rc1"), good2, artifact, "untrusted-signer", "it is signed by \"" + workflowIdentity},
		"another issuer":           {keylessTrust(t, v2.TrustedRoot, services.Issuer.Email, workflowIdentity), good2, artifact, "untrusted-signer", "of issuer \"" + services.Issuer.Actions},
		"another identity, v1":     {keylessTrust(t, v1.TrustedRoot, services.Issuer.Actions, workflowIdentity+"-rc1"), good1, artifact, "untrusted-signer", "signed by"},
		"another artifact":         {trust(v2.TrustedRoot), good2, other, "no-bundle", "no bundle about it was found"},
		"another artifact, v1":     {trust(v1.TrustedRoot), good1, other, "no-bundle", "no bundle about it was found"},
		"an unknown authority":     {trust(v2.TrustedRoot), byStranger, artifact, "bad-signature", "from no certificate authority that the trusted root lists"},
		"no SCT":                   {root(services.Stranger.TrustedRoot, func(m map[string]any) { m["ctlogs"] = readJSON(t, v2.TrustedRoot)["ctlogs"] }), byStranger, artifact, "bad-signature", "no certificate log has promised to hold its certificate"},
		"an SCT of an unknown log": {root(v2.TrustedRoot, func(m map[string]any) { m["ctlogs"] = m["tlogs"] }), good2, artifact, "bad-signature", "in no certificate log that the trusted root trusted then"},
		"timestamp taken out":      {trust(v2.TrustedRoot), material(good2, func(m map[string]any) { delete(m, "timestampVerificationData") }), artifact, "bad-signature", "nobody says when it was signed"},
		"another's timestamp": {trust(v2.TrustedRoot), material(good2, func(m map[string]any) {
			m["timestampVerificationData"] = materialOf(again2, "timestampVerificationData")
		}), artifact, "bad-signature", "its timestamp does not verify: hashed messages don't match"},
		"an unknown timestamp authority": {root(v2.TrustedRoot, func(m map[string]any) {
			m["timestampAuthorities"].([]any)[0].(map[string]any)["certChain"] = at(t, m, "certificateAuthorities", 0, "certChain")
		}), good2, artifact, "bad-signature", "its timestamp does not verify: leaf certificate must be present"},
		"no log entry":            {trust(v2.TrustedRoot), noLog, artifact, "bad-signature", "it has no log entry"},
		"log entry taken out":     {trust(v2.TrustedRoot), material(good2, func(m map[string]any) { delete(m, "tlogEntries") }), artifact, "bad-signature", "it has no log entry"},
		"log entry taken out, v1": {trust(v1.TrustedRoot), material(good1, func(m map[string]any) { delete(m, "tlogEntries") }), artifact, "bad-signature", "it has no log entry"},
		"another's log entry":     {trust(v2.TrustedRoot), material(good2, func(m map[string]any) { m["tlogEntries"] = materialOf(again2, "tlogEntries") }), artifact, "bad-signature", "its log entry is not of this signature"},
		"another's log entry, v1": {trust(v1.TrustedRoot), material(good1, func(m map[string]any) { m["tlogEntries"] = materialOf(again1, "tlogEntries") }), artifact, "bad-signature", "its log entry does not verify: transparency log signature does not match"},
		"an unknown log":          {root(v2.TrustedRoot, func(m map[string]any) { m["tlogs"] = readJSON(t, v1.TrustedRoot)["tlogs"] }), good2, artifact, "bad-signature", "from no log that the trusted root lists"},
		"an unknown log, v1":      {root(v1.TrustedRoot, func(m map[string]any) { m["tlogs"] = readJSON(t, v2.TrustedRoot)["tlogs"] }), good1, artifact, "bad-signature", "from no log that the trusted root lists"},
		"an altered checkpoint": {trust(v2.TrustedRoot), entry(good2, func(e map[string]any) {
			c := at(t, e, "inclusionProof", "checkpoint").(map[string]any)
			c["envelope"] = flipDigit(t, c["envelope"].(string))
		}), artifact, "bad-signature", "its log entry does not verify: verifying log entry: unverified checkpoint signature"},
		"an earlier log time, v1":              {trust(v1.TrustedRoot), entry(good1, func(e map[string]any) { e["integratedTime"] = "1700000000" }), artifact, "bad-signature", "its log entry does not verify"},
		"an authority that had ended":          {root(v2.TrustedRoot, expired("certificateAuthorities")), good2, artifact, "bad-signature", "trusts its certificate authority until 2021-01-01T00:00:00Z"},
		"an authority that had ended, v1":      {root(v1.TrustedRoot, expired("certificateAuthorities")), good1, artifact, "bad-signature", "trusts its certificate authority until 2021-01-01T00:00:00Z"},
		"a log that had ended":                 {root(v2.TrustedRoot, expired("tlogs")), good2, artifact, "bad-signature", "trusts its log until 2021-01-01T00:00:00Z"},
		"a certificate log that had ended":     {root(v2.TrustedRoot, expired("ctlogs")), good2, artifact, "bad-signature", "in no certificate log that the trusted root trusted then"},
		"a timestamp authority that had ended": {root(v2.TrustedRoot, expired("timestampAuthorities")), good2, artifact, "bad-signature", "its timestamp does not verify: timestamp is after the validity period end"},
		"another's certificate":                {trust(v2.TrustedRoot), material(good2, func(m map[string]any) { m["certificate"] = materialOf(again2, "certificate") }), artifact, "bad-signature", "its log entry is not of this signature"},
		"an altered statement": {trust(v2.TrustedRoot), alteredBundle(t, good2, func(b map[string]any) {
			e := at(t, b, "dsseEnvelope").(map[string]any)
			e["payload"] = base64.StdEncoding.EncodeToString(append(decode(t, e["payload"]), ' '))
		}), artifact, "bad-signature", "its log entry is not of this signature"},
		"a signature and no statement": {trust(v2.TrustedRoot), blob, artifact, "bad-envelope", "it signs bytes and not a statement"},
		"only a key is trusted":        {keyTrust(t, filepath.Join(r.dir, "release.key.pub")), good2, artifact, "untrusted-signer", "no identity is trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hallmarkVerify(t).run("-o", "json", "-t", tt.trust, "-a", tt.bundle, tt.artifact).refuses(tt.code, tt.message)
		})
	}
}

// flipDigit changes the tree size in a checkpoint, which is the second line.
func flipDigit(t testing.TB, s string) string {
	t.Helper()
	b := []byte(s)
	for i, c := range b {
		if c == '\n' && i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9' {
			b[i+1] = '0' + (b[i+1]-'0'+1)%10
			return string(b)
		}
	}
	t.Fatalf("%q is no checkpoint", s)
	return ""
}
