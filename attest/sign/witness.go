package sign

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-openapi/runtime"
	httptransport "github.com/go-openapi/runtime/client"
	"github.com/go-openapi/strfmt"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rekortiles "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	rekor "github.com/sigstore/rekor/pkg/generated/client"
	sigstore "github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
)

// stamp has every timestamp authority say when the signature in pb was made.
// Those that have said so already are not asked again: there is one timestamp
// for each, or none.
func (s *Signer) stamp(ctx context.Context, pb *protobundle.Bundle) error {
	if len(pb.VerificationMaterial.GetTimestampVerificationData().GetRfc3161Timestamps()) > 0 {
		return nil
	}
	var all protobundle.TimestampVerificationData
	for _, address := range s.o.Services.Timestamps {
		err := ask(ctx, timestampService, address, func(ctx context.Context, client *http.Client) error {
			a := sigstore.NewTimestampAuthority(&sigstore.TimestampAuthorityOptions{URL: address, Timeout: patience, Transport: straight{client.Transport}})
			stamp, err := a.GetTimestamp(ctx, signatureIn(pb))
			if err == nil {
				all.Rfc3161Timestamps = append(all.Rfc3161Timestamps, &protocommon.RFC3161SignedTimestamp{SignedTimestamp: stamp})
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(all.Rfc3161Timestamps) > 0 {
		pb.VerificationMaterial.TimestampVerificationData = &all
	}
	return nil
}

// log has every transparency log enter the signature in pb, unless it holds an
// entry already.
func (s *Signer) log(ctx context.Context, pb *protobundle.Bundle) error {
	if len(pb.VerificationMaterial.GetTlogEntries()) > 0 {
		return nil
	}
	key, err := s.verifierPEM(pb)
	if err != nil {
		return err
	}
	var entries []*protorekor.TransparencyLogEntry
	for _, l := range s.o.Services.Logs {
		// A bundle of its own takes the entry: of one that half answered nothing
		// is kept.
		scratch := &protobundle.Bundle{
			Content: pb.Content, MediaType: pb.MediaType,
			VerificationMaterial: &protobundle.VerificationMaterial{Content: pb.VerificationMaterial.Content},
		}
		err := ask(ctx, logService, l.URL, func(ctx context.Context, client *http.Client) error {
			scratch.VerificationMaterial.TlogEntries = nil
			o := &sigstore.RekorOptions{BaseURL: l.URL, Timeout: patience, Version: l.Version}
			switch l.Version {
			case 1:
				old, err := rekorV1(l.URL, client)
				if err != nil {
					return err
				}
				o.Client = old.Entries
			case 2:
				o.ClientV2 = rekorV2{l.URL, client}
			}
			return sigstore.NewRekor(o).GetTransparencyLogEntry(ctx, key, scratch)
		})
		if err != nil {
			return err
		}
		entries = append(entries, scratch.VerificationMaterial.TlogEntries...)
	}
	pb.VerificationMaterial.TlogEntries = entries
	return nil
}

// verifierPEM is what the log verifies the signature in pb with.
func (s *Signer) verifierPEM(pb *protobundle.Bundle) ([]byte, error) {
	if leaf := pb.VerificationMaterial.GetCertificate().GetRawBytes(); leaf != nil {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), nil
	}
	if s.key == nil {
		return nil, errors.New("the bundle has no certificate")
	}
	return s.key.PublicPEM()
}

// rekorV1 is sigstore's client of Rekor v1 on our transport.
func rekorV1(address string, client *http.Client) (*rekor.Rekor, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(u.Path, "/")
	if path == "" {
		path = rekor.DefaultBasePath
	}
	t := httptransport.NewWithClient(u.Host, path, []string{u.Scheme}, client)
	t.Consumers["application/json"] = runtime.JSONConsumer()
	t.Producers["application/json"] = runtime.JSONProducer()
	return rekor.New(t, strfmt.Default), nil
}

// rekorV2 adds entries to a Rekor v2
// (https://github.com/sigstore/rekor-tiles/blob/v2.3.0/CLIENTS.md).
type rekorV2 struct {
	url    string
	client *http.Client
}

// Add implements [sigstore.RekorV2Client].
func (r rekorV2) Add(ctx context.Context, entry any) (*protorekor.TransparencyLogEntry, error) {
	h, ok := entry.(*rekortiles.HashedRekordRequestV002)
	if !ok {
		return nil, fmt.Errorf("a log of version 2 takes no %T", entry)
	}
	body, err := protojson.Marshal(&rekortiles.CreateEntryRequest{
		Spec: &rekortiles.CreateEntryRequest_HashedRekordRequestV002{HashedRekordRequestV002: h},
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(r.url, "/")+"/api/v2/log/entries", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("HTTP %d, expected 201", resp.StatusCode)
	}
	var made protorekor.TransparencyLogEntry
	if err := protojson.Unmarshal(data, &made); err != nil {
		return nil, errors.New("what it answers is no log entry")
	}
	return &made, nil
}

func signatureIn(pb *protobundle.Bundle) []byte {
	if m := pb.GetMessageSignature(); m != nil {
		return m.GetSignature()
	}
	if list := pb.GetDsseEnvelope().GetSignatures(); len(list) == 1 {
		return list[0].GetSig()
	}
	return nil
}

// leafOf is the certificate in pb, nil where a key signed.
func leafOf(pb *protobundle.Bundle) (*x509.Certificate, error) {
	raw := pb.GetVerificationMaterial().GetCertificate().GetRawBytes()
	if raw == nil {
		return nil, nil
	}
	return x509.ParseCertificate(raw)
}
