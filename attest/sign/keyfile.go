package sign

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/hallmark-project/hallmark/internal/custody"
)

// maxKeyFile is far more than any key takes.
const maxKeyFile = 64 << 10

// LoadKey reads the key in the file path, as [ParseKey] does. It refuses a file
// that others than its owner may use, as [custody.ReadFile] does.
func LoadKey(path string, password func() ([]byte, error)) (*Key, error) {
	data, err := custody.ReadFile(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading key %s: %w", path, err)
	}
	defer clear(data)
	k, err := parseKey(data, password)
	if err != nil {
		return nil, fmt.Errorf("reading key %s: %w", path, err)
	}
	return k, nil
}

// Save writes what [Key.Encode] gives to the new file path, which only its
// owner may read. It never overwrites, and leaves either the whole file or
// none.
func (k *Key) Save(path string, password []byte) error {
	data, err := k.Encode(password)
	if err != nil {
		return err
	}
	defer clear(data)
	if err := create(path, data, 0o600); err != nil {
		return fmt.Errorf("writing key %s: %w", path, err)
	}
	return nil
}

// SavePublic writes [Key.PublicPEM] to the new file path. It never overwrites.
func (k *Key) SavePublic(path string) error {
	data, err := k.PublicPEM()
	if err != nil {
		return err
	}
	if err := create(path, data, 0o644); err != nil {
		return fmt.Errorf("writing public key %s: %w", path, err)
	}
	return nil
}

// create writes a new file beside its place and then links it there: linking
// fails where something has the name, be it a dangling link.
func create(path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".hallmark-*")
	if err != nil {
		return cause(err)
	}
	defer os.Remove(f.Name())
	err = write(f, data, mode)
	if err != nil {
		return cause(err)
	}
	err = os.Link(f.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return cause(err)
	}
	// Not every file system has links.
	f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return cause(err)
	}
	if err := write(f, data, mode); err != nil {
		os.Remove(path)
		return cause(err)
	}
	return nil
}

func write(f *os.File, data []byte, mode fs.FileMode) error {
	_, err := f.Write(data)
	if runtime.GOOS != "windows" {
		err = errors.Join(err, f.Chmod(mode))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// cause drops the path from an error, since the caller names it, and the
// temporary name beside it means nothing to anybody.
func cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
