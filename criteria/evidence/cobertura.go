package evidence

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// cobertura reads Cobertura's XML, which coverage tools of many languages
// write (https://cobertura.github.io/cobertura/). The lines are counted; rates
// are not read, and totals in attributes must agree with what was counted.
type cobertura struct{}

var _ criteria.Format = cobertura{}

func (cobertura) Name() string           { return "cobertura" }
func (cobertura) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactCoverage} }

type coberturaReport struct {
	XMLName         xml.Name
	Timestamp       string `xml:"timestamp,attr"`
	LinesValid      string `xml:"lines-valid,attr"`
	LinesCovered    string `xml:"lines-covered,attr"`
	BranchesValid   string `xml:"branches-valid,attr"`
	BranchesCovered string `xml:"branches-covered,attr"`
	Classes         []struct {
		File  string `xml:"filename,attr"`
		Lines []struct {
			Number    string `xml:"number,attr"`
			Hits      string `xml:"hits,attr"`
			Branch    string `xml:"branch,attr"`
			Condition string `xml:"condition-coverage,attr"`
		} `xml:"lines>line"`
	} `xml:"packages>package>classes>class"`
}

var coberturaCondition = regexp.MustCompile(`\(([0-9]{1,9})/([0-9]{1,9})\)\s*$`)

func (cobertura) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var rep coberturaReport
	if err := strict.XML(withoutDoctype(data), &rep); err != nil {
		return criteria.Facts{}, err
	}
	if rep.XMLName.Local != "coverage" {
		return criteria.Facts{}, fmt.Errorf("is not a Cobertura report: the root is %q, expected coverage", rep.XMLName.Local)
	}
	// Inner classes and generics make a file's line stand several times. It
	// counts once, as covered where any of them was; tools differ in whether
	// their totals do the same.
	type key struct {
		file string
		line int64
	}
	type line struct {
		hit             bool
		taken, branches int64
	}
	lines := make(map[key]line)
	var raw, rawBranches criteria.Ratio
	for _, c := range rep.Classes {
		if len(c.File) > maxPath {
			return criteria.Facts{}, fmt.Errorf("a file's name has %d bytes, expected at most %d", len(c.File), maxPath)
		}
		for _, l := range c.Lines {
			n, err := strconv.ParseInt(l.Number, 10, 64)
			if err != nil {
				return criteria.Facts{}, fmt.Errorf("%s: line number %q is not a number", c.File, l.Number)
			}
			hits, err := strconv.ParseFloat(l.Hits, 64)
			if err != nil || !(hits >= 0) {
				return criteria.Facts{}, fmt.Errorf("%s:%d: hits %q is not a number", c.File, n, l.Hits)
			}
			k := key{c.File, n}
			one := lines[k]
			one.hit = one.hit || hits > 0
			raw.Total++
			if hits > 0 {
				raw.Covered++
			}
			if m := coberturaCondition.FindStringSubmatch(l.Condition); m != nil {
				taken, _ := strconv.ParseInt(m[1], 10, 64)
				of, _ := strconv.ParseInt(m[2], 10, 64)
				if taken > of {
					return criteria.Facts{}, fmt.Errorf("%s:%d: %d of %d branches taken", c.File, n, taken, of)
				}
				rawBranches.Covered += taken
				rawBranches.Total += of
				one.branches = max(one.branches, of)
				one.taken = max(one.taken, taken)
			}
			lines[k] = one
		}
	}
	var merged, mergedBranches criteria.Ratio
	for _, l := range lines {
		merged.Total++
		if l.hit {
			merged.Covered++
		}
		mergedBranches.Covered += l.taken
		mergedBranches.Total += l.branches
	}
	if !saysRatio(rep.LinesCovered, rep.LinesValid, raw, merged) {
		return criteria.Facts{}, fmt.Errorf("has %s of %s lines covered according to its attributes, but %d of %d in it", rep.LinesCovered, rep.LinesValid, merged.Covered, merged.Total)
	}
	cov := &criteria.Coverage{Lines: &merged}
	// Branch totals are less settled than lines: where they do not add up,
	// only the branches are unknown.
	if mergedBranches.Total > 0 && saysRatio(rep.BranchesCovered, rep.BranchesValid, rawBranches, mergedBranches) {
		cov.Branches = &mergedBranches
	}
	return criteria.Facts{Time: coberturaTime(rep.Timestamp), Coverage: cov}, nil
}

// maxPath is the longest name of a file that is read: no system has longer ones
// (PATH_MAX), and a name stands in the key of each of its lines.
const maxPath = 4096

// saysRatio reports whether the attributes, as far as they are there, are one
// of counts.
func saysRatio(covered, total string, counts ...criteria.Ratio) bool {
	for _, c := range counts {
		if (total == "" || total == strconv.FormatInt(c.Total, 10)) &&
			(covered == "" || covered == strconv.FormatInt(c.Covered, 10)) {
			return true
		}
	}
	return false
}

// coberturaTime reads a timestamp in milliseconds or, as some tools write it,
// in seconds since 1970.
func coberturaTime(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}
	case n < 1e11:
		return time.Unix(n, 0).UTC()
	case n < 1e14:
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}
