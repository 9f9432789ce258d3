package console

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// width is how many columns help may take: what fits a terminal that nobody
// has widened.
const width = 80

// flagColumn is where the explanation of a flag begins.
const flagColumn = 28

// setHelp gives app and all its commands help that fits a terminal: the
// library's own does not break lines.
func setHelp(app *cli.App) {
	about := help{name: app.Name, usage: app.Usage, arguments: app.ArgsUsage, description: app.Description, commands: app.Commands, flags: app.Flags}
	app.CustomAppHelpTemplate = about.template()
	setCommandHelp(app.Name, app.Commands)
}

func setCommandHelp(path string, commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelpCommand = true
		about := help{name: path + " " + c.Name, usage: c.Usage, arguments: c.ArgsUsage, description: c.Description, commands: c.Subcommands, flags: c.Flags}
		c.CustomHelpTemplate = about.template()
		setCommandHelp(about.name, c.Subcommands)
	}
}

// help is what --help says of one command.
type help struct {
	name, usage, arguments, description string
	commands                            []*cli.Command
	flags                               []cli.Flag
}

// template is the help as the library wants it: nothing in it is left to fill
// in.
func (h help) template() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nUsage:\n  %s", h.name, h.usage, h.name)
	if len(h.commands) > 0 {
		b.WriteString(" COMMAND")
	}
	b.WriteString(" [options]")
	if h.arguments != "" {
		b.WriteString(" " + h.arguments)
	}
	fmt.Fprintf(&b, "\n\n%s\n", h.description)
	if len(h.commands) > 0 {
		b.WriteString("\nCommands:\n")
		for _, c := range h.commands {
			fmt.Fprintf(&b, "  %-10s  %s\n", c.Name, c.Usage)
		}
	}
	b.WriteString("\nOptions:\n")
	for _, f := range h.flags {
		b.WriteString(flagHelp(f))
	}
	b.WriteString(flagHelp(&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this"}))
	return strings.NewReplacer("{{", "{{`{{`}}").Replace(b.String())
}

func flagHelp(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	// As the library writes it: `NAME` in the usage is what the value is called.
	usage := d.GetUsage()
	value := ""
	if d.TakesValue() {
		value = " VALUE"
		if _, rest, ok := strings.Cut(usage, "`"); ok {
			if name, _, ok := strings.Cut(rest, "`"); ok {
				value = " " + name
			}
		}
	}
	usage = strings.ReplaceAll(usage, "`", "")
	head, also := "      ", ""
	for _, name := range f.Names()[1:] {
		if len(name) == 1 {
			head = "  -" + name + ", "
		} else {
			also += ", --" + name
		}
	}
	head += "--" + f.Names()[0] + also + value
	if s := d.GetDefaultText(); d.TakesValue() && s != "" {
		usage += " (default: " + strings.Trim(s, `"`) + ")"
	}
	if env := d.GetEnvVars(); len(env) > 0 {
		usage += " [$" + strings.Join(env, ", $") + "]"
	}
	lines := Wrap(usage, width-flagColumn)
	var b strings.Builder
	if len(head)+2 > flagColumn {
		b.WriteString(head + "\n")
		head = ""
	}
	for _, line := range lines {
		fmt.Fprintf(&b, "%-*s%s\n", flagColumn, head, line)
		head = ""
	}
	return b.String()
}

// Wrap breaks text at spaces into lines of at most n columns. A word that is
// longer has a line of its own.
func Wrap(text string, n int) []string {
	var lines []string
	line, columns := "", 0
	for _, word := range strings.Fields(text) {
		w := len([]rune(word))
		if columns > 0 && columns+1+w > n {
			lines = append(lines, line)
			line, columns = "", 0
		}
		if columns > 0 {
			line += " "
			columns++
		}
		line += word
		columns += w
	}
	return append(lines, line)
}
