//go:build !(linux || darwin || freebsd || openbsd || netbsd || dragonfly)

package dossier

import "errors"

func lockFolder(string) (unlock func(), err error) { return nil, errors.ErrUnsupported }
