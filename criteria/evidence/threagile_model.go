package evidence

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// threagileModel reads the model that people write for Threagile
// (https://github.com/Threagile/threagile, schema.json): what is modelled, by
// whom and as of when. Which risks it has, only Threagile says, in the report
// read as threagile-risks.
//
// Of the model's keys few are looked at, and the others are not checked:
// Threagile does that when it makes its report.
type threagileModel struct{}

var _ criteria.Format = threagileModel{}

func (threagileModel) Name() string           { return "threagile-model" }
func (threagileModel) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactThreats} }

func (threagileModel) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxConfig)
	if err != nil {
		return criteria.Facts{}, err
	}
	root, err := strict.Parse("", data)
	if err != nil {
		return criteria.Facts{}, err
	}
	version := scalar(lookup(root, "threagile_version"))
	assets := lookup(root, "technical_assets")
	switch {
	case root.Kind != yaml.MappingNode || version == "":
		return criteria.Facts{}, errors.New("is not a Threagile model: threagile_version is missing")
	case lookup(root, "includes") != nil:
		// Its parts may hold anything, its date included.
		return criteria.Facts{}, errors.New("includes other files: give the model in one")
	case assets != nil && assets.Kind != yaml.MappingNode && assets.Tag != "!!null":
		return criteria.Facts{}, faultAt(assets, "technical_assets: expected keys and values")
	}
	threats := &criteria.Threats{Title: brief(scalar(lookup(root, "title")))}
	if assets != nil {
		threats.Modelled = len(assets.Content) / 2
	}
	if author := lookup(root, "author"); author != nil {
		threats.Reviewer = brief(scalar(lookup(author, "name")))
	}
	if n := lookup(root, "date"); n != nil && n.Tag != "!!null" {
		t, err := time.Parse(time.DateOnly, scalar(n))
		if err != nil {
			return criteria.Facts{}, faultAt(n, fmt.Sprintf("date %q is not a day such as 2026-11-22", scalar(n)))
		}
		threats.Reviewed = t
	}
	return criteria.Facts{Tool: criteria.Tool{Name: "Threagile", Version: version}, Threats: threats}, nil
}

// lookup returns the value of key in n, nil where there is none.
func lookup(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func faultAt(n *yaml.Node, msg string) error {
	return &strict.Error{Line: n.Line, Column: n.Column, Msg: msg}
}
