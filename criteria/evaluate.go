package criteria

import (
	"fmt"
	"slices"
	"time"
)

// clockSkew is how far ahead of the decision a report's time may lie: the
// clocks of two machines that both keep time differ by less.
const clockSkew = 5 * time.Minute

// Evaluate answers every question of p about rel from ev as of now. It is a
// pure function of its arguments, and it never stops early: a release manager
// wants the whole list at once.
func (p *Policy) Evaluate(rel Release, ev []Evidence, now time.Time) Decision {
	now = now.UTC().Truncate(time.Second)
	d := Decision{
		Schema:   DecisionSchema,
		Release:  rel,
		Policy:   PolicyRef{Profile: p.profile, Digest: p.digest},
		Time:     now,
		Evidence: ev,
	}
	uses := make([]WaiverUse, len(p.waivers))
	for i, w := range p.waivers {
		uses[i] = WaiverUse{Waiver: w, State: WaiverUnmatched}
	}
	read := make(map[Digest]bool)
	for _, q := range p.asked {
		subjects := rel.Artifacts
		if q.kind.Scope == AboutSource {
			subjects = []Subject{rel.Source}
		}
		for _, s := range subjects {
			j := Judgement{
				Criterion: q.kind.Name, Title: q.kind.Title,
				Practice: q.kind.Practice.String(), Level: q.level, Subject: s,
			}
			if q.notApplicable != "" {
				j.Outcome = Outcome{Status: NotApplicable, Reason: q.notApplicable}
			} else {
				sel := p.choose(q, rel, s, ev, now)
				j.Outcome = sel.judge(q, rel, s, now)
				j.Outcome = applyWaivers(uses, q.kind.Name, s, j.Outcome, now)
				j.Outcome = sel.complete(j.Outcome)
				for _, e := range sel.used {
					j.Evidence = append(j.Evidence, e.Digest)
					read[e.Digest] = true
				}
			}
			d.Judgements = append(d.Judgements, j)
		}
	}
	for _, u := range uses {
		d.warnAbout(u)
	}
	for _, e := range ev {
		if !read[e.Digest] && e.Problem == "" {
			d.Warnings = append(d.Warnings, fmt.Sprintf("%s was read but no criterion used it", e.Name))
		}
	}
	d.Waivers = uses
	d.conclude()
	return d
}

func (d *Decision) warnAbout(u WaiverUse) {
	switch {
	case u.State == WaiverUnmatched:
		d.Warnings = append(d.Warnings, fmt.Sprintf("waiver %s matches nothing: delete it if %s is mended", u.ID, u.Finding))
	case u.State == WaiverApplied && u.Expires.Sub(d.Time) <= expiringSoon:
		d.Warnings = append(d.Warnings, fmt.Sprintf("waiver %s expires soon, on %s", u.ID, u.Expires.Format(time.DateOnly)))
	case u.State != WaiverApplied:
		d.Warnings = append(d.Warnings, fmt.Sprintf("waiver %s does not count: %s", u.ID, u.State))
	}
}

// selection is the evidence for one question about one subject.
type selection struct {
	used []Evidence
	// notes say of the other evidence why it did not count.
	notes []string
	// vouched names the reports for which the pipeline's word was taken.
	vouched []string
	// unread is what was meant to be about the subject and could not be read.
	unread []string
}

// choose is where evidence is kept from speaking of what it is not about. No
// criterion does this itself, so none can forget it.
func (p *Policy) choose(q question, rel Release, s Subject, ev []Evidence, now time.Time) selection {
	var sel selection
	for _, e := range ev {
		if !gives(e, q.kind.Needs) && !gives(e, q.kind.Uses) {
			continue
		}
		note := func(format string, args ...any) {
			sel.notes = append(sel.notes, e.Name+" "+fmt.Sprintf(format, args...))
		}
		subject := s
		if gives(e, q.kind.FromSource) {
			subject = rel.Source
		}
		about, vouched := speaksOf(e, rel, subject, ev, 0)
		switch {
		case e.Problem != "" && (about || len(e.About) == 0):
			sel.unread = append(sel.unread, fmt.Sprintf("%s could not be read: %s", e.Name, e.Problem))
			continue
		case e.Problem != "":
			note("%s", e.Problem)
			continue
		case worldly(e):
		case !about && len(e.About)+len(e.Products) == 0:
			note("names no subject: say in the release file what it is about")
			continue
		case !about:
			note("is about %s, not about %s", subjectsOf(e), subject.Name)
			continue
		}
		accepted := slices.Contains(p.vouched, e.Format)
		if vouched && !worldly(e) {
			if !accepted {
				note("does not itself say what it is about, and the policy does not take the pipeline's word for format %s (vouched)", e.Format)
				continue
			}
			sel.vouched = append(sel.vouched, e.Name)
		}
		if e.Time.After(now.Add(clockSkew)) {
			note("is from the future: %s", e.Time.Format(time.RFC3339))
			continue
		}
		if fact, limit, ok := ages(e, q.maxAge); ok {
			switch {
			case e.Time.IsZero():
				note("does not say when it was made, and a %s may be at most %s old", fact.Title(), Age(limit))
				continue
			case e.TimeVouched && !accepted:
				note("does not itself say when it was made, and the policy does not take the pipeline's word for format %s (vouched)", e.Format)
				continue
			case now.Sub(e.Time) > limit:
				note("is stale: made on %s, %s old, at most %s", e.Time.Format(time.RFC3339), Age(now.Sub(e.Time).Truncate(time.Hour)), Age(limit))
				continue
			}
		}
		sel.used = append(sel.used, e)
	}
	return sel
}

// judge asks the criterion, or answers unknown where a fact it needs is absent.
func (sel selection) judge(q question, rel Release, s Subject, now time.Time) (o Outcome) {
	for _, need := range q.kind.Needs {
		if !slices.ContainsFunc(sel.used, func(e Evidence) bool { return e.Facts.Has(need) }) {
			return CannotTell("no %s about %s", need.Title(), s.Name)
		}
	}
	defer func() {
		if r := recover(); r != nil {
			o = Outcome{Status: Faulty, Reason: fmt.Sprintf("the criterion itself failed: %v", r)}
		}
	}()
	return q.criterion.Evaluate(Input{Release: rel, Subject: s, Evidence: slices.Clone(sel.used), Now: now})
}

// complete adds what a reader must know of the evidence, and takes back a yes
// that was given while a report on the same question could not be read.
func (sel selection) complete(o Outcome) Outcome {
	if len(sel.unread) > 0 && o.Status != Fail && o.Status != Faulty {
		if o.Status.Satisfied() || o.Reason == "" {
			o.Reason = sel.unread[0]
		}
		o.Status = Unknown
	}
	o.Notes = append(o.Notes, sel.unread...)
	if o.Status == Unknown {
		o.Notes = append(o.Notes, sel.notes...)
	}
	o.Vouched = sel.vouched
	return o
}

func gives(e Evidence, facts []Fact) bool {
	return slices.ContainsFunc(facts, func(f Fact) bool { return slices.Contains(e.Gives, f) })
}

func worldly(e Evidence) bool {
	for _, f := range e.Gives {
		if !aboutTheWorld[f] {
			return false
		}
	}
	return true
}

// maxChain is how many reports may stand between a report and its subject: a
// scan is about an SBOM that is about an artifact.
const maxChain = 4

// speaksOf reports whether e is about s, and whether that rests on the
// pipeline's word anywhere on the way.
func speaksOf(e Evidence, rel Release, s Subject, all []Evidence, depth int) (about, vouched bool) {
	for _, d := range e.About {
		if d.Matches(s.Digest) {
			return true, e.Vouched
		}
	}
	for _, p := range e.Products {
		if rel.IsProduct(p) {
			return true, false
		}
	}
	if depth >= maxChain {
		return false, false
	}
	for _, d := range e.About {
		for _, via := range all {
			if !d.Matches(via.Digest) || via.Problem != "" || via.Digest == e.Digest {
				continue
			}
			if ok, v := speaksOf(via, rel, s, all, depth+1); ok {
				return true, v || e.Vouched
			}
		}
	}
	return false, false
}

func subjectsOf(e Evidence) string {
	if len(e.About) > 0 {
		return list(e.About)
	}
	return e.Products[0]
}

// ages returns the shortest limit on the age of the facts that e gives.
func ages(e Evidence, limits map[Fact]time.Duration) (fact Fact, limit time.Duration, ok bool) {
	for _, f := range e.Gives {
		if l, has := limits[f]; has && (!ok || l < limit) {
			fact, limit, ok = f, l, true
		}
	}
	return fact, limit, ok
}
