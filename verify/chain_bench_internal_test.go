package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// BenchmarkChains verifies certificates that differ, under authorities on P-384
// as Fulcio's are: by sigstore-go's authority, by one that remembers, and one
// certificate again.
func BenchmarkChains(b *testing.B) {
	on384 := func(parent *issued, change func(*x509.Certificate)) *issued {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		c := *issue(b, nil, "authority", change).cert
		c.RawSubject, c.SignatureAlgorithm, c.SubjectKeyId, c.AuthorityKeyId, c.PublicKey = nil, x509.UnknownSignatureAlgorithm, nil, nil, &key.PublicKey
		by, above := key, &c
		if parent != nil {
			c.Subject.CommonName = "intermediate"
			by, above = parent.key, parent.cert
		}
		der, err := x509.CreateCertificate(rand.Reader, &c, above, &key.PublicKey, by)
		if err != nil {
			b.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			b.Fatal(err)
		}
		return &issued{cert, key}
	}
	top := on384(nil, authorityOf(9, nil))
	middle := on384(top, authorityOf(2, nil))
	authority := &root.FulcioCertificateAuthority{Root: top.cert, Intermediates: []*x509.Certificate{middle.cert}}
	var leaves []*x509.Certificate
	for range 100 {
		leaves = append(leaves, issue(b, middle, "leaf", nil).cert)
	}
	at := born.Add(time.Minute)
	each := func(a root.CertificateAuthority, of []*x509.Certificate) func(*testing.B) {
		return func(b *testing.B) {
			i := 0
			for b.Loop() {
				if c, ok := a.(*chains); ok && i%len(of) == 0 && len(of) > 1 {
					clear(c.leaves)
				}
				if _, err := a.Verify(of[i%len(of)], at); err != nil {
					b.Fatal(err)
				}
				i++
			}
		}
	}
	b.Run("sigstore-go", each(authority, leaves))
	b.Run("remembering", each(&chains{FulcioCertificateAuthority: authority}, leaves))
	b.Run("one_certificate", each(&chains{FulcioCertificateAuthority: authority}, leaves[:1]))
}
