package oci

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// How cosign kept attestations before it stored bundles, and can be told to
// still: an image under the tag sha256-HEX.att of which each layer is a DSSE
// envelope, and what is needed to verify it stands in the layer's annotations
// (https://github.com/sigstore/cosign/blob/v3.1.3/specs/ATTESTATION_SPEC.md,
// pkg/oci/static/signature.go).
const (
	envelopeType = "application/vnd.dsse.envelope.v1+json"

	signatureAnnotation       = "dev.cosignproject.cosign/signature" // empty: it is in the envelope; of what is stamped, not
	certificateAnnotation     = "dev.sigstore.cosign/certificate"
	chainAnnotation           = "dev.sigstore.cosign/chain"
	logAnnotation             = "dev.sigstore.cosign/bundle"
	timestampAnnotation       = "dev.sigstore.cosign/rfc3161timestamp"
	legacyPredicateAnnotation = "predicateType"
)

// The versions of Sigstore bundles that envelopes become. From version 0.2 on, a
// log entry needs its proof of inclusion, and cosign kept the log's promise.
const (
	bundleV01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	bundleV03 = BundleType
)

// envelope is a DSSE envelope, its members in the order in which Sigstore's
// clients log it: the log keeps the hash of these bytes.
type envelope struct {
	Payload     string              `json:"payload"`
	PayloadType string              `json:"payloadType"`
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	Sig   string `json:"sig"`
	KeyID string `json:"keyid,omitempty"`
}

// material is what a bundle has beside the envelope.
type material struct {
	Certificate *certificate `json:"certificate"`
	Chain       *chain       `json:"x509CertificateChain"`
	Entries     []entry      `json:"tlogEntries"`
	Timestamps  struct {
		RFC3161 []timestamp `json:"rfc3161Timestamps"`
	} `json:"timestampVerificationData"`
}

type certificate struct {
	RawBytes []byte `json:"rawBytes"`
}

type chain struct {
	Certificates []certificate `json:"certificates"`
}

type timestamp struct {
	SignedTimestamp []byte `json:"signedTimestamp"`
}

type entry struct {
	LogIndex jsontext.Value `json:"logIndex"`
	LogID    struct {
		KeyID []byte `json:"keyId"`
	} `json:"logId"`
	IntegratedTime jsontext.Value `json:"integratedTime"`
	Promise        struct {
		SignedEntryTimestamp []byte `json:"signedEntryTimestamp"`
	} `json:"inclusionPromise"`
	Body []byte `json:"canonicalizedBody"`
}

// readBundle reads what of a bundle is kept in other places, too.
func readBundle(data []byte) (envelope, material, error) {
	var doc struct {
		Material material `json:"verificationMaterial"`
		Envelope envelope `json:"dsseEnvelope"`
	}
	if err := strict.JSON(data, &doc); err != nil {
		return envelope{}, material{}, fmt.Errorf("reading the bundle: %w", err)
	}
	if doc.Envelope.Payload == "" || len(doc.Envelope.Signatures) == 0 {
		return envelope{}, material{}, errors.New("reading the bundle: it holds no signed statement")
	}
	return doc.Envelope, doc.Material, nil
}

// legacyLayer returns the bytes and the entry of the layer that stands for a
// bundle.
func legacyLayer(bundle []byte) ([]byte, v1.Descriptor, error) {
	predicate, err := predicateType(bundle)
	if err != nil {
		return nil, v1.Descriptor{}, err
	}
	e, m, err := readBundle(bundle)
	if err != nil {
		return nil, v1.Descriptor{}, err
	}
	data, err := marshal(e)
	if err != nil {
		return nil, v1.Descriptor{}, err
	}
	annotations := map[string]string{signatureAnnotation: "", legacyPredicateAnnotation: predicate}
	if leaf, rest := m.certificates(); leaf != nil {
		annotations[certificateAnnotation] = leaf.pem()
		annotations[chainAnnotation] = ""
		for _, c := range rest {
			annotations[chainAnnotation] += c.pem()
		}
	}
	// What Rekor version 2 gives is a proof, and has no place here.
	for _, logged := range m.Entries {
		if len(logged.Promise.SignedEntryTimestamp) == 0 {
			continue
		}
		text, err := logged.legacy()
		if err != nil {
			return nil, v1.Descriptor{}, err
		}
		annotations[logAnnotation] = text
		break
	}
	if t := m.Timestamps.RFC3161; len(t) > 0 {
		text, err := marshal(legacyTimestamp{t[0].SignedTimestamp})
		if err != nil {
			return nil, v1.Descriptor{}, err
		}
		annotations[timestampAnnotation] = string(text)
		// Where an attestation has no signature here, cosign takes the timestamp
		// for one of the envelope (v3.1.3, pkg/cosign/verify.go,
		// VerifyRFC3161Timestamp).
		annotations[signatureAnnotation] = e.Signatures[0].Sig
	}
	return data, v1.Descriptor{MediaType: envelopeType, Size: int64(len(data)), Digest: hashOf(data), Annotations: annotations}, nil
}

// marshal is without HTML escapes and without a line's end.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (m material) certificates() (leaf *certificate, rest []certificate) {
	switch {
	case m.Certificate != nil:
		return m.Certificate, nil
	case m.Chain != nil && len(m.Chain.Certificates) > 0:
		return &m.Chain.Certificates[0], m.Chain.Certificates[1:]
	}
	return nil, nil
}

func (c certificate) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.RawBytes}))
}

// legacyEntry is a log entry as cosign keeps it.
type legacyEntry struct {
	SignedEntryTimestamp []byte
	Payload              struct {
		Body           []byte `json:"body"`
		IntegratedTime int64  `json:"integratedTime"`
		LogIndex       int64  `json:"logIndex"`
		LogID          string `json:"logID"`
	}
}

type legacyTimestamp struct {
	SignedRFC3161Timestamp []byte
}

func (e entry) legacy() (string, error) {
	var l legacyEntry
	l.SignedEntryTimestamp, l.Payload.Body = e.Promise.SignedEntryTimestamp, e.Body
	l.Payload.LogID = hex.EncodeToString(e.LogID.KeyID)
	for _, n := range []struct {
		from jsontext.Value
		to   *int64
	}{{e.IntegratedTime, &l.Payload.IntegratedTime}, {e.LogIndex, &l.Payload.LogIndex}} {
		if len(n.from) == 0 {
			continue // protojson leaves out a zero
		}
		v, err := strconv.ParseInt(strings.Trim(string(n.from), `"`), 10, 64)
		if err != nil {
			return "", errors.New("reading the bundle: its log entry has a number that is none")
		}
		*n.to = v
	}
	text, err := marshal(l)
	return string(text), err
}

// Attachment is a bundle in cosign's older layout, which [Repository.List] puts
// under the tag.
type Attachment struct{ layer v1.Descriptor }

// PutAttachment stores the envelope of a bundle for [Repository.List].
func (r *Repository) PutAttachment(ctx context.Context, bundle []byte) (Attachment, error) {
	data, layer, err := legacyLayer(bundle)
	if err != nil {
		return Attachment{}, err
	}
	_, err = r.putBytes(ctx, data)
	return Attachment{layer}, err
}

// attach looks whether the image under a tag has all layers, and writes it where
// it has not. What others have there stays.
func (r *Repository) attach(ctx context.Context, tag string, layers []v1.Descriptor) (done bool, err error) {
	image, _, err := r.layered(ctx, tag)
	if err != nil {
		return false, err
	}
	if !mergeLayers(&image, layers) {
		return true, nil
	}
	config, data, err := attachedImage(&image)
	if err != nil {
		return false, r.wrong("writing tag "+tag, "%w", err)
	}
	if _, err := r.putBytes(ctx, config); err != nil {
		return false, err
	}
	_, err = r.put(ctx, tag, image.MediaType, data)
	return false, err
}

// mergeLayers adds to image what it has not, and reports whether that was
// anything.
func mergeLayers(image *v1.Manifest, layers []v1.Descriptor) bool {
	changed := false
	for _, l := range layers {
		at := -1
		for i, have := range image.Layers {
			// Two signatures of one payload differ in the annotation alone.
			sig, other := have.Annotations[signatureAnnotation], l.Annotations[signatureAnnotation]
			if have.Digest == l.Digest && have.MediaType == l.MediaType && (sig == other || sig == "" || other == "") {
				at = i
			}
		}
		switch {
		case at < 0:
			image.Layers = append(image.Layers, l)
			changed = true
		case richer(l.Annotations, image.Layers[at].Annotations):
			// A log entry or a timestamp that came later.
			image.Layers[at] = l
			changed = true
		}
	}
	return changed
}

