package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The suite itself, where there is a checkout of it: HALLMARK_CONFORMANCE_SUITE
// is the folder of github.com/sigstore/sigstore-conformance. Cases without a root
// mean the public-good instance of today, which is newer than the root that is
// built in: HALLMARK_CONFORMANCE_ROOT is a file with it.
func TestSuite(t *testing.T) {
	dir := os.Getenv("HALLMARK_CONFORMANCE_SUITE")
	if dir == "" {
		t.Skip("HALLMARK_CONFORMANCE_SUITE names no checkout of sigstore-conformance: only what is made anew was run")
	}
	assets := filepath.Join(dir, "test", "assets", "bundle-verify")
	bundles, err := filepath.Glob(filepath.Join(assets, "*", "bundle.sigstore.json"))
	if err != nil || len(bundles) == 0 {
		t.Fatalf("no case in %s: %v", assets, err)
	}
	known := make(map[string]bool)
	for _, c := range cases() {
		known[c.name] = true
	}
	var n tally
	for _, bundle := range bundles {
		dir := filepath.Dir(bundle)
		name := filepath.Base(dir)
		if !known[name] {
			t.Logf("%s is new: nothing like it is made here", name)
		}
		c := read(t, dir, assets)
		for _, digest := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				code, said := answer(t, c.args(t, t.TempDir(), digest))
				wantFail := strings.HasSuffix(name, fails)
				n.add(wantFail, code)
				if (code != yes) != wantFail {
					t.Errorf("digest %v: exit code %d: %s", digest, code, said)
				}
			})
		}
	}
	n.report(t, "the suite's own bundles")
}

// read is a case of the suite, by the rules of its README.
func read(t *testing.T, dir, assets string) bundleCase {
	t.Helper()
	file := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return data
	}
	c := bundleCase{
		bundle: file("bundle.sigstore.json"), root: file("trusted_root.json"), key: file("key.pub"), artifact: file("artifact"),
		identity: strings.TrimSpace(string(file("identity"))), issuer: strings.TrimSpace(string(file("issuer"))),
		both: filepath.Base(dir) == "managed-key-and-client-identity_fail",
	}
	if path := os.Getenv("HALLMARK_CONFORMANCE_ROOT"); c.root == nil && path != "" {
		var err error
		if c.root, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if c.identity == "" {
		c.identity = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
	}
	if c.artifact == nil {
		var err error
		if c.artifact, err = os.ReadFile(filepath.Join(assets, "a.txt")); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// moduleData is the test data that the module sigstore-go ships: bundles that the
// public-good instance and GitHub made.
func moduleData(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/sigstore-go").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "pkg", "testing", "data")
	if err != nil || dir == filepath.Join("pkg", "testing", "data") {
		t.Skipf("the module sigstore-go is not in the module cache: %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the module sigstore-go has no test data: %v", err)
	}
	return dir
}

// Bundles that real services made.
func TestRealBundles(t *testing.T) {
	dir := moduleData(t)
	const provenance = "sigstore.js@2.0.0-provenance.sigstore.json"
	digest := "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c"
	for _, tt := range []struct {
		bundle, root, identity, issuer, subject string
		want                                    int
	}{
		{provenance, "public-good.json", "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", "https://token.actions.githubusercontent.com", digest, yes},
		{provenance, "", "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", "https://token.actions.githubusercontent.com", digest, yes},
		{provenance, "scaffolding.json", "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", "https://token.actions.githubusercontent.com", digest, no},
		{provenance, "public-good.json", "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/mаin", "https://token.actions.githubusercontent.com", digest, no},
		{provenance, "public-good.json", "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", "https://token.actions.example", digest, no},
		{provenance, "public-good.json", "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", "https://token.actions.githubusercontent.com", strings.Replace(digest, "46d4", "46d5", 1), no},
		{"othername.sigstore.json", "scaffolding.json", "foo!oidc.local", "http://oidc.local:8080", "sha256:bc103b4a84971ef6459b294a2b98568a2bfb72cded09d4acd1e16366a401f95b", yes},
		{"othername.sigstore.json", "scaffolding.json", "bar!oidc.local", "http://oidc.local:8080", "sha256:bc103b4a84971ef6459b294a2b98568a2bfb72cded09d4acd1e16366a401f95b", no},
		{"dsse-2sigs.sigstore.json", "public-good.json", "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", "https://token.actions.githubusercontent.com", digest, no},
	} {
		args := []string{"verify-bundle", "--bundle", filepath.Join(dir, "bundles", tt.bundle), "--certificate-identity", tt.identity, "--certificate-oidc-issuer", tt.issuer}
		if tt.root != "" {
			args = append(args, "--trusted-root", filepath.Join(dir, "trusted-roots", tt.root))
		}
		if code, said := answer(t, append(args, tt.subject)); code != tt.want {
			t.Errorf("%s under %s by %s: exit code %d, want %d: %s", tt.bundle, tt.root, tt.identity, code, tt.want, said)
		}
	}
}
