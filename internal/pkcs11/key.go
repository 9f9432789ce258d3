package pkcs11

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
)

// The kinds of key that are made, in Sigstore's words
// (https://github.com/sigstore/architecture-docs/blob/main/algorithm-registry.md).
const (
	p256    = "ecdsa-sha2-256-nistp256"
	p384    = "ecdsa-sha2-384-nistp384"
	edwards = "ed25519"
	rsa3072 = "rsa-sign-pkcs1-3072-sha256"
	rsa4096 = "rsa-sign-pkcs1-4096-sha256"
)

// maxMessage is more than anybody signs in one piece, and less than memory holds:
// Ed25519 signs the message, so a token takes all of it at once.
const maxMessage = 256 << 20

// key is a key on a token, as the protocol wants it. Each question opens the
// token anew, since each is a process of its own.
type key struct {
	uri  URI
	env  func(string) string
	hash crypto.Hash // what the client says it hashes with; 0: it does not say
}

var _ kms.SignerVerifier = (*key)(nil)

func (*key) DefaultAlgorithm() string { return p256 }

func (*key) SupportedAlgorithms() []string { return []string{p256, p384, edwards, rsa3072, rsa4096} }

// PublicKey asks the token for the public key.
func (k *key) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	t, err := k.open(false)
	if err != nil {
		return nil, err
	}
	defer t.close()
	pair, err := t.find()
	if err != nil {
		return nil, err
	}
	return pair.public, nil
}

// CreateKey makes a new key on the token, which never leaves it. A key of the
// same label or id is never replaced.
func (k *key) CreateKey(_ context.Context, algorithm string) (crypto.PublicKey, error) {
	if k.uri.Object == "" {
		return nil, errors.New("making a key: the URI has no object, which is to be its label")
	}
	t, err := k.open(true)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.create(algorithm)
}

// SignMessage has the token sign a message, or a digest where one is given.
func (k *key) SignMessage(message io.Reader, opts ...signature.SignOption) ([]byte, error) {
	t, err := k.open(false)
	if err != nil {
		return nil, err
	}
	defer t.close()
	pair, err := t.find()
	if err != nil {
		return nil, err
	}
	var digest []byte
	for _, o := range opts {
		o.ApplyDigest(&digest)
	}
	if public, ok := pair.public.(ed25519.PublicKey); ok {
		if len(digest) > 0 {
			return nil, errors.New("signing: an Ed25519 key signs the message and not its digest, and a digest was given")
		}
		data, err := io.ReadAll(io.LimitReader(message, maxMessage+1))
		if err != nil {
			return nil, errors.New("signing: the message could not be read")
		}
		if len(data) > maxMessage {
			return nil, fmt.Errorf("signing: the message is too large for an Ed25519 key: more than %d bytes", maxMessage)
		}
		sig, err := t.sign(pair, data, 0)
		if err != nil {
			return nil, err
		}
		return checked(sig, ed25519.Verify(public, data, sig))
	}
	digest, hash, err := digestOf(message, digest, k.hash, opts)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	sig, err := t.sign(pair, digest, hash)
	if err != nil {
		return nil, err
	}
	return checked(sig, verifies(pair.public, hash, digest, sig))
}

// digestOf returns the digest to sign and what made it. cosign gives the digest
// that fits the key and opens the service with SHA-256 all the same, so where
// the hash is not named the digest's length tells it.
func digestOf(message io.Reader, digest []byte, opened crypto.Hash, opts []signature.SignOption) ([]byte, crypto.Hash, error) {
	var named crypto.SignerOpts
	for _, o := range opts {
		o.ApplyCryptoSignerOpts(&named)
	}
	hash := opened
	if named != nil && named.HashFunc() != 0 {
		hash = named.HashFunc()
	} else if len(digest) > 0 {
		hash = map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512}[len(digest)]
	} else if hash == 0 {
		hash = crypto.SHA256
	}
	switch hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return nil, 0, errors.New("the digest is of a hash that nothing here signs with, expected SHA-256, SHA-384 or SHA-512")
	}
	if len(digest) > 0 {
		if len(digest) != hash.Size() {
			return nil, 0, fmt.Errorf("the digest has %d bytes, expected the %d of %s", len(digest), hash.Size(), hash)
		}
		return digest, hash, nil
	}
	h := hash.New()
	if _, err := io.Copy(h, message); err != nil {
		return nil, 0, errors.New("the message could not be read")
	}
	return h.Sum(nil), hash, nil
}

// checked refuses what the public key refuses: a token can hold the halves of
// two pairs under one label.
func checked(sig []byte, ok bool) ([]byte, error) {
	if !ok {
		return nil, errors.New("signing: the token's signature is not by the public key of the same name: they are halves of two pairs, or the token is broken")
	}
	return sig, nil
}

// VerifySignature verifies here, with the public key that the token shows.
func (k *key) VerifySignature(sig, message io.Reader, opts ...signature.VerifyOption) error {
	public, err := k.PublicKey()
	if err != nil {
		return err
	}
	hash := k.hash
	if hash == 0 {
		hash = crypto.SHA256
	}
	v, err := signature.LoadVerifier(public, hash)
	if err != nil {
		return err
	}
	return v.VerifySignature(sig, message, opts...)
}

// CryptoSigner is not part of the protocol.
func (*key) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, errors.New("the plug-in protocol has no CryptoSigner")
}
