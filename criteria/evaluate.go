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
		Schema:     DecisionSchema,
		Release:    rel,
		Policy:     PolicyRef{Profile: p.profile, Digest: p.digest},
		Time:       now,
		Levels:     []Level{},
		Judgements: []Judgement{},
		Evidence:   append([]Evidence{}, ev...),
		Warnings:   []string{},
	}
	exceptions := newExceptions(p.waivers)
	relations := relate(rel, ev)
	read := make(map[Digest]bool)
	for _, q := range p.asked {
		subjects := rel.Artifacts
		if q.kind.Scope == AboutSource {
			subjects = []Subject{rel.Source}
		}
		if len(subjects) == 0 {
			// A question about nothing would otherwise be no question at all.
			j := q.judgement(Subject{})
			j.Outcome = CannotTell("the release has no artifacts")
			d.Judgements = append(d.Judgements, j)
		}
		asking := asking{policy: p, question: q, relations: relations, ev: ev, now: now}
		for i, e := range ev {
			if gives(e, q.kind.Needs) || gives(e, q.kind.Uses) {
				asking.candidates = append(asking.candidates, i)
			}
		}
		for _, s := range subjects {
			j := q.judgement(s)
			if q.notApplicable != "" {
				j.Outcome = Outcome{Status: NotApplicable, Reason: q.notApplicable}
			} else {
				sel := asking.choose(s)
				j.Outcome = sel.judge(q, rel, s, now)
				j.Outcome = exceptions.apply(q.kind.Name, s, j.Outcome, now)
				j.Outcome = sel.complete(j.Outcome).plain()
				listed := make(map[Digest]bool, len(sel.used))
				for _, e := range sel.used {
					if !listed[e.Digest] {
						listed[e.Digest] = true
						j.Evidence = append(j.Evidence, e.Digest)
					}
					read[e.Digest] = true
				}
			}
			d.Judgements = append(d.Judgements, j)
		}
	}
	d.Waivers = exceptions.uses
	for i := range exceptions.uses {
		d.warnAbout(exceptions, i)
	}
	for _, e := range ev {
		if !read[e.Digest] && e.Problem == "" {
			d.Warnings = append(d.Warnings, fmt.Sprintf("%s was read but no criterion used it", e.Name))
		}
	}
	d.conclude()
	return d
}

func (q question) judgement(s Subject) Judgement {
	return Judgement{
		Criterion: q.kind.Name, Title: q.kind.Title,
		Practice: q.kind.Practice.String(), Level: q.level, Subject: s,
	}
}

func (d *Decision) warnAbout(x *exceptions, i int) {
	u, places := x.uses[i], len(x.places[i])
	switch {
	case u.State == WaiverUnmatched:
		d.Warnings = append(d.Warnings, fmt.Sprintf("waiver %s matches nothing: delete it if %s is mended", u.ID, u.Finding))
	case u.State != WaiverApplied:
		d.Warnings = append(d.Warnings, fmt.Sprintf("waiver %s does not count: %s", u.ID, u.State))
	default:
		if u.Expires.Sub(d.Time) <= expiringSoon {
			d.Warnings = append(d.Warnings, fmt.Sprintf("waiver %s expires soon, on %s", u.ID, u.Expires.Format(time.DateOnly)))
		}
		if places > 1 {
			d.Warnings = append(d.Warnings, fmt.Sprintf("waiver %s excepts %s in %d places: narrow it with where if one was meant", u.ID, u.Finding, places))
		}
	}
}

// asking is one question with all the evidence that could answer it.
type asking struct {
	policy    *Policy
	question  question
	relations *relations
	ev        []Evidence
	// candidates are the places in ev of what gives a fact the question reads.
	candidates []int
	now        time.Time
}

// selection is the evidence for one question about one subject.
type selection struct {
	used []Evidence
	// unread is what was meant to be about the subject and could not be read.
	unread []string
	// lost are facts that could only have made the answer stricter, and were
	// there, but did not count.
	lost []string
	// refused say why evidence about the subject did not count; others name
	// evidence about other subjects, manyOthers how much of it there was.
	refused     []string
	manyRefused int
	others      []string
	manyOthers  int
	// vouched names the reports for which the pipeline's word was taken.
	vouched []string
}

// maxOthers and maxRefused bound how many reports that did not count an answer
// names: a release with a thousand artifacts has a thousand for each.
const (
	maxOthers  = 5
	maxRefused = 50
)

