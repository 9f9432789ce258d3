package sigstoretest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"
)

// Stamper is a timestamp authority.
type Stamper struct {
	*Authority
	Leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewStamper returns a timestamp authority whose certificate is valid for these
// times.
func NewStamper(uri string, now, notBefore, notAfter time.Time) *Stamper {
	s := &Stamper{Authority: NewAuthority(uri, "sigstore-tsa", now, x509.ExtKeyUsageTimeStamping), key: newKey()}
	usage := must(asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}))
	s.Leaf = create(&x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "sigstore-tsa", Organization: []string{"sigstore.test"}},
		NotBefore: notBefore, NotAfter: notAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}, s.Intermediate, &s.key.PublicKey, s.Authority.key)
	return s
}

var (
	sha256ID      = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}
	ecdsaID       = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}
	signedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	stampInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	contentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	messageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	signingTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	signingCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

// What a timestamp holds (RFC 3161, section 2.4.2, and RFC 5652, section 5).
type (
	imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	info struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint imprint
		Serial  *big.Int
		Time    time.Time `asn1:"generalized"`
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values asn1.RawValue
	}
	issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	signerInfo struct {
		Version            int
		Signer             issuerAndSerial
		DigestAlgorithm    pkix.AlgorithmIdentifier
		Attributes         asn1.RawValue
		SignatureAlgorithm pkix.AlgorithmIdentifier
		Signature          []byte
	}
	content struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	signed struct {
		Version          int
		DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
		Content          content
		Certificates     asn1.RawValue `asn1:"optional"`
		Signers          []signerInfo  `asn1:"set"`
	}
	response struct {
		Status struct{ Status int }
		Token  content
	}
)

// explicit is value under the context's tag 0.
func explicit(value []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: value}
}

// setOf is a set with one value.
func setOf(value any) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: must(asn1.Marshal(value))}
}

// Stamp says that sig was there at a time. embed puts the authority's
// certificate into the answer.
func (s *Stamper) Stamp(sig []byte, at time.Time, embed bool) []byte {
	sum := sha256.Sum256(sig)
	text := must(asn1.Marshal(info{1, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, imprint{sha256ID, sum[:]}, serial(), at.UTC().Truncate(time.Second)}))
	digest, leaf := sha256.Sum256(text), sha256.Sum256(s.Leaf.Raw)
	attributes := must(asn1.MarshalWithParams([]attribute{
		{contentType, setOf(stampInfo)},
		{messageDigest, setOf(digest[:])},
		{signingTime, setOf(at.UTC())},
		{signingCertV2, setOf(struct{ Certs []struct{ Hash []byte } }{[]struct{ Hash []byte }{{leaf[:]}}})},
	}, "set"))
	hash := sha256.Sum256(attributes)
	var inner asn1.RawValue
	if _, err := asn1.Unmarshal(attributes, &inner); err != nil {
		panic(err)
	}
	data := signed{
		Version: 3, DigestAlgorithms: []pkix.AlgorithmIdentifier{sha256ID},
		Content: content{stampInfo, explicit(must(asn1.Marshal(text)))},
		Signers: []signerInfo{{
			Version: 1, Signer: issuerAndSerial{asn1.RawValue{FullBytes: s.Leaf.RawIssuer}, s.Leaf.SerialNumber},
			DigestAlgorithm: sha256ID, Attributes: explicit(inner.Bytes), SignatureAlgorithm: ecdsaID,
			Signature: must(ecdsa.SignASN1(rand.Reader, s.key, hash[:])),
		}},
	}
	if embed {
		data.Certificates = explicit(s.Leaf.Raw)
	}
	return must(asn1.Marshal(response{Token: content{signedData, explicit(must(asn1.Marshal(data)))}}))
}
