package verify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// An explanation says the same as the answer, whatever was found; and each way
// goes through the steps in their order, up to where the reason says.
func TestExplainVectors(t *testing.T) {
	steps := verify.Steps()
	stopped := make(map[verify.Step]bool)
	for _, v := range vectors(t) {
		e, err := v.verifier(t).Explain(t.Context(), v.subject)
		if err != nil {
			t.Errorf("%s: Explain: %v", v.name, err)
			continue
		}
		if want := v.expect[0] == "accept"; e.Verified != want {
			t.Errorf("%s: Verified = %v, want %v", v.name, e.Verified, want)
		}
		var codes []string
		for _, r := range e.Reasons {
			if !r.Bundle.IsZero() || r.Reached != "" {
				t.Errorf("%s: %v stands beside the bundles", v.name, r)
			}
			codes = append(codes, r.Code)
		}
		decided := 0
		for _, p := range e.Paths {
			if p.Decided {
				decided++
			}
			last := -1
			for i, s := range p.Steps {
				place := slices.Index(steps, s.Step)
				if place <= last {
					t.Errorf("%s: step %q is out of order", v.name, s.Step)
				}
				last = place
				if s.State == verify.Stopped && (i != len(p.Steps)-1 || len(p.Reasons) == 0) {
					t.Errorf("%s: the way goes on after %q, or stops for no reason", v.name, s.Step)
				}
			}
			if len(p.Reasons) > 0 {
				end := p.Steps[len(p.Steps)-1]
				if end.State != verify.Stopped || end.Step != p.Reasons[0].Reached {
					t.Errorf("%s: the way ends with %q %s, and the reason says %q", v.name, end.Step, end.State, p.Reasons[0].Reached)
				}
				stopped[end.Step] = true
			}
			for _, r := range p.Reasons {
				codes = append(codes, r.Code)
			}
		}
		if e.Verified != (decided == 1) && e.Verified {
			t.Errorf("%s: %d bundles decided", v.name, decided)
		}
		if !e.Verified {
			for _, want := range v.expect {
				if !slices.Contains(codes, want) {
					t.Errorf("%s: reasons %v, want %v", v.name, codes, v.expect)
				}
			}
		}
	}
	for _, s := range []verify.Step{
		verify.StepBundle, verify.StepEnvelope, verify.StepStatement, verify.StepSubject, verify.StepSigner,
		verify.StepSignature, verify.StepVerdict, verify.StepThreshold, verify.StepNewest, verify.StepRequirements,
	} {
		if !stopped[s] {
			t.Errorf("no vector stops at %q", s)
		}
	}
}

// What a certificate, a log and a timestamp said is shown where it was verified,
// and where one of them fails, that one is named.
func TestExplainWitnesses(t *testing.T) {
	w := newSigstoreWorld(t)
	w.writeRoot(t, "with_ctlog.json", w.RekorLogs(), w.CTLogs())
	payload := verdict(predicate().with(object{"timeVerified": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)}))
	exact := keyless(issuer, "identity", identity, "trusted_root.json") + "    require: [log, timestamp]\n"
	for _, tt := range []struct {
		name, signer string
		change       func(*protobundle.Bundle)
		want         verify.Step // empty for yes
	}{
		{"all", exact, nil, ""},
		{"no log entry", exact, func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil }, verify.StepLog},
		{"no timestamp", exact, func(b *protobundle.Bundle) { b.VerificationMaterial.TimestampVerificationData = nil }, verify.StepTime},
		{"no promise", keyless(issuer, "identity", identity, "with_ctlog.json") + "    require: [log, sct]\n", nil, verify.StepSCT},
		{"another signer", keyless(issuer, "identity", identity+"-rc1", "trusted_root.json"), nil, verify.StepSigner},
	} {
		v, err := verify.New(found{w.sign(t, identity, issuer, payload, tt.change)}, w.trust(t, tt.signer))
		if err != nil {
			t.Fatal(err)
		}
		e, err := v.Explain(t.Context(), artifact)
		if err != nil || len(e.Paths) != 1 {
			t.Fatalf("%s: Explain = %+v, %v, want one way", tt.name, e, err)
		}
		p := e.Paths[0]
		if end := p.Steps[len(p.Steps)-1]; tt.want != "" && (end.Step != tt.want || end.State != verify.Stopped || p.Verified) {
			t.Errorf("%s: the way ends with %+v, want that it stops at %q", tt.name, end, tt.want)
			continue
		}
		if tt.want != "" {
			continue
		}
		if !e.Verified || !p.Decided || !p.Verified {
			t.Fatalf("%s: %+v, want that it decided", tt.name, p)
		}
		for _, want := range []struct{ step, name, value string }{
			{"signer", "identity", identity},
			{"log", "index", ""},
			{"time", "timestamp", ""},
			{"certificate", "valid", " to "},
			{"verdict", "result", "PASSED"},
			{"requirements", "level", "standard, required standard"},
		} {
			if got := fact(p, want.step, want.name); got == "" || !strings.Contains(got, want.value) {
				t.Errorf("%s: %s of %s is %q, want %q", tt.name, want.name, want.step, got, want.value)
			}
		}
	}
}

// fact is the value of one of p's facts.
func fact(p verify.Path, step, name string) string {
	for _, s := range p.Steps {
		for _, f := range s.Facts {
			if string(s.Step) == step && f.Name == name {
				return f.Value
			}
		}
	}
	return ""
}

// Explaining changes no answer, and shows nothing that acts on a terminal.
func TestExplainHostile(t *testing.T) {
	odd := envelope(intoto, encode(statement("\x1b[2J", object{}).with(object{"subject": []object{{"name": "\x1b]0;x\a", "digest": object{"sha256": artifact.Hex()}}}})), strangerKey)
	v, err := verify.New(found{bundle("\x1b[31m", odd), attest.Bundle("{"), nil}, expect(), verify.WithClock(func() time.Time { return thePresent }))
	if err != nil {
		t.Fatal(err)
	}
	e, err := v.Explain(t.Context(), artifact)
	if err != nil || e.Verified || len(e.Paths) != 3 {
		t.Fatalf("Explain = %+v, %v, want a no with three ways", e, err)
	}
	for _, p := range e.Paths {
		for _, s := range p.Steps {
			for _, f := range s.Facts {
				if strings.ContainsFunc(f.Value, func(r rune) bool { return r < ' ' }) {
					t.Errorf("%s is %q", f.Name, f.Value)
				}
			}
		}
	}
	if _, err := v.Explain(t.Context(), criteria.Digest{}); err == nil {
		t.Error("Explain of nothing succeeded")
	}
}
