package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
)

// Format describes one evidence format.
type Format struct {
	Name  string          `json:"name"`
	Gives []criteria.Fact `json:"gives"`
	// About is what to write under about in the release file, source or
	// artifact; empty where the reports say it themselves.
	About string `json:"about,omitempty"`
	// Path is where such a report may lie; Command makes it there. Where no
	// command does, Origin says where it comes from.
	Path    string `json:"path"`
	Command string `json:"command,omitempty"`
	Origin  string `json:"origin,omitempty"`
}

// made says how to come by the report.
func (f Format) made() string {
	if f.Command != "" {
		return f.Command
	}
	return f.Origin
}

func describedFormats() []Format {
	examples := formatExamples()
	var out []Format
	for _, f := range known().Formats {
		d := Format{}
		if i := slices.IndexFunc(examples, func(e Format) bool { return e.Name == f.Name() }); i >= 0 {
			d = examples[i]
		}
		d.Name, d.Gives = f.Name(), f.Gives()
		out = append(out, d)
	}
	return out
}

// The words of about in an example.
const (
	aboutSource   = "source"
	aboutArtifact = "artifact"
)

// formatExamples say for each format where a report of it comes from: one way
// of several, for those who have none yet.
func formatExamples() []Format {
	return []Format{
		{Name: "changelog", About: aboutSource, Path: "CHANGELOG.md", Origin: "written by hand, as https://keepachangelog.com lays it out"},
		{Name: "cobertura", About: aboutSource, Path: "evidence/cobertura.xml", Command: "coverage xml -o evidence/cobertura.xml"},
		{Name: "cyclonedx-json", About: aboutArtifact, Path: "evidence/app.cdx.json", Command: "syft scan file:dist/app -o cyclonedx-json=evidence/app.cdx.json"},
		{Name: "cyclonedx-xml", About: aboutArtifact, Path: "evidence/app.cdx.xml", Command: "syft scan file:dist/app -o cyclonedx-xml=evidence/app.cdx.xml"},
		{Name: "epss", Path: "evidence/epss.csv", Origin: "the day's list of https://www.first.org/epss, decompressed"},
		{Name: "gcb-provenance", Path: "evidence/gcb.json", Origin: "printed by gcloud artifacts docker images describe IMAGE@DIGEST --show-provenance --format json"},
		{Name: "git-tags", About: aboutSource, Path: "evidence/tags.txt", Command: "git show-ref --tags --dereference > evidence/tags.txt"},
		{Name: "gitea", Path: "evidence/changes.gitea.json", Command: "examples/quickstart/produce/export.sh FORGE REPOSITORY FROM TO > evidence/changes.gitea.json"},
		{Name: "gitleaks-json", About: aboutSource, Path: "evidence/gitleaks.json", Command: "gitleaks git --log-opts=--all --report-format json --report-path evidence/gitleaks.json ."},
		{Name: "go-cover", About: aboutSource, Path: "evidence/coverage.out", Command: "go test -coverpkg=./... -coverprofile=evidence/coverage.out ./..."},
		{Name: "go-mod", About: aboutSource, Path: "go.mod", Origin: "the go.mod of the released commit"},
		{Name: "go-test-json", About: aboutSource, Path: "evidence/unit.json", Command: "go test -json ./... > evidence/unit.json"},
		{Name: "grype-json", About: aboutArtifact, Path: "evidence/grype.json", Command: "grype file:dist/app -o json > evidence/grype.json"},
		{Name: "in-toto-pipeline", Path: "evidence/pipeline.jsonl", Command: "jq -c . root.layout *.link > evidence/pipeline.jsonl"},
		{Name: "jacoco", About: aboutSource, Path: "build/reports/jacoco/test/jacocoTestReport.xml", Command: "gradle jacocoTestReport"},
		{Name: "junit", About: aboutSource, Path: "evidence/unit.xml", Origin: "written by most test runners, such as pytest --junit-xml=FILE or gotestsum --junitfile FILE"},
		{Name: "kev", Path: "evidence/known_exploited_vulnerabilities.json", Origin: "the JSON of https://www.cisa.gov/known-exploited-vulnerabilities-catalog"},
		{Name: "lcov", About: aboutSource, Path: "evidence/lcov.info", Command: "lcov --capture --directory . --output-file evidence/lcov.info"},
		{Name: "openvex", Path: "evidence/app.openvex.json", Origin: "vexctl create, or written by hand, as https://openvex.dev lays it out"},
		{Name: "osv-scanner", About: aboutArtifact, Path: "evidence/osv.json", Command: "osv-scanner scan source --all-packages --experimental-plugins go/binary --format json dist/app > evidence/osv.json"},
		{Name: "sarif", About: aboutSource, Path: "evidence/staticcheck.sarif", Command: "staticcheck -f sarif ./... > evidence/staticcheck.sarif"},
		{Name: "sarif-secrets", About: aboutSource, Path: "evidence/gitleaks.sarif", Command: "gitleaks git --log-opts=--all --report-format sarif --report-path evidence/gitleaks.sarif ."},
		{Name: "security-md", About: aboutSource, Path: "SECURITY.md", Origin: "written by hand"},
		{Name: "slsa-provenance", Path: "evidence/provenance.jsonl", Command: "gh attestation download dist/app --repo OWNER/REPOSITORY && mv sha256:*.jsonl evidence/provenance.jsonl"},
		{Name: "spdx-json", Path: "evidence/app.spdx.json", Command: "syft scan file:dist/app -o spdx-json=evidence/app.spdx.json"},
		{Name: "spdx-tag-value", Path: "evidence/app.spdx", Command: "syft scan file:dist/app -o spdx-tag-value=evidence/app.spdx"},
		{Name: "threagile-model", About: aboutSource, Path: "threat-model/threagile.yaml", Origin: "written by hand, as https://github.com/Threagile/threagile lays it out"},
		{Name: "threagile-risks", About: aboutSource, Path: "evidence/risks.json", Command: "threagile -model threat-model/threagile.yaml -output evidence"},
		{Name: "threat-dragon", About: aboutSource, Path: "threat-model/threat-dragon.json", Origin: "what OWASP Threat Dragon 2 saves"},
		{Name: "trivy-json", About: aboutArtifact, Path: "evidence/trivy.json", Command: "trivy image --input dist/app.tar --format json --list-all-pkgs --output evidence/trivy.json"},
		{Name: "trufflehog-json", About: aboutSource, Path: "evidence/trufflehog.json", Command: "trufflehog git file://. --json > evidence/trufflehog.json 2>&1"},
	}
}

func showFormats(w io.Writer, formats []Format) {
	for _, f := range formats {
		fmt.Fprintf(w, "%-20s %s\n", f.Name, join(f.Gives))
		writeMade(w, "    ", f)
	}
	fmt.Fprint(w, "\nBelow each format stands one way to come by a report of it; others do as well.\n")
}

// writeMade writes how to come by a report of f, each line after indent. A
// command that is broken can still be pasted.
func writeMade(w io.Writer, indent string, f Format) {
	end := ""
	if f.Command != "" {
		end = ` \`
	}
	lines := console.Wrap(f.made(), 80-len(indent)-len(end)-2)
	for i, line := range lines {
		if i < len(lines)-1 {
			line += end
		}
		if i > 0 {
			line = "  " + line
		}
		fmt.Fprintln(w, indent+line)
	}
}

// giving returns the formats of which reports give fact.
func giving(formats []Format, fact criteria.Fact) []Format {
	var out []Format
	for _, f := range formats {
		if slices.Contains(f.Gives, fact) {
			out = append(out, f)
		}
	}
	return out
}

func formatNames(formats []Format) string {
	words := make([]string, len(formats))
	for i, f := range formats {
		words[i] = f.Name
	}
	return strings.Join(words, ", ")
}
