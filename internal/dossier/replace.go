package dossier

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// stagingPrefix begins the name of a folder that is being filled, beside the
// one it will become.
const stagingPrefix = ".hallmark-staging-"

// oldPrefix begins the name of a dossier that steps aside for the next one,
// where a file system cannot exchange two folders.
const oldPrefix = ".hallmark-old-"

// abandoned is how old a staging folder must be to be one that nobody fills
// any more, where locks cannot tell.
const abandoned = 24 * time.Hour

// parts are the top-level entries of a dossier, and what file managers leave in
// any folder that they were shown.
var parts = []string{
	ReleaseFile, PolicyFile, DecisionFile, EvidenceDir, AttestationsDir, TrustFile, TrustedRootFile, LayoutDir, PendingDir,
	".DS_Store", "Thumbs.db", "desktop.ini",
}

// Check refuses a dir that a dossier must not replace: one that holds something
// else, be it beside a dossier, or that is, or holds, the working folder. An
// absent or empty one will do.
func Check(dir string) error {
	if dir == "" {
		return errors.New("no folder is named")
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(dir); err == nil {
			return fmt.Errorf("%s is a link that leads nowhere", dir)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	if holdsWorkingFolder(info) {
		return fmt.Errorf("%s is the working folder, or one above it, and cannot be replaced", dir)
	}
	entries, err := os.ReadDir(dir)
	// Another run may have replaced and removed what was opened before it was read.
	for tries := 0; errors.Is(err, fs.ErrNotExist) && tries < 100; tries++ {
		if _, gone := os.Stat(dir); gone != nil {
			return Check(dir)
		}
		entries, err = os.ReadDir(dir)
	}
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
	for _, e := range entries {
		if !slices.Contains(parts, e.Name()) {
			return fmt.Errorf("%s %w: %s would be lost", dir, ErrNotDossier, e.Name())
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

// locate returns the folder that dir means, be it by a link, and where its old
// content waits while the new takes its place.
func locate(dir string) (real, aside string, err error) {
	if real, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	if to, err := filepath.EvalSymlinks(real); err == nil {
		real = to
	}
	return real, filepath.Join(filepath.Dir(real), oldPrefix+filepath.Base(real)), nil
}

// settle ends what a run that was killed in the midst of replacing dir began:
// without the new content the old comes back, else it goes.
func settle(dir, aside string) error {
	if _, err := os.Lstat(aside); err != nil {
		return nil
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(aside, dir)
	}
	return os.RemoveAll(aside)
}

// holdsWorkingFolder reports whether dir is the working folder or above it:
// whoever works there would go on in a folder that is gone.
func holdsWorkingFolder(dir fs.FileInfo) bool {
	at, err := os.Getwd()
	if err != nil {
		return false
	}
	for {
		if info, err := os.Stat(at); err == nil && os.SameFile(info, dir) {
			return true
		}
		up := filepath.Dir(at)
		if up == at {
			return false
		}
		at = up
	}
}

// Replace has fill write a dossier into a new folder beside dir, and then puts
// that in dir's place. Where fill fails, or is interrupted, dir stays as it was.
// Of several that do so at once, each finds or leaves a whole dossier, and the
// last one's stays. Where dir is a link, what it leads to is replaced.
func Replace(dir string, fill func(staging string) error) (err error) {
	if err := Check(dir); err != nil {
		return err
	}
	dir, aside, err := locate(dir)
	if err != nil {
		return err
	}
	if err := settle(dir, aside); err != nil {
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
	staging, unlock, err := stage(parent)
	if err != nil {
		return err
	}
	defer unlock()
	// What lies there after an exchange is the dossier that was replaced.
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	if err := fill(staging); err != nil {
		return err
	}
	err = place(staging, dir, aside)
	if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
		return fmt.Errorf("%s cannot be replaced, since a file system is mounted there: name a folder inside it: %w", dir, err)
	}
	return err
}

// stage makes a staging folder in parent that is locked for as long as its
// filling takes.
func stage(parent string) (staging string, unlock func(), err error) {
	for {
		if staging, err = os.MkdirTemp(parent, stagingPrefix); err != nil {
			return "", nil, err
		}
		if err := os.Chmod(staging, 0o755); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, errors.Join(err, os.Remove(staging))
		}
		unlock, err := lockFolder(staging)
		if errors.Is(err, errHeld) || errors.Is(err, fs.ErrNotExist) {
			continue // somebody who sweeps was faster than we, and removes it
		}
		if err != nil {
			return staging, func() {}, nil // no locks here: age has to tell
		}
		if _, err := os.Lstat(staging); err == nil {
			return staging, unlock, nil
		}
		unlock()
	}
}

// errHeld means that another run fills a folder.
var errHeld = errors.New("is held by another run")

// place puts staging in dir's place, and what was there in staging's.
func place(staging, dir, aside string) error {
	const tries = 100
	for range tries {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			switch err := os.Rename(staging, dir); {
			case err == nil:
				return nil
			case !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY):
				return err
			}
			continue // somebody else's came in between
		}
		// Somebody may have put something else there in the meantime.
		if err := Check(dir); err != nil {
			return err
		}
		err := exchange(staging, dir)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			continue
		case !errors.Is(err, errors.ErrUnsupported):
			return err
		}
		// Elsewhere a folder that is not empty cannot be replaced in one step:
		// the old one steps aside, and comes back if the new one cannot come.
		if err := os.RemoveAll(aside); err != nil {
			return err
		}
		if err := os.Rename(dir, aside); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if err := os.Rename(staging, dir); err != nil {
			return errors.Join(err, os.Rename(aside, dir))
		}
		return os.RemoveAll(aside)
	}
	return fmt.Errorf("%s is being written by too many at once", dir)
}

// Update is [Replace] where fill finds in the staging folder all that dir
// holds but the entries named in without. It fails where another run put another
// decision into dir in the meantime, which would be lost.
func Update(dir string, without []string, fill func(staging string) error) error {
	real, aside, err := locate(dir)
	if err != nil {
		return err
	}
	if err := settle(real, aside); err != nil {
		return err
	}
	return Replace(dir, func(staging string) error {
		if err := Link(dir, staging, without...); err != nil {
			return err
		}
		before, err := os.ReadFile(filepath.Join(staging, DecisionFile))
		if err != nil {
			return err
		}
		if err := fill(staging); err != nil {
			return err
		}
		return holds(dir, before)
	})
}

// Held returns an error if dir does not hold j's decision: another run put
// another there since j was read.
func (j Judged) Held(dir string) error {
	want, err := j.Decision.Encode()
	if err != nil {
		return err
	}
	return holds(dir, want)
}

func holds(dir string, decision []byte) error {
	have, err := os.ReadFile(filepath.Join(dir, DecisionFile))
	if err == nil && !bytes.Equal(have, decision) {
		err = errors.New("another run wrote another decision in the meantime")
	}
	return err
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

// sweep removes what runs that were killed left beside a dossier: what nobody
// holds, or where locks cannot tell, what is old.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), stagingPrefix) || !e.IsDir() {
			continue
		}
		path := filepath.Join(parent, e.Name())
		unlock, err := lockFolder(path)
		switch {
		case err == nil:
			os.RemoveAll(path)
			unlock()
		case errors.Is(err, errHeld):
		default:
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
				os.RemoveAll(path)
			}
		}
	}
}
