package catalogue

import (
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// rating is how severe a vulnerability is; unrated is no rating at all.
type rating int

const (
	unrated rating = iota
	harmless
	low
	medium
	high
	critical
)

var ratings = [...]string{"of unknown severity", "harmless", "low", "medium", "high", "critical"}

func (r rating) String() string { return ratings[r] }

// parseRating reads one of the four words that a policy uses.
func parseRating(s string) (rating, error) {
	for r := low; r <= critical; r++ {
		if s == ratings[r] {
			return r, nil
		}
	}
	return unrated, fmt.Errorf("is %q, expected critical, high, medium or low", s)
}

// rate returns the rating of a CVSS score: the qualitative scale of
// https://www.first.org/cvss/v3.1/specification-document#Qualitative-Severity-Rating-Scale,
// which 4.0 keeps. 2.0 has no critical; its scores are put on the same scale.
func rate(score float64) rating {
	switch {
	case score >= 9:
		return critical
	case score >= 7:
		return high
	case score >= 4:
		return medium
	case score > 0:
		return low
	}
	return harmless
}

// rateWord returns the rating that a database's word stands for.
func rateWord(word string) rating {
	switch strings.ToLower(word) {
	case "critical":
		return critical
	case "high", "important":
		return high
	case "medium", "moderate":
		return medium
	case "low", "minor", "negligible":
		return low
	case "none":
		return harmless
	}
	return unrated
}

// severity returns the rating of one record. CVSS 4 comes before 3, 3 before 2,
// and a word counts only where no score can be had; among several of the best
// method the highest decides.
func severity(list []criteria.Severity) rating {
	for _, method := range []string{"CVSS_V4", "CVSS_V3", "CVSS_V2"} {
		worst := unrated
		for _, s := range list {
			if s.Method == method && s.Score != nil {
				worst = max(worst, rate(*s.Score))
			}
		}
		if worst != unrated {
			return worst
		}
	}
	worst := unrated
	for _, s := range list {
		if s.Method == "label" {
			worst = max(worst, rateWord(s.Value))
		}
	}
	return worst
}
