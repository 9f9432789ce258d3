package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/rogpeppe/go-internal/lockedfile"
)

// folder is a folder that others publish into, too, and whose turn is ours.
type folder struct {
	dir    string
	unlock func()
	staged bool
}

func makeFolder(dir string) error { return os.MkdirAll(dir, 0o755) }

// open waits until nobody else publishes into dir. What one that was killed left
// behind is removed.
func open(ctx context.Context, dir string) (*folder, error) {
	unlock, err := lock(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	f := &folder{dir: dir, unlock: unlock}
	if err := os.RemoveAll(f.staging()); err != nil {
		unlock()
		return nil, err
	}
	return f, nil
}

func (f *folder) close() {
	if f.staged {
		// What stays, the next one removes.
		_ = os.RemoveAll(f.staging())
	}
	f.unlock()
}

// staging is where files are written before they take their places: half a file
// beside the artifacts could be taken for one.
func (f *folder) staging() string { return filepath.Join(f.dir, beside.Working) }

func (f *folder) stage(name string) (string, error) {
	if !f.staged {
		if err := os.Mkdir(f.staging(), 0o700); err != nil {
			return "", err
		}
		f.staged = true
	}
	return filepath.Join(f.staging(), name), nil
}

// errTooLarge is about a file that is larger than what was asked for.
var errTooLarge = errors.New("is too large")

// read returns the regular file called name, of at most limit bytes. A link is
// not followed: it could lead anywhere, and what is written takes its place.
func (f *folder) read(name string, limit int64) ([]byte, error) {
	path := filepath.Join(f.dir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s %w: %d bytes, expected at most %d", path, errTooLarge, info.Size(), limit)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(in, limit+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > limit {
		return nil, fmt.Errorf("%s %w: expected at most %d bytes", path, errTooLarge, limit)
	}
	return data.Bytes(), nil
}

// put makes data the content of the file called name.
func (f *folder) put(name string, data []byte) error {
	staged, err := f.stage(name)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(staged, data, 0o644); err != nil {
		return err
	}
	return os.Rename(staged, filepath.Join(f.dir, name))
}

// link makes the file called name another name of the one called existing,
// which must be a line of text. Not every file system can, nor often enough.
func (f *folder) link(link func(oldname, newname string) error, existing, name string, text []byte) error {
	staged, err := f.stage(name)
	if err != nil {
		return err
	}
	if err := link(filepath.Join(f.dir, existing), staged); err != nil {
		return err
	}
	// Where name is that very file already, renaming leaves both.
	defer os.Remove(staged)
	have, err := f.read(filepath.Join(beside.Working, name), int64(len(text))+1)
	if err != nil {
		return err
	}
	if !bytes.Equal(bytes.TrimSuffix(have, []byte{'\n'}), text) {
		return fmt.Errorf("%s changed while it was linked", existing)
	}
	return os.Rename(staged, filepath.Join(f.dir, name))
}

// lockFile locks dir by a file in it, where folders themselves cannot be.
func lockFile(dir string) (unlock func(), err error) {
	return lockedfile.MutexAt(filepath.Join(dir, beside.Working+".lock")).Lock()
}
