package criteria

import "time"

// Fact names one kind of thing that a report can tell. A format says which
// facts it gives, a criterion which it needs: that is how they meet without
// knowing each other.
type Fact string

// The kinds of fact. Each is the JSON name of one field of [Facts].
const (
	FactTests           Fact = "tests"
	FactCoverage        Fact = "coverage"
	FactAnalysis        Fact = "analysis"
	FactSecrets         Fact = "secrets"
	FactVulnerabilities Fact = "vulnerabilities"
	FactExploitability  Fact = "exploitability"
	FactExploited       Fact = "exploited"
	FactPrediction      Fact = "prediction"
	FactComponents      Fact = "components"
	FactChanges         Fact = "changes"
	FactThreats         Fact = "threats"
	FactSecurityPolicy  Fact = "securityPolicy"
	FactNotes           Fact = "notes"
	FactTags            Fact = "tags"
	FactPipeline        Fact = "pipeline"
	FactDependencies    Fact = "dependencies"
	FactBuilds          Fact = "builds"
)

// factTitles says each kind of fact in a reader's words: "no … about X".
var factTitles = map[Fact]string{
	FactTests:           "test report",
	FactCoverage:        "coverage report",
	FactAnalysis:        "static analysis report",
	FactSecrets:         "secrets scan",
	FactVulnerabilities: "vulnerability report",
	FactExploitability:  "VEX document",
	FactExploited:       "list of exploited vulnerabilities",
	FactPrediction:      "list of exploit predictions",
	FactComponents:      "SBOM",
	FactChanges:         "export of reviewed changes",
	FactThreats:         "threat model",
	FactSecurityPolicy:  "security policy",
	FactNotes:           "release notes",
	FactTags:            "list of tags",
	FactPipeline:        "in-toto layout and links",
	FactDependencies:    "lockfile",
	FactBuilds:          "SLSA provenance",
}

// Title returns the fact in a reader's words, without an article.
func (f Fact) Title() string {
	if t, ok := factTitles[f]; ok {
		return t
	}
	return string(f) + " report"
}

// aboutTheWorld are facts that are true whatever the release: they need no
// subject, and they can only make a judgement stricter.
var aboutTheWorld = map[Fact]bool{FactExploited: true, FactPrediction: true}

// Facts is what one report says, in one vocabulary for all formats. A format
// fills the fields of the facts it gives and leaves the others nil: nil means
// that the report does not speak of it, which is never the same as "none".
type Facts struct {
	// Subjects are the digests that the report itself says it is about, and
	// Products the package URLs. Both empty: the report names nothing.
	Subjects []Digest `json:"subjects,omitempty"`
	Products []string `json:"products,omitempty"`
	// Time is when the report says it was made; zero if it does not say.
	Time time.Time `json:"time,omitzero"`
	Tool Tool      `json:"tool,omitzero"`

	Tests           *Tests           `json:"tests,omitempty"`
	Coverage        *Coverage        `json:"coverage,omitempty"`
	Analysis        *Scan            `json:"analysis,omitempty"`
	Secrets         *Scan            `json:"secrets,omitempty"`
	Vulnerabilities *Vulnerabilities `json:"vulnerabilities,omitempty"`
	Exploitability  *Exploitability  `json:"exploitability,omitempty"`
	Exploited       *Exploited       `json:"exploited,omitempty"`
	Prediction      *Prediction      `json:"prediction,omitempty"`
	Components      *Components      `json:"components,omitempty"`
	Changes         *Changes         `json:"changes,omitempty"`
	Threats         *Threats         `json:"threats,omitempty"`
	SecurityPolicy  *SecurityPolicy  `json:"securityPolicy,omitempty"`
	Notes           *Notes           `json:"notes,omitempty"`
	Tags            *Tags            `json:"tags,omitempty"`
	Pipeline        *Pipeline        `json:"pipeline,omitempty"`
	Dependencies    *Dependencies    `json:"dependencies,omitempty"`
	Builds          *Builds          `json:"builds,omitempty"`
}

