package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// hints say what to do next about a decision that did not pass: which evidence
// nobody named, whose word the policy does not take, where to read more. They
// decide nothing.
func hints(d criteria.Decision) []string {
	kinds, formats := described(), describedFormats()
	var out []string
	say := func(format string, args ...any) {
		if h := fmt.Sprintf(format, args...); !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	var unvouched, roots []string
	undated := false
	explained := ""
	for _, j := range d.Judgements {
		if j.Status.Satisfied() {
			continue
		}
		for _, note := range j.Notes {
			if m := unvouchedNote.FindStringSubmatch(note); m != nil && !slices.Contains(unvouched, m[1]) {
				unvouched = append(unvouched, m[1])
			}
			if m := foreignRootNote.FindStringSubmatch(note); m != nil && !slices.Contains(roots, m[1]) {
				roots = append(roots, m[1])
			}
			undated = undated || strings.Contains(note, "does not say when it was made")
		}
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == j.Criterion })
		if i < 0 {
			continue // one of the policy's own
		}
		if explained == "" {
			explained = j.Criterion
		}
		for _, fact := range kinds[i].Needs {
			given := slices.ContainsFunc(d.Evidence, func(e criteria.Evidence) bool { return slices.Contains(e.Gives, fact) })
			if !given {
				say("there is no %s under evidence in the release file; formats: %s", fact.Title(), formatNames(giving(formats, fact)))
			}
		}
	}
	if len(unvouched) > 0 {
		say("if your pipeline's word on these reports is to count, list under vouched in the policy: %s", strings.Join(unvouched, ", "))
	}
	if len(roots) > 0 {
		say("if signed reports may be verified with it, list its digest in the policy: trustedRoots: [%s]", strings.Join(roots, ", "))
	}
	if undated {
		say("a report that does not say when it was made needs time in the release file, and databaseTime if it is of vulnerabilities")
	}
	if explained != "" {
		say("what is asked, and how to come by the evidence: hallmark criteria %s", explained)
	}
	return out
}

// unvouchedNote finds the format that a policy would have to vouch for.
var unvouchedNote = regexp.MustCompile(`the policy does not take the pipeline's word for format ([a-z0-9-]+)`)

// foreignRootNote finds the trusted root that a policy would have to accept.
var foreignRootNote = regexp.MustCompile(`is verified with a trusted root, (sha256:[0-9a-f]{64}), that the policy does not accept`)
