package oci

import (
	"context"
	"crypto/x509"
	"net/netip"
	"time"
)

// Access says how registries are reached. Its zero value speaks TLS alone, to
// registries that the system's roots vouch for, and shows no credentials.
type Access struct {
	// AllowHTTP lets a registry that does not speak TLS be asked in the clear,
	// and be shown credentials so: for tests. Without it nothing is, loopback
	// included: whoever may listen on a port there is not whoever was meant.
	AllowHTTP bool
	// Credentials are where credentials come from. Nil shows none.
	Credentials Credentials
	// RootCAs vouch for registries instead of the system's roots.
	RootCAs *x509.CertPool
	// UserAgent is what the program calls itself.
	UserAgent string
	// Patience is how long is waited, and for what.
	Patience Patience
	// Refuse says why an address must not be connected to, nil where it may. It is
	// asked about the address that is dialled, after names were resolved and
	// whoever sent us there: registry, redirect, token service or proxy. A nil
	// Refuse refuses none. See [Outside].
	Refuse func(netip.AddrPort) error
	// MaxBundles bounds the bytes of bundles about one digest, and MaxKept those
	// that are kept of a repository so that they need not be read again. Zero is
	// 1 GiB and 64 MiB: what a machine with one user has room for.
	MaxBundles, MaxKept int64
}

// Credentials finds what a registry is shown. Credentials for one registry are
// never asked for, nor shown, on behalf of another.
type Credentials interface {
	// For returns the credential for a repository, "team/app", of a registry,
	// "registry.example:5000"; the zero value where there is none.
	For(ctx context.Context, registry, repository string) (Credential, error)
}

// Credential is what a registry is shown: a user with a password, a token that
// is exchanged for others (IdentityToken), or one that is sent as it is
// (RegistryToken).
type Credential struct {
	Username, Password           string
	IdentityToken, RegistryToken string
}

// IsZero reports whether c is none.
func (c Credential) IsZero() bool { return c == Credential{} }

// String keeps secrets out of every message that a credential slips into.
func (c Credential) String() string {
	if c.IsZero() {
		return "no credential"
	}
	return "a credential"
}

// GoString is [Credential.String], for %#v.
func (c Credential) GoString() string { return c.String() }

// Patience bounds every exchange with a registry. A zero field has the default
// that stands beside it.
type Patience struct {
	Connect  time.Duration // 15 s: until a connection stands, and again for TLS
	Answer   time.Duration // 60 s: from the end of a request to its answer
	Stall    time.Duration // 30 s: without a byte either way
	Attempts int           // 4: of one exchange
	Backoff  time.Duration // 0.5 s: before the second attempt, then twice as long each
	Wait     time.Duration // 30 s: the longest Retry-After that is honoured
	Settle   time.Duration // 0.3 s: before what several may have written at once is looked at again
}

func (p Patience) orDefault() Patience {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&p.Connect, 15*time.Second)
	set(&p.Answer, time.Minute)
	set(&p.Stall, 30*time.Second)
	set(&p.Backoff, 500*time.Millisecond)
	set(&p.Wait, 30*time.Second)
	set(&p.Settle, 300*time.Millisecond)
	if p.Attempts <= 0 {
		p.Attempts = 4
	}
	return p
}

// total is how long reading at most limit bytes may take altogether: an answer
// that drips is no better than one that hangs. 64 KiB a second is slower than
// any line that registries are used over.
func (p Patience) total(limit int64) time.Duration {
	return 2*p.Answer + time.Duration(limit/(64<<10))*time.Second
}