// Has reports whether the report speaks of f.
func (f *Facts) Has(kind Fact) bool {
	switch kind {
	case FactTests:
		return f.Tests != nil
	case FactCoverage:
		return f.Coverage != nil
	case FactAnalysis:
		return f.Analysis != nil
	case FactSecrets:
		return f.Secrets != nil
	case FactVulnerabilities:
		return f.Vulnerabilities != nil
	case FactExploitability:
		return f.Exploitability != nil
	case FactExploited:
		return f.Exploited != nil
	case FactPrediction:
		return f.Prediction != nil
	case FactComponents:
		return f.Components != nil
	case FactChanges:
		return f.Changes != nil
	case FactThreats:
		return f.Threats != nil
	case FactSecurityPolicy:
		return f.SecurityPolicy != nil
	case FactNotes:
		return f.Notes != nil
	case FactTags:
		return f.Tags != nil
	case FactPipeline:
		return f.Pipeline != nil
	case FactDependencies:
		return f.Dependencies != nil
	case FactBuilds:
		return f.Builds != nil
	}
	return false
}

// only returns f without the facts that are not among kinds.
func (f Facts) only(kinds []Fact) Facts {
	out := Facts{Subjects: f.Subjects, Products: f.Products, Time: f.Time, Tool: f.Tool}
	for _, k := range kinds {
		switch k {
		case FactTests:
			out.Tests = f.Tests
		case FactCoverage:
			out.Coverage = f.Coverage
		case FactAnalysis:
			out.Analysis = f.Analysis
		case FactSecrets:
			out.Secrets = f.Secrets
		case FactVulnerabilities:
			out.Vulnerabilities = f.Vulnerabilities
		case FactExploitability:
			out.Exploitability = f.Exploitability
		case FactExploited:
			out.Exploited = f.Exploited
		case FactPrediction:
			out.Prediction = f.Prediction
		case FactComponents:
			out.Components = f.Components
		case FactChanges:
			out.Changes = f.Changes
		case FactThreats:
			out.Threats = f.Threats
		case FactSecurityPolicy:
			out.SecurityPolicy = f.SecurityPolicy
		case FactNotes:
			out.Notes = f.Notes
		case FactTags:
			out.Tags = f.Tags
		case FactPipeline:
			out.Pipeline = f.Pipeline
		case FactDependencies:
			out.Dependencies = f.Dependencies
		case FactBuilds:
			out.Builds = f.Builds
		}
	}
	return out
}

// Tool is what made a report.
type Tool struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

// Tests is the result of one test run.
type Tests struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"` // failures and errors
	Skipped int `json:"skipped"`
	Flaky   int `json:"flaky"` // passed only when run again; counted in Passed
	// Failures names the failed tests, at most 100 of them.
	Failures []TestFailure `json:"failures,omitempty"`
}

// Executed is the number of tests that ran to an end.
func (t Tests) Executed() int { return t.Passed + t.Failed }

// TestFailure is one test that failed or could not run.
type TestFailure struct {
	Name    string `json:"name"`
	Message string `json:"message,omitempty"` // first line, at most 200 characters
}

// Coverage is how much of the code the tests ran, by metric. Covered and Total
// count the metric's units; a metric the report lacks is nil.
type Coverage struct {
	Statements *Ratio `json:"statements,omitempty"`
	Lines      *Ratio `json:"lines,omitempty"`
	Branches   *Ratio `json:"branches,omitempty"`
}

// Ratio is Covered of Total.
type Ratio struct {
	Covered int64 `json:"covered"`
	Total   int64 `json:"total"`
}

// Percent returns 0 to 100; of nothing, 0.
func (r Ratio) Percent() float64 {
	if r.Total <= 0 {
		return 0
	}
	return 100 * float64(r.Covered) / float64(r.Total)
}

