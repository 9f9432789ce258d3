package translate

import (
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/verify"
)

// policyController writes a ClusterImagePolicy of Sigstore's policy-controller
// (https://docs.sigstore.dev/policy-controller/overview/, v1beta1 of the API).
//
// Conditions are in Rego and not in CUE: of a document that lacks a field, CUE as
// the controller asks it takes the policy's own value for the field's.
func policyController(want verify.Expect, o Options) (Translation, error) {
	not := append(unsaid(want),
		"Limits on what is read, and one reading of every document: duplicate keys and the like are the controller's to refuse.",
	)
	if want.Threshold > 1 {
		not = append(not, "Of several authorities the controller takes any: each signer alone is enough here. Do not apply this policy unless you mean that.")
	}
	for _, s := range want.Signers {
		if s.Key != "" {
			not = append(not, fmt.Sprintf("Signer %q: with a key, the controller reads cosign's older layout alone: publish with --legacy.", signerName(s)))
		}
		if s.Key == "" && s.TrustedRoot != verify.PublicGood {
			not = append(not, fmt.Sprintf("Signer %q: its trusted root %s. Make a TrustRoot called %s of it, which this policy refers to.", signerName(s), s.TrustedRoot, o.Name))
		}
		if len(s.Require) > 0 {
			not = append(not, fmt.Sprintf("Signer %q: require %v. The controller asks for a log entry, or for a timestamp where rfc3161timestamp stands.", signerName(s), s.Require))
		}
		for _, c := range said(s.Certificate) {
			not = append(not, fmt.Sprintf("Signer %q: the certificate's %s %s.", signerName(s), c[0], c[1]))
		}
	}
	condition := rego(want)

	var w writer
	w.head("Verdicts of release criteria, for policy-controller 0.13 and later.", not)
	w.line(0, "apiVersion: policy.sigstore.dev/v1beta1")
	w.line(0, "kind: ClusterImagePolicy")
	w.line(0, "metadata:")
	w.line(1, "name: %s", o.Name)
	w.line(0, "spec:")
	w.line(1, "mode: enforce")
	w.line(1, "images:")
	for _, i := range o.Images {
		w.line(2, "- glob: %s", quoted(i))
	}
	w.line(1, "authorities:")
	for i, s := range want.Signers {
		w.line(2, "- name: signer%d", i+1)
		if s.Name != "" {
			w.comment(3, "", s.Name)
		}
		if s.Key != "" {
			w.line(3, "key:")
			w.block(4, "data", s.Key)
		} else {
			w.line(3, "signatureFormat: bundle")
			w.line(3, "keyless:")
			w.line(4, "identities:")
			w.line(5, "- issuer: %s", quoted(s.Issuer))
			if s.IdentityPattern != "" {
				w.line(6, "subjectRegExp: %s", quoted("^(?:"+s.IdentityPattern+")$"))
			} else {
				w.line(6, "subject: %s", quoted(s.Identity))
			}
			witness := "ctlog"
			if stamped(s) {
				witness = "rfc3161timestamp"
			}
			if s.TrustedRoot == verify.PublicGood {
				w.line(4, "url: https://fulcio.sigstore.dev")
				w.line(3, "ctlog:")
				w.line(4, "url: https://rekor.sigstore.dev")
			} else {
				w.line(4, "trustRootRef: %s", o.Name)
				w.line(3, "%s:", witness)
				w.line(4, "trustRootRef: %s", o.Name)
			}
		}
		w.line(3, "attestations:")
		w.line(4, "- name: verdict")
		w.line(5, "predicateType: %s", verdictType)
		w.line(5, "policy:")
		w.line(6, "type: rego")
		w.block(6, "data", condition)
	}
	return Translation{Text: w.String(), Unsaid: not}, nil
}

// stamped reports whether s requires a timestamp.
func stamped(s verify.Signer) bool {
	for _, r := range s.Require {
		if r == verify.Timestamp {
			return true
		}
	}
	return false
}

// rego is what want asks of a verdict. What a statement does not say is undefined
// in Rego, and so not compliant.
func rego(want verify.Expect) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("package sigstore")
	line("")
	line("default isCompliant = false")
	line("")
	line("isCompliant {")
	line("  input.predicateType == %s", quoted(verdictType))
	line("  input.predicate.verifier.id == %s", quoted(want.Verifier))
	line("  input.predicate.verificationResult == \"PASSED\"")
	line("  not failed")
	line("  resource")
	for _, l := range labels(want) {
		line("  input.predicate.verifiedLevels[_] == %s", quoted(l))
	}
	if len(want.Policies) > 0 {
		line("  accepted")
	}
	if want.MaxAge != verify.Unlimited {
		line("  made := time.parse_rfc3339_ns(input.predicate.timeVerified)")
		line("  time.now_ns() - made <= %d", time.Duration(want.MaxAge).Nanoseconds())
		line("  made - time.now_ns() <= %d", verify.Skew.Nanoseconds())
	}
	line("}")
	line("")
	line("failed { input.predicate.verifiedLevels[_] == \"FAILED\" }")
	exact, patterns := resources(want)
	line("")
	for _, e := range exact {
		line("resource { input.predicate.resourceUri == %s }", quoted(e))
	}
	for _, p := range patterns {
		line("resource { regex.match(%s, input.predicate.resourceUri) }", quoted(p))
	}
	if by := digests(want); len(by) > 0 {
		line("")
		for _, alg := range sorted(by) {
			for _, hex := range by[alg] {
				line("accepted { input.predicate.policy.digest[%s] == %s }", quoted(alg), quoted(hex))
			}
		}
	}
	return b.String()
}
