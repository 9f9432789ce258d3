package catalogue

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
	"github.com/hallmark-project/hallmark/criteria"
)

var licences = criteria.Kind{
	Name:     "licences",
	Title:    "Licences allowed",
	Doc:      "Every component of the artifact may be used under a licence that the policy allows.",
	Practice: criteria.SupplyChain,
	Level:    criteria.Basic,
	Refs:     []string{"SCA-3", "OSPS-LE-02.01", "S2C2F SCA-2"},
	Scope:    criteria.AboutArtifacts,
	Needs:    []criteria.Fact{criteria.FactComponents},
	Params: map[criteria.Level]string{
		criteria.Basic: `{"allow": [` +
			// Permissive: obligations end with notices.
			`"0BSD", "Apache-2.0", "Artistic-2.0", "BlueOak-1.0.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-2-Clause-Patent", ` +
			`"BSD-3-Clause", "BSD-3-Clause-Clear", "BSL-1.0", "CC0-1.0", "curl", "HPND", "ICU", "ISC", "libpng-2.0", ` +
			`"MIT", "MIT-0", "MulanPSL-2.0", "NCSA", "PostgreSQL", "PSF-2.0", "Python-2.0", "Unicode-3.0", ` +
			`"Unicode-DFS-2016", "Unlicense", "UPL-1.0", "X11", "Zlib", ` +
			// Copyleft that ends at the file.
			`"MPL-2.0"], "exceptions": ["LLVM-exception"], "unknown": "fail"}`,
	},
	New: func(params []byte) (criteria.Criterion, error) {
		var p licencesParams
		if err := criteria.DecodeParams(params, &p); err != nil {
			return nil, err
		}
		return p.check()
	},
}

type licencesParams struct {
	// Allow are the licences that a component may have. With none, every
	// licence on the SPDX list is allowed that Deny does not name. Either may
	// hold a licence with an exception ("GPL-2.0-only WITH
	// Classpath-exception-2.0") and a LicenseRef. Deny comes first.
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
	// Exceptions are those that do not change the answer about the licence they
	// stand with.
	Exceptions []string `json:"exceptions"`
	// Unknown says what a component is whose licence is absent, NOASSERTION,
	// NONE, no SPDX expression, or a LicenseRef on neither list: "fail", also
	// if empty, "review" or "warn".
	Unknown string `json:"unknown"`
	// NotRequired says what is done about components that the bill marks as
	// optional or excluded, which are not part of what runs: "check", also if
	// empty, "warn" or "ignore". NotRequiredAllow are further licences that
	// they may have.
	NotRequired      string   `json:"notRequired"`
	NotRequiredAllow []string `json:"notRequiredAllow"`
	// Names gives the SPDX expression for names that bills use instead:
	// {"The Apache Software License, Version 2.0": "Apache-2.0"}.
	Names map[string]string `json:"names"`
}

type licencesCriterion struct {
	licencesParams
	allow, deny, notRequiredAllow licenceList
	exceptions                    map[string]bool
	unknown                       criteria.Status
}

func (p licencesParams) check() (criteria.Criterion, error) {
	c := licencesCriterion{licencesParams: p, exceptions: make(map[string]bool)}
	if len(p.Allow)+len(p.Deny) == 0 {
		return nil, &criteria.ParamError{Key: "allow", Msg: "is missing: the licences that components may have, or in deny those they may not"}
	}
	for _, list := range []struct {
		key     string
		entries []string
		into    *licenceList
	}{{"allow", p.Allow, &c.allow}, {"deny", p.Deny, &c.deny}, {"notRequiredAllow", p.NotRequiredAllow, &c.notRequiredAllow}} {
		var err error
		if *list.into, err = newLicenceList(list.entries); err != nil {
			return nil, &criteria.ParamError{Key: list.key, Msg: err.Error()}
		}
	}
	for _, e := range p.Exceptions {
		// go-spdx tells exceptions only beside a licence.
		if ok, _ := spdxexp.ValidateLicenses([]string{"GPL-2.0-only WITH " + e}); !ok {
			return nil, &criteria.ParamError{Key: "exceptions", Msg: fmt.Sprintf("%q is not on the SPDX list of exceptions", e)}
		}
		c.exceptions[strings.ToLower(e)] = true
	}
	switch p.Unknown {
	case "", "fail":
		c.unknown = criteria.Fail
	case "review":
		c.unknown = criteria.NeedsReview
	case "warn":
		c.unknown = criteria.Warn
	default:
		return nil, &criteria.ParamError{Key: "unknown", Msg: fmt.Sprintf("is %q, expected fail, review or warn", p.Unknown)}
	}
	switch p.NotRequired {
	case "", "check", "warn", "ignore":
	default:
		return nil, &criteria.ParamError{Key: "notRequired", Msg: fmt.Sprintf("is %q, expected check, warn or ignore", p.NotRequired)}
	}
	for name, expression := range p.Names {
		if _, err := parseLicence(expression); err != nil {
			return nil, &criteria.ParamError{Key: "names", Msg: fmt.Sprintf("what stands for %q is no licence expression: it %v", name, err)}
		}
	}
	return c, nil
}

