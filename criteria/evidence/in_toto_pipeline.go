package evidence

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/intoto"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// inTotoPipeline reads an in-toto layout and the links of its steps
// (https://github.com/in-toto/docs/blob/v1.0/in-toto-spec.md, section 4) as
// JSON Lines: the layout first, then the links, one document a line. That is
// how they become one report with one digest:
//
//	jq -c . root.layout *.link > pipeline.jsonl
//
// It is about what the links of the last step say they produced. Nothing is
// verified here; the criterion does that with the keys that the policy names.
type inTotoPipeline struct{}

var _ criteria.Format = inTotoPipeline{}

func (inTotoPipeline) Name() string           { return "in-toto-pipeline" }
func (inTotoPipeline) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactPipeline} }

// maxLinks is far more than the steps of any pipeline times its functionaries.
const maxLinks = 1000

func (inTotoPipeline) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var facts criteria.Facts
	var pipeline criteria.Pipeline
	var last string
	for i, line := range bytes.Split(data, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		at := func(err error) (criteria.Facts, error) {
			return criteria.Facts{}, fmt.Errorf("document on line %d (expected one JSON document a line: the layout, then the links): %w", i+1, err)
		}
		if pipeline.Layout == nil {
			layout, err := intoto.ParseLayout(line)
			if err != nil {
				return at(err)
			}
			pipeline.Layout, last = line, layout.Layout.Steps[len(layout.Layout.Steps)-1].Name
			continue
		}
		if len(pipeline.Links) == maxLinks {
			return at(fmt.Errorf("more than %d links", maxLinks))
		}
		link, err := intoto.ParseLink(line)
		if err != nil {
			return at(err)
		}
		pipeline.Links = append(pipeline.Links, line)
		if link.Link.Name != last {
			continue
		}
		for _, hashes := range link.Link.Products {
			for alg, value := range hashes {
				// Algorithms that a digest does not know name no artifact.
				if d, err := criteria.ParseDigest(alg + ":" + strings.ToLower(value)); err == nil && d.Algorithm() != "gitCommit" {
					facts.Subjects = append(facts.Subjects, d)
				}
			}
		}
	}
	if len(pipeline.Links) == 0 {
		return criteria.Facts{}, fmt.Errorf("holds a layout without links")
	}
	slices.SortFunc(facts.Subjects, func(a, b criteria.Digest) int { return strings.Compare(a.String(), b.String()) })
	facts.Subjects = slices.Compact(facts.Subjects)
	facts.Pipeline = &pipeline
	return facts, nil
}
