package verify

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// maxLeaves bounds the certificates whose chain a [chains] remembers. A release
// is signed with one.
const maxLeaves = 1024

// chains is a certificate authority that remembers which chains it has verified.
// Every signature in a public chain is on P-384, and all of Fulcio's
// certificates have the same chain above them.
//
// Only successes are remembered, by the exact bytes that were verified and for
// the times at which they hold. What is not remembered is asked of the authority
// itself, and every no is its own: see docs/decisions/0042.
//
// It is safe for use by several goroutines at once.
type chains struct {
	*root.FulcioCertificateAuthority

	mu     sync.Mutex
	parent *parent
	leaves map[[sha256.Size]byte]leaf
}

var _ root.CertificateAuthority = (*chains)(nil)

// validity is a range of times, both ends included.
type validity struct{ from, to time.Time }

func (v validity) has(t time.Time) bool { return !t.Before(v.from) && !t.After(v.to) }

// during is when every one of these certificates is valid.
func during(all ...*x509.Certificate) validity {
	v := validity{all[0].NotBefore, all[0].NotAfter}
	for _, c := range all[1:] {
		if c.NotBefore.After(v.from) {
			v.from = c.NotBefore
		}
		if c.NotAfter.Before(v.to) {
			v.to = c.NotAfter
		}
	}
	return v
}

// parent is the authority's intermediate, verified under its root.
type parent struct {
	*x509.Certificate
	pool *x509.CertPool // it alone
	validity
}

// leaf is what stands above a certificate that was verified.
type leaf struct {
	above []*x509.Certificate
	validity
}

// Verify implements [root.CertificateAuthority].
func (c *chains) Verify(cert *x509.Certificate, at time.Time) ([][]*x509.Certificate, error) {
	if !c.trusted(at) || !ordinary(cert) {
		return c.FulcioCertificateAuthority.Verify(cert, at)
	}
	id := sha256.Sum256(cert.Raw)
	c.mu.Lock()
	known, ok := c.leaves[id]
	above := c.parent
	c.mu.Unlock()
	if ok && known.has(at) {
		return [][]*x509.Certificate{append([]*x509.Certificate{cert}, known.above...)}, nil
	}
	if above != nil && above.has(at) && bytes.Equal(cert.RawIssuer, above.RawSubject) {
		_, err := cert.Verify(x509.VerifyOptions{
			CurrentTime: at, Roots: above.pool,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		})
		if err == nil {
			whole := []*x509.Certificate{cert, above.Certificate, c.Root}
			c.remember(id, whole)
			return [][]*x509.Certificate{whole}, nil
		}
	}
	found, err := c.FulcioCertificateAuthority.Verify(cert, at)
	if err == nil && len(found) == 1 {
		c.remember(id, found[0])
	}
	return found, err
}

// trusted reports whether the trusted root trusts the authority at t.
func (c *chains) trusted(t time.Time) bool {
	return !t.IsZero() && (c.ValidityPeriodStart.IsZero() || !t.Before(c.ValidityPeriodStart)) && (c.ValidityPeriodEnd.IsZero() || !t.After(c.ValidityPeriodEnd))
}

// remember notes that whole, a chain from a leaf to the root, was verified.
func (c *chains) remember(id [sha256.Size]byte, whole []*x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaves == nil || len(c.leaves) >= maxLeaves {
		c.leaves = make(map[[sha256.Size]byte]leaf)
	}
	// A copy: a part of whole would keep all of the certificate in memory.
	c.leaves[id] = leaf{above: slices.Clone(whole[1:]), validity: during(whole...)}
	// Verified under another intermediate, a certificate might have several
	// chains.
	if c.parent == nil && len(whole) == 3 && len(c.Intermediates) == 1 && c.Intermediates[0].Equal(whole[1]) && plain(whole[1]) && plain(whole[2]) {
		c.parent = &parent{Certificate: whole[1], pool: x509.NewCertPool(), validity: during(whole[1:]...)}
		c.parent.pool.AddCert(whole[1])
	}
}

// The extensions (RFC 5280, section 4.2.1) by which a certificate constrains what
// stands below it in ways that depend on what that is.
var (
	nameConstraints   = []int{2, 5, 29, 30}
	policies          = []int{2, 5, 29, 32}
	policyMappings    = []int{2, 5, 29, 33}
	policyConstraints = []int{2, 5, 29, 36}
	inhibitAnyPolicy  = []int{2, 5, 29, 54}
)

// plain reports whether c constrains what stands below it only in ways that are
// the same for every certificate: how long, for what, how deep.
func plain(c *x509.Certificate) bool {
	// Basic constraints, key usage, extended key usage, the two key identifiers.
	for _, e := range c.Extensions {
		if len(e.Id) != 4 || e.Id[0] != 2 || e.Id[1] != 5 || e.Id[2] != 29 || !slices.Contains([]int{19, 15, 37, 14, 35}, e.Id[3]) {
			return false
		}
	}
	return len(c.UnhandledCriticalExtensions) == 0
}

// ordinary reports whether c is a certificate whose chain does not depend on the
// policies and names of those above it, and nothing in it is beyond the library.
func ordinary(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		for _, id := range [][]int{nameConstraints, policies, policyMappings, policyConstraints, inhibitAnyPolicy} {
			if slices.Equal(e.Id, id) {
				return false
			}
		}
	}
	return len(c.Raw) > 0 && len(c.UnhandledCriticalExtensions) == 0
}
