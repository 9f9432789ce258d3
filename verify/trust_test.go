package verify_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
)

// trustFile is a good trust file, line by line, so that a case can say what it
// changes and where the fault must be.
const trustFile = `verifier: https://greet.example/hallmark/v1
resource: pkg:generic/greet@1.2.0
signers:
  - name: release key 2026
    key: |
      -----BEGIN PUBLIC KEY-----
      MCowBQYDK2VwAyEAiV6OLJPX0S6UzBY4pttUpc/9mCtsUSMs2LWkz9+fDdc=
      -----END PUBLIC KEY-----
    notBefore: 2026-01-01T00:00:00Z
    notAfter: 2027-01-01T00:00:00Z
  - issuer: https://token.actions.example
    identity: https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0
    trustedRoot: trusted_root.json
level: standard
criteria: [changes-reviewed]
maxAge: 90d
policies: ["sha256:41b6dec0b3936624b7d77d76185b1e2384cd5255a9b4862129dcdfd6f3dd8055"]
`

func TestParseTrust(t *testing.T) {
	got, err := verify.ParseTrust("trust.yaml", []byte(trustFile))
	if err != nil {
		t.Fatal(err)
	}
	want := verify.Expect{
		Verifier: verifierID,
		Resource: resourceURI,
		Signers: []verify.Signer{
			{
				Name: "release key 2026", Key: releaseKey.pem(),
				NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
			},
			{
				Issuer:      "https://token.actions.example",
				Identity:    "https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0",
				TrustedRoot: "trusted_root.json",
			},
		},
		Level:    criteria.Standard,
		Criteria: []string{"changes-reviewed"},
		MaxAge:   verify.MaxAge(90 * 24 * time.Hour),
		Policies: []criteria.Digest{thePolicy},
	}
	if diff := cmp.Diff(want, got, sameExpect); diff != "" {
		t.Errorf("ParseTrust (-want +got):\n%s", diff)
	}
}

var sameExpect = cmp.Options{
	cmpopts.IgnoreUnexported(verify.Expect{}),
	cmp.Comparer(func(a, b criteria.Digest) bool { return a == b }),
}

