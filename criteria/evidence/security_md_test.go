package evidence

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-project/hallmark/criteria"
)

func TestSecurityMDContacts(t *testing.T) {
	email := func(v string) criteria.Contact {
		return criteria.Contact{Kind: "email", Value: v, Reporting: true}
	}
	link := func(v string) criteria.Contact {
		return criteria.Contact{Kind: "url", Value: v, Reporting: true}
	}
	blankEmail := func(v string) criteria.Contact {
		return criteria.Contact{Kind: "email", Value: v, Placeholder: true, Reporting: true}
	}
	blankLink := func(v string) criteria.Contact {
		return criteria.Contact{Kind: "url", Value: v, Placeholder: true, Reporting: true}
	}
	elsewhere := func(v string) criteria.Contact { return criteria.Contact{Kind: "url", Value: v} }
	for _, tt := range []struct {
		name, doc string
		want      []criteria.Contact
	}{
		{"address", "# Security\n\nPlease report vulnerabilities to security@greet.dev.\n", []criteria.Contact{email("security@greet.dev")}},
		{"in_angle_brackets", "Write to <security@greet.dev>.", []criteria.Contact{email("security@greet.dev")}},
		{"mailto", "[Email us](mailto:sec.team+x@greet.dev)", []criteria.Contact{email("sec.team+x@greet.dev")}},
		{"code", "Contact `security@greet.dev`!", []criteria.Contact{email("security@greet.dev")}},
		{"spelled_out", "Contact security [at] greet [dot] co (dot) uk", []criteria.Contact{email("security@greet.co.uk")}},
		{"under_a_heading", "## Reporting a Vulnerability\n\n* security@greet.dev\n", []criteria.Contact{email("security@greet.dev")}},
		{"underlined_heading", "Reporting a vulnerability\n---\n\nsecurity@greet.dev\n", []criteria.Contact{email("security@greet.dev")}},
		{"about_something_else", "# Licence\n\nCopyright 2026 Bob <bob@greet.dev>\n", []criteria.Contact{{Kind: "email", Value: "bob@greet.dev"}}},
		{"twice_counts_the_better", "Copyright bob@greet.dev\n\nReport to Bob@greet.dev\n", []criteria.Contact{email("bob@greet.dev")}},
		{"to_clone_from", "Report bugs. Clone git@github.com:x/y.git", nil},
		{"a_mere_link", "See https://owasp.org/ for more.\n", []criteria.Contact{elsewhere("https://owasp.org/")}},
		{"a_form", "Report it at https://greet.dev/vulnerability.", []criteria.Contact{link("https://greet.dev/vulnerability")}},
		{"an_advisory", "# Hm\n\n<https://github.com/x/y/security/advisories/new>", []criteria.Contact{link("https://github.com/x/y/security/advisories/new")}},
		{"a_relative_advisory", "[here](../../security/advisories/new) and [there](../README.md)", []criteria.Contact{link("../../security/advisories/new")}},
		{"by_reference", "Please report it [here][form].\n\n[form]: https://greet.dev/form\n", []criteria.Contact{link("https://greet.dev/form")}},
		{"a_badge", "Report: ![badge](https://img.shields.io/x.svg)", nil},
		{
			"not_there", "Please do not report vulnerabilities at https://github.com/x/y/issues. Instead, write to security@greet.dev.",
			[]criteria.Contact{elsewhere("https://github.com/x/y/issues"), email("security@greet.dev")},
		},
		{
			"there_instead", "Do not open an issue but report at https://greet.dev/form",
			[]criteria.Contact{link("https://greet.dev/form")},
		},
		{
			"instead_of_there", "Report by mail instead of opening https://github.com/x/y/issues",
			[]criteria.Contact{elsewhere("https://github.com/x/y/issues")},
		},
		{"in_a_comment", "<!-- report to security@greet.dev -->\n# Security\n\nTo come.", nil},
		{"in_an_open_comment", "# Security\n<!-- report to security@greet.dev", nil},
		{"example_domain", "Report to security@example.com.", []criteria.Contact{blankEmail("security@example.com")}},
		{"reserved_domain", "Report to security@greet.example", []criteria.Contact{blankEmail("security@greet.example")}},
		{"your_domain", "Report to security@your-domain.com", []criteria.Contact{blankEmail("security@your-domain.com")}},
		{"a_company_called_so", "Report to security@yourkit.com", []criteria.Contact{email("security@yourkit.com")}},
		{"your_org", "Report at https://github.com/your-org/your-repo/security/advisories/new", []criteria.Contact{blankLink("https://github.com/your-org/your-repo/security/advisories/new")}},
		{"owner_repo", "Report at https://github.com/OWNER/REPO/security", []criteria.Contact{blankLink("https://github.com/OWNER/REPO/security")}},
		{"insert_email", "Report to [INSERT EMAIL].", []criteria.Contact{blankEmail("[INSERT EMAIL]")}},
		{"insert_method", "Report to [INSERT CONTACT METHOD]", []criteria.Contact{blankLink("[INSERT CONTACT METHOD]")}},
		{"braces", "Report to {{ SECURITY_EMAIL }}", []criteria.Contact{blankEmail("{{ SECURITY_EMAIL }}")}},
		{"angle_brackets", "Report to <your email here>", []criteria.Contact{blankEmail("<your email here>")}},
		{"a_link_text_is_no_blank", "Report to our [contact email](mailto:security@greet.dev)", []criteria.Contact{email("security@greet.dev")}},
		{"nothing", "# Security Policy\n\n## Supported Versions\n\nUse this section to tell people about which versions\nare supported.\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mustRead(t, "security-md", tt.doc).SecurityPolicy.Contacts); diff != "" {
				t.Errorf("Read(%q) (-want +got):\n%s", tt.doc, diff)
			}
		})
	}
}

func TestSecurityMDText(t *testing.T) {
	for doc, want := range map[string]criteria.SecurityPolicy{
		"To come.\n":                                       {Words: 2},
		"We answer within 3 working days.\n":               {Words: 6, Disclosure: true},
		"# A b\n\nc d\n<!-- e f -->\n":                     {Words: 4},
		"We acknowledge reports and publish advisories.\n": {Words: 6, Disclosure: true},
	} {
		if diff := cmp.Diff(&want, mustRead(t, "security-md", doc).SecurityPolicy); diff != "" {
			t.Errorf("Read(%q) (-want +got):\n%s", doc, diff)
		}
	}
}
