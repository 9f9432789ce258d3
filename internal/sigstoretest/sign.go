package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// PayloadType is the payload type of statements.
const PayloadType = "application/vnd.in-toto+json"

// Sigstore is everything that witnesses a signature.
type Sigstore struct {
	Now    time.Time
	Fulcio *Authority
	CT     *CTLog
	V1, V2 *Log
	TSA    *Stamper
}

// New returns a Sigstore at time now.
func New(now time.Time) *Sigstore {
	return &Sigstore{
		Now:    now,
		Fulcio: NewAuthority("https://fulcio.test", "sigstore-intermediate", now, x509.ExtKeyUsageCodeSigning),
		CT:     NewCTLog(), V1: NewLogV1(), V2: NewLogV2(),
		TSA: NewStamper("https://tsa.test/api/v1/timestamp", now, now.Add(-life), now.Add(life)),
	}
}

// Key is a private key and the algorithm that it signs with.
type Key struct {
	crypto.Signer
	Details protocommon.PublicKeyDetails
	hash    crypto.Hash
	pss, ph bool
}

// NewKey returns a key for an algorithm of Sigstore's registry.
func NewKey(details protocommon.PublicKeyDetails) Key {
	ec := func(c elliptic.Curve, h crypto.Hash) Key {
		return Key{Signer: must(ecdsa.GenerateKey(c, rand.Reader)), Details: details, hash: h}
	}
	rs := func(bits int, pss bool) Key {
		return Key{Signer: must(rsa.GenerateKey(rand.Reader, bits)), Details: details, hash: crypto.SHA256, pss: pss}
	}
	switch details {
	case protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256:
		return ec(elliptic.P256(), crypto.SHA256)
	case protocommon.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384:
		return ec(elliptic.P384(), crypto.SHA384)
	case protocommon.PublicKeyDetails_PKIX_ECDSA_P521_SHA_512:
		return ec(elliptic.P521(), crypto.SHA512)
	case protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_2048_SHA256:
		return rs(2048, false)
	case protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_3072_SHA256:
		return rs(3072, false)
	case protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_4096_SHA256:
		return rs(4096, false)
	case protocommon.PublicKeyDetails_PKIX_RSA_PSS_2048_SHA256:
		return rs(2048, true)
	case protocommon.PublicKeyDetails_PKIX_RSA_PSS_3072_SHA256:
		return rs(3072, true)
	case protocommon.PublicKeyDetails_PKIX_RSA_PSS_4096_SHA256:
		return rs(4096, true)
	case protocommon.PublicKeyDetails_PKIX_ED25519, protocommon.PublicKeyDetails_PKIX_ED25519_PH:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		if details == protocommon.PublicKeyDetails_PKIX_ED25519_PH {
			return Key{Signer: key, Details: details, hash: crypto.SHA512, ph: true}
		}
		return Key{Signer: key, Details: details}
	}
	panic("a key for " + details.String() + " cannot be made")
}

// Sign signs message.
func (k Key) Sign(message []byte) []byte {
	if k.hash == 0 {
		return must(k.Signer.Sign(rand.Reader, message, crypto.Hash(0)))
	}
	var o crypto.SignerOpts = k.hash
	switch {
	case k.ph:
		o = &ed25519.Options{Hash: crypto.SHA512}
	case k.pss:
		o = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.hash}
	}
	return must(k.Signer.Sign(rand.Reader, k.digest(message), o))
}

// digest is the hash of message that the key signs, SHA-256 where it signs none.
func (k Key) digest(message []byte) []byte {
	if k.hash == 0 {
		sum := sha256.Sum256(message)
		return sum[:]
	}
	h := k.hash.New()
	h.Write(message)
	return h.Sum(nil)
}

func (k Key) hashes() crypto.Hash {
	if k.hash == 0 {
		return crypto.SHA256
	}
	return k.hash
}

// PEM is the public key.
func (k Key) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki(k.Public())})
}

// SPKI is the public key as logs and trusted roots hold it.
func SPKI(k Key) []byte { return spki(k.Public()) }

// Kind is what a log entry is.
type Kind int

// The kinds of log entries. Where there is none, the bundle has no entry.
const (
	None         Kind = iota
	KindDSSE          // of Rekor v1
	KindInToto        // of Rekor v1
	KindHashed        // hashedrekord of Rekor v1
	KindHashedV2      // hashedrekord of Rekor v2
)

