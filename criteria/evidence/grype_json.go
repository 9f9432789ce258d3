package evidence

import (
	"errors"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/severity"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// grypeJSON reads the JSON of grype (grype -o json). It lists matches, not the
// packages that were looked at, so the number of packages is unknown. Matches
// that grype's own configuration or VEX made it ignore are read like the
// others: what is excepted is said in the policy.
type grypeJSON struct{}

func (grypeJSON) Name() string           { return "grype-json" }
func (grypeJSON) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactVulnerabilities} }

type grypeReport struct {
	Matches *[]grypeMatch `json:"matches"`
	Ignored []grypeMatch  `json:"ignoredMatches"`
	Source  *struct {
		Type   string         `json:"type"`
		Target jsontext.Value `json:"target"`
	} `json:"source"`
	Descriptor struct {
		Name      string    `json:"name"`
		Version   string    `json:"version"`
		Timestamp time.Time `json:"timestamp"`
		DB        struct {
			grypeDatabase                // before 0.88
			Status        *grypeDatabase `json:"status"`
		} `json:"db"`
	} `json:"descriptor"`
}

type grypeDatabase struct {
	SchemaVersion any       `json:"schemaVersion"`
	Built         time.Time `json:"built"`
	From          string    `json:"from"`
}

type grypeMatch struct {
	Vulnerability struct {
		grypeRecord
		Fix struct {
			Versions []string `json:"versions"`
		} `json:"fix"`
	} `json:"vulnerability"`
	Related  []grypeRecord `json:"relatedVulnerabilities"`
	Artifact struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Type    string `json:"type"`
		PURL    string `json:"purl"`
	} `json:"artifact"`
}

type grypeRecord struct {
	ID          string `json:"id"`
	Namespace   string `json:"namespace"`
	Severity    string `json:"severity"`
	Description string `json:"description"`
	CVSS        []struct {
		Source string `json:"source"`
		Vector string `json:"vector"`
	} `json:"cvss"`
}

// grypeImage is source.target of an image; of files it is a path.
type grypeImage struct {
	ManifestDigest string   `json:"manifestDigest"`
	RepoDigests    []string `json:"repoDigests"`
}

func (grypeJSON) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	var report grypeReport
	if err := strict.JSON(data, &report); err != nil {
		return criteria.Facts{}, err
	}
	if report.Matches == nil || report.Source == nil || report.Descriptor.Name != "grype" {
		return criteria.Facts{}, errors.New("is no report of grype: expected matches, source and a descriptor that names grype")
	}
	db := report.Descriptor.DB.grypeDatabase
	if report.Descriptor.DB.Status != nil {
		db = *report.Descriptor.DB.Status
	}
	out := &criteria.Vulnerabilities{Packages: -1, Database: criteria.Database{URI: db.From, Updated: db.Built}}
	if v, ok := db.SchemaVersion.(string); ok {
		out.Database.Version = v
	}
	f := criteria.Facts{
		Tool:            criteria.Tool{Name: "grype", Version: report.Descriptor.Version},
		Time:            report.Descriptor.Timestamp,
		Vulnerabilities: out,
	}
	if report.Source.Type == "image" {
		var image grypeImage
		if err := strict.JSON(report.Source.Target, &image); err != nil {
			return criteria.Facts{}, err
		}
		for _, s := range append(image.RepoDigests, image.ManifestDigest) {
			if d, ok := repoDigest(s); ok {
				f.Subjects = append(f.Subjects, d)
			}
		}
		f.Subjects = unique(f.Subjects)
	}
	for _, list := range [][]grypeMatch{*report.Matches, report.Ignored} {
		for i := range list {
			v, err := list[i].vulnerability()
			if err != nil {
				return criteria.Facts{}, err
			}
			out.Items = append(out.Items, v)
		}
	}
	return f, nil
}

func (m *grypeMatch) vulnerability() (criteria.Vulnerability, error) {
	if m.Vulnerability.ID == "" || m.Artifact.Name == "" {
		return criteria.Vulnerability{}, errors.New("is no report of grype: a match lacks the id of a vulnerability or the name of a package")
	}
	v := criteria.Vulnerability{
		ID:      m.Vulnerability.ID,
		Summary: firstLine(m.Vulnerability.Description, 200),
		FixedIn: m.Vulnerability.Fix.Versions,
		Package: criteria.Package{Ecosystem: m.Artifact.Type, Name: m.Artifact.Name, Version: m.Artifact.Version, PURL: m.Artifact.PURL},
	}
	for _, r := range append([]grypeRecord{m.Vulnerability.grypeRecord}, m.Related...) {
		if r.ID != v.ID {
			v.Aliases = append(v.Aliases, r.ID)
		}
		for _, c := range r.CVSS {
			v.Severities = append(v.Severities, severity.Vector(c.Source, c.Vector))
		}
		if r.Severity != "" {
			v.Severities = append(v.Severities, severity.Label(r.Namespace, r.Severity))
		}
	}
	v.Aliases = unique(v.Aliases)
	return v, nil
}
