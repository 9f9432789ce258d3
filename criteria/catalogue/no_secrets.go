package catalogue

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// What of a repository a secrets scan can have looked at.
const (
	wholeHistory  = "history"
	sincePrevious = "since-previous"
	onlyTree      = "tree"
)

var noSecrets = criteria.Kind{
	Name:     "no-secrets",
	Title:    "The source holds no secrets",
	Doc:      "A finished scan of the history, or of what was added since the previous release, found no secret that the policy does not list as looked at.",
	Practice: criteria.SupplyChain,
	Level:    criteria.Basic,
	Refs:     []string{"SRC-5", "OSPS-BR-07.01", "SSDF PW.7.2"},
	Scope:    criteria.AboutSource,
	Needs:    []criteria.Fact{criteria.FactSecrets},
	New: func(params []byte) (criteria.Criterion, error) {
		var c noSecretsCriterion
		if err := criteria.DecodeParams(params, &c); err != nil {
			return nil, err
		}
		switch c.Range {
		case "", wholeHistory, sincePrevious, onlyTree:
		default:
			return nil, &criteria.ParamError{Key: "range", Msg: fmt.Sprintf("%q is none of %s, %s, %s", c.Range, wholeHistory, sincePrevious, onlyTree)}
		}
		for _, b := range c.Baseline {
			if strings.TrimSpace(b) == "" {
				return nil, &criteria.ParamError{Key: "baseline", Msg: "a fingerprint is empty"}
			}
		}
		return c, nil
	},
}

type noSecretsCriterion struct {
	// Baseline are the fingerprints of findings that somebody looked at and
	// found to be no secrets, or ones that were revoked. As they are kept in
	// .gitleaksignore: COMMIT:PATH:RULE:LINE, or without the commit.
	Baseline []string `json:"baseline"`
	// Range is what the pipeline has scanned, where the report does not say:
	// history, since-previous or tree.
	Range string `json:"range"`
}

func (c noSecretsCriterion) Evaluate(in criteria.Input) criteria.Outcome {
	var findings []criteria.Finding
	var notes []string
	scans, known, suppressed := 0, 0, 0
	listed := c.listed()
	covered := false
	gap, said := "", wholeHistory
	for _, e := range in.Evidence {
		s := e.Facts.Secrets
		if s == nil {
			continue
		}
		scans++
		unknown := func(id, message string) {
			findings = append(findings, criteria.Finding{ID: id, Status: criteria.Unknown, Message: e.Name + " " + message})
		}
		if !s.Complete {
			unknown("incomplete", "does not say that the scan finished")
		}
		if s.Rules == 0 {
			unknown("no-rules", "lists no rule: nothing was looked for")
		}
		how, why := c.covers(s.Range, in.Release)
		switch {
		case why != "":
			if gap == "" {
				gap = e.Name + " " + why
			}
		default:
			covered = true
			said = how
			if s.Range == "" {
				notes = append(notes, fmt.Sprintf("that %s covers %s is the pipeline's word", e.Name, how))
			}
		}
		for _, r := range s.Results {
			switch {
			case r.Live: // never triaged, whoever listed it
			case r.Suppressed:
				suppressed++
				continue
			case r.Baseline == "absent":
				continue
			case triaged(listed, r):
				known++
				continue
			}
			f := criteria.Finding{
				ID: r.Rule, Status: criteria.Fail, Where: whereIs(r),
				Message: r.Message, Fingerprint: r.Fingerprint,
			}
			if f.Message == "" {
				f.Message = "a secret of kind " + r.Rule
			}
			if r.Live {
				f.Severity = "live"
				f.NeverWaive = "the secret was proved to work: revoke it"
			}
			findings = append(findings, f)
		}
	}
	if scans == 0 {
		return criteria.CannotTell("no secrets scan about %s", in.Subject.Name)
	}
	if !covered {
		findings = append(findings, criteria.Finding{ID: "range", Status: criteria.Unknown, Message: gap})
	}
	o := criteria.Conclude(fmt.Sprintf("no secret found in %s", said), findings)
	if known > 0 {
		notes = append(notes, fmt.Sprintf("%d listed in the baseline", known))
	}
	if suppressed > 0 {
		notes = append(notes, fmt.Sprintf("%d suppressed in the report itself", suppressed))
	}
	o.Notes = append(o.Notes, notes...)
	return o
}

// covers says in a reader's words what a scan that reports range looked at, or
// why that is not enough. What was committed once stays in the history though
// it left the tree, so a scan of the tree alone does not answer the question.
func (c noSecretsCriterion) covers(reported string, rel criteria.Release) (how, why string) {
	declared := c.Range
	from, to, span := strings.Cut(reported, "..")
	switch {
	case reported == "" && declared == "":
		return "", "does not say what it scanned: declare it with the parameter range (history, since-previous)"
	case reported == onlyTree, reported == "" && declared == onlyTree:
		return "", "covers only the files as they are now, not the history in which a removed secret stays"
	case reported == wholeHistory, reported == "" && declared == wholeHistory:
		return "the whole history", ""
	case rel.Previous.Digest.IsZero():
		return "", "covers only a part of the history, and no previous release is named from which on that would do"
	case reported == "": // declared since-previous
		return "the commits since " + rel.Previous.Name, ""
	case span && isCommit(from, rel.Previous.Digest) && isCommit(to, rel.Source.Digest):
		return "the commits since " + rel.Previous.Name, ""
	}
	return "", fmt.Sprintf("covers %s, not the commits from the previous release to this one", reported)
}

func isCommit(s string, d criteria.Digest) bool {
	return !d.IsZero() && strings.EqualFold(s, d.Hex())
}

var commitPrefix = regexp.MustCompile(`^[0-9a-fA-F]{7,64}:`)

// listed are the fingerprints of the baseline, each with and without its commit.
func (c noSecretsCriterion) listed() map[string]bool {
	listed := make(map[string]bool, len(c.Baseline))
	for _, b := range c.Baseline {
		b = strings.TrimSpace(b)
		listed[b], listed[commitPrefix.ReplaceAllString(b, "")] = true, true
	}
	return listed
}

// triaged reports whether the baseline lists r. The commit in a fingerprint
// changes whenever history is rewritten, so the rest of it is enough; line
// numbers are part of that rest, and a secret moved is looked at again.
func triaged(listed map[string]bool, r criteria.ScanResult) bool {
	own := map[string]bool{}
	add := func(f string) {
		if f != "" {
			own[f] = true
			own[commitPrefix.ReplaceAllString(f, "")] = true
		}
	}
	add(r.Fingerprint)
	if r.Path != "" {
		add(fmt.Sprintf("%s:%s:%d", r.Path, r.Rule, r.Line))
	}
	for f := range own {
		if listed[f] {
			return true
		}
	}
	return false
}

// whereIs returns "path:line", and the commit where there is no path.
func whereIs(r criteria.ScanResult) string {
	switch {
	case r.Path == "":
		return r.Commit
	case r.Line <= 0:
		return r.Path
	}
	return fmt.Sprintf("%s:%d", r.Path, r.Line)
}
