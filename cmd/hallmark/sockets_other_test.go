//go:build !linux

package main

// mayForbidSockets does nothing here: the stories that need it are for Linux.
func mayForbidSockets() {}
