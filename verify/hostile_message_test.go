package verify_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/hallmark-project/hallmark/internal/sigstoretest"
	"github.com/hallmark-project/hallmark/verify"
)

// message is a signature over bytes, and a keyring that accepts it.
type message struct {
	name    string
	content []byte
	bundle  []byte
	keyring *verify.Keyring
}

func messages(t testing.TB) []message {
	t.Helper()
	content := []byte("greet 1.2.0, linux")
	s := sigstoretest.New(signedAt)
	path := filepath.Join(t.TempDir(), "trusted_root.json")
	if err := os.WriteFile(path, s.Root().JSON(), 0o644); err != nil {
		t.Fatal(err)
	}
	bytesOf := func(p sigstoretest.Plan) sigstoretest.Plan {
		p.Statement, p.Artifact = nil, content
		return p
	}
	v1 := bytesOf(inV1(s))
	v1.Entry = sigstoretest.KindHashed
	key := sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256)
	ed := sigstoretest.NewKey(protocommon.PublicKeyDetails_PKIX_ED25519)
	workflow := verify.Signer{Issuer: issuer, Identity: identity, TrustedRoot: path}
	var out []message
	for _, m := range []struct {
		name   string
		plan   sigstoretest.Plan
		signer verify.Signer
	}{
		{"certificate, Rekor v1", v1, workflow},
		{"certificate, Rekor v2", bytesOf(inV2(s)), workflow},
		{"key", sigstoretest.Plan{Key: ed, Artifact: content}, verify.Signer{Key: string(ed.PEM())}},
		{"key, Rekor v2", sigstoretest.Plan{Key: key, Artifact: content, Entry: sigstoretest.KindHashedV2}, verify.Signer{Key: string(key.PEM()), TrustedRoot: path, Require: []verify.Witness{verify.Log}}},
	} {
		keyring, err := verify.NewKeyring("", []verify.Signer{m.signer})
		if err != nil {
			t.Fatal(err)
		}
		made := message{m.name, content, compact(t, sigstoretest.JSON(s.Sign(m.plan))), keyring}
		if _, err := keyring.Signature(made.bundle, verify.Artifact{Content: bytes.NewReader(content)}); err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		out = append(out, made)
	}
	return out
}

// signatureOf is what keyring says of data, and fails on what is neither yes nor no.
func signatureOf(t testing.TB, m message, data, content []byte) []byte {
	t.Helper()
	sig, err := m.keyring.Signature(data, verify.Artifact{Content: bytes.NewReader(content)})
	var reason *verify.Reason
	if err != nil && !errors.As(err, &reason) {
		t.Fatalf("%s: could not tell: %v", m.name, err)
	}
	if sig == nil {
		return nil
	}
	return encode(sig)
}

// A signature over bytes in which a byte is changed is refused, or says what it
// said; and it is of no other bytes.
func TestFlippedBytesOfMessages(t *testing.T) {
	for _, m := range messages(t) {
		want := signatureOf(t, m, m.bundle, m.content)
		for i := 0; i < len(m.bundle); i += 3 {
			changed := slices.Clone(m.bundle)
			changed[i] ^= 1 << (i % 7)
			if got := signatureOf(t, m, changed, m.content); got != nil && !bytes.Equal(got, want) {
				t.Fatalf("%s: byte %d: something else is said:\n%s\n%s", m.name, i, got, want)
			}
		}
		for i := range m.content {
			other := slices.Clone(m.content)
			other[i] ^= 1
			if got := signatureOf(t, m, m.bundle, other); got != nil {
				t.Errorf("%s: accepted for other bytes: %s", m.name, got)
			}
		}
		if got := signatureOf(t, m, m.bundle, nil); got != nil {
			t.Errorf("%s: accepted for no bytes: %s", m.name, got)
		}
	}
}

// FuzzMessage alters signatures over bytes and the bytes with them: only those
// that were signed are accepted.
func FuzzMessage(f *testing.F) {
	all := messages(f)
	for _, m := range all {
		f.Add(m.bundle, m.content)
	}
	f.Add([]byte("{}"), []byte(nil))
	f.Fuzz(func(t *testing.T, data, content []byte) {
		for _, m := range all {
			got := signatureOf(t, m, data, content)
			if again := signatureOf(t, m, data, content); !bytes.Equal(got, again) {
				t.Errorf("%s: the same is answered twice differently:\n%s\n%s", m.name, got, again)
			}
			if got != nil && !bytes.Equal(content, m.content) {
				t.Errorf("%s: bytes are accepted that nobody signed: %s", m.name, got)
			}
		}
	})
}
