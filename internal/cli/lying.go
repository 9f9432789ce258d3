package cli

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// lyingReport is a file that may be a report, by its name. Its content is not
// looked at: which format reads a report is said by a person, in the release
// file.
type lyingReport struct {
	Path, Format string
	// Doubt is why the name alone does not tell; empty if it does.
	Doubt string
}

// reportNames tell a format by the name of a file in lower case, as in
// [path.Match], the first that matches. An empty format is none: what is in
// such a file answers another question than its ending says.
func reportNames() []struct{ pattern, format string } {
	return []struct{ pattern, format string }{
		{"*.cdx.json", "cyclonedx-json"},
		{"*.cyclonedx.json", "cyclonedx-json"},
		{"bom.json", "cyclonedx-json"},
		{"*.cdx.xml", "cyclonedx-xml"},
		{"*.cyclonedx.xml", "cyclonedx-xml"},
		{"bom.xml", "cyclonedx-xml"},
		{"*.spdx.json", "spdx-json"},
		{"*.spdx", "spdx-tag-value"},
		{"govulncheck*.json", ""},
		{"govulncheck*.openvex.json", ""},
		{"*.openvex.json", "openvex"},
		{"*.vex.json", "openvex"},
		{"gitleaks*.json", "gitleaks-json"},
		{"gitleaks*.sarif", "sarif-secrets"},
		{"trufflehog*.json", "trufflehog-json"},
		{"trufflehog*.jsonl", "trufflehog-json"},
		{"trufflehog*.sarif", "sarif-secrets"},
		{"osv*.json", "osv-scanner"},
		{"grype*.json", "grype-json"},
		{"trivy*.json", "trivy-json"},
		// Vulnerabilities in SARIF are no static analysis.
		{"osv*.sarif", ""},
		{"grype*.sarif", ""},
		{"trivy*.sarif", ""},
		{"govulncheck*.sarif", ""},
		{"*.sarif", "sarif"},
		{"*.sarif.json", "sarif"},
		{"coverage.out", "go-cover"},
		{"cover.out", "go-cover"},
		{"*.coverprofile", "go-cover"},
		{"lcov.info", "lcov"},
		{"*.lcov", "lcov"},
		{"cobertura*.xml", "cobertura"},
		{"coverage.xml", "cobertura"},
		{"jacoco*.xml", "jacoco"},
		{"tags.txt", "git-tags"},
		{"*.gitea.json", "gitea"},
		{"pipeline.jsonl", "in-toto-pipeline"},
		{"threagile.yaml", "threagile-model"},
		{"risks.json", "threagile-risks"},
		{"known_exploited_vulnerabilities.json", "kev"},
		{"kev.json", "kev"},
		{"epss*.csv", "epss"},
		{"junit*.xml", "junit"},
		{"*.junit.xml", "junit"},
		{"test-*.xml", "junit"},
	}
}

// likelyNames are names that are common for a format and used for other things
// too: they tell something only where reports lie.
func likelyNames() []struct{ pattern, format string } {
	return []struct{ pattern, format string }{
		{"unit*.xml", "junit"},
		{"*test*.xml", "junit"},
		{"unit*.json", "go-test-json"},
		{"*test*.json", "go-test-json"},
		{"*.xml", "junit"},
	}
}

// reportFolders are where reports commonly lie. The first one is the project
// itself.
func reportFolders() []string {
	return []string{
		".", "evidence", "reports", "test-results", "coverage", "dist", "threat-model",
		"build/test-results/test", "build/reports/jacoco/test", "target/surefire-reports", "target/site/jacoco",
	}
}

// mostLying is how many files of one folder are proposed for one format: a test
// runner may write one for each of a thousand classes.
const mostLying = 20

