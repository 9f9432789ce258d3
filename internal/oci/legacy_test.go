package oci_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	sigstore "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// attach stores bundles in cosign's older layout.
func attach(t testing.TB, r *oci.Repository, subject v1.Hash, bundles ...[]byte) {
	t.Helper()
	l := oci.Listing{Subject: subject}
	for _, b := range bundles {
		a, err := r.PutAttachment(context.Background(), b)
		if err != nil {
			t.Fatalf("PutAttachment = %v", err)
		}
		l.Attached = append(l.Attached, a)
	}
	if err := r.List(context.Background(), []oci.Listing{l})[0]; err != nil {
		t.Fatalf("List = %v", err)
	}
}

// What is attached with a key is found again as it was, however often it is
// attached, and beside what others attached.
func TestAttached(t *testing.T) {
	w := newWorld(t, true)
	subject := push(t, w, "v1", types.OCIManifestSchema1, image("x"))
	attach(t, w.open(t), subject.Digest, bundle("a"))
	attach(t, w.open(t), subject.Digest, bundle("b"), bundle("a"))
	w.requests()
	attach(t, w.open(t), subject.Digest, bundle("b"), bundle("a"))
	for _, s := range w.requests() {
		if !strings.HasPrefix(s, "GET ") && !strings.HasPrefix(s, "HEAD ") {
			t.Errorf("attaching again sent %s", s)
		}
	}
	got := found(t, w.open(t), subject.Digest)
	if len(got) != 2 {
		t.Fatalf("Bundles = %q, want two", got)
	}
	for i, word := range []string{"a", "b"} {
		var have, want struct {
			Envelope json.RawMessage `json:"dsseEnvelope"`
			Material struct {
				PublicKey *struct{} `json:"publicKey"`
			} `json:"verificationMaterial"`
		}
		if err := json.Unmarshal([]byte(got[i]), &have); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(bundle(word), &want); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have.Envelope, want.Envelope) || have.Material.PublicKey == nil {
			t.Errorf("bundle %d = %s\nwant the envelope of %s, signed with a key", i, got[i], bundle(word))
		}
	}

	// The image is one as cosign makes them.
	m, err := w.open(t).Manifest(context.Background(), "sha256-"+subject.Digest.Hex+".att")
	if err != nil {
		t.Fatal(err)
	}
	var image v1.Manifest
	if err := json.Unmarshal(m.Data, &image); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"dev.cosignproject.cosign/signature": "", "predicateType": "https://example.test/a"}
	if diff := cmp.Diff(want, image.Layers[0].Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if image.Layers[0].MediaType != "application/vnd.dsse.envelope.v1+json" || image.Config.MediaType != types.OCIConfigJSON {
		t.Errorf("the layer is %s and the configuration %s", image.Layers[0].MediaType, image.Config.MediaType)
	}
	config, err := w.open(t).Blob(context.Background(), image.Config.Digest, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil || len(parsed.RootFS.DiffIDs) != 2 || parsed.RootFS.DiffIDs[1] != image.Layers[1].Digest {
		t.Errorf("the configuration is %s, %v", config, err)
	}
}

// keyless returns a bundle that a virtual Sigstore signed: with a certificate, a
// log entry of Rekor version 1 and a timestamp.
func keyless(t testing.TB, s *ca.VirtualSigstore, word string) (data []byte, statement string) {
	t.Helper()
	statement = `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.test/` + word +
		`","subject":[{"name":"x","digest":{"sha256":"` + strings.Repeat("ab", 32) + `"}}],"predicate":{}}`
	entity, err := s.Attest("who@example.test", "https://issuer.example.test", []byte(statement))
	if err != nil {
		t.Fatal(err)
	}
	content, err := entity.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := entity.TlogEntries()
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d log entries, %v", len(entries), err)
	}
	stamps, err := entity.Timestamps()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := entity.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	e := entries[0]
	tle := e.TransparencyLogEntry()
	b64 := base64.StdEncoding.EncodeToString
	promise, err := s.RekorSignPayload(tlog.RekorPayload{
		Body: b64(tle.GetCanonicalizedBody()), IntegratedTime: tle.GetIntegratedTime(), LogIndex: tle.GetLogIndex(),
		LogID: hex.EncodeToString(tle.GetLogId().GetKeyId()),
	})
	if err != nil {
		t.Fatal(err)
	}
	data = fmt.Appendf(nil, `{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.1","verificationMaterial":{"x509CertificateChain":{"certificates":[{"rawBytes":"%s"}]},`+
		`"tlogEntries":[{"logIndex":"%d","logId":{"keyId":"%s"},"kindVersion":{"kind":"dsse","version":"0.0.1"},"integratedTime":"%d","inclusionPromise":{"signedEntryTimestamp":"%s"},"canonicalizedBody":"%s"}],`+
		`"timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"%s"}]}},"dsseEnvelope":{"payload":"%s","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"%s"}]}}`,
		b64(content.Certificate().Raw), tle.GetLogIndex(), b64(tle.GetLogId().GetKeyId()), tle.GetIntegratedTime(), b64(promise), b64(tle.GetCanonicalizedBody()),
		b64(stamps[0]), b64([]byte(statement)), b64(signed.Signature()))
	return data, statement
}

