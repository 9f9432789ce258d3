package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/urfave/cli/v2"
)

func initCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "begin a hallmark.yaml and a policy.yaml", ArgsUsage: "[DIR]",
		Description: console.Examples(`Writes a hallmark.yaml and a policy.yaml to begin with, filled in from what lies
in DIR: commit and tags, security policy, change log, reports. Files that exist
are left as they are.`,
			"hallmark init",
			"hallmark init --profile standard path/to/project"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "profile", Value: "basic", Usage: "basic, standard or advanced"},
			console.Output("table", "json"),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return console.Misused(fmt.Errorf("unexpected argument %q", c.Args().Get(1)), "see: hallmark init --help")
			}
			dir := c.Args().First()
			if dir == "" {
				dir = "."
			}
			return initialise(io, c, dir)
		},
	}
}

// begin is what a first hallmark.yaml is filled in from.
type begin struct {
	Name, Version, Repository, Source, Previous, Profile string
	Artifacts                                            []string
	Evidence                                             []begunEvidence
}

type begunEvidence struct{ Path, Format, About string }

func initialise(io console.IO, c *cli.Context, dir string) error {
	switch c.String("profile") {
	case "basic", "standard", "advanced":
	default:
		return console.Misused(fmt.Errorf("unknown profile %q%s", c.String("profile"), didYouMean(c.String("profile"), []string{"basic", "standard", "advanced"})))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return console.Misused(err)
	}
	if !info.IsDir() {
		return console.Misused(fmt.Errorf("%s is no folder", dir))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	b := begin{Name: filepath.Base(abs), Profile: c.String("profile"), Version: "0.1.0"}
	git := func(args ...string) string {
		out, err := exec.CommandContext(c.Context, "git", append([]string{"-C", dir}, args...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	b.Source = git("rev-parse", "--verify", "HEAD^{commit}")
	if tag := git("describe", "--tags", "--exact-match", "HEAD"); tag != "" {
		b.Version = strings.TrimPrefix(tag, "v")
		b.Previous = git("rev-parse", "--verify", git("describe", "--tags", "--abbrev=0", "HEAD^")+"^{commit}")
	}
	if url := git("remote", "get-url", "origin"); strings.HasPrefix(url, "https://") {
		b.Repository = "git+" + url
	}
	for _, e := range []begunEvidence{
		{"SECURITY.md", "security-md", "source"},
		{".github/SECURITY.md", "security-md", "source"},
		{"CHANGELOG.md", "changelog", "source"},
		{"go.mod", "go-mod", "source"},
	} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(e.Path))); err == nil {
			b.Evidence = append(b.Evidence, e)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "dist")); err == nil && len(entries) > 0 {
		b.Artifacts = []string{"dist/*"}
	}
	type wrote struct {
		Path    string `json:"path"`
		Written bool   `json:"written"`
	}
	var files []wrote
	for name, tmpl := range map[string]*template.Template{"hallmark.yaml": releaseTemplate, "policy.yaml": policyTemplate} {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err == nil {
			files = append(files, wrote{path, false})
			continue
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		var text strings.Builder
		if err := tmpl.Execute(&text, b); err != nil {
			return err
		}
		if err := atomicfile.Write(path, []byte(text.String()), 0o644); err != nil {
			return err
		}
		files = append(files, wrote{path, true})
	}
	if files[0].Path > files[1].Path {
		files[0], files[1] = files[1], files[0]
	}
	if c.String("output") == "json" {
		return io.JSON(files)
	}
	for _, f := range files {
		verb := "wrote"
		if !f.Written {
			verb = "kept"
		}
		fmt.Fprintf(io.Out, "%-6s %s\n", verb, f.Path)
	}
	fmt.Fprintf(io.Out, "\nNext: look through both, add your reports under evidence, and run\n  hallmark evaluate -f %s\nSee what is asked with: hallmark criteria\n", quote(filepath.Join(dir, "hallmark.yaml")))
	return nil
}

// The first files are written with everything a release manager has to decide
// in view. A test holds them against the readers.
var (
	releaseTemplate = template.Must(template.New("hallmark.yaml").Parse(`# What is released, and where its evidence lies. Paths are relative to this file.
release:
  name: {{printf "%q" .Name}}
  version: "{{.Version}}"
  # How consumers ask for it: a package URL with its version, or an address.
  resource: {{printf "pkg:generic/%s@%s" .Name .Version | printf "%q"}}
{{- if .Repository}}
  repository: {{.Repository}}
{{- end}}
  # The commit this release was built from, and that of the release before it.
  source: gitCommit:{{if .Source}}{{.Source}}{{else}}0000000000000000000000000000000000000000{{end}}
{{- if .Previous}}
  previous: gitCommit:{{.Previous}}
{{- else}}
  # previous: gitCommit:…
{{- end}}

# Paths or patterns of the files you publish.
artifacts:
{{- range .Artifacts}}
  - {{.}}
{{- else}}
  - dist/*
{{- end}}
# checksums: dist/SHA256SUMS

policy: policy.yaml

# Reports, each with the format that reads it (hallmark criteria --formats) and,
# where the report does not say so itself, what it is about.
evidence:
{{- range .Evidence}}
  - path: {{.Path}}
    format: {{.Format}}
    about: {{.About}}
{{- else}} []
{{- end}}
#  - path: evidence/unit.xml
#    format: junit
#    about: source

verifier:
  # A URI of your own by which consumers know your verdicts; keep it stable.
  id: {{printf "https://example.com/%s/release-verifier/v1" .Name | printf "%q"}}
`))
	policyTemplate = template.Must(template.New("policy.yaml").Parse(`# What a release must meet: basic, standard or advanced. See: hallmark criteria
profile: {{.Profile}}

# Parameters by criterion, laid over the profile's.
# criteria:
#   tests-pass: {}

# Formats for which your pipeline's word is taken on what a report is about and
# when it was made, because the report itself does not say.
vouched:
  - security-md
  - changelog
  - go-mod

# waivers:
#   - id: W-1
#     criterion: static-analysis
#     finding: G304
#     where: cmd/main.go
#     reason: why this is acceptable, and until when
#     owner: who mends it
#     requester: who asked
#     approver: who granted it, somebody else
#     created: 2026-01-31T00:00:00Z
#     expires: 2026-04-30T00:00:00Z
`))
)