// lyingReports lists what lies in dir that may be a report.
func lyingReports(dir string) []lyingReport {
	var out []lyingReport
	for _, p := range []string{"SECURITY.md", ".github/SECURITY.md", "docs/SECURITY.md"} {
		if isFile(dir, p) {
			out = append(out, lyingReport{Path: p, Format: "security-md"})
			break // as forges look for it: the first one counts
		}
	}
	for _, e := range []lyingReport{{Path: "CHANGELOG.md", Format: "changelog"}, {Path: "go.mod", Format: "go-mod"}} {
		if isFile(dir, e.Path) {
			out = append(out, e)
		}
	}
	for _, folder := range reportFolders() {
		count := make(map[string]int)
		for _, name := range files(dir, folder) {
			format, likely := formatOfName(name, folder != "." && folder != "dist")
			if format == "" {
				continue
			}
			if count[format]++; count[format] > mostLying {
				continue
			}
			r := lyingReport{Path: path.Join(folder, name), Format: format}
			if likely && path.Ext(name) == ".xml" && !strings.Contains(strings.ToLower(name), "test") && !strings.HasPrefix(strings.ToLower(name), "unit") {
				r.Doubt = "If this is a JUnit report:"
			}
			out = append(out, r)
		}
	}
	// A test runner often writes one run in two formats, and it must not count
	// twice.
	if slices.ContainsFunc(out, func(r lyingReport) bool { return r.Format == "junit" && r.Doubt == "" }) {
		for i := range out {
			if out[i].Format == "go-test-json" {
				out[i].Doubt = "If this is another run than the JUnit report's; else its tests count twice:"
			}
		}
	}
	// The same goes for bills of materials. SPDX names what it is about.
	if i := slices.IndexFunc(out, func(r lyingReport) bool { return r.Format == "spdx-json" }); i >= 0 {
		for j := range out {
			if strings.HasPrefix(out[j].Format, "cyclonedx-") {
				out[j].Doubt = "If this says more than " + out[i].Path + ":"
			}
		}
	}
	return out
}

// formatOfName returns the format that a file's name tells, "" if none. likely
// is true where the name only makes it likely, which is asked for among reports.
func formatOfName(name string, among bool) (format string, likely bool) {
	name = strings.ToLower(name)
	for _, n := range reportNames() {
		if ok, _ := path.Match(n.pattern, name); ok {
			return n.format, false
		}
	}
	if among {
		for _, n := range likelyNames() {
			if ok, _ := path.Match(n.pattern, name); ok {
				return n.format, true
			}
		}
	}
	return "", false
}

// files lists the regular files of a folder, without hidden ones and names that
// no text file can hold.
func files(dir, folder string) []string {
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(folder)))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") && utf8.ValidString(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out
}

func isFile(dir, p string) bool {
	info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(p)))
	return err == nil && info.Mode()&fs.ModeType == 0
}

// mostArtifacts is how many artifacts are listed one by one.
const mostArtifacts = 50

// lyingArtifacts lists what lies in dist to be released, as paths, and the
// checksums if there is one file of them. What only goes with the artifacts is
// left out.
func lyingArtifacts(dir string) (artifacts []string, checksums string) {
	var sums []string
	for _, name := range files(dir, "dist") {
		lower := strings.ToLower(name)
		switch {
		case strings.Contains(lower, "sha256sum"), strings.HasSuffix(lower, "checksums.txt"):
			sums = append(sums, "dist/"+name)
			continue
		case slices.Contains([]string{"artifacts.json", "metadata.json", "config.yaml"}, lower): // goreleaser's own
			continue
		}
		if format, _ := formatOfName(name, false); format != "" || companion(lower) {
			continue
		}
		artifacts = append(artifacts, "dist/"+name)
	}
	if len(sums) == 1 {
		checksums = sums[0]
	}
	return artifacts, checksums
}

// companion reports whether a file only goes with another: a signature, a
// bundle, a checksum.
func companion(name string) bool {
	for _, end := range []string{".sig", ".asc", ".pem", ".crt", ".sigstore.json", ".sigstore.jsonl", ".intoto.jsonl", ".sha256", ".sha512", ".sbom.json", ".sarif"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
