// Package severity says how severe a vulnerability is, from what its records
// give: CVSS vectors, scores and words. Reports, advisories and criteria all ask
// here, so that one vulnerability is as severe wherever it was found.
package severity

import (
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// Rating is how severe a vulnerability is; the zero value is no rating at all.
type Rating int

// The ratings, from none.
const (
	Unrated Rating = iota
	Harmless
	Low
	Medium
	High
	Critical
)

var ratings = [...]string{"of unknown severity", "harmless", "low", "medium", "high", "critical"}

func (r Rating) String() string { return ratings[r] }

// Parse reads one of the four words that people write.
func Parse(s string) (Rating, error) {
	for r := Low; r <= Critical; r++ {
		if s == ratings[r] {
			return r, nil
		}
	}
	return Unrated, fmt.Errorf("is %q, expected critical, high, medium or low", s)
}

// rate returns the rating of a CVSS score: the qualitative scale of
// https://www.first.org/cvss/v3.1/specification-document#Qualitative-Severity-Rating-Scale,
// which 4.0 keeps. 2.0 has no critical; its scores are put on the same scale.
func rate(score float64) Rating {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	case score > 0:
		return Low
	}
	return Harmless
}

// rateWord returns the rating that a database's word stands for.
func rateWord(word string) Rating {
	switch strings.ToLower(word) {
	case "critical":
		return Critical
	case "high", "important":
		return High
	case "medium", "moderate":
		return Medium
	case "low", "minor", "negligible":
		return Low
	case "none":
		return Harmless
	}
	return Unrated
}

// Of returns the rating of one record. CVSS 4 comes before 3, 3 before 2, and a
// word counts only where no score can be had; among several of the best method
// the highest decides.
func Of(list []criteria.Severity) Rating {
	for _, method := range []string{MethodV4, MethodV3, MethodV2} {
		worst := Unrated
		for _, s := range list {
			if s.Method == method && s.Score != nil {
				worst = max(worst, rate(*s.Score))
			}
		}
		if worst != Unrated {
			return worst
		}
	}
	worst := Unrated
	for _, s := range list {
		if s.Method == MethodLabel {
			worst = max(worst, rateWord(s.Value))
		}
	}
	return worst
}
