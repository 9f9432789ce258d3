package severity

import (
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"
)

// The methods of a severity, in the words of the OSV schema, and "label" for a
// word such as HIGH.
const (
	MethodV2    = "CVSS_V2"
	MethodV3    = "CVSS_V3"
	MethodV4    = "CVSS_V4"
	MethodLabel = "label"
)

// Vector returns the severity that a CVSS vector gives. What the vector says
// decides its method, not the place where a report put it. A vector that cannot
// be read has no score: it is unknown, never harmless.
func Vector(source, value string) criteria.Severity {
	value = strings.TrimSpace(value)
	s := criteria.Severity{Source: source, Value: value}
	var score float64
	var err error
	switch {
	case strings.HasPrefix(value, "CVSS:4.0/"):
		s.Method = MethodV4
		var v *gocvss40.CVSS40
		if v, err = gocvss40.ParseVector(value); err == nil {
			score = v.Score()
		}
	case strings.HasPrefix(value, "CVSS:3.1/"):
		s.Method = MethodV3
		var v *gocvss31.CVSS31
		if v, err = gocvss31.ParseVector(value); err == nil {
			score = v.BaseScore()
		}
	case strings.HasPrefix(value, "CVSS:3.0/"):
		s.Method = MethodV3
		var v *gocvss30.CVSS30
		if v, err = gocvss30.ParseVector(value); err == nil {
			score = v.BaseScore()
		}
	case strings.HasPrefix(value, "AV:"), strings.HasPrefix(value, "("):
		s.Method = MethodV2
		var v *gocvss20.CVSS20
		if v, err = gocvss20.ParseVector(strings.Trim(value, "()")); err == nil {
			score = v.BaseScore()
		}
	default:
		s.Method = MethodLabel
		return s
	}
	if err == nil {
		s.Score = &score
	}
	return s
}

// Label returns the severity that a word gives.
func Label(source, value string) criteria.Severity {
	return criteria.Severity{Method: MethodLabel, Source: source, Value: strings.TrimSpace(value)}
}
