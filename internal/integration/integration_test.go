//go:build integration

// Package integration tests hallmark as people run it, against the servers and
// beside the tools that people use: Fulcio, Rekor, a timestamp authority,
// registries; cosign, sigstore-js, slsa-verifier. All of it runs on loopback.
//
//	go test -tags integration ./internal/integration/
//
// builds the servers into a cache where that is still to be done, starts them,
// and stops them at the end. To keep them running between runs:
//
//	.ci/services/services up DIR
//	HALLMARK_SERVICES=DIR/services.json go test -tags integration ./internal/integration/ -run …
//	.ci/services/services down DIR
//
// # Adding tests
//
// One file for each story, with the build tag, named after the story. What there
// is to begin with:
//
//	services                              where everything is (services_test.go)
//	hallmark(t), hallmarkVerify(t)        a program of ours, built from this checkout;
//	peer(t, "cosign")                     or one of the peers (program_test.go):
//	    .with("A=b").in(dir).at(time).run(args…).exits(1).says("refused")
//	newRelease(t)                         a folder with a release to judge (release_test.go)
//	workflowToken(t), emailToken(t), …    identity tokens, also expired ones (token_test.go)
//	newProxy(t, services.Rekor)           a server's lying, slow or dead double (proxy_test.go)
//	signingConfig(t, …), trustedRoot(t, …) what clients are told, altered (trust_test.go)
//	keylessTrust(t, …)                    a trust file (trust_test.go)
//	newImage(t, registry), newIndex(…)    an image in a registry (image_test.go)
//	newCluster(t)                         a Kubernetes API server (cluster_test.go)
//	example(t, "container/release.sh")    a script of the examples (example_container_test.go)
//
// Everything is shared by all tests but what a test makes itself, and nothing is
// ever removed from a log or a registry: use names of your own in registries,
// and count only what you can tell from what others do. Tests may run in
// parallel.
package integration

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of the time tests wait for somebody else, so more of them can run at
	// once than there are cores; whoever says otherwise is heard.
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(max(6, runtime.GOMAXPROCS(0))))
	}
	code, err := suite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		code = 1
	}
	os.Exit(code)
}

// suite runs the tests with everything that they need.
func suite(m *testing.M) (code int, err error) {
	tmp, err := os.MkdirTemp("", "hallmark-integration-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)

	file := os.Getenv("HALLMARK_SERVICES")
	if file == "" {
		var stop func() error
		if file, stop, err = startServices(filepath.Join(tmp, "services")); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	if err := readServices(file); err != nil {
		return 0, err
	}
	defer stopAPIServer()
	programs = filepath.Join(tmp, "bin")
	build := exec.Command("go", "build", "-o", programs+string(filepath.Separator), "./cmd/...", "./internal/conformance")
	build.Dir = checkout
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// checkout is the project's folder.
const checkout = "../.."

// startServices builds and starts the servers. They stop with stop, and also
// when this process ends in a way that calls nothing any more.
func startServices(dir string) (file string, stop func() error, err error) {
	script, err := filepath.Abs(filepath.Join(checkout, ".ci", "services", "services"))
	if err != nil {
		return "", nil, err
	}
	build := exec.Command(script, "build")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", nil, fmt.Errorf("building the servers: %w", err)
	}
	c := exec.Command(script, "run", dir)
	c.Stderr = os.Stderr
	held, err := c.StdinPipe() // they run for as long as it is open
	if err != nil {
		return "", nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	word := make([]byte, len("ready"))
	if _, err := io.ReadFull(out, word); err != nil {
		held.Close()
		return "", nil, fmt.Errorf("starting the servers: %w", errors.Join(err, c.Wait()))
	}
	return filepath.Join(dir, "services.json"), func() error {
		held.Close()
		return c.Wait()
	}, nil
}

// within is a context for one step of a test.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
