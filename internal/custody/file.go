package custody

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ExposedError means that others than its owner may use the file that a secret
// is in. Whatever is in it must count as known; say so, and how to close it.
type ExposedError struct {
	Path string
	Mode fs.FileMode // its permissions
}

func (e *ExposedError) Error() string {
	return fmt.Sprintf("others may use it (mode %04o): a secret is its owner's alone; chmod 600 %s", e.Mode, e.Path)
}

// ReadFile reads a secret of at most limit bytes from the regular file at path.
// It refuses a file that anybody but its owner may read or write, with an
// [*ExposedError]. The caller clears what it gets once it is of no more use.
//
// A link is followed, since that is how secrets are mounted into containers;
// what counts is the file that is opened in the end. Where root gave a file to
// a group, reading it is the group's right: so Kubernetes mounts secrets for
// processes that do not run as root. On Windows permissions are not looked at,
// since the mode does not tell them.
//
// No error holds anything of what was read, or the path.
func ReadFile(path string, limit int64) ([]byte, error) { return read(path, limit, false) }

// ReadStream is [ReadFile] for what may also come through a pipe, as a shell
// gives it for <(…). It waits for whoever writes.
func ReadStream(path string, limit int64) ([]byte, error) { return read(path, limit, true) }

func read(path string, limit int64, pipes bool) ([]byte, error) {
	kind := func(info fs.FileInfo) error {
		mode := info.Mode()
		switch {
		case mode.IsRegular(), pipes && mode&fs.ModeNamedPipe != 0:
			return nil
		case pipes:
			return errors.New("is neither a regular file nor a pipe")
		}
		return errors.New("is no regular file")
	}
	// Asked before opening, since opening a pipe waits for whoever writes it.
	before, err := os.Stat(path)
	if err != nil {
		return nil, cause(err)
	}
	if err := kind(before); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, cause(err)
	}
	if err := kind(info); err != nil || !os.SameFile(before, info) {
		return nil, errors.New("changed while it was opened")
	}
	if exposed(info) {
		return nil, &ExposedError{Path: path, Mode: info.Mode().Perm()}
	}
	// One buffer that never grows: growing would leave copies behind.
	size := limit
	if info.Mode().IsRegular() {
		size = min(limit, info.Size())
	}
	data := make([]byte, size+1)
	n, err := io.ReadFull(f, data)
	switch {
	case err == nil:
		clear(data)
		if size < limit {
			return nil, errors.New("grew while it was read")
		}
		return nil, fmt.Errorf("is too large: more than %d bytes", limit)
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		clear(data)
		return nil, cause(err)
	}
	return data[:n], nil
}

// cause drops the path from an error, since the caller names it.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
