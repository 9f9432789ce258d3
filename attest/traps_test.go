package attest_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	referencev0 "github.com/in-toto/attestation/go/predicates/reference/v0"
	testresultv0 "github.com/in-toto/attestation/go/predicates/test_result/v0"
	vsav1 "github.com/in-toto/attestation/go/predicates/vsa/v1"
	vulnsv02 "github.com/in-toto/attestation/go/predicates/vulns/v02"
	intotov1 "github.com/in-toto/attestation/go/v1"
	"github.com/in-toto/in-toto-golang/in_toto"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// What others got wrong, or refuse: each test is one trap.

type verdict struct {
	Predicate struct {
		TimeVerified       string   `json:"timeVerified"`
		VerificationResult string   `json:"verificationResult"`
		VerifiedLevels     []string `json:"verifiedLevels"`
	} `json:"predicate"`
}

func read[T any](t testing.TB, s attest.Statement) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(s.Bytes(), &v); err != nil {
		t.Fatalf("%s: %v", s.Name(), err)
	}
	return v
}

// slsa-verifier refuses the whole statement over a label that begins with SLSA_
// and is none of SLSA's levels, so a policy's own criterion must not be able to
// make one.
func TestNoLabelBeginsWithSLSA(t *testing.T) {
	w := newWorld().clean()
	const policy = "profile: basic\nown:\n  - name: slsa-build-reproduced\n    title: built twice\n    scope: artifact\n    needs: [components]\n    expression: \"true\"\n"
	p, err := criteria.ParsePolicy("policy.yaml", []byte(policy), kinds(), func(criteria.Own) (criteria.Criterion, error) {
		return asked{func(criteria.Input) []criteria.Finding { return nil }}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.add("evidence/threats.json", "x", "threats", []criteria.Digest{w.release.Source.Digest}, criteria.FactThreats, criteria.Facts{Threats: &criteria.Threats{}})
	for i := range w.evidence {
		w.evidence[i].Vouched = false
	}
	all, err := attest.Statements(p.Evaluate(w.release, w.evidence, noon), w.options)
	if err != nil {
		t.Fatal(err)
	}
	labels := read[verdict](t, named(t, all, "verdict")).Predicate.VerifiedLevels
	if !slices.Contains(labels, "HALLMARK_OWN_SLSA_BUILD_REPRODUCED") {
		t.Errorf("verifiedLevels = %q, want HALLMARK_OWN_SLSA_BUILD_REPRODUCED among them", labels)
	}
	for _, l := range labels {
		if strings.HasPrefix(l, "SLSA_") {
			t.Errorf("verifiedLevels holds %q", l)
		}
	}
}

// The specification says PASSED, in capitals, and one consumer's policy says
// pass.
func TestResultsAreSpelledAsSpecified(t *testing.T) {
	type result struct {
		Predicate struct {
			Result string `json:"result"`
		} `json:"predicate"`
	}
	for _, test := range []struct {
		name                   string
		world                  *world
		wantVerdict, wantFinds string
	}{
		{"clean", newWorld().clean(), "PASSED", "PASSED"},
		{"waived", newWorld(), "PASSED", "WARNED"},
		{"failed", newWorld().fail(), "FAILED", "FAILED"},
	} {
		all := test.world.statements(t)
		if got := read[verdict](t, named(t, all, "verdict")).Predicate.VerificationResult; got != test.wantVerdict {
			t.Errorf("%s: verificationResult = %q, want %q", test.name, got, test.wantVerdict)
		}
		if got := read[result](t, named(t, all, "findings")).Predicate.Result; got != test.wantFinds {
			t.Errorf("%s: result = %q, want %q", test.name, got, test.wantFinds)
		}
	}
}

// A gate that asks only whether there is an SBOM, or whether a label is there,
// must not be satisfied by a release that failed.
func TestFailedReleaseHasNothingToShow(t *testing.T) {
	all := newWorld().fail().statements(t)
	if len(all) != 2 {
		t.Errorf("Statements() of a failed release gave %d statements, want 2", len(all))
	}
	labels := read[verdict](t, named(t, all, "verdict")).Predicate.VerifiedLevels
	if diff := cmp.Diff([]string{"FAILED"}, labels); diff != "" {
		t.Errorf("verifiedLevels of a failed release:\n%s", diff)
	}
}

// A waived criterion is met by nobody; its label would say otherwise.
func TestWaivedEarnsNoLabel(t *testing.T) {
	labels := read[verdict](t, named(t, newWorld().statements(t), "verdict")).Predicate.VerifiedLevels
	if slices.Contains(labels, "HALLMARK_VULNERABILITIES_KNOWN") {
		t.Errorf("verifiedLevels = %q, with a label for a waived criterion", labels)
	}
	if slices.Contains(labels, "HALLMARK_THREATS_MODELLED") {
		t.Errorf("verifiedLevels = %q, with a label for a criterion that was not asked", labels)
	}
}

// A waiver must not be hidden: those that were needed are listed, those that
// were not are not.
func TestWaiversAreListed(t *testing.T) {
	text := string(named(t, newWorld().statements(t), "findings").Bytes())
	if !strings.Contains(text, `"name":"waiver:W-7"`) || strings.Contains(text, "W-8") {
		t.Errorf("findings list other waivers than the one applied: %s", text)
	}
}

// timeVerified is optional since SLSA 1.1, but age is judged by it.
func TestTimeIsUTC(t *testing.T) {
	got := read[verdict](t, named(t, newWorld().statements(t), "verdict")).Predicate.TimeVerified
	if want := noon.UTC().Format("2006-01-02T15:04:05Z"); got != want {
		t.Errorf("timeVerified = %q, want %q", got, want)
	}
	// Also where the decision was put together by other means.
	d := newWorld().judge(t)
	d.Time = d.Time.Add(time.Millisecond).In(noon.Location())
	all, err := attest.Statements(d, newWorld().options)
	if err != nil {
		t.Fatal(err)
	}
	if got := read[verdict](t, named(t, all, "verdict")).Predicate.TimeVerified; !regexp.MustCompile(`^2026-03-04T11:00:00Z$`).MatchString(got) {
		t.Errorf("timeVerified = %q, want 2026-03-04T11:00:00Z", got)
	}
}

// The in-toto module's struct has no verifier.version, so its reader needs to
// be told to pass over what it does not know; and ours must then agree with
// its on all the rest.
func TestVerdictReadByInToto(t *testing.T) {
	s := named(t, newWorld().statements(t), "verdict")
	var v vsav1.VerificationSummary
	if err := predicate(t, s, &v, protojson.UnmarshalOptions{}); err == nil {
		t.Error("the in-toto module has learnt verifier.version: its struct could be used")
	}
	if err := predicate(t, s, &v, protojson.UnmarshalOptions{DiscardUnknown: true}); err != nil {
		t.Fatal(err)
	}
	if v.GetVerificationResult() != "PASSED" || v.GetResourceUri() != "pkg:golang/example.com/greet@1.2.0" ||
		v.GetVerifier().GetId() != "https://example.com/release-gate/v1" || !v.GetTimeVerified().AsTime().Equal(noon) ||
		len(v.GetPolicy().GetDigest()) != 1 || len(v.GetVerifiedLevels()) != 4 {
		t.Errorf("read back: %v", &v)
	}
	if strings.Contains(string(s.Bytes()), "inputAttestations") {
		t.Error("the verdict lists input attestations, though reports are none")
	}
}

// The other predicates are read strictly by the in-toto module: no unknown
// field, no value of another type.
func TestPredicatesReadByInToto(t *testing.T) {
	small := newWorld()
	small.options.MaxInline = 1
	for _, test := range []struct {
		statement attest.Statement
		into      proto.Message
	}{
		{named(t, newWorld().statements(t), "findings"), &testresultv0.TestResult{}},
		{named(t, newWorld().statements(t), "vulns-greet_1.2.0_linux_amd64"), &vulnsv02.Vulns{}},
		{named(t, small.statements(t), "sbom-greet_1.2.0_linux_amd64"), &referencev0.Reference{}},
	} {
		if err := predicate(t, test.statement, test.into, protojson.UnmarshalOptions{}); err != nil {
			t.Errorf("reading %s: %v", test.statement.Name(), err)
		}
		if proto.Size(test.into) == 0 {
			t.Errorf("reading %s gave nothing", test.statement.Name())
		}
	}
}

// predicate reads a statement's predicate with the in-toto module.
func predicate(t *testing.T, s attest.Statement, into proto.Message, o protojson.UnmarshalOptions) error {
	t.Helper()
	return o.Unmarshal(read[struct {
		Predicate json.RawMessage `json:"predicate"`
	}](t, s).Predicate, into)
}

// Both in-toto modules read every statement.
func TestStatementsReadByInToto(t *testing.T) {
	small := newWorld()
	small.options.MaxInline = 1
	for _, s := range slices.Concat(newWorld().statements(t), newWorld().fail().statements(t), small.statements(t)) {
		var st intotov1.Statement
		if err := protojson.Unmarshal(s.Bytes(), &st); err != nil {
			t.Errorf("%s: %v", s.Name(), err)
			continue
		}
		if err := st.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name(), err)
		}
		//lint:ignore SA1019 those who have not moved on must be able to read us too
		old := read[in_toto.Statement](t, s)
		if old.Type != attest.StatementType || old.PredicateType != s.PredicateType() || old.PredicateType != st.GetPredicateType() {
			t.Errorf("%s: read as type %q, predicate %q, want %q", s.Name(), old.Type, old.PredicateType, s.PredicateType())
		}
		if len(old.Subject) != len(s.Subjects()) {
			t.Errorf("%s: read with %d subjects, want %d", s.Name(), len(old.Subject), len(s.Subjects()))
		}
		for i, about := range s.Subjects() {
			if got := old.Subject[i]; got.Name != about.Name || got.Digest["sha256"] != about.Digest.Hex() {
				t.Errorf("%s: read subject %v, want %v", s.Name(), got, about)
			}
		}
	}
}

