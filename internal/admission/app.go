package admission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
)

// Main runs hallmark-admission with args, the program's name first, and returns
// the exit code.
func Main(args []string, io console.IO) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Asked once, we end in order; asked again, at once.
	context.AfterFunc(ctx, stop)
	io = io.Watched()
	return io.Run(ctx, App(io), args)
}

// App is the program.
func App(io console.IO) *cli.App {
	return &cli.App{
		Name: "hallmark-admission", Usage: "let a Kubernetes cluster run only what is verified",
		Description: console.Examples(`Serves an admission webhook: /validate denies workloads whose images are not
verified, /mutate pins the tags of those that are. DIR holds admission.yaml,
which says what is asked of which images, and trust files as hallmark verify
reads them; it is read again when it changes. /livez, /readyz and /metrics are
served without TLS on --metrics-listen. Every option can also be given in the
environment.`,
			"hallmark-admission --trust-dir /etc/hallmark --tls-cert tls.crt --tls-key tls.key",
			"hallmark-admission check --trust-dir /etc/hallmark deployment.yaml"),
		Flags:  serveFlags(),
		Action: func(c *cli.Context) error { return serve(io, c) },
		Commands: []*cli.Command{{
			Name: "check", Usage: "say what the webhook would say of manifests", ArgsUsage: "MANIFEST...",
			Description: console.Examples(`Reads objects from files, - for standard input, and says of each that carries
Pods what the webhook would, without a cluster: nobody uses break-glass, and an
object that names no namespace is in --namespace. Exit codes: 0 allowed, 1
denied, 2 usage, 3 could not tell.`,
				"hallmark-admission check --trust-dir /etc/hallmark deployment.yaml",
				"kubectl get pods -A -o yaml | hallmark-admission check --trust-dir DIR -"),
			Flags:  checkFlags(),
			Action: func(c *cli.Context) error { return check(io, c) },
		}},
	}
}

