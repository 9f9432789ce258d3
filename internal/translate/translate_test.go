package translate_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/translate"
	"github.com/hallmark-project/hallmark/verify"
)

var update = flag.Bool("update", false, "rewrite testdata")

var private = func() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("release"))
	return ed25519.NewKeyFromSeed(seed[:])
}()

func public(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// trust is a trust file that uses all that can be said and all that cannot.
func trust(t testing.TB) verify.Expect {
	t.Helper()
	return verify.Expect{
		Verifier:  "https://greet.example/hallmark/v1",
		Resources: []string{"pkg:oci/greet@*?repository_url=registry.example/team/greet", "pkg:generic/greet@1.2.0"},
		Signers: []verify.Signer{
			{Name: "release key", Key: public(t), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)},
			{
				Name: "workflow", Issuer: "https://token.actions.githubusercontent.com",
				IdentityPattern: `https://github\.com/acme/greet/\.github/workflows/release\.yml@refs/tags/v.*`,
				Certificate:     verify.Certificate{SourceRepository: "https://github.com/acme/greet", Runner: "github-hosted"},
				TrustedRoot:     verify.PublicGood, Require: []verify.Witness{verify.Log, verify.SCT},
			},
		},
		Level:    criteria.Standard,
		Criteria: []string{"changes-reviewed", "tests-pass"},
		Policies: []criteria.Digest{criteria.DigestOf([]byte("policy")), criteria.DigestOf([]byte("older policy"))},
		MaxAge:   verify.MaxAge(90 * 24 * time.Hour),
	}
}

func options() translate.Options {
	return translate.Options{Name: "greet", Images: []string{"registry.example/team/*"}}
}

func TestPolicy(t *testing.T) {
	two := trust(t)
	two.Threshold = 2
	for _, tt := range []struct {
		name string
		want verify.Expect
	}{{"one", trust(t)}, {"two-signers", two}} {
		for _, target := range translate.Targets() {
			t.Run(target+" "+tt.name, func(t *testing.T) {
				policy, err := translate.Policy(target, tt.want, options())
				if err != nil {
					t.Fatal(err)
				}
				if len(policy.Unsaid) < 5 || strings.Count(policy.Text, "\n# - ") != len(policy.Unsaid) {
					t.Errorf("%d things are unsaid, and the policy has %d comments", len(policy.Unsaid), strings.Count(policy.Text, "\n# - "))
				}
				got := []byte(policy.Text)
				for i, l := range strings.Split(string(got), "\n") {
					if strings.HasPrefix(strings.TrimSpace(l), "#") && len(l) > 80 && strings.Contains(strings.TrimSpace(l)[2:], " ") {
						t.Errorf("line %d has %d columns: %s", i+1, len(l), l)
					}
				}
				var parsed any
				if err := yaml.Unmarshal(got, &parsed); err != nil {
					t.Fatalf("what was written is no YAML: %v", err)
				}
				// The public-good root is long, and held by its own test.
				root, err := os.ReadFile("../../verify/publicgood.trusted_root.json")
				if err != nil {
					t.Fatal(err)
				}
				for l := range strings.Lines(string(root)) {
					got = []byte(strings.Replace(string(got), "            "+l, "", 1))
				}
				path := filepath.Join("testdata", target+"-"+tt.name+".yaml")
				if *update {
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("Policy (-want +got), rewrite with -update:\n%s", diff)
				}
			})
		}
	}
}

func TestPolicyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		target string
		change func(*verify.Expect, *translate.Options)
		want   string
	}{
		{"another controller", "gatekeeper", func(*verify.Expect, *translate.Options) {}, "expected kyverno or policy-controller"},
		{"no images", "kyverno", func(_ *verify.Expect, o *translate.Options) { o.Images = nil }, "no images"},
		{"an image that ends the scalar", "kyverno", func(_ *verify.Expect, o *translate.Options) { o.Images = []string{"a\"\nspec: {}"} }, "is no pattern of images"},
		{"a name that is none", "policy-controller", func(_ *verify.Expect, o *translate.Options) { o.Name = "Greet\nspec:" }, "is no name that Kubernetes takes"},
		{"nothing expected", "kyverno", func(e *verify.Expect, _ *translate.Options) { *e = verify.Expect{} }, "verifier is missing"},
		{"a root that is not there", "kyverno", func(e *verify.Expect, _ *translate.Options) { e.Signers[1].TrustedRoot = "nowhere.json" }, "nowhere.json"},
		{"a root that nobody keeps", "kyverno", func(e *verify.Expect, _ *translate.Options) { e.Signers[1].TrustedRoot = "tuf:https://tuf.example" }, "nobody here keeps"},
	} {
		e, o := trust(t), options()
		tt.change(&e, &o)
		got, err := translate.Policy(tt.target, e, o)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Policy = %.60q, %v, want an error with %q", tt.name, got.Text, err, tt.want)
		}
	}
}

