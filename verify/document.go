package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// DocumentSource is what a [Source] may be besides: one that finds documents that
// statements refer to. Nothing it hands over is trusted.
type DocumentSource interface {
	Source
	// Document calls read with whatever lies under digest: with each, where there
	// are several, and again, from the start, where reading broke off. What read
	// returns is an error of reading. The error wraps [ErrNoDocument] if it looked
	// and there is none; any other means that it could not look.
	Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error
}

// ErrNoDocument means that a source looked for a document and there is none.
var ErrNoDocument = errors.New("there is no such document")

// Limits on documents. What is larger was no evidence either (strict.MaxReport),
// and reading it would take longer than anybody waits.
const (
	MaxDocument   = strict.MaxReport // bytes of one document
	MaxReferences = 256              // documents that are looked for about one subject
)

// Reference is a document that a verified statement refers to, and what became
// of looking for it. Whoever acts on a document acts on bytes with this digest,
// and asks [Verifier.Document] for them.
type Reference struct {
	// Name, MediaType and Location are as signed.
	Name      string `json:"name,omitempty"`
	MediaType string `json:"mediaType,omitempty"`
	Location  string `json:"location,omitempty"`
	// Digest is zero where the statement gives none that we know.
	Digest criteria.Digest `json:"digest,omitzero"`
	// Statement is the digest of the statement that refers to it.
	Statement criteria.Digest `json:"statement"`
	// State is one of [States].
	State string `json:"state"`
	// Message says, for a person, why State is not found.
	Message string `json:"message,omitempty"`

	all []criteria.Digest
}

// The states of a reference.
const (
	// Found: bytes with the digest lie where the statements lie.
	Found = "found"
	// Absent: the source looked, and has none.
	Absent = "absent"
	// Altered: what lies there has another digest, so it is not the document.
	Altered = "altered"
	// Oversize: what lies there is larger than [MaxDocument].
	Oversize = "too-large"
	// Unsought: nobody could look, or it was not asked for. It is not Absent.
	Unsought = "unknown"
)

// States lists every state that a [Reference] can have.
func States() []string { return []string{Found, Absent, Altered, Oversize, Unsought} }

// WithoutDocuments does not look for what statements refer to: for who cannot
// wait for that, such as an admission webhook.
func WithoutDocuments() Option { return func(o *options) { o.unread = true } }

// referenceType is the predicate type of a reference.
const referenceType = attest.ReferenceType

// references returns what the verified statements refer to, and looks for it.
func (v *Verifier) references(ctx context.Context, all []*verified) ([]Reference, error) {
	var out []Reference
	for _, st := range all {
		if st.payload.PredicateType != referenceType {
			continue
		}
		var s struct {
			References []struct {
				descriptor
				DownloadLocation string `json:"downloadLocation"`
				MediaType        string `json:"mediaType"`
			} `json:"references"`
		}
		if err := strict.JSON(st.payload.Predicate, &s); err != nil {
			out = append(out, Reference{Statement: st.digest, State: Unsought, Message: printable("the reference cannot be read: " + err.Error())})
			continue
		}
		for _, d := range s.References {
			if v.billed.alone(st) && !v.billed.listed(d.MediaType) {
				continue
			}
			ref := Reference{
				Name: printable(d.Name), MediaType: printable(d.MediaType), Location: printable(d.DownloadLocation),
				Statement: st.digest, all: slices.DeleteFunc(d.Digest.all(), func(d criteria.Digest) bool { return d.Algorithm() == "gitCommit" }),
			}
			if len(ref.all) > 0 {
				ref.Digest = ref.all[0]
			}
			if len(out) >= MaxReferences {
				ref.State, ref.Message = Unsought, fmt.Sprintf("more than %d documents are referred to: neither this nor any after it was looked for", MaxReferences)
				return append(out, ref), nil
			}
			if err := v.look(ctx, &ref); err != nil {
				return nil, err
			}
			out = append(out, ref)
		}
	}
	return out, nil
}

