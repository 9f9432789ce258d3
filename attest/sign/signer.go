package sign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign/identity"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigstore "github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
)

// Options say who else is asked about a signature. The zero value asks nobody.
type Options struct {
	Services Services
	// Trusted is the trusted root that consumers have. What the services answer
	// is held against it. Required where Services names any.
	Trusted *root.TrustedRoot
	// Outage is what to do where a service does not answer; default [Fail].
	Outage Outage
	// Now is the clock; default [time.Now].
	Now func() time.Time

	// The rest is for keyless signing.

	// Tokens is where the identity token comes from. Required.
	Tokens identity.Source
	// Audience is whom the token must be for; default [identity.DefaultAudience].
	Audience string
	// Announce is told whose certificate will be asked for before it is. Its
	// error stops the signing.
	Announce func(identity.Token) error
	// Expect is told what the certificate says before anything is signed with
	// it. Its error stops the signing.
	Expect func(issuer, identity string) error
}

// Signer signs statements with a key, or with a certificate made for the
// occasion, and has the services that it was given witness it. It is safe for
// concurrent use.
type Signer struct {
	key  *Key // nil for keyless
	cert *certifier
	o    Options
}

var _ attest.Signer = (*Signer)(nil)

// NewKeySigner returns a signer that signs with k. Without services, its bundles
// hold a DSSE envelope and the key's fingerprint as a hint, and no time that
// anybody else vouches for: a key that is lost can sign with any date.
func NewKeySigner(k *Key, o Options) (*Signer, error) {
	if k == nil {
		return nil, errors.New("signing with a key: there is none")
	}
	o.Services.Authority = ""
	s := &Signer{key: k, o: o}
	if err := s.complete(); err != nil {
		return nil, fmt.Errorf("signing with a key: %w", err)
	}
	for _, l := range o.Services.Logs {
		// A log of version 2 takes signatures over a hash only, and with Ed25519
		// ours are over the statement itself, which is what verifiers of DSSE
		// expect. One of version 1 verifies DSSE with SHA-256 whatever the curve.
		if k.Algorithm() == Ed25519 && l.Version == 2 || k.Algorithm() == ECDSAP384 && l.Version == 1 {
			return nil, fmt.Errorf("signing with a key: the transparency log %s, of version %d, takes no signatures of %s keys: expected ECDSA on P-256, or RSA", l.URL, l.Version, k.Algorithm())
		}
	}
	return s, nil
}

// NewKeylessSigner returns a signer that signs with certificates of
// o.Services.Authority.
func NewKeylessSigner(o Options) (*Signer, error) {
	s := &Signer{o: o}
	switch {
	case o.Services.Authority == "":
		return nil, errors.New("signing without a key: no certificate authority is named")
	case o.Tokens == nil:
		return nil, errors.New("signing without a key: there is nobody to get an identity token from")
	case !o.Services.GivesTime():
		return nil, errors.New("signing without a key: nobody would say when the short-lived certificate signed: add a timestamp authority")
	}
	if err := s.complete(); err != nil {
		return nil, fmt.Errorf("signing without a key: %w", err)
	}
	if s.o.Audience == "" {
		s.o.Audience = identity.DefaultAudience
	}
	s.cert = &certifier{
		url: s.o.Services.Authority, audience: s.o.Audience, tokens: s.o.Tokens,
		announce: s.o.Announce, expect: s.o.Expect, now: s.o.Now,
	}
	return s, nil
}

// complete fills in defaults and refuses what cannot be meant.
func (s *Signer) complete() error {
	if err := s.o.Services.check(); err != nil {
		return err
	}
	asks := s.o.Services.Authority != "" || len(s.o.Services.Logs) > 0 || len(s.o.Services.Timestamps) > 0
	if asks && s.o.Trusted == nil {
		return errors.New("there is no trusted root to hold the services' answers against")
	}
	switch s.o.Outage {
	case "":
		s.o.Outage = Fail
	case Fail, Queue:
	case TimestampOnly:
		if len(s.o.Services.Timestamps) == 0 {
			return errors.New("where the log does not answer, a timestamp shall do, and no timestamp authority is named")
		}
	default:
		return fmt.Errorf("unknown way to deal with an outage %q", s.o.Outage)
	}
	if s.o.Now == nil {
		s.o.Now = time.Now
	}
	return nil
}

// Sign implements [attest.Signer]. Where a service is out of order, the error
// is an [*OutageError], where it says no a [*RefusedError].
func (s *Signer) Sign(ctx context.Context, st attest.Statement) (attest.Bundle, error) {
	b, err := s.sign(ctx, st)
	var no *RefusedError
	if errors.As(err, &no) && no.Service == logService && no.Status == http.StatusConflict {
		// The log holds this very signature: an answer was lost on its way. It
		// gives no entry twice, so another signature it is.
		b, err = s.sign(ctx, st)
	}
	if err != nil {
		return nil, s.failed(st, err)
	}
	return b, nil
}

func (s *Signer) failed(st attest.Statement, err error) error {
	if s.key != nil {
		return fmt.Errorf("signing the %s statement with key %s: %w", st.Name(), s.key, err)
	}
	return fmt.Errorf("signing the %s statement: %w", st.Name(), err)
}

func (s *Signer) sign(ctx context.Context, st attest.Statement) (attest.Bundle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	payload := st.Bytes()
	if len(payload) == 0 {
		return nil, errors.New("there is nothing to sign")
	}
	return s.signContent(ctx, &sigstore.DSSEData{Data: payload, PayloadType: attest.PayloadType})
}

