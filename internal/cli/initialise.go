package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/urfave/cli/v2"
)

func initCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "begin a hallmark.yaml and a policy.yaml", ArgsUsage: "[DIR]",
		Description: console.Examples(`Writes a hallmark.yaml and a policy.yaml to begin with, filled in from what lies
in DIR: commit and tags, what is in dist, and reports, told by their names. What
the profile asks for and nothing answers is there too, as a comment that says
how to come by it. Files that exist are left as they are.`,
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

func initialise(io console.IO, c *cli.Context, dir string) error {
	profile, err := criteria.ParseLevel(c.String("profile"))
	if err != nil {
		return console.Misused(fmt.Errorf("unknown profile %q%s", c.String("profile"), didYouMean(c.String("profile"), []string{"basic", "standard", "advanced"})))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return console.Misused(err)
	}
	if !info.IsDir() {
		return console.Misused(fmt.Errorf("%s is no folder", dir))
	}
	b, err := beginIn(c.Context, dir, profile)
	if err != nil {
		return err
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
	if slices.ContainsFunc(files, func(f wrote) bool { return f.Written }) {
		for _, note := range b.Notes {
			fmt.Fprintf(io.Out, "%-6s %s\n", "note", strings.Join(console.Wrap(note, 80-7), "\n       "))
		}
	}
	fmt.Fprintf(io.Out, "\nNext: look through both files, and run\n  hallmark evaluate -f %s\n", quote(filepath.Join(dir, "hallmark.yaml")))
	return nil
}

// The first files are written with everything a release manager has to decide
// in view. A test holds them against the readers.
var (
	releaseTemplate = parse("hallmark.yaml", `# What is released, and where its evidence lies. Paths are relative to this file.
release:
  name: {{yaml .Name}}
  version: {{printf "%q" .Version}}
  # What consumers call it: a package URL with its version, or a download address.
  resource: {{yaml .Resource}}
{{- if .Repository}}
  repository: {{yaml .Repository}}
{{- end}}
  # The commit this release was built from, and that of the release before it.
{{- if .Source}}
  source: gitCommit:{{.Source}}
{{- else}}
  # No commit was found here: this one stands for none.
  source: gitCommit:0000000000000000000000000000000000000000
{{- end}}
{{- if .Previous}}
  previous: gitCommit:{{.Previous}}
{{- else}}
  # previous: gitCommit:…
{{- end}}

# Paths or patterns of the files you publish.
artifacts:
{{- range .Artifacts}}
  - {{yaml .}}
{{- end}}
{{if .Checksums}}checksums: {{yaml .Checksums}}{{else}}# checksums: dist/SHA256SUMS{{end}}

policy: policy.yaml

# Reports, each with the format that reads it (hallmark criteria --formats) and,
# where the report does not say so itself, what it is about: source, artifacts,
# one artifact, or another report. The formats here are guessed from file names.
evidence:{{if not (active .Evidence)}} []{{end}}
{{- range .Evidence}}
{{- $mark := "  "}}{{if .Proposed}}{{$mark = "  # "}}{{end}}
{{- range .Comment}}
  # {{.}}
{{- end}}
{{$mark}}- path: {{yaml .Path}}
{{$mark}}  format: {{.Format}}
{{- if .About}}
{{$mark}}  about: {{yaml .About}}
{{- end}}
{{- if .Times}}
  #   The report does not say when this was, so you have to:
{{- range .Times}}
  #   {{.}}: 2026-01-31T12:00:00Z
{{- end}}
{{- end}}
{{- end}}

verifier:
  # A URI of your own by which consumers know your verdicts; keep it stable.
  id: {{yaml .Verifier}}

# The private key that signs: hallmark key generate --out release.key
# Without one here or in --key, one is made in your configuration folder.
# signer:
#   key: release.key
`)
	policyTemplate = parse("policy.yaml", `# What a release must meet: basic, standard or advanced. See: hallmark criteria
profile: {{.Profile}}

# Parameters by criterion, laid over the profile's. See: hallmark criteria NAME
# criteria:
{{- range .Params}}
#   {{.}}
{{- else}}
#   tests-pass:
#     maxSkipped: 0.1
{{- end}}

# Formats for which your pipeline's word is taken on what a report is about and
# when it was made, because the report itself does not say.
vouched:{{if not .Vouched}} []{{end}}
{{- range .Vouched}}
  - {{.}}
{{- end}}
{{- range .MayVouch}}
  # - {{.}}
{{- end}}

# Exceptions, each with a reason and an end.
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
`)
)

func parse(name, text string) *template.Template {
	return template.Must(template.New(name).Funcs(template.FuncMap{
		"yaml": scalar,
		"active": func(all []begunEvidence) bool {
			return slices.ContainsFunc(all, func(e begunEvidence) bool { return !e.Proposed })
		},
	}).Parse(text))
}