// env is the variable that stands for a flag.
func env(flag string) []string {
	return []string{"HALLMARK_ADMISSION_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

func text(name, value, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

func span(name string, value time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

func number(name string, value int, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

// sharedFlags are those of the server and of check.
func sharedFlags() []cli.Flag {
	return []cli.Flag{
		text("trust-dir", "", "policies: `DIR` with admission.yaml and trust files"),
		&cli.StringSliceFlag{Name: "registry-credentials", Usage: "credentials: a pull secret or docker configuration in `FILE`, or mounted as a folder; may be repeated", EnvVars: env("registry-credentials")},
		&cli.BoolFlag{Name: "allow-http-registry", Usage: "ask registries without TLS where they have none: for tests", EnvVars: env("allow-http-registry")},
		number("lookups", 16, "look up so many images at once"),
		number("lookups-per-registry", 8, "look up so many images at once in one registry"),
		span("lookup-timeout", 30*time.Second, "give up a lookup after `TIME`"),
		number("bundle-memory", 32, "read at most so many `MIB` of bundles about one image"),
	}
}

func serveFlags() []cli.Flag {
	return append(sharedFlags(),
		text("listen", ":8443", "serve the webhook on `ADDR`"),
		text("metrics-listen", ":8080", "serve metrics and health on `ADDR`; empty serves none"),
		text("tls-cert", "", "show the certificate in `FILE`"),
		text("tls-key", "", "the certificate's key in `FILE`"),
		text("client-ca", "", "answer only who shows a certificate of those in `FILE`"),
		span("cache-verified", 5*time.Minute, "keep a yes for `TIME`"),
		span("cache-refused", 20*time.Second, "keep a no for `TIME`"),
		span("cache-tag", 10*time.Second, "believe for `TIME` what a tag leads to; 0 asks each time"),
		number("cache-entries", 10_000, "keep so many answers"),
		text("warm", "", "look ahead at the images that `FILE` lists, one a line"),
		span("reload", 5*time.Second, "look every `TIME` whether files changed"),
		span("drain-delay", 5*time.Second, "go on answering for `TIME` after being told to stop"),
		span("drain-timeout", 30*time.Second, "give requests `TIME` to end after that"),
		&cli.BoolFlag{Name: "pprof", Usage: "serve profiles on --metrics-listen", EnvVars: env("pprof")},
		text("log-level", "info", "log from `LEVEL` on: debug, info, warn, error"),
	)
}

func checkFlags() []cli.Flag {
	return append(sharedFlags(),
		text("namespace", "default", "the `NAMESPACE` of objects that name none"),
		console.Output("table", "json"),
	)
}

// options are what the flags say, as far as both commands have them.
func options(io console.IO, c *cli.Context) (Options, error) {
	o := Options{TrustDir: c.String("trust-dir"), Now: io.Now, CredentialFiles: c.StringSlice("registry-credentials")}
	if o.TrustDir == "" {
		return o, console.Misused(errors.New("--trust-dir is missing: nothing is trusted that you did not say"), "see: docs/admission.md")
	}
	for _, name := range []string{"lookups", "lookups-per-registry", "bundle-memory"} {
		if c.Int(name) < 1 {
			return o, console.Misused(fmt.Errorf("--%s must be at least 1", name))
		}
	}
	if c.Duration("lookup-timeout") <= 0 {
		return o, console.Misused(errors.New("--lookup-timeout must be positive"))
	}
	home, _ := os.UserHomeDir()
	o.Credentials = func() oci.Credentials {
		return credentials.New(credentials.Options{Env: io.Env, Home: home, PullSecrets: o.CredentialFiles})
	}
	o.Access = oci.Access{
		AllowHTTP: c.Bool("allow-http-registry"), UserAgent: "hallmark-admission",
		Patience:   oci.Patience{Connect: 3 * time.Second, Answer: 8 * time.Second, Stall: 5 * time.Second, Attempts: 3, Backoff: 200 * time.Millisecond, Wait: 5 * time.Second},
		MaxBundles: int64(c.Int("bundle-memory")) << 20, MaxKept: 1 << 20,
	}
	o.Limits = Limits{
		Verified: time.Hour, Refused: time.Hour, Tag: time.Hour, Entries: 10_000,
		Lookups: c.Int("lookups"), Registry: c.Int("lookups-per-registry"), Lookup: c.Duration("lookup-timeout"),
		Bundles: int64(c.Int("bundle-memory")) << 20,
	}
	return o, nil
}

func serve(io console.IO, c *cli.Context) error {
	if c.Args().Present() {
		return console.Misused(fmt.Errorf("%q is no command: the server takes options only", c.Args().First()), "see: hallmark-admission --help")
	}
	o, err := options(io, c)
	if err != nil {
		return err
	}
	for _, name := range []string{"tls-cert", "tls-key"} {
		if c.String(name) == "" {
			return console.Misused(fmt.Errorf("--%s is missing: API servers speak TLS to webhooks", name))
		}
	}
	for _, name := range []string{"cache-verified", "cache-refused", "reload"} {
		if c.Duration(name) <= 0 {
			return console.Misused(fmt.Errorf("--%s must be positive", name))
		}
	}
	for _, name := range []string{"cache-tag", "drain-delay", "drain-timeout"} {
		if c.Duration(name) < 0 {
			return console.Misused(fmt.Errorf("--%s must not be negative", name))
		}
	}
	if c.Int("cache-entries") < 1 {
		return console.Misused(errors.New("--cache-entries must be at least 1"))
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return console.Misused(fmt.Errorf("--log-level %q: expected debug, info, warn or error", c.String("log-level")))
	}
	o.Certificate, o.Key, o.ClientCA = c.String("tls-cert"), c.String("tls-key"), c.String("client-ca")
	o.Limits.Verified, o.Limits.Refused, o.Limits.Tag = c.Duration("cache-verified"), c.Duration("cache-refused"), c.Duration("cache-tag")
	o.Limits.Entries = c.Int("cache-entries")
	o.Warm, o.Reload, o.Pprof = c.String("warm"), c.Duration("reload"), c.Bool("pprof")
	o.Log = slog.New(slog.NewJSONHandler(io.Err, &slog.HandlerOptions{Level: level}))
	if o.Warm != "" {
		if _, err := readList(o.Warm); err != nil {
			return console.Misused(err)
		}
	}
	s, err := New(o)
	if err != nil {
		return console.Misused(err)
	}
	var l Listeners
	if l.Webhook, err = net.Listen("tcp", c.String("listen")); err != nil {
		return console.Misused(fmt.Errorf("--listen: %w", err))
	}
	if address := c.String("metrics-listen"); address != "" {
		if l.Metrics, err = net.Listen("tcp", address); err != nil {
			l.Webhook.Close()
			return console.Misused(fmt.Errorf("--metrics-listen: %w", err))
		}
	}
	if err := s.Serve(c.Context, l, Drain{Delay: c.Duration("drain-delay"), Timeout: c.Duration("drain-timeout")}); err != nil {
		return console.Unable(err)
	}
	return nil
}

func check(io console.IO, c *cli.Context) error {
	o, err := options(io, c)
	if err != nil {
		return err
	}
	if !c.Args().Present() {
		return console.Misused(errors.New("nothing to check: name manifests, or - for standard input"))
	}
	o.Log = slog.New(slog.DiscardHandler)
	o.Reload = time.Hour
	s, err := New(o)
	if err != nil {
		return console.Misused(err)
	}
	defer s.Close()
	var list []manifest
	for _, name := range c.Args().Slice() {
		found, err := readManifests(name, io.In)
		if err != nil {
			return console.Misused(err)
		}
		list = append(list, found...)
	}
	if len(list) == 0 {
		return console.Misused(errors.New("nothing to check: the files hold no objects"))
	}
	checked := s.check(c.Context, list, c.String("namespace"), o.Limits.Lookup)
	if err := c.Context.Err(); err != nil {
		return err
	}
	if c.String("output") == "json" {
		if err := io.JSON(checked); err != nil {
			return err
		}
	} else {
		table(io, checked)
	}
	switch checked.Outcome {
	case Allowed:
		return nil
	case Denied:
		return console.Quiet(console.No)
	}
	return console.Quiet(console.CouldNotTell)
}

// table writes what is allowed to io.Out and what is not to io.Err.
func table(io console.IO, checked Checked) {
	for _, o := range checked.Objects {
		name := o.Kind + " " + o.Name
		if o.Namespace != "" {
			name = o.Kind + " " + o.Namespace + "/" + o.Name
		}
		switch o.Outcome {
		case Skipped:
			fmt.Fprintf(io.Out, "skipped %s: it runs no image, or none that is known here\n", name)
		case Allowed:
			fmt.Fprintf(io.Out, "%s %s\n", io.Paint(console.Green, "allowed"), name)
			var said []string
			for _, i := range o.Images {
				line := "  " + shown(i.Image)
				if i.Digest != "" && !strings.Contains(i.Image, i.Digest) {
					line += "\n    " + i.Digest
				}
				if i.Outcome == "verified" && !slices.Contains(said, line) {
					said = append(said, line)
					fmt.Fprintln(io.Out, line)
				}
			}
			for _, w := range o.Warnings {
				fmt.Fprintf(io.Err, "  %s %s\n", io.Paint(console.Yellow, "warning"), w)
			}
		default:
			word, color := "denied", console.Red
			if o.Outcome == CouldNotTell {
				word, color = "could not tell", console.Yellow
			}
			fmt.Fprintf(io.Err, "%s %s\n  %s\n", io.Paint(color, word), name, strings.ReplaceAll(strings.TrimPrefix(o.Message, "hallmark: "), "\n", "\n  "))
		}
	}
}
