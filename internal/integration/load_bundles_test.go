//go:build integration

package integration

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
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
)

const inTotoType = "application/vnd.in-toto+json"

// stocked is a folder of bundles about images that nobody ever built: each is
// the example's verdict about another digest. There is one trust file for those
// that a key signed and one for those that a certificate did.
type stocked struct {
	folder       string
	key, keyless []string          // sha256:…
	files        map[string]string // of a trust directory
}

// newStock makes n bundles of each kind. Fulcio, log and timestamp authority are
// sigstore-go's own, in memory: the bundles have everything that real ones have,
// and making some hundred takes no minutes.
func newStock(t testing.TB, n int) *stocked {
	t.Helper()
	r := signedRelease(t)
	verdict := statementOf(t, r.verdict())
	at(t, verdict, "predicate").(map[string]any)["timeVerified"] = time.Now().UTC().Format(time.RFC3339)
	about := func(digest string) []byte {
		verdict["subject"] = []any{map[string]any{"name": "image", "digest": map[string]any{"sha256": digest}}}
		data, err := json.Marshal(verdict)
		check(t, err)
		return data
	}
	s := &stocked{folder: t.TempDir(), files: make(map[string]string)}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	check(t, err)
	public := filepath.Join(t.TempDir(), "key.pub")
	check(t, os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	s.files["key.yaml"] = read(t, keyTrust(t, public))
	v := newVirtual(t)
	s.files["trusted_root.json"] = v.root
	s.files["keyless.yaml"] = fmt.Sprintf("verifier: %s\nresource: %s\nlevel: standard\nmaxAge: 90d\nsigners:\n  - name: workflow\n    issuer: %s\n    identity: %s\n    trustedRoot: trusted_root.json\n",
		verifierID, resourceURI, services.Issuer.Actions, workflowIdentity)
	for i := range n {
		for _, kind := range []string{"key", "keyless"} {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, i))
			digest := hex.EncodeToString(sum[:])
			payload := about(digest)
			var bundle []byte
			if kind == "key" {
				s.key = append(s.key, "sha256:"+digest)
				bundle = keyBundle(t, key, payload)
			} else {
				s.keyless = append(s.keyless, "sha256:"+digest)
				bundle = v.bundle(t, payload)
			}
			check(t, os.WriteFile(filepath.Join(s.folder, fmt.Sprintf("%s-%d.sigstore.json", kind, i)), bundle, 0o600))
		}
	}
	return s
}

// pae is what is signed of a DSSE envelope (DSSE v1.0.2, protocol.md).
func pae(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(inTotoType), inTotoType, len(payload), payload)
}

func keyBundle(t testing.TB, key *ecdsa.PrivateKey, payload []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(pae(payload))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	check(t, err)
	data, err := protojson.Marshal(&protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: "key"}},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{Payload: payload, PayloadType: inTotoType, Signatures: []*protodsse.Signature{{Sig: sig}}}},
	})
	check(t, err)
	return data
}

// virtual is a Sigstore deployment in memory.
type virtual struct {
	*ca.VirtualSigstore
	root string // trusted_root.json
}

func newVirtual(t testing.TB) virtual {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	check(t, err)
	logs := v.RekorLogs()
	for id, log := range logs {
		log.ID, err = hex.DecodeString(id)
		check(t, err)
		log.SignatureHashFunc = crypto.SHA256
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, v.FulcioCertificateAuthorities(), nil, v.TimestampingAuthorities(), logs)
	check(t, err)
	data, err := r.MarshalJSON()
	check(t, err)
	return virtual{v, string(data)}
}

// bundle signs payload with a certificate of its own, logged and stamped.
func (v virtual) bundle(t testing.TB, payload []byte) []byte {
	t.Helper()
	leaf, private, err := v.GenerateLeafCert(workflowIdentity, services.Issuer.Actions)
	check(t, err)
	sum := sha256.Sum256(pae(payload))
	sig, err := ecdsa.SignASN1(rand.Reader, private.(*ecdsa.PrivateKey), sum[:])
	check(t, err)
	integrated := time.Now().Add(time.Minute).Unix()
	made, err := v.GenerateTlogEntry(leaf, &dsse.Envelope{
		PayloadType: inTotoType, Payload: base64.StdEncoding.EncodeToString(payload), Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(sig)}},
	}, sig, integrated, true)
	check(t, err)
	logID, err := v.RekorLogID()
	check(t, err)
	entry := made.TransparencyLogEntry()
	set, err := v.RekorSignPayload(tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(entry.CanonicalizedBody), IntegratedTime: integrated, LogID: logID})
	check(t, err)
	entry.KindVersion = &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	entry.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: set}
	stamp, err := v.TimestampResponse(sig)
	check(t, err)
	data, err := protojson.Marshal(&protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content:     &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw}},
			TlogEntries: []*protorekor.TransparencyLogEntry{entry},
			TimestampVerificationData: &protobundle.TimestampVerificationData{
				Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
			},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{Payload: payload, PayloadType: inTotoType, Signatures: []*protodsse.Signature{{Sig: sig}}}},
	})
	check(t, err)
	return data
}

// admission is an admission.yaml for them: images of registry.example/key and
// registry.example/keyless, with their bundles in the folder.
func (s *stocked) admission() string {
	return fmt.Sprintf(`policies:
  - {name: key, match: {images: [registry.example/key]}, trust: [key.yaml], bundles: {folder: %s}}
  - {name: keyless, match: {images: [registry.example/keyless]}, trust: [keyless.yaml], bundles: {folder: %s}}
`, s.folder, s.folder)
}

// start starts a server with them.
func (s *stocked) start(t testing.TB, args ...string) *webhook {
	t.Helper()
	files := map[string]string{"admission.yaml": s.admission()}
	for name, content := range s.files {
		files[name] = content
	}
	return newWebhook(t, files, nil, args...)
}
