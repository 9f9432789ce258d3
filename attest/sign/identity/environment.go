package identity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// Environment is where an identity is looked for.
type Environment struct {
	// Env returns an environment variable, "" where it is not set.
	Env func(string) string
	Now func() time.Time
	// Warn is told of what works and is not as it should be; nil is told nothing.
	Warn func(text string)
	// File is where a platform puts a token; empty means [DefaultFile].
	File string
	// ProductName is the file by which a machine of Google's is known; empty
	// means the kernel's.
	ProductName string
}

// Choose returns the source of the identity to sign with, the first of:
//
//   - given, the value of --identity-token: see [Given]
//   - what the environment offers: see [Ambient]
//   - login, which asks a person; nil where nobody can be asked. In a CI nobody
//     is asked.
//
// It returns an error that is [ErrNone] where there is none. Whichever is chosen
// is the only one that is tried: a release that was to be signed by a workflow
// must not be signed by whoever happens to be logged in.
func Choose(ctx context.Context, given string, e Environment, login Source) (Source, error) {
	if given != "" {
		return Given(given, e)
	}
	s, err := Ambient(ctx, e)
	if !errors.Is(err, ErrNone) {
		return s, err
	}
	if login == nil || e.Env("CI") != "" {
		return nil, err
	}
	return login, nil
}

// Ambient returns the source that the environment offers, the first of these
// that is there:
//
//   - the variable SIGSTORE_ID_TOKEN
//   - the CI that this job runs in: GitHub Actions, GitLab CI, Buildkite. One
//     that gives this job no tokens is an error, which says what to set.
//   - the token file
//   - the SPIFFE workload API
//   - the service account of a machine of Google's
//
// The last one is there whatever a job was meant to be, so it comes last.
func Ambient(ctx context.Context, e Environment) (Source, error) {
	for _, find := range []func(context.Context, Environment) (Source, error){
		findVariable, findGitHub, findGitLab, findBuildkite, findFile, findSPIFFE, findGoogle,
	} {
		s, err := find(ctx, e)
		if err != nil || s != nil {
			return s, err
		}
	}
	return nil, fmt.Errorf("%w: neither SIGSTORE_ID_TOKEN nor a CI, token file, workload API or cloud machine was found", ErrNone)
}

// Names lists what [Named] knows. Those that cosign has are named as there
// (--oidc-provider).
func Names() []string {
	return []string{"buildkite-agent", "envvar", "filesystem", "github-actions", "google", "spiffe"}
}

// Named returns the source with one of [Names], where several are there or the
// one that is meant cannot be recognised.
func Named(name string, e Environment) (Source, error) {
	switch name {
	case "buildkite-agent":
		return buildkiteAgent{e}, nil
	case "envvar":
		return variable{e}, nil
	case "filesystem":
		return file{path: e.file(), environment: e}, nil
	case "github-actions":
		return newGitHub(e)
	case "google":
		return newGoogle(e)
	case "spiffe":
		return newSPIFFE(e)
	}
	msg := fmt.Sprintf("unknown source of identity tokens %q: known are %s", name, strings.Join(Names(), ", "))
	if near := strict.Nearest(name, Names()); near != "" {
		msg = fmt.Sprintf("unknown source of identity tokens %q: did you mean %q?", name, near)
	}
	return nil, errors.New(msg)
}

func (e Environment) file() string {
	if e.File != "" {
		return e.File
	}
	return DefaultFile
}

// isGoogle reports whether this is a machine of Google's, by the names by which
// Google's own libraries know it.
func (e Environment) isGoogle() bool {
	path := e.ProductName
	if path == "" {
		path = "/sys/class/dmi/id/product_name"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	name := strings.TrimSpace(string(data))
	return name == "Google" || name == "Google Compute Engine"
}
