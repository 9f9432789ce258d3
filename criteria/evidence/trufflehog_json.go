package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// trufflehogJSON reads what trufflehog --json writes: one JSON object a line
// (https://github.com/trufflesecurity/trufflehog). The secret itself, in Raw,
// RawV2, Redacted and ExtraData, is never decoded.
//
// A scan that found nothing and one that never ran write the same: nothing.
// What tells them apart is the log, where the last line says that the scan
// finished. So the log has to be kept in the report (2>&1), and a report in
// which that line is missing is not complete.
type trufflehogJSON struct{}

var _ criteria.Format = trufflehogJSON{}

func (trufflehogJSON) Name() string           { return "trufflehog-json" }
func (trufflehogJSON) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactSecrets} }

func (trufflehogJSON) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if errors.Is(err, strict.ErrEmpty) {
		return criteria.Facts{}, fmt.Errorf("%w: keep trufflehog's log in the report (2>&1), so that a clean scan can be told from none", err)
	}
	if err != nil {
		return criteria.Facts{}, err
	}
	scan := &criteria.Scan{Rules: -1}
	finished, failed := false, false
	for i, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var l struct {
			SourceMetadata *struct {
				Data map[string]map[string]any
			}
			DetectorName string
			Verified     bool
			Level        string `json:"level"`
			Msg          string `json:"msg"`
		}
		if err := strict.JSON(line, &l); err != nil {
			return criteria.Facts{}, fmt.Errorf("line %d: %w", i+1, err)
		}
		switch {
		case l.DetectorName != "" && l.SourceMetadata != nil:
			res := criteria.ScanResult{Rule: l.DetectorName, Level: "error", Live: l.Verified}
			for _, source := range slices.Sorted(maps.Keys(l.SourceMetadata.Data)) {
				at := l.SourceMetadata.Data[source]
				res.Path, _ = at["file"].(string)
				res.Commit, _ = at["commit"].(string)
				if n, ok := at["line"].(float64); ok && n >= 0 && n < 1<<31 {
					res.Line = int(n)
				}
				if source == "Filesystem" {
					scan.Range = "tree"
				}
			}
			// trufflehog has no fingerprint: this is gitleaks' way to make one.
			res.Fingerprint = fmt.Sprintf("%s:%s:%d", res.Path, res.Rule, res.Line)
			if res.Commit != "" {
				res.Fingerprint = res.Commit + ":" + res.Fingerprint
			}
			scan.Results = append(scan.Results, res)
		case l.DetectorName == "" && l.Level != "" && l.Msg != "":
			finished = finished || l.Msg == "finished scanning"
			failed = failed || l.Level == "error" || l.Level == "fatal"
		default:
			return criteria.Facts{}, fmt.Errorf("line %d is neither a finding nor a log line of trufflehog", i+1)
		}
	}
	scan.Complete = finished && !failed
	return criteria.Facts{Tool: criteria.Tool{Name: "trufflehog"}, Secrets: scan}, nil
}
