package verify

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// Encode writes e as a trust file with comments, which [ParseTrust] reads back.
// Relative paths stay as they are, so it belongs into the same folder.
func (e Expect) Encode() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("writing a trust file: %w", err)
	}
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	list := func(key string, n int, at func(int) string) {
		if n == 0 {
			return
		}
		line("%s:", key)
		for i := range n {
			line("  - %s", at(i))
		}
	}
	line("# What is expected of a release before it is used. hallmark-verify reads this")
	line("# file, and so does hallmark; whoever can change it decides what they accept.")
	line("")
	line("# Who judges, and what the release is called: both exactly as signed.")
	line("verifier: %s", scalar(e.Verifier))
	if len(e.Resources) == 0 {
		line("resource: %s", scalar(e.Resource))
	} else {
		list("resources", len(e.Resources), func(i int) string { return scalar(e.Resources[i]) })
	}
	line("")
	if e.Threshold > 1 {
		line("# So many of these must have signed the same verdict.")
		line("threshold: %d", e.Threshold)
	} else {
		line("# Any one of these may sign.")
	}
	writeSigners(line, "", e.Signers)
	line("")
	line("# What must have been reached. A waived criterion was not.")
	if e.Level != criteria.NoLevel {
		line("level: %s", e.Level)
	}
	list("criteria", len(e.Criteria), func(i int) string { return e.Criteria[i] })
	line("")
	line("# How old a verdict may be. The newest one decides, so this bounds how long")
	line("# someone could keep a withdrawn release alive by hiding what withdrew it.")
	line("maxAge: %s", e.MaxAge)
	if len(e.Policies) > 0 {
		line("")
		line("# The policies whose verdicts are accepted.")
		list("policies", len(e.Policies), func(i int) string { return e.Policies[i].String() })
	}
	e.writeRequirements(line)
	return b.Bytes(), nil
}

// writeSigners writes a list of signers below key signers, which stands at indent.
func writeSigners(line func(string, ...any), indent string, signers []Signer) {
	if len(signers) == 0 {
		return
	}
	line("%ssigners:", indent)
	for _, s := range signers {
		lead := indent + "  - "
		pair := func(key, value string) {
			if value != "" {
				line("%s%s: %s", lead, key, value)
				lead = indent + "    "
			}
		}
		quoted := func(key, value string) {
			if value != "" {
				pair(key, scalar(value))
			}
		}
		quoted("name", s.Name)
		if s.Key != "" {
			pair("key", "|")
			for l := range strings.Lines(strings.TrimSpace(s.Key)) {
				line("%s      %s", indent, strings.TrimSpace(l))
			}
			if !s.NotBefore.IsZero() {
				pair("notBefore", s.NotBefore.UTC().Format(time.RFC3339Nano))
			}
			if !s.NotAfter.IsZero() {
				pair("notAfter", s.NotAfter.UTC().Format(time.RFC3339Nano))
			}
		}
		quoted("issuer", s.Issuer)
		quoted("identity", s.Identity)
		quoted("identityPattern", s.IdentityPattern)
		said := false
		for _, c := range s.Certificate.constraints() {
			if c.want == "" {
				continue
			}
			if !said {
				line("%scertificate:", lead)
				lead, said = indent+"    ", true
			}
			line("%s      %s: %s", indent, c.key, scalar(c.want))
		}
		quoted("trustedRoot", s.TrustedRoot)
		if len(s.Require) > 0 {
			var names []string
			for _, w := range s.Require {
				names = append(names, string(w))
			}
			pair("require", "["+strings.Join(names, ", ")+"]")
		}
	}
}

// bare is what YAML reads as text without quotes, whatever it says.
var bare = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(https?://|pkg:)[A-Za-z0-9._/:@+%?&=~-]*[A-Za-z0-9/]$`)
})

// scalar returns s as one YAML value on one line.
func scalar(s string) string {
	if bare().MatchString(s) && !strings.Contains(s, ": ") {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r == 0x85 || r == 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
