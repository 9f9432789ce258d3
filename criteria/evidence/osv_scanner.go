package evidence

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/severity"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// osvScanner reads the JSON of osv-scanner 2 (osv-scanner scan --format json).
// The report names neither what bytes it is about, nor when it was made, nor
// how old its database was: the release file has to say. Without
// --all-packages it lists only vulnerable packages, so a clean report without
// it shows nothing that was scanned.
type osvScanner struct{}

func (osvScanner) Name() string           { return "osv-scanner" }
func (osvScanner) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactVulnerabilities} }

type osvReport struct {
	Results *[]struct {
		Packages []struct {
			Package struct {
				Name      string `json:"name"`
				OSName    string `json:"os_package_name"`
				Version   string `json:"version"`
				Ecosystem string `json:"ecosystem"`
				Commit    string `json:"commit"`
			} `json:"package"`
			Vulnerabilities []osvRecord `json:"vulnerabilities"`
			Groups          []struct {
				IDs []string `json:"ids"`
			} `json:"groups"`
		} `json:"packages"`
	} `json:"results"`
}

// osvRecord is a record of the OSV schema, https://ossf.github.io/osv-schema/.
type osvRecord struct {
	ID        string        `json:"id"`
	Aliases   []string      `json:"aliases"`
	Published time.Time     `json:"published"`
	Withdrawn time.Time     `json:"withdrawn"`
	Summary   string        `json:"summary"`
	Severity  []osvSeverity `json:"severity"`
	Affected  []struct {
		Package struct {
			Name      string `json:"name"`
			Ecosystem string `json:"ecosystem"`
		} `json:"package"`
		Severity []osvSeverity `json:"severity"`
		Ranges   []struct {
			Type   string `json:"type"`
			Events []struct {
				Fixed string `json:"fixed"`
			} `json:"events"`
		} `json:"ranges"`
		Specific osvSpecific `json:"ecosystem_specific"`
	} `json:"affected"`
	Specific osvSpecific `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

// osvSpecific is free to each database; some keep a word for the severity there,
// others something else under the same name.
type osvSpecific struct {
	Severity any `json:"severity"`
}

func (osvScanner) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var report osvReport
	if err := strict.JSON(data, &report); err != nil {
		return criteria.Facts{}, err
	}
	if report.Results == nil {
		return criteria.Facts{}, errors.New("is no report of osv-scanner: it has no list of results")
	}
	out := &criteria.Vulnerabilities{}
	type key struct{ ecosystem, name, version, commit string }
	seen := make(map[key]bool)
	for _, source := range *report.Results {
		for _, p := range source.Packages {
			k := key{p.Package.Ecosystem, p.Package.Name, p.Package.Version, p.Package.Commit}
			if k.name == "" && k.commit == "" {
				return criteria.Facts{}, errors.New("is no report of osv-scanner: a package has neither a name nor a commit")
			}
			if !seen[k] {
				seen[k] = true
				out.Packages++
			}
			pkg := criteria.Package{
				Ecosystem: k.ecosystem, Name: k.name, Version: k.version,
				PURL: purl(k.ecosystem, k.name, k.version),
			}
			if pkg.Name == "" {
				pkg.Name, pkg.Version = p.Package.Commit, p.Package.Commit
			}
			known := make(map[string]bool, len(p.Vulnerabilities))
			for i := range p.Vulnerabilities {
				record := &p.Vulnerabilities[i]
				if record.ID == "" {
					return criteria.Facts{}, errors.New("is no report of osv-scanner: a vulnerability has no id")
				}
				known[record.ID] = true
				out.Items = append(out.Items, record.vulnerability(pkg))
			}
			// Readers differ on which of the two lists they go by.
			for _, g := range p.Groups {
				for _, id := range g.IDs {
					if !known[id] {
						return criteria.Facts{}, fmt.Errorf("lists %s in a group of %s and not among its vulnerabilities: it is not whole", id, pkg.Name)
					}
				}
			}
		}
	}
	return criteria.Facts{Tool: criteria.Tool{Name: "osv-scanner"}, Vulnerabilities: out}, nil
}

func (o *osvRecord) vulnerability(pkg criteria.Package) criteria.Vulnerability {
	v := criteria.Vulnerability{
		ID: o.ID, Aliases: o.Aliases, Package: pkg, Published: o.Published, Withdrawn: !o.Withdrawn.IsZero(), Summary: firstLine(o.Summary, 200),
	}
	add := func(list []osvSeverity) {
		for _, s := range list {
			v.Severities = append(v.Severities, severity.Vector("", s.Score))
		}
	}
	word := func(s osvSpecific) {
		if w, ok := s.Severity.(string); ok && w != "" {
			v.Severities = append(v.Severities, severity.Label("", w))
		}
	}
	add(o.Severity)
	for _, a := range o.Affected {
		if a.Package.Name != pkg.Name {
			continue
		}
		add(a.Severity)
		word(a.Specific)
		for _, r := range a.Ranges {
			for _, e := range r.Events {
				if r.Type != "GIT" {
					v.FixedIn = append(v.FixedIn, e.Fixed)
				}
			}
		}
	}
	word(o.Specific)
	v.FixedIn = unique(v.FixedIn)
	return v
}

// firstLine returns the first line of s, at most n bytes of it.
func firstLine(s string, n int) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
