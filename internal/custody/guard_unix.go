//go:build unix && !linux

package custody

import "golang.org/x/sys/unix"

// guard does what it can: a limit that may not be lowered leaves what the
// administrator chose.
func guard() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
