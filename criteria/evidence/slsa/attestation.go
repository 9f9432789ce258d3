package slsa

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// attestation is one document of a report, before it is verified.
type attestation struct {
	where   string
	payload []byte // of its envelope, or the statement itself
	// bundle is nil where there is none, and why says what there is instead.
	bundle *bundle.Bundle
	why    string
	// certified is true where a certificate, not a key, signed.
	certified bool
	// bare is an envelope signed with a certificate, and leaf that certificate:
	// what lacks a log entry to be a bundle.
	bare *protodsse.Envelope
	leaf []byte
}

// document is as much of each of the kinds as tells them apart.
type document struct {
	Bundle       raw                 `json:"dsseEnvelope"`
	Message      raw                 `json:"messageSignature"`
	PayloadType  string              `json:"payloadType"`
	Payload      *string             `json:"payload"`
	Signatures   []envelopeSignature `json:"signatures"`
	Type         string              `json:"_type"`
	Attestations []attachedTo        `json:"attestations"`
}

type envelopeSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
	Cert  string `json:"cert"`
}

type attachedTo struct {
	Bundle raw `json:"bundle"`
}

const payloadType = "application/vnd.in-toto+json"

// attestations splits a report into what it holds.
func attestations(data []byte) ([]attestation, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("is empty")
	}
	if strict.CheckJSON(data) == nil {
		return one("the document", data)
	}
	// JSON Lines, or a document that is broken: of that, the first line is, too.
	var out []attestation
	for i, line := range bytes.Split(data, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		where := fmt.Sprintf("line %d", i+1)
		if err := strict.CheckJSON(line); err != nil {
			return nil, fmt.Errorf("is neither one JSON document nor one a line: on %s: %w", where, err)
		}
		if entry, is, err := logEntryIn(line); err != nil {
			return nil, fmt.Errorf("%s holds a log entry that cannot be read: %w", where, err)
		} else if is {
			if len(out) == 0 || out[len(out)-1].bare == nil {
				return nil, fmt.Errorf("%s is a log entry, and the line before it is no bare envelope signed with a certificate", where)
			}
			out[len(out)-1] = out[len(out)-1].with(entry)
			continue
		}
		found, err := one(where, line)
		if err != nil {
			return nil, err
		}
		if out = append(out, found...); len(out) > maxAttestations {
			return nil, fmt.Errorf("holds more than %d attestations", maxAttestations)
		}
	}
	return out, nil
}

func one(where string, data []byte) ([]attestation, error) {
	var doc document
	if err := strict.JSON(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	var out []attestation
	var err error
	switch {
	case doc.Bundle != nil:
		var a attestation
		a, err = fromBundle(data)
		out = []attestation{a}
	case doc.Payload != nil:
		var a attestation
		a, err = fromEnvelope(doc)
		out = []attestation{a}
	case doc.Type != "":
		out = []attestation{{payload: data, why: "it is a statement that nobody signed"}}
	case doc.Message != nil:
		err = errors.New("is a bundle over bytes: expected one with a DSSE envelope")
	case doc.Attestations != nil:
		if len(doc.Attestations) > maxAttestations {
			return nil, fmt.Errorf("%s holds more than %d attestations", where, maxAttestations)
		}
		for i, held := range doc.Attestations {
			a, err := fromBundle(held.Bundle)
			if err != nil {
				return nil, fmt.Errorf("%s: attestation %d: %w", where, i+1, err)
			}
			a.where = fmt.Sprintf("%s: attestation %d", where, i+1)
			out = append(out, a)
		}
		if len(out) == 0 {
			err = errors.New("holds no attestations")
		}
		return out, err
	default:
		err = errors.New("is no Sigstore bundle, DSSE envelope or list of attestations")
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", where, err)
	}
	out[0].where = where
	return out, nil
}

func fromBundle(data []byte) (attestation, error) {
	var b bundle.Bundle
	if len(data) == 0 {
		return attestation{}, errors.New("has no bundle")
	}
	if err := b.UnmarshalJSON(data); err != nil {
		return attestation{}, fmt.Errorf("cannot be read as a Sigstore bundle: %v", err)
	}
	envelope := b.GetDsseEnvelope()
	if envelope == nil {
		return attestation{}, errors.New("is a bundle without a DSSE envelope")
	}
	if envelope.PayloadType != payloadType {
		return attestation{}, fmt.Errorf("holds a payload of type %q, expected %s", envelope.PayloadType, payloadType)
	}
	content, err := b.VerificationContent()
	if err != nil {
		return attestation{}, fmt.Errorf("holds a certificate or key that cannot be read: %v", err)
	}
	return attestation{bundle: &b, payload: envelope.Payload, certified: content.Certificate() != nil}, nil
}

// fromEnvelope makes a bundle, for a key, of an envelope. One signed with a
// certificate stays without: the certificate was valid for minutes, years ago,
// and only an entry in the transparency log says that it was then. See
// [attestation.with].
func fromEnvelope(doc document) (attestation, error) {
	if doc.PayloadType != payloadType {
		return attestation{}, fmt.Errorf("holds a payload of type %q, expected %s", doc.PayloadType, payloadType)
	}
	payload, err := decode64(*doc.Payload)
	if err != nil {
		return attestation{}, fmt.Errorf("holds a payload that is not in base64: %v", err)
	}
	a := attestation{payload: payload}
	if len(doc.Signatures) != 1 {
		a.why = fmt.Sprintf("it has %d signatures, expected one", len(doc.Signatures))
		return a, nil
	}
	s := doc.Signatures[0]
	sig, err := decode64(s.Sig)
	if err != nil {
		a.why = fmt.Sprintf("its signature is not in base64: %v", err)
		return a, nil
	}
	if s.Cert != "" {
		a.why = "it is a bare envelope signed with a certificate that was valid for minutes, and nothing in it says when: put its entry in the transparency log, as Rekor answers for it, on the line after it"
		if block, _ := pem.Decode([]byte(s.Cert)); block != nil && block.Type == "CERTIFICATE" {
			a.leaf = block.Bytes
			a.bare = &protodsse.Envelope{PayloadType: doc.PayloadType, Payload: payload, Signatures: []*protodsse.Signature{{Sig: sig, Keyid: s.KeyID}}}
		}
		return a, nil
	}
	mediaType, err := bundle.MediaTypeString("v0.3")
	if err != nil {
		return a, err
	}
	b, err := bundle.NewBundle(&protobundle.Bundle{
		MediaType: mediaType,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: s.KeyID}},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			PayloadType: doc.PayloadType, Payload: payload,
			Signatures: []*protodsse.Signature{{Sig: sig, Keyid: s.KeyID}},
		}},
	})
	if err != nil {
		a.why = fmt.Sprintf("its envelope cannot be verified: %v", err)
		return a, nil
	}
	a.bundle = b
	return a, nil
}

// decode64 takes both alphabets, as the DSSE specification asks.
func decode64(s string) ([]byte, error) {
	if b, err := base64.StdEncoding.Strict().DecodeString(s); err == nil {
		return b, nil
	}
	return base64.URLEncoding.Strict().DecodeString(s)
}