// The verdict and the findings are companions: same artifacts, same policy.
func TestCompanionsAgree(t *testing.T) {
	all := newWorld().statements(t)
	v, f := named(t, all, "verdict"), named(t, all, "findings")
	if diff := cmp.Diff(v.Subjects(), f.Subjects(), cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })); diff != "" {
		t.Errorf("subjects differ:\n%s", diff)
	}
	var summary vsav1.VerificationSummary
	var result testresultv0.TestResult
	if err := predicate(t, v, &summary, protojson.UnmarshalOptions{DiscardUnknown: true}); err != nil {
		t.Fatal(err)
	}
	if err := predicate(t, f, &result, protojson.UnmarshalOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := result.GetConfiguration()[0]; got.GetName() != attest.PolicyResource || !cmp.Equal(got.GetDigest(), summary.GetPolicy().GetDigest()) {
		t.Errorf("findings name the policy %v, the verdict %v", got, summary.GetPolicy())
	}
}

// The signature over the findings reaches the decision, the release and every
// report.
func TestFindingsBindTheDossier(t *testing.T) {
	w := newWorld()
	d := w.judge(t)
	decision, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	release, err := d.Release.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var result testresultv0.TestResult
	if err := predicate(t, named(t, w.statements(t), "findings"), &result, protojson.UnmarshalOptions{}); err != nil {
		t.Fatal(err)
	}
	bound := make(map[string]string)
	for _, c := range result.GetConfiguration() {
		for alg, value := range c.GetDigest() {
			bound[c.GetName()] = alg + ":" + value
		}
	}
	want := map[string]string{
		"policy": d.Policy.Digest.String(), "waiver:W-7": d.Policy.Digest.String(),
		"decision": criteria.DigestOf(decision).String(), "release": criteria.DigestOf(release).String(),
		"source": d.Release.Source.Digest.String(),
	}
	for _, e := range w.evidence {
		want["evidence:"+e.Name] = e.Digest.String()
	}
	if diff := cmp.Diff(want, bound); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}
