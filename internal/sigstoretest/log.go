package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/bits"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
)

// Log is a transparency log.
type Log struct {
	URL    string
	Origin string // of its checkpoints
	Key    crypto.Signer
	// Tree is what stands behind the origin in checkpoints of Rekor v1.
	Tree string
	// leaves are the hashes of all that was entered.
	leaves [][]byte
}

// NewLogV1 returns a log that answers as Rekor v1 does. It holds some entries.
func NewLogV1() *Log {
	return (&Log{URL: "https://rekor.test", Origin: "rekor.test", Tree: " - 1193050959916656506", Key: newKey()}).fill()
}

// NewLogV2 returns a log that answers as Rekor v2 does. It holds some entries.
func NewLogV2() *Log {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return (&Log{URL: "https://log2026-1.rekor.test", Origin: "log2026-1.rekor.test", Key: key}).fill()
}

func (l *Log) fill() *Log {
	for i := range 5 {
		l.add(fmt.Appendf(nil, "somebody else's entry %d", i))
	}
	return l
}

// ID is the log's id: its key's hash, of a v2 log the hash that its checkpoints
// are signed under.
func (l *Log) ID() []byte {
	if public, ok := l.Key.Public().(ed25519.PublicKey); ok {
		h := sha256.New()
		h.Write([]byte(l.Origin + "\n\x01"))
		h.Write(public)
		return h.Sum(nil)
	}
	sum := sha256.Sum256(spki(l.Key.Public()))
	return sum[:]
}

// Verifier is what a log is shown of who signed: a certificate or a public key.
type Verifier struct {
	Certificate []byte // DER
	PublicKey   []byte // SubjectPublicKeyInfo
	Details     protocommon.PublicKeyDetails
}

func (v Verifier) pem() []byte {
	if v.Certificate != nil {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.Certificate})
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: v.PublicKey})
}

type object = map[string]any

func hashOf(data []byte) object {
	sum := sha256.Sum256(data)
	return object{"algorithm": "sha256", "value": hex.EncodeToString(sum[:])}
}

// DSSE is an entry of Rekor v1 for a statement.
func DSSE(payload, sig []byte, v Verifier) Body {
	return Body{"dsse", "0.0.1", object{
		"envelopeHash": hashOf(append([]byte("envelope of "), payload...)),
		"payloadHash":  hashOf(payload),
		"signatures":   []object{{"signature": base64.StdEncoding.EncodeToString(sig), "verifier": v.pem()}},
	}}
}

// InToto is an older entry of Rekor v1 for a statement.
func InToto(payloadType string, payload, sig []byte, v Verifier) Body {
	return Body{"intoto", "0.0.2", object{"content": object{
		"envelope": object{
			"payloadType": payloadType,
			"signatures":  []object{{"publicKey": v.pem(), "sig": []byte(base64.StdEncoding.EncodeToString(sig))}},
		},
		"hash":        hashOf(append([]byte("envelope of "), payload...)),
		"payloadHash": hashOf(payload),
	}}}
}

