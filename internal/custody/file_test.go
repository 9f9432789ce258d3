package custody

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	for _, size := range []int{0, 1, 99, 100} {
		want := bytes.Repeat([]byte("s"), size)
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadFile(path, 100); err != nil || !bytes.Equal(got, want) {
			t.Errorf("ReadFile() of %d bytes = %q, %v", size, got, err)
		}
	}
	if err := os.WriteFile(path, make([]byte, 101), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		path:                       "more than 100 bytes",
		dir:                        "is no regular file",
		filepath.Join(dir, "none"): "no such file",
		os.DevNull:                 "is no regular file",
	} {
		if got, err := ReadFile(path, 100); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadFile(%s) = %q, %v, want %q", path, got, err, want)
		}
	}
	if got, err := ReadStream(os.DevNull, 100); err == nil {
		t.Errorf("ReadStream(%s) = %q, want an error: silence is no password", os.DevNull, got)
	}
}

func TestExposedFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps permissions elsewhere than in the mode")
	}
	dir := t.TempDir()
	path, link := filepath.Join(dir, "secret"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("open sesame"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]bool{
		0o600: false, 0o400: false, 0o700: false,
		0o640: true, 0o604: true, 0o620: true, 0o602: true, 0o644: true, 0o666: true, 0o610: true, 0o601: true,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, link} {
			for _, read := range []func(string, int64) ([]byte, error){ReadFile, ReadStream} {
				got, err := read(name, 100)
				var exposed *ExposedError
				if errors.As(err, &exposed) != want || (err == nil) == want {
					t.Errorf("reading %s with mode %v = %v, want exposed %v", name, mode, err, want)
				}
				if want && (exposed.Mode != mode || !strings.Contains(err.Error(), "chmod 600 "+name) || strings.Contains(err.Error(), "sesame") || got != nil) {
					t.Errorf("reading %s with mode %v = %q, %v", name, mode, got, err)
				}
			}
		}
	}
}
