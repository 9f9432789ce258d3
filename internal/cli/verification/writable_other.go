//go:build !unix

package verification

import "io/fs"

// writable says nothing where a file's mode does not tell who may write it.
func writable(fs.FileInfo) string { return "" }
