package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/verify"
)

// Index is a source of the same bundles as [Load], which remembers where each
// lies and what its digest is instead of its bytes. A bundle is read again when
// it is asked for: one that is another by then is an error, so answers about ten
// thousand artifacts rest on one state of the files, and memory does not grow
// with the bundles' size.
//
// An Index is safe for use by several goroutines at once.
type Index struct {
	loaded
	digest criteria.Digest
}

var _ verify.DocumentSource = (*Index)(nil)

// place is where a bundle lies.
type place struct {
	file           string
	offset, length int64
	id             criteria.Digest // of what lies there, without the line's end
	whole          bool            // it is all that the file holds
	bare           bool            // an envelope, to be wrapped
}

// NewIndex reads all files and folders in paths once.
func NewIndex(ctx context.Context, paths ...string) (*Index, error) {
	x := &Index{loaded: loaded{paths: paths, about: make(map[string][]int), lean: true}}
	for _, path := range paths {
		if err := x.path(ctx, path); err != nil {
			return nil, fmt.Errorf("reading bundles: %w", err)
		}
	}
	all := sha256.New()
	for _, p := range x.places {
		fmt.Fprintln(all, p.id)
	}
	var err error
	if x.digest, err = criteria.ParseDigest("sha256:" + hex.EncodeToString(all.Sum(nil))); err != nil {
		return nil, fmt.Errorf("reading bundles: %w", err)
	}
	// Only needed to find what lies there twice.
	x.seen = nil
	return x, nil
}

// Digest is of all the bundles in their order: one more, one less or another
// one, and it is another.
func (x *Index) Digest() criteria.Digest { return x.digest }

// read returns the bundle at p again.
func (p place) read() (attest.Bundle, error) {
	f, err := regular.Open(p.file)
	if err != nil {
		return nil, fmt.Errorf("reading bundles: %w", err)
	}
	defer f.Close()
	data := make([]byte, p.length)
	if _, err := io.ReadFull(io.NewSectionReader(f, p.offset, p.length), data); err != nil {
		return nil, fmt.Errorf("reading bundles: %s: it changed since it was read first: %w", p.file, err)
	}
	if p.whole && p.length <= verify.MaxBundle {
		// What was added at the end would not be read.
		if info, err := f.Stat(); err != nil || info.Size() != p.length {
			return nil, fmt.Errorf("reading bundles: %s: it changed since it was read first", p.file)
		}
	}
	data = bytes.TrimSpace(data)
	if !criteria.DigestOf(data).Matches(p.id) {
		return nil, fmt.Errorf("reading bundles: %s: it changed since it was read first", p.file)
	}
	if p.bare {
		data = wrap(data)
	}
	return data, nil
}
