//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// signingConfig is a copy of a signing config in which each old URL is a new
// one: signingConfig(t, services.Sigstore.SigningConfig, services.Rekor, p.url).
func signingConfig(t testing.TB, file string, oldnew ...string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(string(data), `"`+oldnew[i]+`"`) {
			t.Fatalf("%s does not name %s", file, oldnew[i])
		}
	}
	for i := range oldnew {
		oldnew[i] = `"` + oldnew[i] + `"`
	}
	return writeFile(t, "signing_config.json", strings.NewReplacer(oldnew...).Replace(string(data)))
}

// trustedRoot is a copy of a trusted root that change has altered.
func trustedRoot(t testing.TB, file string, change func(root map[string]any)) string {
	t.Helper()
	root := readJSON(t, file)
	change(root)
	return writeJSON(t, "trusted_root.json", root)
}

// keylessTrust is a trust file for the example's release that trusts identity of
// issuer under the trusted root, and asks for the witnesses in require, if any.
func keylessTrust(t testing.TB, root, issuer, identity string, require ...string) string {
	t.Helper()
	absolute, err := filepath.Abs(root)
	check(t, err)
	signer := fmt.Sprintf("  - name: workflow\n    issuer: %s\n    identity: %s\n    trustedRoot: %s\n", issuer, identity, absolute)
	if len(require) > 0 {
		signer += "    require: [" + strings.Join(require, ", ") + "]\n"
	}
	return trustFile(t, signer)
}

// keyTrust is a trust file for the example's release that trusts a public key.
func keyTrust(t testing.TB, public string) string {
	t.Helper()
	pem, err := os.ReadFile(public)
	check(t, err)
	return trustFile(t, "  - name: key\n    key: |\n      "+strings.ReplaceAll(strings.TrimSpace(string(pem)), "\n", "\n      ")+"\n")
}

// trustFile trusts signers, given as YAML.
func trustFile(t testing.TB, signers string) string {
	t.Helper()
	return writeFile(t, "trust.yaml", "verifier: "+verifierID+"\nresource: "+resourceURI+"\nlevel: standard\nmaxAge: unlimited\nsigners:\n"+signers)
}
