package sign

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-project/hallmark/attest/sign/kms"
)

var (
	// ErrNoPlugin means that no program asks the key service that a reference
	// names. It is a fault of the set-up: say which program is expected.
	ErrNoPlugin = kms.ErrNoPlugin
	// ErrKeyService means that a key service was asked and gave nothing that
	// could be used. Nothing was signed; trying again may help.
	ErrKeyService = kms.ErrService
)

// ErrKept means that a key cannot be written, since it never leaves the service
// that keeps it.
var ErrKept = errors.New("the key service keeps it, and it cannot be written")

// KMSOptions is what may differ between callers of [OpenKMS]. Its zero value is
// good.
type KMSOptions = kms.Options

// IsKMS reports whether ref names a key in a key service rather than a file:
// awskms://…, or a PKCS #11 URI.
func IsKMS(ref string) bool { return kms.Is(ref) }

// OpenKMS asks the key service that ref names for its public key. The key signs
// like every other, with [NewKeySigner], only that each signature is a question
// to the service; it is never written.
//
// The service is asked through a program called sigstore-kms-NAME on PATH. What
// it signs is checked before anybody sees it.
func OpenKMS(ctx context.Context, ref string, o KMSOptions) (*Key, error) {
	p, err := kms.Find(ref, o)
	if err != nil {
		return nil, fmt.Errorf("opening the key: %w", err)
	}
	public, err := p.PublicKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening the key: %w", err)
	}
	k, err := newKey(&kept{public: public, plugin: p})
	if err != nil {
		return nil, fmt.Errorf("opening the key: what %s keeps there %w", p.Program(), err)
	}
	return k, nil
}

// kept is a private key that a key service keeps.
type kept struct {
	public crypto.PublicKey
	plugin *kms.Plugin
}

var _ crypto.Signer = (*kept)(nil)

func (k *kept) Public() crypto.PublicKey { return k.public }

// Sign implements [crypto.Signer] for who has no context to give.
func (k *kept) Sign(_ io.Reader, signed []byte, o crypto.SignerOpts) ([]byte, error) {
	return k.sign(context.Background(), signed, o.HashFunc())
}

func (k *kept) sign(ctx context.Context, signed []byte, hash crypto.Hash) ([]byte, error) {
	signature, err := k.plugin.Sign(ctx, signed, hash)
	if err != nil {
		return nil, err
	}
	// A name can be given to another key meanwhile, and a plug-in can err: what
	// the verifier would refuse is better refused here.
	if !verifies(k.public, signed, hash, signature) {
		return nil, fmt.Errorf("%w: the signature that %s answers is not by the key that it named before", ErrKeyService, k.plugin.Program())
	}
	return signature, nil
}

func verifies(public crypto.PublicKey, signed []byte, hash crypto.Hash, signature []byte) bool {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, signed, signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, signed, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, hash, signed, signature) == nil
	}
	return false
}
