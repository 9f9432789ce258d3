package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/trustroot/tuftest"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"hallmark": func() { mayForbidSockets(); main() },
		"hallmark-verify": func() {
			mayForbidSockets()
			os.Exit(verification.Main(os.Args, console.System()))
		},
	})
}

// TestStories runs what people do, as they do it. $EXAMPLES is the folder of
// examples; each story has a home of its own, so no key is shared.
func TestStories(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	slsa := provenance()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Condition: func(cond string) (bool, error) {
			if cond == "slsa" {
				return slsa != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			for _, set := range [][2]string{
				{"EXAMPLES", examples},
				{"PUBLICGOOD", filepath.Join(examples, "../verify/publicgood.trusted_root.json")},
				{"SLSA", slsa},
				{"HOME", home},
				{"XDG_CONFIG_HOME", filepath.Join(home, "config")},
				{"AppData", filepath.Join(home, "config")},
				{"NO_COLOR", "1"},
			} {
				e.Setenv(set[0], set[1])
			}
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "alter": alter, "attested": attested, "registry": startRegistry, "tuf": tufOf(t)},
	})
}

// provenance is where the sources of slsa-verifier keep provenance that builders
// really wrote, or "" where they are not here.
func provenance() string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/slsa-framework/slsa-verifier/v2").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "cli", "slsa-verifier", "testdata")
	if _, missing := os.Stat(dir); err != nil || missing != nil {
		return ""
	}
	return dir
}

// exits CODE COMMAND... runs a command and holds its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%v exits %d, want %d", args[1:], got, want)
	}
}

// alter FILE flips one bit of the byte in the middle of a file.
func alter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: alter FILE")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("alter: no file %s", args[0])
	}
	data, err := os.ReadFile(found[0])
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(found[0], data, 0o644))
}

// tufOf is the command tuf NAME FILE: it starts a TUF repository that
// distributes FILE as the trusted root, sets NAME to its address and writes its
// root.json to NAME.root.json. tuf NAME stops it.
func tufOf(t *testing.T) func(*testscript.TestScript, bool, []string) {
	var mu sync.Mutex
	running := make(map[string]*tuftest.Repository)
	return func(ts *testscript.TestScript, neg bool, args []string) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case neg || len(args) < 1 || len(args) > 2:
			ts.Fatalf("usage: tuf NAME [FILE]")
		case len(args) == 1:
			running[ts.Getenv(args[0])].Close()
			return
		}
		data, err := os.ReadFile(ts.MkAbs(args[1]))
		ts.Check(err)
		r := tuftest.New(t, time.Now().Add(time.Hour), map[string]string{"trusted_root.json": string(data)})
		running[r.URL] = r
		ts.Setenv(args[0], r.URL)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+".root.json"), r.Root, 0o600))
	}
}

// registry NAME [no-referrers] starts an OCI registry, which lists referrers
// itself or does not, and sets NAME to its host.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 || len(args) == 2 && args[1] != "no-referrers" {
		ts.Fatalf("usage: registry NAME [no-referrers]")
	}
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(len(args) == 1)))
	ts.Defer(s.Close)
	ts.Setenv(args[0], strings.TrimPrefix(s.URL, "http://"))
}
