package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// verdictType is the predicate type of a verdict.
const verdictType = "https://slsa.dev/verification_summary/v1"

// summary is the predicate of a verdict
// (https://slsa.dev/spec/v1.2/verification_summary).
type summary struct {
	Verifier struct {
		ID      string            `json:"id"`
		Version map[string]string `json:"version"`
	} `json:"verifier"`
	TimeVerified string `json:"timeVerified"`
	ResourceURI  string `json:"resourceUri"`
	Policy       struct {
		URI    string    `json:"uri"`
		Digest digestSet `json:"digest"`
	} `json:"policy"`
	InputAttestations  []descriptor              `json:"inputAttestations"`
	VerificationResult string                    `json:"verificationResult"`
	VerifiedLevels     []string                  `json:"verifiedLevels"`
	Others             map[string]jsontext.Value `json:",embed"`
}

// candidate is a verified verdict by the expected verifier about the expected
// resource.
type candidate struct {
	Verdict
	*verified
	// together are the bundles with the same verdict, this one among them.
	together []*candidate
	policies []criteria.Digest
	// timeless marks a FAILED without a readable time: it cannot be shown to
	// be older than anything.
	timeless bool
}

// readVerdict reads the predicate of a verified verdict by verifier about one of
// those called, and says why it is not one that can decide.
func readVerdict(st *verified, verifier string, called []pattern, now time.Time) (*candidate, *Reason) {
	no := func(code, format string, args ...any) (*candidate, *Reason) {
		return nil, st.reason(code, format, args...)
	}
	var s summary
	if err := strict.JSON(st.payload.Predicate, &s); err != nil {
		return no(BadVerdict, "the verdict cannot be read: %v", err)
	}
	err := noTwins(s.Others, "verifier", "timeVerified", "resourceUri", "policy", "inputAttestations", "verificationResult", "verifiedLevels")
	if err != nil {
		return no(BadVerdict, "the verdict cannot be read: %v", err)
	}
	// > verifier.id: The verifier's identity. […] The consumer MUST verify that
	// > the signer is acceptable for this verifier.id; the trust file names the
	// > pair.
	if s.Verifier.ID != verifier {
		return no(WrongVerifier, "the verdict is by verifier %q, expected %q", s.Verifier.ID, verifier)
	}
	if !slices.ContainsFunc(called, func(p pattern) bool { return p.match(s.ResourceURI) }) {
		return no(WrongResource, "the verdict is about resource %q, expected %s", s.ResourceURI, quotedAny(called))
	}
	c := &candidate{verified: st, policies: s.Policy.Digest.all()}
	c.Verdict = Verdict{
		Verifier: s.Verifier.ID, Version: s.Verifier.Version, Resource: s.ResourceURI,
		Policy: Policy{URI: s.Policy.URI, Digest: s.Policy.Digest.first()},
		Levels: append([]string{}, s.VerifiedLevels...), Inputs: resources(s.InputAttestations),
		Bundle: st.bundle, Statement: st.digest,
	}
	c.Time, err = parseTime(s.TimeVerified)
	switch s.VerificationResult {
	case "FAILED":
		// A refusal counts whatever else is wrong with it: a clock that runs
		// fast must not keep a release alive.
		c.timeless = err != nil
		return c, nil
	case "PASSED":
		c.Passed = true
	default:
		return no(BadVerdict, "the verdict's result is %q, expected PASSED or FAILED", s.VerificationResult)
	}
	switch {
	case err != nil:
		return no(BadVerdict, "the verdict's time: %v", err)
	case s.Policy.URI == "":
		return no(BadVerdict, "the verdict names no policy")
	case c.Has("FAILED"):
		return no(BadVerdict, "the verdict's result is PASSED and its levels say FAILED")
	case c.Time.After(now.Add(Skew)):
		return no(FromTheFuture, "the verdict was made on %s, later than now", stamp(c.Time))
	}
	return c, nil
}

