package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxAttestations bounds the requirements of one trust file: each reads every
// statement of its type.
const maxAttestations = 64

// Attestation is a statement that a trust file requires beside the verdict.
type Attestation struct {
	// Name is for people; default the predicate type.
	Name string `yaml:"name"`
	// PredicateType is the statement's, exactly. Required.
	PredicateType string `yaml:"predicateType"`
	// Signers are those whose statements of this type count, and nothing else of
	// theirs does; default those of the trust file.
	Signers []Signer `yaml:"signers"`
	// Threshold is how many different signers must have made such a statement,
	// each his own or together; zero is one.
	Threshold int `yaml:"threshold"`
	// Time is the path of a statement's time; default when a witness saw it
	// signed, of what a certificate signed. Of what a key signed no witness says
	// when it was made. What does not satisfy takes back all that is not newer.
	Time string `yaml:"time"`
	// MaxAge is how old a statement may be at that time; none is any age.
	MaxAge MaxAge `yaml:"maxAge"`
	// Where chooses the statements that are meant, where one signer makes several
	// of the type: those of which all of these hold. The others are passed over.
	Where []Condition `yaml:"where"`
	// All and Any are what a statement must say: every one of All, and one of Any.
	All []Condition `yaml:"all"`
	Any []Condition `yaml:"any"`
}

// title is what people call a.
func (a Attestation) title() string { return cmp.Or(a.Name, a.PredicateType) }

func (a Attestation) faults() []fault {
	var faults []fault
	add := func(path []any, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Sprintf(format, args...)})
	}
	switch {
	case a.PredicateType == "":
		add([]any{"predicateType"}, "predicateType is missing: the type of the statement, exactly as signed")
	case strings.TrimSpace(a.PredicateType) != a.PredicateType || strings.ContainsFunc(a.PredicateType, func(r rune) bool { return r < ' ' }):
		add([]any{"predicateType"}, "predicateType is compared exactly, and %q begins or ends with a space or holds a line break", a.PredicateType)
	}
	faults = append(faults, signersFaults(a.Signers)...)
	if a.Threshold < 0 {
		add([]any{"threshold"}, "threshold must be at least 1")
	}
	if a.Time != "" {
		if p, err := parsePath(a.Time); err != nil {
			add([]any{"time"}, "%v", err)
		} else if !p.plain() {
			add([]any{"time"}, "time leads to one value, and %q may lead to several", a.Time)
		}
	}
	if a.MaxAge < 0 && a.MaxAge != Unlimited {
		add([]any{"maxAge"}, "maxAge must be positive")
	}
	count := 0
	for _, list := range []struct {
		key        string
		conditions []Condition
	}{{"where", a.Where}, {"all", a.All}, {"any", a.Any}} {
		if list.conditions != nil && len(list.conditions) == 0 {
			add([]any{list.key}, "%s lists no condition: leave it out", list.key)
		}
		faults = append(faults, conditionFaults([]any{list.key}, list.conditions, 1, &count)...)
	}
	return faults
}

// clone returns a copy that the caller cannot change afterwards.
func (a Attestation) clone() Attestation {
	a.Signers = cloneSigners(a.Signers)
	a.Where, a.All, a.Any = cloneConditions(a.Where), cloneConditions(a.All), cloneConditions(a.Any)
	return a
}

// attested is an [Attestation] that is ready to be asked.
type attested struct {
	Attestation
	signers         span
	at              *path // nil for when a witness saw it
	where, all, any []*condition
}

func newAttested(a Attestation, signers span) (*attested, error) {
	out := &attested{Attestation: a, signers: signers}
	if a.Time != "" {
		p, err := parsePath(a.Time)
		if err != nil {
			return nil, err
		}
		out.at = &p
	}
	var err error
	if out.where, err = compile(a.Where); err != nil {
		return nil, err
	}
	if out.all, err = compile(a.All); err != nil {
		return nil, err
	}
	out.any, err = compile(a.Any)
	return out, err
}

// vote is what one statement says of an [Attestation].
type vote struct {
	*verified
	signer int // the first of those who may sign it
	// time is zero where nobody says when it was made.
	time time.Time
	// why it does not satisfy, nothing where it does; held are the conditions that
	// do hold.
	why  string
	held int
}

// vote returns what st says, nil where it is none of the statements that are
// meant.
func (a *attested) vote(st *verified, now time.Time) *vote {
	by := a.signers.of(st)
	if st.payload.PredicateType != a.PredicateType || len(by) == 0 {
		return nil
	}
	v := &vote{verified: st, signer: by[0].place}
	if len(st.payload.Predicate) > maxAsked {
		v.why = fmt.Sprintf("its predicate has %d bytes, expected at most %d", len(st.payload.Predicate), maxAsked)
		return v
	}
	left := looks(maxLooks)
	for _, c := range a.where {
		if w := c.unmet(st.payload.Predicate, &left); left < 0 {
			v.why = w
			return v
		} else if w != "" {
			return nil
		}
	}
	why := ""
	v.time, why = a.when(st)
	note := func(w string) {
		if w == "" {
			v.held++
		} else if v.why == "" {
			v.why = w
		}
	}
	for _, c := range a.all {
		note(c.unmet(st.payload.Predicate, &left))
	}
	if len(a.any) > 0 {
		note(anyUnmet(a.any, st.payload.Predicate, &left))
	}
	if v.time.After(now.Add(Skew)) {
		note(fmt.Sprintf("it is of %s, later than now", stamp(v.time)))
	}
	if a.MaxAge > 0 {
		switch {
		case why != "":
			note(why)
		case now.Sub(v.time) > time.Duration(a.MaxAge):
			note(fmt.Sprintf("it is of %s, longer ago than %s", stamp(v.time), a.MaxAge))
		}
	}
	return v
}

