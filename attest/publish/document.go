package publish

import (
	"fmt"
	"mime"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
)

// documents are those that a publisher has seen. A bill may be large, and about
// a thousand artifacts: it is hashed, and compared with what is there, once.
type documents struct {
	mu   sync.Mutex
	seen map[attest.Document]oci.Document
}

// check refuses what would not be found as what it is: bytes with another digest,
// or a media type that makes readers take it for something else. first is true
// where d was not seen before; then whoever stored it calls stored.
func (s *documents) check(subject criteria.Digest, d attest.Document, data []byte) (doc oci.Document, first bool, err error) {
	if subject.IsZero() {
		return doc, false, fmt.Errorf("document %s has no subject to be found by", d.Name)
	}
	s.mu.Lock()
	doc, ok := s.seen[d]
	s.mu.Unlock()
	if ok {
		return doc, false, nil
	}
	if got := criteria.DigestOf(data); !got.Matches(d.Digest) {
		return doc, false, fmt.Errorf("document %s holds other bytes: it is %s, expected %s", d.Name, got, d.Digest)
	}
	kind, parameters, err := mime.ParseMediaType(d.MediaType)
	if err != nil || kind != d.MediaType || len(parameters) > 0 {
		return doc, false, fmt.Errorf("document %s: %q is no media type such as application/spdx+json", d.Name, d.MediaType)
	}
	if kind == oci.BundleType || kind == oci.FileType {
		return doc, false, fmt.Errorf("document %s: media type %s is another kind of thing", d.Name, kind)
	}
	return oci.NewDocument(kind, d.Name, v1.Hash{Algorithm: "sha256", Hex: d.Digest.Hex()}, int64(len(data))), true, nil
}

func (s *documents) stored(d attest.Document, doc oci.Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[attest.Document]oci.Document)
	}
	s.seen[d] = doc
}