// Everything that a trust file can ask for is said in a policy or among what it
// does not say. Whoever adds a key adds it here when it is.
func TestEveryKeyIsSaid(t *testing.T) {
	known := []string{"Verifier", "Resource", "Resources", "Signers", "Threshold", "Level", "Criteria", "MaxAge", "Policies", "Attestations", "Provenance", "Source", "SBOM", "VEX"}
	typ := reflect.TypeFor[verify.Expect]()
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() && !slices.Contains(known, f.Name) {
			t.Errorf("what a trust file asks for by %s is neither said nor unsaid", f.Name)
		}
	}
	e := trust(t)
	e.Attestations = []verify.Attestation{{PredicateType: "https://cyclonedx.org/bom"}}
	e.Provenance = &verify.Provenance{Level: 3, SourceRepository: "https://github.com/acme/greet", Builders: []verify.Builder{{ID: "https://github.com/actions/runner/github-hosted", Level: 3, TrustedRoot: verify.PublicGood}}}
	e.Source = &verify.SourceVerdict{Verifier: "https://source.example", Resource: "git+https://github.com/acme/greet", Level: 3, MaxAge: e.MaxAge, Signers: e.Signers[:1]}
	e.SBOM, e.VEX = &verify.SBOM{Formats: []verify.BillFormat{"spdx"}}, &verify.VEX{}
	for _, target := range translate.Targets() {
		got, err := translate.Policy(target, e, options())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"https://cyclonedx.org/bom", "provenance: ", "source: ", "sbom: ", "vex: "} {
			if !slices.ContainsFunc(got.Unsaid, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("%s: %q is not among what is unsaid: %q", target, want, got.Unsaid)
			}
		}
	}
}

// A line break in a name must not end a comment and begin a key.
func TestPolicyKeepsNamesInComments(t *testing.T) {
	e := trust(t)
	e.Signers[0].Name = "x\nspec: {}\u2028y\u0085z"
	for _, target := range translate.Targets() {
		got, err := translate.Policy(target, e, options())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.Text, "\nspec: {}") || strings.ContainsAny(got.Text, "\u2028\u0085") {
			t.Errorf("%s: a signer's name leaves its comment", target)
		}
	}
}

// What is said in CEL is what verify asks: both answer the same for the same
// verdict.
func TestKyvernoAgrees(t *testing.T) {
	want := trust(t)
	want.Signers = want.Signers[:1]
	text, err := translate.Policy("kyverno", want, options())
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Spec struct {
			Validations []struct{ Expression string }
		}
	}
	if err := yaml.Unmarshal([]byte(text.Text), &policy); err != nil {
		t.Fatal(err)
	}
	if n := len(policy.Spec.Validations); n != 3 {
		t.Fatalf("%d validations, want one for each kind of container", n)
	}
	image := "registry.example/team/greet@" + criteria.DigestOf([]byte("image")).String()
	for name, change := range changes() {
		t.Run(name, func(t *testing.T) {
			predicate := passed()
			change(predicate)
			statement := statementOf(t, predicate)
			wanted := accepts(t, want, statement)
			for i, v := range policy.Spec.Validations {
				kinds := map[string][]string{"containers": {}, "initContainers": {}, "ephemeralContainers": {}}
				kinds[[]string{"containers", "initContainers", "ephemeralContainers"}[i]] = []string{image}
				if got := evaluate(t, v.Expression, kinds, statement); got != wanted {
					t.Errorf("validation %d says %v, verify says %v", i+1, got, wanted)
				}
			}
		})
	}
}