// Scan is the result of one scan for findings: static analysis, secrets.
type Scan struct {
	// Complete is false where the tool says it did not finish.
	Complete bool `json:"complete"`
	// Rules is the number of rules that the tool says it applied, -1 where the
	// format has no place for it.
	Rules int `json:"rules"`
	// Tools are those whose runs the report holds, where the format has a
	// place for several; else the report's one tool made it.
	Tools []Tool `json:"tools,omitempty"`
	// Range says what of the history was scanned, for secrets: "history",
	// "tree", or "A..B"; empty where the report does not say.
	Range   string       `json:"range,omitempty"`
	Results []ScanResult `json:"results,omitempty"`
}

// ScanResult is one finding. It never holds a secret's value or the line that
// holds it: decisions are published.
type ScanResult struct {
	Rule    string `json:"rule"`
	Level   string `json:"level"` // SARIF: error, warning, note, none
	Message string `json:"message,omitempty"`
	Path    string `json:"path,omitempty"`
	Line    int    `json:"line,omitempty"`
	Commit  string `json:"commit,omitempty"`
	// Severity is the CVSS-like security-severity of the rule, 0 to 10, nil
	// where the tool gives none.
	Severity    *float64 `json:"severity,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	// Suppressed is true where the report says that a person accepted it.
	Suppressed bool `json:"suppressed,omitempty"`
	// Baseline is SARIF's baselineState: new, unchanged, updated, absent.
	Baseline string `json:"baseline,omitempty"`
	// Live is true where the tool proved that a secret works.
	Live bool `json:"live,omitempty"`
}

// Vulnerabilities is the result of one scan of components for known
// vulnerabilities.
type Vulnerabilities struct {
	// Packages is the number of packages scanned: with none, an empty list
	// says nothing. -1 where the format has no place for it.
	Packages int             `json:"packages"`
	Database Database        `json:"database,omitzero"`
	Items    []Vulnerability `json:"items,omitempty"`
}

// Database is where a scanner's knowledge comes from.
type Database struct {
	URI     string    `json:"uri,omitempty"`
	Version string    `json:"version,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
}

