package attest

import (
	"strconv"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/package-url/packageurl-go"
)

// vulnerabilities is the predicate of an in-toto vulnerability report
// (https://github.com/in-toto/attestation/blob/v1.2.0/spec/predicates/vulns_02.md).
type vulnerabilities struct {
	Scanner  scanner `json:"scanner"`
	Metadata struct {
		Started  string `json:"scanStartedOn"`
		Finished string `json:"scanFinishedOn"`
	} `json:"metadata"`
}

type scanner struct {
	URI     string `json:"uri"`
	Version string `json:"version,omitempty"`
	DB      struct {
		URI        string `json:"uri,omitempty"`
		Version    string `json:"version,omitempty"`
		LastUpdate string `json:"lastUpdate"`
	} `json:"db"`
	Result []vulnerability `json:"result"`
}

type vulnerability struct {
	ID          string       `json:"id"`
	Severity    []severity   `json:"severity"`
	Annotations []annotation `json:"annotations,omitempty"`
}

type severity struct {
	Method string `json:"method"`
	Score  string `json:"score"`
}

// annotation says where a vulnerability is: the specification has no field for
// the package.
type annotation struct {
	Package   string   `json:"package,omitempty"`
	Aliases   []string `json:"aliases,omitempty"`
	FixedIn   []string `json:"fixedIn,omitempty"`
	Withdrawn bool     `json:"withdrawn,omitempty"`
}

// vulnerabilities attests a scan. Where the report does not say what the
// specification requires - which scanner, when, and how old its database was -
// nothing is made up: the report is attested by reference. So is one that says
// too much.
func (m *maker) vulnerabilities(e criteria.Evidence, about []criteria.Subject) error {
	found := e.Facts.Vulnerabilities
	if len(about) == 0 {
		return nil
	}
	if e.Facts.Tool.Name == "" || found.Database.Updated.IsZero() || e.Time.IsZero() {
		return m.reference("vulns", e, about)
	}
	var v vulnerabilities
	tool := e.Facts.Tool
	v.Scanner.URI = packageurl.NewPackageURL(packageurl.TypeGeneric, "", tool.Name, tool.Version, nil, "").ToString()
	v.Scanner.Version = tool.Version
	v.Scanner.DB.URI = public(found.Database.URI)
	v.Scanner.DB.Version = found.Database.Version
	v.Scanner.DB.LastUpdate = found.Database.Updated.UTC().Format(time.RFC3339)
	v.Scanner.Result = []vulnerability{}
	for _, item := range found.Items {
		one := vulnerability{ID: item.ID, Severity: []severity{}}
		for _, s := range item.Severities {
			one.Severity = append(one.Severity, severity{s.Method, s.Value})
			if s.Score != nil {
				one.Severity = append(one.Severity, severity{"cvss_score", strconv.FormatFloat(*s.Score, 'f', 1, 64)})
			}
		}
		where := item.Package.PURL
		if where == "" {
			where = item.Package.Name
			if item.Package.Version != "" {
				where += "@" + item.Package.Version
			}
		}
		if local(where) {
			where = ""
		}
		one.Annotations = []annotation{{where, item.Aliases, item.FixedIn, item.Withdrawn}}
		v.Scanner.Result = append(v.Scanner.Result, one)
	}
	v.Metadata.Started = e.Time.UTC().Format(time.RFC3339)
	v.Metadata.Finished = v.Metadata.Started
	// The policy's limit is about reports. This is none, and a scanner's own
	// report does not go out in its place, so only what no verifier would take
	// is referred to instead.
	if data, err := encode(v); err != nil {
		return err
	} else if int64(len(data)) > int64(criteria.MaxInlineLimit) {
		return m.reference("vulns", e, about)
	}
	return m.add(stem("vulns", about), VulnerabilitiesType, about, v)
}
