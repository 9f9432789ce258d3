package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hallmark-project/hallmark/attest"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	sigstore "github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
)

// NewKeySigner returns a signer that signs with k. Its bundles hold a DSSE
// envelope and the key's fingerprint as a hint, and no time that anybody else
// vouches for: a key that is lost can sign with any date.
func NewKeySigner(k *Key) attest.Signer { return keySigner{k} }

type keySigner struct{ key *Key }

func (s keySigner) Sign(ctx context.Context, st attest.Statement) (attest.Bundle, error) {
	b, err := bundle(ctx, st, keypair(s), sigstore.BundleOptions{Context: ctx})
	if err != nil {
		return nil, fmt.Errorf("signing the %s statement with key %s: %w", st.Name(), s.key, err)
	}
	return b, nil
}

// bundle has sigstore-go sign st and puts the outcome into JSON.
func bundle(ctx context.Context, st attest.Statement, k sigstore.Keypair, o sigstore.BundleOptions) (attest.Bundle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	payload := st.Bytes()
	if len(payload) == 0 {
		return nil, errors.New("there is nothing to sign")
	}
	pb, err := sigstore.Bundle(&sigstore.DSSEData{Data: payload, PayloadType: attest.PayloadType}, k, o)
	if err != nil {
		return nil, err
	}
	return encode(pb)
}

// encode writes a bundle as JSON. protojson puts spaces where it likes, so
// that nobody relies on its bytes; we do, to tell whether a bundle is already
// published.
func encode(pb *protobundle.Bundle) (attest.Bundle, error) {
	loose, err := protojson.Marshal(pb)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, loose); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// keypair is a key in the form that sigstore-go signs with.
type keypair struct{ key *Key }

var _ sigstore.Keypair = keypair{}

func (k keypair) GetHashAlgorithm() protocommon.HashAlgorithm {
	_, hash, _ := k.key.algorithm.sigstore()
	return hash
}

func (k keypair) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	details, _, _ := k.key.algorithm.sigstore()
	return details
}

func (k keypair) GetKeyAlgorithm() string {
	_, _, kind := k.key.algorithm.sigstore()
	return kind
}

func (k keypair) GetHint() []byte { return []byte(k.key.Fingerprint()) }

func (k keypair) GetPublicKey() crypto.PublicKey { return k.key.Public() }

func (k keypair) GetPublicKeyPem() (string, error) {
	b, err := k.key.PublicPEM()
	return string(b), err
}

// SignData returns the signature and what was signed: the hash of data, or for
// Ed25519 data itself.
func (k keypair) SignData(_ context.Context, data []byte) (signature, signed []byte, err error) {
	hash := k.key.algorithm.hash()
	signed = data
	if hash != 0 {
		h := hash.New()
		h.Write(data)
		signed = h.Sum(nil)
	}
	signature, err = k.key.private().Sign(rand.Reader, signed, hash)
	if err != nil {
		return nil, nil, errors.New("the key refuses to sign")
	}
	return signature, signed, nil
}