// What was signed keyless, logged and stamped verifies after it was kept in
// cosign's older layout, and the altered does not.
func TestAttachedKeyless(t *testing.T) {
	s, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	data, _ := keyless(t, s, "a")
	w := newWorld(t, false)
	subject := push(t, w, "v1", types.OCIManifestSchema1, image("x"))
	attach(t, w.open(t), subject.Digest, data)
	got := found(t, w.open(t), subject.Digest)
	if len(got) != 1 {
		t.Fatalf("Bundles = %q, want one", got)
	}
	v, err := verify.NewVerifier(s, verify.WithTransparencyLog(1), verify.WithSignedTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	digest := bytes.Repeat([]byte{0xab}, 32)
	id, err := verify.NewShortCertificateIdentity("https://issuer.example.test", "", "who@example.test", "")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) error {
		var b sigstore.Bundle
		if err := b.UnmarshalJSON([]byte(text)); err != nil {
			return err
		}
		_, err := v.Verify(&b, verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), verify.WithCertificateIdentity(id)))
		return err
	}
	if err := check(string(data)); err != nil {
		t.Fatalf("the bundle itself = %v", err)
	}
	if err := check(got[0]); err != nil {
		t.Errorf("the bundle from the older layout = %v", err)
	}
	for _, alter := range []string{`"integratedTime":"1`, `"logIndex":"1`} {
		if altered := strings.Replace(got[0], alter, strings.Replace(alter, `"1`, `"2`, 1), 1); altered != got[0] && check(altered) == nil {
			t.Errorf("it verifies with another %s", alter)
		}
	}
}

// What is in the older layout and cannot be a bundle is not passed over.
func TestConvertInVain(t *testing.T) {
	e := `{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}`
	for name, tt := range map[string]struct {
		data        string
		annotations map[string]string
	}{
		"no JSON":         {"{", nil},
		"twice":           {`{"payload":"","payload":""}`, nil},
		"no certificate":  {e, map[string]string{"dev.sigstore.cosign/certificate": "hello"}},
		"a key instead":   {e, map[string]string{"dev.sigstore.cosign/certificate": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}))}},
		"no log entry":    {e, map[string]string{"dev.sigstore.cosign/bundle": "{"}},
		"no body":         {e, map[string]string{"dev.sigstore.cosign/bundle": `{"SignedEntryTimestamp":"AA==","Payload":{}}`}},
		"no log":          {e, map[string]string{"dev.sigstore.cosign/bundle": `{"Payload":{"body":"e30=","logID":"x"}}`}},
		"no timestamp":    {e, map[string]string{"dev.sigstore.cosign/rfc3161timestamp": "1"}},
		"body of another": {e, map[string]string{"dev.sigstore.cosign/bundle": `{"Payload":{"body":{}}}`}},
	} {
		if got := oci.Converted([]byte(tt.data), tt.annotations); string(got) != tt.data {
			t.Errorf("%s: converted into %s", name, got)
		}
	}
	w := newWorld(t, true)
	push(t, w, "sha256-"+hashOf(nil).Hex+".att", types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}})
	if got, err := w.open(t).Bundles(context.Background(), hashOf(nil), maxBundle); err == nil || !strings.Contains(err.Error(), "expected an image") {
		t.Errorf("Bundles = %q, %v, want that no image is there", got, err)
	}
}

// A log entry that came later takes its place beside the envelope.
func TestAttachedLater(t *testing.T) {
	s, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	full, _ := keyless(t, s, "a")
	var doc map[string]any
	if err := json.Unmarshal(full, &doc); err != nil {
		t.Fatal(err)
	}
	delete(doc["verificationMaterial"].(map[string]any), "tlogEntries")
	without, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, true)
	subject := push(t, w, "v1", types.OCIManifestSchema1, image("x"))
	for _, b := range [][]byte{without, full, without} {
		attach(t, w.open(t), subject.Digest, b)
	}
	got := found(t, w.open(t), subject.Digest)
	if len(got) != 1 || !strings.Contains(got[0], "tlogEntries") || !strings.Contains(got[0], "version=0.1") {
		t.Errorf("Bundles = %q, want one with its log entry", got)
	}
}

// FuzzConverted: whatever a layer and its annotations hold, the statement and
// its signature stay what they were, or the layer stays as it was.
func FuzzConverted(f *testing.F) {
	e := `{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}`
	f.Add([]byte(e), "", "", "")
	f.Add([]byte(e), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", "")
	f.Add([]byte(e), "", `{"SignedEntryTimestamp":"AA==","Payload":{"body":"eyJraW5kIjoiZHNzZSIsImFwaVZlcnNpb24iOiIwLjAuMSJ9","integratedTime":1,"logIndex":2,"logID":"ab"}}`, `{"SignedRFC3161Timestamp":"AA=="}`)
	f.Add([]byte(`{"a":1},"dsseEnvelope":{}`), "", "", "")
	f.Fuzz(func(t *testing.T, data []byte, certificate, log, timestamp string) {
		annotations := map[string]string{
			"dev.sigstore.cosign/certificate": certificate, "dev.sigstore.cosign/bundle": log, "dev.sigstore.cosign/rfc3161timestamp": timestamp,
		}
		got := oci.Converted(data, annotations)
		if bytes.Equal(got, data) {
			return
		}
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(got, &doc); err != nil {
			t.Fatalf("converted into what is no JSON: %v", err)
		}
		if len(doc) != 3 {
			t.Errorf("converted into %d members", len(doc))
		}
		var want, have bytes.Buffer
		if json.Compact(&want, data) != nil || json.Compact(&have, doc["dsseEnvelope"]) != nil || !bytes.Equal(want.Bytes(), have.Bytes()) {
			t.Errorf("the envelope %q became %q", data, doc["dsseEnvelope"])
		}
	})
}
