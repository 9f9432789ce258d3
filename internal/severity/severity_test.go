package severity_test

import (
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/deptest"
	"github.com/hallmark-project/hallmark/internal/severity"
)

func cvss(method string, score float64) criteria.Severity {
	return criteria.Severity{Method: method, Score: &score}
}

func word(w string) criteria.Severity { return criteria.Severity{Method: "label", Value: w} }

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		list []criteria.Severity
		want severity.Rating
	}{
		{"nothing", nil, severity.Unrated},
		{"version 4 before 3", []criteria.Severity{cvss("CVSS_V3", 9.8), cvss("CVSS_V4", 6.3)}, severity.Medium},
		{"version 3 before 2", []criteria.Severity{cvss("CVSS_V2", 10), cvss("CVSS_V3", 3.1)}, severity.Low},
		{"a score before a word", []criteria.Severity{word("CRITICAL"), cvss("CVSS_V2", 5)}, severity.Medium},
		{"a word where the score cannot be read", []criteria.Severity{{Method: "CVSS_V4", Value: "?"}, word("HIGH")}, severity.High},
		{"the highest of one method", []criteria.Severity{cvss("CVSS_V3", 4), cvss("CVSS_V3", 9)}, severity.Critical},
		{"no impact at all", []criteria.Severity{cvss("CVSS_V3", 0)}, severity.Harmless},
		{"moderate is medium", []criteria.Severity{word("Moderate")}, severity.Medium},
		{"a word of another kind", []criteria.Severity{word("urgent")}, severity.Unrated},
	} {
		if got := severity.Of(tt.list); got != tt.want {
			t.Errorf("%s: Of = %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestVector(t *testing.T) {
	for _, tt := range []struct {
		value, method string
		want          float64 // -1: none
	}{
		{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "CVSS_V4", 9.3},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS_V3", 9.8},
		{"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "CVSS_V3", 7.5},
		{"AV:N/AC:L/Au:N/C:P/I:P/A:P", "CVSS_V2", 7.5},
		{"(AV:N/AC:L/Au:N/C:P/I:P/A:P)", "CVSS_V2", 7.5},
		{"CVSS:3.1/AV:N", "CVSS_V3", -1},
		{"CVSS:4.0/nonsense", "CVSS_V4", -1},
		{"High", "label", -1},
		{"", "label", -1},
	} {
		got := severity.Vector("", tt.value)
		if got.Method != tt.method || (got.Score == nil) != (tt.want < 0) || (got.Score != nil && *got.Score != tt.want) {
			t.Errorf("Vector(%q) = %+v, want %s %v", tt.value, got, tt.method, tt.want)
		}
	}
}

// What decides between yes and no asks nothing outside.
func TestImports(t *testing.T) {
	deptest.MayImportOnly(t, "criteria", "internal/strict")
	deptest.MustNotImport(t, "os", "net")
}
