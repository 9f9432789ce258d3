package dossier

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// exchange swaps two folders in one step: there is no moment, be it one of
// being killed, at which dir is absent.
func exchange(staging, dir string) error {
	err := unix.Renameat2(unix.AT_FDCWD, staging, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	// EINVAL is how a file system says that it cannot.
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return errors.ErrUnsupported
	}
	if err != nil {
		return fmt.Errorf("putting the dossier into %s: %w", dir, err)
	}
	return nil
}