// look looks for what ref refers to. The error is that ctx ended.
func (v *Verifier) look(ctx context.Context, ref *Reference) error {
	switch {
	case v.unread:
		ref.State, ref.Message = Unsought, "documents were not looked for"
		return nil
	case ref.Digest.IsZero():
		ref.State, ref.Message = Unsought, "the statement gives no digest to know it by"
		return nil
	case v.documents.has(ref.all):
		ref.State = Found
		return nil
	}
	best := &measured{}
	err := v.read(ctx, ref, best, nil)
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("looking for document %s: %w", ref.Digest, cause)
	}
	switch {
	case best.state == Found:
		ref.State = Found
		v.documents.put(ref.all)
	// What could not be read to its end, or not be looked for everywhere, may be
	// the document.
	case err != nil && !errors.Is(err, ErrNoDocument):
		ref.State, ref.Message = Unsought, printable(err.Error())
	case best.state != "":
		ref.State, ref.Message = best.state, best.message
	default:
		ref.State, ref.Message = Absent, "no document with this digest lies with the statements"
	}
	return nil
}

// read asks the source for what ref refers to. into, if not nil, is written what
// has the right digest, and nothing else.
func (v *Verifier) read(ctx context.Context, ref *Reference, best *measured, into func([]byte)) error {
	src, ok := v.src.(DocumentSource)
	if !ok {
		return errors.New("the source of the bundles cannot look for documents")
	}
	return src.Document(ctx, ref.Digest, func(r io.Reader) error {
		if best.state == Found {
			return nil
		}
		return best.measure(ctx, r, ref.all, into)
	})
}

// measured is what is known of the documents that were read, the best of them.
type measured struct{ state, message string }

// measure reads a document and holds it against its digests.
func (m *measured) measure(ctx context.Context, r io.Reader, want []criteria.Digest, into func([]byte)) error {
	hashes := make([]hash.Hash, len(want))
	writers := make([]io.Writer, len(want))
	for i, d := range want {
		switch d.Algorithm() {
		case "sha384":
			hashes[i] = sha512.New384()
		case "sha512":
			hashes[i] = sha512.New()
		default:
			hashes[i] = sha256.New()
		}
		writers[i] = hashes[i]
	}
	var kept bytes.Buffer
	if into != nil {
		writers = append(writers, &kept)
	}
	n, err := io.Copy(io.MultiWriter(writers...), io.LimitReader(interruptible{ctx, r}, MaxDocument+1))
	if err != nil {
		return err
	}
	if n > MaxDocument {
		m.state, m.message = Oversize, fmt.Sprintf("what lies there has more than %d bytes", MaxDocument)
		return nil
	}
	for i, d := range want {
		if got := hex.EncodeToString(hashes[i].Sum(nil)); got != d.Hex() {
			if m.state == "" {
				m.state, m.message = Altered, fmt.Sprintf("what lies there is %s:%s", d.Algorithm(), got)
			}
			return nil
		}
	}
	m.state, m.message = Found, ""
	if into != nil {
		into(kept.Bytes())
	}
	return nil
}

// interruptible ends reading when ctx does.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// Document returns the bytes that a [Result]'s reference refers to. They have
// its digest: whatever else lies there is an error.
func (v *Verifier) Document(ctx context.Context, ref Reference) ([]byte, error) {
	if len(ref.all) == 0 {
		return nil, errors.New("reading a document: the reference is none of a result, or gives no digest")
	}
	var data []byte
	best := &measured{}
	err := v.read(ctx, &ref, best, func(b []byte) { data = b })
	switch {
	case best.state == Found:
		return data, nil
	case err != nil:
		return nil, fmt.Errorf("reading document %s: %w", ref.Digest, err)
	case best.state != "":
		return nil, fmt.Errorf("reading document %s: %s", ref.Digest, best.message)
	}
	return nil, fmt.Errorf("reading document %s: %w", ref.Digest, ErrNoDocument)
}

// maxFound bounds the documents that a Verifier remembers to have found.
const maxFound = 4096

// remembered are documents that were found: one bill about a thousand artifacts
// is read once. What had a digest has it for ever.
type remembered struct {
	mu sync.Mutex
	by map[string]bool
}

func (s *remembered) has(all []criteria.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[joined(all)]
}

func (s *remembered) put(all []criteria.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil || len(s.by) >= maxFound {
		s.by = make(map[string]bool)
	}
	s.by[joined(all)] = true
}

func joined(all []criteria.Digest) string {
	var words []string
	for _, d := range all {
		words = append(words, d.String())
	}
	return strings.Join(words, " ")
}
