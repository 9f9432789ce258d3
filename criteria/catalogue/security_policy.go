package catalogue

import (
	"fmt"
	"net/mail"
	"net/url"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

var securityPolicy = criteria.Kind{
	Name:     "security-policy",
	Title:    "A security policy says how to report vulnerabilities",
	Doc:      "The source holds a security policy that names an address or a page to report vulnerabilities to, with no part of a template left to fill in.",
	Practice: criteria.Policies,
	Level:    criteria.Basic,
	Refs:     []string{"POL-1", "OSPS-VM-02.01", "SSDF RV.1.3", "Scorecard Security-Policy"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactSecurityPolicy},
	New: func(params []byte) (criteria.Criterion, error) {
		var c securityPolicyCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		if c.MinimumWords != nil && *c.MinimumWords < 0 {
			return nil, &criteria.ParamError{Key: "minimumWords", Msg: fmt.Sprintf("%d is negative", *c.MinimumWords)}
		}
		return c, nil
	},
}

// fewestWords is the least length of a policy, where the parameters set none:
// one sentence that says where to write and what about.
const fewestWords = 10

type securityPolicyCriterion struct {
	// MinimumWords is the least length of the text; absent, 10.
	MinimumWords *int `json:"minimumWords"`
}

func (c securityPolicyCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	words := fewestWords
	if c.MinimumWords != nil {
		words = *c.MinimumWords
	}
	var findings []criteria.Finding
	policies, contact, undescribed := 0, "", true
	other := 0
	for _, e := range in.Evidence {
		p := e.Facts.SecurityPolicy
		if p == nil {
			continue
		}
		policies++
		fail := func(id, format string, args ...any) {
			findings = append(findings, criteria.Finding{ID: id, Status: criteria.Fail, Where: e.Name, Message: fmt.Sprintf(format, args...)})
		}
		undescribed = undescribed && !p.Disclosure
		if p.Words < words {
			fail("too-short", "the policy has %d words, at least %d are expected", p.Words, words)
		}
		for _, k := range p.Contacts {
			switch {
			case k.Placeholder && k.Reporting:
				fail("placeholder", "%s was left from a template", k.Value)
			case k.Placeholder, !k.Reporting:
				other++
			case !reachable(k):
				fail("unusable", "%s is not an address that one can write to or open", k.Value)
			case contact == "":
				contact = k.Value
			}
		}
	}
	if policies == 0 {
		return criteria.CannotTell("no security policy about %s", in.Subject.Name)
	}
	if contact == "" {
		message := "names no contact for reports of vulnerabilities"
		if other > 0 {
			message += fmt.Sprintf(": %d links and addresses in it are about something else", other)
		}
		findings = append(findings, criteria.Finding{ID: "no-contact", Status: criteria.Fail, Message: message})
	}
	o := criteria.Conclude("vulnerabilities are reported to "+contact, findings)
	if undescribed {
		o.Notes = append(o.Notes, "the policy does not say how reports are handled")
	}
	return o
}

// reachable reports whether k has the form of something that one can write to
// or open. Whether somebody answers there, no report can tell.
func reachable(k criteria.Contact) bool {
	switch k.Kind {
	case "email":
		a, err := mail.ParseAddress(k.Value)
		if err != nil {
			return false
		}
		_, host, _ := strings.Cut(a.Address, "@")
		return strings.Contains(host, ".")
	case "url":
		u, err := url.Parse(k.Value)
		if err != nil {
			return false
		}
		// A forge resolves ../../security/advisories/new against itself.
		if u.Scheme == "" && u.Host == "" {
			return strings.Contains(u.Path, "/security/advisories")
		}
		return (u.Scheme == "https" || u.Scheme == "http") && strings.Contains(u.Hostname(), ".")
	}
	return false
}
