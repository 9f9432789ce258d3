package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// threagileRisks reads risks.json, in which Threagile lists what its rules
// found in a model (https://github.com/Threagile/threagile). The list does not
// say what was modelled or when: the model itself does, read as
// threagile-model.
type threagileRisks struct{}

var _ criteria.Format = threagileRisks{}

func (threagileRisks) Name() string           { return "threagile-risks" }
func (threagileRisks) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactThreats} }

func (threagileRisks) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return criteria.Facts{}, errors.New("is not Threagile's risks.json: expected a list of risks")
	}
	var risks []struct {
		Category   string `json:"category"`
		Status     string `json:"risk_status"`
		Severity   string `json:"severity"`
		Likelihood string `json:"exploitation_likelihood"`
		Impact     string `json:"exploitation_impact"`
		Title      string `json:"title"`
		ID         string `json:"synthetic_id"`
	}
	if err := strict.JSON(data, &risks); err != nil {
		return criteria.Facts{}, err
	}
	threats := &criteria.Threats{Modelled: -1, Listed: true}
	seen := make(map[string]bool)
	for i, k := range risks {
		if k.ID == "" || k.Category == "" {
			return criteria.Facts{}, fmt.Errorf("risk %d is not one of Threagile: expected synthetic_id and category", i+1)
		}
		if seen[k.ID] {
			return criteria.Facts{}, fmt.Errorf("risk %s stands twice", k.ID)
		}
		seen[k.ID] = true
		// Threagile leaves out what is the first value of its kind: a risk
		// that is unlikely, of low impact and so of low severity has none.
		if k.Severity == "" && k.Likelihood == "" && k.Impact == "" {
			k.Severity = "low"
		}
		status, err := threagileStatus(firstOf(k.Status, "unchecked"))
		if err != nil {
			return criteria.Facts{}, fmt.Errorf("risk %s: %w", k.ID, err)
		}
		switch k.Severity {
		case "", "low", "medium", "elevated", "high", "critical":
		default:
			return criteria.Facts{}, fmt.Errorf("risk %s: unknown severity %q", k.ID, k.Severity)
		}
		threats.Items = append(threats.Items, criteria.Threat{
			ID: k.ID, Title: plainText(k.Title), Severity: k.Severity, Status: status,
		})
	}
	slices.SortFunc(threats.Items, func(a, b criteria.Threat) int { return strings.Compare(a.ID, b.ID) })
	return criteria.Facts{Tool: criteria.Tool{Name: "Threagile"}, Threats: threats}, nil
}

// threagileStatus maps Threagile's words for what became of a risk. What is
// only being talked about is still open.
func threagileStatus(s string) (string, error) {
	switch s {
	case "unchecked", "in-discussion":
		return "open", nil
	case "in-progress", "accepted", "mitigated":
		return s, nil
	case "false-positive":
		return "not-applicable", nil
	}
	return "", fmt.Errorf("unknown risk_status %q", s)
}

var tags = regexp.MustCompile(`<[^<>]*>`)

// plainText drops the HTML that Threagile and Threat Dragon put into titles.
func plainText(s string) string { return brief(html.UnescapeString(tags.ReplaceAllString(s, ""))) }
