package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"net/url"
	"time"
)

// Authority is a certificate authority: a root and an intermediate.
type Authority struct {
	URI                string
	Root, Intermediate *x509.Certificate
	key                *ecdsa.PrivateKey // of the intermediate
}

// life is how long certificates of authorities are valid, to both sides of the
// time they are made for.
const life = 10 * 365 * 24 * time.Hour

// NewAuthority returns an authority whose intermediate has this name. usage is
// what its certificates are for.
func NewAuthority(uri, name string, now time.Time, usage x509.ExtKeyUsage) *Authority {
	return newAuthority(uri, name, now, usage, elliptic.P256())
}

// NewPublicAuthority returns an authority whose keys are on P-384, as those of
// Sigstore's public instance are, for certificates that sign.
func NewPublicAuthority(uri, name string, now time.Time) *Authority {
	return newAuthority(uri, name, now, x509.ExtKeyUsageCodeSigning, elliptic.P384())
}

func newAuthority(uri, name string, now time.Time, usage x509.ExtKeyUsage, curve elliptic.Curve) *Authority {
	rootKey, key := must(ecdsa.GenerateKey(curve, rand.Reader)), must(ecdsa.GenerateKey(curve, rand.Reader))
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name + "-root", Organization: []string{"sigstore.test"}},
		NotBefore: now.Add(-life), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	a := &Authority{URI: uri, key: key}
	a.Root = create(root, root, &rootKey.PublicKey, rootKey)
	a.Intermediate = create(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name, Organization: []string{"sigstore.test"}},
		NotBefore: now.Add(-life), NotAfter: now.Add(life), ExtKeyUsage: []x509.ExtKeyUsage{usage},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}, a.Root, &key.PublicKey, rootKey)
	return a
}

// Subject is what a certificate says.
type Subject struct {
	Identity, Issuer string
	// Othername puts the identity into an otherName, as Fulcio does for user names.
	Othername           bool
	NotBefore, NotAfter time.Time
	// Says are further extensions by their number below 1.3.6.1.4.1.57264.1.
	Says map[int]string
	// Logs promise to hold the certificate, at LoggedAt or NotBefore.
	Logs     []*CTLog
	LoggedAt time.Time
	// Promised is put in place of what Logs promise.
	Promised []byte
}

var (
	fulcio    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1}
	promises  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
	altName   = asn1.ObjectIdentifier{2, 5, 29, 17}
	otherName = append(append(asn1.ObjectIdentifier{}, fulcio...), 7)
)

// Certify returns a certificate for public.
func (a *Authority) Certify(public crypto.PublicKey, s Subject) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: serial(), NotBefore: s.NotBefore, NotAfter: s.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if s.Othername {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: altName, Critical: true, Value: otherNameOf(s.Identity)})
	} else if u, err := url.Parse(s.Identity); err == nil && u.Scheme != "" {
		template.URIs = []*url.URL{u}
	} else {
		template.EmailAddresses = []string{s.Identity}
	}
	add := func(number int, value []byte) {
		id := append(append(asn1.ObjectIdentifier{}, fulcio...), number)
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: id, Value: value})
	}
	add(1, []byte(s.Issuer))
	add(8, must(asn1.MarshalWithParams(s.Issuer, "utf8")))
	for number, value := range s.Says {
		add(number, must(asn1.MarshalWithParams(value, "utf8")))
	}
	promised := s.Promised
	if promised == nil && len(s.Logs) > 0 {
		at := s.LoggedAt
		if at.IsZero() {
			at = s.NotBefore
		}
		promised = promise(create(template, a.Intermediate, public, a.key), a.Intermediate, at, s.Logs)
	}
	if promised != nil {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: promises, Value: promised})
	}
	return create(template, a.Intermediate, public, a.key)
}

// Promises is what c's certificate logs promised, to be put into another.
func Promises(c *x509.Certificate) []byte {
	for _, e := range c.Extensions {
		if e.Id.Equal(promises) {
			return e.Value
		}
	}
	return nil
}

// otherNameOf is a subject alternative name with one otherName.
func otherNameOf(identity string) []byte {
	value := must(asn1.MarshalWithParams(identity, "utf8"))
	explicit := must(asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: value}))
	name := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(must(asn1.Marshal(otherName)), explicit...)}
	return must(asn1.Marshal([]asn1.RawValue{name}))
}

// CTLog is a certificate log.
type CTLog struct {
	Key *ecdsa.PrivateKey
	// Extensions are in each of its promises.
	Extensions []byte
}

// NewCTLog returns a certificate log.
func NewCTLog() *CTLog { return &CTLog{Key: newKey()} }

// ID is the log's id.
func (l *CTLog) ID() []byte {
	sum := sha256.Sum256(spki(&l.Key.PublicKey))
	return sum[:]
}

// promise is the extension that holds what logs promise about leaf, a
// certificate without it (RFC 6962, section 3.2).
func promise(leaf, issuer *x509.Certificate, at time.Time, logs []*CTLog) []byte {
	var list []byte
	for _, l := range logs {
		keyHash := sha256.Sum256(issuer.RawSubjectPublicKeyInfo)
		var signed []byte
		signed = append(signed, 0, 0) // version 1, certificate_timestamp
		signed = binary.BigEndian.AppendUint64(signed, uint64(at.UnixMilli()))
		signed = append(signed, 0, 1) // precert_entry
		signed = append(signed, keyHash[:]...)
		n := len(leaf.RawTBSCertificate)
		signed = append(signed, byte(n>>16), byte(n>>8), byte(n))
		signed = append(signed, leaf.RawTBSCertificate...)
		signed = binary.BigEndian.AppendUint16(signed, uint16(len(l.Extensions)))
		signed = append(signed, l.Extensions...)
		sum := sha256.Sum256(signed)
		sig := must(ecdsa.SignASN1(rand.Reader, l.Key, sum[:]))

		sct := append([]byte{0}, l.ID()...)
		sct = binary.BigEndian.AppendUint64(sct, uint64(at.UnixMilli()))
		sct = binary.BigEndian.AppendUint16(sct, uint16(len(l.Extensions)))
		sct = append(sct, l.Extensions...)
		sct = append(sct, 4, 3) // SHA-256, ECDSA
		sct = binary.BigEndian.AppendUint16(sct, uint16(len(sig)))
		sct = append(sct, sig...)
		list = binary.BigEndian.AppendUint16(list, uint16(len(sct)))
		list = append(list, sct...)
	}
	return must(asn1.Marshal(append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...)))
}

func create(template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, public, by))))
}

func newKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func serial() *big.Int { return must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))) }

func spki(public crypto.PublicKey) []byte { return must(x509.MarshalPKIXPublicKey(public)) }

// must is for what fails only if this package is wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
