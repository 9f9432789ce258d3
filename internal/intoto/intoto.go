// Package intoto reads in-toto layouts and links from memory. The library's own
// reader takes a file's path, looks for links by pattern in a directory, and
// accepts keys in another case or standing twice; evidence is bytes.
//
// It verifies nothing: a [Metadata] is what somebody wrote. The criterion
// pipeline-followed verifies it with the library's functions.
package intoto

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/in-toto/in-toto-golang/in_toto"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// Layout is a layout with its signatures.
type Layout struct {
	in_toto.Metadata
	Layout in_toto.Layout
}

// Link is a link with its signatures.
type Link struct {
	in_toto.Metadata
	Link in_toto.Link
}

// ParseLayout reads a layout, as a metablock or in a DSSE envelope.
func ParseLayout(doc []byte) (*Layout, error) {
	m, err := parse(doc)
	if err != nil {
		return nil, err
	}
	l, ok := m.GetPayload().(in_toto.Layout)
	if !ok {
		return nil, errors.New("is a link where the layout is expected")
	}
	if err := in_toto.ValidateMetablock(in_toto.Metablock{Signed: l}); err != nil {
		return nil, fmt.Errorf("not a sound layout: %w", err)
	}
	if len(l.Steps) == 0 {
		return nil, errors.New("the layout has no steps")
	}
	return &Layout{m, l}, nil
}

// ParseLink reads a link, as a metablock or in a DSSE envelope. A layout in the
// place of a link (a sublayout) is refused.
func ParseLink(doc []byte) (*Link, error) {
	m, err := parse(doc)
	if err != nil {
		return nil, err
	}
	l, ok := m.GetPayload().(in_toto.Link)
	if !ok {
		return nil, errors.New("is a layout where a link is expected: sublayouts are not supported")
	}
	if err := in_toto.ValidateMetablock(in_toto.Metablock{Signed: l}); err != nil {
		return nil, fmt.Errorf("not a sound link: %w", err)
	}
	for _, artifacts := range []map[string]in_toto.HashObj{l.Materials, l.Products} {
		seen := make(map[string]bool, len(artifacts))
		for name := range artifacts {
			// The library cleans paths while it applies rules; two that become
			// one would be compared in the order of a map.
			clean := path.Clean(name)
			if seen[clean] {
				return nil, fmt.Errorf("link %q names %q twice", l.Name, clean)
			}
			seen[clean] = true
		}
	}
	return &Link{m, l}, nil
}

// document is either form; the members of the other are absent.
type document struct {
	Signed     jsontext.Value `json:"signed"`
	Signatures []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
		Cert  string `json:"cert,omitempty"`
	} `json:"signatures"`
	Payload     string `json:"payload"`
	PayloadType string `json:"payloadType"`
}

func parse(doc []byte) (in_toto.Metadata, error) {
	var d document
	if err := strict.OwnJSON(doc, &d); err != nil {
		return nil, err
	}
	switch {
	case d.Signed != nil && d.PayloadType == "" && d.Payload == "":
		signed, err := payload(d.Signed)
		if err != nil {
			return nil, err
		}
		m := &in_toto.Metablock{Signed: signed}
		for _, s := range d.Signatures {
			m.Signatures = append(m.Signatures, in_toto.Signature{KeyID: s.KeyID, Sig: s.Sig, Certificate: s.Cert})
		}
		return m, nil
	case d.Signed == nil && d.PayloadType != "":
		if d.PayloadType != in_toto.PayloadType {
			return nil, fmt.Errorf("payloadType is %q, expected %q", d.PayloadType, in_toto.PayloadType)
		}
		body, err := base64.StdEncoding.DecodeString(d.Payload)
		if err != nil {
			return nil, fmt.Errorf("reading the payload: %w", err)
		}
		signed, err := payload(body)
		if err != nil {
			return nil, fmt.Errorf("in the payload: %w", err)
		}
		e := &envelope{payload: signed, dsse: dsse.Envelope{PayloadType: d.PayloadType, Payload: d.Payload}}
		for _, s := range d.Signatures {
			e.dsse.Signatures = append(e.dsse.Signatures, dsse.Signature{KeyID: s.KeyID, Sig: s.Sig})
		}
		return e, nil
	}
	return nil, errors.New("is neither an in-toto metablock (signed, signatures) nor a DSSE envelope (payloadType, payload, signatures)")
}

// payload decodes a layout or link. Members that the library does not know are
// refused: it verifies a signature over what it knows, so they would be unsigned.
func payload(data []byte) (any, error) {
	var kind struct {
		Type string `json:"_type"`
	}
	if err := strict.JSON(data, &kind); err != nil {
		return nil, err
	}
	switch kind.Type {
	case "layout":
		var l in_toto.Layout
		err := strict.OwnJSON(data, &l)
		return l, err
	case "link":
		var l in_toto.Link
		err := strict.OwnJSON(data, &l)
		return l, err
	}
	return nil, fmt.Errorf("_type is %q, expected layout or link", kind.Type)
}

// envelope is a layout or link in a DSSE envelope. The library has the same,
// but makes one only from a file.
type envelope struct {
	dsse    dsse.Envelope
	payload any
}

var _ in_toto.Metadata = (*envelope)(nil)

func (e *envelope) GetPayload() any { return e.payload }

func (e *envelope) Sigs() []in_toto.Signature {
	var out []in_toto.Signature
	for _, s := range e.dsse.Signatures {
		out = append(out, in_toto.Signature{KeyID: s.KeyID, Sig: s.Sig})
	}
	return out
}

func (e *envelope) GetSignatureForKeyID(id string) (in_toto.Signature, error) {
	for _, s := range e.Sigs() {
		if s.KeyID == id {
			return s, nil
		}
	}
	return in_toto.Signature{}, fmt.Errorf("no signature by key %s", id)
}

// VerifySignature reports an error unless one of the signatures is key's over
// the payload's bytes as they stand
// (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md).
func (e *envelope) VerifySignature(key in_toto.Key) error {
	k := &signerverifier.SSLibKey{
		KeyIDHashAlgorithms: key.KeyIDHashAlgorithms, KeyType: key.KeyType, KeyID: key.KeyID, Scheme: key.Scheme,
		KeyVal: signerverifier.KeyVal{Public: key.KeyVal.Public},
	}
	var v dsse.Verifier
	var err error
	switch key.KeyType {
	case signerverifier.RSAKeyType:
		v, err = signerverifier.NewRSAPSSSignerVerifierFromSSLibKey(k)
	case signerverifier.ED25519KeyType:
		v, err = signerverifier.NewED25519SignerVerifierFromSSLibKey(k)
	case signerverifier.ECDSAKeyType:
		v, err = signerverifier.NewECDSASignerVerifierFromSSLibKey(k)
	default:
		return fmt.Errorf("unknown key type %q", key.KeyType)
	}
	if err != nil {
		return err
	}
	ev, err := dsse.NewEnvelopeVerifier(v)
	if err != nil {
		return err
	}
	_, err = ev.Verify(context.Background(), &e.dsse)
	return err
}

func (e *envelope) Sign(in_toto.Key) error {
	return errors.New("signing what was read is not possible")
}
func (e *envelope) Dump(string) error { return errors.New("writing what was read is not possible") }
