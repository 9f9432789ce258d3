//go:build unix

package verification

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// writable says who else than the user may write the file, or nothing.
func writable(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 {
		return fmt.Sprintf("it belongs to another user (%d), who could have written anything", st.Uid)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Sprintf("others may write it (mode %04o), and could have written anything", mode)
	}
	return ""
}
