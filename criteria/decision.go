package criteria

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// DecisionSchema names the form of a decision document. A change that an older
// reader would misunderstand changes it.
const DecisionSchema = "https://github.com/hallmark-project/hallmark/decision/v1"

// Decision is every answer about one release: all outcomes, the levels
// reached, and by digest all that they rest on.
type Decision struct {
	Schema  string    `json:"schema"`
	Release Release   `json:"release"`
	Policy  PolicyRef `json:"policy"`
	// Time is the time as of which the release was judged. TimeDeclared is
	// true where it was given rather than read from the clock.
	Time         time.Time `json:"time"`
	TimeDeclared bool      `json:"timeDeclared,omitempty"`
	// Passed is true where every question has an answer with which a release
	// may go out.
	Passed bool `json:"passed"`
	// Levels are the maturity levels reached, from the lowest.
	Levels     []Level     `json:"levels"`
	Judgements []Judgement `json:"judgements"`
	Waivers    []WaiverUse `json:"waivers"`
	Evidence   []Evidence  `json:"evidence"`
	Warnings   []string    `json:"warnings"`
}

// PolicyRef names the policy a decision was made by.
type PolicyRef struct {
	Profile Level  `json:"profile"`
	Digest  Digest `json:"digest"`
}

// Judgement is the answer to one question about one subject.
type Judgement struct {
	Criterion string  `json:"criterion"`
	Title     string  `json:"title"`
	Practice  string  `json:"practice"`
	Level     Level   `json:"level"`
	Subject   Subject `json:"subject"`
	Outcome
	// Evidence are the digests of the reports that were taken into account.
	Evidence []Digest `json:"evidence,omitempty"`
}

// conclude says what the judgements amount to. At least one question has to be
// answered with something other than "not applicable": a policy that asks
// nothing must not let anything pass.
func (d *Decision) conclude() {
	d.Passed = satisfied(d.Judgements, Advanced)
	// A level means that something of the catalogue was answered: a policy's
	// own criteria can ask whether true is true.
	catalogue := slices.DeleteFunc(slices.Clone(d.Judgements), func(j Judgement) bool { return strings.HasPrefix(j.Criterion, ownPrefix) })
	for _, l := range Levels() {
		if l > d.Policy.Profile || !satisfied(d.Judgements, l) || !satisfied(catalogue, l) {
			break
		}
		d.Levels = append(d.Levels, l)
	}
}

// satisfied reports whether every question asked from level l or below was
// answered well, and at least one of them at all.
func satisfied(judgements []Judgement, l Level) bool {
	answered := false
	for _, j := range judgements {
		if j.Level > l {
			continue
		}
		if !j.Status.Satisfied() {
			return false
		}
		answered = answered || j.Status != NotApplicable
	}
	return answered
}

// CouldNotTell reports whether the release was not passed only because
// evidence is missing, unreadable or stale, or a person has to look: nothing
// stands against it, and nothing yet speaks for it.
func (d Decision) CouldNotTell() bool {
	if d.Passed {
		return false
	}
	return !slices.ContainsFunc(d.Judgements, func(j Judgement) bool { return j.Status == Fail })
}

// Labels are what a verdict may say of the release: the levels reached, then
// the criteria that passed about every subject they were asked about, by name,
// then the SLSA build level that every artifact has at least. A waived, warned or
// inapplicable criterion has none.
func (d Decision) Labels() []string {
	if !d.Passed {
		return nil
	}
	var labels []string
	for _, l := range d.Levels {
		labels = append(labels, LevelLabel(l))
	}
	for _, name := range d.Criteria(Pass) {
		labels = append(labels, Label(name))
	}
	if n := d.BuildLevel(); n > 0 {
		labels = append(labels, buildLevelPrefix+strconv.Itoa(n))
	}
	return labels
}

// BuildLevel is the SLSA build level that was verified of every artifact, 0 if
// of any it was not: the verdict is about all of them.
func (d Decision) BuildLevel() int {
	rated := make(map[Digest]int)
	for _, j := range d.Judgements {
		if j.Status == Pass && j.BuildLevel > 0 && j.BuildLevel <= maxBuildLevel && !strings.HasPrefix(j.Criterion, ownPrefix) {
			rated[j.Subject.Digest] = max(rated[j.Subject.Digest], j.BuildLevel)
		}
	}
	lowest := maxBuildLevel
	for _, a := range d.Release.Artifacts {
		lowest = min(lowest, rated[a.Digest])
	}
	if len(d.Release.Artifacts) == 0 {
		return 0
	}
	return lowest
}

// Criteria returns the sorted names of the criteria whose worst answer, over
// all their subjects, is one of statuses.
func (d Decision) Criteria(statuses ...Status) []string {
	worst := make(map[string]Status)
	for _, j := range d.Judgements {
		if w, ok := worst[j.Criterion]; ok {
			worst[j.Criterion] = w.Worse(j.Status)
		} else {
			worst[j.Criterion] = j.Status
		}
	}
	var names []string
	for name, s := range worst {
		// A pass beside "not applicable" is still not a pass about everything;
		// Worse ranks it above, so look again.
		if s == Pass && slices.ContainsFunc(d.Judgements, func(j Judgement) bool { return j.Criterion == name && j.Status != Pass }) {
			continue
		}
		if slices.Contains(statuses, s) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Encode returns the document: indented JSON in a fixed order, ending with a
// newline. The same decision always gives the same bytes.
func (d Decision) Encode() ([]byte, error) { return encode(d) }

// Encode returns the release document: indented JSON in a fixed order, ending
// with a newline.
func (r Release) Encode() ([]byte, error) { return encode(r) }

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ParseDecision reads a document that [Decision.Encode] wrote. What it returns
// is a claim: only replaying it, or a verified signature over it, makes it
// more.
func ParseDecision(data []byte) (Decision, error) {
	var d Decision
	if err := strict.JSON(data, &d); err != nil {
		return Decision{}, err
	}
	if d.Schema != DecisionSchema {
		return Decision{}, fmt.Errorf("is no decision of this form: schema is %q, expected %q", d.Schema, DecisionSchema)
	}
	return d, d.Release.Check()
}

// ParseRelease reads a document that [Release.Encode] wrote.
func ParseRelease(data []byte) (Release, error) {
	var r Release
	if err := strict.OwnJSON(data, &r); err != nil {
		return Release{}, err
	}
	return r, r.Check()
}
