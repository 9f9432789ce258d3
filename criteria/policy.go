package criteria

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
	"go.yaml.in/yaml/v3"
)

// Policy is what a release is judged by: the criteria of a profile with their
// parameters, criteria of one's own, and waivers. Only [ParsePolicy] makes one.
type Policy struct {
	digest  Digest
	profile Level
	asked   []question
	vouched []string
	roots   []Digest
	waivers []Waiver
	inline  Size
}

// question is one criterion as this policy asks it.
type question struct {
	kind      Kind
	level     Level // the profile from which on it is required
	params    string
	criterion Criterion
	maxAge    map[Fact]time.Duration
	// notApplicable is the declared reason not to ask; empty: ask.
	notApplicable string
}

// Own is a criterion that a policy defines itself, as an expression over the
// facts.
type Own struct {
	Name  string `yaml:"name"`
	Title string `yaml:"title"`
	// Level is the profile from which on it is required; default basic.
	Level Level `yaml:"level"`
	// Scope is "source" or "artifact".
	Scope string `yaml:"scope"`
	// Needs are the facts the expression reads: without evidence of each, the
	// answer is unknown and the expression is not asked.
	Needs []Fact `yaml:"needs"`
	// MaxAge is how old that evidence may be, by fact.
	MaxAge     map[Fact]Age `yaml:"maxAge"`
	Expression string       `yaml:"expression"`
}

// Compiler turns an own criterion's expression into a criterion. Its error may
// be an [*ExpressionError], which points into the expression.
type Compiler func(Own) (Criterion, error)

// ExpressionError is a fault in an expression; Line and Column count from 1.
type ExpressionError struct {
	Line, Column int
	Msg          string
}

func (e *ExpressionError) Error() string {
	return fmt.Sprintf("expression %d:%d: %s", e.Line, e.Column, e.Msg)
}

// Age is a length of time as people write it: "72h", "30d", or both, "1d12h".
type Age time.Duration

