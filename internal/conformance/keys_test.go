package main

import (
	"strings"
	"testing"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
)

// registry are the algorithms of Sigstore's registry that are no experiments
// (https://github.com/sigstore/architecture-docs/blob/main/algorithm-registry.md).
var registry = []protocommon.PublicKeyDetails{
	protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
	protocommon.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384,
	protocommon.PublicKeyDetails_PKIX_ECDSA_P521_SHA_512,
	protocommon.PublicKeyDetails_PKIX_ED25519,
	protocommon.PublicKeyDetails_PKIX_ED25519_PH,
	protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_2048_SHA256,
	protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_3072_SHA256,
	protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_4096_SHA256,
	protocommon.PublicKeyDetails_PKIX_RSA_PSS_2048_SHA256,
	protocommon.PublicKeyDetails_PKIX_RSA_PSS_3072_SHA256,
	protocommon.PublicKeyDetails_PKIX_RSA_PSS_4096_SHA256,
}

// A managed key of every algorithm signs bytes and statements, in no log, in
// Rekor v1 and in Rekor v2; and what another key of the same kind signed, or of
// other bytes, is refused.
func TestAlgorithms(t *testing.T) {
	var n tally
	s := sigstoretest.New(present)
	for _, details := range registry {
		key, other := sigstoretest.NewKey(details), sigstoretest.NewKey(small(details))
		// Rekor v1 takes no bytes that RSA-PSS signed, and Rekor v2, like hashedrekord
		// of v1, what hashes before it signs.
		hashes := details != protocommon.PublicKeyDetails_PKIX_ED25519
		pss := strings.Contains(details.String(), "PSS")
		for _, tt := range []struct {
			name      string
			statement bool
			entry     sigstoretest.Kind
			there     bool
		}{
			{"bytes", false, sigstoretest.None, true},
			{"statement", true, sigstoretest.None, true},
			{"bytes in Rekor v1", false, sigstoretest.KindHashed, hashes && !pss},
			{"statement in Rekor v1", true, sigstoretest.KindDSSE, true},
			{"bytes in Rekor v2", false, sigstoretest.KindHashedV2, hashes},
			{"statement in Rekor v2", true, sigstoretest.KindHashedV2, hashes},
		} {
			if !tt.there {
				continue
			}
			t.Run(details.String()+"/"+tt.name, func(t *testing.T) {
				p := sigstoretest.Plan{Key: key, Artifact: artifact, Entry: tt.entry}
				if tt.statement {
					p.Artifact, p.Statement = nil, statement(nil)
				}
				c := as(s, p, nil)
				if tt.entry == sigstoretest.None {
					c.root = []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)
				}
				code, said := answer(t, c.args(t, t.TempDir(), false))
				n.add(false, code)
				if code != yes {
					t.Errorf("refused: %s", said)
				}
				wrong := c
				wrong.key = other.PEM()
				code, _ = answer(t, wrong.args(t, t.TempDir(), false))
				n.add(true, code)
				if code != no {
					t.Errorf("another key: exit code %d, want %d", code, no)
				}
				changed := c
				changed.artifact = flip(artifact)
				code, _ = answer(t, changed.args(t, t.TempDir(), false))
				n.add(true, code)
				if code != no {
					t.Errorf("another artifact: exit code %d, want %d", code, no)
				}
			})
		}
	}
	n.report(t, "managed keys")
}

// small is details with the smallest key of its kind: larger ones take seconds
// to make.
func small(details protocommon.PublicKeyDetails) protocommon.PublicKeyDetails {
	switch details {
	case protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_3072_SHA256, protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_4096_SHA256:
		return protocommon.PublicKeyDetails_PKIX_RSA_PKCS1V15_2048_SHA256
	case protocommon.PublicKeyDetails_PKIX_RSA_PSS_3072_SHA256, protocommon.PublicKeyDetails_PKIX_RSA_PSS_4096_SHA256:
		return protocommon.PublicKeyDetails_PKIX_RSA_PSS_2048_SHA256
	}
	return details
}

// Where the root lists a log, a key's signature that is in none is refused: a
// bundle cannot choose to have no witness.
func TestKeyWithoutLog(t *testing.T) {
	s := sigstoretest.New(present)
	c := as(s, sigstoretest.Plan{Key: sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256), Artifact: artifact}, nil)
	if code, said := answer(t, c.args(t, t.TempDir(), false)); code != no {
		t.Errorf("exit code %d, want %d: %s", code, no, said)
	}
	c.root = nil // the public-good instance's
	if code, said := answer(t, c.args(t, t.TempDir(), false)); code != no {
		t.Errorf("under the public-good root: exit code %d, want %d: %s", code, no, said)
	}
}
