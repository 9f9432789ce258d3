// Conformance is the client that Sigstore's conformance suite drives. It speaks
// the suite's command line and asks the packages that hallmark verify and
// hallmark release ask, so that what it shows is shown of them.
//
//	conformance verify-bundle [--staging] --bundle FILE
//	    (--certificate-identity IDENTITY --certificate-oidc-issuer URL | --key FILE)
//	    [--trusted-root FILE] FILE_OR_DIGEST
//	conformance sign-bundle [--staging] [--in-toto] --identity-token TOKEN --bundle FILE
//	    [--trusted-root FILE] [--signing-config FILE] FILE
//
// The trusted root is the public-good instance's unless another is given. What
// it lists is required: an entry in one of its transparency logs, certificates
// that one of its certificate logs holds, and of a bundle with timestamps one by
// one of its authorities, since the command line cannot say what to require. The
// root that is built in lists no authority of the instance's own: of it, logs alone
// are required, and one of them has to say when it was signed.
//
// It exits with 0 for yes, 1 for no, 2 where it is used wrongly, and 3 where it
// could not tell.
//
// https://github.com/sigstore/sigstore-conformance/blob/main/docs/cli_protocol.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/hallmark-project/hallmark/verify"
)

const (
	yes = iota
	no
	misused
	unknown
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// usageError is what the caller did wrong.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func misusedf(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// run runs one subcommand and returns the exit code.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	err := dispatch(ctx, args)
	var reason *verify.Reason
	var usage usageError
	switch {
	case err == nil:
		return yes
	case errors.Is(err, flag.ErrHelp):
		return yes
	case errors.As(err, &reason):
		fmt.Fprintln(stderr, "refused:", reason)
		return no
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "error:", err)
		return misused
	}
	fmt.Fprintln(stderr, "error:", err)
	return unknown
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return misusedf("no subcommand: expected verify-bundle or sign-bundle")
	}
	switch args[0] {
	case "verify-bundle":
		v, err := parseVerify(args[1:])
		if err != nil {
			return err
		}
		return v.run(ctx)
	case "sign-bundle":
		s, err := parseSign(args[1:])
		if err != nil {
			return err
		}
		return s.run(ctx)
	}
	return misusedf("unknown subcommand %q: expected verify-bundle or sign-bundle", args[0])
}

// parse reads the flags of a subcommand, and returns its one operand.
func parse(f *flag.FlagSet, args []string) (string, error) {
	f.SetOutput(io.Discard)
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return "", err
		}
		return "", misusedf("%s: %v", f.Name(), err)
	}
	if f.NArg() != 1 {
		return "", misusedf("%s: %d operands, expected one", f.Name(), f.NArg())
	}
	return f.Arg(0), nil
}
