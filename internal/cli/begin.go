package cli

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// begin is what a first hallmark.yaml and policy.yaml are filled in from. It is
// a proposal: a person looks through it.
type begin struct {
	Name, Version, Resource, Repository, Source, Previous, Verifier string
	Profile                                                         criteria.Level
	Artifacts                                                       []string // patterns
	Checksums                                                       string
	Evidence                                                        []begunEvidence
	// Vouched are the formats of the evidence of which somebody has to say what
	// it is about; MayVouch those of the evidence that is only proposed.
	Vouched, MayVouch []string
	// Params are criteria with parameters that the evidence makes likely.
	Params []string
	// Notes are said to the person, once.
	Notes []string
}

// begunEvidence is one entry under evidence.
type begunEvidence struct {
	Path, Format, About string
	// Comment stands above the entry.
	Comment []string
	// Proposed entries are written as comments.
	Proposed bool
	// Times are the keys for times that the reports of the format do not say.
	Times []string
}

// beginIn looks at what lies in dir. Nothing that is missing or odd is an
// error: then there is less to fill in.
func beginIn(ctx context.Context, dir string, profile criteria.Level) (begin, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return begin{}, err
	}
	b := begin{Name: filepath.Base(abs), Profile: profile}
	mod := goModule(dir)
	if mod != "" {
		if prefix, _, ok := module.SplitPathVersion(mod); ok {
			b.Name = path.Base(prefix)
		}
	}
	b.fromGit(ctx, dir)
	b.Resource = "pkg:generic/" + escape(b.Name) + "@" + b.Version
	if mod != "" {
		b.Resource = "pkg:golang/" + escapePath(mod) + "@v" + b.Version
	}
	b.Verifier = "https://example.com/" + escape(b.Name) + "/release-verifier/v1"
	if u, err := url.Parse(strings.TrimPrefix(b.Repository, "git+")); b.Repository != "" && err == nil && u.Host != "" {
		b.Verifier = "https://" + u.Hostname() + strings.TrimSuffix(u.EscapedPath(), ".git") + "/release-verifier/v1"
	}

	artifacts, checksums := lyingArtifacts(dir)
	b.Checksums = checksums
	for _, a := range artifacts {
		b.Artifacts = append(b.Artifacts, escapePattern(a))
	}
	if len(artifacts) == 0 || len(artifacts) > mostArtifacts {
		b.Artifacts = []string{"dist/*"}
	}
	if len(artifacts) == 0 {
		b.Notes = append(b.Notes, "dist holds nothing yet: build what you release, or name it under artifacts")
	}
	b.evidence(dir, artifacts, mod != "")
	return b, nil
}

// goModule is the module path in dir's go.mod, "" without one.
func goModule(dir string) string {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := strict.Read(f, strict.MaxConfig)
	if err != nil {
		return ""
	}
	mod := modfile.ModulePath(data)
	if module.CheckImportPath(mod) != nil {
		return ""
	}
	return mod
}

