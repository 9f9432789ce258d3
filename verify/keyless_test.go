package verify_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/verify"
)

const (
	issuer   = "https://token.actions.example"
	identity = "https://forge.example/greet/greet/.github/workflows/release.yml@refs/tags/v1.2.0"
)

// sigstoreWorld is a certificate authority, a transparency log and a timestamp
// authority of our own.
type sigstoreWorld struct {
	*ca.VirtualSigstore
	dir string
}

func newSigstoreWorld(t testing.TB) sigstoreWorld {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	w := sigstoreWorld{v, t.TempDir()}
	w.writeRoot(t, "trusted_root.json", w.RekorLogs(), nil)
	return w
}

func (w sigstoreWorld) writeRoot(t testing.TB, name string, logs, ctlogs map[string]*root.TransparencyLog) {
	t.Helper()
	for _, all := range []map[string]*root.TransparencyLog{logs, ctlogs} {
		for id, log := range all {
			raw, err := hex.DecodeString(id)
			if err != nil {
				t.Fatal(err)
			}
			log.ID, log.SignatureHashFunc = raw, crypto.SHA256
		}
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, w.FulcioCertificateAuthorities(), ctlogs, w.TimestampingAuthorities(), logs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sign is a keyless bundle of payload, which change may alter.
func (w sigstoreWorld) sign(t testing.TB, identity, issuer string, payload []byte, change func(*protobundle.Bundle)) attest.Bundle {
	t.Helper()
	leaf, private, err := w.GenerateLeafCert(identity, issuer)
	if err != nil {
		t.Fatal(err)
	}
	return w.signWith(t, leaf, private, payload, change)
}

// signWith is sign with a certificate that is there.
func (w sigstoreWorld) signWith(t testing.TB, leaf *x509.Certificate, private crypto.PrivateKey, payload []byte, change func(*protobundle.Bundle)) attest.Bundle {
	t.Helper()
	sum := sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(intoto), intoto, len(payload), payload))
	sig, err := ecdsa.SignASN1(rand.Reader, private.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	e := &dsse.Envelope{
		PayloadType: intoto, Payload: base64.StdEncoding.EncodeToString(payload),
		Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(sig)}},
	}
	integrated := time.Now().Add(time.Minute).Unix()
	made, err := w.GenerateTlogEntry(leaf, e, sig, integrated, true)
	if err != nil {
		t.Fatal(err)
	}
	logID, err := w.RekorLogID()
	if err != nil {
		t.Fatal(err)
	}
	entry := made.TransparencyLogEntry()
	set, err := w.RekorSignPayload(tlog.RekorPayload{
		Body: base64.StdEncoding.EncodeToString(entry.CanonicalizedBody), IntegratedTime: integrated, LogID: logID,
	})
	if err != nil {
		t.Fatal(err)
	}
	entry.KindVersion = &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	entry.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: set}
	stamp, err := w.TimestampResponse(sig)
	if err != nil {
		t.Fatal(err)
	}
	b := &protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content:     &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw}},
			TlogEntries: []*protorekor.TransparencyLogEntry{entry},
			TimestampVerificationData: &protobundle.TimestampVerificationData{
				Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
			},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: payload, PayloadType: intoto, Signatures: []*protodsse.Signature{{Sig: sig}},
		}},
	}
	if change != nil {
		change(b)
	}
	data, err := protojson.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// trust is a trust file beside the trusted root.
