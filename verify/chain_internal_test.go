package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/hallmark-project/hallmark/criteria"
)

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var born = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// issue makes a certificate; a nil parent signs itself.
func issue(t testing.TB, parent *issued, name string, change func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: born, NotAfter: born.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if change != nil {
		change(c)
	}
	by, above := key, c
	if parent != nil {
		by, above = parent.key, parent.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, c, above, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{parsed, key}
}

func authorityOf(years int, more func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = born.AddDate(-1, 0, 0), born.AddDate(years, 0, 0)
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
		if more != nil {
			more(c)
		}
	}
}

// chainWorld is a root and an intermediate, and the authority that they are.
type chainWorld struct {
	root, intermediate *issued
	authority          *root.FulcioCertificateAuthority
}

func newChainWorld(t testing.TB, root0, middle func(*x509.Certificate)) chainWorld {
	t.Helper()
	top := issue(t, nil, "root", authorityOf(9, root0))
	mid := issue(t, top, "intermediate", authorityOf(2, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		if middle != nil {
			middle(c)
		}
	}))
	return chainWorld{top, mid, &root.FulcioCertificateAuthority{
		Root: top.cert, Intermediates: []*x509.Certificate{mid.cert},
		ValidityPeriodStart: born.AddDate(0, -6, 0), ValidityPeriodEnd: born.AddDate(1, 0, 0),
	}}
}

var explicitPolicy = func(c *x509.Certificate) {
	// requireExplicitPolicy 0 and a policy: RFC 5280, 4.2.1.11 and 4.2.1.4.
	c.ExtraExtensions = append(c.ExtraExtensions, extension(policyConstraints, []byte{0x30, 3, 0x80, 1, 0}), extension(policies, []byte{0x30, 6, 0x30, 4, 6, 2, 0x2a, 3}))
}

func extension(id []int, value []byte) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier(id), Value: value}
}

// questions are certificates, good and hostile ones, of one authority.
func (w chainWorld) questions(t testing.TB) map[string]*x509.Certificate {
	t.Helper()
	evilRoot := issue(t, nil, "root", authorityOf(9, nil))
	evil := issue(t, evilRoot, "intermediate", authorityOf(2, nil))
	below := issue(t, w.intermediate, "below", authorityOf(1, nil))
	q := map[string]*x509.Certificate{
		"good":                  issue(t, w.intermediate, "good", nil).cert,
		"another":               issue(t, w.intermediate, "another", nil).cert,
		"later":                 issue(t, w.intermediate, "later", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = born.Add(time.Hour), born.Add(2*time.Hour) }).cert,
		"outlives_its_parents":  issue(t, w.intermediate, "long", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = born.AddDate(-20, 0, 0), born.AddDate(20, 0, 0) }).cert,
		"other_authority":       issue(t, evil, "good", nil).cert,
		"of_a_root_of_one_name": issue(t, evilRoot, "good", nil).cert,
		"itself":                issue(t, nil, "intermediate", nil).cert,
		"for_servers":           issue(t, w.intermediate, "server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }).cert,
		"for_anything":          issue(t, w.intermediate, "any", func(c *x509.Certificate) { c.ExtKeyUsage = nil }).cert,
		"asks_for_a_policy":     issue(t, w.intermediate, "policy", explicitPolicy).cert,
		"critical": issue(t, w.intermediate, "critical", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}).cert,
		"too_deep":         issue(t, below, "deep", nil).cert,
		"an_authority":     below.cert,
		"the_intermediate": w.intermediate.cert,
		"the_root":         w.root.cert,
		"of_the_root":      issue(t, w.root, "direct", nil).cert,
		"not_found_inside": issue(t, w.intermediate, "dns", func(c *x509.Certificate) { c.DNSNames = []string{"evil.example"} }).cert,
	}
	// One byte of the signature, and the same names and times.
	forged := *q["good"]
	der := append([]byte(nil), forged.Raw...)
	der[len(der)-1] ^= 1
	if parsed, err := x509.ParseCertificate(der); err == nil {
		q["forged"] = parsed
	}
	return q
}

