package main

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbidSockets has the kernel kill this process, with all its threads and
// whatever it starts, when it opens a socket of any kind.
func forbidSockets() error {
	// seccomp(2), with a program of four steps: load the number of the system
	// call; if it is socket, or io_uring_setup, by which one can be had without
	// it, kill; else allow.
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jt: 1, Jf: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_IO_URING_SETUP, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return errno
	}
	return nil
}

// withoutSockets is what [forbidSockets] is asked by.
const withoutSockets = "HALLMARK_TEST_WITHOUT_SOCKETS"

// mayForbidSockets forbids them if the story asks for it.
func mayForbidSockets() {
	if os.Getenv(withoutSockets) == "" {
		return
	}
	if err := forbidSockets(); err != nil {
		fmt.Fprintf(os.Stderr, "forbidding sockets: %v\n", err)
		os.Exit(100)
	}
}
