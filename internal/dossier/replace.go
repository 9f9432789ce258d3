package dossier

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// stagingPrefix begins the name of a folder that is being filled, beside the
// one it will become.
const stagingPrefix = ".hallmark-staging-"

// abandoned is how old a staging folder must be to be one that nobody fills
// any more: a run that was killed left it.
const abandoned = 24 * time.Hour

// Check refuses a dir that a dossier must not replace: one that holds something
// else, or that cannot be written beside. An absent or empty one will do.
func Check(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	for _, name := range []string{DecisionFile, ReleaseFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s %w: it has files, and no %s", dir, ErrNotDossier, name)
		}
	}
	// Other tools write files of these names, too.
	f, err := os.Open(filepath.Join(dir, DecisionFile))
	if err != nil {
		return err
	}
	defer f.Close()
	if head, err := io.ReadAll(io.LimitReader(f, 4<<10)); err != nil || !bytes.Contains(head, []byte(criteria.DecisionSchema)) {
		return fmt.Errorf("%s %w: its %s is another kind of file", dir, ErrNotDossier, DecisionFile)
	}
	return nil
}

// asideName is where dir's old content waits while the new takes its place.
func asideName(dir string) string {
	return filepath.Join(filepath.Dir(dir), ".hallmark-old-"+filepath.Base(dir))
}

// settle ends what a run that was killed in the midst of replacing dir began:
// without the new content the old comes back, else it goes.
func settle(dir string) error {
	aside := asideName(dir)
	if _, err := os.Lstat(aside); err != nil {
		return nil
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(aside, dir)
	}
	return os.RemoveAll(aside)
}

// Replace has fill write a dossier into a new folder beside dir, and then puts
// that in dir's place. Where fill fails, or is interrupted, dir stays as it was.
func Replace(dir string, fill func(staging string) error) (err error) {
	dir = filepath.Clean(dir)
	if err := settle(dir); err != nil {
		return err
	}
	if err := Check(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	sweep(parent)
	staging, err := os.MkdirTemp(parent, stagingPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	if err := os.Chmod(staging, 0o755); err != nil {
		return err
	}
	if err := fill(staging); err != nil {
		return err
	}
	// A folder that is not empty cannot be replaced in one step everywhere, so
	// the old one steps aside first; it comes back if the new one cannot come.
	old := ""
	if _, err := os.Stat(dir); err == nil {
		old = asideName(dir)
		if err := os.Rename(dir, old); err != nil {
			return err
		}
	}
	if err := os.Rename(staging, dir); err != nil {
		if old != "" {
			err = errors.Join(err, os.Rename(old, dir))
		}
		return err
	}
	if old != "" {
		return os.RemoveAll(old)
	}
	return nil
}

// Update is [Replace] where fill finds in the staging folder all that dir
// holds but the entries named in without.
func Update(dir string, without []string, fill func(staging string) error) error {
	dir = filepath.Clean(dir)
	if err := settle(dir); err != nil {
		return err
	}
	return Replace(dir, func(staging string) error {
		if err := Link(dir, staging, without...); err != nil {
			return err
		}
		return fill(staging)
	})
}

// linked is the size from which on a file is linked rather than copied.
const linked = 1 << 20

// Link makes dst hold what src holds, but the top-level entries named in
// without: large files by hard links where the file system has them, so that
// layouts cost nothing, and all others by copying. A file that is linked must
// not be opened for writing: small ones may be, for example a layout's index.
func Link(src, dst string, without ...string) error {
	root, err := os.OpenRoot(src)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, w := range without {
			if name == w {
				if e.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
		}
		to := filepath.Join(dst, filepath.FromSlash(name))
		switch {
		case e.IsDir():
			return os.MkdirAll(to, 0o755)
		case !e.Type().IsRegular():
			return fmt.Errorf("%s is not a regular file", filepath.Join(src, name))
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Size() >= linked && os.Link(filepath.Join(src, filepath.FromSlash(name)), to) == nil {
			return nil
		}
		return copyFile(root, name, to)
	})
}

func copyFile(root *os.Root, name, to string) error {
	in, err := root.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// sweep removes what runs that were killed left beside a dossier.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), stagingPrefix) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			os.RemoveAll(filepath.Join(parent, e.Name()))
		}
	}
}