// answer is the ruling on one way to write a licence, found once however many
// components have it.
type answer struct {
	ruling ruling
	why    string
}

func (c licencesCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	required, other := make(map[string]answer), make(map[string]answer)
	type place struct{ where, licence string }
	seen := make(map[place]bool)
	var findings []criteria.Finding
	judged, ignored := 0, 0
	for _, e := range in.Evidence {
		if e.Facts.Components == nil {
			continue
		}
		items := e.Facts.Components.Items
		for i := range items {
			item := &items[i]
			if item.Type == "file" && len(item.Licences) == 0 {
				// A file takes the licence of the package it lies in.
				continue
			}
			notRequired := item.Scope == "optional" || item.Scope == "excluded"
			if notRequired && c.NotRequired == "ignore" {
				ignored++
				continue
			}
			judged++
			answers := required
			if notRequired {
				answers = other
			}
			written := strings.Join(item.Licences, "\x00")
			a, ok := answers[written]
			if !ok {
				a = c.judge(item.Licences, notRequired)
				answers[written] = a
			}
			if a.ruling == rulingAllowed {
				continue
			}
			where := cmp.Or(item.PURL, strings.TrimSuffix(item.Name+"@"+item.Version, "@"))
			if seen[place{where, written}] {
				continue
			}
			seen[place{where, written}] = true
			f := criteria.Finding{ID: strings.Join(item.Licences, " AND "), Status: criteria.Fail, Where: where, Message: a.why}
			if a.ruling == rulingUnknown {
				f.ID, f.Status = "unknown-licence", c.unknown
			}
			if notRequired && c.NotRequired == "warn" {
				f.Status = criteria.Warn
			}
			findings = append(findings, f)
		}
	}
	if judged == 0 && len(findings) == 0 {
		return criteria.CannotTell("the SBOM about %s lists no component whose licence could be judged", in.Subject.Name)
	}
	o := criteria.Conclude(fmt.Sprintf("all %d components may be used under a licence that is allowed", judged), findings)
	if ignored > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("%d optional or excluded components were passed over, as the policy says", ignored))
	}
	return o
}

// judge returns the answer about all licences that one component is given:
// several mean that all apply.
func (c licencesCriterion) judge(written []string, notRequired bool) answer {
	if len(written) == 0 {
		return answer{rulingUnknown, "no licence is given"}
	}
	out := answer{ruling: rulingAllowed}
	for _, w := range written {
		a := c.one(w, notRequired)
		if a.ruling == rulingDenied {
			return a
		}
		if a.ruling == rulingUnknown {
			out = a
		}
	}
	return out
}

func (c licencesCriterion) one(written string, notRequired bool) answer {
	expression := written
	if known, ok := c.Names[written]; ok {
		expression = known
	}
	if expression == "NOASSERTION" || expression == "NONE" {
		return answer{rulingUnknown, "licence " + expression + ": nobody says which it is"}
	}
	l, err := parseLicence(expression)
	if err != nil {
		return answer{rulingUnknown, fmt.Sprintf("%q is no SPDX licence expression: it %v", shorten(written), err)}
	}
	var invalid string
	v := l.judge(func(leaf string) ruling {
		v := c.leaf(leaf, notRequired)
		if v == rulingUnknown && invalid == "" {
			invalid = leaf
		}
		return v
	})
	switch v {
	case rulingDenied:
		return answer{v, fmt.Sprintf("licence %s is not allowed", shorten(written))}
	case rulingUnknown:
		return answer{v, fmt.Sprintf("licence %q is not known", shorten(invalid))}
	}
	return answer{ruling: v}
}

func (c licencesCriterion) leaf(leaf string, notRequired bool) ruling {
	if ok, _ := spdxexp.ValidateLicenses([]string{leaf}); !ok {
		return rulingUnknown
	}
	base, exception, with := strings.Cut(leaf, " WITH ")
	switch {
	case c.deny.has(leaf):
		return rulingDenied
	case c.allow.has(leaf), notRequired && c.notRequiredAllow.has(leaf):
		return rulingAllowed
	case with && c.exceptions[strings.ToLower(exception)]:
		return c.leaf(base, notRequired)
	case with:
		return rulingDenied
	case strings.HasPrefix(leaf, "LicenseRef-"), strings.HasPrefix(leaf, "DocumentRef-"):
		return rulingUnknown
	case len(c.Allow) == 0:
		return rulingAllowed
	}
	return rulingDenied
}

// shorten keeps a message readable whatever a bill holds.
func shorten(s string) string {
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}
