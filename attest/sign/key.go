package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// ErrPassword means that an encrypted key could not be opened with the password
// given. Ask again, or say so; the key itself may also be damaged, which cannot
// be told apart.
var ErrPassword = errors.New("the password is wrong, or the key is damaged")

// Key is a private key, here or in a key service ([OpenKMS]). However it is
// printed, it shows its algorithm and fingerprint and nothing else.
type Key struct {
	algorithm Algorithm
	// private is a function because fmt looks into everything else: a struct
	// that holds a key, printed with a wrong verb, would show it.
	private func() crypto.Signer
	spki    []byte // the public key, as SubjectPublicKeyInfo
}

// The kinds of PEM block that hold a private key.
const (
	pkcs8Block    = "PRIVATE KEY"
	ecBlock       = "EC PRIVATE KEY"
	rsaBlock      = "RSA PRIVATE KEY"
	sigstoreBlock = "ENCRYPTED SIGSTORE PRIVATE KEY"
	cosignBlock   = "ENCRYPTED COSIGN PRIVATE KEY"
)

// ParseKey reads a private key in PEM: PKCS#8, SEC 1 (EC), PKCS#1 (RSA), or
// encrypted by cosign or [Key.Encode]. password is asked only for an encrypted
// key; nil if there is nobody to ask.
func ParseKey(data []byte, password func() ([]byte, error)) (*Key, error) {
	k, err := parseKey(data, password)
	if err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	return k, nil
}

// parseKey passes on no error of the parsers it calls: some quote what they
// read.
func parseKey(data []byte, password func() ([]byte, error)) (*Key, error) {
	block, rest := pem.Decode(data)
	// openssl writes the curve's parameters in front of an EC key; the key
	// repeats them.
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("is not in PEM: expected -----BEGIN PRIVATE KEY-----")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("something follows the key: expected one key and nothing else")
	}
	if len(block.Headers) > 0 {
		return nil, errors.New("has headers, as openssl's old way of encrypting writes: expected PKCS#8, which openssl pkcs8 -topk8 -nocrypt writes")
	}
	defer clear(block.Bytes)
	var private any
	var err error
	switch block.Type {
	case pkcs8Block:
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case ecBlock:
		private, err = x509.ParseECPrivateKey(block.Bytes)
	case rsaBlock:
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case sigstoreBlock, cosignBlock:
		var der []byte
		if der, err = decrypt(block.Bytes, password); err != nil {
			return nil, err
		}
		private, err = x509.ParsePKCS8PrivateKey(der)
		clear(der)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("is encrypted as PKCS#8, which is not read here: expected one that cosign encrypted, or decrypt it with openssl pkcs8")
	case "OPENSSH PRIVATE KEY":
		return nil, errors.New("is a key of OpenSSH: expected PKCS#8, which ssh-keygen -p -m PKCS8 writes")
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		return nil, errors.New("is public: expected the private key that belongs to it")
	default:
		return nil, fmt.Errorf("holds no private key: expected one of %q, %q, %q, %q", pkcs8Block, ecBlock, rsaBlock, sigstoreBlock)
	}
	if err != nil {
		return nil, fmt.Errorf("is damaged: what stands inside %q is none", block.Type)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("is a key that signs nothing, expected ECDSA, Ed25519 or RSA")
	}
	return newKey(signer)
}

// decrypt opens what cosign, or [Key.Encode], encrypted.
func decrypt(data []byte, password func() ([]byte, error)) ([]byte, error) {
	if !json.Valid(data) {
		return nil, errors.New("is damaged: what is encrypted is not in the form that cosign writes")
	}
	if password == nil {
		return nil, errors.New("is encrypted, and there is nobody to ask for its password")
	}
	word, err := password()
	if err != nil {
		return nil, fmt.Errorf("asking for its password: %w", err)
	}
	defer clear(word)
	der, err := encrypted.Decrypt(data, word)
	if err != nil {
		return nil, ErrPassword
	}
	return der, nil
}

func newKey(private crypto.Signer) (*Key, error) {
	a, err := algorithmOf(private.Public())
	if err != nil {
		return nil, err
	}
	// Keys that are known to be weak sign nothing.
	//lint:ignore SA1019 the reason given is that the check is largely unnecessary; here it costs nothing
	if err := cryptoutils.ValidatePubKey(private.Public()); err != nil {
		return nil, errors.New("is weak: generate another")
	}
	spki, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, errors.New("is damaged: its public half cannot be written")
	}
	return &Key{a, func() crypto.Signer { return private }, spki}, nil
}

// Encode returns the key as PEM: PKCS#8, or if there is a password, encrypted
// with it (scrypt, NaCl secretbox) in the form that cosign reads and writes. Of
// a key that a service keeps it fails with [ErrKept].
func (k *Key) Encode(password []byte) ([]byte, error) {
	private := k.private()
	if _, ok := private.(*kept); ok {
		return nil, fmt.Errorf("writing a private key: %w", ErrKept)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, errors.New("writing a private key: it has no form in PKCS#8")
	}
	defer clear(der)
	if len(password) == 0 {
		return pem.EncodeToMemory(&pem.Block{Type: pkcs8Block, Bytes: der}), nil
	}
	sealed, err := encrypted.Encrypt(der, password)
	if err != nil {
		return nil, errors.New("writing a private key: encrypting it")
	}
	return pem.EncodeToMemory(&pem.Block{Type: sigstoreBlock, Bytes: sealed}), nil
}

// PublicPEM returns the public key as PEM (SubjectPublicKeyInfo): what
// consumers put into their trust file.
func (k *Key) PublicPEM() ([]byte, error) {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.spki}), nil
}

// sign returns a signature over signed: a digest made with the algorithm's hash,
// or for Ed25519 the message.
func (k *Key) sign(ctx context.Context, signed []byte) ([]byte, error) {
	private, hash := k.private(), k.algorithm.hash()
	if service, ok := private.(*kept); ok {
		return service.sign(ctx, signed, hash)
	}
	signature, err := private.Sign(rand.Reader, signed, hash)
	if err != nil {
		return nil, errors.New("the key refuses to sign")
	}
	return signature, nil
}

// Public returns the public key.
func (k *Key) Public() crypto.PublicKey { return k.private().Public() }

// Algorithm returns the kind of key.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// Fingerprint is the SHA-256 of the public key (SubjectPublicKeyInfo) in
// base64. Bundles carry it as a hint which key to try; a hint, no proof.
func (k *Key) Fingerprint() string {
	sum := sha256.Sum256(k.spki)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Digest is the same sum as [Key.Fingerprint], as verifiers show it.
func (k *Key) Digest() criteria.Digest { return criteria.DigestOf(k.spki) }

func (k *Key) String() string { return string(k.algorithm) + " " + k.Fingerprint() }

// Format implements [fmt.Formatter] for every verb, so that none prints the
// private half, not even of a copy.
func (k Key) Format(s fmt.State, _ rune) { io.WriteString(s, k.String()) }
