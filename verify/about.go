package verify

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // linked for [crypto.Hash.New]
	_ "crypto/sha512" // linked for [crypto.Hash.New]
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	sigstore "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/hallmark-project/hallmark/criteria"
)

// Artifact is what a signature must be about. Of a bundle that signs bytes
// instead of a statement, some algorithms (Ed25519) are verified only with the
// bytes themselves.
type Artifact struct {
	Digest criteria.Digest
	// Content is the artifact's bytes, nil where only Digest is known. Where it
	// is given it is what the signature is held against, and Digest is not read.
	Content io.ReadSeeker
}

// policy has sigstore-go hold a signature against a.
func (a Artifact) policy() sigstore.ArtifactPolicyOption {
	if a.Content != nil {
		return func(c *sigstore.PolicyConfig) error {
			// Another signer may have been tried on it.
			if _, err := a.Content.Seek(0, io.SeekStart); err != nil {
				return err
			}
			return sigstore.WithArtifact(a.Content)(c)
		}
	}
	return func(c *sigstore.PolicyConfig) error {
		raw, err := hex.DecodeString(a.Digest.Hex())
		if err != nil || len(raw) == 0 {
			return errors.New("there is no digest of the artifact")
		}
		return sigstore.WithArtifactDigest(a.Digest.Algorithm(), raw)(c)
	}
}

// in returns a by the digest under which p is about it.
func (a Artifact) in(p *payload) (Artifact, *Reason) {
	digests := []criteria.Digest{a.Digest}
	if a.Content != nil {
		var err error
		if digests, err = digestsOf(a.Content); err != nil {
			return Artifact{}, &Reason{Code: WrongSubject, Message: fmt.Sprintf("the artifact cannot be read: %v", err)}
		}
	}
	for _, d := range digests {
		if _, _, ok := p.subject(d); ok && !d.IsZero() {
			return Artifact{Digest: d}, nil
		}
	}
	return Artifact{}, &Reason{Code: WrongSubject, Message: "it is about " + others(p)}
}

// digestsOf returns the digests that a statement may name content by.
func digestsOf(content io.ReadSeeker) ([]criteria.Digest, error) {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	names := []string{"sha256", "sha384", "sha512"}
	sums := []hash.Hash{crypto.SHA256.New(), crypto.SHA384.New(), crypto.SHA512.New()}
	if _, err := io.Copy(io.MultiWriter(sums[0], sums[1], sums[2]), content); err != nil {
		return nil, err
	}
	var out []criteria.Digest
	for i, s := range sums {
		d, err := criteria.ParseDigest(names[i] + ":" + hex.EncodeToString(s.Sum(nil)))
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// asked is what sigstore-go is asked about b. For a statement that a log of
// version 1 holds by its hash alone, it is whether the bytes that are signed in
// its place are those: sigstore-go looks for no statement in such an entry. Whether
// the statement is about a is then asked here.
func (a Artifact) asked(b *parsed) (sigstore.SignedEntity, sigstore.ArtifactPolicyOption) {
	algorithm, ok := hashed(b)
	if !ok {
		return b, a.policy()
	}
	envelope := b.GetDsseEnvelope()
	signed := dsse.PAE(envelope.GetPayloadType(), envelope.GetPayload())
	sum := algorithm.New()
	sum.Write(signed)
	entity := &paeBundle{b, bundle.NewMessageSignature(sum.Sum(nil), hashNames[algorithm], envelope.GetSignatures()[0].GetSig())}
	return entity, func(c *sigstore.PolicyConfig) error {
		p, reason := statementIn(b)
		if reason == nil {
			_, reason = a.in(p)
		}
		if reason != nil {
			return reason
		}
		return sigstore.WithArtifact(bytes.NewReader(signed))(c)
	}
}

// paeBundle is a bundle with a statement, as one that signs the bytes which a
// DSSE signature is over.
type paeBundle struct {
	*parsed
	content *bundle.MessageSignature
}

var _ sigstore.SignedEntity = (*paeBundle)(nil)

// SignatureContent implements [sigstore.SignatureProvider].
func (b *paeBundle) SignatureContent() (sigstore.SignatureContent, error) { return b.content, nil }

// hashNames are the hashes of the algorithm registry as sigstore-go calls them.
var hashNames = map[crypto.Hash]string{crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512"}

// hashed reports whether b is a statement that every one of its log entries, all
// of version 1, holds as a hash, and of which algorithm.
func hashed(b *parsed) (crypto.Hash, bool) {
	if len(b.GetDsseEnvelope().GetSignatures()) != 1 {
		return 0, false
	}
	entries, err := b.TlogEntries()
	if err != nil || len(entries) == 0 {
		return 0, false
	}
	name := ""
	for _, e := range entries {
		_, algorithm, ok := e.GetHashedRekordDigest()
		if !ok || e.IsRekorV2() || name != "" && algorithm != name {
			return 0, false
		}
		name = algorithm
	}
	for h, n := range hashNames {
		if n == name {
			return h, true
		}
	}
	return 0, false
}