// when says when st was made, or why that cannot be told.
func (a *attested) when(st *verified) (time.Time, string) {
	if a.at != nil {
		var t time.Time
		left := looks(maxLooks)
		why := a.at.hold(st.payload.Predicate, &left, func(v jsontext.Value) string {
			got, _ := read(v)
			var err error
			if t, err = parseTime(got.text); err != nil || got.kind != textValue {
				return fmt.Sprintf("found %s, expected a time in RFC 3339", shown(v))
			}
			return ""
		})
		if why != "" {
			return time.Time{}, a.at.text + ": " + why
		}
		return t, ""
	}
	var first time.Time
	// A witness says that a signature was there by then. A certificate ends minutes
	// after it was made; what a key signed years ago, anybody can have seen today.
	if st.signature.Certificate == nil {
		return first, "nobody can say when what a key signed was made: name its time"
	}
	for _, seen := range st.signature.Times {
		if first.IsZero() || seen.Time.Before(first) {
			first = seen.Time
		}
	}
	if first.IsZero() {
		return first, "nobody says when it was made: name its time"
	}
	return first, ""
}

// judge returns which statements meet a, or why they do not.
//
// A statement that does not satisfy takes back all that are not newer, whoever
// of the signers made it. So more of what does not satisfy never makes a yes,
// and what hides it from us gains no more than maxAge.
func (a *attested) judge(statements []*verified, now time.Time) (*satisfied, *Reason) {
	var good, bad []*vote
	for _, st := range statements {
		switch v := a.vote(st, now); {
		case v == nil:
		case v.why == "":
			good = append(good, v)
		default:
			bad = append(bad, v)
		}
	}
	standing := slices.DeleteFunc(slices.Clone(good), func(g *vote) bool {
		return slices.ContainsFunc(bad, func(b *vote) bool { return b.time.IsZero() || !g.time.After(b.time) })
	})
	met := &satisfied{Requirement: Requirement{Kind: AttestationRequired, Name: a.Name, PredicateType: a.PredicateType}}
	who := make(people)
	slices.SortFunc(standing, byDigest)
	for _, v := range standing {
		met.add(v.verified)
		met.ends(v.time, a.MaxAge)
		who.add(v.signature.Signer, v.signer)
	}
	signers := who.count()
	need := max(1, a.Threshold)
	if signers >= need {
		return met, nil
	}
	code := func(st *verified, format string, args ...any) *Reason {
		return unmetReason(st, fmt.Sprintf("%q %s", a.title(), fmt.Sprintf(format, args...)))
	}
	found := fmt.Sprintf("%s of %s by its signers", counted(len(good)+len(bad), "statement"), a.PredicateType)
	switch {
	case len(good)+len(bad) == 0:
		of := 0
		for _, st := range statements {
			if st.payload.PredicateType == a.PredicateType {
				of++
			}
		}
		if of > 0 {
			return nil, code(nil, "is required: of %s, none is by one of its signers and what where asks for", counted(of, "statement of that type"))
		}
		return nil, code(nil, "is required, and no statement of %s was found", a.PredicateType)
	case len(standing) > 0:
		return nil, code(standing[0].verified, "is met by %s, expected %d", counted(signers, "signer"), need)
	case len(good) > 0:
		// The newest of those that take back.
		b := slices.MaxFunc(bad, func(x, y *vote) int {
			switch {
			case x.time.IsZero() != y.time.IsZero():
				return cmp.Compare(truth(x.time.IsZero()), truth(y.time.IsZero()))
			case !x.time.Equal(y.time):
				return x.time.Compare(y.time)
			}
			return byDigest(x, y)
		})
		when := "without a time that would let another be newer"
		if !b.time.IsZero() {
			when = "of " + stamp(b.time)
		}
		return nil, code(b.verified, "was met, and a statement %s takes that back: %s", when, b.why)
	}
	nearest := slices.MaxFunc(bad, func(x, y *vote) int {
		return cmp.Or(cmp.Compare(x.held, y.held), x.time.Compare(y.time), byDigest(y, x))
	})
	return nil, code(nearest.verified, "is not met: %s; %s", found, nearest.why)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func byDigest(a, b *vote) int { return compareStatements(a.verified, b.verified) }

func compareStatements(a, b *verified) int {
	return cmp.Or(strings.Compare(a.digest.String(), b.digest.String()), strings.Compare(a.bundle.String(), b.bundle.String()))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	// A statement of that type, statements of that type.
	first, rest, _ := strings.Cut(what, " ")
	return strings.TrimSpace(fmt.Sprintf("%d %ss %s", n, first, rest))
}
