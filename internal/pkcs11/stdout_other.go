//go:build !unix

package pkcs11

import "os"

// Stdout returns where answers go.
func Stdout() *os.File { return os.Stdout }
