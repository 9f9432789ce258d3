package console

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst returns args with every flag before the arguments of its command,
// which is how the library wants them and not how people write. Everything
// behind "--" stays as it is.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	out := []string{args[0]}
	rest := args[1:]
	commands, flags := app.Commands, app.Flags
	for len(rest) > 0 {
		i := indexCommand(commands, rest[0])
		if i < 0 {
			if len(commands) > 0 && !strings.HasPrefix(rest[0], "-") {
				// A command that nobody knows: its flags are nobody's either.
				return append(out, rest[0])
			}
			break
		}
		out, rest = append(out, rest[0]), rest[1:]
		flags, commands = commands[i].Flags, commands[i].Subcommands
	}
	var moved, words []string
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		if word == "--" {
			words = append(words, rest...)
			break
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			words = append(words, word)
			continue
		}
		moved = append(moved, word)
		if !strings.Contains(word, "=") && takesValue(flags, strings.TrimLeft(word, "-")) && len(rest) > 0 {
			moved, rest = append(moved, rest[0]), rest[1:]
		}
	}
	out = append(out, moved...)
	if len(words) > 0 {
		// Else the library would look for flags among them.
		out = append(append(out, "--"), words...)
	}
	return out
}

func indexCommand(commands []*cli.Command, name string) int {
	for i, c := range commands {
		if c.HasName(name) {
			return i
		}
	}
	return -1
}

func takesValue(flags []cli.Flag, name string) bool {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				d, ok := f.(cli.DocGenerationFlag)
				return ok && d.TakesValue()
			}
		}
	}
	return false
}