// versionTag is a tag that names a release: a semantic version, with or without
// the v.
var versionTag = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// fromGit fills in what git knows of dir: the commit, its tag, the release
// before, and where the source lives.
func (b *begin) fromGit(ctx context.Context, dir string) {
	git := func(args ...string) string {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	b.Version = "0.1.0"
	b.Source = git("rev-parse", "--verify", "HEAD^{commit}")
	if b.Source == "" {
		b.Notes = append(b.Notes, "no commit was found here: write the one that is released under source")
		return
	}
	here := highest(strings.Fields(git("tag", "--points-at", "HEAD")), "")
	before := highest(strings.Fields(git("tag", "--merged", "HEAD")), here)
	if here != "" {
		b.Version = strings.TrimPrefix(here, "v")
	} else {
		if before != "" {
			b.Version = next(before)
		}
		b.Notes = append(b.Notes, "no tag on this commit is a version, so "+b.Version+" is a guess")
	}
	if before != "" {
		b.Previous = git("rev-parse", "--verify", "refs/tags/"+before+"^{commit}")
	}
	b.Repository = downloadLocation(git("remote", "get-url", "origin"))
	if exec.CommandContext(ctx, "git", "-C", dir, "check-ignore", "-q", "hallmark-out/decision.json").Run() != nil {
		b.Notes = append(b.Notes, "add hallmark-out/ and your signing key to .gitignore")
	}
}

// highest returns the highest of tags that is a version and, where below is
// given, below it and no pre-release unless below is one.
func highest(tags []string, below string) string {
	best := ""
	canonical := func(tag string) string { return "v" + strings.TrimPrefix(tag, "v") }
	for _, tag := range tags {
		if !versionTag.MatchString(tag) || !semver.IsValid(canonical(tag)) {
			continue
		}
		if below != "" {
			if semver.Compare(canonical(tag), canonical(below)) >= 0 {
				continue
			}
			if semver.Prerelease(canonical(tag)) != "" && semver.Prerelease(canonical(below)) == "" {
				continue
			}
		}
		if best == "" || semver.Compare(canonical(tag), canonical(best)) > 0 {
			best = tag
		}
	}
	return best
}

// next is the version that may follow tag.
func next(tag string) string {
	version := semver.Canonical("v" + strings.TrimPrefix(tag, "v"))
	parts := strings.Split(strings.TrimPrefix(strings.TrimSuffix(version, semver.Prerelease(version)), "v"), ".")
	if semver.Prerelease(version) != "" || len(parts) != 3 {
		return strings.Join(parts, ".")
	}
	patch, err := strconv.Atoi(parts[2])
	if err != nil {
		return strings.Join(parts, ".")
	}
	return parts[0] + "." + parts[1] + "." + strconv.Itoa(patch+1)
}

// scpLike is how ssh remotes are commonly written.
var scpLike = regexp.MustCompile(`^([A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):([^/].*)$`)

// downloadLocation makes an SPDX download location of a remote: without the
// password or token that an address may hold.
func downloadLocation(remote string) string {
	if !strings.Contains(remote, "://") {
		m := scpLike.FindStringSubmatch(remote)
		if m == nil || len(m[2]) == 1 { // a drive's letter
			return ""
		}
		remote = "ssh://" + m[1] + m[2] + "/" + m[3]
	}
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" || u.Path == "" {
		return ""
	}
	switch u.Scheme {
	case "https":
		u.User = nil
	case "ssh":
		if u.User != nil {
			u.User = url.User(u.User.Username())
		}
	default:
		return ""
	}
	u.RawQuery, u.Fragment = "", ""
	return "git+" + u.String()
}

// escape makes s one segment of a package URL or an address.
func escape(s string) string { return strings.ReplaceAll(url.PathEscape(s), "@", "%40") }

func escapePath(p string) string {
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = escape(strings.ToLower(parts[i]))
	}
	return strings.Join(parts, "/")
}

// escapePattern makes a pattern that means the path p alone.
func escapePattern(p string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(p)
}

