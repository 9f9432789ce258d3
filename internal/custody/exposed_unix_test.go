//go:build unix

package custody

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What root gave a group is the group's to read, for all but root.
func TestExposedTo(t *testing.T) {
	for _, tt := range []struct {
		mode        fs.FileMode
		owner, self int
		want        bool
	}{
		{0o600, 1000, 1000, false},
		{0o640, 1000, 1000, true},
		{0o604, 1000, 1000, true},
		{0o440, 0, 1000, false},
		{0o640, 0, 1000, false},
		{0o660, 0, 1000, true},
		{0o450, 0, 1000, true},
		{0o444, 0, 1000, true},
		{0o640, 0, 0, true},
		{0o600, 1000, 0, false},
		{0o640, 1000, 0, true},
		{0o640, 1001, 1000, true},
	} {
		if got := exposedTo(tt.mode, tt.owner, tt.self); got != tt.want {
			t.Errorf("exposedTo(%04o, %d, %d) = %v, want %v", tt.mode, tt.owner, tt.self, got, tt.want)
		}
	}
}

func TestPipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	// Nobody writes: a regular file is not waited for.
	if got, err := ReadFile(path, 100); err == nil {
		t.Errorf("ReadFile() of a pipe = %q, want an error", got)
	}
	for _, tt := range []struct {
		text string
		mode uint32
		ok   bool
	}{{"open sesame", 0o600, true}, {string(make([]byte, 101)), 0o600, false}, {"open sesame", 0o666, false}} {
		if err := syscall.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		written := make(chan error)
		go func() {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				f.WriteString(tt.text)
				err = f.Close()
			}
			written <- err
		}()
		got, err := ReadStream(path, 100)
		if (err == nil) != tt.ok || tt.ok && string(got) != tt.text {
			t.Errorf("ReadStream() of %d bytes with mode %04o = %q, %v", len(tt.text), tt.mode, got, err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
}
