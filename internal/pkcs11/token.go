//go:build cgo

package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/miekg/pkcs11"
)

// available says why no token can be opened.
func available() error { return nil }

// token is an open session with a token, logged in if there was a PIN.
type token struct {
	ctx      *pkcs11.Ctx
	session  pkcs11.SessionHandle
	uri      URI
	pin      []byte
	loggedIn bool
}

// open opens the one token that the URI means.
func (k *key) open(writing bool) (*token, error) {
	path, err := module(k.uri, k.env)
	if err != nil {
		return nil, err
	}
	word, err := pin(k.uri, k.env)
	if err != nil {
		return nil, err
	}
	ctx := pkcs11.New(path)
	if ctx == nil {
		return nil, fmt.Errorf("loading the token's module: %s is no PKCS #11 module, or lacks a library that it needs (on Linux, ldd says which)", path)
	}
	t := &token{ctx: ctx, uri: k.uri, pin: word}
	if err := ctx.Initialize(); err != nil {
		ctx.Destroy()
		clear(word)
		return nil, fmt.Errorf("initialising the token's module: %w", plain(err))
	}
	if err := t.enter(writing); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// close ends the session and unloads the module. There is nobody to tell what
// goes wrong with that, and nothing depends on it.
func (t *token) close() {
	clear(t.pin)
	_ = t.ctx.Finalize()
	t.ctx.Destroy()
}

// enter opens a session with the one token that is meant, and logs in.
func (t *token) enter(writing bool) error {
	slots, err := t.ctx.GetSlotList(true)
	if err != nil {
		return fmt.Errorf("looking for the token: %w", plain(err))
	}
	var fitting []uint
	var info pkcs11.TokenInfo
	var there []string
	var fault error // of one that did not answer; another may be meant
	for _, slot := range slots {
		i, err := t.ctx.GetTokenInfo(slot)
		if err != nil {
			fault = plain(err)
			continue
		}
		if i.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue
		}
		there = append(there, fmt.Sprintf("%q", shown(i.Label)))
		if t.means(slot, i) {
			fitting, info = append(fitting, slot), i
		}
	}
	switch {
	case len(fitting) == 0 && fault != nil:
		return fmt.Errorf("looking for the token: one does not say who it is: %w", fault)
	case len(there) == 0:
		return errors.New("looking for the token: the module shows no token: is it plugged in, and its reader running?")
	case len(fitting) == 0:
		return fmt.Errorf("looking for the token: there is none %s: there are %s", t.uri.token(), strings.Join(there, ", "))
	case len(fitting) > 1:
		if t.uri.token() == "" {
			return fmt.Errorf("looking for the token: there are %s, and the URI does not say which: add token, serial or slot-id to it", strings.Join(there, ", "))
		}
		return fmt.Errorf("looking for the token: there are %d %s: add serial or slot-id to the URI", len(fitting), t.uri.token())
	}
	flags := uint(pkcs11.CKF_SERIAL_SESSION)
	if writing {
		flags |= pkcs11.CKF_RW_SESSION
	}
	if t.session, err = t.ctx.OpenSession(fitting[0], flags); err != nil {
		return fmt.Errorf("opening the token: %w", plain(err))
	}
	return t.login(info)
}

// means reports whether the URI means this token.
func (t *token) means(slot uint, i pkcs11.TokenInfo) bool {
	for _, w := range []struct{ want, is string }{{t.uri.Token, i.Label}, {t.uri.Manufacturer, i.ManufacturerID}, {t.uri.Model, i.Model}, {t.uri.Serial, i.SerialNumber}} {
		if w.want != "" && w.want != strings.TrimRight(w.is, " \x00") {
			return false
		}
	}
	return t.uri.Slot == nil || *t.uri.Slot == slot
}

