package catalogue

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

func score(v float64) *float64 { return &v }

func cvss(method string, v float64) criteria.Severity {
	return criteria.Severity{Method: method, Score: score(v)}
}

func word(w string) criteria.Severity { return criteria.Severity{Method: "label", Value: w} }

func flaw(id string, s []criteria.Severity, aliases ...string) criteria.Vulnerability {
	return criteria.Vulnerability{
		ID: id, Aliases: aliases, Severities: s, FixedIn: []string{"2"},
		Package: criteria.Package{Name: "example.com/lib", Version: "v1.0.0", PURL: "pkg:golang/example.com/lib@v1.0.0"},
	}
}

// scan is a sound report of v.
func scan(v ...criteria.Vulnerability) criteria.Evidence {
	return criteria.Evidence{Name: "scan", Facts: criteria.Facts{Vulnerabilities: &criteria.Vulnerabilities{
		Packages: 5, Database: criteria.Database{Updated: componentsNow.Add(-time.Hour)}, Items: v,
	}}}
}

func kevOf(age time.Duration, ids ...string) criteria.Evidence {
	return criteria.Evidence{Name: "kev", Facts: criteria.Facts{Time: componentsNow.Add(-age), Exploited: &criteria.Exploited{IDs: ids}}}
}

func epssOf(age time.Duration, scores map[string]float64) criteria.Evidence {
	return criteria.Evidence{Name: "epss", Facts: criteria.Facts{Time: componentsNow.Add(-age), Prediction: &criteria.Prediction{Scores: scores}}}
}

const (
	basicParams    = `{"failFrom":"critical","maxDatabaseAge":"72h","maxListAge":"14d","exploited":"optional"`
	standardParams = `{"failFrom":"high","maxDatabaseAge":"72h","maxListAge":"14d"`
	advancedParams = `{"failFrom":"medium","maxDatabaseAge":"72h","maxListAge":"14d","epss":0.5`
)

