//go:build linux || darwin || freebsd || openbsd || netbsd || dragonfly

package dossier

import (
	"errors"
	"os"
	"syscall"
)

// lockFolder locks dir until unlock is called or the process ends, however it
// ends. errHeld means that somebody else has it; any other error, that locks
// cannot tell.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errHeld
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}