// login logs in where that can be done. It does not try where one more wrong PIN
// would lock the token: then somebody should look.
func (t *token) login(i pkcs11.TokenInfo) error {
	pad := i.Flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH != 0
	if len(t.pin) == 0 && !pad {
		return nil // what is public can still be asked
	}
	switch {
	case i.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return errors.New("logging in to the token: its PIN is locked: unlock it with the security officer's PIN")
	case i.Flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		return errors.New("logging in to the token: one more wrong PIN would lock it, so it is not tried: log in once with the token's own tool")
	case i.Flags&pkcs11.CKF_USER_PIN_INITIALIZED == 0:
		return errors.New("logging in to the token: it has no PIN of a user yet")
	}
	if err := t.ctx.Login(t.session, pkcs11.CKU_USER, string(t.pin)); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
		return fmt.Errorf("logging in to the token: %w", plain(err))
	}
	t.loggedIn = true
	return nil
}

// find returns the one key pair that the URI means. Logged in, it is the private
// key that has to be the only one, else the public one.
func (t *token) find() (pair, error) {
	if !t.loggedIn {
		return t.public()
	}
	keys, err := t.objects(pkcs11.CKO_PRIVATE_KEY, t.uri.Object, t.uri.ID)
	if err != nil {
		return pair{}, err
	}
	if err := t.one(len(keys), "private keys"); err != nil {
		return pair{}, err
	}
	public, err := t.publicOf(keys[0])
	if err != nil {
		return pair{}, fmt.Errorf("reading the public key: %w", err)
	}
	return pair{public, uint(keys[0])}, nil
}

// one says what is wrong with finding n instead of one.
func (t *token) one(n int, what string) error {
	named := t.uri.key()
	which := strings.TrimSpace("none " + named)
	switch {
	case n == 1:
		return nil
	case n == 0 && t.loggedIn:
		return fmt.Errorf("looking for the key: the token holds %s", which)
	case n == 0:
		return fmt.Errorf("looking for the key: without a PIN the token shows %s: set PKCS11_PIN, or name a file with pin-source", which)
	case named == "":
		return fmt.Errorf("looking for the key: the token holds several %s, and the URI does not say which: add object or id to it", what)
	}
	return fmt.Errorf("looking for the key: the token holds several %s %s, and it is not to be guessed which is meant: add id to the URI", what, named)
}

// public is the key pair as far as it shows to everybody.
func (t *token) public() (pair, error) {
	keys, err := t.objects(pkcs11.CKO_PUBLIC_KEY, t.uri.Object, t.uri.ID)
	if err != nil {
		return pair{}, err
	}
	if err := t.one(len(keys), "public keys"); err != nil {
		return pair{}, err
	}
	public, err := t.read(keys[0])
	if err != nil {
		return pair{}, fmt.Errorf("reading the public key: %w", err)
	}
	return pair{public, 0}, nil
}

// publicOf returns the public half of a private key: from the key itself, which
// not all tokens show, else from the public key or the certificate of the same
// id and label, or of the same id, or of the same label.
func (t *token) publicOf(private pkcs11.ObjectHandle) (crypto.PublicKey, error) {
	if public, err := t.read(private); err == nil {
		return public, nil
	}
	id, label := t.attribute(private, pkcs11.CKA_ID), string(t.attribute(private, pkcs11.CKA_LABEL))
	kind := t.attribute(private, pkcs11.CKA_KEY_TYPE)
	for _, by := range []struct {
		label string
		id    []byte
	}{{label, id}, {"", id}, {label, nil}} {
		if by.label == "" && len(by.id) == 0 {
			continue
		}
		keys, err := t.objects(pkcs11.CKO_PUBLIC_KEY, by.label, by.id)
		if err != nil {
			return nil, err
		}
		var fitting []pkcs11.ObjectHandle
		for _, k := range keys {
			if bytes.Equal(t.attribute(k, pkcs11.CKA_KEY_TYPE), kind) {
				fitting = append(fitting, k)
			}
		}
		if len(fitting) == 1 {
			return t.read(fitting[0])
		}
		if len(fitting) > 1 {
			return nil, errors.New("the token holds several public keys that may belong to the private one: give each pair an id of its own")
		}
	}
	if len(id) > 0 {
		certificates, err := t.objects(pkcs11.CKO_CERTIFICATE, "", id)
		if err != nil {
			return nil, err
		}
		if len(certificates) == 1 {
			if c, err := x509.ParseCertificate(t.attribute(certificates[0], pkcs11.CKA_VALUE)); err == nil {
				return c.PublicKey, nil
			}
		}
	}
	return nil, errors.New("the token holds no public key or certificate of the private key's id or label")
}

