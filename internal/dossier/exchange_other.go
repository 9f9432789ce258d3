//go:build !linux

package dossier

import "errors"

func exchange(string, string) error { return errors.ErrUnsupported }
