package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

func fingerprint(t *testing.T, want verify.Expect) string {
	t.Helper()
	v, err := verify.New(found{}, want)
	if err != nil {
		t.Fatal(err)
	}
	d, err := v.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// vectorTrust is the trust file of a vector.
func vectorTrust(t *testing.T, name string) verify.Expect {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", "vectors", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name == "trust.yaml" {
			want, err := verify.ParseTrust(f.Name, f.Data)
			if err != nil {
				t.Fatal(err)
			}
			return want
		}
	}
	t.Fatalf("%s has no trust.yaml", name)
	return verify.Expect{}
}

// Whatever the trust file can say changes the fingerprint: a field that is added
// to [verify.Expect] or [verify.Signer] and is forgotten here fails the test.
func TestFingerprint(t *testing.T) {
	w := newSigstoreWorld(t)
	base := func() verify.Expect {
		want := expect()
		want.Signers = []verify.Signer{
			{Key: releaseKey.pem()},
			{Key: otherKey.pem(), TrustedRoot: filepath.Join(w.dir, "trusted_root.json"), Require: []verify.Witness{verify.Log}},
			{Issuer: issuer, Identity: identity, TrustedRoot: filepath.Join(w.dir, "trusted_root.json")},
		}
		return want
	}
	first := fingerprint(t, base())
	if again := fingerprint(t, base()); again != first {
		t.Errorf("Fingerprint() of the same = %s and %s", first, again)
	}
	changes := map[string]func(*verify.Expect){
		"Verifier":  func(e *verify.Expect) { e.Verifier += "x" },
		"Resource":  func(e *verify.Expect) { e.Resource += "x" },
		"Resources": func(e *verify.Expect) { e.Resource, e.Resources = "", []string{e.Resource} },
		"Signers":   func(e *verify.Expect) { e.Signers = e.Signers[:2] },
		"Threshold": func(e *verify.Expect) { e.Threshold = 2 },
		"Level":     func(e *verify.Expect) { e.Level = criteria.Advanced },
		"Criteria":  func(e *verify.Expect) { e.Criteria = append(e.Criteria, "something-else") },
		"MaxAge":    func(e *verify.Expect) { e.MaxAge = verify.Unlimited },
		"Attestations": func(e *verify.Expect) {
			e.Attestations = []verify.Attestation{{PredicateType: "https://example.com/x/v1", All: []verify.Condition{{Path: "a", Exists: true}}}}
		},
		"Provenance": func(e *verify.Expect) { e.Provenance = vectorTrust(t, "accept-provenance").Provenance },
		"Source":     func(e *verify.Expect) { e.Source = vectorTrust(t, "accept-source").Source },
		"SBOM":       func(e *verify.Expect) { e.SBOM = vectorTrust(t, "accept-sbom-vex").SBOM },
		"VEX":        func(e *verify.Expect) { e.VEX = vectorTrust(t, "accept-sbom-vex").VEX },
		"Policies":   func(e *verify.Expect) { e.Policies = append(e.Policies, criteria.DigestOf([]byte("x"))) },

		"Signers.Name":      func(e *verify.Expect) { e.Signers[0].Name = "x" },
		"Signers.Key":       func(e *verify.Expect) { e.Signers[0].Key = strangerKey.pem() },
		"Signers.NotBefore": func(e *verify.Expect) { e.Signers[0].NotBefore = thePresent },
		"Signers.NotAfter":  func(e *verify.Expect) { e.Signers[0].NotAfter = thePresent.Add(time.Hour) },
		"Signers.Issuer":    func(e *verify.Expect) { e.Signers[2].Issuer += "x" },
		"Signers.Identity":  func(e *verify.Expect) { e.Signers[2].Identity += "x" },
		"Signers.IdentityPattern": func(e *verify.Expect) {
			e.Signers[2].Identity, e.Signers[2].IdentityPattern = "", "alice@example\\.com"
		},
		"Signers.Certificate": func(e *verify.Expect) { e.Signers[2].Certificate.Runner = "github-hosted" },
		"Signers.Require":     func(e *verify.Expect) { e.Signers[2].Require = []verify.Witness{verify.Log} },
		"Signers.TrustedRoot": func(e *verify.Expect) { e.Signers[2].TrustedRoot = verify.PublicGood },
	}
	fields := func(prefix string, of any) {
		for f := range reflect.TypeOf(of).Fields() {
			if f.IsExported() && changes[prefix+f.Name] == nil {
				t.Errorf("nothing shows that %s%s changes the fingerprint", prefix, f.Name)
			}
		}
	}
	fields("", verify.Expect{})
	fields("Signers.", verify.Signer{})
	for name, change := range changes {
		want := base()
		change(&want)
		if got := fingerprint(t, want); got == first {
			t.Errorf("Fingerprint() is the same after a change of %s", name)
		}
	}

	// What a condition says, too.
	requiring := func(text string) verify.Expect {
		want, value := base(), verify.Text(text)
		want.Attestations = []verify.Attestation{{PredicateType: "https://example.com/x/v1", All: []verify.Condition{{Path: "a", Equals: &value}}}}
		return want
	}
	if fingerprint(t, requiring("a")) == fingerprint(t, requiring("b")) {
		t.Error("Fingerprint() is the same with another condition")
	}

	// The same file name, another root.
	path := filepath.Join(w.dir, "trusted_root.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(bytes.TrimSpace(data), strings.Repeat("\n", 3)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fingerprint(t, base()); got == first {
		t.Error("Fingerprint() is the same with other bytes of the trusted root")
	}
}
