package verify

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	mathrand "math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// stampAt is a timestamp over signature by c.
func stampAt(t testing.TB, c *issued, signature []byte, at time.Time) []byte {
	t.Helper()
	sum := sha256.Sum256(signature)
	s := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at, Policy: asn1.ObjectIdentifier{1, 2, 3}}
	data, err := s.CreateResponseWithOpts(c.cert, c.key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// stamps makes c one of a timestamp authority.
func stamps(from, to time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
		if err != nil {
			panic(err)
		}
		c.NotBefore, c.NotAfter, c.ExtKeyUsage = from, to, nil
		c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 37}, Critical: true, Value: value}}
	}
}

// Whatever was asked before, an authority that remembers gives the times that one
// gives that does not, and no other.
func TestStampingNeverFlips(t *testing.T) {
	yesterday, year := born.AddDate(0, 0, -1), born.AddDate(1, 0, 0)
	top := issue(t, nil, "stamps", authorityOf(9, nil))
	other := issue(t, nil, "stamps", authorityOf(9, nil))
	servers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	middle := issue(t, top, "middle", authorityOf(2, func(c *x509.Certificate) { c.NotAfter = born.AddDate(0, 1, 0) }))
	wrong := issue(t, top, "middle", authorityOf(2, servers))
	kinds := map[string]struct {
		leaf      *issued
		authority root.SigstoreTimestampingAuthority
		shortened bool
	}{}
	add := func(name string, shortened bool, leaf *issued, a root.SigstoreTimestampingAuthority) {
		k := kinds[name]
		k.leaf, k.authority, k.shortened = leaf, a, shortened
		kinds[name] = k
	}
	direct, below, misled := issue(t, top, "a", stamps(yesterday, year)), issue(t, middle, "b", stamps(yesterday, year)), issue(t, wrong, "c", stamps(yesterday, year))
	add("under_the_root", true, direct, root.SigstoreTimestampingAuthority{Root: top.cert, Leaf: direct.cert, URI: "x"})
	add("ended", true, direct, root.SigstoreTimestampingAuthority{Root: top.cert, Leaf: direct.cert, ValidityPeriodStart: born, ValidityPeriodEnd: born.Add(time.Hour)})
	add("under_an_intermediate_that_ends", true, below, root.SigstoreTimestampingAuthority{Root: top.cert, Intermediates: []*x509.Certificate{middle.cert}, Leaf: below.cert})
	add("intermediate_for_servers", false, misled, root.SigstoreTimestampingAuthority{Root: top.cert, Intermediates: []*x509.Certificate{wrong.cert}, Leaf: misled.cert})
	add("another_root", false, direct, root.SigstoreTimestampingAuthority{Root: other.cert, Leaf: direct.cert})
	add("no_certificate", false, direct, root.SigstoreTimestampingAuthority{Root: top.cert})
	add("another_certificate", false, direct, root.SigstoreTimestampingAuthority{Root: top.cert, Leaf: below.cert, Intermediates: []*x509.Certificate{middle.cert}})

	signature := []byte("signature")
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			type question struct {
				stamp, over []byte
				want        time.Time // zero: no
			}
			var all []question
			for _, at := range []time.Time{born.AddDate(-3, 0, 0), yesterday.Add(-time.Second), yesterday, born, born.Add(time.Minute), born.Add(2 * time.Hour), born.AddDate(0, 2, 0), year, year.Add(time.Second)} {
				stranger := issue(t, other, "a", stamps(yesterday, year))
				for _, by := range []*issued{k.leaf, stranger} {
					stamp := stampAt(t, by, signature, at)
					forged := bytes.Clone(stamp)
					forged[len(forged)-1] ^= 1
					all = append(all, question{stamp: stamp, over: signature}, question{stamp: stamp, over: []byte("other")}, question{stamp: forged, over: signature})
				}
			}
			yes := 0
			for i, q := range all {
				if found, err := k.authority.Verify(q.stamp, q.over); err == nil {
					all[i].want = found.Time
					yes++
				}
			}
			if k.shortened != (yes > 1) && name != "no_certificate" {
				t.Fatalf("%d questions have a yes", yes)
			}
			remembering := &stamping{SigstoreTimestampingAuthority: &k.authority}
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					order := mathrand.New(mathrand.NewPCG(uint64(worker), 42)).Perm(len(all))
					for range 2 {
						for _, i := range order {
							found, err := remembering.Verify(all[i].stamp, all[i].over)
							if (err == nil) == all[i].want.IsZero() || err == nil && (!found.Time.Equal(all[i].want) || found.URI != k.authority.URI) {
								t.Errorf("Verify() = %v, %v, and without a memory %s", found, err, all[i].want)
								return
							}
						}
					}
				})
			}
			wg.Wait()
			if got := remembering.short != nil; got != k.shortened {
				t.Errorf("the chain is remembered: %v, want %v", got, k.shortened)
			}
		})
	}
}