// attachedImage gives image a configuration, which an image needs also where
// nobody runs it, and returns the bytes of both.
func attachedImage(image *v1.Manifest) (config, data []byte, err error) {
	if len(image.Layers) > maxLayers {
		return nil, nil, fmt.Errorf("it would have more than %d layers", maxLayers)
	}
	file := v1.ConfigFile{RootFS: v1.RootFS{Type: "layers"}}
	for _, l := range image.Layers {
		file.RootFS.DiffIDs = append(file.RootFS.DiffIDs, l.Digest)
	}
	if config, err = json.Marshal(file); err != nil {
		return nil, nil, err
	}
	image.SchemaVersion, image.MediaType = 2, types.OCIManifestSchema1
	image.Config = v1.Descriptor{MediaType: types.OCIConfigJSON, Size: int64(len(config)), Digest: hashOf(config)}
	if data, err = json.Marshal(image); err == nil && len(data) > MaxManifest {
		err = fmt.Errorf("it would be larger than %d bytes", MaxManifest)
	}
	return config, data, err
}

// richer reports whether annotations have something that those there lack, and
// lack nothing that those have.
func richer(annotations, there map[string]string) bool {
	more := false
	for _, key := range []string{certificateAnnotation, logAnnotation, timestampAnnotation} {
		if annotations[key] == "" && there[key] != "" {
			return false
		}
		more = more || annotations[key] != "" && there[key] == ""
	}
	return more
}

// attached returns the image of attestations about subject, empty where there
// is none.
func (r *Repository) attached(ctx context.Context, subject v1.Hash) (v1.Manifest, bool, error) {
	return r.layered(ctx, legacyTag(subject))
}

// layered returns the image under tag, empty where there is none. What stands
// under its tag and is no image could hide one.
func (r *Repository) layered(ctx context.Context, tag string) (v1.Manifest, bool, error) {
	var image v1.Manifest
	m, ok, err := r.tagged(ctx, tag)
	if err != nil || !ok {
		return image, false, err
	}
	if m.MediaType != types.OCIManifestSchema1 && m.MediaType != types.DockerManifestSchema2 {
		return image, true, r.wrong("reading tag "+tag, "it leads to %s, expected an image", describe(string(m.MediaType)))
	}
	image, err = parseImage(m.Data)
	if err != nil {
		return image, true, r.wrong("reading tag "+tag, "%w", err)
	}
	return image, true, nil
}

// converted returns what the envelope in a layer is as a bundle. What cannot be
// one is returned as it is: the verifier will say that it is none, and so it is
// not passed over.
func converted(data []byte, annotations map[string]string) []byte {
	bundle, err := convert(data, annotations)
	if err != nil {
		return data
	}
	return bundle
}

func convert(data []byte, annotations map[string]string) ([]byte, error) {
	if err := strict.CheckJSON(data); err != nil {
		return nil, err
	}
	type object map[string]any
	version := bundleV03
	material := object{}
	if text := annotations[logAnnotation]; text != "" {
		var l legacyEntry
		if err := strict.JSON([]byte(text), &l); err != nil {
			return nil, err
		}
		var kind struct {
			Kind    string `json:"kind"`
			Version string `json:"apiVersion"`
		}
		if err := strict.JSON(l.Payload.Body, &kind); err != nil {
			return nil, err
		}
		log, err := hex.DecodeString(l.Payload.LogID)
		if err != nil {
			return nil, err
		}
		version = bundleV01
		material["tlogEntries"] = []object{{
			"logIndex": strconv.FormatInt(l.Payload.LogIndex, 10), "logId": object{"keyId": log},
			"kindVersion":    object{"kind": kind.Kind, "version": kind.Version},
			"integratedTime": strconv.FormatInt(l.Payload.IntegratedTime, 10),
			"inclusionPromise": object{
				"signedEntryTimestamp": l.SignedEntryTimestamp,
			},
			"canonicalizedBody": l.Payload.Body,
		}}
	}
	if text := annotations[timestampAnnotation]; text != "" {
		var t legacyTimestamp
		if err := strict.JSON([]byte(text), &t); err != nil {
			return nil, err
		}
		material["timestampVerificationData"] = object{"rfc3161Timestamps": []object{{"signedTimestamp": t.SignedRFC3161Timestamp}}}
	}
	switch text := annotations[certificateAnnotation]; {
	case text == "":
		material["publicKey"] = object{}
	default:
		block, _ := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("its certificate is not one in PEM")
		}
		// Who issued it is the trusted root's to say.
		leaf := object{"rawBytes": base64.StdEncoding.EncodeToString(block.Bytes)}
		if version == bundleV01 {
			material["x509CertificateChain"] = object{"certificates": []object{leaf}}
		} else {
			material["certificate"] = leaf
		}
	}
	return marshal(object{"mediaType": version, "verificationMaterial": material, "dsseEnvelope": json.RawMessage(bytes.TrimSpace(data))})
}
