package verify

import (
	"crypto/x509"
	"slices"
	"sync"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// stamping is a timestamp authority that remembers when the chain of its own
// certificate holds, once a timestamp of it was verified in full. Then a
// timestamp costs its own signature and not the chain's.
//
// It is safe for use by several goroutines at once.
type stamping struct {
	*root.SigstoreTimestampingAuthority

	mu      sync.Mutex
	learned bool
	holds   validity                            // of the chain
	short   *root.SigstoreTimestampingAuthority // the same, its certificate being the root; nil where that is not the same
}

var _ root.TimestampingAuthority = (*stamping)(nil)

// Verify implements [root.TimestampingAuthority].
func (s *stamping) Verify(stamp, signature []byte) (*root.Timestamp, error) {
	s.mu.Lock()
	short, holds, learned := s.short, s.holds, s.learned
	s.mu.Unlock()
	if short != nil {
		if t, err := short.Verify(stamp, signature); err == nil && holds.has(t.Time) {
			return t, nil
		}
	}
	t, err := s.SigstoreTimestampingAuthority.Verify(stamp, signature)
	if err == nil && !learned {
		s.learn(t)
	}
	return t, err
}

// learn looks at the chain from the authority's certificate to its root, by what
// the trusted root lists and nothing that came with a timestamp.
func (s *stamping) learn(t *root.Timestamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.learned {
		return
	}
	s.learned = true
	if s.Leaf == nil || s.Root == nil || s.Leaf.Equal(s.Root) || !ordinary(s.Leaf) {
		return
	}
	o := x509.VerifyOptions{
		CurrentTime: t.Time, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	o.Roots.AddCert(s.Root)
	for _, c := range s.Intermediates {
		o.Intermediates.AddCert(c)
	}
	found, err := s.Leaf.Verify(o)
	if err != nil || len(found) != 1 {
		return
	}
	// As the verification of timestamps asks of what lies between.
	for _, c := range found[0][1 : len(found[0])-1] {
		stamps := slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
		if len(c.ExtKeyUsage) > 0 && !stamps {
			return
		}
	}
	short := *s.SigstoreTimestampingAuthority
	short.Root, short.Intermediates = s.Leaf, nil
	s.short, s.holds = &short, during(found[0]...)
}