// refuse notes why a report about the subject did not count.
func (sel *selection) refuse(format string, args ...any) {
	if len(sel.refused) == maxRefused {
		sel.manyRefused++
		return
	}
	sel.refused = append(sel.refused, fmt.Sprintf(format, args...))
}

// choose is where evidence is kept from speaking of what it is not about. No
// criterion does this itself, so none can forget it.
func (a asking) choose(s Subject) selection {
	var sel selection
	kind := a.question.kind
	wanted := slices.Concat(kind.Needs, kind.Uses)
	isFromSource := func(f Fact) bool { return slices.Contains(kind.FromSource, f) }
	// A report that gives facts of both sorts answers for each on its own:
	// what it says of the source must not clear an artifact.
	direct := slices.DeleteFunc(slices.Clone(wanted), isFromSource)
	fromSource := slices.DeleteFunc(wanted, func(f Fact) bool { return !isFromSource(f) })
	stricter := make(map[Fact]bool)
	places := make(map[Digest][]int) // in sel.used, by the report's bytes
	for _, i := range a.candidates {
		e := a.ev[i]
		var counted []Fact
		for _, part := range []struct {
			facts   []Fact
			subject Subject
		}{{direct, s}, {fromSource, a.relations.rel.Source}} {
			facts := shared(e.Gives, part.facts)
			if len(facts) == 0 {
				continue
			}
			ok, meant := a.accept(&sel, i, facts, part.subject)
			counted = append(counted, ok...)
			for _, f := range facts {
				if meant && (aboutTheWorld[f] || isFromSource(f)) {
					stricter[f] = stricter[f] || slices.Contains(ok, f)
				}
			}
		}
		if len(counted) == 0 {
			continue
		}
		if i := slices.IndexFunc(places[e.Digest], func(i int) bool { return slices.ContainsFunc(counted, sel.used[i].Facts.Has) }); i >= 0 {
			sel.refuse("%s is the same bytes as %s: they count once", e.Name, sel.used[places[e.Digest][i]].Name)
			continue
		}
		if !e.Digest.IsZero() {
			places[e.Digest] = append(places[e.Digest], len(sel.used))
		}
		e.Facts = e.Facts.only(counted)
		if v := e.Facts.Vulnerabilities; v != nil && e.DatabaseTimeVouched && !slices.Contains(a.policy.vouched, e.Format) {
			undated := *v
			undated.Database.Updated = time.Time{}
			e.Facts.Vulnerabilities = &undated
			sel.refuse("%s does not itself say how old its database is, and the policy does not take the pipeline's word for format %s (vouched)", e.Name, e.Format)
		}
		sel.used = append(sel.used, e)
	}
	for _, f := range slices.Concat(kind.Needs, kind.Uses) {
		if counts, given := stricter[f]; given && !counts {
			sel.lost = append(sel.lost, fmt.Sprintf("the %s does not count", f.Title()))
		}
	}
	return sel
}

