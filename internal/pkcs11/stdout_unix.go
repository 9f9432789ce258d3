//go:build unix

package pkcs11

import (
	"os"

	"golang.org/x/sys/unix"
)

// Stdout returns where answers go, and sends whatever else is written to stdout
// to stderr: modules write there what they like, and an answer is JSON alone.
func Stdout() *os.File {
	kept, err := unix.Dup(1)
	if err != nil {
		return os.Stdout
	}
	unix.CloseOnExec(kept)
	if err := unix.Dup2(2, 1); err != nil {
		unix.Close(kept)
		return os.Stdout
	}
	return os.NewFile(uintptr(kept), "stdout")
}
