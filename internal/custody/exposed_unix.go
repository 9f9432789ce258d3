//go:build unix

package custody

import (
	"io/fs"
	"os"
	"syscall"
)

func exposed(info fs.FileInfo) bool {
	owner := uint32(os.Geteuid())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = st.Uid
	}
	return exposedTo(info.Mode().Perm(), int(owner), os.Geteuid())
}

// exposedTo reports whether a file with this mode and owner is open to others
// than its owner, as seen by the user self. What access lists grant shows in
// the group's part of the mode.
func exposedTo(mode fs.FileMode, owner, self int) bool {
	if owner == 0 && self != 0 {
		return mode&0o037 != 0
	}
	return mode&0o077 != 0
}
