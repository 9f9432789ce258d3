//go:build !cgo

package pkcs11

import (
	"crypto"
	"errors"
)

// available says why no token can be opened.
func available() error {
	return errors.New("this sigstore-kms-pkcs11kms was built without cgo, and PKCS #11 modules are C: build it with CGO_ENABLED=1 and a C compiler")
}

type token struct{}

func (k *key) open(bool) (*token, error) { return nil, available() }

func (*token) close() {}

func (*token) find() (pair, error) { return pair{}, available() }

func (*token) create(string) (crypto.PublicKey, error) { return nil, available() }

func (*token) sign(pair, []byte, crypto.Hash) ([]byte, error) { return nil, available() }
