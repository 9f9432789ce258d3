// Package console is how every command talks: streams and clock from outside,
// exit codes, errors with hints, tables, progress. It knows no command.
package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// IO is the world outside a command. Tests give their own.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string
	Now      func() time.Time
	// Terminal is true where Err is a terminal that a person watches; Color
	// where Out is one that shows colour.
	Terminal, Color bool
	// Password asks a person without showing what is typed, until ctx ends; nil
	// where nobody can be asked.
	Password func(ctx context.Context, prompt string) ([]byte, error)
}

// System is the IO of a process.
func System() IO {
	io := IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Now: time.Now}
	io.Terminal = term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("CI") == ""
	// https://no-color.org: set and not empty, whatever its value.
	io.Color = term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if term.IsTerminal(int(os.Stdin.Fd())) {
		io.Password = askPassword
	}
	return io
}

// The exit codes, the same for every command and every output format.
// Everything but Yes denies.
const (
	Yes          = 0 // criteria met, or verified
	No           = 1 // criteria not met, or refused
	Usage        = 2 // usage or configuration
	CouldNotTell = 3 // evidence missing or unreadable, network, trust root, internal fault
)

// ExitError is an error that says how the process ends, and may carry hints.
type ExitError struct {
	Code  int
	Err   error // nil where everything was said already
	Hints []string
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode implements cli.ExitCoder.
func (e *ExitError) ExitCode() int { return e.Code }

// Quiet ends with code where everything was said already.
func Quiet(code int) error { return &ExitError{Code: code} }

// Refuse is a no.
func Refuse(err error, hints ...string) error { return &ExitError{Code: No, Err: err, Hints: hints} }

// Misused is a fault of usage or configuration.
func Misused(err error, hints ...string) error {
	return &ExitError{Code: Usage, Err: err, Hints: hints}
}

// Unable could not tell.
func Unable(err error, hints ...string) error {
	return &ExitError{Code: CouldNotTell, Err: err, Hints: hints}
}

// Code returns the exit code that err stands for.
func Code(err error) int {
	var own *ExitError
	var config *strict.Error
	switch {
	case err == nil:
		return Yes
	case errors.Is(err, context.Canceled):
		// Wherever the interruption was noticed, it answers nothing.
		return CouldNotTell
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &config), errors.Is(err, fs.ErrNotExist):
		return Usage
	}
	return CouldNotTell
}

// Report prints err as a person reads it, each line with the program's name,
// hints last, and returns the exit code.
func (c IO) Report(program string, err error) int {
	if err == nil {
		return Yes
	}
	var own *ExitError
	errors.As(err, &own)
	if !isQuiet(err) {
		for _, line := range strings.Split(plain(err).Error(), "\n") {
			fmt.Fprintf(c.Err, "%s: %s\n", program, line)
		}
	}
	if own != nil && !errors.Is(err, context.Canceled) {
		for _, h := range own.Hints {
			fmt.Fprintf(c.Err, "%s: hint: %s\n", program, h)
		}
	}
	return Code(err)
}

// ErrKept marks an interruption after which something stays that was written
// before: the message must not say that there is nothing.
var ErrKept = errors.New("what was written before stays")

// plain returns err in words for people.
func plain(err error) error {
	switch {
	case errors.Is(err, context.Canceled) && errors.Is(err, ErrKept):
		return fmt.Errorf("interrupted: %w", ErrKept)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted: nothing was written")
	}
	return err
}

// Run runs app and returns the exit code. Faults of usage that the library
// finds end like every other.
func (c IO) Run(ctx context.Context, app *cli.App, args []string) int {
	app.Writer, app.ErrWriter, app.Reader = c.Out, c.Err, c.In
	app.ExitErrHandler = func(*cli.Context, error) {}
	misused := func(ctx *cli.Context, err error, _ bool) error {
		name := app.Name
		if ctx.Command != nil && ctx.Command.Name != "" && ctx.Command.Name != app.Name {
			name += " " + ctx.Command.Name
		}
		return Misused(err, "see: "+name+" --help")
	}
	app.OnUsageError = misused
	for _, cmd := range app.Commands {
		cmd.OnUsageError = misused
		for _, sub := range cmd.Subcommands {
			sub.OnUsageError = misused
		}
	}
	app.CommandNotFound = nil
	app.HideVersion = true
	app.HideHelpCommand = true
	setHelp(app)
	// A comma is part of a path.
	app.DisableSliceFlagSeparator = true
	return c.Report(app.Name, c.problem(args, app.RunContext(ctx, flagsFirst(app, args))))
}

// Output is the flag by which every command's output is chosen.
func Output(formats ...string) *cli.StringFlag {
	return &cli.StringFlag{
		Name: "output", Aliases: []string{"o"}, Value: formats[0],
		Usage: "write `FORMAT`: " + strings.Join(formats, ", "),
		Action: func(_ *cli.Context, v string) error {
			for _, f := range formats {
				if v == f {
					return nil
				}
			}
			msg := fmt.Sprintf("unknown output format %q: known are %s", v, strings.Join(formats, ", "))
			if near := strict.Nearest(v, formats); near != "" {
				msg = fmt.Sprintf("unknown output format %q: did you mean %q?", v, near)
			}
			return Misused(errors.New(msg))
		},
	}
}

// JSON writes v as one indented document.
func (c IO) JSON(v any) error {
	e := json.NewEncoder(c.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// JSONLine writes v as one line.
func (c IO) JSONLine(v any) error {
	e := json.NewEncoder(c.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Step says what is being done, on a terminal only: a log has no use for it.
func (c IO) Step(format string, args ...any) {
	if c.Terminal {
		fmt.Fprintf(c.Err, format+"\n", args...)
	}
}

// Examples is a command's description with its examples, one a line.
func Examples(text string, examples ...string) string {
	return strings.TrimSpace(text) + "\n\nExamples:\n  " + strings.Join(examples, "\n  ")
}