// unmet returns why c does not satisfy what is expected.
func (v *Verifier) unmet(c *candidate, now time.Time) []Reason {
	var reasons []Reason
	add := func(code, format string, args ...any) {
		reasons = append(reasons, Reason{Code: code, Bundle: c.Verdict.Bundle, Message: fmt.Sprintf(format, args...)})
	}
	if !c.Passed {
		if c.timeless {
			add(Failed, "%s says FAILED, without a time that would let another verdict be newer", c.signer())
		} else {
			add(Failed, "the newest verdict, by %s on %s, says FAILED", c.signer(), stamp(c.Time))
		}
		return reasons
	}
	if v.want.MaxAge != Unlimited {
		if age := now.Sub(c.Time); age > time.Duration(v.want.MaxAge) {
			add(TooOld, "the verdict was made on %s, longer ago than %s", stamp(c.Time), v.want.MaxAge)
		}
	}
	if len(v.want.Policies) > 0 && !slices.ContainsFunc(c.policies, func(d criteria.Digest) bool {
		return slices.ContainsFunc(v.want.Policies, d.Matches)
	}) {
		if len(c.policies) == 0 {
			add(WrongPolicy, "the verdict gives no digest of its policy %s", c.Policy.URI)
		} else {
			add(WrongPolicy, "the verdict was made under policy %s, which is not accepted", c.Policy.Digest)
		}
	}
	// Labels are compared exactly. Levels are signed cumulatively, so that a
	// higher one carries the lower ones.
	if v.want.Level != criteria.NoLevel && !c.Has(criteria.LevelLabel(v.want.Level)) {
		add(CriteriaUnmet, "level %s was not reached, but %s", v.want.Level, c.Level())
	}
	var missing []string
	for _, name := range v.want.Criteria {
		if !c.Has(criteria.Label(name)) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		add(CriteriaUnmet, "not passed: %s", strings.Join(missing, ", "))
	}
	return reasons
}

// findingsType is the predicate type of the findings.
const findingsType = "https://in-toto.io/attestation/test-result/v0.1"

// readFindings reads the predicate of a verified test result.
func readFindings(st *verified) (*Findings, error) {
	var s struct {
		Result        string       `json:"result"`
		Configuration []descriptor `json:"configuration"`
		URL           string       `json:"url"`
		Passed        []string     `json:"passedTests"`
		Warned        []string     `json:"warnedTests"`
		Failed        []string     `json:"failedTests"`
	}
	if err := strict.JSON(st.payload.Predicate, &s); err != nil {
		return nil, err
	}
	switch {
	case s.Result != "PASSED" && s.Result != "WARNED" && s.Result != "FAILED":
		return nil, fmt.Errorf("the result is %q, expected PASSED, WARNED or FAILED", s.Result)
	case len(s.Configuration) == 0:
		return nil, errors.New("there is no configuration")
	}
	return &Findings{
		Result: s.Result, Passed: s.Passed, Warned: s.Warned, Failed: s.Failed,
		Configuration: resources(s.Configuration), URL: s.URL,
		Bundle: st.bundle, Statement: st.digest,
	}, nil
}

// fits reports whether f can be what c's verdict was given on: the same policy,
// and neither a result nor a criterion that contradicts it.
func (f *Findings) fits(c *candidate) bool {
	for _, name := range f.Passed {
		if !c.Has(criteria.Label(name)) {
			return false
		}
	}
	return f.Result != "FAILED" && slices.ContainsFunc(f.Configuration, func(r Resource) bool {
		return slices.ContainsFunc(c.policies, r.Digest.Matches)
	})
}

// at reports whether r says of itself that it was made at t.
func (r Resource) at(t time.Time) bool {
	made, err := parseTime(r.Annotations["time"])
	return err == nil && made.Equal(t)
}

// companion returns the findings that belong to c: those that c names among
// its inputs, those of a decision of the same time, or the only ones that fit.
func (v *Verifier) companion(c *candidate, all []*verified) *Findings {
	var fitting []*Findings
	for _, st := range all {
		if st.payload.PredicateType != findingsType {
			continue
		}
		if st = v.main.only(st); st == nil || st.signature.Signer != c.signer() {
			continue
		}
		f, err := readFindings(st)
		if err != nil || !f.fits(c) {
			continue
		}
		named := func(r Resource) bool { return r.Digest.Matches(f.Statement) || r.Digest.Matches(f.Bundle) }
		sameTime := func(r Resource) bool { return r.Name == attest.DecisionResource && r.at(c.Time) }
		if slices.ContainsFunc(c.Inputs, named) || slices.ContainsFunc(f.Configuration, sameTime) {
			return f
		}
		if !slices.ContainsFunc(fitting, func(g *Findings) bool { return g.Statement == f.Statement }) {
			fitting = append(fitting, f)
		}
	}
	if len(fitting) != 1 {
		return nil
	}
	return fitting[0]
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
