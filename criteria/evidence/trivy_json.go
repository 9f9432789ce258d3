package evidence

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/severity"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// trivyJSON reads the JSON of trivy, schema version 2 (trivy --format json). It
// counts packages only where they are listed (--list-all-pkgs). The report does
// not say how old its database was. Metadata.ImageID is the digest of an
// image's configuration, not of what a registry serves, and names no subject.
type trivyJSON struct{}

func (trivyJSON) Name() string           { return "trivy-json" }
func (trivyJSON) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactVulnerabilities} }

type trivyReport struct {
	SchemaVersion int `json:"SchemaVersion"`
	Trivy         struct {
		Version string `json:"Version"`
	} `json:"Trivy"`
	CreatedAt    time.Time `json:"CreatedAt"`
	ArtifactName string    `json:"ArtifactName"`
	ArtifactType string    `json:"ArtifactType"`
	Metadata     struct {
		RepoDigests []string `json:"RepoDigests"`
	} `json:"Metadata"`
	Results []struct {
		Type     string `json:"Type"`
		Packages []struct {
			Name string `json:"Name"`
		} `json:"Packages"`
		Vulnerabilities []trivyVulnerability `json:"Vulnerabilities"`
		// What trivy's own ignore file or VEX hid, listed with
		// --show-suppressed.
		Modified []struct {
			Type    string             `json:"Type"`
			Finding trivyVulnerability `json:"Finding"`
		} `json:"ExperimentalModifiedFindings"`
	} `json:"Results"`
}

type trivyVulnerability struct {
	ID         string   `json:"VulnerabilityID"`
	VendorIDs  []string `json:"VendorIDs"`
	Name       string   `json:"PkgName"`
	Identifier struct {
		PURL string `json:"PURL"`
	} `json:"PkgIdentifier"`
	Installed string    `json:"InstalledVersion"`
	Fixed     string    `json:"FixedVersion"`
	Title     string    `json:"Title"`
	Severity  string    `json:"Severity"`
	Source    string    `json:"SeveritySource"`
	Published time.Time `json:"PublishedDate"`
	CVSS      map[string]struct {
		V2  string `json:"V2Vector"`
		V3  string `json:"V3Vector"`
		V40 string `json:"V40Vector"`
	} `json:"CVSS"`
}

func (trivyJSON) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var report trivyReport
	if err := strict.JSON(data, &report); err != nil {
		return criteria.Facts{}, err
	}
	if report.SchemaVersion != 2 || report.ArtifactName == "" || report.ArtifactType == "" {
		return criteria.Facts{}, errors.New("is no report of trivy: expected SchemaVersion 2, ArtifactName and ArtifactType")
	}
	out := &criteria.Vulnerabilities{Packages: -1}
	f := criteria.Facts{
		Tool:            criteria.Tool{Name: "trivy", Version: report.Trivy.Version},
		Time:            report.CreatedAt,
		Vulnerabilities: out,
	}
	for _, s := range report.Metadata.RepoDigests {
		if d, ok := repoDigest(s); ok {
			f.Subjects = append(f.Subjects, d)
		}
	}
	f.Subjects = unique(f.Subjects)
	for _, result := range report.Results {
		if n := len(result.Packages); n > 0 {
			out.Packages = max(out.Packages, 0) + n
		}
		list := result.Vulnerabilities
		for _, m := range result.Modified {
			if m.Type == "vulnerability" {
				list = append(list, m.Finding)
			}
		}
		for i := range list {
			v, err := list[i].vulnerability(result.Type)
			if err != nil {
				return criteria.Facts{}, err
			}
			out.Items = append(out.Items, v)
		}
	}
	return f, nil
}

func (t *trivyVulnerability) vulnerability(ecosystem string) (criteria.Vulnerability, error) {
	if t.ID == "" || t.Name == "" {
		return criteria.Vulnerability{}, errors.New("is no report of trivy: a vulnerability lacks its id or the name of its package")
	}
	v := criteria.Vulnerability{
		ID:        t.ID,
		Published: t.Published,
		Summary:   firstLine(t.Title, 200),
		Package:   criteria.Package{Ecosystem: ecosystem, Name: t.Name, Version: t.Installed, PURL: t.Identifier.PURL},
	}
	v.Aliases = unique(t.VendorIDs)
	for _, fixed := range strings.Split(t.Fixed, ",") {
		v.FixedIn = append(v.FixedIn, strings.TrimSpace(fixed))
	}
	v.FixedIn = unique(v.FixedIn)
	for _, source := range slices.Sorted(maps.Keys(t.CVSS)) {
		c := t.CVSS[source]
		for _, value := range []string{c.V40, c.V3, c.V2} {
			if value != "" {
				v.Severities = append(v.Severities, severity.Vector(source, value))
			}
		}
	}
	if t.Severity != "" {
		v.Severities = append(v.Severities, severity.Label(t.Source, t.Severity))
	}
	return v, nil
}