var moments = []time.Time{
	{},
	born.Add(-time.Second), born, born.Add(time.Minute), born.Add(10 * time.Minute), born.Add(10*time.Minute + time.Second), born.Add(90 * time.Minute),
	born.AddDate(0, -7, 0), born.AddDate(0, 11, 0), born.AddDate(1, 0, 0), born.AddDate(1, 0, 1), born.AddDate(3, 0, 0), born.AddDate(15, 0, 0),
}

// chainKinds are authorities whose certificates constrain in every way that X.509 has.
func chainKinds(t testing.TB) map[string]chainWorld {
	names := func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"good.example"}
	}
	zero := func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }
	kinds := map[string]chainWorld{
		"plain":                     newChainWorld(t, nil, nil),
		"as_fulcio":                 newChainWorld(t, func(c *x509.Certificate) { c.MaxPathLen = 1 }, zero),
		"root_too_shallow":          newChainWorld(t, zero, nil),
		"root_names":                newChainWorld(t, names, nil),
		"intermediate_names":        newChainWorld(t, nil, names),
		"intermediate_policy":       newChainWorld(t, nil, explicitPolicy),
		"root_policy":               newChainWorld(t, explicitPolicy, nil),
		"intermediate_for_servers":  newChainWorld(t, nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
		"root_for_servers":          newChainWorld(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, nil),
		"intermediate_no_authority": newChainWorld(t, nil, func(c *x509.Certificate) { c.IsCA = false }),
	}
	// The public key of the intermediate, under another root of the same name.
	w := kinds["plain"]
	w.authority = &root.FulcioCertificateAuthority{Root: issue(t, nil, "root", authorityOf(9, nil)).cert, Intermediates: w.authority.Intermediates}
	kinds["another_root"] = w
	w = kinds["plain"]
	w.authority = &root.FulcioCertificateAuthority{Root: w.root.cert, Intermediates: w.authority.Intermediates}
	kinds["for_ever"] = w
	w.authority = &root.FulcioCertificateAuthority{Root: w.root.cert, ValidityPeriodEnd: born}
	kinds["no_intermediate_ended"] = w
	return kinds
}

// Whatever was asked before, an authority that remembers says yes where one that
// does not says yes, and nowhere else: all certificates at all times, in random
// orders, side by side.
func TestChainsNeverFlip(t *testing.T) {
	for kind, w := range chainKinds(t) {
		t.Run(kind, func(t *testing.T) {
			type question struct {
				name string
				cert *x509.Certificate
				at   time.Time
				yes  bool
			}
			var all []question
			yes := 0
			for name, cert := range w.questions(t) {
				for _, at := range moments {
					_, err := w.authority.Verify(cert, at)
					if err == nil {
						yes++
					}
					all = append(all, question{name, cert, at, err == nil})
				}
			}
			if (kind == "plain" || kind == "as_fulcio" || kind == "for_ever") && yes < 5 {
				t.Fatalf("only %d questions have a yes: nothing is shown", yes)
			}
			remembering := &chains{FulcioCertificateAuthority: w.authority}
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					order := mathrand.New(mathrand.NewPCG(uint64(worker), 42)).Perm(len(all))
					for range 3 {
						for _, i := range order {
							q := all[i]
							found, err := remembering.Verify(q.cert, q.at)
							if (err == nil) != q.yes {
								t.Errorf("Verify(%s, %s) = %v, and without a memory: %v", q.name, q.at, err, q.yes)
								return
							}
							if err == nil && (len(found) == 0 || found[0][0] != q.cert || !found[0][len(found[0])-1].Equal(w.authority.Root)) {
								t.Errorf("Verify(%s, %s) = a chain of %d that does not lead from it to the root", q.name, q.at, len(found[0]))
								return
							}
						}
					}
				})
			}
			wg.Wait()
			shortened := remembering.parent != nil
			if want := kind == "plain" || kind == "as_fulcio" || kind == "for_ever"; shortened != want {
				t.Errorf("the intermediate is remembered: %v, want %v", shortened, want)
			}
		})
	}
}

