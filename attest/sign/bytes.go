package sign

import (
	"context"
	"errors"
	"fmt"

	"github.com/hallmark-project/hallmark/attest"
	sigstore "github.com/sigstore/sigstore-go/pkg/sign"
)

// SignBytes signs an artifact's bytes, as cosign sign-blob does. Such a
// signature says who had the bytes and nothing about them.
func (s *Signer) SignBytes(ctx context.Context, artifact []byte) (attest.Bundle, error) {
	if s.key != nil && s.key.Algorithm() == Ed25519 && (s.o.Trusted != nil || len(s.o.Services.Logs) > 0) {
		// What is hashed before it is signed with Ed25519 is another algorithm.
		return nil, errors.New("signing bytes: with an Ed25519 key no log and no root can be asked about them")
	}
	b, err := s.signContent(ctx, &sigstore.PlainData{Data: artifact})
	if err != nil {
		return nil, fmt.Errorf("signing bytes: %w", err)
	}
	return b, nil
}

// SignPayload signs an in-toto statement that somebody else made, byte for byte.
// What it says is not looked at.
func (s *Signer) SignPayload(ctx context.Context, statement []byte) (attest.Bundle, error) {
	if len(statement) == 0 {
		return nil, errors.New("signing a statement: there is nothing to sign")
	}
	b, err := s.signContent(ctx, &sigstore.DSSEData{Data: statement, PayloadType: attest.PayloadType})
	if err != nil {
		return nil, fmt.Errorf("signing a statement: %w", err)
	}
	return b, nil
}
