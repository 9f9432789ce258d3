package evidence

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// jacoco reads JaCoCo's XML report
// (https://www.jacoco.org/jacoco/trunk/coverage/report.dtd). Its instructions
// are bytecode, not statements, and are left out.
type jacoco struct{}

var _ criteria.Format = jacoco{}

func (jacoco) Name() string           { return "jacoco" }
func (jacoco) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactCoverage} }

// jacocoNode is a report, or a group in one: a group for each module.
type jacocoNode struct {
	XMLName  xml.Name
	Groups   []jacocoNode    `xml:"group"`
	Packages []jacocoNode    `xml:"package"`
	Counters []jacocoCounter `xml:"counter"`
}

type jacocoCounter struct {
	Type    string `xml:"type,attr"`
	Missed  int64  `xml:"missed,attr"`
	Covered int64  `xml:"covered,attr"`
}

func (n jacocoNode) ratio(kind string) (*criteria.Ratio, error) {
	for _, c := range n.Counters {
		if c.Type == kind {
			if c.Missed < 0 || c.Covered < 0 || c.Missed > 1<<40 || c.Covered > 1<<40 {
				return nil, fmt.Errorf("counter %s is out of range", kind)
			}
			return &criteria.Ratio{Covered: c.Covered, Total: c.Covered + c.Missed}, nil
		}
	}
	return nil, nil
}

func (jacoco) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var root jacocoNode
	if err := strict.XML(withoutDoctype(data), &root); err != nil {
		return criteria.Facts{}, err
	}
	if root.XMLName.Local != "report" {
		return criteria.Facts{}, fmt.Errorf("is not a JaCoCo report: the root is %q, expected report", root.XMLName.Local)
	}
	cov := &criteria.Coverage{}
	if cov.Lines, err = root.total("LINE"); err != nil {
		return criteria.Facts{}, err
	}
	if cov.Branches, err = root.total("BRANCH"); err != nil {
		return criteria.Facts{}, err
	}
	if cov.Lines == nil && cov.Branches == nil {
		return criteria.Facts{}, errors.New("counts neither lines nor branches")
	}
	return criteria.Facts{Tool: criteria.Tool{Name: "JaCoCo"}, Coverage: cov}, nil
}

// total returns the node's own counter, which must be the sum of those in it.
func (n jacocoNode) total(kind string) (*criteria.Ratio, error) {
	own, err := n.ratio(kind)
	if err != nil {
		return nil, err
	}
	var sum criteria.Ratio
	for _, inner := range append(n.Groups, n.Packages...) {
		part, err := inner.ratio(kind)
		if len(inner.Groups)+len(inner.Packages) > 0 {
			part, err = inner.total(kind)
		}
		if err != nil {
			return nil, err
		}
		if part != nil {
			sum.Covered += part.Covered
			sum.Total += part.Total
		}
	}
	switch {
	case own == nil && sum.Total == 0:
		return nil, nil
	case own == nil:
		return nil, fmt.Errorf("counter %s of the whole is missing", kind)
	case *own != sum:
		return nil, fmt.Errorf("counter %s says %d of %d, but its parts add up to %d of %d", kind, own.Covered, own.Total, sum.Covered, sum.Total)
	}
	return own, nil
}
