package verification

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/internal/trustroot"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

// cacheVariable names the folder in which what TUF repositories distribute is
// kept.
const cacheVariable = "HALLMARK_TUF_CACHE"

// RootFlags say how trusted roots are had that are no files.
func RootFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "offline", Usage: "use no network: no registry, and of a TUF repository what is kept", EnvVars: []string{"HALLMARK_OFFLINE"}},
		&cli.StringFlag{Name: "tuf-cache", Usage: "keep what TUF repositories distribute in `DIR`; default hallmark/tuf in your cache folder", EnvVars: []string{cacheVariable}},
		&cli.StringFlag{Name: "tuf-root", Usage: "trust the trust file's TUF repository by the root.json in `FILE`, as hallmark trust root does once"},
	}
}

// TUFCache is the folder in which what TUF repositories distribute is kept: dir,
// or where the environment says, or one in the cache folder.
func TUFCache(io console.IO, dir string) (string, error) {
	if dir == "" {
		dir = io.Env(cacheVariable)
	}
	if dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	return filepath.Join(cache, "hallmark", "tuf"), nil
}

// Keeper keeps TUF repositories as the flags say.
func Keeper(io console.IO, c *cli.Context) (trustroot.Keeper, error) {
	dir, err := TUFCache(io, c.String("tuf-cache"))
	if err != nil {
		return trustroot.Keeper{}, console.Unable(err, "name a folder with: --tuf-cache DIR")
	}
	return trustroot.Keeper{
		Dir: dir, Offline: c.Bool("offline"), Now: io.Now,
		Warn: func(text string) { fmt.Fprintf(io.Err, "%s: warning: %s\n", c.App.Name, text) },
	}, nil
}

// Roots finds the trusted roots that trust files name, as the flags say.
func Roots(io console.IO, c *cli.Context) verify.Roots {
	return roots(func(address string) ([]byte, error) {
		k, err := Keeper(io, c)
		if err != nil {
			return nil, err
		}
		if path := c.String("tuf-root"); path != "" {
			if _, err := Begin(k, address, path); err != nil {
				return nil, err
			}
		}
		return trusted(c.Context, k, address)
	})
}

// Begin has k trust the repository at address by the root.json in the file at
// path. replaced says that it was trusted by another one before.
func Begin(k trustroot.Keeper, address, path string) (replaced bool, err error) {
	root, err := regular.File(path, strict.MaxConfig)
	if err != nil {
		return false, console.Misused(fmt.Errorf("reading the root.json: %w", err))
	}
	if replaced, err = k.Begin(address, root); err != nil {
		return false, console.Misused(err)
	}
	return replaced, nil
}

func trusted(ctx context.Context, k trustroot.Keeper, address string) ([]byte, error) {
	files, err := k.Fetch(ctx, address, trustroot.TrustedRoot)
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// roots implements [verify.Roots]: a trusted root by its repository's address.
type roots func(address string) ([]byte, error)

func (r roots) TrustedRoot(name string) ([]byte, error) {
	return r(strings.TrimPrefix(name, verify.TUF))
}

// Unmade ends a command whose trust file made no verifier.
func Unmade(err error) error {
	var absent *trustroot.UnavailableError
	var own *console.ExitError
	switch {
	case errors.As(err, &absent):
		return console.Unable(err, absent.Hint())
	case errors.As(err, &own):
		return &console.ExitError{Code: own.Code, Err: err, Hints: own.Hints}
	case errors.Is(err, context.Canceled):
		return err
	}
	return console.Misused(err)
}

// online refuses what --offline leaves no way to ask.
func online(c *cli.Context, what string) error {
	if c.Bool("offline") {
		return console.Misused(fmt.Errorf("%s is in a registry, and --offline leaves no way to ask one", what),
			"copy it before, while there is a network: hallmark copy SRC oci:DIR; then verify with --layout DIR, by its digest")
	}
	return nil
}