// A certificate that asks for a policy which nobody above it has is refused in
// full, and would be accepted under its intermediate alone: it is why such
// certificates are never asked about there.
func TestChainsPolicy(t *testing.T) {
	w := newChainWorld(t, nil, nil)
	cert := issue(t, w.intermediate, "policy", explicitPolicy).cert
	at := born.Add(time.Minute)
	pool := x509.NewCertPool()
	pool.AddCert(w.intermediate.cert)
	if _, err := cert.Verify(x509.VerifyOptions{CurrentTime: at, Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}); err != nil {
		t.Skipf("the library refuses it under its intermediate, too: %v", err)
	}
	c := &chains{FulcioCertificateAuthority: w.authority}
	if _, err := c.Verify(issue(t, w.intermediate, "good", nil).cert, at); err != nil || c.parent == nil {
		t.Fatalf("Verify() = %v, and the intermediate is remembered: %v", err, c.parent != nil)
	}
	if _, err := c.Verify(cert, at); err == nil {
		t.Error("Verify() accepts a certificate whose policy nobody above it has")
	}
}

// What is remembered is bounded, and a flood of certificates takes nothing away
// but time.
func TestChainsBounded(t *testing.T) {
	w := newChainWorld(t, nil, nil)
	c := &chains{FulcioCertificateAuthority: w.authority}
	at := born.Add(time.Minute)
	good := issue(t, w.intermediate, "good", nil).cert
	for i := range maxLeaves + 10 {
		if _, err := c.Verify(issue(t, w.intermediate, fmt.Sprint(i), nil).cert, at); err != nil {
			t.Fatal(err)
		}
		if n := len(c.leaves); n > maxLeaves {
			t.Fatalf("%d certificates are remembered, want at most %d", n, maxLeaves)
		}
	}
	if _, err := c.Verify(good, at); err != nil {
		t.Fatal(err)
	}
}

// Roots are the same only if their bytes are, and what is none is not kept.
// What is remembered of a certificate is what stands above it, and not the
// certificate: a list of a thousand has a thousand.
func TestChainsKeepNoLeaf(t *testing.T) {
	w := newChainWorld(t, nil, nil)
	c := &chains{FulcioCertificateAuthority: w.authority}
	var gone []weak.Pointer[x509.Certificate]
	for range 3 {
		cert := issue(t, w.intermediate, "leaf", nil).cert
		if _, err := c.Verify(cert, born.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, weak.Make(cert))
	}
	runtime.GC()
	for i, p := range gone {
		if p.Value() != nil {
			t.Errorf("certificate %d is still in memory", i)
		}
	}
	if len(c.leaves) != len(gone) {
		t.Errorf("%d certificates are remembered, want %d", len(c.leaves), len(gone))
	}
}

func TestSharedRoots(t *testing.T) {
	var s Shared
	load := func(data []byte) *material {
		t.Helper()
		m, err := s.root(data, criteria.DigestOf(data))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := load(publicGood)
	if load(publicGood) != first {
		t.Error("root() read the same bytes twice")
	}
	if other := load(append([]byte("\n"), publicGood...)); other == first || other.authorities[0] == first.authorities[0] {
		t.Error("root() takes other bytes for the same")
	}
	if _, err := s.root([]byte("{"), criteria.DigestOf([]byte("{"))); err == nil || len(s.roots) != 2 {
		t.Errorf("root() of no root = %v, and %d are kept", err, len(s.roots))
	}
	for i := range maxRoots + 5 {
		load(append(bytes.Repeat([]byte(" "), i+1), publicGood...))
	}
	if len(s.roots) > maxRoots {
		t.Errorf("%d roots are kept, want at most %d", len(s.roots), maxRoots)
	}
}