func TestParseTrustFaults(t *testing.T) {
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")}))
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(small.Public())
	if err != nil {
		t.Fatal(err)
	}
	short := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	indent := func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n      ") }
	whole := "-----BEGIN PUBLIC KEY-----\n      MCowBQYDK2VwAyEAiV6OLJPX0S6UzBY4pttUpc/9mCtsUSMs2LWkz9+fDdc=\n      -----END PUBLIC KEY-----"

	for _, tt := range []struct{ name, from, to, want string }{
		{"no verifier", "verifier: https://greet.example/hallmark/v1\n", "", "1:1: verifier is missing"},
		{"no resource", "resource: pkg:generic/greet@1.2.0\n", "", "1:1: resource is missing"},
		{"padded resource", "pkg:generic/greet@1.2.0", `" pkg:generic/greet@1.2.0"`, "2:11: resource is compared exactly"},
		{"mistyped key", "level:", "levl:", `14:1: unknown key "levl": did you mean "level"?`},
		{"mistyped signer key", "    identity:", "    identty:", `did you mean "identity"?`},
		{"key twice", "level: standard\n", "level: standard\nlevel: basic\n", `15:1: key "level" stands twice`},
		{"unknown level", "level: standard", "level: gold", `14:8: unknown level "gold"`},
		{"criterion's label", "[changes-reviewed]", "[HALLMARK_CHANGES_REVIEWED]", `15:12: "HALLMARK_CHANGES_REVIEWED" is no criterion`},
		{"criterion twice", "[changes-reviewed]", "[changes-reviewed, changes-reviewed]", "15:30: criterion changes-reviewed stands twice"},
		{"no age", "maxAge: 90d\n", "", "1:1: maxAge is missing"},
		{"age without unit", "maxAge: 90d", "maxAge: 90", "16:9: \"90\" is no length of time"},
		{"negative age", "maxAge: 90d", "maxAge: -90h", "16:9:"},
		{"empty policy", `"sha256:41b6dec0b3936624b7d77d76185b1e2384cd5255a9b4862129dcdfd6f3dd8055"`, `""`, "17:12: expected the digest of a policy"},
		{"commit as policy", `"sha256:41b6dec0b3936624b7d77d76185b1e2384cd5255a9b4862129dcdfd6f3dd8055"`, "gitCommit:c825765c825765c825765c825765c825765c8257", "17:12: expected the digest of a policy"},
		{"bad policy", "sha256:41b6", "sha256:xyz6", "17:12:"},
		{"private key", whole, indent(private), "5:10: key is a private key: give the public one, and treat this one as lost"},
		{"certificate", "BEGIN PUBLIC KEY-----\n      MCowBQYDK2VwAyEAiV6OLJPX0S6UzBY4pttUpc/9mCtsUSMs2LWkz9+fDdc=\n      -----END PUBLIC KEY", "BEGIN CERTIFICATE-----\n      MCow\n      -----END CERTIFICATE", `key is a PEM block of type "CERTIFICATE"`},
		{"no PEM", whole, "release.pub", "key is no PEM"},
		{"short key", whole, indent(short), "key has 1024 bits"},
		{"two keys in one", whole, whole + "\n      " + whole, "key is followed by something else"},
		{"damaged key", "MCow", "MCox", "key is no public key"},
		{"turned window", "notAfter: 2027", "notAfter: 2025", "10:15: notAfter must be later than notBefore"},
		{"no time", "2027-01-01T00:00:00Z", "soon", "trust.yaml:10:15: "},
		{"key and identity", "  - issuer: https", "    issuer: https", "a signer is either a key, or an issuer with an identity"},
		{"no issuer", "  - issuer: https://token.actions.example\n    identity:", "  - identity:", "11:5: issuer is missing"},
		{"no identity", "    identity: https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0\n", "", "11:5: identity is missing"},
		{"no root", "    trustedRoot: trusted_root.json\n", "", "11:5: trustedRoot is missing"},
		{"pattern for all", "identity: https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0", `identityPattern: "https://.*"`, "12:22: identityPattern \"https://.*\" matches strangers"},
		{"pattern with a way out", "identity: https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0", `identityPattern: "a|.*"`, "matches strangers"},
		{"no pattern", "identity: https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0", `identityPattern: "("`, "12:22: identityPattern is no regular expression"},
		{"empty signer", "    trustedRoot: trusted_root.json\n", "    trustedRoot: trusted_root.json\n  - name: nobody\n", "14:5: a signer needs a key, or an issuer with an identity"},
		{"same key twice", "level: standard", "  - key: |\n      " + whole + "\nlevel: standard", "signers 1 and 3 are the same key"},
		{"nothing required", "level: standard\ncriteria: [changes-reviewed]\nmaxAge: 90d\npolicies: [\"sha256:41b6dec0b3936624b7d77d76185b1e2384cd5255a9b4862129dcdfd6f3dd8055\"]\n", "maxAge: 90d\n", "level, criteria and policies are all missing"},
		{"unknown witness", "    trustedRoot: trusted_root.json\n", "    trustedRoot: trusted_root.json\n    require: [log, notary]\n", `14:14: "notary" is no witness`},
		{"witness twice", "    trustedRoot: trusted_root.json\n", "    trustedRoot: trusted_root.json\n    require: [log, log]\n", `"log" stands twice`},
		{"nobody says when", "    trustedRoot: trusted_root.json\n", "    trustedRoot: trusted_root.json\n    require: [sct]\n", "require names nobody who could say when"},
		{"certificate log for a key", "    notAfter: 2027", "    trustedRoot: r.json\n    require: [sct]\n    notAfter: 2027", "no certificate log sees a key"},
		{"witness without a root", "    notAfter: 2027", "    require: [log]\n    notAfter: 2027", "trustedRoot is missing: the file with the logs"},
		{"root for nothing", "    notAfter: 2027", "    trustedRoot: r.json\n    notAfter: 2027", "require names none"},
		{"resource with a star", "pkg:generic/greet@1.2.0", "pkg:generic/greet@*", "2:11: resource is compared exactly"},
		{"resource and resources", "signers:\n", "resources: [pkg:generic/greet@*]\nsigners:\n", "3:12: a trust file has either a resource or resources"},
		{"resource for all", "resource: pkg:generic/greet@1.2.0", `resources: ["**"]`, `2:13: resource "**" names no product or publisher`},
		{"resource of a kind", "resource: pkg:generic/greet@1.2.0", `resources: ["pkg:oci/*"]`, "names no product or publisher"},
		{"resource of a host", "resource: pkg:generic/greet@1.2.0", `resources: ["https://greet.example/**"]`, "names no product or publisher"},
		{"resource of a registry", "resource: pkg:generic/greet@1.2.0", `resources: ["registry.example/*"]`, "names no product or publisher"},
		{"resource twice", "resource: pkg:generic/greet@1.2.0", `resources: ["pkg:generic/greet@*", "pkg:generic/greet@*"]`, "stands twice"},
		{"no resources", "resource: pkg:generic/greet@1.2.0", `resources: []`, "resource is missing"},
		{"threshold too high", "signers:\n", "threshold: 3\nsigners:\n", "3:12: threshold 3 is more than there are signers: 2"},
		{"negative threshold", "signers:\n", "threshold: -1\nsigners:\n", "threshold must be at least 1"},
		{"certificate of a key", "    notAfter: 2027", "    certificate: {runner: github-hosted}\n    notAfter: 2027", "this one is both"},
		{"mistyped extension", "    trustedRoot:", "    certificate: {sourceRepo: x}\n    trustedRoot:", `did you mean "sourceRef"`},
		{"extension for all", "    trustedRoot:", "    certificate: {sourceRepository: '**'}\n    trustedRoot:", `13:37: sourceRepository "**" stands for anything`},
		{"a workflow for everybody", "https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0", "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0", "certificate.sourceRepository is missing: anybody's repository may call"},
		{"anchor", "level: standard", "level: &a standard", "anchors and aliases are not accepted"},
		{"second document", "maxAge: 90d\n", "maxAge: 90d\n---\n", "a second YAML document"},
		{"wrong kind", "signers:\n", "signers: none\nx:\n", "3:10: expected a list"},
		{"null", "level: standard", "level:", "14:7: a value is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(trustFile, tt.from) {
				t.Fatalf("the trust file holds no %q", tt.from)
			}
			data := strings.Replace(trustFile, tt.from, tt.to, 1)
			got, err := verify.ParseTrust("trust.yaml", []byte(data))
			if err == nil {
				t.Fatalf("ParseTrust = %+v, want an error with %q", got, tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseTrust = %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "c2VjcmV0") {
				t.Errorf("ParseTrust quotes a private key: %v", err)
			}
			var faults strict.Errors
			var one *strict.Error
			if !errors.As(err, &faults) && !errors.As(err, &one) {
				t.Errorf("ParseTrust = a %T, want one with a place", err)
			}
		})
	}
	for _, empty := range []string{"", "\n", "# nothing\n", "{}", "[]", "null"} {
		if got, err := verify.ParseTrust("trust.yaml", []byte(empty)); err == nil {
			t.Errorf("ParseTrust(%q) = %+v, want an error", empty, got)
		}
	}
}

