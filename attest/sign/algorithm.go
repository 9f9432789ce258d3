package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
)

// Algorithm is a kind of key together with how it signs. A public key alone
// must tell a verifier how to check a signature, so each kind of key signs in
// one way only: the one that sigstore-go and slsa-verifier take it to mean.
type Algorithm string

// The algorithms. RSA signs with PKCS #1 v1.5, Ed25519 the message and not its
// hash. cosign expects SHA-256 of a P-384 key, so where cosign reads the
// signatures choose P-256.
const (
	ECDSAP256 Algorithm = "ecdsa-p256" // SHA-256; what every verifier knows
	ECDSAP384 Algorithm = "ecdsa-p384" // SHA-384
	Ed25519   Algorithm = "ed25519"
	RSA2048   Algorithm = "rsa-2048" // SHA-256; existing keys only, none is generated
	RSA3072   Algorithm = "rsa-3072" // SHA-256
	RSA4096   Algorithm = "rsa-4096" // SHA-256
)

// Algorithms lists what [Generate] makes, the one to choose first.
func Algorithms() []Algorithm { return []Algorithm{ECDSAP256, ECDSAP384, Ed25519, RSA3072, RSA4096} }

// Generate returns a new key.
func Generate(a Algorithm) (*Key, error) {
	var private crypto.Signer
	var err error
	switch a {
	case ECDSAP256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECDSAP384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case Ed25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case RSA3072:
		private, err = rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		private, err = rsa.GenerateKey(rand.Reader, 4096)
	default:
		return nil, fmt.Errorf("generating a key: unknown algorithm %q: known are %s", a, words(Algorithms()))
	}
	if err != nil {
		return nil, fmt.Errorf("generating a key: %v", err)
	}
	return newKey(private)
}

func words(as []Algorithm) string {
	s := make([]string, len(as))
	for i, a := range as {
		s[i] = string(a)
	}
	return strings.Join(s, ", ")
}

// algorithmOf returns how a key signs, or says that nothing signs with it.
func algorithmOf(public crypto.PublicKey) (Algorithm, error) {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return ECDSAP256, nil
		case elliptic.P384():
			return ECDSAP384, nil
		}
		return "", fmt.Errorf("is an ECDSA key on %s, expected P-256 or P-384", k.Curve.Params().Name)
	case ed25519.PublicKey:
		return Ed25519, nil
	case *rsa.PublicKey:
		a := Algorithm(fmt.Sprintf("rsa-%d", k.N.BitLen()))
		if !slices.Contains([]Algorithm{RSA2048, RSA3072, RSA4096}, a) {
			return "", fmt.Errorf("is an RSA key of %d bits, expected 2048, 3072 or 4096", k.N.BitLen())
		}
		return a, nil
	}
	return "", fmt.Errorf("is a key of a kind that nothing here signs with, expected ECDSA, Ed25519 or RSA")
}

// hash is what is applied before signing; 0: nothing.
func (a Algorithm) hash() crypto.Hash {
	switch a {
	case ECDSAP384:
		return crypto.SHA384
	case Ed25519:
		return 0
	}
	return crypto.SHA256
}

// sigstore returns Sigstore's words for the algorithm.
func (a Algorithm) sigstore() (protocommon.PublicKeyDetails, protocommon.HashAlgorithm, string) {
	switch a {
	case ECDSAP256:
		return protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256, protocommon.HashAlgorithm_SHA2_256, "ECDSA"
	case ECDSAP384:
		return protocommon.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384, protocommon.HashAlgorithm_SHA2_384, "ECDSA"
	case Ed25519:
		return protocommon.PublicKeyDetails_PKIX_ED25519, protocommon.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED, "ED25519"
	case RSA2048:
		return protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_2048_SHA256, protocommon.HashAlgorithm_SHA2_256, "RSA"
	case RSA3072:
		return protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_3072_SHA256, protocommon.HashAlgorithm_SHA2_256, "RSA"
	case RSA4096:
		return protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_4096_SHA256, protocommon.HashAlgorithm_SHA2_256, "RSA"
	}
	return protocommon.PublicKeyDetails_PUBLIC_KEY_DETAILS_UNSPECIFIED, protocommon.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED, ""
}