// Plan is what a bundle shall be.
type Plan struct {
	MediaType string // default is the present one
	Key       Key    // default is a new one on P-256
	// Subject is whom the certificate is for; nil is no certificate.
	Subject *Subject
	// Statement is signed as one, or Artifact as bytes.
	Statement, Artifact []byte
	// Payload is the statement's payload type, default [PayloadType].
	Payload string
	Entry   Kind
	// Promised has Rekor v1 promise the entry, at this time.
	Promised time.Time
	// Stamps are the times at which the timestamp authority saw the signature.
	Stamps []time.Time
	// Chain puts the certificate and its issuers, if it holds any, into a chain.
	Chain []*x509.Certificate
	// Embed puts the authority's certificate into timestamps.
	Embed bool
}

// The media types of bundles.
const (
	V01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	V02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
	V03 = "application/vnd.dev.sigstore.bundle+json;version=0.3"
	V3  = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// Sign makes a bundle. What s is asked to witness, it does.
func (s *Sigstore) Sign(p Plan) *protobundle.Bundle {
	if p.MediaType == "" {
		p.MediaType = V3
	}
	if p.Key.Signer == nil {
		p.Key = NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256)
	}
	if p.Payload == "" {
		p.Payload = PayloadType
	}
	b := &protobundle.Bundle{MediaType: p.MediaType, VerificationMaterial: new(protobundle.VerificationMaterial)}
	who := Verifier{Details: p.Key.Details}
	switch {
	case p.Subject == nil:
		who.PublicKey = spki(p.Key.Public())
		sum := sha256.Sum256(who.PublicKey)
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_PublicKey{
			PublicKey: &protocommon.PublicKeyIdentifier{Hint: base64.StdEncoding.EncodeToString(sum[:])},
		}
	default:
		leaf := s.Fulcio.Certify(p.Key.Public(), *p.Subject)
		who.Certificate = leaf.Raw
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw}}
		if p.MediaType == V01 || p.MediaType == V02 || p.Chain != nil {
			chain := []*protocommon.X509Certificate{{RawBytes: leaf.Raw}}
			for _, c := range p.Chain {
				chain = append(chain, &protocommon.X509Certificate{RawBytes: c.Raw})
			}
			b.VerificationMaterial.Content = &protobundle.VerificationMaterial_X509CertificateChain{
				X509CertificateChain: &protocommon.X509CertificateChain{Certificates: chain},
			}
		}
	}
	message := p.Artifact
	if p.Statement != nil {
		message = PAE(p.Payload, p.Statement)
	}
	sig := p.Key.Sign(message)
	if p.Statement != nil {
		b.Content = &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			PayloadType: p.Payload, Payload: p.Statement, Signatures: []*protodsse.Signature{{Sig: sig}},
		}}
	} else {
		b.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: algorithmOf(p.Key.hashes()), Digest: p.Key.digest(message)}, Signature: sig,
		}}
	}
	var body Body
	log := s.V1
	switch p.Entry {
	case KindDSSE:
		body = DSSE(p.Statement, sig, who)
	case KindInToto:
		body = InToto(p.Payload, p.Statement, sig, who)
	case KindHashed:
		body = HashedRekord(p.Key.hashes(), p.Key.digest(message), sig, who)
	case KindHashedV2:
		body, log = HashedRekordV2(p.Key.hashes(), p.Key.digest(message), sig, who), s.V2
	}
	if p.Entry != None {
		b.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{log.Enter(body, p.Promised)}
	}
	for _, at := range p.Stamps {
		AddStamp(b, s.TSA.Stamp(sig, at, p.Embed))
	}
	return b
}

// AddStamp adds a timestamp to b.
func AddStamp(b *protobundle.Bundle, stamp []byte) {
	m := b.VerificationMaterial
	if m.TimestampVerificationData == nil {
		m.TimestampVerificationData = new(protobundle.TimestampVerificationData)
	}
	m.TimestampVerificationData.Rfc3161Timestamps = append(m.TimestampVerificationData.Rfc3161Timestamps, &protocommon.RFC3161SignedTimestamp{SignedTimestamp: stamp})
}

// Signature is the one in b.
func Signature(b *protobundle.Bundle) []byte {
	if e := b.GetDsseEnvelope(); e != nil {
		return e.Signatures[0].Sig
	}
	return b.GetMessageSignature().GetSignature()
}

// JSON is b as it is written.
func JSON(b *protobundle.Bundle) []byte { return must(protojson.Marshal(b)) }

// PAE is what a DSSE signature is over.
func PAE(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

func algorithmOf(h crypto.Hash) protocommon.HashAlgorithm {
	return map[crypto.Hash]protocommon.HashAlgorithm{
		crypto.SHA256: protocommon.HashAlgorithm_SHA2_256, crypto.SHA384: protocommon.HashAlgorithm_SHA2_384, crypto.SHA512: protocommon.HashAlgorithm_SHA2_512,
	}[h]
}
