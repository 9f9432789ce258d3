package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

func TestCurvePublic(t *testing.T) {
	p256, p384, edwards, edwardsOID := curveParameters()
	k256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	ed, _, _ := ed25519.GenerateKey(rand.Reader)
	point := func(k *ecdsa.PrivateKey) []byte {
		b, err := k.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	wrap := func(b []byte) []byte {
		der, err := asn1.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	type equaler interface{ Equal(crypto.PublicKey) bool }
	for _, tt := range []struct {
		params, point []byte
		want          crypto.PublicKey
	}{{p256, point(k256), &k256.PublicKey}, {p384, point(k384), &k384.PublicKey}, {edwards, ed, ed}, {edwardsOID, ed, ed}} {
		for _, p := range [][]byte{tt.point, wrap(tt.point)} {
			got, err := curvePublic(tt.params, p)
			if err != nil || !got.(equaler).Equal(tt.want) {
				t.Errorf("curvePublic(%x, %x) = %v, %v, want %v", tt.params, p, got, err, tt.want)
			}
		}
	}
	off := point(k256)
	off[10] ^= 1
	for _, tt := range []struct{ params, point []byte }{
		{p256, nil},
		{p256, off},
		{p256, wrap(off)},
		{p256, point(k384)},
		{p384, point(k256)},
		{edwards, ed[:31]},
		{nil, point(k256)},
		{[]byte{6, 5, 0x2b, 0x81, 4, 0, 35}, point(k256)},
		{p256, append(wrap(point(k256)), 0)},
	} {
		if got, err := curvePublic(tt.params, tt.point); err == nil {
			t.Errorf("curvePublic(%x, %x) = %v, want an error", tt.params, tt.point, got)
		}
	}
}

func TestRSAPublic(t *testing.T) {
	k, _ := rsa.GenerateKey(rand.Reader, 2048)
	got, err := rsaPublic(k.N.Bytes(), []byte{1, 0, 1})
	if err != nil || !k.PublicKey.Equal(got) {
		t.Errorf("rsaPublic() = %v, %v", got, err)
	}
	for _, tt := range []struct{ n, e []byte }{{nil, nil}, {k.N.Bytes(), nil}, {k.N.Bytes(), []byte{1}}, {k.N.Bytes(), bytes.Repeat([]byte{1}, 9)}, {k.N.Bytes()[:128], []byte{1, 0, 1}}, {bytes.Repeat([]byte{255}, 2000), []byte{1, 0, 1}}} {
		if got, err := rsaPublic(tt.n, tt.e); err == nil {
			t.Errorf("rsaPublic(%d bytes, %x) = %v, want an error", len(tt.n), tt.e, got)
		}
	}
}

// What a token answers and what it is given are what Go's own library takes.
func TestSignatures(t *testing.T) {
	digest := sha256.Sum256([]byte("what is signed"))
	// Small halves have leading zeros, which ASN.1 leaves out.
	for range 50 {
		k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		der, err := ecdsa.SignASN1(rand.Reader, k, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		var halves struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &halves); err != nil {
			t.Fatal(err)
		}
		raw := append(halves.R.FillBytes(make([]byte, 32)), halves.S.FillBytes(make([]byte, 32))...)
		if got, err := ecdsaSignature(raw, 32); err != nil || !bytes.Equal(got, der) {
			t.Errorf("ecdsaSignature(%x) = %x, %v, want %x", raw, got, err, der)
		}
	}
	for _, n := range []int{0, 63, 65, 96} {
		if got, err := ecdsaSignature(make([]byte, n), 32); err == nil {
			t.Errorf("ecdsaSignature() of %d bytes = %x, want an error", n, got)
		}
	}
	k, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		h := hash.New()
		h.Write([]byte("what is signed"))
		info, err := digestInfo(hash, h.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		// Hash 0: sign the bytes as they are, which is what CKM_RSA_PKCS does.
		sig, err := rsa.SignPKCS1v15(nil, k, 0, info)
		if err != nil {
			t.Fatal(err)
		}
		if !verifies(&k.PublicKey, hash, h.Sum(nil), sig) {
			t.Errorf("%s: the signature does not verify", hash)
		}
	}
	if got, err := digestInfo(crypto.SHA1, make([]byte, 20)); err == nil {
		t.Errorf("digestInfo() of SHA-1 = %x, want an error", got)
	}
}

func TestDigestOf(t *testing.T) {
	sum := sha256.Sum256([]byte("message"))
	for _, tt := range []struct {
		name   string
		digest []byte
		opened crypto.Hash
		opts   []signature.SignOption
		want   crypto.Hash
	}{
		{"message", nil, crypto.SHA256, nil, crypto.SHA256},
		{"message_of_who_says_nothing", nil, 0, nil, crypto.SHA256},
		{"message_with_hash", nil, crypto.SHA256, []signature.SignOption{options.WithCryptoSignerOpts(crypto.SHA384)}, crypto.SHA384},
		{"digest", sum[:], crypto.SHA256, []signature.SignOption{options.WithCryptoSignerOpts(crypto.SHA256)}, crypto.SHA256},
		{"digest_as_cosign_gives_it", make([]byte, 48), crypto.SHA256, nil, crypto.SHA384},
		{"digest_of_another_hash", sum[:], crypto.SHA256, []signature.SignOption{options.WithCryptoSignerOpts(crypto.SHA384)}, 0},
		{"digest_cut_off", sum[:20], crypto.SHA256, nil, 0},
		{"sha1", nil, crypto.SHA1, nil, 0},
	} {
		digest, hash, err := digestOf(strings.NewReader("message"), tt.digest, tt.opened, tt.opts)
		if (err == nil) != (tt.want != 0) || hash != tt.want && tt.want != 0 || err == nil && len(digest) != hash.Size() {
			t.Errorf("%s: digestOf() = %x, %v, %v, want %v", tt.name, digest, hash, err, tt.want)
		}
		if tt.name == "message" && !bytes.Equal(digest, sum[:]) {
			t.Errorf("%s: digestOf() = %x, want %x", tt.name, digest, sum)
		}
	}
	if _, _, err := digestOf(io.MultiReader(strings.NewReader("mess"), broken{}), nil, crypto.SHA256, nil); err == nil {
		t.Error("digestOf() of a message that breaks off gave no error")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }
