package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/verify"
)

// kyverno writes an ImageValidatingPolicy
// (https://kyverno.io/docs/policy-types/image-validating-policy/, v1 of the API).
func kyverno(want verify.Expect, o Options) (Translation, error) {
	not := append(unsaid(want),
		"maxAge "+want.MaxAge.String()+": an old verdict is as good as a new one.",
		"Of several verdicts about one image, one that the controller chooses is looked at.",
		"Limits on what is read, and one reading of every document: duplicate keys and the like are the controller's to refuse.",
	)
	if want.Threshold > 1 {
		not = append(not, "Here so many signers must have signed some verdict; that it is the same one is not asked.")
	}
	var attestors, roots []string
	for i, s := range want.Signers {
		attestors = append(attestors, fmt.Sprintf("attestors.signer%d", i+1))
		root := ""
		if s.TrustedRoot != "" {
			data, err := want.TrustedRoot(s, o.Roots)
			if err != nil {
				return Translation{}, err
			}
			root = string(data)
		}
		roots = append(roots, root)
		if len(s.Require) > 0 {
			not = append(not, fmt.Sprintf("Signer %q: require %v. The controller decides which witnesses it asks for.", signerName(s), s.Require))
		}
		for _, c := range said(s.Certificate) {
			not = append(not, fmt.Sprintf("Signer %q: the certificate's %s %s.", signerName(s), c[0], c[1]))
		}
		if s.Key != "" && len(s.Require) == 0 {
			not = append(not, fmt.Sprintf("Signer %q: its key needs no log entry, and insecureIgnoreTlog is how that is said here.", signerName(s)))
		}
	}

	var w writer
	w.head("Verdicts of release criteria, for Kyverno 1.19 and later.", not)
	w.line(0, "apiVersion: policies.kyverno.io/v1")
	w.line(0, "kind: ImageValidatingPolicy")
	w.line(0, "metadata:")
	w.line(1, "name: %s", o.Name)
	w.line(0, "spec:")
	w.line(1, "failurePolicy: Fail")
	w.line(1, "validationActions: [Deny]")
	w.line(1, "matchConstraints:")
	w.line(2, "resourceRules:")
	w.line(3, `- apiGroups: [""]`)
	w.line(4, "apiVersions: [v1]")
	w.line(4, "operations: [CREATE, UPDATE]")
	w.line(4, "resources: [pods, pods/ephemeralcontainers]")
	w.line(1, "matchImageReferences:")
	for _, i := range o.Images {
		w.line(2, "- glob: %s", quoted(i))
	}
	w.line(1, "validationConfigurations:")
	w.line(2, "mutateDigest: true")
	w.line(2, "verifyDigest: true")
	w.line(2, "required: true")
	w.line(1, "attestors:")
	for i, s := range want.Signers {
		w.line(2, "- name: signer%d", i+1)
		if s.Name != "" {
			w.comment(3, "", s.Name)
		}
		w.line(3, "cosign:")
		if s.Key != "" {
			w.line(4, "key:")
			w.block(5, "data", s.Key)
			if len(s.Require) == 0 {
				w.line(4, "ctlog:")
				w.line(5, "url: https://rekor.sigstore.dev")
				w.line(5, "insecureIgnoreTlog: true")
			}
		} else {
			w.line(4, "keyless:")
			w.line(5, "identities:")
			w.line(6, "- issuer: %s", quoted(s.Issuer))
			if s.IdentityPattern != "" {
				w.line(7, "subjectRegExp: %s", quoted("^(?:"+s.IdentityPattern+")$"))
			} else {
				w.line(7, "subject: %s", quoted(s.Identity))
			}
		}
		if roots[i] != "" {
			w.line(4, "trustedRoot:")
			w.block(5, "value", roots[i])
		}
	}
	w.line(1, "attestations:")
	w.line(2, "- name: verdict")
	w.line(3, "intoto:")
	w.line(4, "type: %s", verdictType)

	// Each signer is asked by itself where one is enough: in CEL, a yes of one
	// outweighs an error of another, and within a list it does not.
	var signatures []string
	if want.Threshold > 1 {
		signatures = []string{fmt.Sprintf("verifyAttestationSignatures(image, attestations.verdict, [%s]) >= %d", strings.Join(attestors, ", "), want.Threshold)}
	} else {
		for _, a := range attestors {
			signatures = append(signatures, fmt.Sprintf("verifyAttestationSignatures(image, attestations.verdict, [%s]) > 0", a))
		}
	}
	conditions := []string{
		"p.verifier.id == " + quoted(want.Verifier),
		"p.verificationResult == 'PASSED'",
		"!('FAILED' in p.verifiedLevels)",
	}
	exact, patterns := resources(want)
	var names []string
	if len(exact) > 0 {
		names = append(names, "p.resourceUri in "+list(exact))
	}
	for _, r := range patterns {
		names = append(names, "p.resourceUri.matches("+quoted(r)+")")
	}
	conditions = append(conditions, "("+strings.Join(names, " || ")+")")
	if all := labels(want); len(all) > 0 {
		conditions = append(conditions, list(all)+".all(l, l in p.verifiedLevels)")
	}
	if by := digests(want); len(by) > 0 {
		var accepted []string
		for _, alg := range sorted(by) {
			accepted = append(accepted, fmt.Sprintf("(%s in p.policy.digest && p.policy.digest[%s] in %s)", quoted(alg), quoted(alg), list(by[alg])))
		}
		conditions = append(conditions, "("+strings.Join(accepted, " || ")+")")
	}
	w.line(1, "validations:")
	for _, kind := range []string{"containers", "initContainers", "ephemeralContainers"} {
		w.line(2, "- message: an image among the %s has no verdict that is accepted", kind)
		w.line(3, "expression: >-")
		w.line(4, "images.%s.map(image,", kind)
		for i, sig := range signatures {
			lead, end := "", " ||"
			if i == 0 {
				lead = "("
			}
			if i == len(signatures)-1 {
				end = ") &&"
			}
			w.line(4, "%s%s%s", lead, sig, end)
		}
		w.line(4, "[extractPayload(image, attestations.verdict).predicate].all(p,")
		for i, c := range conditions {
			end := " &&"
			if i == len(conditions)-1 {
				end = ")"
			}
			w.line(4, "%s%s", c, end)
		}
		w.line(4, ").all(e, e)")
	}
	return Translation{Text: w.String(), Unsaid: not}, nil
}

// said are the constraints that c makes, by key and value.
func said(c verify.Certificate) [][2]string {
	all := [][2]string{
		{"sourceRepository", c.SourceRepository},
		{"sourceRef", c.SourceRef},
		{"sourceDigest", c.SourceDigest},
		{"sourceOwner", c.SourceOwner},
		{"sourceRepositoryId", c.SourceRepositoryID},
		{"sourceOwnerId", c.SourceOwnerID},
		{"sourceVisibility", c.SourceVisibility},
		{"workflow", c.Workflow},
		{"builder", c.Builder},
		{"trigger", c.Trigger},
		{"runner", c.Runner},
	}
	return slices.DeleteFunc(all, func(p [2]string) bool { return p[1] == "" })
}
