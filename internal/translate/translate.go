// Package translate says what a trust file asks for in the words of other
// admission controllers, as far as they have words for it.
//
// A translation is never equivalent: what it cannot say stands in it as a
// comment, each thing by itself, so that whoever applies it knows what is no
// longer asked.
package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/wildcard"
	"github.com/hallmark-project/hallmark/verify"
)

// Options is what a trust file does not say and a policy has to.
type Options struct {
	// Name is the policy's name in the cluster.
	Name string
	// Images are the patterns of the images that it is for, at least one.
	Images []string
	// Roots finds trusted roots that are named and are no files; it may be nil.
	Roots verify.Roots
}

// Targets are the controllers that are known, in the order of their names.
func Targets() []string { return []string{"kyverno", "policy-controller"} }

// Translation is a policy of another controller.
type Translation struct {
	// Text is the policy in YAML, with what cannot be said as comments.
	Text string `json:"policy"`
	// Unsaid is what the trust file asks for and the policy does not, a sentence
	// for each thing.
	Unsaid []string `json:"unsaid"`
}

// Policy translates want for the controller called target.
func Policy(target string, want verify.Expect, o Options) (Translation, error) {
	if err := o.check(); err != nil {
		return Translation{}, err
	}
	// What cannot be a verifier is no policy either.
	if _, err := want.Encode(); err != nil {
		return Translation{}, err
	}
	switch target {
	case "kyverno":
		return kyverno(want, o)
	case "policy-controller":
		return policyController(want, o)
	}
	return Translation{}, fmt.Errorf("%q is no admission controller that is known: expected %s", target, strings.Join(Targets(), " or "))
}

// objectName reports whether Kubernetes takes s as the name of an object
// (RFC 1123).
func objectName(s string) bool {
	ends := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	return s != "" && len(s) <= 253 && ends(s[0]) && ends(s[len(s)-1]) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r > 'z' || !ends(byte(r)) && r != '-' && r != '.' })
}

func (o Options) check() error {
	if !objectName(o.Name) {
		return fmt.Errorf("%q is no name that Kubernetes takes: lower-case letters, digits, hyphens and dots", o.Name)
	}
	if len(o.Images) == 0 {
		return fmt.Errorf("no images: a policy has to say which it is for, such as registry.example/team/*")
	}
	for _, i := range o.Images {
		if i == "" || strings.ContainsFunc(i, func(r rune) bool { return r <= ' ' || r > '~' || r == '\'' || r == '"' }) {
			return fmt.Errorf("%q is no pattern of images", i)
		}
	}
	return nil
}

// verdictType is the predicate type of a verdict.
const verdictType = "https://slsa.dev/verification_summary/v1"

// labels are what a verdict's verifiedLevels must hold.
func labels(want verify.Expect) []string {
	var out []string
	if want.Level != criteria.NoLevel {
		out = append(out, criteria.LevelLabel(want.Level))
	}
	for _, c := range want.Criteria {
		out = append(out, criteria.Label(c))
	}
	return out
}

// resources are the names that are accepted: exact ones, and patterns as regular
// expressions.
func resources(want verify.Expect) (exact, patterns []string) {
	names := want.Resources
	if len(names) == 0 {
		names = []string{want.Resource}
	}
	for _, n := range names {
		if !strings.Contains(n, "*") {
			exact = append(exact, n)
			continue
		}
		patterns = append(patterns, "^"+wildcard.Expression(n)+"$")
	}
	return exact, patterns
}

// digests are the accepted policies by algorithm.
func digests(want verify.Expect) map[string][]string {
	out := make(map[string][]string)
	for _, d := range want.Policies {
		out[d.Algorithm()] = append(out[d.Algorithm()], d.Hex())
	}
	return out
}

// unsaid are the comments that hold for every target.
func unsaid(want verify.Expect) []string {
	out := []string{
		"The newest verdict decides: here any verdict that satisfies the policy does, " +
			"so a release that was withdrawn by a later FAILED is still admitted while the older " +
			"verdict lies in the registry. Delete the older verdict when you withdraw.",
		"An index and every image in it have a verdict: which of them is looked at is the controller's to say.",
	}
	for _, s := range want.Signers {
		if !s.NotBefore.IsZero() || !s.NotAfter.IsZero() {
			out = append(out, fmt.Sprintf("Signer %q: notBefore and notAfter of its key. Take the key out when it is retired.", signerName(s)))
		}
	}
	for _, a := range want.Attestations {
		out = append(out, fmt.Sprintf("attestations: a statement of type %s, its signers and its conditions.", a.PredicateType))
	}
	for _, part := range []struct {
		asked bool
		what  string
	}{
		{want.Provenance != nil, "provenance: who built it, from which source, by which workflow."},
		{want.Source != nil, "source: what was said of the commit that it was built from."},
		{want.SBOM != nil, "sbom: that a bill of materials about it was signed."},
		{want.VEX != nil, "vex: what was said of its vulnerabilities."},
	} {
		if part.asked {
			out = append(out, part.what)
		}
	}
	if want.Threshold > 1 {
		out = append(out, fmt.Sprintf("threshold %d: that different signers made the very same verdict.", want.Threshold))
	}
	return out
}

func signerName(s verify.Signer) string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Identity != "":
		return s.Identity
	case s.IdentityPattern != "":
		return s.IdentityPattern
	}
	return "key"
}

// writer writes YAML line by line.
type writer struct{ strings.Builder }

func (w *writer) line(depth int, format string, args ...any) {
	fmt.Fprintf(w, "%s%s\n", strings.Repeat("  ", depth), fmt.Sprintf(format, args...))
}

// block writes text as a literal block under key.
func (w *writer) block(depth int, key, text string) {
	w.line(depth, "%s: |", key)
	for l := range strings.Lines(strings.TrimSpace(text)) {
		if l = strings.TrimRight(l, "\r\n"); l == "" {
			w.WriteByte('\n')
			continue
		}
		w.line(depth+1, "%s", l)
	}
}

// comment writes text as a comment of at most 80 columns.
func (w *writer) comment(depth int, lead, text string) {
	indent := strings.Repeat("  ", depth) + "# "
	line := indent + lead
	rest := strings.Repeat(" ", len(lead))
	for _, word := range strings.Fields(plain(text)) {
		if len(line)+1+len(word) > 80 && strings.TrimSpace(strings.TrimPrefix(line, indent)) != "" {
			w.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent + rest
		}
		if !strings.HasSuffix(line, " ") {
			line += " "
		}
		line += word
	}
	w.WriteString(strings.TrimRight(line, " ") + "\n")
}

// plain takes out of s what could end a comment.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

// quoted is s as a double-quoted scalar of YAML, of JSON, of Rego and of CEL, which
// agree on everything that is written here.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func list(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = quoted(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// head writes what every translation begins with.
func (w *writer) head(title string, not []string) {
	w.comment(0, "", title+" Written by hallmark from a trust file; write it anew when that changes. "+
		"hallmark-admission needs no translation and asks for all of it.")
	w.line(0, "#")
	w.comment(0, "", "What the trust file asks for and cannot be said here:")
	for _, n := range not {
		w.comment(0, "- ", n)
	}
}

// sorted are the keys of m in their order.
func sorted(m map[string][]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