func (w sigstoreWorld) trust(t testing.TB, signers ...string) verify.Expect {
	t.Helper()
	text := "verifier: " + verifierID + "\nresource: " + resourceURI + "\nlevel: standard\nmaxAge: 90d\nsigners:\n" + strings.Join(signers, "")
	e, err := verify.ParseTrust(filepath.Join(w.dir, "trust.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func keyless(issuer, key, identity, root string) string {
	return fmt.Sprintf("  - name: workflow\n    issuer: %s\n    %s: '%s'\n    trustedRoot: %s\n", issuer, key, identity, root)
}

func TestKeyless(t *testing.T) {
	w, stranger := newSigstoreWorld(t), newSigstoreWorld(t)
	w.writeRoot(t, "with_ctlog.json", w.RekorLogs(), w.CTLogs())
	w.writeRoot(t, "without_log.json", nil, nil)
	recent := predicate().with(object{"timeVerified": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)})
	payload := verdict(recent)
	good := w.sign(t, identity, issuer, payload, nil)
	exact := keyless(issuer, "identity", identity, "trusted_root.json")

	for _, tt := range []struct {
		name   string
		signer string
		bundle attest.Bundle
		want   string // a code; empty for yes
	}{
		{"exact identity", exact, good, ""},
		{"pattern", keyless(issuer, "identityPattern", `https://forge\.example/greet/greet/\.github/workflows/release\.yml@refs/tags/v[0-9.]+`, "trusted_root.json"), good, ""},
		{"second identity of the same root", keyless(issuer, "identity", "somebody@greet.example", "trusted_root.json") + exact, good, ""},
		{"second root", keyless(issuer, "identity", identity, filepath.Join(stranger.dir, "trusted_root.json")) + exact, good, ""},
		{"beside a key", "  - key: |\n      " + strings.ReplaceAll(strings.TrimSpace(releaseKey.pem()), "\n", "\n      ") + "\n" + exact, good, ""},
		{"timestamps without a log", keyless(issuer, "identity", identity, "without_log.json"), good, ""},

		{"timestamp required and a log listed", exact + "    require: [timestamp]\n", w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil }), ""},
		{"log and timestamp required", exact + "    require: [log, timestamp]\n", good, ""},
		{"timestamp required and absent", exact + "    require: [log, timestamp]\n", w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) { b.VerificationMaterial.TimestampVerificationData = nil }), verify.BadSignature},
		{"log required and absent", exact + "    require: [log]\n", w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil }), verify.BadSignature},
		{"one identity with a log, the same without", exact + exact + "    require: [timestamp]\n", w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil }), ""},
		{"certificate timestamp required and absent", keyless(issuer, "identity", identity, "with_ctlog.json") + "    require: [log, sct]\n", good, verify.BadSignature},

		{"another identity", keyless(issuer, "identity", identity+"-rc1", "trusted_root.json"), good, verify.UntrustedSigner},
		{"pattern that matches only a part", keyless(issuer, "identityPattern", `https://forge\.example/greet/greet/`, "trusted_root.json"), good, verify.UntrustedSigner},
		{"another issuer", keyless("https://issuer.invalid", "identity", identity, "trusted_root.json"), good, verify.UntrustedSigner},
		{"keys only", "  - key: |\n      " + strings.ReplaceAll(strings.TrimSpace(releaseKey.pem()), "\n", "\n      ") + "\n", good, verify.UntrustedSigner},
		{"key where an identity is trusted", exact, signed(releaseKey, payload), verify.UntrustedSigner},
		{"another authority", exact, stranger.sign(t, identity, issuer, payload, nil), verify.BadSignature},
		{"no certificate timestamp where the root lists a log", keyless(issuer, "identity", identity, "with_ctlog.json"), good, verify.BadSignature},
		{"no log entry", exact, w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil }), verify.BadSignature},
		{"no timestamp where there is no log", keyless(issuer, "identity", identity, "without_log.json"), w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) { b.VerificationMaterial.TimestampVerificationData = nil }), verify.BadSignature},
		{"altered payload", exact, w.sign(t, identity, issuer, verdict(recent.with(object{"verificationResult": "FAILED"})), func(b *protobundle.Bundle) {
			b.GetDsseEnvelope().Payload = payload
		}), verify.BadSignature},
		{"a key's hint instead of the certificate", exact, w.sign(t, identity, issuer, payload, func(b *protobundle.Bundle) {
			b.VerificationMaterial.Content = &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: "x"}}
		}), verify.UntrustedSigner},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := verify.New(found{tt.bundle}, w.trust(t, tt.signer))
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(context.Background(), artifact)
			if tt.want != "" {
				if c := codes(t, err); !slices.Equal(c, []string{tt.want}) {
					t.Errorf("Verify: reasons %v, want %s\n%v", c, tt.want, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := verify.Identity{Name: "workflow", Issuer: issuer, Identity: identity}
			if got.Signer != want {
				t.Errorf("Signer = %+v, want %+v", got.Signer, want)
			}
		})
	}
}

// A key's signature may have to be witnessed too; the root's certificate
// authorities vouch for nothing then.
func TestWitnessedKey(t *testing.T) {
	w, stranger := newSigstoreWorld(t), newSigstoreWorld(t)
	recent := predicate().with(object{"timeVerified": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)})
	payload := verdict(recent)
	stamped := func(w sigstoreWorld) attest.Bundle {
		stamp, err := w.TimestampResponse(releaseKey.sign(intoto, payload))
		if err != nil {
			t.Fatal(err)
		}
		var b protobundle.Bundle
		if err := protojson.Unmarshal(signed(releaseKey, payload), &b); err != nil {
			t.Fatal(err)
		}
		b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
		}
		data, err := protojson.Marshal(&b)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	key := "  - key: |\n      " + strings.ReplaceAll(strings.TrimSpace(releaseKey.pem()), "\n", "\n      ") + "\n    trustedRoot: trusted_root.json\n"
	for _, tt := range []struct {
		name    string
		require string
		bundle  attest.Bundle
		want    string
	}{
		{"stamped", "timestamp", stamped(w), ""},
		{"not stamped", "timestamp", signed(releaseKey, payload), verify.BadSignature},
		{"stamped by another", "timestamp", stamped(stranger), verify.BadSignature},
		{"not in the log", "log", stamped(w), verify.BadSignature},
		{"stamped and not in the log", "log, timestamp", stamped(w), verify.BadSignature},
		{"by a certificate", "timestamp", w.sign(t, identity, issuer, payload, nil), verify.UntrustedSigner},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := verify.New(found{tt.bundle}, w.trust(t, key+"    require: ["+tt.require+"]\n"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(context.Background(), artifact)
			if tt.want == "" && err != nil {
				t.Fatal(err)
			}
			if tt.want != "" {
				if c := codes(t, err); !slices.Equal(c, []string{tt.want}) {
					t.Errorf("Verify: reasons %v, want %s\n%v", c, tt.want, err)
				}
			}
		})
	}
}

