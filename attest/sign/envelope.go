package sign

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hallmark-project/hallmark/attest"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// envelope is a DSSE envelope as JSON
// (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md). A
// signature has no keyid: it is optional, nobody may rely on it, and a
// verifier that was given another id for the same key would refuse ours.
type envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	Sig []byte `json:"sig"`
}

// Envelope returns the bare DSSE envelope of a bundle that was just signed, for
// tools that read no bundles (slsa-verifier). It verifies nothing, and whatever
// else the bundle holds, a certificate or a time, is lost.
func Envelope(b attest.Bundle) ([]byte, error) {
	var pb protobundle.Bundle
	if err := protojson.Unmarshal(b, &pb); err != nil {
		return nil, errors.New("taking the envelope out of a bundle: it is no Sigstore bundle")
	}
	in := pb.GetDsseEnvelope()
	if in == nil || len(in.GetSignatures()) != 1 {
		return nil, fmt.Errorf("taking the envelope out of a bundle: found %d signatures over a statement, expected one", len(in.GetSignatures()))
	}
	return json.Marshal(envelope{
		Payload:     in.GetPayload(),
		PayloadType: in.GetPayloadType(),
		Signatures:  []signature{{in.GetSignatures()[0].GetSig()}},
	})
}