// accept returns those of facts for which evidence i counts about subject, and
// notes in sel why others do not. meant is false where it is plainly about
// something else.
func (a asking) accept(sel *selection, i int, facts []Fact, subject Subject) (counted []Fact, meant bool) {
	e := a.ev[i]
	refuse := func(format string, args ...any) {
		sel.refuse("%s "+format, append([]any{e.Name}, args...)...)
	}
	word := a.relations.word(i, facts, subject)
	switch {
	case e.Problem != "" && (word != silent || len(e.About) == 0 || worldly(facts)):
		sel.unread = append(sel.unread, fmt.Sprintf("%s could not be read: %s", e.Name, e.Problem))
		return nil, true
	case e.Problem != "":
		refuse("could not be read: %s", e.Problem)
		return nil, false
	case worldly(facts):
	case word == contradicted:
		refuse("names %s, which is another version of this release", e.Products[0])
		return nil, true
	case word == silent && len(e.About)+len(e.Products) == 0:
		refuse("names no subject: say in the release file what it is about")
		return nil, true
	case word == silent:
		if sel.manyOthers++; sel.manyOthers <= maxOthers {
			sel.others = append(sel.others, fmt.Sprintf("%s is about %s, not about %s", e.Name, subjectsOf(e), subject.Name))
		}
		return nil, false
	}
	if root := e.Declared.TrustedRoot; !root.IsZero() && !slices.Contains(a.policy.roots, root) {
		refuse("is verified with a trusted root, %s, that the policy does not accept (trustedRoots)", root)
		return nil, true
	}
	if keys := e.Declared.RegistryKeys; !keys.IsZero() && !slices.Contains(a.policy.roots, keys) {
		refuse("is verified with registry keys, %s, that the policy does not accept (trustedRoots)", keys)
		return nil, true
	}
	accepted := slices.Contains(a.policy.vouched, e.Format)
	if word == pipelines && !worldly(facts) {
		if !accepted {
			refuse("does not itself say what it is about, and the policy does not take the pipeline's word for format %s (vouched)", e.Format)
			return nil, true
		}
		sel.vouched = append(sel.vouched, e.Name)
	}
	if e.Time.After(a.now.Add(clockSkew)) {
		refuse("is from the future: %s", e.Time.Format(time.RFC3339))
		return nil, true
	}
	var fresh []Fact
	for _, f := range facts {
		limit, ages := a.question.maxAge[f]
		switch {
		case !ages:
		case e.Time.IsZero():
			refuse("does not say when it was made, and a %s may be at most %s old", f.Title(), Age(limit))
			continue
		case e.TimeVouched && !accepted:
			refuse("does not itself say when it was made, and the policy does not take the pipeline's word for format %s (vouched)", e.Format)
			continue
		case a.now.Sub(e.Time) > limit:
			refuse("is stale: made on %s, %s old, and a %s may be at most %s old", e.Time.Format(time.RFC3339), Age(a.now.Sub(e.Time)), f.Title(), Age(limit))
			continue
		}
		fresh = append(fresh, f)
	}
	return fresh, true
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
	o = settle(q.criterion.Evaluate(Input{Release: rel, Subject: s, Evidence: slices.Clone(sel.used), Now: now}))
	if !q.kind.RatesBuilds || o.BuildLevel < 0 || o.BuildLevel > maxBuildLevel {
		o.BuildLevel = 0
	}
	return o
}

// settle holds a criterion to what it may answer: only a policy declares that
// something does not apply or is waived, and no answer is better than its own
// findings.
func settle(o Outcome) Outcome {
	o.Findings, o.Notes = slices.Clone(o.Findings), slices.Clone(o.Notes)
	switch o.Status {
	case Unknown, Pass, Fail, Warn, NeedsReview, Faulty:
	default:
		o.Reason = fmt.Sprintf("the criterion itself answered %q, which only a policy can", o.Status)
		o.Status = Faulty
	}
	worst := o.Status
	for i := range o.Findings {
		f := &o.Findings[i]
		f.Waiver = ""
		switch f.Status {
		case Fail, Unknown, NeedsReview, Warn:
		default:
			f.Status = Unknown
		}
		worst = worst.Worse(f.Status)
	}
	if worst != o.Status {
		o.Status, o.Reason = worst, summary(o.Reason, o.Findings)
	}
	return o
}

// complete adds what a reader must know of the evidence, and takes back a yes
// that was given while a report on the same question did not count.
func (sel selection) complete(o Outcome) Outcome {
	for _, why := range [][]string{sel.unread, sel.lost} {
		if len(why) > 0 && o.Status != Fail && o.Status != Faulty {
			if o.Status.Satisfied() || o.Reason == "" {
				o.Reason = why[0]
			}
			o.Status = Unknown
		}
	}
	o.Notes = append(o.Notes, sel.unread...)
	o.Notes = append(o.Notes, sel.refused...)
	if sel.manyRefused > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("and %d more reports did not count", sel.manyRefused))
	}
	if o.Status == Unknown {
		o.Notes = append(o.Notes, sel.others...)
		if more := sel.manyOthers - len(sel.others); more > 0 {
			o.Notes = append(o.Notes, fmt.Sprintf("and %d more reports are about other subjects", more))
		}
	}
	o.Vouched = sel.vouched
	if o.Status != Pass {
		o.BuildLevel = 0
	}
	return o
}

func gives(e Evidence, facts []Fact) bool {
	return slices.ContainsFunc(facts, func(f Fact) bool { return slices.Contains(e.Gives, f) })
}

// shared returns those of facts that are in given too.
func shared(given, facts []Fact) []Fact {
	var out []Fact
	for _, f := range facts {
		if slices.Contains(given, f) && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

func worldly(facts []Fact) bool {
	return !slices.ContainsFunc(facts, func(f Fact) bool { return !aboutTheWorld[f] })
}

func subjectsOf(e Evidence) string {
	if len(e.About) > 0 {
		return list(e.About)
	}
	return e.Products[0]
}
