package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// pair is a key pair: its public half, and the token's handle of the private
// one, 0 if the token was not asked for it.
type pair struct {
	public  crypto.PublicKey
	private uint
}

// The parameters of elliptic curves, as a token holds them: the curve's object
// identifier, or for Edwards curves also its name
// (https://docs.oasis-open.org/pkcs11/pkcs11-curr/v3.0/os/pkcs11-curr-v3.0-os.html, 2.3.5, 2.3.10).
func curveParameters() (p256, p384, edwards, edwardsOID []byte) {
	oid := func(id ...int) []byte {
		der, err := asn1.Marshal(asn1.ObjectIdentifier(id))
		if err != nil {
			panic(err) // they are constants
		}
		return der
	}
	return oid(1, 2, 840, 10045, 3, 1, 7), oid(1, 3, 132, 0, 34),
		append([]byte{0x13, 12}, "edwards25519"...), oid(1, 3, 101, 112)
}

// curvePublic makes the public key of a point on the curve that params name.
func curvePublic(params, point []byte) (crypto.PublicKey, error) {
	// Most tokens wrap the point as the standard says, and some do not.
	raw := point
	var inner cryptobyte.String
	if der := cryptobyte.String(point); der.ReadASN1(&inner, cryptobyteasn1.OCTET_STRING) && der.Empty() {
		raw = inner
	}
	p256, p384, edwards, edwardsOID := curveParameters()
	var curve elliptic.Curve
	switch {
	case bytes.Equal(params, p256):
		curve = elliptic.P256()
	case bytes.Equal(params, p384):
		curve = elliptic.P384()
	case bytes.Equal(params, edwards), bytes.Equal(params, edwardsOID):
		for _, candidate := range [][]byte{raw, point} {
			if len(candidate) == ed25519.PublicKeySize {
				return ed25519.PublicKey(bytes.Clone(candidate)), nil
			}
		}
		return nil, fmt.Errorf("the token's Ed25519 public key has %d bytes, expected %d", len(raw), ed25519.PublicKeySize)
	default:
		return nil, errors.New("the key is on a curve that nothing here signs with, expected P-256, P-384 or Ed25519")
	}
	for _, candidate := range [][]byte{raw, point} {
		if key, err := ecdsa.ParseUncompressedPublicKey(curve, candidate); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("the token's public key is no point on its curve")
}

// rsaPublic makes a public key of a modulus and an exponent.
func rsaPublic(modulus, exponent []byte) (crypto.PublicKey, error) {
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < 2048 || n.BitLen() > 8192 || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 {
		return nil, fmt.Errorf("the key is an RSA key of %d bits with an exponent of %d bits, expected 2048 to 8192, and 65537", n.BitLen(), e.BitLen())
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// ecdsaSignature writes the two halves of a token's signature as ASN.1, as all
// others read them.
func ecdsaSignature(raw []byte, size int) ([]byte, error) {
	if len(raw) != 2*size {
		return nil, fmt.Errorf("the token's signature has %d bytes, expected %d", len(raw), 2*size)
	}
	var b cryptobyte.Builder
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[:size]))
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[size:]))
	})
	return b.Bytes()
}

// digestInfo is what RSA with PKCS #1 v1.5 signs
// (https://www.rfc-editor.org/rfc/rfc8017#section-9.2): the hash's name and the
// digest. A token adds the padding, and not this.
func digestInfo(hash crypto.Hash, digest []byte) ([]byte, error) {
	var last int // of 2.16.840.1.101.3.4.2.x
	switch hash {
	case crypto.SHA256:
		last = 1
	case crypto.SHA384:
		last = 2
	case crypto.SHA512:
		last = 3
	default:
		return nil, fmt.Errorf("RSA keys do not sign digests of %s here, expected SHA-256, SHA-384 or SHA-512", hash)
	}
	var b cryptobyte.Builder
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, last})
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(digest)
	})
	return b.Bytes()
}

// verifies reports whether sig is public's over digest.
func verifies(public crypto.PublicKey, hash crypto.Hash, digest, sig []byte) bool {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, hash, digest, sig) == nil
	}
	return false
}
