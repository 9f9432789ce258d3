package verify

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxSigners bounds how many signers a trust file lists: each may have to be
// tried on each bundle.
const maxSigners = 64

// maxResources bounds the patterns that each verdict is held against.
const maxResources = 256

// ParseTrust reads a trust file. file is its name for messages, and the place
// where relative paths in it begin. Every fault has its line and column.
func ParseTrust(file string, data []byte) (Expect, error) {
	node, err := strict.Parse(file, data)
	if err != nil {
		return Expect{}, err
	}
	var e Expect
	if err := strict.Decode(file, node, &e); err != nil {
		return Expect{}, err
	}
	e.dir = filepath.Dir(file)
	var faults strict.Errors
	for _, f := range e.faults() {
		at := strict.At(node, f.path...)
		faults = append(faults, &strict.Error{File: file, Line: at.Line, Column: at.Column, Msg: f.msg})
	}
	if len(faults) > 0 {
		return Expect{}, faults
	}
	return e, nil
}

// fault is what is wrong with an Expect, and at which keys.
type fault struct {
	path []any
	msg  string
}

// check returns every fault of e as one error.
func (e Expect) check() error {
	var all []error
	for _, f := range e.faults() {
		all = append(all, errors.New(f.msg))
	}
	return errors.Join(all...)
}

func (e Expect) faults() []fault {
	var faults []fault
	add := func(path []any, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Sprintf(format, args...)})
	}
	exact := func(key, value, what string) {
		switch {
		case value == "":
			add([]any{key}, "%s is missing: %s", key, what)
		case strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }):
			add([]any{key}, "%s is compared exactly, and %q begins or ends with a space or holds a line break", key, value)
		}
	}
	exact("verifier", e.Verifier, "the id of whoever judges, as it stands in the verdicts")
	switch {
	case e.Resource != "" && len(e.Resources) > 0:
		add([]any{"resources"}, "a trust file has either a resource or resources")
	case strings.Contains(e.Resource, "*"):
		add([]any{"resource"}, "resource is compared exactly, and %q holds a star: patterns stand under resources", e.Resource)
	case len(e.Resources) == 0:
		exact("resource", e.Resource, "what the artifact is called, such as pkg:generic/greet@1.2.0, as it stands in the verdicts")
	case len(e.Resources) > maxResources:
		add([]any{"resources"}, "%d resources, expected at most %d", len(e.Resources), maxResources)
	}
	for i, r := range e.Resources {
		switch why := openResource(r); {
		case why != "":
			add([]any{"resources", i}, "resource %q %s", r, why)
		case slices.Contains(e.Resources[:i], r):
			add([]any{"resources", i}, "resource %q stands twice", r)
		}
	}
	switch {
	case e.Threshold < 0:
		add([]any{"threshold"}, "threshold must be at least 1")
	case e.Threshold > len(e.Signers) && len(e.Signers) > 0:
		add([]any{"threshold"}, "threshold %d is more than there are signers: %d", e.Threshold, len(e.Signers))
	}
	if len(e.Signers) == 0 {
		add([]any{"signers"}, "signers is missing: at least one key or identity whose signature counts")
	}
	faults = append(faults, signersFaults(e.Signers)...)
	if e.Level == criteria.NoLevel && len(e.Criteria) == 0 && len(e.Policies) == 0 {
		add(nil, "level, criteria and policies are all missing: a verdict alone says only that some policy was met; say which level or criteria must have been reached, or which policies are accepted")
	}
	for i, c := range e.Criteria {
		if !criteria.IsCriterionName(c) {
			add([]any{"criteria", i}, "%q is no criterion: lower-case words joined by hyphens, such as changes-reviewed", c)
		} else if slices.Contains(e.Criteria[:i], c) {
			add([]any{"criteria", i}, "criterion %s stands twice", c)
		}
	}
	for i, p := range e.Policies {
		if p.IsZero() || p.Algorithm() == "gitCommit" {
			add([]any{"policies", i}, "expected the digest of a policy such as sha256:<64 hex digits>")
		}
	}
	switch {
	case e.MaxAge == 0:
		add([]any{"maxAge"}, "maxAge is missing: how old a verdict may be, such as 90d; unlimited if it really does not matter")
	case e.MaxAge < 0 && e.MaxAge != Unlimited:
		add([]any{"maxAge"}, "maxAge must be positive")
	}
	return append(faults, e.requirementFaults()...)
}

