package criteria

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Limits on waivers. A waiver is an exception that somebody must come back to:
// it always ends, and within a year.
const (
	maxWaiver    = 366 * 24 * time.Hour
	expiringSoon = 30 * 24 * time.Hour
)

// Waiver is an exception: which finding of which criterion, why, who asked, who
// approved, until when.
type Waiver struct {
	ID        string `yaml:"id" json:"id"`
	Criterion string `yaml:"criterion" json:"criterion"`
	// Finding is the finding's id or one of its aliases.
	Finding string `yaml:"finding" json:"finding"`
	// Where narrows it to one place: a package URL (without version: any
	// version), a path pattern as in [path.Match], or a commit. Subject to one
	// artifact by name or digest, Fingerprint to one finding.
	Where       string `yaml:"where" json:"where,omitempty"`
	Subject     string `yaml:"subject" json:"subject,omitempty"`
	Fingerprint string `yaml:"fingerprint" json:"fingerprint,omitempty"`

	Reason string `yaml:"reason" json:"reason"`
	// Owner answers for mending it; Requester asked for the exception and
	// Approver, somebody else, granted it.
	Owner     string    `yaml:"owner" json:"owner"`
	Requester string    `yaml:"requester" json:"requester"`
	Approver  string    `yaml:"approver" json:"approver"`
	Created   time.Time `yaml:"created" json:"created"`
	Expires   time.Time `yaml:"expires" json:"expires"`
}

// check returns every fault of w on its own.
func (w Waiver) check() error {
	var faults []error
	need := func(key, value string) {
		if strings.TrimSpace(value) == "" {
			faults = append(faults, fmt.Errorf("a waiver needs %s", key))
		}
	}
	need("id", w.ID)
	need("criterion", w.Criterion)
	need("finding", w.Finding)
	need("reason", w.Reason)
	need("owner", w.Owner)
	need("requester", w.Requester)
	need("approver", w.Approver)
	if w.Created.IsZero() {
		faults = append(faults, errors.New("a waiver needs created: when it was granted"))
	}
	switch {
	case w.Expires.IsZero():
		faults = append(faults, errors.New("a waiver needs expires: every exception ends"))
	case !w.Created.IsZero() && !w.Expires.After(w.Created):
		faults = append(faults, errors.New("a waiver's expires must be after its created"))
	case !w.Created.IsZero() && w.Expires.Sub(w.Created) > maxWaiver:
		faults = append(faults, errors.New("a waiver may last a year at most"))
	}
	if w.Approver != "" && strings.EqualFold(strings.TrimSpace(w.Approver), strings.TrimSpace(w.Requester)) {
		faults = append(faults, errors.New("a waiver's approver must be somebody other than its requester"))
	}
	if strings.ContainsAny(w.Finding, "*?") {
		faults = append(faults, errors.New("a waiver names one finding, not a pattern"))
	}
	if _, err := path.Match(w.Where, ""); err != nil {
		faults = append(faults, fmt.Errorf("a waiver's where %q is no pattern", w.Where))
	}
	return errors.Join(faults...)
}

// covers reports whether w is about f, found by criterion on subject.
func (w Waiver) covers(criterion string, subject Subject, f Finding) bool {
	if w.Criterion != criterion {
		return false
	}
	if w.Finding != f.ID && !slices.Contains(f.Aliases, w.Finding) {
		return false
	}
	if w.Subject != "" && w.Subject != subject.Name && w.Subject != subject.Digest.String() {
		return false
	}
	if w.Fingerprint != "" && w.Fingerprint != f.Fingerprint {
		return false
	}
	return w.Where == "" || placeMatches(w.Where, f.Where)
}

func placeMatches(want, have string) bool {
	if want == have {
		return true
	}
	if strings.HasPrefix(want, "pkg:") {
		bare, _, _ := strings.Cut(have, "@")
		return want == bare
	}
	file, _, _ := strings.Cut(have, ":")
	ok, err := path.Match(want, file)
	return err == nil && ok
}

// WaiverUse says what became of one waiver in a decision.
type WaiverUse struct {
	Waiver
	// State is applied, unmatched, expired, pending (created later than the
	// decision) or refused (the finding can never be waived).
	State string `json:"state"`
	// Matched counts the findings it is about.
	Matched int `json:"matched"`
}

// The states of a waiver.
const (
	WaiverApplied   = "applied"
	WaiverUnmatched = "unmatched"
	WaiverExpired   = "expired"
	WaiverPending   = "pending"
	WaiverRefused   = "refused"
)

// apply excepts the findings of o that a waiver in force covers, and says in o
// what other waivers would have covered. An outcome whose open findings are all
// excepted is Waived; it never becomes Pass.
func applyWaivers(uses []WaiverUse, criterion string, subject Subject, o Outcome, now time.Time) Outcome {
	if o.Status == Pass || o.Status == NotApplicable || len(o.Findings) == 0 {
		return o
	}
	excepted := 0
	for i := range o.Findings {
		f := &o.Findings[i]
		for j := range uses {
			u := &uses[j]
			if !u.covers(criterion, subject, *f) {
				continue
			}
			u.Matched++
			switch {
			case now.Before(u.Created):
				u.State = worseState(u.State, WaiverPending)
				o.Notes = append(o.Notes, fmt.Sprintf("waiver %s of %s begins only on %s", u.ID, f.ID, u.Created.Format(time.DateOnly)))
			case !now.Before(u.Expires):
				u.State = worseState(u.State, WaiverExpired)
				o.Notes = append(o.Notes, fmt.Sprintf("waiver %s of %s expired on %s", u.ID, f.ID, u.Expires.Format(time.DateOnly)))
			case f.NeverWaive != "":
				u.State = worseState(u.State, WaiverRefused)
				o.Notes = append(o.Notes, fmt.Sprintf("waiver %s does not count: %s", u.ID, f.NeverWaive))
			default:
				u.State = worseState(u.State, WaiverApplied)
				if f.Waiver == "" {
					f.Waiver = u.ID
					excepted++
				}
			}
		}
	}
	if excepted == 0 {
		return o
	}
	status, first := Pass, o.Reason
	for _, f := range o.Findings {
		if f.Waiver == "" {
			status = status.Worse(f.Status)
		} else {
			status = status.Worse(Waived)
		}
	}
	o.Status = status
	if status == Waived {
		o.Reason = fmt.Sprintf("%d waived: %s", excepted, first)
	} else {
		o.Reason = summary(first, o.Findings)
	}
	return o
}

// worseState keeps the state that most needs a person's attention.
func worseState(a, b string) string {
	order := []string{WaiverUnmatched, WaiverApplied, WaiverPending, WaiverExpired, WaiverRefused}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
