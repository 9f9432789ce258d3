package evidence

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// sarif reads SARIF 2.1.0, the format that most static analysers write:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. The same
// document may hold what a secrets scanner found; which of the two it is, the
// release file says by naming sarif or sarif-secrets.
//
// A scan that did not happen often leaves a well-formed document behind. So a
// document without runs, and a run without a list of results, is refused, and
// a run that did not succeed is not complete.
type sarif struct {
	name string
	fact criteria.Fact
}

var _ criteria.Format = sarif{}

func (f sarif) Name() string           { return f.name }
func (f sarif) Gives() []criteria.Fact { return []criteria.Fact{f.fact} }

func (f sarif) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var log sarifLog
	if err := strict.JSON(data, &log); err != nil {
		return criteria.Facts{}, err
	}
	if log.Version != "2.1.0" {
		return criteria.Facts{}, fmt.Errorf("is not SARIF 2.1.0: version is %q", log.Version)
	}
	if len(log.Runs) == 0 {
		return criteria.Facts{}, errors.New("holds no run: nothing was analysed")
	}
	facts := criteria.Facts{}
	scan := &criteria.Scan{Complete: true}
	fewest := math.MaxInt
	for i := range log.Runs {
		run := &log.Runs[i]
		if err := run.check(); err != nil {
			return criteria.Facts{}, fmt.Errorf("run %d: %w", i+1, err)
		}
		if !run.succeeded() {
			scan.Complete = false
		}
		n := run.Tool.Driver.count()
		for _, e := range run.Tool.Extensions {
			n += e.count()
		}
		fewest = min(fewest, n)
		scan.Rules += n
		scan.Tools = append(scan.Tools, criteria.Tool{Name: run.Tool.Driver.Name, Version: run.Tool.Driver.version()})
		revisions := run.revisions()
		if i == 0 {
			facts.Subjects = revisions
		} else if !slices.Equal(facts.Subjects, revisions) {
			// Otherwise a run on another commit could speak in this one's name.
			return criteria.Facts{}, fmt.Errorf("run %d is not about the same commit as run 1: give one report for each", i+1)
		}
		if t := run.ended(); i == 0 || t.Before(facts.Time) {
			facts.Time = t
		}
		results, _ := run.all()
		for j, res := range results {
			one, ok, err := run.result(res, f.fact == criteria.FactSecrets)
			if err != nil {
				return criteria.Facts{}, fmt.Errorf("run %d, result %d: %w", i+1, j+1, err)
			}
			if ok {
				scan.Results = append(scan.Results, one)
			}
		}
	}
	if fewest == 0 {
		// A run without rules must not hide behind one that has some.
		scan.Rules = 0
	}
	facts.Tool = scan.Tools[0]
	if len(scan.Tools) == 1 {
		scan.Tools = nil
	}
	if f.fact == criteria.FactSecrets {
		facts.Secrets = scan
	} else {
		facts.Analysis = scan
	}
	return facts, nil
}

type sarifLog struct {
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver     sarifComponent   `json:"driver"`
		Extensions []sarifComponent `json:"extensions"`
	} `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     sarifResults      `json:"results"`
	Artifacts   []struct {
		Location sarifArtifactLocation `json:"location"`
	} `json:"artifacts"`
	VersionControlProvenance []struct {
		RevisionID string `json:"revisionId"`
	} `json:"versionControlProvenance"`
	ExternalPropertyFileReferences map[string]any `json:"externalPropertyFileReferences"`

	// rulesByName and overrides are made when they are first asked for: looked
	// for anew for each result, rules would take square time.
	rulesByName map[ruleName]place
	overrides   map[int]map[place]string
}

// sarifResults tells an absent list from null, which means something else.
type sarifResults struct {
	given bool
	list  *[]sarifResult
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (r *sarifResults) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	r.given = true
	return json.UnmarshalDecode(d, &r.list)
}

// all returns the results; ok is false where the scan did not take place.
// §3.14.23 asks for an empty list where nothing was found, and for null where
// the tool could not look. Staticcheck leaves an empty list out, so an absent
// one counts as empty where an invocation says that the tool succeeded.
func (r *sarifRun) all() (results []sarifResult, ok bool) {
	if r.Results.list != nil {
		return *r.Results.list, true
	}
	return nil, !r.Results.given && len(r.Invocations) > 0 && r.succeeded()
}

type sarifComponent struct {
	Name            string      `json:"name"`
	GUID            string      `json:"guid"`
	Version         string      `json:"version"`
	SemanticVersion string      `json:"semanticVersion"`
	Rules           []sarifRule `json:"rules"`
}

func (c sarifComponent) count() int { return len(c.Rules) }

func (c sarifComponent) version() string {
	if c.SemanticVersion != "" {
		return c.SemanticVersion
	}
	return c.Version
}

type sarifRule struct {
	ID               string    `json:"id"`
	GUID             string    `json:"guid"`
	ShortDescription sarifText `json:"shortDescription"`
	Default          struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		// Written as a string by the tools that follow GitHub's convention, as
		// a number by others.
		SecuritySeverity any `json:"security-severity"`
	} `json:"properties"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	ExecutionSuccessful        *bool               `json:"executionSuccessful"`
	EndTimeUTC                 string              `json:"endTimeUtc"`
	ToolExecutionNotifications []sarifNotification `json:"toolExecutionNotifications"`
	ToolConfigNotifications    []sarifNotification `json:"toolConfigurationNotifications"`
	RuleConfigurationOverrides []struct {
		Descriptor    sarifReference `json:"descriptor"`
		Configuration struct {
			Level string `json:"level"`
		} `json:"configuration"`
	} `json:"ruleConfigurationOverrides"`
}