// signersFaults says what is wrong with a list of signers.
func signersFaults(signers []Signer) []fault {
	var faults []fault
	add := func(path []any, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Sprintf(format, args...)})
	}
	if len(signers) > maxSigners {
		add([]any{"signers"}, "%d signers, expected at most %d", len(signers), maxSigners)
	}
	seen := make(map[criteria.Digest]int)
	for i, s := range signers {
		for _, f := range s.faults() {
			add(append([]any{"signers", i}, f.path...), "%s", f.msg)
		}
		if s.Key == "" {
			continue
		}
		if _, fingerprint, err := parseKey(s.Key); err == nil {
			if first, ok := seen[fingerprint]; ok {
				add([]any{"signers", i, "key"}, "signers %d and %d are the same key", first+1, i+1)
			}
			seen[fingerprint] = i
		}
	}
	return faults
}

func (s Signer) faults() []fault {
	var faults []fault
	add := func(key, format string, args ...any) {
		faults = append(faults, fault{[]any{key}, fmt.Sprintf(format, args...)})
	}
	keyless := s.Issuer != "" || s.Identity != "" || s.IdentityPattern != "" || s.Certificate != Certificate{} || s.TrustedRoot != "" && s.Key == ""
	for i, w := range s.Require {
		switch {
		case !slices.Contains(Witnesses(), w):
			add("require", "%q is no witness: expected log, sct or timestamp", w)
		case slices.Contains(s.Require[:i], w):
			add("require", "%q stands twice", w)
		}
	}
	switch {
	case s.Key != "" && keyless:
		add("key", "a signer is either a key, or an issuer with an identity; this one is both")
	case s.Key != "":
		if _, _, err := parseKey(s.Key); err != nil {
			add("key", "key %v", err)
		}
		if !s.NotBefore.IsZero() && !s.NotAfter.IsZero() && !s.NotAfter.After(s.NotBefore) {
			add("notAfter", "notAfter must be later than notBefore")
		}
		switch {
		case slices.Contains(s.Require, SCT):
			add("require", "no certificate log sees a key: require of it log, timestamp or both")
		case len(s.Require) > 0 && s.TrustedRoot == "":
			add("trustedRoot", "trustedRoot is missing: the file with the logs and timestamp authorities that are required")
		case len(s.Require) == 0 && s.TrustedRoot != "":
			add("trustedRoot", "trustedRoot says who could be a witness, and require names none")
		}
	case !keyless:
		faults = append(faults, fault{nil, "a signer needs a key, or an issuer with an identity"})
	default:
		if s.Issuer == "" {
			add("issuer", "issuer is missing: without it, anyone's login service could vouch for the identity")
		}
		switch {
		case s.Identity == "" && s.IdentityPattern == "":
			add("identity", "identity is missing: without it, everyone that the issuer knows could sign")
		case s.Identity != "" && s.IdentityPattern != "":
			add("identityPattern", "a signer has either an identity or an identityPattern")
		case s.IdentityPattern != "":
			if p, err := anchored(s.IdentityPattern); err != nil {
				add("identityPattern", "identityPattern is no regular expression: %v", err)
			} else if matchesStrangers(p, s.IdentityPattern) {
				add("identityPattern", "identityPattern %q matches strangers", s.IdentityPattern)
			}
		}
		for _, c := range s.Certificate.constraints() {
			if why := s.Certificate.faults()[c.key]; why != "" {
				faults = append(faults, fault{[]any{"certificate", c.key}, fmt.Sprintf("%s %q %s", c.key, c.want, why)})
			}
		}
		if who := s.Identity + s.IdentityPattern; callable(who) && s.Certificate.SourceRepositoryID == "" {
			switch of := s.Certificate.SourceRepository; {
			case of == "":
				add("certificate", "certificate.sourceRepository is missing: anybody's repository may call the workflow %q", who)
			case openResource(of) != "":
				add("certificate", "certificate.sourceRepository %q names no owner: anybody's repository may call the workflow %q", of, who)
			}
		}
		if len(s.Require) > 0 && !slices.Contains(s.Require, Log) && !slices.Contains(s.Require, Timestamp) {
			add("require", "require names nobody who could say when a short-lived certificate signed: add log or timestamp")
		}
		if s.TrustedRoot == "" {
			add("trustedRoot", "trustedRoot is missing: the file with the certificate authority and logs that vouch for the identity")
		}
		if !s.NotBefore.IsZero() || !s.NotAfter.IsZero() {
			add("notBefore", "notBefore and notAfter are for keys: a certificate has its own")
		}
	}
	return faults
}

