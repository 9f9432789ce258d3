// Command greet greets someone in a language they understand.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"hallmark-project.dev/greet/phrase"
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit status, 0 for a greeting
// and 2 for a mistake in the arguments.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("greet", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: greet [-lang TAG] [-phrases FILE] NAME…")
		flags.PrintDefaults()
	}
	lang := flags.String("lang", "", "greet in the language closest to `TAG`, such as de-AT; default from LC_ALL, LC_MESSAGES, LANG")
	phrases := flags.String("phrases", "", "take the phrases from `FILE`, YAML with one phrase for each language")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	if *lang == "" {
		*lang = locale(getenv)
	}
	book := phrase.Builtin()
	if *phrases != "" {
		var err error
		if book, err = phrase.Open(*phrases); err != nil {
			fmt.Fprintln(stderr, "greet:", err)
			return 2
		}
	}
	greeting, err := book.Greet(*lang, strings.Join(flags.Args(), " "))
	if err != nil {
		fmt.Fprintln(stderr, "greet:", err)
		return 2
	}
	fmt.Fprintln(stdout, greeting)
	return 0
}

// locale returns the language of the environment's messages, empty if it names
// none. POSIX: the first of these variables that is set and not empty counts.
func locale(getenv func(string) string) string {
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(variable); value != "" {
			tag, _, _ := strings.Cut(value, ".") // de_AT.UTF-8
			tag, _, _ = strings.Cut(tag, "@")    // de_AT@euro
			if tag == "C" || tag == "POSIX" {
				return ""
			}
			return tag
		}
	}
	return ""
}
