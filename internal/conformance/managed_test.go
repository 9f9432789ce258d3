package main

import (
	"crypto"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
)

// Log entries of keys that sigstore-go does not know are held against the bundle
// here: each thing that can differ is refused for itself.
func TestManagedEntries(t *testing.T) {
	const (
		p256 = protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256
		p384 = protocommon.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384
		pss  = protocommon.PublicKeyDetails_PKIX_RSA_PSS_2048_SHA256
	)
	type S = *sigstoretest.Sigstore
	for _, shape := range []struct {
		name    string
		details protocommon.PublicKeyDetails
		kind    sigstoretest.Kind
		bytes   bool
	}{
		{"intoto under a checkpoint without a tree", p256, sigstoretest.KindInToto, false},
		{"dsse under a checkpoint without a tree", p256, sigstoretest.KindDSSE, false},
		{"statement of a P-384 key in Rekor v2", p384, sigstoretest.KindHashedV2, false},
		{"bytes of a P-384 key in Rekor v2", p384, sigstoretest.KindHashedV2, true},
		{"statement of an RSA-PSS key in Rekor v2", pss, sigstoretest.KindHashedV2, false},
	} {
		key, other := sigstoretest.NewKey(shape.details), sigstoretest.NewKey(shape.details)
		plan := func(k sigstoretest.Key) sigstoretest.Plan {
			p := sigstoretest.Plan{Key: k, Statement: statement(nil), Entry: shape.kind}
			if shape.bytes {
				p.Statement, p.Artifact = nil, artifact
			}
			return p
		}
		// another is the same signature in an entry of something else.
		another := func(s S, b *protobundle.Bundle, key sigstoretest.Key, content []byte) {
			p := plan(key)
			if shape.bytes {
				p.Artifact = content
			} else {
				p.Statement = statement(map[string]any{"predicateType": string(content)})
			}
			b.VerificationMaterial.TlogEntries = s.Sign(p).VerificationMaterial.TlogEntries
		}
		log := func(s S) *sigstoretest.Log {
			if shape.kind == sigstoretest.KindHashedV2 {
				return s.V2
			}
			return s.V1
		}
		for _, tt := range []struct {
			name, why string
			change    func(s S, b *protobundle.Bundle)
		}{
			{"nothing", "", func(S, *protobundle.Bundle) {}},
			{"entry of another signing", "is of another signature", func(s S, b *protobundle.Bundle) { another(s, b, key, []byte("https://example.test/another")) }},
			{"entry of another key", "the log entry is of another", func(s S, b *protobundle.Bundle) { another(s, b, other, []byte("https://example.test/another")) }},
			{"proof of another entry", "verifying inclusion", func(s S, b *protobundle.Bundle) { entry(b).InclusionProof = log(s).Prove(0) }},
			{"index of another entry", "verifying inclusion", func(_ S, b *protobundle.Bundle) { entry(b).LogIndex = 0 }},
			{"altered body", "verify", func(_ S, b *protobundle.Bundle) {
				e := entry(b)
				e.CanonicalizedBody = append([]byte(" "), e.CanonicalizedBody...)
			}},
			{"checkpoint of another log", "checkpoint", func(s S, b *protobundle.Bundle) {
				signedAgain(b, sigstoretest.NewLogV2(), func(lines []string) []string { return lines })
			}},
			{"checkpoint of another tree", "verifying inclusion", func(s S, b *protobundle.Bundle) {
				signedAgain(b, log(s), func(lines []string) []string {
					lines[2] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
					return lines
				})
			}},
			{"the same entry twice", "stands twice", func(_ S, b *protobundle.Bundle) {
				m := b.VerificationMaterial
				m.TlogEntries = append(m.TlogEntries, m.TlogEntries[0])
			}},
			{"another entry beside it", "is of another signature", func(s S, b *protobundle.Bundle) {
				m := b.VerificationMaterial
				first := m.TlogEntries[0]
				another(s, b, key, []byte("https://example.test/another"))
				m.TlogEntries = append(m.TlogEntries, first)
			}},
			{"an unknown log", "", func(s S, b *protobundle.Bundle) { entry(b).LogId.KeyId = flip(entry(b).LogId.KeyId) }},
			{"no entry", "", func(_ S, b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil }},
		} {
			t.Run(shape.name+"/"+tt.name, func(t *testing.T) {
				s := sigstoretest.New(present)
				s.V1.Tree = ""
				c := as(s, plan(key), func(b *protobundle.Bundle) { tt.change(s, b) })
				code, said := answer(t, c.args(t, t.TempDir(), false))
				switch {
				case tt.name == "nothing" && code != yes:
					t.Errorf("refused: %s", said)
				case tt.name != "nothing" && code != no:
					t.Errorf("exit code %d, want %d: %s", code, no, said)
				case !strings.Contains(said, tt.why):
					t.Errorf("refused with %q, want %q", said, tt.why)
				}
			})
		}
	}
}

// The log holds the very signature and key, and with them the hash of another
// statement: what an honest log never made, and one that lies can.
func TestManagedEntryOfAnotherStatement(t *testing.T) {
	key := sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256)
	for name, body := range map[string]func(sig []byte, v sigstoretest.Verifier) sigstoretest.Body{
		"dsse": func(sig []byte, v sigstoretest.Verifier) sigstoretest.Body {
			return sigstoretest.DSSE([]byte("another"), sig, v)
		},
		"intoto": func(sig []byte, v sigstoretest.Verifier) sigstoretest.Body {
			return sigstoretest.InToto(sigstoretest.PayloadType, []byte("another"), sig, v)
		},
		"hashedrekord v2": func(sig []byte, v sigstoretest.Verifier) sigstoretest.Body {
			sum := sha256.Sum256([]byte("another"))
			return sigstoretest.HashedRekordV2(crypto.SHA256, sum[:], sig, v)
		},
	} {
		for _, tree := range []string{"", " - 1"} {
			s := sigstoretest.New(present)
			s.V1.Tree = tree
			p := sigstoretest.Plan{Key: key, Statement: statement(nil), Entry: sigstoretest.KindDSSE}
			c := as(s, p, func(b *protobundle.Bundle) {
				who := sigstoretest.Verifier{PublicKey: sigstoretest.SPKI(key), Details: key.Details}
				entry := s.V1.Enter(body(sigstoretest.Signature(b), who), time.Time{})
				b.VerificationMaterial.TlogEntries[0] = entry
			})
			if code, said := answer(t, c.args(t, t.TempDir(), false)); code != no {
				t.Errorf("%s, tree %q: exit code %d, want %d: %s", name, tree, code, no, said)
			}
		}
	}
}
