package main

import "syscall"

// dieWithParent has the kernel end a server when this process ends in a way
// that lets it end nothing itself.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