func TestEncodeReadsBack(t *testing.T) {
	pattern := expect()
	pattern.Signers = append(pattern.Signers, verify.Signer{
		Name: `"quoted" \ #1: ja`, Issuer: "https://issuer.example", IdentityPattern: `https://forge\.example/greet/.*@refs/tags/v[0-9.]+`, TrustedRoot: "trusted root.json",
	})
	pattern.Signers[len(pattern.Signers)-1].Require = []verify.Witness{verify.Timestamp, verify.SCT}
	pattern.MaxAge, pattern.Level, pattern.Resource = verify.Unlimited, criteria.NoLevel, "true"
	parsed, err := verify.ParseTrust("trust.yaml", []byte(trustFile))
	if err != nil {
		t.Fatal(err)
	}
	wide := expect()
	wide.Resource, wide.Resources, wide.Threshold = "", []string{"pkg:generic/greet@*", "https://greet.example/dl/**"}, 2
	wide.Signers = append(wide.Signers, verify.Signer{
		Issuer: "https://issuer.example", Identity: "https://forge.example/greet", TrustedRoot: verify.PublicGood,
		Certificate: verify.Certificate{SourceRepository: "https://forge.example/greet", SourceRef: "refs/tags/v*", SourceOwnerID: "12", Runner: "github-hosted"},
	})
	for _, want := range []verify.Expect{expect(), pattern, parsed, wide} {
		text, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := verify.ParseTrust("trust.yaml", text)
		if err != nil {
			t.Fatalf("ParseTrust of what Encode wrote: %v\n%s", err, text)
		}
		if diff := cmp.Diff(want, got, sameExpect); diff != "" {
			t.Errorf("ParseTrust∘Encode (-want +got):\n%s\n%s", diff, text)
		}
	}
	if text, err := (verify.Expect{}).Encode(); err == nil {
		t.Errorf("Encode of nothing = %s, want an error", text)
	}
}

