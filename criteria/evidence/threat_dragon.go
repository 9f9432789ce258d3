package evidence

import (
	"fmt"
	"io"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// threatDragon reads the models of OWASP Threat Dragon 2
// (https://www.threatdragon.com/docs/development/schema.html). They name a
// reviewer and no date: when the model was reviewed must be told by the review
// of the change that brought it in.
type threatDragon struct{}

var _ criteria.Format = threatDragon{}

func (threatDragon) Name() string           { return "threat-dragon" }
func (threatDragon) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactThreats} }

type threatDragonModel struct {
	Version string `json:"version"`
	Summary struct {
		Title string `json:"title"`
	} `json:"summary"`
	Detail *struct {
		Reviewer string `json:"reviewer"`
		Diagrams []struct {
			Title string `json:"title"`
			Cells []struct {
				ID   string `json:"id"`
				Data struct {
					Type    string               `json:"type"`
					Name    string               `json:"name"`
					Threats []threatDragonThreat `json:"threats"`
				} `json:"data"`
			} `json:"cells"`
		} `json:"diagrams"`
	} `json:"detail"`
}

type threatDragonThreat struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Status   string `json:"status"`
	Severity string `json:"severity"`
}

func (threatDragon) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var m threatDragonModel
	if err := strict.JSON(data, &m); err != nil {
		return criteria.Facts{}, err
	}
	if !strings.HasPrefix(m.Version, "2.") || m.Detail == nil {
		return criteria.Facts{}, fmt.Errorf("is not a model of Threat Dragon 2: version is %q", m.Version)
	}
	threats := &criteria.Threats{
		Title: brief(m.Summary.Title), Reviewer: brief(m.Detail.Reviewer), Listed: true,
	}
	seen := make(map[string]int)
	for _, d := range m.Detail.Diagrams {
		for _, c := range d.Cells {
			switch c.Data.Type {
			case "tm.Actor", "tm.Process", "tm.Store", "tm.Flow":
				threats.Modelled++
			}
			for _, t := range c.Data.Threats {
				one, err := t.threat(c.Data.Name)
				if err != nil {
					return criteria.Facts{}, fmt.Errorf("diagram %q, %q: %w", d.Title, c.Data.Name, err)
				}
				// Copying an element copies its threats, with their ids.
				if seen[one.ID]++; seen[one.ID] > 1 {
					one.ID = fmt.Sprintf("%s#%d", one.ID, seen[one.ID])
				}
				threats.Items = append(threats.Items, one)
			}
		}
	}
	return criteria.Facts{Tool: criteria.Tool{Name: "Threat Dragon", Version: m.Version}, Threats: threats}, nil
}

func (t threatDragonThreat) threat(element string) (criteria.Threat, error) {
	out := criteria.Threat{ID: firstOf(t.ID, t.Title), Title: plainText(t.Title)}
	if out.ID == "" {
		return out, fmt.Errorf("a threat has neither id nor title")
	}
	if element = brief(element); element != "" {
		out.Title = strings.TrimPrefix(out.Title+" at "+element, " ")
	}
	switch strings.ToLower(t.Status) {
	case "", "open":
		out.Status = "open"
	case "mitigated":
		out.Status = "mitigated"
	case "notapplicable", "not applicable", "n/a":
		out.Status = "not-applicable"
	default:
		return out, fmt.Errorf("threat %s: unknown status %q", out.ID, t.Status)
	}
	switch s := strings.ToLower(t.Severity); s {
	case "low", "medium", "high", "critical":
		out.Severity = s
	case "", "tbd", "undefined":
	default:
		return out, fmt.Errorf("threat %s: unknown severity %q", out.ID, t.Severity)
	}
	return out, nil
}
