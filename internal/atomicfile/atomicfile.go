// Package atomicfile writes files whole or not at all: a reader, or the next
// run, never meets half of one.
package atomicfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write writes data to path, with mode: to a file beside it that is flushed to
// disk and then takes its place. What was at path stays until then.
func Write(path string, data []byte, mode fs.FileMode) error {
	f, err := New(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit(mode)
}

// File is a file being written beside the path that it will have.
type File struct {
	path string
	f    *os.File
}

// New begins the file at path.
func New(path string) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return &File{path, f}, nil
}

// Write implements [io.Writer].
func (f *File) Write(data []byte) (int, error) {
	n, err := f.f.Write(data)
	if err != nil {
		err = fmt.Errorf("writing %s: %w", f.path, err)
	}
	return n, err
}

// Commit gives the file its mode and its place. A full disk often shows only
// when it is flushed, so nothing is in place before that has worked.
func (f *File) Commit(mode fs.FileMode) error {
	if err := f.f.Chmod(mode); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := f.f.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := f.f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := os.Rename(f.f.Name(), f.path); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	f.f = nil
	return nil
}

// Discard removes the file if it was not committed. It is safe to defer.
func (f *File) Discard() {
	if f.f != nil {
		f.f.Close()
		os.Remove(f.f.Name())
	}
}
