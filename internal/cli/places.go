package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/urfave/cli/v2"
)

// places holds where a command will write against what it reads, before any
// work is done: what is written must not become an artifact of the next run,
// nor be swept away with the dossier, nor take the place of something else.
func places(c *cli.Context, f *releasefile.File) error {
	out := c.String("out")
	if err := dossier.Check(out); err != nil {
		return console.Misused(fmt.Errorf("--out: %w", err), "choose another folder with: --out DIR")
	}
	directory, flag := c.String("directory"), "--directory"
	if directory == "" && f.Publish.Directory != "" {
		directory, flag = f.Beside(f.Publish.Directory), "publish.directory"
	}
	for _, p := range []struct{ flag, path string }{
		{"--out", out}, {flag, directory}, {"--envelope", c.String("envelope")}, {"--bundle", c.String("bundle")},
	} {
		if p.path == "" {
			continue
		}
		if pattern, ok := f.Takes(p.path); ok {
			return console.Misused(fmt.Errorf("%s: %s would be an artifact of the next run: %q under artifacts matches it", p.flag, p.path, pattern),
				"choose a place elsewhere, or a narrower pattern")
		}
		if p.flag == "--out" {
			continue
		}
		if within(out, p.path) {
			return console.Misused(fmt.Errorf("%s: %s lies in the dossier %s, which is replaced as a whole", p.flag, p.path, out))
		}
		info, err := os.Stat(p.path)
		file := p.flag == "--envelope" || p.flag == "--bundle"
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return console.Misused(fmt.Errorf("%s: %w", p.flag, err))
		case file && !info.Mode().IsRegular():
			return console.Misused(fmt.Errorf("%s: %s is no regular file", p.flag, p.path))
		case !file && !info.IsDir():
			return console.Misused(fmt.Errorf("%s: %s is no folder", p.flag, p.path))
		}
	}
	return nil
}

// within reports whether path is dir or lies below it.
func within(dir, path string) bool {
	a, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	b, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(a, b)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// kept adds to err, if any, that the dossier in dir was written before.
func kept(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return errors.Join(err, console.ErrKept)
	}
	return fmt.Errorf("the dossier in %s is complete, but: %w", dir, err)
}
