package criteria

import (
	"cmp"
	"fmt"
	"slices"
)

// Status is how a question was answered. The zero value is Unknown, so what
// nobody filled in can never count as passed.
type Status uint8

// The statuses. Only Pass earns a criterion's label.
const (
	Unknown       Status = iota // no, unreadable or stale evidence
	Pass                        // met
	Fail                        // not met
	Warn                        // met, with something to look at
	Waived                      // not met, excepted by a person until a date
	NotApplicable               // declared so in the policy, with a reason
	NeedsReview                 // a person has to look
	Faulty                      // the criterion itself failed
)

var statuses = [...]string{"unknown", "pass", "fail", "warn", "waived", "not-applicable", "needs-review", "error"}

func (s Status) String() string {
	if int(s) < len(statuses) {
		return statuses[s]
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Status) UnmarshalText(text []byte) error {
	for i, w := range statuses {
		if w == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("unknown status %q", text)
}

// Satisfied reports whether a release may go out with this answer.
func (s Status) Satisfied() bool {
	return s == Pass || s == Warn || s == Waived || s == NotApplicable
}

// severity orders statuses from the one that says least against a release to
// the one that says most: the worst finding decides.
func (s Status) severity() int {
	return slices.Index([]Status{NotApplicable, Pass, Waived, Warn, NeedsReview, Unknown, Fail, Faulty}, s)
}

// Worse returns the one that says more against a release.
func (s Status) Worse(t Status) Status {
	if t.severity() > s.severity() {
		return t
	}
	return s
}

// Outcome is the answer to one question about one subject.
type Outcome struct {
	Status Status `json:"status"`
	// Reason is one line for a person: facts first, no period.
	Reason string `json:"reason,omitempty"`
	// Findings are what the answer rests on where it is not Pass, each of
	// which a waiver may except. They also list what only warns.
	Findings []Finding `json:"findings,omitempty"`
	// Notes are what else a reader should know: evidence that did not count
	// and why, statements that were applied.
	Notes []string `json:"notes,omitempty"`
	// BuildLevel is the SLSA build level, 1 to 3, of which the criterion is
	// certain whatever the policy says. It counts beside a pass alone, and only
	// from a kind that rates builds ([Kind.RatesBuilds]).
	BuildLevel int `json:"buildLevel,omitempty"`
	// Vouched are the reports of which only the pipeline says what they are
	// about: set by the engine alone.
	Vouched []string `json:"vouched,omitempty"`
}

// Finding is one thing that stands against a release.
type Finding struct {
	// ID is what a waiver names: a vulnerability, a rule, or a word of the
	// criterion's own such as "unreviewed".
	ID      string   `json:"id"`
	Aliases []string `json:"aliases,omitempty"`
	// Status is what this finding alone makes of the answer: Fail, Unknown,
	// NeedsReview or Warn.
	Status Status `json:"status"`
	// Where it is: a package URL, "path:line", or a commit.
	Where    string `json:"where,omitempty"`
	Severity string `json:"severity,omitempty"`
	Message  string `json:"message,omitempty"`
	// Fingerprint identifies the finding across runs, where the tool gives one.
	Fingerprint string `json:"fingerprint,omitempty"`
	// NeverWaive says why no waiver can except it; empty if one can.
	NeverWaive string `json:"neverWaive,omitempty"`
	// Waiver is the waiver that excepts it: set by the engine alone.
	Waiver string `json:"waiver,omitempty"`
}

// Passed is the outcome of a question answered yes.
func Passed(format string, args ...any) Outcome {
	return Outcome{Status: Pass, Reason: fmt.Sprintf(format, args...)}
}

// CannotTell is the outcome of a question that the evidence does not answer.
func CannotTell(format string, args ...any) Outcome {
	return Outcome{Status: Unknown, Reason: fmt.Sprintf(format, args...)}
}

// Conclude is the outcome that findings amount to: the worst of them decides,
// and none is a pass with reason. Findings are put in an order that does not
// depend on how they were found, so that a decision replays byte for byte.
func Conclude(reason string, findings []Finding) Outcome {
	o := Outcome{Status: Pass, Reason: reason, Findings: findings}
	if len(findings) == 0 {
		return o
	}
	slices.SortStableFunc(o.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Status.severity(), a.Status.severity()),
			cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Where, b.Where),
			cmp.Compare(a.Message, b.Message),
		)
	})
	for _, f := range o.Findings {
		o.Status = o.Status.Worse(f.Status)
	}
	o.Reason = summary(reason, o.Findings)
	return o
}

// summary names the first of the worst findings and counts the others.
func summary(reason string, findings []Finding) string {
	first := slices.IndexFunc(findings, func(f Finding) bool { return f.Waiver == "" })
	if first < 0 {
		return reason
	}
	worst, alike := &findings[first], 0
	for i := range findings {
		if f := &findings[i]; f.Waiver == "" && f.Status == worst.Status {
			alike++
		}
	}
	s := worst.ID
	if worst.Message != "" {
		s = worst.Message
	}
	if worst.Where != "" {
		s += " (" + worst.Where + ")"
	}
	if alike > 1 {
		s += fmt.Sprintf(", and %d more", alike-1)
	}
	return s
}
