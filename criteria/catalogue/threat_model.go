package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// A program can tell that a threat model is there, that somebody reviewed it,
// and that what it describes has not changed since. It cannot tell whether the
// model is any good, so nothing here says adequate.
var threatModel = criteria.Kind{
	Name:     "threat-model",
	Title:    "A threat model is present and reviewed",
	Doc:      "A threat model of the source is present, was reviewed within the last year and since the last change to the declared architecture, and leaves no serious threat open where the policy asks for that.",
	Practice: criteria.Guidance,
	Level:    criteria.Standard,
	Refs:     []string{"TG-1", "OSPS-SA-03.02", "SSDF PW.1.1"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactThreats},
	Uses:     []criteria.Fact{criteria.FactChanges},
	Params: map[criteria.Level]string{
		criteria.Standard: `{"openThreats":"allowed"}`,
		criteria.Advanced: `{"openThreats":"elevated"}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var c threatModelCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		switch c.OpenThreats {
		case "":
			c.OpenThreats = "low"
		case "allowed":
		default:
			if threatRank(c.OpenThreats) < 0 {
				return nil, &criteria.ParamError{Key: "openThreats", Msg: fmt.Sprintf("%q is none of low, medium, elevated, high, critical, allowed", c.OpenThreats)}
			}
		}
		c.maxAge = 365 * 24 * time.Hour
		if c.MaxReviewAge != "" {
			age, err := criteria.ParseAge(c.MaxReviewAge)
			if err != nil {
				return nil, &criteria.ParamError{Key: "maxReviewAge", Msg: err.Error()}
			}
			c.maxAge = time.Duration(age)
		}
		if c.Path != "" && !c.Path.valid() {
			return nil, &criteria.ParamError{Key: "path", Msg: fmt.Sprintf("%q is no path in the source such as docs/threat-model.yaml", c.Path)}
		}
		for _, p := range c.Architecture {
			if !p.valid() {
				return nil, &criteria.ParamError{Key: "architecture", Msg: fmt.Sprintf("%q is no pattern of paths such as cmd/** or docs/design.md", p)}
			}
		}
		return c, nil
	},
}

type threatModelCriterion struct {
	// Path is where in the source the model is: the approval of a change
	// request that changes it is the record of its review. Without it only the
	// model's own date counts.
	Path pathPattern `json:"path"`
	// Architecture are the paths whose change makes a review out of date.
	Architecture []pathPattern `json:"architecture"`
	// MaxReviewAge is how long ago the review may be; absent, 365d.
	MaxReviewAge string `json:"maxReviewAge"`
	// OpenThreats is the least severity of threats that must not be open: low,
	// medium, elevated, high, critical; or allowed, where what the model says
	// is not judged. Absent, low. A threat without severity always counts.
	OpenThreats string `json:"openThreats"`
	// TakeAccepted takes the model's word that a risk was accepted. Otherwise
	// accepting one takes a waiver, which names who approved and ends.
	TakeAccepted bool `json:"takeAccepted"`

	maxAge time.Duration
}

// threatSeverities from the least.
var threatSeverities = []string{"low", "medium", "elevated", "high", "critical"}

func threatRank(severity string) int { return slices.Index(threatSeverities, severity) }

// modelReview is when a model was reviewed and how that is known.
type modelReview struct {
	time time.Time
	// day is true where only the day is known.
	day bool
	how string
	// number is the change request whose approval is the record, 0 if none.
	number int
}

func (c threatModelCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var findings []criteria.Finding
	var notes []string
	unknown := func(id, where, format string, args ...any) {
		findings = append(findings, criteria.Finding{ID: id, Status: criteria.Unknown, Where: where, Message: fmt.Sprintf(format, args...)})
	}
	var models, lists []criteria.Evidence
	for _, e := range in.Evidence {
		t := e.Facts.Threats
		if t == nil {
			continue
		}
		if t.Modelled >= 0 {
			models = append(models, e)
		}
		if t.Listed {
			lists = append(lists, e)
		}
	}
	if len(models)+len(lists) == 0 {
		return criteria.CannotTell("no threat model about %s", in.Subject.Name)
	}
	if len(models) == 0 {
		unknown("no-model", "", "risks are listed, but no report says what was modelled and when")
	}
	changes, why := c.changes(in)
	reviewed := ""
	for _, m := range models {
		t := m.Facts.Threats
		if t.Modelled == 0 {
			unknown("nothing-modelled", m.Name, "the model is about nothing")
			continue
		}
		var record modelReview
		if len(models) == 1 { // a record says only that some file at path was reviewed
			record = c.record(changes)
		}
		r := latest(declared(t), record)
		switch {
		case r.time.IsZero():
			unknown("review-date", m.Name, "nothing says when the model was reviewed: neither the model nor an approved change to it")
			continue
		case r.time.After(in.Now.Add(24 * time.Hour)): // a day begins earlier elsewhere
			unknown("review-date", m.Name, "the model says that it was reviewed on %s, which has not come", r.time.Format(time.DateOnly))
			continue
		case in.Now.Sub(r.time) > c.maxAge:
			findings = append(findings, criteria.Finding{
				ID: "review-too-old", Status: criteria.Fail, Where: m.Name,
				Message: fmt.Sprintf("the model was reviewed on %s, more than %s ago", r.time.Format(time.DateOnly), criteria.Age(c.maxAge)),
			})
		}
		reviewed = "on " + r.time.Format(time.DateOnly)
		notes = append(notes, fmt.Sprintf("%s was reviewed on %s: %s", m.Name, r.time.Format(time.DateOnly), r.how))
		findings = append(findings, c.since(r, record, changes)...)
	}
	switch {
	case len(c.Architecture) == 0:
		unknown("architecture", "", "the policy does not say which paths shape the architecture (parameter architecture)")
	case why != "":
		unknown("changes", "", "whether the architecture changed since the review cannot be told: %s", why)
	}
	for _, ch := range changes {
		if !ch.Base.IsZero() {
			notes = append(notes, "changes before "+ch.Base.Short()+" were not looked at")
		}
	}
	if c.OpenThreats != "allowed" {
		findings = append(findings, c.open(lists)...)
	}
	o := criteria.Conclude("threat model present and reviewed "+reviewed, findings)
	o.Notes = append(o.Notes, notes...)
	return o
}

// changes returns the exports that show what happened up to the release, or
// why they do not.
func (c threatModelCriterion) changes(in criteria.Input) (all []*criteria.Changes, why string) {
	why = "no export of the changes up to " + in.Release.Source.Name
	for _, e := range in.Evidence {
		ch := e.Facts.Changes
		if ch == nil {
			continue
		}
		previous := in.Release.Previous.Digest
		switch {
		case !ch.Head.Matches(in.Release.Source.Digest):
			why = e.Name + " ends at another commit"
			continue
		case !ch.Base.IsZero() && !previous.IsZero() && !ch.Base.Matches(previous):
			why = e.Name + " does not begin at the previous release"
			continue
		case !ch.Complete:
			return nil, fmt.Sprintf("%s does not show every change: %s", e.Name, ch.Why)
		case len(ch.Commits) > 0 && !slices.ContainsFunc(ch.Commits, func(k criteria.Commit) bool { return len(k.Files) > 0 }):
			return nil, e.Name + " does not list the files that commits change"
		}
		all = append(all, ch)
	}
	if len(all) > 0 {
		why = ""
	}
	return all, why
}

// declared is the review that the model itself tells of.
func declared(t *criteria.Threats) modelReview {
	if t.Reviewed.IsZero() {
		return modelReview{}
	}
	r := modelReview{time: t.Reviewed.UTC(), how: "the model's own word"}
	r.day = r.time.Equal(r.time.Truncate(24 * time.Hour))
	if t.Reviewer != "" {
		r.how += ", by " + t.Reviewer
	}
	return r
}

// latest returns the later review.
func latest(a, b modelReview) modelReview {
	if b.time.After(a.time) {
		return b
	}
	return a
}

// record returns the last approval of a change to the model by somebody who
// did not write the change: that git was told of a change is no review.
func (c threatModelCriterion) record(changes []*criteria.Changes) modelReview {
	var last modelReview
	if c.Path == "" {
		return last
	}
	for _, ch := range changes {
		for _, q := range ch.Requests {
			if !q.Merged || ch.Branch != "" && q.Base != ch.Branch || !slices.ContainsFunc(q.Files, c.Path.matches) ||
				!slices.ContainsFunc(ch.Commits, func(k criteria.Commit) bool { return k.Request == q.Number }) {
				continue
			}
			for _, v := range q.Reviews {
				if !approves(v, q, ch.People) || !v.Time.After(last.time) {
					continue
				}
				last = modelReview{time: v.Time.UTC(), number: q.Number, how: fmt.Sprintf("change request %d, approved by %s", q.Number, v.By)}
			}
		}
	}
	return last
}

// approves reports whether v approves what was merged of q, and by somebody
// else than those who wrote it. Whether that is enough for a change to be
// reviewed is another criterion's question.
func approves(v criteria.Review, q criteria.ChangeRequest, people []criteria.Person) bool {
	if v.State != "APPROVED" || v.Dismissed || v.Stale || v.Unofficial || v.By == "" || v.Time.IsZero() || !v.Commit.Matches(q.Head) {
		return false
	}
	for _, p := range people {
		if p.Bot && strings.EqualFold(p.Login, v.By) {
			return false
		}
	}
	wrote := []string{q.Author}
	for _, k := range q.Commits {
		wrote = append(wrote, k.Author)
		wrote = append(wrote, k.CoAuthors...)
	}
	return !slices.ContainsFunc(wrote, func(w string) bool { return strings.EqualFold(w, v.By) })
}

// since finds the changes to the architecture that came after the review.
func (c threatModelCriterion) since(r, record modelReview, changes []*criteria.Changes) []criteria.Finding {
	var findings []criteria.Finding
	judge := func(where, subject string, came time.Time, number int, together bool) {
		switch {
		case came.IsZero():
			findings = append(findings, criteria.Finding{
				ID: "change-time", Status: criteria.Unknown, Where: where,
				Message: "nothing says when a change to the architecture came in",
			})
		case !came.After(r.time):
		case number != 0 && number == record.number: // reviewed together with the model
		case r.day && together && came.Before(r.time.Add(24*time.Hour)):
		default:
			findings = append(findings, criteria.Finding{
				ID: "changed-since-review", Status: criteria.Fail, Where: where,
				Message: fmt.Sprintf("the architecture changed on %s, after the model's review: %s", came.UTC().Format(time.DateOnly), subject),
			})
		}
	}
	for _, ch := range changes {
		requests := make(map[int]criteria.ChangeRequest)
		for _, q := range ch.Requests {
			requests[q.Number] = q
		}
		tips := make(map[int]criteria.Commit)
		judged := make(map[int]bool)
		for _, k := range ch.Commits {
			q, asked := requests[k.Request]
			if asked = asked && k.Request != 0; asked {
				tips[k.Request] = k
			}
			if !slices.ContainsFunc(k.Files, c.shapes) {
				continue
			}
			judged[k.Request] = true
			// What lay on a branch while the model was reviewed came in when
			// it was merged.
			came := k.Time
			if asked && q.MergedAt.After(came) {
				came = q.MergedAt
			}
			judge(k.ID.Hex(), k.Subject, came, k.Request, slices.ContainsFunc(k.Files, c.model) || asked && slices.ContainsFunc(q.Files, c.model))
		}
		// Of a rebased request only the last commit bears its number, so what
		// the others change is judged by the request as well.
		for _, q := range ch.Requests {
			tip, in := tips[q.Number]
			if !in || judged[q.Number] || !q.Merged || !slices.ContainsFunc(q.Files, c.shapes) {
				continue
			}
			judge(tip.ID.Hex(), q.Title, q.MergedAt, q.Number, slices.ContainsFunc(q.Files, c.model))
		}
	}
	return findings
}

func (c threatModelCriterion) shapes(file string) bool {
	return slices.ContainsFunc(c.Architecture, func(p pathPattern) bool { return p.matches(file) })
}

func (c threatModelCriterion) model(file string) bool { return c.Path != "" && c.Path.matches(file) }

// open finds the threats that nobody dealt with. The same threat in two
// reports is as severe and as open as the worse of them.
func (c threatModelCriterion) open(lists []criteria.Evidence) []criteria.Finding {
	byID := make(map[string]criteria.Threat)
	var order []string
	for _, e := range lists {
		for _, t := range e.Facts.Threats.Items {
			have, ok := byID[t.ID]
			if !ok {
				order = append(order, t.ID)
				byID[t.ID] = t
				continue
			}
			if threatRank(t.Severity) < 0 || threatRank(have.Severity) >= 0 && threatRank(t.Severity) > threatRank(have.Severity) {
				have.Severity = t.Severity
			}
			if c.dealtWith(have) {
				have.Status = t.Status
			}
			byID[t.ID] = have
		}
	}
	switch {
	case len(lists) == 0:
		return []criteria.Finding{{ID: "no-threat-list", Status: criteria.Unknown, Message: "no report lists the model's threats"}}
	case len(order) == 0:
		return []criteria.Finding{{ID: "no-threats", Status: criteria.Unknown, Message: "not one threat is listed: a model of something has some"}}
	}
	var findings []criteria.Finding
	for _, id := range order {
		t := byID[id]
		rank := threatRank(t.Severity)
		if c.dealtWith(t) || rank >= 0 && rank < threatRank(c.OpenThreats) {
			continue
		}
		severity := t.Severity
		if rank < 0 {
			severity = "unknown"
		}
		message := t.Title
		if message == "" {
			message = "threat " + t.ID
		}
		state := t.Status
		if state == "accepted" {
			state = "accepted in the model only"
		}
		findings = append(findings, criteria.Finding{
			ID: t.ID, Status: criteria.Fail, Severity: severity, Message: fmt.Sprintf("%s: %s", message, state),
		})
	}
	return findings
}

// dealtWith reports whether nothing is left to do about t.
func (c threatModelCriterion) dealtWith(t criteria.Threat) bool {
	switch t.Status {
	case "mitigated", "not-applicable":
		return true
	case "accepted":
		return c.TakeAccepted
	}
	return false
}
