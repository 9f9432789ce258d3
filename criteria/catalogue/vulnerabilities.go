package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/severity"
)

var vulnerabilities = criteria.Kind{
	Name:     "vulnerabilities",
	Title:    "No exploitable known vulnerabilities",
	Doc:      "A sound scan of the artifact with a fresh database shows no known vulnerability at or above the threshold, none that is known to be exploited, and none likely to be, except what trusted VEX says does not affect it.",
	Practice: criteria.SupplyChain,
	Level:    criteria.Basic,
	Refs:     []string{"SCA-1", "OSPS-VM-05", "SSDF RV.1.1", "S2C2F SCA-1"},
	Scope:    criteria.AboutArtifacts,
	Needs:    []criteria.Fact{criteria.FactVulnerabilities},
	Uses:     []criteria.Fact{criteria.FactExploitability, criteria.FactExploited, criteria.FactPrediction, criteria.FactComponents},
	MaxAge:   map[criteria.Fact]time.Duration{criteria.FactVulnerabilities: 72 * time.Hour},
	Params: map[criteria.Level]string{
		criteria.Basic:    `{"failFrom": "critical", "maxDatabaseAge": "72h", "maxListAge": "14d", "exploited": "optional"}`,
		criteria.Standard: `{"failFrom": "high", "maxDatabaseAge": "72h", "maxListAge": "14d", "exploited": "required"}`,
		criteria.Advanced: `{"failFrom": "medium", "maxDatabaseAge": "72h", "maxListAge": "14d", "exploited": "required", "epss": 0.5}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var p vulnerabilitiesParams
		if err := criteria.DecodeParams(params, &p); err != nil {
			return nil, err
		}
		return p.check()
	},
}

type vulnerabilitiesParams struct {
	// FailFrom is the rating from which on a vulnerability fails the release;
	// one of unknown severity always does.
	FailFrom string `json:"failFrom"`
	// MaxDatabaseAge is how old the scanner's knowledge may be.
	MaxDatabaseAge criteria.Age `json:"maxDatabaseAge"`
	// Exploited says whether a list of exploited vulnerabilities has to be
	// there ("required", also if empty) or is only used if it is ("optional").
	// MaxListAge is how old that list and the one of predictions may be to
	// count as there; what an older one lists counts all the same.
	Exploited  string       `json:"exploited"`
	MaxListAge criteria.Age `json:"maxListAge"`
	// EPSS is the probability of exploitation from which on a vulnerability
	// fails whatever its severity; absent: it is not looked at.
	EPSS *float64 `json:"epss"`
	// Leeway is how long after public disclosure a vulnerability of a rating
	// only warns: {"high": "7d"}.
	Leeway map[string]criteria.Age `json:"leeway"`
	// Unfixed says what a vulnerability is that no version fixes: "fail", also
	// if empty, or "warn".
	Unfixed string `json:"unfixed"`
	// Uncounted says what a scan without findings is whose report does not
	// count the packages it looked at: "unknown", also if empty, or "accept".
	Uncounted string `json:"uncounted"`
	// VEXAuthors are the signers of VEX documents, or the authors of unsigned
	// ones, whose statements count. Nobody's do by default.
	VEXAuthors []string `json:"vexAuthors"`
}

type vulnerabilitiesCriterion struct {
	vulnerabilitiesParams
	failFrom severity.Rating
	leeway   map[severity.Rating]time.Duration
}

func (p vulnerabilitiesParams) check() (criteria.Criterion, error) {
	c := vulnerabilitiesCriterion{vulnerabilitiesParams: p, leeway: make(map[severity.Rating]time.Duration)}
	var err error
	if c.failFrom, err = severity.Parse(p.FailFrom); err != nil {
		return nil, &criteria.ParamError{Key: "failFrom", Msg: err.Error()}
	}
	if p.MaxDatabaseAge <= 0 {
		return nil, &criteria.ParamError{Key: "maxDatabaseAge", Msg: "is missing: how old the scanner's database may be, such as 72h"}
	}
	if p.MaxListAge <= 0 {
		return nil, &criteria.ParamError{Key: "maxListAge", Msg: "is missing: how old the lists of exploited and likely exploited vulnerabilities may be, such as 14d"}
	}
	if p.EPSS != nil && !(*p.EPSS > 0 && *p.EPSS <= 1) {
		return nil, &criteria.ParamError{Key: "epss", Msg: fmt.Sprintf("is %v, expected a probability above 0 and up to 1", *p.EPSS)}
	}
	for word, age := range p.Leeway {
		r, err := severity.Parse(word)
		if err != nil {
			return nil, &criteria.ParamError{Key: "leeway", Msg: err.Error()}
		}
		c.leeway[r] = time.Duration(age)
	}
	for key, choice := range map[string]struct{ value, strict, loose string }{
		"exploited": {p.Exploited, "required", "optional"},
		"unfixed":   {p.Unfixed, "fail", "warn"},
		"uncounted": {p.Uncounted, "unknown", "accept"},
	} {
		if choice.value != "" && choice.value != choice.strict && choice.value != choice.loose {
			return nil, &criteria.ParamError{Key: key, Msg: fmt.Sprintf("is %q, expected %s or %s", choice.value, choice.strict, choice.loose)}
		}
	}
	for _, a := range p.VEXAuthors {
		if strings.TrimSpace(a) == "" {
			return nil, &criteria.ParamError{Key: "vexAuthors", Msg: "an author without a name"}
		}
	}
	return c, nil
}

// maxNames bounds how many vulnerabilities one note names.
const maxNames = 10

// maxAliases is how many names one vulnerability can have. Records of
// distributions name some hundred; a report that joins more makes one of many,
// and each of its findings would list them all.
const maxAliases = 1000

// Evaluate follows one vulnerability through: which names it has, how severe
// it is, whether it is exploited, and only then whether VEX speaks of it.
// Vulnerabilities known to be exploited fail whatever VEX says: a wrong
// statement costs most there, and updating the component always mends it.
func (c vulnerabilitiesCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var findings []criteria.Finding
	var notes []string
	sound, unsound := c.scans(in)
	if sound == 0 {
		findings = append(findings, unsound...)
	} else {
		for _, f := range unsound {
			notes = append(notes, f.Message)
		}
	}

	world := c.world(in)
	statements, vexNotes := trustedStatements(in, c.VEXAuthors)
	notes = append(notes, vexNotes...)
	all, withdrawn := vulnerable(in)
	if withdrawn > 0 {
		notes = append(notes, fmt.Sprintf("%d withdrawn by their database were passed over", withdrawn))
	}

	findings = slices.Grow(findings, len(all))
	var below, unlisted, unpredicted []string
	entangled := make(map[*group]bool)
	for _, v := range all {
		if n := len(v.group.names); n > maxAliases {
			if !entangled[v.group] {
				entangled[v.group] = true
				findings = append(findings, criteria.Finding{
					ID: "entangled-names", Status: criteria.Unknown, Where: v.where,
					Message:    fmt.Sprintf("reports give %s %d names, expected at most %d: they are not one vulnerability", v.group.id, n, maxAliases),
					NeverWaive: "what cannot be told apart cannot be excepted",
				})
			}
			continue
		}
		if world.exploited(v.group) {
			findings = append(findings, v.finding(criteria.Fail, "is known to be exploited", "a vulnerability that is known to be exploited cannot be waived"))
			continue
		}
		if v.group.hasCVE() {
			unlisted = append(unlisted, v.group.id)
		}
		if s, ok := suppressed(in, statements, v); ok {
			notes = append(notes, s.String())
			continue
		}
		score, scored := world.predicted(v.group)
		switch {
		case c.EPSS != nil && scored && score >= *c.EPSS:
			findings = append(findings, v.finding(criteria.Fail, fmt.Sprintf("is exploited within 30 days with probability %.2g (EPSS), the limit is %.2g", score, *c.EPSS), ""))
			continue
		case c.EPSS != nil && !scored && world.freshPrediction && v.group.rating != severity.Unrated && v.group.rating < c.failFrom:
			findings = append(findings, v.finding(criteria.Warn, fmt.Sprintf("is %s and has no EPSS score yet", v.group.rating), ""))
			continue
		case c.EPSS != nil && !scored:
			unpredicted = append(unpredicted, v.group.id)
		}
		if v.group.rating != severity.Unrated && v.group.rating < c.failFrom {
			below = append(below, fmt.Sprintf("%s (%s)", v.group.id, v.group.rating))
			continue
		}
		status, why := criteria.Fail, "is "+v.group.rating.String()
		if leeway := c.leeway[v.group.rating]; leeway > 0 && !v.group.published.IsZero() && !v.group.published.After(in.Now) {
			if end := v.group.published.Add(leeway); in.Now.Before(end) {
				status, why = criteria.Warn, why+", to be mended by "+end.UTC().Format(time.DateOnly)
			}
		}
		if c.Unfixed == "warn" && !v.fixed {
			status, why = criteria.Warn, why+", and no version is known that fixes it"
		}
		findings = append(findings, v.finding(status, why, ""))
	}
	if len(unlisted) > 0 && c.Exploited != "optional" && !world.freshExploited {
		findings = append(findings, criteria.Finding{
			ID: "no-exploited-list", Status: criteria.Unknown,
			Message: fmt.Sprintf("no list of exploited vulnerabilities of the last %s says whether %s exploited", c.MaxListAge, names(unlisted, "is", "are")),
		})
	}
	if len(unpredicted) > 0 && !world.freshPrediction {
		findings = append(findings, criteria.Finding{
			ID: "no-prediction-list", Status: criteria.Unknown,
			Message: fmt.Sprintf("no list of exploit predictions of the last %s says how likely %s to be exploited", c.MaxListAge, names(unpredicted, "is", "are")),
		})
	}
	if len(below) > 0 {
		notes = append(notes, fmt.Sprintf("below %s: %s", c.failFrom, names(below, "", "")))
	}
	o := criteria.Conclude(fmt.Sprintf("no vulnerability from %s on in %s", c.failFrom, counted(in)), findings)
	o.Notes = append(o.Notes, notes...)
	return o
}

// names writes a list for a note, shortened, with the verb that goes with it.
func names(list []string, one, many string) string {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	verb := many
	if len(list) == 1 {
		verb = one
	}
	s := strings.Join(list[:min(len(list), maxNames)], ", ")
	if more := len(list) - maxNames; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return strings.TrimSpace(s + " " + verb)
}

// counted says how much was scanned, and what the SBOM says there is.
func counted(in criteria.Input) string {
	scanned, listed := 0, 0
	for _, e := range in.Evidence {
		if v := e.Facts.Vulnerabilities; v != nil {
			scanned = max(scanned, v.Packages)
		}
		if c := e.Facts.Components; c != nil {
			listed = max(listed, len(c.Items))
		}
	}
	s := fmt.Sprintf("%d packages scanned", scanned)
	if scanned == 0 {
		s = "a scan that does not count packages"
	}
	if listed > 0 {
		s += fmt.Sprintf(", %d components in the SBOM", listed)
	}
	return s
}

// scans counts the reports that show something, and says of the others why
// they do not. What those list counts all the same: only their silence does
// not.
func (c vulnerabilitiesCriterion) scans(in criteria.Input) (sound int, unsound []criteria.Finding) {
	for _, e := range in.Evidence {
		v := e.Facts.Vulnerabilities
		if v == nil {
			continue
		}
		age := in.Now.Sub(v.Database.Updated)
		var why string
		switch {
		case v.Packages == 0:
			why = "looked at no package: an empty scan shows nothing (osv-scanner lists clean packages only with --all-packages)"
		case v.Packages < 0 && len(v.Items) == 0 && c.Uncounted != "accept":
			why = "does not say how many packages it looked at: without findings it shows nothing"
		case v.Database.Updated.IsZero():
			why = "does not say how old its database was: say so in the release file"
		case age < -5*time.Minute:
			why = "has a database from the future: " + v.Database.Updated.UTC().Format(time.RFC3339)
		case age > time.Duration(c.MaxDatabaseAge):
			why = fmt.Sprintf("has a database of %s: at most %s old is accepted", v.Database.Updated.UTC().Format(time.RFC3339), c.MaxDatabaseAge)
		default:
			sound++
			continue
		}
		unsound = append(unsound, criteria.Finding{
			ID: "unsound-scan", Status: criteria.Unknown, Where: e.Name, Message: e.Name + " " + why,
			NeverWaive: "what a scan did not see cannot be excepted: scan again",
		})
	}
	return sound, unsound
}

// world is what is known of vulnerabilities whatever the release.
type world struct {
	ids                             map[string]bool
	lists                           []map[string]float64
	freshExploited, freshPrediction bool
}

func (c vulnerabilitiesCriterion) world(in criteria.Input) world {
	w := world{ids: make(map[string]bool)}
	fresh := func(t time.Time) bool { return !t.IsZero() && in.Now.Sub(t) <= time.Duration(c.MaxListAge) }
	for _, e := range in.Evidence {
		if x := e.Facts.Exploited; x != nil {
			w.freshExploited = w.freshExploited || fresh(e.Facts.Time)
			for _, id := range x.IDs {
				w.ids[cveID(id)] = true
			}
		}
		if p := e.Facts.Prediction; p != nil {
			w.freshPrediction = w.freshPrediction || fresh(e.Facts.Time)
			w.lists = append(w.lists, p.Scores)
		}
	}
	return w
}

func (w world) exploited(g *group) bool {
	return slices.ContainsFunc(g.names, func(id string) bool { return w.ids[id] })
}

// predicted returns the highest score of any of g's names in any list.
func (w world) predicted(g *group) (score float64, ok bool) {
	for _, id := range g.names {
		for _, list := range w.lists {
			if s, has := list[id]; has {
				score, ok = max(score, s), true
			}
		}
	}
	return score, ok
}

// group is one vulnerability under all its names.
type group struct {
	id        string          // the name it goes by here
	names     []string        // all of them, sorted
	rating    severity.Rating // the worst of all its records
	published time.Time
	records   map[string][]string // names that each record gives itself
	flaws     [][]string          // see spokenOf
}

func (g *group) hasCVE() bool {
	return slices.ContainsFunc(g.names, func(id string) bool { return strings.HasPrefix(id, "CVE-") })
}

// vulnerability is one group in one package.
type vulnerability struct {
	group *group
	pkg   criteria.Package
	where string
	fixed bool
}

func (v vulnerability) finding(status criteria.Status, why, never string) criteria.Finding {
	var aliases []string
	for _, n := range v.group.names {
		if n != v.group.id {
			aliases = append(aliases, n)
		}
	}
	return criteria.Finding{
		ID: v.group.id, Aliases: aliases, Status: status, Where: v.where,
		Severity: v.group.rating.String(), Message: v.group.id + " " + why, NeverWaive: never,
	}
}

// vulnerable returns what all scans found, each vulnerability once in each
// package, in a fixed order. Names are joined first: a record, its aliases and
// the records that share one of them are one vulnerability, whichever scanner
// found which.
func vulnerable(in criteria.Input) (out []vulnerability, withdrawn int) {
	names := make(union)
	var items []*criteria.Vulnerability
	for _, e := range in.Evidence {
		if e.Facts.Vulnerabilities == nil {
			continue
		}
		for i := range e.Facts.Vulnerabilities.Items {
			v := &e.Facts.Vulnerabilities.Items[i]
			if v.Withdrawn {
				withdrawn++
				continue
			}
			items = append(items, v)
			names.find(cveID(v.ID))
			for _, a := range v.Aliases {
				names.join(cveID(v.ID), cveID(a))
			}
		}
	}
	groups := make(map[string]*group)
	for _, id := range slices.Sorted(maps.Keys(names)) {
		root := names.find(id)
		g := groups[root]
		if g == nil {
			g = &group{records: make(map[string][]string)}
			groups[root] = g
		}
		g.names = append(g.names, id)
		if g.id == "" || preference(id) < preference(g.id) {
			g.id = id
		}
	}
	type place struct {
		group *group
		where string
	}
	at := make(map[place]int, len(items))
	out = make([]vulnerability, 0, len(items))
	for _, v := range items {
		g := groups[names.find(cveID(v.ID))]
		g.rating = max(g.rating, severity.Of(v.Severities))
		// The earliest day on which any record was public counts: leeway runs
		// from when it was known.
		if !v.Published.IsZero() && (g.published.IsZero() || v.Published.Before(g.published)) {
			g.published = v.Published
		}
		for _, a := range v.Aliases {
			g.records[cveID(v.ID)] = append(g.records[cveID(v.ID)], cveID(a))
		}
		where := cmp.Or(v.Package.PURL, strings.TrimSuffix(v.Package.Name+"@"+v.Package.Version, "@"))
		k := place{g, where}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, vulnerability{group: g, pkg: v.Package, where: where})
		}
		out[i].fixed = out[i].fixed || len(v.FixedIn) > 0
	}
	for _, g := range groups {
		g.flaws = g.spokenOf()
	}
	slices.SortFunc(out, func(a, b vulnerability) int {
		return cmp.Or(cmp.Compare(a.group.id, b.group.id), cmp.Compare(a.where, b.where))
	})
	return out, withdrawn
}

// cveID returns a CVE id in upper case, as lists write it: in another case it
// would be found in none of them. Other ids are returned as they are.
func cveID(id string) string {
	if len(id) > 4 && strings.EqualFold(id[:4], "CVE-") {
		return strings.ToUpper(id)
	}
	return id
}

// preference orders the kinds of names by how widely they are understood.
func preference(id string) int {
	for i, prefix := range []string{"CVE-", "GHSA-"} {
		if strings.HasPrefix(id, prefix) {
			return i
		}
	}
	return 2
}

// union joins names into sets.
type union map[string]string

func (u union) find(id string) string {
	root := id
	for {
		parent, ok := u[root]
		if !ok {
			u[root] = root
			break
		}
		if parent == root {
			break
		}
		root = parent
	}
	for id != root {
		id, u[id] = u[id], root
	}
	return root
}

func (u union) join(a, b string) {
	x, y := u.find(a), u.find(b)
	if x == y {
		return
	}
	// Which of the two becomes the root must not depend on the order of
	// reports.
	if y < x {
		x, y = y, x
	}
	u[y] = x
}