// signContent signs what is no statement of a decision, too.
func (s *Signer) signContent(ctx context.Context, content sigstore.Content) (attest.Bundle, error) {
	var pair sigstore.Keypair
	var leaf *x509.Certificate
	if s.key != nil {
		pair = keypair{s.key}
	} else {
		var err error
		if pair, leaf, err = s.cert.certified(ctx); err != nil {
			return nil, err
		}
	}
	pb, err := sigstore.Bundle(content, pair, sigstore.BundleOptions{Context: ctx})
	if err != nil {
		return nil, err
	}
	if leaf != nil {
		pb.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{
			Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw},
		}
	}
	return s.witnessed(ctx, pb)
}

// witnessed has the services witness pb, and returns it checked.
func (s *Signer) witnessed(ctx context.Context, pb *protobundle.Bundle) (attest.Bundle, error) {
	if err := s.stamp(ctx, pb); err != nil {
		return nil, err
	}
	if err := s.log(ctx, pb); err != nil {
		var out *OutageError
		if !errors.As(err, &out) {
			return nil, err
		}
		if s.o.Outage == TimestampOnly {
			return s.checked(pb)
		}
		// What an authority has stamped, or a key has signed, can be entered
		// into the log later.
		if s.key != nil || len(pb.VerificationMaterial.GetTimestampVerificationData().GetRfc3161Timestamps()) > 0 {
			if b, encodeErr := encode(pb); encodeErr == nil {
				out.Bundle = b
			}
		}
		return nil, err
	}
	return s.checked(pb)
}

func (s *Signer) checked(pb *protobundle.Bundle) (attest.Bundle, error) {
	if s.o.Trusted != nil {
		if err := s.check(pb); err != nil {
			return nil, err
		}
	}
	return encode(pb)
}

// Resume completes unfinished, which came with an [*OutageError] about st: what
// is missing in it is added, or where that cannot be done any more, st is
// signed anew. With nothing unfinished it is Sign.
func (s *Signer) Resume(ctx context.Context, st attest.Statement, unfinished attest.Bundle) (attest.Bundle, error) {
	pb, ok := s.resumable(st, unfinished)
	if !ok {
		return s.Sign(ctx, st)
	}
	b, err := s.witnessed(ctx, pb)
	var no *RefusedError
	if errors.As(err, &no) && no.Service == logService && no.Status == http.StatusConflict {
		return s.Sign(ctx, st)
	}
	if err != nil {
		return nil, s.failed(st, err)
	}
	return b, nil
}

// resumable reports whether what is in unfinished can be completed. What it
// holds was written to disk in between, so it is checked at the end like
// everything else.
func (s *Signer) resumable(st attest.Statement, unfinished attest.Bundle) (*protobundle.Bundle, bool) {
	var pb protobundle.Bundle
	if len(unfinished) == 0 || protojson.Unmarshal(unfinished, &pb) != nil {
		return nil, false
	}
	if !bytes.Equal(pb.GetDsseEnvelope().GetPayload(), st.Bytes()) || len(pb.GetDsseEnvelope().GetSignatures()) != 1 {
		return nil, false
	}
	leaf, err := leafOf(&pb)
	if err != nil || (leaf == nil) != (s.key != nil) {
		return nil, false
	}
	if s.key != nil {
		return &pb, pb.VerificationMaterial.GetPublicKey().GetHint() == s.key.Fingerprint()
	}
	if !s.o.Now().Before(leaf.NotAfter) {
		// A log of version 1 adds its own time, at which the certificate has
		// ended; and without a timestamp nobody says that it signed before.
		for _, l := range s.o.Services.Logs {
			if l.Version == 1 {
				return nil, false
			}
		}
		if len(pb.VerificationMaterial.GetTimestampVerificationData().GetRfc3161Timestamps()) == 0 {
			return nil, false
		}
	}
	return &pb, true
}

// encode writes a bundle as JSON. protojson puts spaces where it likes, so
// that nobody relies on its bytes; we do, to tell whether a bundle is already
// published.
func encode(pb *protobundle.Bundle) (attest.Bundle, error) {
	loose, err := protojson.Marshal(pb)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, loose); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// keypair is a key in the form that sigstore-go signs with.
type keypair struct{ key *Key }

var _ sigstore.Keypair = keypair{}

func (k keypair) GetHashAlgorithm() protocommon.HashAlgorithm {
	_, hash, _ := k.key.algorithm.sigstore()
	return hash
}

func (k keypair) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	details, _, _ := k.key.algorithm.sigstore()
	return details
}

func (k keypair) GetKeyAlgorithm() string {
	_, _, kind := k.key.algorithm.sigstore()
	return kind
}

func (k keypair) GetHint() []byte { return []byte(k.key.Fingerprint()) }

func (k keypair) GetPublicKey() crypto.PublicKey { return k.key.Public() }

func (k keypair) GetPublicKeyPem() (string, error) {
	b, err := k.key.PublicPEM()
	return string(b), err
}

// SignData returns the signature and what was signed: the hash of data, or for
// Ed25519 data itself.
func (k keypair) SignData(ctx context.Context, data []byte) (signature, signed []byte, err error) {
	hash := k.key.algorithm.hash()
	signed = data
	if hash != 0 {
		h := hash.New()
		h.Write(data)
		signed = h.Sum(nil)
	}
	if signature, err = k.key.sign(ctx, signed); err != nil {
		return nil, nil, err
	}
	return signature, signed, nil
}