func TestVulnerabilitiesEvaluate(t *testing.T) {
	crit := []criteria.Severity{cvss("CVSS_V3", 9.8)}
	hi := []criteria.Severity{cvss("CVSS_V3", 7.0)}
	mid := []criteria.Severity{cvss("CVSS_V3", 6.9)}
	lib := "pkg:golang/example.com/lib@v1.0.0"
	kev := kevOf(time.Hour, "CVE-2020-9999")
	published := func(v criteria.Vulnerability, ago time.Duration) criteria.Vulnerability {
		v.Published = componentsNow.Add(-ago)
		return v
	}
	unfixed := func(v criteria.Vulnerability) criteria.Vulnerability {
		v.FixedIn = nil
		return v
	}
	withdrawn := func(v criteria.Vulnerability) criteria.Vulnerability {
		v.Withdrawn = true
		return v
	}
	database := func(e criteria.Evidence, updated time.Time) criteria.Evidence {
		e.Facts.Vulnerabilities.Database.Updated = updated
		return e
	}
	packages := func(e criteria.Evidence, n int) criteria.Evidence {
		e.Facts.Vulnerabilities.Packages = n
		return e
	}
	for _, tt := range []struct {
		name, params string
		ev           []criteria.Evidence
		want         criteria.Status
		findings     string
		note         string
	}{
		{name: "clean", params: standardParams, ev: []criteria.Evidence{scan()}, want: criteria.Pass},

		{name: "at the threshold", params: standardParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", hi)), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "below the threshold", params: standardParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", mid)), kev}, want: criteria.Pass, note: "below high: CVE-2024-1 (medium)"},
		{name: "basic asks for critical only", params: basicParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", hi))}, want: criteria.Pass, note: "below critical"},
		{name: "no rating counts as the threshold", params: basicParams, ev: []criteria.Evidence{scan(flaw("GO-2024-1", nil))}, want: criteria.Fail, findings: "fail GO-2024-1 " + lib},
		{name: "an unknown word counts as the threshold", params: basicParams, ev: []criteria.Evidence{scan(flaw("GO-2024-1", []criteria.Severity{word("UNKNOWN")}))}, want: criteria.Fail, findings: "fail GO-2024-1 " + lib},
		{name: "a vector that cannot be read counts as the threshold", params: basicParams, ev: []criteria.Evidence{scan(flaw("GO-2024-1", []criteria.Severity{{Method: "CVSS_V3", Value: "CVSS:3.1/nonsense"}}))}, want: criteria.Fail, findings: "fail GO-2024-1 " + lib},

		// One vulnerability under two names, one of them without a rating: an
		// ignored or unrated name must not hide the other's severity.
		{name: "alias carries the severity", params: standardParams, ev: []criteria.Evidence{scan(flaw("GO-2024-1", nil, "CVE-2024-1"), flaw("GHSA-x", crit, "CVE-2024-1")), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "alias rated below", params: standardParams, ev: []criteria.Evidence{scan(flaw("GO-2024-1", nil, "CVE-2024-1"), flaw("GHSA-x", mid, "CVE-2024-1")), kev}, want: criteria.Pass},
		{name: "aliases across scanners", params: standardParams, ev: []criteria.Evidence{scan(flaw("GO-2024-1", nil, "CVE-2024-1")), scan(flaw("CVE-2024-1", mid)), kev}, want: criteria.Pass},
		{name: "aliases through a third", params: standardParams, ev: []criteria.Evidence{scan(flaw("A", nil, "B"), flaw("C", crit, "B"), flaw("D", mid, "C")), kev}, want: criteria.Fail, findings: "fail A " + lib},

		{name: "withdrawn", params: standardParams, ev: []criteria.Evidence{scan(withdrawn(flaw("CVE-2024-1", crit))), kev}, want: criteria.Pass, note: "1 withdrawn"},
		{name: "withdrawn, alias stands", params: standardParams, ev: []criteria.Evidence{scan(withdrawn(flaw("CVE-2024-1", crit)), flaw("GHSA-x", crit, "CVE-2024-1")), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},

		{name: "empty scan", params: standardParams, ev: []criteria.Evidence{packages(scan(), 0)}, want: criteria.Unknown, findings: "unknown unsound-scan scan never"},
		{name: "uncounted scan without findings", params: standardParams, ev: []criteria.Evidence{packages(scan(), -1)}, want: criteria.Unknown, findings: "unknown unsound-scan scan never"},
		{name: "uncounted scan accepted", params: standardParams + `,"uncounted":"accept"`, ev: []criteria.Evidence{packages(scan(), -1)}, want: criteria.Pass},
		{name: "uncounted scan with findings", params: standardParams, ev: []criteria.Evidence{packages(scan(flaw("CVE-2024-1", mid)), -1), kev}, want: criteria.Pass},
		{name: "what an unsound scan found counts", params: standardParams, ev: []criteria.Evidence{database(scan(flaw("CVE-2024-1", crit)), time.Time{}), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib + "\nunknown unsound-scan scan never"},
		{name: "no database time", params: standardParams, ev: []criteria.Evidence{database(scan(), time.Time{})}, want: criteria.Unknown, findings: "unknown unsound-scan scan never"},
		{name: "old database", params: standardParams, ev: []criteria.Evidence{database(scan(), componentsNow.Add(-73*time.Hour))}, want: criteria.Unknown, findings: "unknown unsound-scan scan never"},
		{name: "database at the limit", params: standardParams, ev: []criteria.Evidence{database(scan(), componentsNow.Add(-72*time.Hour))}, want: criteria.Pass},
		{name: "database from the future", params: standardParams, ev: []criteria.Evidence{database(scan(), componentsNow.Add(time.Hour))}, want: criteria.Unknown, findings: "unknown unsound-scan scan never"},
		{name: "a sound scan beside an empty one", params: standardParams, ev: []criteria.Evidence{scan(), packages(scan(), 0)}, want: criteria.Pass, note: "looked at no package"},

		{name: "exploited, below the threshold", params: basicParams, ev: []criteria.Evidence{scan(flaw("GHSA-x", mid, "CVE-2020-9999")), kev}, want: criteria.Fail, findings: "fail CVE-2020-9999 " + lib + " never"},
		{name: "exploited says an old list", params: standardParams, ev: []criteria.Evidence{scan(flaw("CVE-2020-9999", mid)), kevOf(1000*time.Hour, "CVE-2020-9999")}, want: criteria.Fail, findings: "fail CVE-2020-9999 " + lib + " never"},
		{name: "exploited, no leeway", params: standardParams + `,"leeway":{"high":"30d"}`, ev: []criteria.Evidence{scan(published(flaw("CVE-2020-9999", hi), time.Hour)), kev}, want: criteria.Fail, findings: "fail CVE-2020-9999 " + lib + " never"},
		{name: "no list of exploited ones", params: standardParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", mid))}, want: criteria.Unknown, findings: "unknown no-exploited-list"},
		{name: "old list of exploited ones", params: standardParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", mid)), kevOf(15 * 24 * time.Hour)}, want: criteria.Unknown, findings: "unknown no-exploited-list"},
		{name: "what has no CVE id cannot be on the list", params: standardParams, ev: []criteria.Evidence{scan(flaw("GHSA-x", mid))}, want: criteria.Pass},

		{name: "likely to be exploited", params: advancedParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", []criteria.Severity{word("low")})), kev, epssOf(time.Hour, map[string]float64{"CVE-2024-1": 0.5})}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "unlikely to be exploited", params: advancedParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", []criteria.Severity{word("low")})), kev, epssOf(time.Hour, map[string]float64{"CVE-2024-1": 0.49})}, want: criteria.Pass},
		{name: "not predicted yet", params: advancedParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", []criteria.Severity{word("low")})), kev, epssOf(time.Hour, map[string]float64{"CVE-2024-2": 0.1})}, want: criteria.Warn, findings: "warn CVE-2024-1 " + lib},
		{name: "no list of predictions", params: advancedParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", []criteria.Severity{word("low")})), kev}, want: criteria.Unknown, findings: "unknown no-prediction-list"},
		{name: "old list of predictions that says likely", params: advancedParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", []criteria.Severity{word("low")})), kev, epssOf(900*time.Hour, map[string]float64{"CVE-2024-1": 0.9})}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "predictions are not looked at without a limit", params: standardParams, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", mid)), kev, epssOf(time.Hour, map[string]float64{"CVE-2024-1": 0.9})}, want: criteria.Pass},

		{name: "within leeway", params: standardParams + `,"leeway":{"high":"7d"}`, ev: []criteria.Evidence{scan(published(flaw("CVE-2024-1", hi), 6*24*time.Hour)), kev}, want: criteria.Warn, findings: "warn CVE-2024-1 " + lib},
		{name: "leeway is over", params: standardParams + `,"leeway":{"high":"7d"}`, ev: []criteria.Evidence{scan(published(flaw("CVE-2024-1", hi), 7*24*time.Hour)), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "leeway runs from the first disclosure", params: standardParams + `,"leeway":{"high":"7d"}`, ev: []criteria.Evidence{scan(published(flaw("CVE-2024-1", hi), time.Hour), published(flaw("GHSA-x", nil, "CVE-2024-1"), 400*time.Hour)), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "leeway is for its rating", params: standardParams + `,"leeway":{"high":"7d"}`, ev: []criteria.Evidence{scan(published(flaw("CVE-2024-1", crit), time.Hour)), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "no leeway without a date", params: standardParams + `,"leeway":{"high":"7d"}`, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", hi)), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "no leeway without a rating", params: standardParams + `,"leeway":{"critical":"7d","high":"7d"}`, ev: []criteria.Evidence{scan(published(flaw("CVE-2024-1", nil), time.Hour)), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},

		{name: "unfixed fails", params: standardParams, ev: []criteria.Evidence{scan(unfixed(flaw("CVE-2024-1", hi))), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
		{name: "unfixed warns where the policy says so", params: standardParams + `,"unfixed":"warn"`, ev: []criteria.Evidence{scan(unfixed(flaw("CVE-2024-1", hi))), kev}, want: criteria.Warn, findings: "warn CVE-2024-1 " + lib},
		{name: "fixed fails all the same", params: standardParams + `,"unfixed":"warn"`, ev: []criteria.Evidence{scan(flaw("CVE-2024-1", hi)), kev}, want: criteria.Fail, findings: "fail CVE-2024-1 " + lib},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newCriterion(t, vulnerabilities, tt.params+"}").Evaluate(componentsInput(t, tt.ev...))
			if o.Status != tt.want || writeFindings(o) != tt.findings {
				t.Errorf("Evaluate = %s (%s)\n%s\nwant %s\n%s", o.Status, o.Reason, writeFindings(o), tt.want, tt.findings)
			}
			if tt.note != "" && !strings.Contains(strings.Join(o.Notes, "\n"), tt.note) {
				t.Errorf("notes %q, want one with %q", o.Notes, tt.note)
			}
			// The order of reports must not matter.
			slices.Reverse(tt.ev)
			if again := newCriterion(t, vulnerabilities, tt.params+"}").Evaluate(componentsInput(t, tt.ev...)); writeFindings(again) != writeFindings(o) || again.Status != o.Status {
				t.Errorf("in another order: %s\n%s\nwant %s\n%s", again.Status, writeFindings(again), o.Status, writeFindings(o))
			}
		})
	}
}

func TestVulnerabilitiesParams(t *testing.T) {
	for _, tt := range []struct{ params, key string }{
		{`{}`, "failFrom"},
		{`{"failFrom":"severe"}`, "failFrom"},
		{`{"failFrom":"high"}`, "maxDatabaseAge"},
		{`{"failFrom":"high","maxDatabaseAge":"72h"}`, "maxListAge"},
		{standardParams + `,"epss":0}`, "epss"},
		{standardParams + `,"epss":1.1}`, "epss"},
		{standardParams + `,"exploited":"no"}`, "exploited"},
		{standardParams + `,"unfixed":"pass"}`, "unfixed"},
		{standardParams + `,"uncounted":"pass"}`, "uncounted"},
		{standardParams + `,"leeway":{"unknown":"7d"}}`, "leeway"},
		{standardParams + `,"vexAuthors":[""]}`, "vexAuthors"},
		{standardParams + `,"treshold":"high"}`, "treshold"},
	} {
		_, err := vulnerabilities.New([]byte(tt.params))
		var pe *criteria.ParamError
		if !errors.As(err, &pe) || pe.Key != tt.key {
			t.Errorf("New(%s) = %v, want an error about %s", tt.params, err, tt.key)
		}
	}
}

// The engine, not the criterion, keeps KEV from being waived and old reports
// from counting; this shows that the criterion gives it what it needs.
func TestVulnerabilitiesPolicy(t *testing.T) {
	waiver := func(finding string) string {
		return "waivers:\n- {id: W1, criterion: vulnerabilities, finding: " + finding + ", where: 'pkg:golang/example.com/lib', reason: r, owner: o, requester: a, approver: b, created: 2026-11-01T00:00:00Z, expires: 2026-12-31T00:00:00Z}\n"
	}
	about := func(e criteria.Evidence, age time.Duration) criteria.Evidence {
		e.Gives, e.About, e.Format = []criteria.Fact{criteria.FactVulnerabilities}, []criteria.Digest{linuxDigest, darwinDigest}, "osv-scanner"
		e.Digest, e.Time = criteria.DigestOf([]byte(e.Name)), componentsNow.Add(-age)
		return e
	}
	kev := kevOf(time.Hour, "CVE-2020-9999")
	kev.Gives, kev.Digest, kev.Time = []criteria.Fact{criteria.FactExploited}, criteria.DigestOf([]byte("kev")), kev.Facts.Time
	crit := []criteria.Severity{cvss("CVSS_V3", 9.8)}
	for _, tt := range []struct {
		name, policy string
		ev           []criteria.Evidence
		want         criteria.Status
	}{
		{"waived by an alias", waiver("GHSA-x"), []criteria.Evidence{about(scan(flaw("GHSA-x", crit, "CVE-2024-1")), time.Hour), kev}, criteria.Waived},
		{"known to be exploited cannot be waived", waiver("CVE-2020-9999"), []criteria.Evidence{about(scan(flaw("CVE-2020-9999", crit)), time.Hour), kev}, criteria.Fail},
		{"stale scan", "", []criteria.Evidence{about(scan(), 73*time.Hour), kev}, criteria.Unknown},
		{"fresh scan", "", []criteria.Evidence{about(scan(), 71*time.Hour), kev}, criteria.Pass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := mustPolicy(t, "profile: standard\n"+tt.policy).Evaluate(componentsRelease(t), tt.ev, componentsNow)
			for _, j := range d.Judgements {
				if j.Criterion == "vulnerabilities" && j.Status != tt.want {
					t.Errorf("%s of %s = %s (%s) %v, want %s", j.Criterion, j.Subject.Name, j.Status, j.Reason, j.Notes, tt.want)
				}
			}
		})
	}
}
