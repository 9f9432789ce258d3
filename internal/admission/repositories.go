package admission

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// maxRepositories bounds the repositories that are kept open, each with its
// connections, tokens and [oci.Access].MaxKept bytes.
const maxRepositories = 64

// repositories opens repositories, and keeps those open that were asked last.
type repositories struct {
	// id changes with what they may be reached by.
	id     string
	access oci.Access
	open   *cache[string, *oci.Repository]
}

func newRepositories(id string, a oci.Access, allowed []netip.Prefix) *repositories {
	a.Refuse = func(to netip.AddrPort) error { return refuse(to, allowed) }
	return &repositories{id: id, access: a, open: newCache[string, *oci.Repository](maxRepositories)}
}

// refuse says why an address must not be connected to.
func refuse(to netip.AddrPort, allowed []netip.Prefix) error {
	ip := to.Addr().Unmap()
	if oci.Outside(ip) || slices.ContainsFunc(allowed, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	return fmt.Errorf("%s is an address of this machine or its network, and registries.allowedAddresses of %s does not list it", ip, FileName)
}

func (r *repositories) repository(ref oci.Reference) *oci.Repository {
	if o, ok := r.open.get(ref.Repository()); ok {
		return o
	}
	o := ref.Open(r.access)
	r.open.put(ref.Repository(), o)
	return o
}

// limiter lets so many at once ask one registry. A registry that hangs keeps
// those waiting who ask it, and nobody else.
type limiter struct {
	each int
	mu   sync.Mutex
	by   map[string]*slots
}

type slots struct {
	free chan struct{}
	used int
}

func newLimiter(each int) *limiter { return &limiter{each: each, by: make(map[string]*slots)} }

// acquire waits for a slot of host until done, and returns what gives it back;
// nil where done came first.
func (l *limiter) acquire(done <-chan struct{}, host string) func() {
	l.mu.Lock()
	s := l.by[host]
	if s == nil {
		s = &slots{free: make(chan struct{}, l.each)}
		l.by[host] = s
	}
	s.used++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if s.used--; s.used == 0 {
			delete(l.by, host)
		}
	}
	select {
	case s.free <- struct{}{}:
		return func() { <-s.free; leave() }
	case <-done:
		leave()
		return nil
	}
}