// openResource says why the pattern r would accept what nobody can have meant, or
// nothing.
func openResource(r string) string {
	if r == "" || strings.TrimSpace(r) != r || strings.ContainsFunc(r, func(r rune) bool { return r < ' ' }) {
		return "is empty, begins or ends with a space, or holds a line break"
	}
	before := newPattern(r).literal()
	rest := before
	switch {
	case strings.HasPrefix(before, "pkg:"):
		_, rest, _ = strings.Cut(before, "/")
	case strings.Contains(before, "://"):
		_, rest, _ = strings.Cut(before, "://")
		_, rest, _ = strings.Cut(rest, "/")
	default:
		_, rest, _ = strings.Cut(before, "/")
	}
	if before != r && rest == "" {
		return "names no product or publisher before its first star"
	}
	return ""
}

// called are the patterns of what the artifact may be called.
func (e Expect) called() []string {
	if len(e.Resources) > 0 {
		return e.Resources
	}
	return []string{e.Resource}
}

// quotedAny says what something may be called.
func quotedAny(resources []pattern) string {
	var quoted []string
	for _, r := range resources {
		quoted = append(quoted, strconv.Quote(r.text))
	}
	return strings.Join(quoted[:min(len(quoted), 4)], " or ")
}

// anchored compiles pattern so that it must match the whole of what it is given.
func anchored(pattern string) (*regexp.Regexp, error) {
	// By itself, too: one that closes the group around it would be in part free.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// matchesStrangers reports whether p, which is text anchored, matches identities
// that nobody can have meant; such a pattern trusts everyone whom the issuer knows.
func matchesStrangers(p *regexp.Regexp, text string) bool {
	owners := []string{"https://github.com/stranger-1f6b", "https://gitlab.com/stranger-1f6b"}
	// An owner whose name goes on is another owner.
	if free, err := regexp.Compile(text); err == nil {
		if begun, _ := free.LiteralPrefix(); strings.Count(begun, "/") == 3 && !strings.HasSuffix(begun, "/") {
			owners = append(owners, begun+"-1f6b")
		}
	}
	strangers := []string{"", "mallory@stranger.invalid", "https://stranger.invalid/"}
	// Anyone can have an account there, and call his workflow and branch as
	// others do: a pattern that leaves the owner open trusts them all.
	for _, host := range []string{"gmail.com", "outlook.com", "users.noreply.github.com", "stranger-1f6b.com", "stranger-1f6b.org"} {
		strangers = append(strangers, "mallory-1f6b@"+host)
	}
	for _, ref := range []string{"refs/heads/m", "refs/heads/main", "refs/heads/master", "refs/heads/release", "refs/tags/v1.2.3", "refs/tags/1.2.3", "refs/pull/1/merge"} {
		for _, owner := range owners {
			strangers = append(strangers, owner+"/anything-9c3e//.gitlab-ci.yml@"+ref)
		}
		for _, workflow := range []string{"w", "release", "releases", "publish", "build", "ci", "cd", "main", "docker", "container", "deploy", "sign", "goreleaser", "release-please", "test"} {
			for _, end := range []string{".yml", ".yaml"} {
				for _, owner := range owners {
					strangers = append(strangers, owner+"/anything-9c3e/.github/workflows/"+workflow+end+"@"+ref)
				}
			}
		}
	}
	return slices.ContainsFunc(strangers, p.MatchString)
}

// String returns the age as people write it: "90d", or "unlimited".
func (a MaxAge) String() string {
	switch {
	case a == Unlimited:
		return "unlimited"
	case a == 0:
		return ""
	}
	return criteria.Age(a).String()
}

// MarshalText implements [encoding.TextMarshaler].
func (a MaxAge) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *MaxAge) UnmarshalText(text []byte) error {
	if string(text) == "unlimited" {
		*a = Unlimited
		return nil
	}
	age, err := criteria.ParseAge(string(text))
	if err != nil {
		return fmt.Errorf("%q is no length of time: write for example 90d, or unlimited", text)
	}
	*a = MaxAge(age)
	return nil
}
