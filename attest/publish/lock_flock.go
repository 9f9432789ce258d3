//go:build linux || darwin || freebsd || openbsd || netbsd || dragonfly

package publish

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lock locks the folder dir until unlock is called or the process ends, however
// it ends. It leaves nothing there: beside artifacts, a lock's file would soon
// be published with them. Some network file systems lock files only.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	const longest = 50 * time.Millisecond
	for wait := time.Millisecond; ; wait = min(2*wait, longest) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			return lockFile(dir)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}