var days = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\d{1,5})d(.*)$`) })

// ParseAge reads what [Age.String] writes. It must be positive.
func ParseAge(s string) (Age, error) {
	var total time.Duration
	rest := s
	if m := days().FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		total, rest = time.Duration(n)*24*time.Hour, m[2]
	}
	if strings.ContainsAny(rest, "+-") {
		return 0, fmt.Errorf("%q is no length of time: write for example 72h or 30d", s)
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, fmt.Errorf("%q is no length of time: write for example 72h or 30d", s)
		}
		total += d
	}
	if total <= 0 {
		return 0, fmt.Errorf("%q is no length of time: write for example 72h or 30d", s)
	}
	return Age(total), nil
}

func (a Age) String() string {
	d := time.Duration(a)
	if d <= 0 {
		return d.String()
	}
	var s string
	if n := d / (24 * time.Hour); n > 0 {
		s = fmt.Sprintf("%dd", n)
		d -= n * 24 * time.Hour
	}
	if d == 0 {
		return s
	}
	// time.Duration writes 1h0m0s where people write 1h.
	rest := d.String()
	if d%time.Minute == 0 {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if d%time.Hour == 0 {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return s + rest
}

// MarshalText implements [encoding.TextMarshaler].
func (a Age) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *Age) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAge(string(text))
	return err
}

// PolicyFile is policy.yaml as people write it.
type PolicyFile struct {
	// Profile is basic, standard or advanced.
	Profile Level `yaml:"profile"`
	// Criteria sets parameters by criterion. A criterion that the profile does
	// not ask is asked because it is named here.
	Criteria map[string]yaml.Node `yaml:"criteria"`
	// Vouched lists the formats for which the pipeline's word is accepted on
	// what a report is about and when it was made.
	Vouched []string `yaml:"vouched"`
	// TrustedRoots are the digests of what signed reports may be verified with:
	// Sigstore trusted roots, and public keys in PEM. Default those of Sigstore's
	// public instance.
	TrustedRoots []Digest `yaml:"trustedRoots"`
	Own          []Own    `yaml:"own"`
	// NotApplicable are criteria that this project does not ask, with a
	// reason: never inferred from absence.
	NotApplicable []NotApplicableEntry `yaml:"notApplicable"`
	Waivers       []Waiver             `yaml:"waivers"`
	Attest        AttestSpec           `yaml:"attest"`
}

// AttestSpec says how what was judged is attested.
type AttestSpec struct {
	// InlineLimit is the size, such as 16MiB, up to which a report is attested
	// whole; a larger one is attested by reference. Default 8MiB, at most 40MiB.
	InlineLimit Size `yaml:"inlineLimit"`
}

// Limits on a policy's inlineLimit. The default keeps an attestation below what
// registries and admission webhooks accept: an envelope is a third larger than
// what it holds. A bundle with more than the maximum would be larger than any
// verifier takes (verify.MaxBundle).
const (
	DefaultInlineLimit = Size(8 << 20)
	MaxInlineLimit     = Size(40 << 20)
)

// NotApplicableEntry declares that one criterion does not apply.
type NotApplicableEntry struct {
	Criterion string `yaml:"criterion"`
	Reason    string `yaml:"reason"`
}

// IsCriterionName reports whether s has the form of every criterion's and
// format's name: a lower-case letter, then such letters, digits and hyphens.
func IsCriterionName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// ParsePolicy reads policy.yaml from data; file is its name for messages. kinds
// is the catalogue; compile is nil where own criteria are not supported, which
// then are refused. The error is [strict.Errors]: every fault with its place.
func ParsePolicy(file string, data []byte, kinds []Kind, compile Compiler) (*Policy, error) {
	root, err := strict.Parse(file, data)
	if err != nil {
		return nil, err
	}
	var f PolicyFile
	if err := strict.Decode(file, root, &f); err != nil {
		return nil, err
	}
	p := &parser{file: file, data: data, root: root, kinds: make(map[string]Kind, len(kinds))}
	for _, k := range kinds {
		p.kinds[k.Name] = k
	}
	out := &Policy{digest: DigestOf(data), profile: f.Profile, vouched: f.Vouched, waivers: f.Waivers, inline: f.Attest.InlineLimit}
	if out.inline == 0 {
		out.inline = DefaultInlineLimit
	}
	if out.inline > MaxInlineLimit {
		p.fault(child(child(root, "attest"), "inlineLimit"), "attest.inlineLimit is %s: at most %s, as no verifier takes a larger bundle", out.inline, MaxInlineLimit)
	}
	out.roots = slices.Clone(f.TrustedRoots)
	for i, d := range f.TrustedRoots {
		if d.Algorithm() != "sha256" {
			p.fault(p.at("trustedRoots", i), "trustedRoots takes the SHA-256 of files, sha256:<64 hex digits>, found %q", d)
		}
	}
	if out.roots == nil {
		out.roots = PublicGoodRoots()
	}
	if f.Profile == NoLevel {
		p.fault(root, "profile is missing: basic, standard or advanced")
	}
	for _, k := range kinds {
		set, named := f.Criteria[k.Name]
		if k.Level > f.Profile && !named {
			continue
		}
		q := question{kind: k, level: min(k.Level, f.Profile), maxAge: k.MaxAge}
		var node *yaml.Node
		if named {
			node = &set
		}
		p.parameters(&q, node, f.Profile)
		out.asked = append(out.asked, q)
	}
	p.names(f)
	for i, own := range f.Own {
		if slices.ContainsFunc(f.Own[:i], func(o Own) bool { return o.Name == own.Name }) {
			p.fault(p.at("own", i), "two criteria of one's own are named %q", own.Name)
		}
		if q, ok := p.own(i, own, compile); ok {
			q.level = min(q.level, f.Profile)
			out.asked = append(out.asked, q)
		}
	}
	for i, n := range f.NotApplicable {
		node := p.at("notApplicable", i)
		j := slices.IndexFunc(out.asked, func(q question) bool { return q.kind.Name == n.Criterion })
		switch {
		case strings.TrimSpace(n.Reason) == "":
			p.fault(node, "notApplicable needs a reason")
		case j < 0:
			p.fault(node, "%s", p.unknownCriterion(n.Criterion, out.asked))
		case out.asked[j].notApplicable != "":
			p.fault(node, "criterion %q is declared not applicable twice", n.Criterion)
		default:
			out.asked[j].notApplicable = n.Reason
		}
	}
	p.waivers(f.Waivers, func(criterion string) string {
		if slices.ContainsFunc(out.asked, func(q question) bool { return q.kind.Name == criterion }) {
			return ""
		}
		return p.unknownCriterion(criterion, out.asked)
	})
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return out, nil
}

type parser struct {
	file   string
	data   []byte
	root   *yaml.Node
	kinds  map[string]Kind
	faults strict.Errors
}

func (p *parser) fault(at *yaml.Node, format string, args ...any) {
	p.faults = append(p.faults, &strict.Error{File: p.file, Line: at.Line, Column: at.Column, Msg: fmt.Sprintf(format, args...)})
}

// at returns the node of item i of the list under key.
func (p *parser) at(key string, i int) *yaml.Node {
	if n := child(p.root, key); n != nil && i < len(n.Content) {
		return n.Content[i]
	}
	return p.root
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// names refuses parameters for criteria that nobody defined.
func (p *parser) names(f PolicyFile) {
	n := child(p.root, "criteria")
	if n == nil {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		if _, ok := p.kinds[n.Content[i].Value]; !ok {
			p.faults = append(p.faults, strict.UnknownKey(p.file, n.Content[i], p.kinds))
		}
	}
}

func (p *parser) unknownCriterion(name string, asked []question) string {
	var names []string
	for _, q := range asked {
		names = append(names, q.kind.Name)
	}
	if near := strict.Nearest(name, names); near != "" {
		return fmt.Sprintf("this policy asks no criterion %q: did you mean %q?", name, near)
	}
	return fmt.Sprintf("this policy asks no criterion %q", name)
}

// parameters lays what the policy sets over what the profile sets, and makes
// the criterion.
func (p *parser) parameters(q *question, node *yaml.Node, profile Level) {
	var params map[string]any
	if err := json.Unmarshal([]byte(q.kind.params(profile)), &params); err != nil {
		p.fault(p.root, "criterion %s: profile %s: %v", q.kind.Name, profile, err)
		return
	}
	where := p.root
	if node != nil && node.Tag != "!!null" {
		where = node
		if node.Kind != yaml.MappingNode {
			p.fault(node, "expected the parameters of %s as keys and values", q.kind.Name)
			return
		}
		for i := 0; i < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			if key.Value == "maxAge" {
				p.maxAge(q, value)
				continue
			}
			if value.Tag == "!!null" {
				// JSON's null would leave the profile's parameter out.
				p.fault(value, "criterion %s: %s: a value is missing", q.kind.Name, key.Value)
				return
			}
			var v any
			if err := value.Decode(&v); err != nil {
				p.fault(value, "%v", err)
				return
			}
			params[key.Value] = v
		}
	}
	text, err := json.Marshal(params)
	if err != nil {
		p.fault(where, "%v", err)
		return
	}
	q.params = string(text)
	q.criterion, err = q.kind.New(text)
	if err != nil {
		at := where
		var pe *ParamError
		if errors.As(err, &pe) && node != nil {
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == pe.Key {
					at = node.Content[i]
				}
			}
		}
		p.fault(at, "criterion %s: %v", q.kind.Name, err)
	}
}

func (p *parser) maxAge(q *question, node *yaml.Node) {
	var ages map[Fact]Age
	if err := strict.Decode(p.file, node, &ages); err != nil {
		var several strict.Errors
		if errors.As(err, &several) {
			p.faults = append(p.faults, several...)
		} else {
			p.fault(node, "%v", err)
		}
		return
	}
	merged := make(map[Fact]time.Duration)
	for f, d := range q.kind.MaxAge {
		merged[f] = d
	}
	for i := 0; i < len(node.Content); i += 2 {
		key := node.Content[i]
		if f := Fact(key.Value); p.reads(key, q.kind, f) {
			merged[f] = time.Duration(ages[f])
		}
	}
	q.maxAge = merged
}

// reads refuses at key an age of a fact that the criterion never reads: it
// would limit nothing.
func (p *parser) reads(key *yaml.Node, k Kind, f Fact) bool {
	var known []string
	for _, f := range slices.Concat(k.Needs, k.Uses) {
		known = append(known, string(f))
	}
	if slices.Contains(known, string(f)) {
		return true
	}
	msg := fmt.Sprintf("maxAge: criterion %s reads no fact %q", k.Name, f)
	if near := strict.Nearest(string(f), known); near != "" {
		msg += fmt.Sprintf(": did you mean %q?", near)
	} else {
		msg += ": it reads " + strings.Join(known, ", ")
	}
	p.fault(key, "%s", msg)
	return false
}

// ownPrefix keeps a policy's own criteria apart from the catalogue's, so that a
// policy cannot write itself a label that means something to others.
const ownPrefix = "own-"

func (p *parser) own(i int, own Own, compile Compiler) (question, bool) {
	node := p.at("own", i)
	before := len(p.faults)
	if compile == nil {
		p.fault(node, "criteria of one's own are not supported here")
		return question{}, false
	}
	name := ownPrefix + own.Name
	switch {
	case own.Name == "":
		p.fault(node, "a criterion of one's own needs a name")
	case !IsCriterionName(own.Name):
		p.fault(node, "%q is no name: lower-case words joined by hyphens", own.Name)
	}
	scope := AboutSource
	switch own.Scope {
	case "source":
	case "artifact":
		scope = AboutArtifacts
	default:
		p.fault(node, "scope is %q: expected source or artifact", own.Scope)
	}
	if len(own.Needs) == 0 {
		p.fault(node, "needs is missing: the facts that the expression reads, so that silence stays unknown")
	}
	for _, f := range own.Needs {
		if _, ok := factTitles[f]; !ok {
			var known []string
			for k := range factTitles {
				known = append(known, string(k))
			}
			slices.Sort(known)
			msg := fmt.Sprintf("unknown fact %q", f)
			if near := strict.Nearest(string(f), known); near != "" {
				msg += fmt.Sprintf(": did you mean %q?", near)
			} else {
				msg += ": known are " + strings.Join(known, ", ")
			}
			p.fault(node, "%s", msg)
		}
	}
	kind := Kind{Name: name, Title: own.Title, Level: own.Level, Practice: Releases, Scope: scope, Needs: own.Needs}
	if ages := child(node, "maxAge"); ages != nil {
		for i := 0; i < len(ages.Content); i += 2 {
			p.reads(ages.Content[i], kind, Fact(ages.Content[i].Value))
		}
	}
	if kind.Level == NoLevel {
		kind.Level = Basic
	}
	if kind.Title == "" {
		kind.Title = own.Name
	}
	criterion, err := compile(own)
	if err != nil {
		at, msg := node, err.Error()
		if expr := child(node, "expression"); expr != nil {
			at = expr
			var ee *ExpressionError
			if errors.As(err, &ee) {
				line, column := p.inside(expr, ee)
				at, msg = &yaml.Node{Line: line, Column: column}, ee.Msg
			}
		}
		p.fault(at, "own criterion %s: %s", own.Name, msg)
	}
	if len(p.faults) > before {
		return question{}, false
	}
	ages := make(map[Fact]time.Duration, len(own.MaxAge))
	for f, a := range own.MaxAge {
		ages[f] = time.Duration(a)
	}
	params, err := json.Marshal(map[string]string{"expression": own.Expression})
	if err != nil {
		p.fault(node, "%v", err)
		return question{}, false
	}
	return question{
		kind:      kind,
		level:     kind.Level,
		params:    string(params),
		criterion: criterion,
		maxAge:    ages,
	}, true
}

// inside returns the place in the policy file of a place in the expression.
func (p *parser) inside(expr *yaml.Node, e *ExpressionError) (line, column int) {
	line = expr.Line + e.Line - 1
	if expr.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		if e.Line == 1 {
			column = expr.Column - 1
			if expr.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
				column++
			}
		}
		return line, column + e.Column
	}
	line++ // the text begins below the | or >
	lines := strings.Split(string(p.data), "\n")
	if line-1 < len(lines) {
		text := lines[line-1]
		column = len(text) - len(strings.TrimLeft(text, " "))
	}
	return line, column + e.Column
}

// Digest returns the SHA-256 of the policy file's bytes.
func (p *Policy) Digest() Digest { return p.digest }

// Vouched lists the formats for which the pipeline's word is accepted.
func (p *Policy) Vouched() []string { return slices.Clone(p.vouched) }

// TrustedRoots are the digests of what signed reports may be verified with.
func (p *Policy) TrustedRoots() []Digest { return slices.Clone(p.roots) }

// InlineLimit is the size in bytes up to which a report is attested whole.
func (p *Policy) InlineLimit() int64 { return int64(p.inline) }

// Profile returns the maturity level that a release must reach.
func (p *Policy) Profile() Level { return p.profile }

// Asked describes one criterion as a policy asks it, for people.
type Asked struct {
	Name          string          `json:"name"`
	Title         string          `json:"title"`
	Level         Level           `json:"level"`
	Scope         string          `json:"scope"`
	Needs         []Fact          `json:"needs"`
	Params        json.RawMessage `json:"params"`
	NotApplicable string          `json:"notApplicable,omitempty"`
}

// Asked lists what p asks, in the order of a decision.
func (p *Policy) Asked() []Asked {
	out := make([]Asked, 0, len(p.asked))
	for _, q := range p.asked {
		out = append(out, Asked{
			Name: q.kind.Name, Title: q.kind.Title, Level: q.level, Scope: q.kind.Scope.String(),
			Needs: q.kind.Needs, Params: json.RawMessage(q.params), NotApplicable: q.notApplicable,
		})
	}
	return out
}
