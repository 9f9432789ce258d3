package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
)

// minRSA is the least size of an RSA key in bits (NIST SP 800-131A Rev. 2).
const minRSA = 2048

// parseKey reads one public key in PEM, and returns it with the SHA-256 digest
// of its SubjectPublicKeyInfo. Its errors continue a sentence about the key and
// quote nothing of it: people paste private keys by mistake.
func parseKey(text string) (crypto.PublicKey, criteria.Digest, error) {
	none := criteria.Digest{}
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, none, errors.New("is no PEM: expected -----BEGIN PUBLIC KEY-----")
	case strings.Contains(block.Type, "PRIVATE"):
		return nil, none, errors.New("is a private key: give the public one, and treat this one as lost")
	case block.Type != "PUBLIC KEY":
		return nil, none, fmt.Errorf("is a PEM block of type %q: expected PUBLIC KEY", block.Type)
	case len(block.Headers) > 0:
		return nil, none, errors.New("has PEM headers: expected none")
	case strings.TrimSpace(string(rest)) != "":
		return nil, none, errors.New("is followed by something else: each key is a signer of its own")
	case !strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN "):
		return nil, none, errors.New("is preceded by something else")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, none, fmt.Errorf("is no public key: %v", err)
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() && k.Curve != elliptic.P521() {
			return nil, none, fmt.Errorf("is on the curve %s: expected P-256, P-384 or P-521", k.Curve.Params().Name)
		}
	case ed25519.PublicKey:
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return nil, none, fmt.Errorf("has %d bits: expected at least %d", k.N.BitLen(), minRSA)
		}
	default:
		return nil, none, errors.New("is of an unknown kind: expected ECDSA, Ed25519 or RSA")
	}
	return key, criteria.DigestOf(block.Bytes), nil
}
