package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/urfave/cli/v2"
)

func TestCode(t *testing.T) {
	_, missing := os.Open("no such file")
	place := &strict.Error{File: "policy.yaml", Line: 1, Column: 1, Msg: "unknown key"}
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, console.Yes},
		{"refused", console.Refuse(errors.New("x")), console.No},
		{"refused_deep_inside", fmt.Errorf("verifying: %w", console.Refuse(errors.New("x"))), console.No},
		{"quietly_refused", console.Quiet(console.No), console.No},
		{"misused", console.Misused(errors.New("x")), console.Usage},
		{"unable", console.Unable(errors.New("x")), console.CouldNotTell},
		{"place_in_a_file", place, console.Usage},
		{"places_in_a_file", strict.Errors{place, place}, console.Usage},
		{"place_inside", fmt.Errorf("reading: %w", place), console.Usage},
		{"no_such_file", missing, console.Usage},
		{"no_such_file_inside", fmt.Errorf("opening: %w", missing), console.Usage},
		// What a command says of itself comes before what caused it.
		{"evidence_with_a_place", console.Unable(place), console.CouldNotTell},
		{"refused_for_a_missing_file", console.Refuse(missing), console.No},
		{"anything_else", errors.New("connection reset"), console.CouldNotTell},
		{"permission", fs.ErrPermission, console.CouldNotTell},
		{"interrupted", context.Canceled, console.CouldNotTell},
		{"interrupted_beside_a_missing_file", errors.Join(missing, context.Canceled), console.CouldNotTell},
		{"too_late", context.DeadlineExceeded, console.CouldNotTell},
	} {
		if got := console.Code(tt.err); got != tt.want {
			t.Errorf("Code(%s) = %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestReport(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"nothing", nil, console.Yes, ""},
		{
			"lines_and_hints", console.Refuse(errors.New("refused: a\n  b"), "try this", "or that"), console.No,
			"hallmark: refused: a\nhallmark:   b\nhallmark: hint: try this\nhallmark: hint: or that\n",
		},
		{"quiet", console.Quiet(console.No), console.No, ""},
		{"interrupted", fmt.Errorf("hashing: %w", context.Canceled), console.CouldNotTell, "hallmark: interrupted: nothing was written\n"},
		{"plain", errors.New("connection reset"), console.CouldNotTell, "hallmark: connection reset\n"},
	} {
		var out, errs bytes.Buffer
		io := console.IO{Out: &out, Err: &errs}
		if got := io.Report("hallmark", tt.err); got != tt.code || errs.String() != tt.want || out.Len() > 0 {
			t.Errorf("Report(%s) = %d, wrote %q and %q, want %d, %q", tt.name, got, errs.String(), out.String(), tt.code, tt.want)
		}
	}
}

// However a command line is wrong, the answer is 2, and nothing goes to where
// results go.
func TestRun(t *testing.T) {
	app := func() *cli.App {
		return &cli.App{Name: "hallmark", Commands: []*cli.Command{{
			Name:  "say",
			Flags: []cli.Flag{console.Output("table", "json"), &cli.IntFlag{Name: "count"}},
			Action: func(c *cli.Context) error {
				switch c.Args().First() {
				case "no":
					return console.Refuse(errors.New("refused"))
				case "fault":
					return errors.New("connection reset")
				}
				fmt.Fprintln(c.App.Writer, c.String("output"))
				return nil
			},
		}}}
	}
	for _, tt := range []struct {
		args []string
		code int
		out  string
		err  string
	}{
		{[]string{"say"}, console.Yes, "table\n", ""},
		{[]string{"say", "-o", "json"}, console.Yes, "json\n", ""},
		{[]string{"say", "no"}, console.No, "", "hallmark: refused\n"},
		{[]string{"say", "-o", "json", "no"}, console.No, "", "hallmark: refused\n"},
		{[]string{"say", "fault"}, console.CouldNotTell, "", "hallmark: connection reset\n"},
		{[]string{"say", "-o", "jsno"}, console.Usage, "", "hallmark: unknown output format \"jsno\": did you mean \"json\"?\n"},
		{[]string{"say", "-o", "something"}, console.Usage, "", "hallmark: unknown output format \"something\": known are table, json\n"},
		{[]string{"say", "--colour"}, console.Usage, "", "hallmark: flag provided but not defined: -colour\nhallmark: hint: see: hallmark say --help\n"},
		{[]string{"say", "--count", "many"}, console.Usage, "", "hallmark: invalid value \"many\" for flag -count: parse error\nhallmark: hint: see: hallmark say --help\n"},
		{[]string{"--colour"}, console.Usage, "", "hallmark: flag provided but not defined: -colour\nhallmark: hint: see: hallmark --help\n"},
	} {
		var out, errs bytes.Buffer
		io := console.IO{In: &bytes.Buffer{}, Out: &out, Err: &errs}
		got := io.Run(context.Background(), app(), append([]string{"hallmark"}, tt.args...))
		if got != tt.code || out.String() != tt.out || errs.String() != tt.err {
			t.Errorf("Run(%q) = %d, wrote %q and %q, want %d, %q, %q", tt.args, got, out.String(), errs.String(), tt.code, tt.out, tt.err)
		}
	}
}

func TestPaint(t *testing.T) {
	if got := (console.IO{}).Paint(console.Red, "fail"); got != "fail" {
		t.Errorf("Paint() without colour = %q", got)
	}
	if got := (console.IO{Color: true}).Paint(console.Red, "fail"); got != "\x1b[1;31mfail\x1b[0m" {
		t.Errorf("Paint() = %q", got)
	}
}