type sarifNotification struct {
	Level string `json:"level"`
}

type sarifReference struct {
	ID            string `json:"id"`
	GUID          string `json:"guid"`
	Index         *int   `json:"index"`
	ToolComponent *struct {
		Name  string `json:"name"`
		GUID  string `json:"guid"`
		Index *int   `json:"index"`
	} `json:"toolComponent"`
}

type sarifArtifactLocation struct {
	URI   string `json:"uri"`
	Index *int   `json:"index"`
}

type sarifResult struct {
	RuleID    string         `json:"ruleId"`
	RuleIndex *int           `json:"ruleIndex"`
	Rule      sarifReference `json:"rule"`
	Kind      string         `json:"kind"`
	Level     string         `json:"level"`
	Message   sarifText      `json:"message"`
	Locations []struct {
		PhysicalLocation struct {
			ArtifactLocation sarifArtifactLocation `json:"artifactLocation"`
			// The region's snippet is never read: it may hold a secret.
			Region struct {
				StartLine int `json:"startLine"`
			} `json:"region"`
		} `json:"physicalLocation"`
	} `json:"locations"`
	Fingerprints        map[string]string `json:"fingerprints"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	Suppressions        []struct {
		Status string `json:"status"`
	} `json:"suppressions"`
	BaselineState string `json:"baselineState"`
	Provenance    struct {
		InvocationIndex *int `json:"invocationIndex"`
	} `json:"provenance"`
}

// maxExtensions is far more than any tool has plug-ins: references to them are
// looked up one by one.
const maxExtensions = 1000

// check refuses a run from which nothing follows.
func (r *sarifRun) check() error {
	_, scanned := r.all()
	switch {
	case r.Tool.Driver.Name == "":
		return errors.New("names no tool")
	case len(r.Tool.Extensions) > maxExtensions:
		return fmt.Errorf("has %d extensions, expected at most %d", len(r.Tool.Extensions), maxExtensions)
	case r.ExternalPropertyFileReferences["results"] != nil:
		return errors.New("keeps its results in another file: give a report that holds them")
	case !scanned:
		return errors.New("has no list of results, not even an empty one, and does not say that the tool succeeded")
	}
	return nil
}

// succeeded reports whether no invocation says otherwise. A run without
// invocations says nothing of it, and most tools write none.
func (r *sarifRun) succeeded() bool {
	for _, in := range r.Invocations {
		if in.ExecutionSuccessful == nil || !*in.ExecutionSuccessful {
			return false
		}
		for _, n := range slices.Concat(in.ToolExecutionNotifications, in.ToolConfigNotifications) {
			// §3.58.6: an error is what kept the tool from its work.
			if n.Level == "error" {
				return false
			}
		}
	}
	return true
}

// revisions are the commits that the run says it looked at; a revision that is
// no full git commit id binds nothing.
func (r *sarifRun) revisions() []criteria.Digest {
	var out []criteria.Digest
	for _, p := range r.VersionControlProvenance {
		d, err := criteria.ParseDigest("gitCommit:" + strings.ToLower(p.RevisionID))
		if err == nil {
			out = append(out, d)
		}
	}
	out = unique(out)
	slices.SortFunc(out, func(a, b criteria.Digest) int { return strings.Compare(a.Hex(), b.Hex()) })
	return out
}

// ended is the earliest end of an invocation, zero where one has none.
func (r *sarifRun) ended() time.Time {
	var first time.Time
	for i, in := range r.Invocations {
		t, err := time.Parse(time.RFC3339, in.EndTimeUTC)
		if err != nil {
			return time.Time{}
		}
		if i == 0 || t.Before(first) {
			first = t
		}
	}
	return first
}

// result reads one result; ok is false where it is not a failure (§3.27.9).
func (r *sarifRun) result(res sarifResult, secret bool) (out criteria.ScanResult, ok bool, err error) {
	switch res.Kind {
	case "", "fail":
	case "pass", "open", "informational", "notApplicable", "review":
		// §3.27.10: of any other kind, the level is none. One reader would
		// show such a result as an error and another leave it out.
		if res.Level != "" && res.Level != "none" {
			return out, false, fmt.Errorf("is of kind %q and has level %q: expected none", res.Kind, res.Level)
		}
		return out, false, nil
	default:
		return out, false, fmt.Errorf("unknown kind %q", res.Kind)
	}
	rule, where := r.rule(res)
	out.Rule = firstOf(res.RuleID, res.Rule.ID, rule.ID, "no-rule")
	out.Level, err = r.level(res, rule, where)
	if err != nil {
		return out, false, err
	}
	if out.Severity, err = severityOf(rule.Properties.SecuritySeverity); err != nil {
		return out, false, fmt.Errorf("rule %s: %w", rule.ID, err)
	}
	if len(res.Locations) > 0 {
		at := res.Locations[0].PhysicalLocation
		out.Path, out.Line = at.ArtifactLocation.URI, at.Region.StartLine
		if i := at.ArtifactLocation.Index; out.Path == "" && i != nil && *i >= 0 && *i < len(r.Artifacts) {
			out.Path = r.Artifacts[*i].Location.URI
		}
	}
	// Tools put the secret into the message, so the rule's own text stands in
	// for it.
	out.Message = brief(res.Message.Text)
	if secret {
		out.Message = brief(rule.ShortDescription.Text)
	}
	out.Commit = res.PartialFingerprints["commitSha"]
	out.Fingerprint = fingerprint(res, out)
	switch res.BaselineState {
	case "", "new", "unchanged", "updated", "absent":
		out.Baseline = res.BaselineState
	default:
		return out, false, fmt.Errorf("unknown baselineState %q", res.BaselineState)
	}
	// §3.27.23: an empty list says that it is not suppressed; §3.35.3: without
	// a status a suppression counts as accepted. One that is under review or
	// was rejected accepts nothing.
	out.Suppressed = len(res.Suppressions) > 0
	for _, s := range res.Suppressions {
		out.Suppressed = out.Suppressed && (s.Status == "" || s.Status == "accepted")
	}
	return out, true, nil
}

// place is where a rule stands: the driver's own have component -1.
type place struct{ component, index int }

// rule finds the rule of res: by its component and index, else by its id, of
// which the last parts may be missing (§3.27.5), in the driver, then in the
// extensions. Index is -1 where it is not listed.
func (r *sarifRun) rule(res sarifResult) (sarifRule, place) {
	ref := res.Rule
	if ref.ID == "" {
		ref.ID = res.RuleID
	}
	if ref.Index == nil {
		ref.Index = res.RuleIndex
	}
	return r.resolve(ref)
}

func (r *sarifRun) resolve(ref sarifReference) (sarifRule, place) {
	in, ok := r.component(ref)
	if ref.Index != nil && *ref.Index >= 0 {
		c := -1
		if ok {
			c = in
		}
		rules := r.rules(c)
		if i := *ref.Index; i < len(rules) && (ref.ID == "" || within(ref.ID, rules[i].ID)) {
			return rules[i], place{c, i}
		}
	}
	if !ok {
		in = anyComponent
	}
	names := []ruleName{{in, "", strings.ToLower(ref.GUID)}}
	id := ref.ID
	for range maxParts {
		names = append(names, ruleName{in, id, ""})
		cut := strings.LastIndexByte(id, '/')
		if cut < 0 {
			break
		}
		id = id[:cut]
	}
	for _, name := range names {
		if at, ok := r.listed()[name]; ok {
			return r.rules(at.component)[at.index], at
		}
	}
	return sarifRule{}, place{-1, -1}
}

// maxParts bounds how many parts of an id are taken away in search of its rule:
// tools use one or two.
const maxParts = 16

// anyComponent stands for the driver, then the extensions in their order.
const anyComponent = -2

// ruleName is the id, or in lower case the GUID, of a rule in one component.
type ruleName struct {
	component int
	id, guid  string
}

// listed returns where the rules stand: the first of each name.
func (r *sarifRun) listed() map[ruleName]place {
	if r.rulesByName != nil {
		return r.rulesByName
	}
	r.rulesByName = make(map[ruleName]place)
	for c := -1; c < len(r.Tool.Extensions); c++ {
		for i, rule := range r.rules(c) {
			for _, in := range []int{c, anyComponent} {
				for _, name := range []ruleName{{in, rule.ID, ""}, {in, "", strings.ToLower(rule.GUID)}} {
					if _, taken := r.rulesByName[name]; !taken && (name.id != "" || name.guid != "") {
						r.rulesByName[name] = place{c, i}
					}
				}
			}
		}
	}
	return r.rulesByName
}

// component returns the extension that ref names, -1 for the driver; ok is
// false where it names none.
func (r *sarifRun) component(ref sarifReference) (index int, ok bool) {
	c := ref.ToolComponent
	if c == nil {
		return 0, false
	}
	if c.Index != nil && *c.Index >= 0 && *c.Index < len(r.Tool.Extensions) {
		return *c.Index, true
	}
	for i, e := range r.Tool.Extensions {
		if c.GUID != "" && strings.EqualFold(c.GUID, e.GUID) || c.Name != "" && c.Name == e.Name {
			return i, true
		}
	}
	if c.Name != "" && c.Name == r.Tool.Driver.Name {
		return -1, true
	}
	return 0, false
}

func (r *sarifRun) rules(component int) []sarifRule {
	if component < 0 {
		return r.Tool.Driver.Rules
	}
	return r.Tool.Extensions[component].Rules
}

// within reports whether id is rule or stands below it: CA1000/1 in CA1000.
func within(id, rule string) bool {
	return id == rule || strings.HasPrefix(id, rule+"/")
}

// level is the result's own, else what this run was configured to give the
// rule, else the rule's default, else warning (§3.27.10). A gate that reads
// only the first misses everything that tools such as CodeQL find.
func (r *sarifRun) level(res sarifResult, rule sarifRule, where place) (string, error) {
	level := res.Level
	if i := res.Provenance.InvocationIndex; level == "" && where.index >= 0 {
		switch {
		case i != nil && *i >= 0 && *i < len(r.Invocations):
			level = r.configured(*i)[where]
		case len(r.Invocations) == 1:
			level = r.configured(0)[where]
		}
	}
	level = firstOf(level, rule.Default.Level, "warning")
	switch level {
	case "error", "warning", "note", "none":
		return level, nil
	}
	return "", fmt.Errorf("unknown level %q: expected error, warning, note or none", level)
}

// configured returns the levels that an invocation gave to rules.
func (r *sarifRun) configured(invocation int) map[place]string {
	if levels, ok := r.overrides[invocation]; ok {
		return levels
	}
	levels := make(map[place]string)
	for _, o := range r.Invocations[invocation].RuleConfigurationOverrides {
		if _, at := r.resolve(o.Descriptor); at.index >= 0 && o.Configuration.Level != "" {
			levels[at] = o.Configuration.Level
		}
	}
	if r.overrides == nil {
		r.overrides = make(map[int]map[place]string)
	}
	r.overrides[invocation] = levels
	return levels
}

func severityOf(v any) (*float64, error) {
	var f float64
	switch v := v.(type) {
	case nil:
		return nil, nil
	case float64:
		f = v
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, nil
		}
		parsed, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			return nil, fmt.Errorf("security-severity %q is not a number", v)
		}
		f = parsed
	default:
		return nil, errors.New("security-severity is not a number")
	}
	if !(f >= 0 && f <= 10) {
		return nil, fmt.Errorf("security-severity %v is not between 0 and 10", f)
	}
	return &f, nil
}

// fingerprint picks the one fingerprint that most tools mean. What gitleaks
// puts there is not one, but enough to make its own from.
func fingerprint(res sarifResult, out criteria.ScanResult) string {
	for _, k := range slices.Sorted(maps.Keys(res.Fingerprints)) {
		return res.Fingerprints[k]
	}
	if f := res.PartialFingerprints["primaryLocationLineHash"]; f != "" {
		return f
	}
	if out.Commit != "" {
		return fmt.Sprintf("%s:%s:%s:%d", out.Commit, out.Path, out.Rule, out.Line)
	}
	for _, k := range slices.Sorted(maps.Keys(res.PartialFingerprints)) {
		switch k {
		case "commitSha", "email", "author", "date", "commitMessage": // people, not fingerprints
		default:
			return res.PartialFingerprints[k]
		}
	}
	return ""
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// maxMessage bounds what is kept of a message: a decision lists findings, the
// report explains them.
const maxMessage = 200

// brief returns the first line of s, at most maxMessage characters of it.
func brief(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > maxMessage {
		return string(r[:maxMessage-1]) + "…"
	}
	return s
}
