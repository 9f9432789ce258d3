//go:build !linux

package dossier_test

import "errors"

func mountSmall(string, string) error { return errors.ErrUnsupported }

func unmount(string) {}
