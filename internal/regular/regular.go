// Package regular opens and reads regular files only, so that no pipe makes us
// wait and no device is read for ever. It stands apart from package strict
// because what judges must not reach files.
package regular

import (
	"fmt"
	"os"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// File reads the file at path as [strict.Read] does. It refuses what is no regular
// file, because opening a pipe waits for whoever writes it, and says of what is
// too large that it is before reading any of it.
func File(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > limit {
		return nil, &strict.Error{File: path, Msg: fmt.Sprintf("%v: more than %d bytes", strict.ErrTooLarge, limit)}
	}
	data, err := strict.Read(f, limit)
	if err != nil {
		return nil, &strict.Error{File: path, Msg: err.Error()}
	}
	return data, nil
}

// Open opens the regular file at path.
func Open(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &strict.Error{File: path, Msg: "is no regular file"}
	}
	return os.Open(path)
}
