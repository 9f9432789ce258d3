//go:build integration

package integration

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/cli"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
)

// programs is the folder of our own programs, built from this checkout. It is
// set once, before any test.
var programs string

// patience bounds one run of a program. Nothing that tests do takes so long.
const patience = 2 * time.Minute

// program is a program about to run, in an environment that has nothing of the
// person's who runs the tests: a new home folder, no credentials, no proxies.
type program struct {
	t    testing.TB
	name string
	path string
	args []string // before those of run
	env  map[string]string
	dir  string
	now  func() time.Time
}

// result is what a program did.
type result struct {
	t              testing.TB
	line           string
	code           int
	stdout, stderr string
	wall, cpu      time.Duration
}

// hallmark is the program of release managers. Its plug-ins are found.
func hallmark(t testing.TB) *program { return ours(t, "hallmark") }

// hallmarkVerify is the program of consumers.
func hallmarkVerify(t testing.TB) *program { return ours(t, "hallmark-verify") }

func ours(t testing.TB, name string) *program {
	return newProgram(t, name, filepath.Join(programs, name))
}

// peer is a program of others: cosign, crane, slsa-verifier, softhsm2-util,
// pkcs11-tool, or sigstore-js, whose arguments verify.mjs tells.
func peer(t testing.TB, name string) *program {
	t.Helper()
	path := located(t, name)
	if name == "sigstore-js" {
		node, err := exec.LookPath("node")
		check(t, err)
		p := newProgram(t, name, node)
		p.args = []string{path}
		return p
	}
	return newProgram(t, name, path)
}

func newProgram(t testing.TB, name, path string) *program {
	t.Helper()
	home := t.TempDir()
	return &program{t: t, name: name, path: path, env: map[string]string{
		"PATH": programs + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "config"), "XDG_CACHE_HOME": filepath.Join(home, "cache"),
		"TMPDIR": home, "NO_COLOR": "1",
		// cosign asks before it publishes an identity; nobody answers here.
		"COSIGN_YES": "true",
	}}
}

// with sets variables of the environment, each as NAME=VALUE.
func (p *program) with(env ...string) *program {
	c := *p
	c.env = maps.Clone(p.env)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		c.env[name] = value
	}
	return &c
}

// in sets the working folder.
func (p *program) in(dir string) *program { c := *p; c.dir = dir; return &c }

// at has a program of ours take the present from now, which is what a machine
// does whose clock is wrong. It runs in this process, in no other environment
// than the test's and in no other folder.
func (p *program) at(now time.Time) *program {
	c, off := *p, time.Until(now)
	c.now = func() time.Time { return time.Now().Add(off) }
	return &c
}

// run runs the program to its end.
func (p *program) run(args ...string) result {
	p.t.Helper()
	args = append(slices.Clone(p.args), args...)
	r := result{t: p.t, line: p.name + " " + strings.Join(args, " ")}
	if p.now != nil {
		return p.inside(r, args)
	}
	ctx := within(p.t, patience)
	c := exec.CommandContext(ctx, p.path, args...)
	c.Dir = p.dir
	for _, k := range slices.Sorted(maps.Keys(p.env)) {
		c.Env = append(c.Env, k+"="+p.env[k])
	}
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	// A child of it that lives on must not hold the test.
	c.WaitDelay = 5 * time.Second
	began := time.Now()
	fault := c.Run()
	r.wall, r.stdout, r.stderr = time.Since(began), out.String(), err.String()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		p.t.Fatalf("%s has not ended after %v\n%s%s", r.line, patience, r.stdout, r.stderr)
	case errors.As(fault, &exit):
		r.code = exit.ExitCode()
	case fault != nil:
		p.t.Fatalf("running %s: %v", r.line, fault)
	}
	r.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	return r
}

// inside runs a program of ours in this process.
func (p *program) inside(r result, args []string) result {
	p.t.Helper()
	if p.dir != "" {
		p.t.Fatalf("%s runs with another clock, and so in no other folder: give paths", p.name)
	}
	var out, err bytes.Buffer
	io := console.IO{
		In: strings.NewReader(""), Out: &out, Err: &err, Now: p.now,
		Env: func(name string) string { return p.env[name] },
	}
	began := time.Now()
	switch p.name {
	case "hallmark":
		r.code = cli.Main(append([]string{p.name}, args...), io)
	case "hallmark-verify":
		r.code = verification.Main(append([]string{p.name}, args...), io)
	default:
		p.t.Fatalf("%s takes its time from the system", p.name)
	}
	r.wall, r.stdout, r.stderr = time.Since(began), out.String(), err.String()
	return r
}

// all is everything that was written.
func (r result) all() string { return r.stdout + r.stderr }

// exits holds the exit code.
func (r result) exits(want int) result {
	r.t.Helper()
	if r.code != want {
		r.t.Fatalf("%s\nexits %d, want %d\n%s", r.line, r.code, want, r.all())
	}
	return r
}

// fails holds that it did not succeed, for peers whose codes say no more.
func (r result) fails() result {
	r.t.Helper()
	if r.code == 0 {
		r.t.Fatalf("%s\nexits 0, want a refusal\n%s", r.line, r.all())
	}
	return r
}

// says holds that each of parts was written, wherever lines are broken.
func (r result) says(parts ...string) result {
	r.t.Helper()
	said := strings.Join(strings.Fields(r.all()), " ")
	for _, p := range parts {
		if !strings.Contains(said, strings.Join(strings.Fields(p), " ")) {
			r.t.Fatalf("%s\ndoes not say %q\n%s", r.line, p, r.all())
		}
	}
	return r
}

// hides holds that none of secrets was written.
func (r result) hides(secrets ...string) result {
	r.t.Helper()
	for _, s := range secrets {
		if s == "" {
			r.t.Fatal("hides: an empty secret is in everything")
		}
		if strings.Contains(r.all(), s) {
			r.t.Fatalf("%s\nwrites a secret of %d characters", r.line, len(s))
		}
	}
	return r
}