// A key that was retired signs nothing any more; what a timestamp shows to be
// older stays verifiable.
func TestRetiredKey(t *testing.T) {
	w := newSigstoreWorld(t)
	now := time.Now()
	payload := verdict(predicate().with(object{"timeVerified": now.Add(-time.Minute).UTC().Format(time.RFC3339)}))
	stamp, err := w.TimestampResponse(releaseKey.sign(intoto, payload))
	if err != nil {
		t.Fatal(err)
	}
	var b protobundle.Bundle
	if err := protojson.Unmarshal(signed(releaseKey, payload), &b); err != nil {
		t.Fatal(err)
	}
	b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
	}
	stamped, err := protojson.Marshal(&b)
	if err != nil {
		t.Fatal(err)
	}
	key := func(from, until time.Duration, witnessed bool) string {
		text := "  - key: |\n      " + strings.ReplaceAll(strings.TrimSpace(releaseKey.pem()), "\n", "\n      ") +
			"\n    notBefore: " + now.Add(from).UTC().Format(time.RFC3339) + "\n    notAfter: " + now.Add(until).UTC().Format(time.RFC3339) + "\n"
		if witnessed {
			text += "    trustedRoot: trusted_root.json\n    require: [timestamp]\n"
		}
		return text
	}
	const month = 30 * 24 * time.Hour
	for _, tt := range []struct {
		name   string
		signer string
		later  time.Duration // than now, when it is verified
		want   string
	}{
		{"in its time", key(-month, month, false), 0, ""},
		{"after its time, seen by nobody", key(-month, time.Hour, false), month, verify.UntrustedSigner},
		{"after its time, stamped within", key(-month, time.Hour, true), month, ""},
		{"stamped after its time", key(-month, -30*time.Second, true), month, verify.UntrustedSigner},
		{"stamped before its time", key(time.Hour, month, true), 2 * time.Hour, verify.UntrustedSigner},
		{"stamped within, and the verdict says that it was before", key(-30*time.Second, month, true), month, verify.UntrustedSigner},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := verify.New(found{stamped}, w.trust(t, tt.signer), verify.WithClock(func() time.Time { return now.Add(tt.later) }))
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(context.Background(), artifact)
			if got := strings.Join(codes(t, err), " "); got != tt.want {
				t.Errorf("Verify: reasons %q, want %q\n%v", got, tt.want, err)
			}
		})
	}
}

func TestTrustedRootMustSuffice(t *testing.T) {
	w := newSigstoreWorld(t)
	for name, content := range map[string]string{
		"empty.json":   "",
		"nothing.json": `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`,
		"other.json":   `{"mediaType":"application/json"}`,
	} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := verify.New(found(nil), w.trust(t, keyless(issuer, "identity", identity, name))); err == nil {
			t.Errorf("New with the trusted root %s succeeded, want an error", name)
		}
	}
	w.writeRoot(t, "no_log.json", nil, nil)
	for _, require := range []string{"log, timestamp", "sct, timestamp"} {
		_, err := verify.New(found(nil), w.trust(t, keyless(issuer, "identity", identity, "no_log.json")+"    require: ["+require+"]\n"))
		if err == nil || !strings.Contains(err.Error(), "lists nobody who could be") {
			t.Errorf("New that requires %s of a root without logs = %v, want that it lists nobody who could", require, err)
		}
	}
	if _, err := verify.New(found(nil), w.trust(t, keyless(issuer, "identity", identity, "."))); err == nil {
		t.Error("New with a folder as trusted root succeeded, want an error")
	}
}

// The public-good root is what most people will name.
func TestPublicGoodRoot(t *testing.T) {
	path, err := filepath.Abs("../../shared/data/trust/public-good.trusted_root.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("the shared data is not here: ", err)
	}
	w := newSigstoreWorld(t)
	v, err := verify.New(found{w.sign(t, identity, issuer, verdict(predicate()), nil)}, w.trust(t, keyless(issuer, "identity", identity, path)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(context.Background(), artifact)
	if got := codes(t, err); !slices.Equal(got, []string{verify.BadSignature}) {
		t.Errorf("reasons = %v, want %s", got, verify.BadSignature)
	}
}
