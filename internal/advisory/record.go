package advisory

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/severity"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// Limits on one record. The largest that are published, of Linux kernels, have
// some megabytes.
const (
	MaxRecord   = 16 << 20 // bytes
	maxName     = 512      // bytes of an id, a package's name or an ecosystem
	maxVersion  = 256      // bytes of a version: comparing longer ones costs more than they say
	maxSummary  = 200      // bytes of a summary that are kept
	maxSeverity = 256      // bytes of a CVSS vector
	maxEvents   = 10_000   // events of one range, which are put in order
)

// record is one record of the OSV schema, version 1
// (https://ossf.github.io/osv-schema/), as far as matching needs it.
type record struct {
	SchemaVersion string         `json:"schema_version" yaml:"schema_version"`
	ID            string         `json:"id" yaml:"id"`
	Modified      time.Time      `json:"modified" yaml:"modified"`
	Published     time.Time      `json:"published" yaml:"published"`
	Withdrawn     time.Time      `json:"withdrawn" yaml:"withdrawn"`
	Aliases       []string       `json:"aliases" yaml:"aliases"`
	Upstream      []string       `json:"upstream" yaml:"upstream"`
	Summary       string         `json:"summary" yaml:"summary"`
	Severity      []osvSeverity  `json:"severity" yaml:"severity"`
	Affected      []affected     `json:"affected" yaml:"affected"`
	Specific      severityOfSome `json:"database_specific" yaml:"database_specific"`
}

type affected struct {
	Package struct {
		Ecosystem string `json:"ecosystem" yaml:"ecosystem"`
		Name      string `json:"name" yaml:"name"`
	} `json:"package" yaml:"package"`
	Severity []osvSeverity  `json:"severity" yaml:"severity"`
	Ranges   []osvRange     `json:"ranges" yaml:"ranges"`
	Versions []string       `json:"versions" yaml:"versions"`
	Specific severityOfSome `json:"ecosystem_specific" yaml:"ecosystem_specific"`
	Database severityOfSome `json:"database_specific" yaml:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type" yaml:"type"`
	Score string `json:"score" yaml:"score"`
}

type osvRange struct {
	Type   string     `json:"type" yaml:"type"`
	Events []osvEvent `json:"events" yaml:"events"`
}

type osvEvent struct {
	Introduced   string `json:"introduced" yaml:"introduced"`
	Fixed        string `json:"fixed" yaml:"fixed"`
	LastAffected string `json:"last_affected" yaml:"last_affected"`
	Limit        string `json:"limit" yaml:"limit"`
}

// severityOfSome is an object that is free to each database; some keep a word for
// the severity there, others something else under the same name.
type severityOfSome struct {
	Severity any `json:"severity" yaml:"severity"`
}

// parseRecord reads one record from data; file is its name, which says whether
// it is JSON or YAML.
func parseRecord(file string, data []byte) (*record, error) {
	var r record
	if isYAML(file) {
		node, err := strict.Parse(file, data)
		if err != nil {
			return nil, err
		}
		// Records carry far more than is read here.
		if err := node.Decode(&r); err != nil {
			return nil, fmt.Errorf("%s: %v", file, strings.Join(strings.Fields(err.Error()), " "))
		}
	} else {
		text, err := strict.Read(bytes.NewReader(data), MaxRecord)
		if err == nil {
			err = strict.JSON(text, &r)
		}
		var at *strict.Error
		if errors.As(err, &at) {
			at.File = file
			return nil, at
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %v", file, err)
		}
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: is no record of the OSV schema: %w", file, err)
	}
	return &r, nil
}

func isYAML(file string) bool {
	return strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, ".yml")
}

// check returns what makes r no record that can be matched by.
func (r *record) check() error {
	// "a missing schema_version … should be treated as 1.0.0"
	if v := r.SchemaVersion; v != "" && !strings.HasPrefix(v, "1.") {
		return fmt.Errorf("schema_version is %q, expected 1.x", v)
	}
	if r.ID == "" {
		return errors.New("it has no id")
	}
	names := append([]string{r.ID}, r.Aliases...)
	names = append(names, r.Upstream...)
	for i := range r.Affected {
		a := &r.Affected[i]
		names = append(names, a.Package.Ecosystem, a.Package.Name)
		if (a.Package.Ecosystem == "") != (a.Package.Name == "") {
			return errors.New("a package has a name or an ecosystem and not both")
		}
		for _, rg := range a.Ranges {
			switch rg.Type {
			case "SEMVER", "ECOSYSTEM", "GIT":
			default:
				return fmt.Errorf("a range's type is %q, expected SEMVER, ECOSYSTEM or GIT", rg.Type)
			}
			if len(rg.Events) > maxEvents {
				return fmt.Errorf("a range has %d events, expected at most %d", len(rg.Events), maxEvents)
			}
			// A range that is not known to begin would affect nothing.
			began := false
			for _, e := range rg.Events {
				began = began || e.Introduced != ""
			}
			if !began {
				return errors.New(`a range has no event "introduced"`)
			}
		}
	}
	for _, n := range names {
		if len(n) > maxName {
			return fmt.Errorf("a name has more than %d bytes", maxName)
		}
		if strings.ContainsFunc(n, isControl) {
			return fmt.Errorf("the name %q holds a control character", n)
		}
	}
	return nil
}

func isControl(c rune) bool { return c < 0x20 || c >= 0x7f && c <= 0x9f }

// names returns by which other ids r's vulnerability is known. A record that
// comes from several others speaks of several vulnerabilities and is none of
// them: an exception for one must not be one for all.
func (r *record) names() []string {
	out := r.Aliases
	if len(r.Upstream) == 1 {
		out = append(out[:len(out):len(out)], r.Upstream[0])
	}
	return out
}

// severities returns all ratings that r gives, of the record and of the packages
// it affects.
func (r *record) severities() []criteria.Severity {
	var out []criteria.Severity
	add := func(list []osvSeverity) {
		for _, s := range list {
			if s.Score != "" && len(s.Score) <= maxSeverity {
				out = append(out, severity.Vector(r.ID, s.Score))
			}
		}
	}
	word := func(s severityOfSome) {
		if w, ok := s.Severity.(string); ok && w != "" && len(w) <= maxSeverity {
			out = append(out, severity.Label(r.ID, w))
		}
	}
	add(r.Severity)
	for i := range r.Affected {
		add(r.Affected[i].Severity)
		word(r.Affected[i].Specific)
		word(r.Affected[i].Database)
	}
	word(r.Specific)
	return out
}

// summary is the first line of what r says it is, without what would act on a
// terminal.
func (r *record) summary() string {
	s, _, _ := strings.Cut(strings.TrimSpace(r.Summary), "\n")
	s = strings.Map(func(c rune) rune {
		if isControl(c) {
			return ' '
		}
		return c
	}, s)
	if len(s) > maxSummary {
		s = strings.ToValidUTF8(s[:maxSummary], "")
	}
	return s
}
