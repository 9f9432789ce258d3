package verify

import (
	"sync"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/hallmark-project/hallmark/criteria"
)

// maxRoots bounds the trusted roots that a [Shared] keeps.
const maxRoots = 64

// Shared is what several verifiers of one process have in common: trusted roots,
// read once for the same bytes, and which certificates were verified under them.
// It holds successes alone, so it makes an answer faster and never another.
// The zero value is ready to use, by several goroutines at once.
type Shared struct {
	mu    sync.Mutex
	roots map[criteria.Digest]*material
}

// WithShared has a [Verifier] or a [Keyring] share s with others that are made
// with it.
func WithShared(s *Shared) Option { return func(o *options) { o.shared = s } }

// root returns the trusted root in data.
func (s *Shared) root(data []byte, id criteria.Digest) (*material, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.roots[id]; known != nil {
		return known, nil
	}
	trusted, err := root.NewTrustedRootFromJSON(data)
	if err != nil {
		return nil, err
	}
	if s.roots == nil || len(s.roots) >= maxRoots {
		s.roots = make(map[criteria.Digest]*material)
	}
	m := remembering(trusted)
	s.roots[id] = m
	return m, nil
}

// material is a trusted root whose authorities remember.
type material struct {
	*root.TrustedRoot
	authorities []root.CertificateAuthority
	stamps      []root.TimestampingAuthority
}

var _ root.TrustedMaterial = (*material)(nil)

func remembering(trusted *root.TrustedRoot) *material {
	m := &material{TrustedRoot: trusted}
	for _, a := range trusted.FulcioCertificateAuthorities() {
		if own, ok := a.(*root.FulcioCertificateAuthority); ok {
			a = &chains{FulcioCertificateAuthority: own}
		}
		m.authorities = append(m.authorities, a)
	}
	for _, a := range trusted.TimestampingAuthorities() {
		if own, ok := a.(*root.SigstoreTimestampingAuthority); ok {
			a = &stamping{SigstoreTimestampingAuthority: own}
		}
		m.stamps = append(m.stamps, a)
	}
	return m
}

// FulcioCertificateAuthorities implements [root.TrustedMaterial].
func (m *material) FulcioCertificateAuthorities() []root.CertificateAuthority { return m.authorities }

// TimestampingAuthorities implements [root.TrustedMaterial].
func (m *material) TimestampingAuthorities() []root.TimestampingAuthority { return m.stamps }
