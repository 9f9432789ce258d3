package attest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-project/hallmark/criteria"
)

// Options are what statements need beside the decision. Its zero value is
// refused: a verdict whose verifier nobody can name is worth nothing.
type Options struct {
	// Verifier is the URI of whoever judges, versioned and stable: consumers
	// pin it together with the signer. Required.
	Verifier string
	// VerifierVersion is the version of each tool that judged, by its name.
	VerifierVersion map[string]string
	// PolicyURI is where the policy is kept, or what it is called. Its digest
	// is the decision's. Required.
	PolicyURI string
	// RunURL is where the run can be looked at; empty if nowhere.
	RunURL string
	// Report returns the bytes of one of the decision's reports by their
	// digest. They are checked against it. Where Report is nil there are no
	// statements with SBOMs, vulnerabilities and VEX.
	Report func(criteria.Digest) ([]byte, error)
	// ReportURL says where a report can be downloaded; nil or "" where it
	// lies only beside the decision.
	ReportURL func(criteria.Digest) string
	// MaxInline is the size in bytes up to which a report is attested whole;
	// a larger one is attested by reference. It is the policy's
	// ([criteria.Policy.InlineLimit]). Zero is [DefaultMaxInline].
	MaxInline int64
}

// DefaultMaxInline is the limit of a policy that sets none.
const DefaultMaxInline = int64(criteria.DefaultInlineLimit)

// MaxSubjects is how many artifacts one release can have attested: sigstore-go
// refuses a statement with more subjects, and so would every consumer.
const MaxSubjects = 1024

// Statements returns what is attested of d: the verdict and the findings,
// always; and of a release that passed, its SBOMs, known vulnerabilities and
// VEX documents. It is a pure function of its arguments.
//
// Only reports that d rests on are attested, about the artifacts that d took
// them to be about; and SBOMs that say themselves which artifact they are for.
func Statements(d criteria.Decision, o Options) ([]Statement, error) {
	m := &maker{d: d, o: o, names: make(map[string]bool)}
	if m.o.MaxInline == 0 {
		m.o.MaxInline = DefaultMaxInline
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("attesting %s %s: %w", d.Release.Name, d.Release.Version, err)
	}
	if err := m.statements(); err != nil {
		return nil, fmt.Errorf("attesting %s %s: %w", d.Release.Name, d.Release.Version, err)
	}
	return m.out, nil
}

// maker makes the statements of one decision.
type maker struct {
	d     criteria.Decision
	o     Options
	names map[string]bool
	// speaks says whether evidence i is about a subject.
	speaks func(i int, s criteria.Subject) bool
	out    []Statement
}

func (m *maker) statements() error {
	if err := m.verdict(); err != nil {
		return err
	}
	if err := m.findings(); err != nil {
		return err
	}
	// Of a release that did not pass nothing more is said: a gate that only
	// asks whether there is an SBOM must not be satisfied by it.
	if !m.d.Passed || m.o.Report == nil {
		return nil
	}
	m.speaks = m.d.Speaking()
	for i, e := range m.d.Evidence {
		if err := m.report(i); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return nil
}

// check refuses a decision that could not be attested honestly: one that was
// altered by hand, or that names nothing.
func (m *maker) check() error {
	d, o := m.d, m.o
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if err := d.Release.Check(); err != nil {
		faults = append(faults, err)
	}
	if n := len(d.Release.Artifacts); n > MaxSubjects {
		fault("the release has %d artifacts, and verifiers take at most %d in one statement: split the release", n, MaxSubjects)
	}
	if d.Time.IsZero() {
		fault("the decision has no time")
	}
	if d.Policy.Digest.IsZero() {
		fault("the decision does not say by which policy it was made")
	}
	for _, e := range d.Evidence {
		// A report that could not be had at all has no digest.
		if e.Digest.Algorithm() != "sha256" && (e.Problem == "" || !e.Digest.IsZero()) {
			fault("the report %s has the digest %q, expected one of sha256", publicName(e.Name), e.Digest)
		}
	}
	if len(d.Judgements) == 0 {
		fault("the decision answers no question")
	}
	if unmet := d.Criteria(criteria.Fail, criteria.Unknown, criteria.NeedsReview, criteria.Faulty); d.Passed && len(unmet) > 0 {
		fault("the decision contradicts itself: passed, though %s did not", strings.Join(unmet, ", "))
	}
	if !hasScheme().MatchString(o.Verifier) {
		fault("the verifier %q is no URI: expected one that consumers can pin, such as https://example.com/release-gate/v1", o.Verifier)
	}
	switch {
	case o.PolicyURI == "":
		fault("the policy has no URI: say where it is kept or what it is called")
	case local(o.PolicyURI):
		fault("the policy's URI is a path on this machine: statements are public, give an address or a relative path")
	}
	for what, uri := range map[string]string{"verifier": o.Verifier, "policy's URI": o.PolicyURI, "run's URL": o.RunURL} {
		if hasUserinfo().MatchString(uri) {
			fault("the %s holds a user name or password: statements are public", what)
		}
	}
	if o.RunURL != "" && !isWeb().MatchString(o.RunURL) {
		fault("the run's URL is no web address: expected https://…")
	}
	if o.MaxInline < 0 {
		fault("the size up to which reports are attested whole is negative")
	}
	return errors.Join(faults...)
}

var (
	hasScheme   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:[^\s]+$`) })
	isWeb       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^https?://[^\s]+$`) })
	hasUserinfo = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@`) })
	isDrive     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z]:[\\/]`) })
)

// local reports whether s is a path of one machine, which tells others
// nothing, except perhaps somebody's name.
func local(s string) bool {
	slashed := strings.ReplaceAll(s, `\`, "/")
	return strings.HasPrefix(slashed, "/") || strings.HasPrefix(slashed, "~") || isDrive().MatchString(s) ||
		strings.HasPrefix(strings.ToLower(s), "file:") ||
		slashed == ".." || strings.HasPrefix(slashed, "../") || strings.Contains(slashed, "/../")
}

// public returns a URI that somebody else wrote, or "" where it should not be
// repeated in public.
func public(uri string) string {
	if !hasScheme().MatchString(uri) || local(uri) || hasUserinfo().MatchString(uri) {
		return ""
	}
	return uri
}
