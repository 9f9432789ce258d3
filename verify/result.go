package verify

import (
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// Result is a yes: what was verified about one artifact. Only [Verifier.Verify]
// makes one, so whoever acts on a statement takes a *Result and cannot be given
// an unverified one. Its JSON form is stable: keys are added, never changed.
type Result struct {
	// Subject is the digest that was asked about, and its name as signed.
	Subject criteria.Subject `json:"subject"`
	// Signer is who signed the verdict.
	Signer Identity `json:"signer"`
	// Cosigners are the others who signed the very same verdict.
	Cosigners []Identity `json:"cosigners,omitempty"`
	// Verdict is the one that decided.
	Verdict Verdict `json:"verdict"`
	// Findings is the verdict's companion by the same signer: which criteria
	// passed and what they were judged from. It is nil where there is none, or
	// where several different ones fit the verdict and nothing tells which.
	Findings *Findings `json:"findings,omitempty"`
	// Requirements are those that the trust file makes beside the verdict, in its
	// order: all are met.
	Requirements []Requirement `json:"requirements,omitempty"`
	// Statements are all verified statements about the subject, the verdict and
	// the findings among them, in the order of their digests.
	Statements []Statement `json:"statements"`
	// References are the documents that those statements refer to, and whether
	// they were found. The answer does not depend on them: see docs/wire-format.md.
	References []Reference `json:"references,omitempty"`
	// Ignored are the bundles that were found and did not count, and why. They
	// took nothing from the answer and added nothing to it.
	Ignored []Reason `json:"ignored,omitempty"`

	until time.Time
}

// Until is when r ends being a yes though nothing is added: something it rests on
// is older then than the trust file accepts, or a key that was trusted is not any
// more. It is zero where no time ends it. Who keeps an answer keeps it no longer.
func (r *Result) Until() time.Time { return r.until }

// until is [Result.Until] of a yes that rests on decided and met. A key that did
// not sign, and a statement that it does not rest on, may end it: that costs
// another look.
func (v *Verifier) until(decided *candidate, met []satisfied, statements []*verified, now time.Time) time.Time {
	var end time.Time
	if v.want.MaxAge > 0 {
		end = decided.Time.Add(time.Duration(v.want.MaxAge))
	}
	for _, r := range met {
		end = sooner(end, r.until)
	}
	for _, st := range statements {
		end = sooner(end, st.until)
	}
	for _, e := range v.keyring.entries {
		if e.NotAfter.After(now) {
			end = sooner(end, e.NotAfter)
		}
	}
	return end
}

// Identity is a verified signer.
type Identity struct {
	// Name is what the trust file calls it; empty if it does not.
	Name string `json:"name,omitempty"`
	// Key is the SHA-256 digest of the public key (SubjectPublicKeyInfo), zero
	// for a keyless signer.
	Key criteria.Digest `json:"key,omitzero"`
	// Issuer and Identity are what the certificate of a keyless signer says.
	Issuer   string `json:"issuer,omitempty"`
	Identity string `json:"identity,omitempty"`
}

func (i Identity) String() string {
	who := i.Identity
	if who == "" {
		who = "key " + i.Key.Short()
	}
	if i.Name != "" {
		return i.Name + " (" + who + ")"
	}
	return who
}

// Verdict is a verified summary
// (https://slsa.dev/spec/v1.2/verification_summary), in the terms of the trust
// file.
type Verdict struct {
	Verifier string `json:"verifier"`
	// Version is the version of each tool that judged, by its name.
	Version  map[string]string `json:"version,omitempty"`
	Resource string            `json:"resource"`
	Time     time.Time         `json:"time"`
	Policy   Policy            `json:"policy"`
	// Passed is true in every Result.
	Passed bool `json:"passed"`
	// Levels are the labels it carries: levels reached, criteria passed.
	Levels []string `json:"levels"`
	// Inputs are the attestations it was made from, if it says so.
	Inputs []Resource `json:"inputs,omitempty"`
	// Bundle and Statement are the digests of the bundle's and of the signed
	// statement's bytes.
	Bundle    criteria.Digest `json:"bundle"`
	Statement criteria.Digest `json:"statement"`
}

// Level returns the highest maturity level among v.Levels.
func (v Verdict) Level() criteria.Level {
	highest := criteria.NoLevel
	for _, l := range criteria.Levels() {
		if v.Has(criteria.LevelLabel(l)) {
			highest = l
		}
	}
	return highest
}

// Has reports whether v carries label, exactly.
func (v Verdict) Has(label string) bool {
	for _, l := range v.Levels {
		if l == label {
			return true
		}
	}
	return false
}

// Policy is the policy that a verdict was made under.
type Policy struct {
	URI string `json:"uri"`
	// Digest is zero where the verdict gives none that we know.
	Digest criteria.Digest `json:"digest,omitzero"`
}

// Findings is a verified test result
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/predicates/test-result.md).
type Findings struct {
	Result string   `json:"result"` // PASSED, WARNED or FAILED
	Passed []string `json:"passed,omitempty"`
	Warned []string `json:"warned,omitempty"`
	Failed []string `json:"failed,omitempty"`
	// Configuration is what they were judged from: the policy, the release, the
	// evidence and the decision, by digest. It is all that a replay of the
	// decision has to be compared with.
	Configuration []Resource      `json:"configuration"`
	URL           string          `json:"url,omitempty"`
	Bundle        criteria.Digest `json:"bundle"`
	Statement     criteria.Digest `json:"statement"`
}

// Resource is something that a verified statement names by digest.
type Resource struct {
	Name   string          `json:"name,omitempty"`
	URI    string          `json:"uri,omitempty"`
	Digest criteria.Digest `json:"digest,omitzero"`
	// Annotations are what is said about it, as far as it is text: of a waiver
	// the criterion, the finding, the reason and when it ends.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Statement is one verified statement about the subject.
type Statement struct {
	PredicateType string `json:"predicateType"`
	// Signature is who signed it, how, and who saw it.
	Signature
	Bundle criteria.Digest `json:"bundle"`
	Digest criteria.Digest `json:"digest"`

	predicate []byte
}

// Predicate returns the verified predicate as it was signed, one JSON value.
func (s Statement) Predicate() []byte { return append([]byte(nil), s.predicate...) }