// HashedRekord is an entry of Rekor v1 for bytes with this digest.
func HashedRekord(hash crypto.Hash, digest, sig []byte, v Verifier) Body {
	name := map[crypto.Hash]string{crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512"}[hash]
	return Body{"hashedrekord", "0.0.1", object{
		"data":      object{"hash": object{"algorithm": name, "value": hex.EncodeToString(digest)}},
		"signature": object{"content": sig, "publicKey": object{"content": v.pem()}},
	}}
}

// HashedRekordV2 is an entry of Rekor v2 for bytes with this digest.
func HashedRekordV2(hash crypto.Hash, digest, sig []byte, v Verifier) Body {
	name := map[crypto.Hash]string{crypto.SHA256: "SHA2_256", crypto.SHA384: "SHA2_384", crypto.SHA512: "SHA2_512"}[hash]
	verifier := object{"keyDetails": v.Details.String()}
	if v.Certificate != nil {
		verifier["x509Certificate"] = object{"rawBytes": v.Certificate}
	} else {
		verifier["publicKey"] = object{"rawBytes": v.PublicKey}
	}
	return Body{"hashedrekord", "0.0.2", object{"hashedRekordV002": object{
		"data":      object{"algorithm": name, "digest": digest},
		"signature": object{"content": sig, "verifier": verifier},
	}}}
}

// Body is what a log holds.
type Body struct {
	Kind, Version string
	Spec          object
}

// JSON is the body as the log canonicalizes it: keys in order, no spaces.
func (b Body) JSON() []byte {
	return must(json.Marshal(object{"apiVersion": b.Version, "kind": b.Kind, "spec": b.Spec}))
}

// Enter adds body to the log and returns the entry, with an inclusion proof. A
// time that is not zero is promised, as Rekor v1 does.
func (l *Log) Enter(body Body, at time.Time) *protorekor.TransparencyLogEntry {
	data := body.JSON()
	index := l.add(data)
	e := &protorekor.TransparencyLogEntry{
		LogIndex: int64(index), LogId: &protocommon.LogId{KeyId: l.ID()},
		KindVersion:       &protorekor.KindVersion{Kind: body.Kind, Version: body.Version},
		CanonicalizedBody: data,
		InclusionProof:    l.Prove(index),
	}
	if !at.IsZero() {
		e.IntegratedTime = at.Unix()
		e.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: l.Promise(e)}
	}
	return e
}

// Promise is the signed entry timestamp over e.
func (l *Log) Promise(e *protorekor.TransparencyLogEntry) []byte {
	return l.sign(must(json.Marshal(object{
		"body": e.CanonicalizedBody, "integratedTime": e.IntegratedTime,
		"logID": hex.EncodeToString(e.LogId.KeyId), "logIndex": e.LogIndex,
	})))
}

// Prove is the proof that the entry at index is in the log as it is now.
func (l *Log) Prove(index int) *protorekor.InclusionProof {
	return &protorekor.InclusionProof{
		LogIndex: int64(index), TreeSize: int64(len(l.leaves)), RootHash: root(l.leaves), Hashes: path(index, l.leaves),
		Checkpoint: &protorekor.Checkpoint{Envelope: l.Checkpoint()},
	}
}

// Checkpoint is the log's head, signed.
func (l *Log) Checkpoint() string {
	text := fmt.Sprintf("%s%s\n%d\n%s\n", l.Origin, l.Tree, len(l.leaves), base64.StdEncoding.EncodeToString(root(l.leaves)))
	return text + "\n" + l.Sign(text)
}

// Sign is the line that signs a checkpoint's text.
func (l *Log) Sign(text string) string { return l.SignAs(l.Origin, l.ID()[:4], text) }

// SignAs is Sign under a name and with a hint of somebody else's.
func (l *Log) SignAs(name string, hint []byte, text string) string {
	return fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(append(append([]byte{}, hint...), l.sign([]byte(text))...)))
}

func (l *Log) sign(data []byte) []byte {
	if key, ok := l.Key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, data)
	}
	sum := sha256.Sum256(data)
	return must(ecdsa.SignASN1(rand.Reader, l.Key.(*ecdsa.PrivateKey), sum[:]))
}

func (l *Log) add(data []byte) int {
	sum := sha256.Sum256(append([]byte{0}, data...))
	l.leaves = append(l.leaves, sum[:])
	return len(l.leaves) - 1
}

// root is the Merkle tree's hash (RFC 6962, section 2.1).
func root(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	sum := sha256.Sum256(append(append([]byte{1}, root(leaves[:k])...), root(leaves[k:])...))
	return sum[:]
}

// path is the audit path (RFC 6962, section 2.1.1).
func path(index int, leaves [][]byte) [][]byte {
	if len(leaves) == 1 {
		return nil
	}
	k := split(len(leaves))
	if index < k {
		return append(path(index, leaves[:k]), root(leaves[k:]))
	}
	return append(path(index-k, leaves[k:]), root(leaves[:k]))
}

// split is the largest power of two below n.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }
