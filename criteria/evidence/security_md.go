package evidence

import (
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// securityMD reads a security policy in Markdown, such as SECURITY.md. It finds
// the ways to report a vulnerability, and tells those that a template left
// unfilled, and links and addresses that have nothing to do with reporting.
//
// It reads prose with patterns, so it errs towards finding no contact: what it
// does not recognise, a person can write more plainly.
type securityMD struct{}

var _ criteria.Format = securityMD{}

func (securityMD) Name() string           { return "security-md" }
func (securityMD) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactSecurityPolicy} }

func (securityMD) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, maxPolicy)
	if err != nil {
		return criteria.Facts{}, err
	}
	policy := &criteria.SecurityPolicy{}
	seen := make(map[string]int)
	for _, p := range paragraphs(string(data)) {
		policy.Words += len(strings.Fields(p.text))
		policy.Disclosure = policy.Disclosure || handlingWords.MatchString(p.text)
		for _, c := range p.contacts() {
			key := c.Kind + " " + strings.ToLower(c.Value)
			i, known := seen[key]
			if !known {
				seen[key] = len(policy.Contacts)
				policy.Contacts = append(policy.Contacts, c)
				continue
			}
			policy.Contacts[i].Reporting = policy.Contacts[i].Reporting || c.Reporting
		}
	}
	return criteria.Facts{SecurityPolicy: policy}, nil
}

// maxPolicy is the size of a longer policy than anybody would read.
const maxPolicy = 1 << 20

// paragraph is a block of text under its heading.
type paragraph struct{ heading, text string }

var (
	htmlComment     = regexp.MustCompile(`(?s)<!--.*?(?:-->|$)`)
	policyHeading   = regexp.MustCompile(`^ {0,3}#{1,6}(?:\s+(.*?))?\s*#*\s*$`)
	policyUnderline = regexp.MustCompile(`^ {0,3}(?:=+|-+)\s*$`)
	linkReference   = regexp.MustCompile(`^ {0,3}\[([^\]]+)\]:\s*<?(\S+?)>?(?:\s+["'(].*)?$`)
	referenceLink   = regexp.MustCompile(`\[([^\]]+)\](?:\[([^\]]*)\])?`)
)

// paragraphs splits a Markdown document. Comments do not count: templates keep
// their instructions in them.
func paragraphs(doc string) []paragraph {
	doc = htmlComment.ReplaceAllString(strings.ReplaceAll(doc, "\r\n", "\n"), "")
	var out []paragraph
	var lines []string
	heading := ""
	references := make(map[string]string)
	end := func() {
		if text := strings.TrimSpace(strings.Join(lines, "\n")); text != "" {
			out = append(out, paragraph{heading, text})
		}
		lines = nil
	}
	for _, line := range strings.Split(doc, "\n") {
		switch m := linkReference.FindStringSubmatch(line); {
		case m != nil:
			references[strings.ToLower(m[1])] = m[2]
		case strings.TrimSpace(line) == "":
			end()
		case policyHeading.MatchString(line):
			end()
			heading = policyHeading.FindStringSubmatch(line)[1]
			// A heading may hold the contact itself.
			lines = []string{heading}
			end()
		case policyUnderline.MatchString(line) && len(lines) > 0:
			last := lines[len(lines)-1]
			lines = lines[:len(lines)-1]
			end()
			heading = strings.TrimSpace(last)
			lines = []string{heading}
			end()
		default:
			lines = append(lines, line)
		}
	}
	end()
	for i := range out {
		out[i].text = resolveLinks(out[i].text, references)
	}
	return out
}

// resolveLinks writes the target of [text][name] behind it.
func resolveLinks(text string, references map[string]string) string {
	if len(references) == 0 {
		return text
	}
	return referenceLink.ReplaceAllStringFunc(text, func(s string) string {
		m := referenceLink.FindStringSubmatch(s)
		if target, ok := references[strings.ToLower(firstOf(m[2], m[1]))]; ok {
			return "[" + m[1] + "](" + target + ")"
		}
		return s
	})
}

var (
	image        = regexp.MustCompile(`!\[[^\]]*\]\([^)]*\)`)
	webLink      = regexp.MustCompile(`(?i)https?://[^\s<>"'\x60\])}]+`)
	relativeLink = regexp.MustCompile(`\]\(((?:\.{1,2}/|/)[^)\s]*)\)`)
	email        = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9.!#$%&'*+/=?^_{|}~-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	spelledAt    = regexp.MustCompile(`(?i)([a-z0-9._+-]+)\s*[\[({<]\s*at\s*[\])}>]\s*([a-z0-9])`)
	spelledDot   = regexp.MustCompile(`(?i)([a-z0-9-])\s*[\[({<]\s*dot\s*[\])}>]\s*([a-z0-9])`)

	// blank is what a template wants filled in. A Markdown link's text is
	// followed by its target, and is no blank.
	blank = regexp.MustCompile(`(?i)[\[<{]{1,2}\s*(?:(?:insert|your|add|enter|replace|todo|fill)\b[^\]>}\n]{0,80}|(?:contact |security |project )?(?:e-?mail(?: address)?|contact(?: method| details)?|url)(?: here)?|[a-z_]*(?:_EMAIL|_CONTACT|_URL))\s*[\]>}]{1,2}(\(|\[)?`)

	placeholderHost  = regexp.MustCompile(`(?i)(?:^|[@.])(?:example\.(?:com|org|net|edu)|(?:domain|yourdomain|mydomain|yourcompany|mycompany)\.[a-z]+)$|\.(?:example|invalid|test|localhost)$`)
	placeholderWords = regexp.MustCompile(`(?i)(?:^|[^a-z])(?:your|my)[-_.]?(?:org|organi[sz]ation|company|domain|project|repo|repository|name|e-?mail|user|username|team|site|host|website)(?:$|[^a-z])|changeme|x{3,}|/(?:OWNER|ORG|USER|USERNAME)/(?:REPO|PROJECT)|\bTODO\b|[<{\[]`)

	reportingText    = regexp.MustCompile(`(?i)\b(?:report|disclos|contact|submit|notif|inform|e-?mail|write|reach|send|raise)`)
	reportingHeading = regexp.MustCompile(`(?i)report|disclos|vulnerabilit|contact|security (?:issue|bug|problem|flaw)`)
	reportingLink    = regexp.MustCompile(`(?i)/security/advisories|/report(?:ing)?[-_/]|/report(?:ing)?$|vulnerability-report|/disclos|hackerone\.com/|bugcrowd\.com/|intigriti\.com/|yeswehack\.com/|huntr\.(?:dev|com)/|/-/issues/new\?|/\.well-known/security\.txt`)
	negation         = regexp.MustCompile(`(?i)^\s*of\b|\b(?:do not|don't|don’t|never|not|rather than|avoid|refrain)\b`)
	handlingWords    = regexp.MustCompile(`(?i)disclos|embargo|coordinat|acknowledg|respon(?:d|se)|within \w+ (?:working |business )?(?:hour|day|week)|advisor(?:y|ies)`)
)

// contacts finds the ways to reach somebody in p, in their order.
func (p paragraph) contacts() []criteria.Contact {
	text := image.ReplaceAllString(p.text, "")
	text = spelledAt.ReplaceAllString(text, "$1@$2")
	if strings.Contains(text, "@") {
		for spelledDot.MatchString(text) {
			text = spelledDot.ReplaceAllString(text, "$1.$2")
		}
	}
	var out []criteria.Contact
	add := func(kind, value string, placeholder, reporting bool) {
		out = append(out, criteria.Contact{Kind: kind, Value: value, Placeholder: placeholder, Reporting: reporting})
	}
	about := reportingText.MatchString(text) || reportingHeading.MatchString(p.heading)
	for _, m := range blank.FindAllStringSubmatchIndex(text, -1) {
		if m[2] >= 0 {
			continue
		}
		value := text[m[0]:m[1]]
		kind := "url"
		if strings.Contains(strings.ToLower(value), "mail") || strings.Contains(value, "@") {
			kind = "email"
		}
		add(kind, value, true, about)
	}
	// Links first: an address may be part of one.
	rest := webLink.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat(" ", len(s)) })
	for _, m := range webLink.FindAllStringIndex(text, -1) {
		link := strings.TrimRight(text[m[0]:m[1]], ".,;:!?*_")
		u, err := url.Parse(link)
		if err != nil || u.Host == "" {
			continue
		}
		add("url", link, placeholderHost.MatchString(u.Hostname()) || placeholderWords.MatchString(u.Host+u.Path),
			reportingLink.MatchString(link) || about && !denied(text, m[0]))
	}
	for _, m := range relativeLink.FindAllStringSubmatchIndex(text, -1) {
		if link := text[m[2]:m[3]]; reportingLink.MatchString(link) {
			add("url", link, false, true)
		}
	}
	for _, m := range email.FindAllStringIndex(rest, -1) {
		address := strings.TrimRight(rest[m[0]:m[1]], ".-_*")
		if strings.HasPrefix(address, "git@") {
			continue // an address to clone from
		}
		local, host, _ := strings.Cut(address, "@")
		add("email", address, placeholderHost.MatchString("@"+host) || placeholderWords.MatchString(host) || placeholderWords.MatchString(local),
			about)
	}
	return out
}

const maxSentence = 300 // bytes

// denied reports whether the sentence that holds offset tells, before it, not
// to go there: "do not open an issue at …".
func denied(text string, offset int) bool {
	// A sentence is far shorter than what is looked at: of a paragraph with
	// many links, looking back to its beginning from each took square time.
	before := text[max(0, offset-maxSentence):offset]
	start := 0
	for _, end := range []string{". ", ".\n", "! ", "? ", ":\n", "; ", " but ", " instead", "\n- ", "\n* "} {
		if i := strings.LastIndex(before, end); i >= 0 {
			start = max(start, i+len(end))
		}
	}
	return negation.MatchString(before[start:])
}
