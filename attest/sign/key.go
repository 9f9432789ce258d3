package sign

import (
	"crypto"
	"errors"

	"github.com/hallmark-project/hallmark/attest"
)

// Algorithm is a kind of key together with how it signs.
type Algorithm string

// The algorithms. RSA signs with PKCS #1 v1.5, which is what verifiers take an
// RSA key to mean.
const (
	ECDSAP256 Algorithm = "ecdsa-p256" // SHA-256; what every verifier knows
	ECDSAP384 Algorithm = "ecdsa-p384" // SHA-384
	Ed25519   Algorithm = "ed25519"
	RSA3072   Algorithm = "rsa-3072" // SHA-256
	RSA4096   Algorithm = "rsa-4096" // SHA-256
)

var errUnwritten = errors.New("not written yet")

// Key is a private key. It prints as its algorithm and fingerprint.
type Key struct {
	algorithm Algorithm
	private   crypto.Signer
}

// Algorithms lists the algorithms, the one to choose first.
func Algorithms() []Algorithm { return []Algorithm{ECDSAP256, ECDSAP384, Ed25519, RSA3072, RSA4096} }

// Generate returns a new key.
func Generate(a Algorithm) (*Key, error) { return nil, errUnwritten }

// ParseKey reads a private key in PEM: PKCS#8, SEC 1 (EC), PKCS#1 (RSA), or
// encrypted by cosign or [Key.Encode]. password is asked only for an encrypted
// key; nil if there is nobody to ask.
func ParseKey(pem []byte, password func() ([]byte, error)) (*Key, error) { return nil, errUnwritten }

// LoadKey reads the key in the file path, as [ParseKey] does. It refuses a file
// that others may read.
func LoadKey(path string, password func() ([]byte, error)) (*Key, error) { return nil, errUnwritten }

// Encode returns the key as PEM: PKCS#8, or encrypted if there is a password.
func (k *Key) Encode(password []byte) ([]byte, error) { return nil, errUnwritten }

// Save writes what [Key.Encode] gives to a new file that only its owner may
// read. It never overwrites.
func (k *Key) Save(path string, password []byte) error { return errUnwritten }

// SavePublic writes the public key to a new file. It never overwrites.
func (k *Key) SavePublic(path string) error { return errUnwritten }

// PublicPEM returns the public key as PEM (SubjectPublicKeyInfo).
func (k *Key) PublicPEM() ([]byte, error) { return nil, errUnwritten }

// Public returns the public key.
func (k *Key) Public() crypto.PublicKey { return k.private.Public() }

// Algorithm returns the kind of key.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// Fingerprint is the SHA-256 of the public key (SubjectPublicKeyInfo) in
// base64; bundles carry it as the hint which key to try.
func (k *Key) Fingerprint() string { return "" }

// NewKeySigner returns a signer that signs with k.
func NewKeySigner(k *Key) attest.Signer { return nil }
