package verify

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"github.com/digitorus/pkcs7"
)

// Limits on what comes with a bundle and is asked before anybody who is trusted
// had a word in it. One signature of an RSA key of 64 KiB takes some ten seconds,
// that of a larger one far longer, and nothing breaks it off.
const (
	maxChain = 10       // certificates
	maxRSA   = 8192     // bits of a key
	maxStamp = 64 << 10 // bytes of a timestamp
)

// burdensome says which certificate or timestamp of b would take too long to
// look at, or nothing.
func burdensome(b *parsed) string {
	m := b.GetVerificationMaterial()
	chain := m.GetX509CertificateChain().GetCertificates()
	if n := len(chain); n > maxChain {
		return fmt.Sprintf("its chain has %d certificates, expected at most %d", n, maxChain)
	}
	if own := m.GetCertificate(); own != nil {
		chain = append(chain[:0:0], own)
	}
	for i, raw := range chain {
		if c, err := x509.ParseCertificate(raw.GetRawBytes()); err == nil && heavy(c) {
			return fmt.Sprintf("certificate %d has a key of more than %d bits", i+1, maxRSA)
		}
	}
	for i, t := range m.GetTimestampVerificationData().GetRfc3161Timestamps() {
		if n := len(t.GetSignedTimestamp()); n > maxStamp {
			return fmt.Sprintf("timestamp %d has %d bytes, expected at most %d", i+1, n, maxStamp)
		}
		for _, c := range embedded(t.GetSignedTimestamp()) {
			if heavy(c) {
				return fmt.Sprintf("timestamp %d is by a key of more than %d bits", i+1, maxRSA)
			}
		}
	}
	return ""
}

// embedded are the certificates in a timestamp, which is verified by them before
// anybody asks whose they are; none where it cannot be read, and will not be.
func embedded(stamp []byte) []*x509.Certificate {
	var response struct {
		Status asn1.RawValue
		Token  asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(stamp, &response); err != nil {
		return nil
	}
	token, err := pkcs7.Parse(response.Token.FullBytes)
	if err != nil {
		return nil
	}
	return token.Certificates
}

func heavy(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() > maxRSA
}