func passed() map[string]any {
	return map[string]any{
		"verifier":           map[string]any{"id": "https://greet.example/hallmark/v1"},
		"timeVerified":       time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
		"resourceUri":        "pkg:generic/greet@1.2.0",
		"policy":             map[string]any{"uri": "policy.yaml", "digest": map[string]any{"sha256": criteria.DigestOf([]byte("policy")).Hex()}},
		"verificationResult": "PASSED",
		"verifiedLevels":     []any{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD", "HALLMARK_CHANGES_REVIEWED", "HALLMARK_TESTS_PASS"},
	}
}

func changes() map[string]func(map[string]any) {
	set := func(key string, value any) func(map[string]any) { return func(p map[string]any) { p[key] = value } }
	without := func(key string) func(map[string]any) { return func(p map[string]any) { delete(p, key) } }
	return map[string]func(map[string]any){
		"as it is":               func(map[string]any) {},
		"another verifier":       set("verifier", map[string]any{"id": "https://greet.example/hallmark/v2"}),
		"no verifier":            without("verifier"),
		"failed":                 set("verificationResult", "FAILED"),
		"no result":              without("verificationResult"),
		"another resource":       set("resourceUri", "pkg:generic/greet@1.2.1"),
		"resource by pattern":    set("resourceUri", "pkg:oci/greet@sha256:12?repository_url=registry.example/team/greet"),
		"resource beyond a star": set("resourceUri", "pkg:oci/greet@a/b?repository_url=registry.example/team/greet"),
		"resource with a tail":   set("resourceUri", "pkg:oci/greet@1?repository_url=registry.example/team/greetings"),
		"no resource":            without("resourceUri"),
		"lower level":            set("verifiedLevels", []any{"HALLMARK_RELEASE_BASIC", "HALLMARK_CHANGES_REVIEWED", "HALLMARK_TESTS_PASS"}),
		"criterion missing":      set("verifiedLevels", []any{"HALLMARK_RELEASE_STANDARD", "HALLMARK_CHANGES_REVIEWED"}),
		"label FAILED":           set("verifiedLevels", []any{"HALLMARK_RELEASE_STANDARD", "HALLMARK_CHANGES_REVIEWED", "HALLMARK_TESTS_PASS", "FAILED"}),
		"no levels":              without("verifiedLevels"),
		"another policy":         set("policy", map[string]any{"uri": "p", "digest": map[string]any{"sha256": strings.Repeat("0", 64)}}),
		"the older policy":       set("policy", map[string]any{"uri": "p", "digest": map[string]any{"sha256": criteria.DigestOf([]byte("older policy")).Hex()}}),
		"no policy digest":       set("policy", map[string]any{"uri": "p"}),
		"no policy":              without("policy"),
	}
}

func statementOf(t testing.TB, predicate map[string]any) map[string]any {
	t.Helper()
	return map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"name": "greet", "digest": map[string]any{"sha256": criteria.DigestOf([]byte("image")).Hex()}}},
		"predicateType": "https://slsa.dev/verification_summary/v1",
		"predicate":     maps.Clone(predicate),
	}
}

type found []attest.Bundle

func (f found) Bundles(context.Context, criteria.Digest) ([]attest.Bundle, error) { return f, nil }

// accepts is what verify says of statement, signed.
func accepts(t testing.TB, want verify.Expect, statement map[string]any) bool {
	t.Helper()
	payload, err := json.Marshal(statement)
	if err != nil {
		t.Fatal(err)
	}
	const kind = "application/vnd.in-toto+json"
	sig := ed25519.Sign(private, fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload))
	bundle, err := json.Marshal(map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"publicKey": map[string]any{}},
		"dsseEnvelope":         map[string]any{"payloadType": kind, "payload": payload, "signatures": []any{map[string]any{"sig": sig}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(found{bundle}, want)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(context.Background(), criteria.DigestOf([]byte("image")))
	return err == nil
}

// evaluate is what expression says, in an environment with what Kyverno declares:
// signatures are verified, and the payload is statement.
func evaluate(t testing.TB, expression string, images map[string][]string, statement map[string]any) bool {
	t.Helper()
	names := cel.MapType(cel.StringType, cel.StringType)
	env, err := cel.NewEnv(
		cel.Variable("images", cel.MapType(cel.StringType, cel.ListType(cel.StringType))),
		cel.Variable("attestors", names), cel.Variable("attestations", names),
		cel.Function("verifyAttestationSignatures", cel.Overload("verify", []*cel.Type{cel.StringType, cel.StringType, cel.ListType(cel.StringType)}, cel.IntType,
			cel.FunctionBinding(func(...ref.Val) ref.Val { return types.Int(1) }))),
		cel.Function("extractPayload", cel.Overload("payload", []*cel.Type{cel.StringType, cel.StringType}, cel.DynType,
			cel.BinaryBinding(func(_, _ ref.Val) ref.Val { return types.DefaultTypeAdapter.NativeToValue(statement) }))),
	)
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%v\n%s", issues.Err(), expression)
	}
	program, err := env.Program(ast)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := program.Eval(map[string]any{
		"images": images, "attestors": map[string]string{"signer1": "signer1"}, "attestations": map[string]string{"verdict": "verdict"},
	})
	// What a document does not say is an error in CEL, and an error denies.
	return err == nil && out.Value() == true
}