// Vulnerability is one known vulnerability in one package.
type Vulnerability struct {
	ID      string   `json:"id"`
	Aliases []string `json:"aliases,omitempty"`
	Package Package  `json:"package"`
	// Severities as the record gives them; none is unknown, never harmless.
	Severities []Severity `json:"severities,omitempty"`
	FixedIn    []string   `json:"fixedIn,omitempty"`
	Published  time.Time  `json:"published,omitzero"`
	Summary    string     `json:"summary,omitempty"`
	// Withdrawn is true where the database took the record back.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// Package is one component in one version.
type Package struct {
	Ecosystem string `json:"ecosystem,omitempty"`
	Name      string `json:"name"`
	Version   string `json:"version,omitempty"`
	PURL      string `json:"purl,omitempty"`
}

// Severity is one rating of a vulnerability.
type Severity struct {
	// Method is CVSS_V2, CVSS_V3, CVSS_V4, or "label" for a word.
	Method string `json:"method"`
	// Source says who rated, where known: "CNA", "GHSA", "NVD".
	Source string `json:"source,omitempty"`
	// Value is the vector or the word, as given.
	Value string `json:"value"`
	// Score is 0 to 10, nil where the value is a word or could not be read.
	Score *float64 `json:"score,omitempty"`
}

// Exploitability is one VEX document.
type Exploitability struct {
	Author     string         `json:"author"`
	Statements []VEXStatement `json:"statements,omitempty"`
}

// VEXStatement says how one vulnerability affects some products, in OpenVEX's
// words (https://github.com/openvex/spec, v0.2.0).
type VEXStatement struct {
	Vulnerability string   `json:"vulnerability"`
	Aliases       []string `json:"aliases,omitempty"`
	Status        string   `json:"status"` // not_affected, affected, fixed, under_investigation
	Justification string   `json:"justification,omitempty"`
	Impact        string   `json:"impact,omitempty"`
	Action        string   `json:"action,omitempty"`
	// Time is the statement's own, or else the document's.
	Time     time.Time    `json:"time,omitzero"`
	Products []VEXProduct `json:"products,omitempty"`
}

// VEXProduct is what a statement is about: by package URL, by digest, or both,
// narrowed to components inside it where Components is not empty.
type VEXProduct struct {
	PURL       string   `json:"purl,omitempty"`
	Digests    []Digest `json:"digests,omitempty"`
	Components []string `json:"components,omitempty"` // package URLs
}

// Exploited lists vulnerabilities known to be exploited (CISA KEV).
type Exploited struct {
	IDs []string `json:"ids"`
}

// Prediction gives the probability of exploitation by CVE id (EPSS), 0 to 1.
type Prediction struct {
	Scores map[string]float64 `json:"scores"`
}

// Components is one software bill of materials.
type Components struct {
	Format     string   `json:"format"`  // "CycloneDX" or "SPDX"
	Version    string   `json:"version"` // of the format's specification
	ID         string   `json:"id,omitempty"`
	Authors    []string `json:"authors,omitempty"`
	Tools      []Tool   `json:"tools,omitempty"`
	Lifecycles []string `json:"lifecycles,omitempty"` // generation context
	// Main is what the bill is for; its Ref is one end of Dependencies.
	Main         Component    `json:"main,omitzero"`
	Items        []Component  `json:"items,omitempty"` // without Main
	Dependencies []Dependency `json:"dependencies,omitempty"`
}

// Component is one part of a product. Empty means that the document says
// nothing: NOASSERTION and NONE are read as they stand only in Licences.
type Component struct {
	Ref      string   `json:"ref,omitempty"`
	Type     string   `json:"type,omitempty"` // library, application, file, …
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	Supplier string   `json:"supplier,omitempty"`
	PURL     string   `json:"purl,omitempty"`
	CPEs     []string `json:"cpes,omitempty"`
	SWID     string   `json:"swid,omitempty"`
	Digests  []Digest `json:"digests,omitempty"`
	// Licences as the document gives them: SPDX expressions or names. Several
	// mean that all apply.
	Licences []string `json:"licences,omitempty"`
	// Scope is "required", "optional" or "excluded" (CycloneDX), or empty.
	Scope string `json:"scope,omitempty"`
	// File is the component's file name; the others say of that file what BSI
	// TR-03183-2 asks: "executable", "archive", "structured", each or not.
	File       string `json:"file,omitempty"`
	Executable string `json:"executable,omitempty"`
	Archive    string `json:"archive,omitempty"`
	Structured string `json:"structured,omitempty"`
}

// Dependency says which components one component needs.
type Dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"on,omitempty"`
}

// Changes is what a forge and its git repository say of how the commits
// between two releases came in.
type Changes struct {
	Base Digest `json:"base,omitzero"` // exclusive; zero: from the beginning
	Head Digest `json:"head"`          // inclusive
	// Complete is false where the export says, or shows, that something in the
	// range is missing (a parent that is neither in it nor the base's).
	Complete bool   `json:"complete"`
	Why      string `json:"why,omitempty"` // why not complete
	// Branch is the protected branch that changes must be merged into.
	Branch   string          `json:"branch"`
	Commits  []Commit        `json:"commits,omitempty"`
	Requests []ChangeRequest `json:"requests,omitempty"`
	People   []Person        `json:"people,omitempty"`
}

// Commit is one commit in the range.
type Commit struct {
	ID      Digest   `json:"id"`
	Parents []Digest `json:"parents,omitempty"`
	// Author, Committer and CoAuthors are forge logins where the forge knows
	// them, else e-mail addresses.
	Author    string    `json:"author"`
	Committer string    `json:"committer,omitempty"`
	CoAuthors []string  `json:"coAuthors,omitempty"`
	Time      time.Time `json:"time,omitzero"`     // when it was authored
	Subject   string    `json:"subject,omitempty"` // first line of the message
	// Files are the paths that differ from the first parent, both names of a
	// renamed one.
	Files []string `json:"files,omitempty"`
	// Request is the number of the merged change request that brought it in,
	// 0 if the forge knows none.
	Request int `json:"request,omitempty"`
}

// ChangeRequest is a pull or merge request.
type ChangeRequest struct {
	Number   int       `json:"number"`
	URL      string    `json:"url,omitempty"`
	Title    string    `json:"title,omitempty"`
	Author   string    `json:"author"`
	Base     string    `json:"base"` // branch merged into
	Merged   bool      `json:"merged"`
	MergedBy string    `json:"mergedBy,omitempty"`
	MergedAt time.Time `json:"mergedAt,omitzero"`
	// Head is the last revision of the request; Merge the commit that entered
	// the branch (merge, squash or last of a rebase).
	Head    Digest          `json:"head"`
	Merge   Digest          `json:"merge,omitzero"`
	Commits []RequestCommit `json:"commits,omitempty"` // oldest first
	// Files are the paths that differ between the base branch and Head, both
	// names of a renamed one.
	Files   []string `json:"files,omitempty"`
	Reviews []Review `json:"reviews,omitempty"`
}

// RequestCommit is one revision inside a change request.
type RequestCommit struct {
	ID        Digest   `json:"id"`
	Parents   []Digest `json:"parents,omitempty"`
	Author    string   `json:"author"`
	Committer string   `json:"committer,omitempty"`
	CoAuthors []string `json:"coAuthors,omitempty"`
	// Time, Subject and Files are as in [Commit]: a rebased revision is known
	// by them, and a merge of the base branch by the files it leaves alone.
	Time    time.Time `json:"time,omitzero"`
	Subject string    `json:"subject,omitempty"`
	Files   []string  `json:"files,omitempty"`
}

// Review is one person's word on a change request.
type Review struct {
	By        string    `json:"by"`
	State     string    `json:"state"` // APPROVED, CHANGES_REQUESTED, COMMENTED, PENDING
	Commit    Digest    `json:"commit,omitzero"`
	Time      time.Time `json:"time,omitzero"`
	Dismissed bool      `json:"dismissed,omitempty"`
	Stale     bool      `json:"stale,omitempty"`
	// Unofficial is true where the forge says that it does not count the
	// review itself: its author had no say when writing it.
	Unofficial bool `json:"unofficial,omitempty"`
}

// Person is one account on the forge.
type Person struct {
	Login      string `json:"login"`
	Permission string `json:"permission,omitempty"` // none, read, write, admin, owner
	Bot        bool   `json:"bot,omitempty"`
}

// Threats is one threat model.
type Threats struct {
	Title    string    `json:"title,omitempty"`
	Reviewed time.Time `json:"reviewed,omitzero"` // as the model itself says
	Reviewer string    `json:"reviewer,omitempty"`
	// Modelled is the number of things the model is about (elements, assets):
	// a model of nothing says nothing. -1 where the format has no place.
	Modelled int `json:"modelled"`
	// Listed is true where the report lists the model's threats: only then do
	// no Items mean no threats.
	Listed bool     `json:"listed"`
	Items  []Threat `json:"items,omitempty"`
}

// Threat is one threat or risk of a model.
type Threat struct {
	ID       string `json:"id"`
	Title    string `json:"title,omitempty"`
	Severity string `json:"severity"` // low, medium, elevated, high, critical; "" unknown
	Status   string `json:"status"`   // open, in-progress, accepted, mitigated, not-applicable
	Reason   string `json:"reason,omitempty"`
}

// SecurityPolicy is a project's published policy for reporting vulnerabilities.
type SecurityPolicy struct {
	Path     string    `json:"path,omitempty"`
	Contacts []Contact `json:"contacts,omitempty"`
	// Words is the length of the text: a policy of a few words is none.
	Words int `json:"words"`
	// Disclosure is true where the text speaks of how reports are handled.
	Disclosure bool `json:"disclosure"`
}

// Contact is one way to report a vulnerability.
type Contact struct {
	Kind  string `json:"kind"` // email, url
	Value string `json:"value"`
	// Placeholder is true where a template was not filled in.
	Placeholder bool `json:"placeholder,omitempty"`
	// Reporting is true where the text around it is about reporting.
	Reporting bool `json:"reporting,omitempty"`
}

// Notes is a change log or the notes of one release.
type Notes struct {
	Entries []NotesEntry `json:"entries,omitempty"`
}

// NotesEntry is what the notes say of one version.
type NotesEntry struct {
	Version string    `json:"version"` // without a leading v
	Date    time.Time `json:"date,omitzero"`
	Words   int       `json:"words"`
	// Vulnerabilities are the ids mentioned: CVE-…, GHSA-…, GO-…
	Vulnerabilities []string `json:"vulnerabilities,omitempty"`
	Yanked          bool     `json:"yanked,omitempty"`
}

// Tags are the tags of a git repository.
type Tags struct {
	Items []Tag `json:"items"`
}

// Tag is one tag. Object is zero for a lightweight tag.
type Tag struct {
	Name   string `json:"name"` // without refs/tags/
	Object Digest `json:"object,omitzero"`
	Commit Digest `json:"commit"`
}

// Pipeline is an in-toto layout with the links of its steps, unverified: the
// criterion verifies them against the keys that the policy names.
type Pipeline struct {
	Layout []byte   `json:"layout"`
	Links  [][]byte `json:"links,omitempty"`
}

// Dependencies are what a lockfile or manifest says the source needs.
type Dependencies struct {
	// Direct are the packages that the project itself asks for.
	Direct []Package `json:"direct"`
	// All are those and what they need in turn; empty where the file does not
	// list them.
	All []Package `json:"all,omitempty"`
}

// Builds are the provenance statements of one report, at least one.
type Builds struct {
	Items []Build `json:"items"`
}

// Build is what one SLSA provenance statement says of how its subjects were
// built.
type Build struct {
	// Subjects are the digests that this statement is about.
	Subjects []Digest `json:"subjects"`
	// Signer is who signed it, verified; nil means that no signature was
	// verified. Then Problem says why, and the statement's own words are left
	// out: what nobody answers for must not be taken for a fact.
	Signer  *BuildSigner `json:"signer,omitempty"`
	Problem string       `json:"problem,omitempty"`

	Builder string `json:"builder,omitempty"` // id, as it stands
	Type    string `json:"type,omitempty"`    // build type
	// Repository is the source's address without git+ and .git; Ref the full
	// name of what was built, refs/tags/v1; Commit its commit. Each is empty
	// where the build type does not say it.
	Repository string `json:"repository,omitempty"`
	Ref        string `json:"ref,omitempty"`
	Commit     Digest `json:"commit,omitzero"`
	Workflow   string `json:"workflow,omitempty"`   // path in the source, or name of the job
	Invocation string `json:"invocation,omitempty"` // of the run
}

// BuildSigner is a verified signer of provenance: the holder of a certificate
// or of a key.
type BuildSigner struct {
	// By is what verified the signature: sigstore-go or slsa-verifier. Root is
	// the SHA-256 of the trusted root that vouches for a certificate.
	By   string `json:"by"`
	Root Digest `json:"root,omitzero"`
	// Issuer and Identity are the certificate's; Key is the SHA-256 of a public
	// key in DER. Of a signature by Google Cloud Build, Identity alone is set.
	Issuer   string `json:"issuer,omitempty"`
	Identity string `json:"identity,omitempty"`
	Key      Digest `json:"key,omitzero"`
	// What the certificate says of the run, each empty where it does not:
	// repository, ref and commit of the source, and whose machine it ran on,
	// such as github-hosted
	// (https://github.com/sigstore/fulcio/blob/v1.8.8/docs/oid-info.md).
	Repository string `json:"repository,omitempty"`
	Ref        string `json:"ref,omitempty"`
	Commit     Digest `json:"commit,omitzero"`
	Runner     string `json:"runner,omitempty"`
}
