package criteria

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/package-url/packageurl-go"
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
	for key, value := range map[string]string{"id": w.ID, "finding": w.Finding, "reason": w.Reason} {
		// They stand in what is signed and published.
		if strings.ContainsFunc(strings.TrimSpace(strings.ReplaceAll(value, "\n", " ")), acts) {
			faults = append(faults, fmt.Errorf("a waiver's %s holds a control character", key))
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
	if w.Approver != "" && person(w.Approver) == person(w.Requester) {
		faults = append(faults, errors.New("a waiver's approver must be somebody other than its requester"))
	}
	if strings.ContainsAny(w.Finding, "*?") {
		faults = append(faults, errors.New("a waiver names one finding, not a pattern"))
	}
	if _, err := path.Match(w.Where, ""); err != nil {
		faults = append(faults, fmt.Errorf("a waiver's where %q is no pattern", w.Where))
	}
	if w.Where != "" && strings.Trim(w.Where, "*?/. ") == "" {
		faults = append(faults, fmt.Errorf("a waiver's where %q names no place: leave it out to mean every place", w.Where))
	}
	if strings.HasPrefix(w.Where, "pkg:") {
		if _, err := packageurl.FromString(w.Where); err != nil {
			faults = append(faults, fmt.Errorf("a waiver's where %q is no package URL: %v", w.Where, err))
		}
	}
	return errors.Join(faults...)
}

// waivers notes every fault of list, which stands under "waivers". unasked says
// why a waiver of some criterion excepts nothing here; empty: it may.
func (p *parser) waivers(list []Waiver, unasked func(criterion string) string) {
	ids := make(map[string]bool)
	for i, w := range list {
		node := p.at("waivers", i)
		if err := w.check(); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				p.fault(node, "%s", line)
			}
		}
		if ids[w.ID] {
			p.fault(node, "two waivers have the id %q", w.ID)
		}
		ids[w.ID] = true
		if w.Criterion != "" {
			if why := unasked(w.Criterion); why != "" {
				p.fault(node, "%s", why)
			}
		}
	}
}

// WaiverFile is a file that holds waivers and nothing else, in the form in which
// a policy holds them: a consumer's own exceptions.
type WaiverFile struct {
	Waivers []Waiver `yaml:"waivers"`
}

// ParseWaivers reads such a file from data; file is its name for messages. Every
// waiver is of criterion: one of another would except nothing, and whoever wrote
// it would believe that it does. The error is [strict.Errors].
func ParseWaivers(file string, data []byte, criterion string) ([]Waiver, error) {
	root, err := strict.Parse(file, data)
	if err != nil {
		return nil, err
	}
	var f WaiverFile
	if err := strict.Decode(file, root, &f); err != nil {
		return nil, err
	}
	p := &parser{file: file, data: data, root: root}
	if f.Waivers == nil {
		p.fault(root, "waivers is missing: a list, which may be empty")
	}
	p.waivers(f.Waivers, func(named string) string {
		if named == criterion {
			return ""
		}
		return fmt.Sprintf("a waiver of criterion %q excepts nothing here: expected %s", named, criterion)
	})
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return f.Waivers, nil
}

// Except applies waivers to o, what criterion said of subject as of now, by the
// rules that hold in a decision. It also returns what became of each.
func Except(waivers []Waiver, criterion string, subject Subject, o Outcome, now time.Time) (Outcome, []WaiverUse) {
	x := newExceptions(waivers)
	o.Findings, o.Notes = slices.Clone(o.Findings), slices.Clone(o.Notes)
	return x.apply(criterion, subject, o, now), x.uses
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

// person is how one account is written once and again: @Ada is ada.
func person(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "@"))
}

var (
	lineAndColumn = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(:[0-9]+){1,2}$`) })
	commit        = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(gitCommit:)?([0-9a-f]{40}|[0-9a-f]{64})$`) })
)

// placeMatches reports whether the place have is want, or one that the package
// URL or path pattern want means. A pattern is one of paths: it never matches a
// package or a commit.
func placeMatches(want, have string) bool {
	if want == have {
		return true
	}
	if strings.HasPrefix(want, "pkg:") || strings.HasPrefix(have, "pkg:") {
		w, err := packageurl.FromString(want)
		if err != nil {
			return false
		}
		h, err := packageurl.FromString(have)
		return err == nil && narrows(w, h)
	}
	if c := commit().FindStringSubmatch(have); c != nil {
		w := commit().FindStringSubmatch(want)
		return w != nil && w[2] == c[2]
	}
	ok, err := path.Match(want, lineAndColumn().ReplaceAllString(have, ""))
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

// exceptions are the waivers of one decision and what became of them.
type exceptions struct {
	uses []WaiverUse
	// places are where each waiver without a place of its own was applied.
	places []map[string]bool
	// byFinding are the places in uses by criterion and finding.
	byFinding map[[2]string][]int
}

func newExceptions(waivers []Waiver) *exceptions {
	x := &exceptions{
		uses: make([]WaiverUse, len(waivers)), places: make([]map[string]bool, len(waivers)),
		byFinding: make(map[[2]string][]int),
	}
	for i, w := range waivers {
		x.uses[i] = WaiverUse{Waiver: w, State: WaiverUnmatched}
		x.places[i] = make(map[string]bool)
		key := [2]string{w.Criterion, w.Finding}
		x.byFinding[key] = append(x.byFinding[key], i)
	}
	return x
}

// about returns which waivers name f, in their order.
func (x *exceptions) about(criterion string, f Finding) []int {
	out := slices.Clone(x.byFinding[[2]string{criterion, f.ID}])
	for _, a := range f.Aliases {
		out = append(out, x.byFinding[[2]string{criterion, a}]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// apply excepts the findings of o that a waiver in force covers, and says in o
// what other waivers would have covered. An outcome whose open findings are all
// excepted is Waived; it never becomes Pass. What an outcome says beyond its
// findings cannot be excepted.
func (x *exceptions) apply(criterion string, subject Subject, o Outcome, now time.Time) Outcome {
	if o.Status == Pass || o.Status == NotApplicable || len(o.Findings) == 0 {
		return o
	}
	var all Status = Pass
	excepted := 0
	for i := range o.Findings {
		f := &o.Findings[i]
		all = all.Worse(f.Status)
		for _, j := range x.about(criterion, *f) {
			u := &x.uses[j]
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
			case f.Status == Unknown || f.Status == Faulty:
				// An exception is granted for what somebody looked at.
				u.State = worseState(u.State, WaiverRefused)
				o.Notes = append(o.Notes, fmt.Sprintf("waiver %s does not count: what is %s cannot be waived, only be found out or declared not applicable", u.ID, f.Status))
			default:
				u.State = worseState(u.State, WaiverApplied)
				if u.Where == "" && u.Fingerprint == "" {
					x.places[j][f.Where] = true
				}
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
	if o.Status != all {
		o.Notes = append(o.Notes, fmt.Sprintf("%d waived, but the answer rests on more", excepted))
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
