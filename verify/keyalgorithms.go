package verify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/sigstore/sigstore/pkg/signature"
	sigoptions "github.com/sigstore/sigstore/pkg/signature/options"
)

// maxUnhashed bounds what an algorithm that takes no hash is asked about:
// it has to be in memory.
const maxUnhashed = 256 << 20

// keyAlgorithms verifies what a key signed with any algorithm that Sigstore's
// registry lists for keys of its kind. A public key in PEM does not say which of
// them it signs with, and a bundle does not either.
//
// https://github.com/sigstore/architecture-docs/blob/main/algorithm-registry.md
type keyAlgorithms struct {
	key crypto.PublicKey
	by  []algorithm
}

var _ signature.Verifier = keyAlgorithms{}

// algorithm is one of them.
type algorithm struct {
	hash     crypto.Hash // 0 for one that takes the message itself
	verifier signature.Verifier
}

func newKeyAlgorithms(key crypto.PublicKey) (keyAlgorithms, error) {
	a := keyAlgorithms{key: key}
	add := func(h crypto.Hash, more ...signature.LoadOption) error {
		if h != 0 {
			more = append(more, sigoptions.WithHash(h))
		}
		v, err := signature.LoadVerifierWithOpts(key, more...)
		if err == nil {
			a.by = append(a.by, algorithm{h, v})
		}
		return err
	}
	var err error
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			err = add(crypto.SHA256)
		// Of keys on the larger curves, older clients signed SHA-256.
		case elliptic.P384():
			err = errors.Join(add(crypto.SHA384), add(crypto.SHA256))
		case elliptic.P521():
			err = errors.Join(add(crypto.SHA512), add(crypto.SHA256))
		default:
			err = errors.New("it is on a curve that the registry does not list")
		}
	case *rsa.PublicKey:
		pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}
		err = errors.Join(add(crypto.SHA256), add(crypto.SHA256, sigoptions.WithRSAPSS(pss)))
	case ed25519.PublicKey:
		err = errors.Join(add(0), add(crypto.SHA512, sigoptions.WithED25519ph()))
	default:
		err = errors.New("it is of a kind that the registry does not list")
	}
	return a, err
}

// PublicKey implements [signature.PublicKeyProvider].
func (a keyAlgorithms) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	return a.key, nil
}

// VerifySignature implements [signature.Verifier].
func (a keyAlgorithms) VerifySignature(sig, message io.Reader, opts ...signature.VerifyOption) error {
	raw, err := io.ReadAll(sig)
	if err != nil {
		return err
	}
	var given []byte
	for _, o := range opts {
		o.ApplyDigest(&given)
	}
	sums := make(map[crypto.Hash][]byte)
	var whole []byte
	if given == nil {
		if sums, whole, err = a.sums(message); err != nil {
			return err
		}
	}
	refused := fmt.Errorf("a digest of %d bytes is not enough to verify a signature of this key", len(given))
	for _, by := range a.by {
		var err error
		switch {
		case by.hash == 0 && given == nil:
			err = by.verifier.VerifySignature(bytes.NewReader(raw), bytes.NewReader(whole))
		case by.hash != 0 && len(given) == by.hash.Size():
			err = by.verifier.VerifySignature(bytes.NewReader(raw), nil, sigoptions.WithDigest(given))
		case by.hash != 0 && given == nil:
			err = by.verifier.VerifySignature(bytes.NewReader(raw), nil, sigoptions.WithDigest(sums[by.hash]))
		default:
			continue
		}
		if err == nil {
			return nil
		}
		refused = err
	}
	return refused
}

// sums reads message once. It returns its hashes and, if an algorithm needs it,
// message itself.
func (a keyAlgorithms) sums(message io.Reader) (map[crypto.Hash][]byte, []byte, error) {
	running := make(map[crypto.Hash]hash.Hash)
	var whole *bytes.Buffer
	var to []io.Writer
	for _, by := range a.by {
		switch {
		case by.hash == 0:
			whole = new(bytes.Buffer)
			to = append(to, whole)
			message = io.LimitReader(message, maxUnhashed+1)
		case running[by.hash] == nil:
			running[by.hash] = by.hash.New()
			to = append(to, running[by.hash])
		}
	}
	n, err := io.Copy(io.MultiWriter(to...), message)
	if err != nil {
		return nil, nil, err
	}
	sums := make(map[crypto.Hash][]byte)
	for h, r := range running {
		sums[h] = r.Sum(nil)
	}
	if whole == nil {
		return sums, nil, nil
	}
	if n > maxUnhashed {
		return nil, nil, fmt.Errorf("more than %d bytes cannot be verified with a key of this kind", maxUnhashed)
	}
	return sums, whole.Bytes(), nil
}
