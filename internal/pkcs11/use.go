//go:build cgo

package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"
)

// sign has the token sign a digest made with hash, or with an Ed25519 key a
// message.
func (t *token) sign(p pair, data []byte, hash crypto.Hash) ([]byte, error) {
	if p.private == 0 {
		return nil, errors.New("signing: the token asks for its PIN: set PKCS11_PIN, or name a file with pin-source")
	}
	private := pkcs11.ObjectHandle(p.private)
	may := t.attribute(private, pkcs11.CKA_SIGN)
	if len(may) == 1 && may[0] == 0 {
		return nil, fmt.Errorf("signing: the key %s may not sign (its CKA_SIGN is false)", t.uri.key())
	}
	mechanism := uint(pkcs11.CKM_ECDSA)
	switch p.public.(type) {
	case ed25519.PublicKey:
		mechanism = mechanismEdDSA
	case *rsa.PublicKey:
		mechanism = pkcs11.CKM_RSA_PKCS
		var err error
		if data, err = digestInfo(hash, data); err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
	}
	if err := t.ctx.SignInit(t.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, private); err != nil {
		return nil, fmt.Errorf("signing: %w", plain(err))
	}
	// Some keys want the PIN again for each signature, as those for signing on
	// identity cards do.
	if always := t.attribute(private, pkcs11.CKA_ALWAYS_AUTHENTICATE); len(always) == 1 && always[0] != 0 {
		if err := t.ctx.Login(t.session, pkcs11.CKU_CONTEXT_SPECIFIC, string(t.pin)); err != nil {
			return nil, fmt.Errorf("signing: giving the PIN once more: %w", plain(err))
		}
	}
	sig, err := t.ctx.Sign(t.session, data)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", plain(err))
	}
	if public, ok := p.public.(*ecdsa.PublicKey); ok {
		if sig, err = ecdsaSignature(sig, (public.Params().BitSize+7)/8); err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
	}
	return sig, nil
}

// create makes a key pair whose private half the token shows to nobody.
func (t *token) create(algorithm string) (crypto.PublicKey, error) {
	if !t.loggedIn {
		return nil, errors.New("making a key: the token asks for its PIN: set PKCS11_PIN, or name a file with pin-source")
	}
	id := t.uri.ID
	for _, by := range []struct {
		label string
		id    []byte
	}{{t.uri.Object, nil}, {"", id}} {
		if by.label == "" && len(by.id) == 0 {
			continue
		}
		for _, class := range []uint{pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY} {
			there, err := t.objects(class, by.label, by.id)
			if err != nil {
				return nil, err
			}
			if len(there) > 0 {
				return nil, fmt.Errorf("making a key: the token holds one %s: a key is never replaced", URI{Object: by.label, ID: by.id}.key())
			}
		}
	}
	if len(id) == 0 {
		id = randomID()
	}
	both := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, t.uri.Object), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
	}
	public := append(both[:len(both):len(both)], pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true))
	private := append(both[:len(both):len(both)],
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true))
	var mechanism uint
	p256Parameters, p384Parameters, edwardsParameters, _ := curveParameters()
	curve := func(m, kind uint, parameters []byte) {
		mechanism = m
		public = append(public, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, parameters))
	}
	bits := func(n uint) {
		mechanism = pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN
		public = append(public, pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, n), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))
	}
	switch algorithm {
	case p256:
		curve(pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.CKK_EC, p256Parameters)
	case p384:
		curve(pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.CKK_EC, p384Parameters)
	case edwards:
		curve(mechanismEdwardsGenerate, keyTypeEdwards, edwardsParameters)
	case rsa3072:
		bits(3072)
	case rsa4096:
		bits(4096)
	default:
		return nil, fmt.Errorf("making a key: the algorithm is not known: known are %s", strings.Join((*key)(nil).SupportedAlgorithms(), ", "))
	}
	made, _, err := t.ctx.GenerateKeyPair(t.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, public, private)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", plain(err))
	}
	return t.read(made)
}
