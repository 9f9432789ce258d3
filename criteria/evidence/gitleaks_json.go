package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// gitleaksJSON reads the JSON report of gitleaks
// (https://github.com/gitleaks/gitleaks#reporting). The report holds each
// secret and the line around it; neither is decoded, so neither can be
// published.
//
// An empty list is a clean report. It does not say which rules were applied or
// whether the history was scanned or only the files.
type gitleaksJSON struct{}

var _ criteria.Format = gitleaksJSON{}

func (gitleaksJSON) Name() string           { return "gitleaks-json" }
func (gitleaksJSON) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactSecrets} }

func (gitleaksJSON) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var leaks []struct {
		RuleID      string
		Description string
		StartLine   int
		File        string
		Commit      string
		Fingerprint string
	}
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return criteria.Facts{}, errors.New("is not a gitleaks report: expected a list of findings")
	}
	if err := strict.JSON(data, &leaks); err != nil {
		return criteria.Facts{}, err
	}
	scan := &criteria.Scan{Complete: true, Rules: -1}
	for i, l := range leaks {
		if l.RuleID == "" || l.File == "" && l.Commit == "" {
			return criteria.Facts{}, fmt.Errorf("finding %d is not one of gitleaks: expected RuleID and File", i+1)
		}
		f := l.Fingerprint
		if f == "" {
			f = fmt.Sprintf("%s:%s:%d", l.File, l.RuleID, l.StartLine)
			if l.Commit != "" {
				f = l.Commit + ":" + f
			}
		}
		scan.Results = append(scan.Results, criteria.ScanResult{
			Rule: l.RuleID, Level: "error", Message: brief(l.Description),
			Path: l.File, Line: l.StartLine, Commit: l.Commit, Fingerprint: f,
		})
	}
	return criteria.Facts{Tool: criteria.Tool{Name: "gitleaks"}, Secrets: scan}, nil
}
