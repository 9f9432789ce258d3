package slsa

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// rekorEntry is how Rekor answers for one entry, under the entry's id
// (https://github.com/sigstore/rekor/blob/v1.5.3/openapi.yaml, LogEntry).
type rekorEntry struct {
	Body           string `json:"body"`
	IntegratedTime int64  `json:"integratedTime"`
	LogID          string `json:"logID"`
	LogIndex       int64  `json:"logIndex"`
	Verification   struct {
		Promise string `json:"signedEntryTimestamp"`
		Proof   *struct {
			Checkpoint string   `json:"checkpoint"`
			Hashes     []string `json:"hashes"`
			LogIndex   int64    `json:"logIndex"`
			RootHash   string   `json:"rootHash"`
			TreeSize   int64    `json:"treeSize"`
		} `json:"inclusionProof"`
	} `json:"verification"`
}

// entryID is the id of an entry, with that of its shard before it or without.
var entryID = regexp.MustCompile(`^[0-9a-f]{64}([0-9a-f]{16})?$`)

// logEntryIn returns the log entry that data is, if it is one. Nothing in it is
// believed: it is verified with the bundle it becomes part of.
func logEntryIn(data []byte) (*protorekor.TransparencyLogEntry, bool, error) {
	var answer map[string]raw
	if err := strict.JSON(data, &answer); err != nil || len(answer) != 1 {
		return nil, false, nil
	}
	var found rekorEntry
	for id, value := range answer {
		if !entryID.MatchString(id) {
			return nil, false, nil
		}
		if err := strict.JSON(value, &found); err != nil {
			return nil, true, err
		}
	}
	body, err := base64.StdEncoding.DecodeString(found.Body)
	if err != nil {
		return nil, true, fmt.Errorf("its body: %v", err)
	}
	var kind struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := strict.JSON(body, &kind); err != nil {
		return nil, true, fmt.Errorf("its body: %w", err)
	}
	log, err := hex.DecodeString(found.LogID)
	if err != nil {
		return nil, true, fmt.Errorf("its logID: %v", err)
	}
	promise, err := base64.StdEncoding.DecodeString(found.Verification.Promise)
	if err != nil || len(promise) == 0 {
		return nil, true, errors.New("it has no signedEntryTimestamp, which says when it was made")
	}
	e := &protorekor.TransparencyLogEntry{
		LogIndex: found.LogIndex, LogId: &protocommon.LogId{KeyId: log},
		KindVersion:    &protorekor.KindVersion{Kind: kind.Kind, Version: kind.Version},
		IntegratedTime: found.IntegratedTime, CanonicalizedBody: body,
		InclusionPromise: &protorekor.InclusionPromise{SignedEntryTimestamp: promise},
	}
	if p := found.Verification.Proof; p != nil && p.Checkpoint != "" {
		proof := &protorekor.InclusionProof{LogIndex: p.LogIndex, TreeSize: p.TreeSize, Checkpoint: &protorekor.Checkpoint{Envelope: p.Checkpoint}}
		if proof.RootHash, err = hex.DecodeString(p.RootHash); err != nil {
			return nil, true, fmt.Errorf("its rootHash: %v", err)
		}
		for _, h := range p.Hashes {
			hash, err := hex.DecodeString(h)
			if err != nil {
				return nil, true, fmt.Errorf("its hashes: %v", err)
			}
			proof.Hashes = append(proof.Hashes, hash)
		}
		e.InclusionProof = proof
	}
	return e, true, nil
}

// with is the bundle that a bare envelope and its log entry make. Whether they
// belong together is for the verifier to find out.
func (a attestation) with(entry *protorekor.TransparencyLogEntry) attestation {
	mediaType, err := bundle.MediaTypeString("v0.1")
	if err == nil {
		a.bundle, err = bundle.NewBundle(&protobundle.Bundle{
			MediaType: mediaType,
			VerificationMaterial: &protobundle.VerificationMaterial{
				Content: &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: &protocommon.X509CertificateChain{
					Certificates: []*protocommon.X509Certificate{{RawBytes: a.leaf}},
				}},
				TlogEntries: []*protorekor.TransparencyLogEntry{entry},
			},
			Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: a.bare},
		})
	}
	if err != nil {
		a.bundle, a.why = nil, fmt.Sprintf("its log entry, of kind %s %s, cannot be used: %v", entry.KindVersion.Kind, entry.KindVersion.Version, err)
	}
	a.certified, a.bare = true, nil
	return a
}
