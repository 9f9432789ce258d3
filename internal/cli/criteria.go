package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/urfave/cli/v2"
)

func criteriaCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "criteria", Usage: "list what can be asked, or what a policy asks", ArgsUsage: "[NAME]",
		Description: console.Examples(`Lists the criteria of the catalogue, explains one, lists what a policy asks with
its parameters, or lists the evidence formats.`,
			"hallmark criteria",
			"hallmark criteria changes-reviewed",
			"hallmark criteria --policy policy.yaml",
			"hallmark criteria --formats -o json"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "policy", Usage: "list what the policy in `FILE` asks"},
			&cli.BoolFlag{Name: "formats", Usage: "list the evidence formats"},
			console.Output("table", "json", "markdown"),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return console.Misused(fmt.Errorf("unexpected argument %q", c.Args().Get(1)), "see: hallmark criteria --help")
			}
			if c.String("policy") != "" {
				return asked(io, c)
			}
			kinds, formats := described(), describedFormats()
			if name := c.Args().First(); name != "" {
				i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
				if i < 0 {
					var names []string
					for _, k := range kinds {
						names = append(names, k.Name)
					}
					return console.Misused(fmt.Errorf("unknown criterion %q%s", name, didYouMean(name, names)))
				}
				kinds = kinds[i : i+1]
				if c.String("output") == "table" {
					return explain(io.Out, kinds[0], formats)
				}
			}
			switch c.String("output") {
			case "json":
				if c.Bool("formats") {
					return io.JSON(formats)
				}
				return io.JSON(kinds)
			case "markdown":
				return Markdown(io.Out, kinds, formats)
			}
			if c.Bool("formats") {
				showFormats(io.Out, formats)
				return nil
			}
			for _, k := range kinds {
				fmt.Fprintf(io.Out, "%-20s %-9s %s\n", k.Name, k.Level, k.Title)
			}
			fmt.Fprint(io.Out, "\nExplain one with: hallmark criteria NAME\nList the reports that are read with: hallmark criteria --formats\n")
			return nil
		},
	}
}

// Kind describes one criterion of the catalogue.
type Kind struct {
	Name     string          `json:"name"`
	Title    string          `json:"title"`
	Doc      string          `json:"doc"`
	Practice string          `json:"practice"`
	Level    criteria.Level  `json:"level"`
	Scope    string          `json:"scope"`
	Needs    []criteria.Fact `json:"needs"`
	Uses     []criteria.Fact `json:"uses,omitempty"`
	// MaxAge is how old evidence may be, by fact.
	MaxAge map[criteria.Fact]criteria.Age `json:"maxAge,omitempty"`
	// Params are the parameters that each profile sets, as JSON.
	Params map[criteria.Level]string `json:"params,omitempty"`
	// Parameters say what its parameters mean.
	Parameters []Parameters `json:"parameters"`
	Refs       []string     `json:"refs"`
	Label      string       `json:"label"`
}

func described() []Kind {
	var out []Kind
	parameters := describedParameters()
	for _, k := range known().Kinds {
		d := Kind{
			Name: k.Name, Title: k.Title, Doc: k.Doc, Practice: k.Practice.String(), Level: k.Level,
			Scope: k.Scope.String(), Needs: k.Needs, Uses: k.Uses, Params: k.Params, Parameters: parameters[k.Name], Refs: k.Refs, Label: criteria.Label(k.Name),
		}
		for f, age := range k.MaxAge {
			if d.MaxAge == nil {
				d.MaxAge = make(map[criteria.Fact]criteria.Age)
			}
			d.MaxAge[f] = criteria.Age(age)
		}
		out = append(out, d)
	}
	return out
}

// explain says all about one criterion: what it asks, what it reads, how it is
// set, and how a release comes to meet it.
func explain(w io.Writer, k Kind, formats []Format) error {
	line := func(name, text string) {
		for _, l := range console.Wrap(text, 80-12) {
			fmt.Fprintf(w, "%-10s  %s\n", name, l)
			name = ""
		}
	}
	fmt.Fprintf(w, "%s: %s\n\n%s\n\n", k.Name, k.Title, strings.Join(console.Wrap(k.Doc, 80), "\n"))
	line("asked", fmt.Sprintf("from level %s on, about %s", k.Level, scope(k.Scope)))
	for _, f := range k.Needs {
		line("needs", fmt.Sprintf("%s: %s", f, formatNames(giving(formats, f))))
	}
	for _, f := range k.Uses {
		line("uses", fmt.Sprintf("%s: %s", f, formatNames(giving(formats, f))))
	}
	for _, f := range slices.Sorted(maps.Keys(k.MaxAge)) {
		line("age", fmt.Sprintf("evidence of %s may be at most %s old", f, k.MaxAge[f]))
	}
	line("practice", k.Practice)
	line("see also", strings.Join(k.Refs, ", "))
	line("label", k.Label)

	if len(k.Params) > 0 {
		fmt.Fprint(w, "\nParameters that the profiles set:\n")
		for _, l := range criteria.Levels() {
			if p, ok := k.Params[l]; ok {
				line("  "+l.String(), spaced(p))
			}
		}
	}
	fmt.Fprintf(w, "\nParameters that policy.yaml may set, under criteria: %s:\n", k.Name)
	for _, p := range k.Parameters {
		fmt.Fprintf(w, "  %s\n", strings.Join(console.Wrap(strings.Join(p.Keys, ", "), 78), "\n  "))
		fmt.Fprintf(w, "      %s\n", strings.Join(console.Wrap(p.Doc, 74), "\n      "))
	}

	fmt.Fprint(w, "\nFor example, in hallmark.yaml:\n  evidence:\n")
	for _, fact := range k.Needs {
		f := preferred(formats, fact)
		writeMade(w, "    # ", f)
		fmt.Fprintf(w, "    - path: %s\n      format: %s\n", f.Path, f.Name)
		switch f.About {
		case aboutSource:
			fmt.Fprint(w, "      about: source\n")
		case aboutArtifact:
			fmt.Fprint(w, "      about: dist/app\n")
		}
		if f.About != "" {
			fmt.Fprintf(w, "  and in policy.yaml, if the pipeline's word is taken on what it is about:\n    vouched: [%s]\n", f.Name)
		}
	}
	return nil
}

// preferred is the format that an example shows for fact: one whose reports say
// themselves what they are about, if there is one that a command makes.
func preferred(formats []Format, fact criteria.Fact) Format {
	candidates := giving(formats, fact)
	for _, f := range candidates {
		if f.About == "" && f.Command != "" && len(f.Gives) == 1 {
			return f
		}
	}
	return candidates[0]
}

func scope(s string) string {
	if s == "artifact" {
		return "each artifact"
	}
	return "the " + s
}

// spaced is JSON with room for a line to break.
func spaced(json string) string {
	return strings.NewReplacer(`","`, `", "`, `,"`, `, "`).Replace(json)
}

// Markdown writes docs/criteria.md.
func Markdown(w io.Writer, kinds []Kind, formats []Format) error {
	fmt.Fprint(w, "# Criteria\n\n<!-- Generated by: hallmark criteria -o markdown. A test compares. -->\n\n")
	fmt.Fprint(w, "What hallmark can ask of a release. A profile asks every criterion of its level and\nof the levels below it. References are to the same requirement in other catalogues.\n")
	fmt.Fprint(w, "\n| criterion | level | asks | about | needs |\n| --- | --- | --- | --- | --- |\n")
	for _, k := range kinds {
		fmt.Fprintf(w, "| [%s](#%s) | %s | %s | %s | %s |\n", k.Name, k.Name, k.Level, k.Title, k.Scope, join(k.Needs))
	}
	for _, k := range kinds {
		fmt.Fprintf(w, "\n## %s\n\n%s\n\n", k.Name, k.Doc)
		fmt.Fprintf(w, "- practice: %s\n- label: `%s`\n- references: %s\n", k.Practice, k.Label, strings.Join(k.Refs, ", "))
		if len(k.Uses) > 0 {
			fmt.Fprintf(w, "- takes into account: %s\n", join(k.Uses))
		}
		for _, f := range slices.Sorted(maps.Keys(k.MaxAge)) {
			fmt.Fprintf(w, "- evidence of %s may be at most %s old\n", f, k.MaxAge[f])
		}
		for _, l := range criteria.Levels() {
			if p, ok := k.Params[l]; ok {
				fmt.Fprintf(w, "- parameters from %s on: `%s`\n", l, p)
			}
		}
		fmt.Fprint(w, "\n| parameter | what it means |\n| --- | --- |\n")
		for _, p := range k.Parameters {
			fmt.Fprintf(w, "| `%s` | %s |\n", strings.Join(p.Keys, "`, `"), markdownText.Replace(p.Doc))
		}
	}
	fmt.Fprint(w, `
## Evidence formats

The format of a report is named in hallmark.yaml; content is never sniffed. "About" is what to write
there because reports of the format do not say it themselves: the source, or one artifact. The policy
then has to list the format under [vouched](files.md#policyyaml). The last column is one way to
come by a report; others do as well.

| format | gives | about | for example |
| --- | --- | --- | --- |
`)
	for _, f := range formats {
		made := f.Origin
		if f.Command != "" {
			made = "`" + strings.ReplaceAll(f.Command, "|", `\|`) + "`"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", f.Name, join(f.Gives), f.About, made)
	}
	return nil
}

// markdownText makes plain text harmless in a table.
var markdownText = strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;")

func asked(io console.IO, c *cli.Context) error {
	path := c.String("policy")
	data, err := regular.File(path, strict.MaxConfig)
	if err != nil {
		return console.Misused(err)
	}
	catalogue := known()
	p, err := criteria.ParsePolicy(path, data, catalogue.Kinds, catalogue.Compile)
	if err != nil {
		return console.Misused(err)
	}
	if c.String("output") == "json" {
		return io.JSON(map[string]any{"profile": p.Profile(), "digest": p.Digest(), "criteria": p.Asked()})
	}
	fmt.Fprintf(io.Out, "profile %s, policy %s\n\n", p.Profile(), p.Digest())
	for _, a := range p.Asked() {
		fmt.Fprintf(io.Out, "%-20s %-9s %s\n", a.Name, a.Level, a.Title)
		switch {
		case a.NotApplicable != "":
			indented(io.Out, "not applicable: "+a.NotApplicable)
		case string(a.Params) != "{}":
			indented(io.Out, spaced(string(a.Params)))
		}
	}
	return nil
}

// indented writes text below the title of a criterion in a list.
func indented(w io.Writer, text string) {
	for _, line := range console.Wrap(text, 80-21) {
		fmt.Fprintf(w, "%-20s %s\n", "", line)
	}
}

func join(facts []criteria.Fact) string {
	words := make([]string, len(facts))
	for i, f := range facts {
		words[i] = string(f)
	}
	return strings.Join(words, ", ")
}