// keyTypeEdwards and the mechanisms are of PKCS #11 v3.0
// (https://docs.oasis-open.org/pkcs11/pkcs11-curr/v3.0/os/include/pkcs11-v3.0/pkcs11t.h),
// and not in the header of v2.40 yet.
const (
	keyTypeEdwards           = 0x40
	mechanismEdwardsGenerate = 0x1055
	mechanismEdDSA           = 0x1057
)

// read reads the public half that an object shows.
func (t *token) read(o pkcs11.ObjectHandle) (crypto.PublicKey, error) {
	kind := t.attribute(o, pkcs11.CKA_KEY_TYPE)
	is := func(of uint) bool {
		return bytes.Equal(kind, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, of).Value)
	}
	switch {
	case is(pkcs11.CKK_RSA):
		return rsaPublic(t.attribute(o, pkcs11.CKA_MODULUS), t.attribute(o, pkcs11.CKA_PUBLIC_EXPONENT))
	case is(pkcs11.CKK_EC), is(keyTypeEdwards):
		return curvePublic(t.attribute(o, pkcs11.CKA_EC_PARAMS), t.attribute(o, pkcs11.CKA_EC_POINT))
	}
	return nil, errors.New("the key is of a kind that nothing here signs with, expected an elliptic curve or RSA")
}

// maxObjects is how many keys of one name are counted: two are too many.
const maxObjects = 16

// objects finds the objects of a class on the token, by label and id.
func (t *token) objects(class uint, label string, id []byte) ([]pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)}
	if label != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	}
	if len(id) > 0 {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	}
	if err := t.ctx.FindObjectsInit(t.session, template); err != nil {
		return nil, fmt.Errorf("looking for the key: %w", plain(err))
	}
	found, _, err := t.ctx.FindObjects(t.session, maxObjects)
	if err == nil {
		err = t.ctx.FindObjectsFinal(t.session)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the key: %w", plain(err))
	}
	return found, nil
}

// attribute returns an attribute's value, nil where the token does not show it.
func (t *token) attribute(o pkcs11.ObjectHandle, kind uint) []byte {
	a, err := t.ctx.GetAttributeValue(t.session, o, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	if err != nil || len(a) != 1 {
		return nil
	}
	return a[0].Value
}

// plain returns a token's error in words, where there are better ones than the
// standard's.
func plain(err error) error {
	var code pkcs11.Error
	if !errors.As(err, &code) {
		return err
	}
	text := ""
	switch code {
	case pkcs11.CKR_PIN_INCORRECT:
		text = "the PIN is wrong; each wrong one brings the token closer to locking itself"
	case pkcs11.CKR_PIN_LOCKED:
		text = "its PIN is locked: unlock it with the security officer's PIN"
	case pkcs11.CKR_PIN_EXPIRED:
		text = "its PIN has expired: change it with the token's own tool"
	case pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE:
		text = "the PIN has a length or characters that the token does not take"
	case pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT:
		text = "the token was taken out"
	case pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED:
		text = "the key may not do this"
	case pkcs11.CKR_MECHANISM_INVALID:
		text = "the token cannot do this with keys of this kind"
	case pkcs11.CKR_USER_NOT_LOGGED_IN:
		text = "the token asks for its PIN: set PKCS11_PIN, or name a file with pin-source"
	}
	name := strings.TrimPrefix(code.Error(), "pkcs11: ")
	if text == "" {
		return fmt.Errorf("the token answers %s", name)
	}
	return fmt.Errorf("%s (%s)", text, name)
}

// shown is a token's label without its padding.
func shown(label string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.TrimRight(label, " \x00"))
}

// randomID is an id for a new key.
func randomID() []byte {
	id := make([]byte, 16)
	rand.Read(id)
	return id
}
