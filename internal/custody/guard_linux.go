package custody

import "golang.org/x/sys/unix"

// guard does what it can: a limit that may not be lowered leaves what the
// administrator chose. Programs that are started inherit the limit; whether
// they may be read is decided anew when they start.
//
// https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html: a process
// that is not dumpable writes no core, its /proc files are root's, and nobody
// but root attaches to it. A core that is piped to a program ignores the limit,
// and not this.
func guard() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