// evidence proposes the entries under evidence: what lies in dir, and for every
// fact that the profile asks for and nothing gives, how to come by it.
func (b *begin) evidence(dir string, artifacts []string, isGo bool) {
	kinds, formats := described(), describedFormats()
	format := func(name string) Format {
		return formats[slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })]
	}
	var needed, used []criteria.Fact
	for _, k := range kinds {
		if k.Level <= b.Profile {
			needed = append(needed, k.Needs...)
			used = append(used, k.Uses...)
		}
	}
	var given []criteria.Fact
	tool := make(map[string]bool)
	for _, lying := range lyingReports(dir) {
		f := format(lying.Format)
		e := begunEvidence{Path: lying.Path, Format: f.Name, About: f.About, Times: untold(f.Name)}
		wanted := func(asked []criteria.Fact) bool {
			return slices.ContainsFunc(f.Gives, func(g criteria.Fact) bool { return slices.Contains(asked, g) })
		}
		switch {
		case lying.Doubt != "":
			e.Proposed, e.Comment = true, []string{lying.Doubt}
		case !wanted(needed) && !wanted(used):
			e.Proposed, e.Comment = true, []string{"Not asked by profile " + b.Profile.String() + ":"}
		}
		if f.About == aboutArtifact {
			var sure bool
			if e.About, sure = artifactOf(lying.Path, artifacts); !sure {
				e.Proposed, e.Comment = true, append(e.Comment, "Say which artifact this is about:")
			}
		}
		b.add(e)
		if !e.Proposed || lying.Doubt != "" {
			given = append(given, f.Gives...)
		}
		for _, name := range []string{"gitleaks", "gosec"} {
			if strings.HasPrefix(path.Base(lying.Path), name) {
				tool[name+f.Name] = true
			}
		}
	}
	if b.Profile >= criteria.Standard {
		needed = append(needed, criteria.FactExploited) // required from there on
	}
	var asked []criteria.Fact
	for _, fact := range needed {
		if slices.Contains(given, fact) || slices.Contains(asked, fact) {
			continue
		}
		asked = append(asked, fact)
		f := preferred(formats, fact)
		if !isGo && fact == criteria.FactTests {
			f = format("junit")
		}
		e := begunEvidence{Path: f.Path, Format: f.Name, About: f.About, Proposed: true, Times: untold(f.Name)}
		artifact := "dist/app"
		if len(artifacts) > 0 {
			artifact = artifacts[0]
		}
		if f.About == aboutArtifact {
			e.About = artifact
		}
		if f.Command != "" {
			f.Command = strings.ReplaceAll(f.Command, "dist/app", quote(artifact))
			e.Comment = []string{"There is no " + fact.Title() + " yet. One way to make one:", "  " + f.Command}
		} else {
			e.Comment = []string{"There is no " + fact.Title() + " yet: " + f.Origin + "."}
		}
		b.add(e)
		if f.Name == "gitleaks-json" {
			tool["gitleaksgitleaks-json"] = true
		}
	}
	if tool["gitleaksgitleaks-json"] {
		b.Params = append(b.Params, "no-secrets:", "  range: history # if gitleaks went through it all (--log-opts=--all): its JSON does not say")
	}
	if tool["gosecsarif"] && b.Profile >= criteria.Standard {
		b.Params = append(b.Params, "static-analysis:", "  listsOnlyBroken: [gosec] # gosec's SARIF lists only the rules that found something")
	}
}

func (b *begin) add(e begunEvidence) {
	b.Evidence = append(b.Evidence, e)
	switch {
	case e.About == "" || slices.Contains(b.Vouched, e.Format):
	case !e.Proposed:
		b.Vouched = append(b.Vouched, e.Format)
		b.MayVouch = slices.DeleteFunc(b.MayVouch, func(f string) bool { return f == e.Format })
	case !slices.Contains(b.MayVouch, e.Format):
		b.MayVouch = append(b.MayVouch, e.Format)
	}
}

// artifactOf says which artifact a report is about: the only one, or the one
// that the report is named after.
func artifactOf(report string, artifacts []string) (artifact string, sure bool) {
	best := ""
	for _, a := range artifacts {
		if strings.HasPrefix(path.Base(report), path.Base(a)) && len(a) > len(best) {
			best = a
		}
	}
	switch {
	case best != "":
		return best, true
	case len(artifacts) == 0:
		return "dist/app", false
	}
	return artifacts[0], len(artifacts) == 1
}

// untold are the times that reports of a format do not say and that a criterion
// asks for.
func untold(format string) []string {
	switch format {
	case "osv-scanner":
		return []string{"time", "databaseTime"}
	case "trivy-json":
		return []string{"databaseTime"}
	}
	return nil
}

// plainWord is text that YAML needs no quotes for.
var plainWord = regexp.MustCompile(`^[A-Za-z_./][A-Za-z0-9_./+@:*-]*[A-Za-z0-9_/*-]$`)

// scalar writes s as YAML reads it.
func scalar(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off":
		return strconv.Quote(s)
	}
	if plainWord.MatchString(s) && !strings.Contains(s, ": ") {
		return s
	}
	return strconv.Quote(s)
}