func FuzzParseTrust(f *testing.F) {
	f.Add([]byte(trustFile))
	f.Add([]byte(trustFile + requirements))
	f.Add([]byte(trustFile + fullProvenance + others))
	f.Add([]byte("verifier: x\nresource: \"\\u2028\"\nlevel: basic\nmaxAge: 1d12h\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := verify.ParseTrust("trust.yaml", data)
		if err != nil {
			return
		}
		text, err := first.Encode()
		if err != nil {
			t.Fatalf("what ParseTrust accepted, Encode does not: %v", err)
		}
		second, err := verify.ParseTrust("trust.yaml", text)
		if err != nil {
			t.Fatalf("ParseTrust of what Encode wrote: %v\n%s", err, text)
		}
		again, err := second.Encode()
		if err != nil || string(again) != string(text) {
			t.Errorf("Encode is not stable (%v):\n%s\n%s", err, text, again)
		}
	})
}

// What would accept anyone, or anything, must not become a verifier, however it
// was made.
func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*verify.Expect)
	}{
		{"zero value", func(e *verify.Expect) { *e = verify.Expect{} }},
		{"no verifier", func(e *verify.Expect) { e.Verifier = "" }},
		{"no resource", func(e *verify.Expect) { e.Resource = "" }},
		{"no signers", func(e *verify.Expect) { e.Signers = nil }},
		{"empty signer", func(e *verify.Expect) { e.Signers[0] = verify.Signer{} }},
		{"bad key", func(e *verify.Expect) { e.Signers[0].Key = "x" }},
		{"no age", func(e *verify.Expect) { e.MaxAge = 0 }},
		{"negative age", func(e *verify.Expect) { e.MaxAge = -2 }},
		{"nothing required", func(e *verify.Expect) { e.Level, e.Criteria = criteria.NoLevel, nil }},
		{"empty criterion", func(e *verify.Expect) { e.Criteria = []string{""} }},
		{"empty policy", func(e *verify.Expect) { e.Policies = make([]criteria.Digest, 1) }},
		{"missing root", func(e *verify.Expect) {
			e.Signers[0] = verify.Signer{Issuer: "https://i.example", Identity: "a@b.example", TrustedRoot: "/nonexistent/root.json"}
		}},
	} {
		e := expect()
		tt.change(&e)
		if v, err := verify.New(found(nil), e); err == nil {
			t.Errorf("New(%s) = %v, want an error", tt.name, v)
		}
	}
	if v, err := verify.New(nil, expect()); err == nil {
		t.Errorf("New without a source = %v, want an error", v)
	}
}

// Changing an Expect afterwards must not change a verifier that exists.
func TestNewKeepsItsOwn(t *testing.T) {
	e := expect()
	v, err := verify.New(found{signed(releaseKey, verdict(failed()))}, e)
	if err != nil {
		t.Fatal(err)
	}
	e.Criteria[0] = "tests-pass"
	if got := v.Expect().Criteria[0]; got != "changes-reviewed" {
		t.Errorf("Expect().Criteria[0] = %q, want changes-reviewed", got)
	}
	if _, err := v.Verify(context.Background(), criteria.Digest{}); err == nil || codesOrNil(err) != nil {
		t.Errorf("Verify of no digest = %v, want could not tell", err)
	}
}

func codesOrNil(err error) []string {
	var no *verify.RejectionError
	if errors.As(err, &no) {
		return []string{no.Reasons[0].Code}
	}
	return nil
}
