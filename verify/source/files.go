package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
)

// Limits on files. A release has a handful of bundles for each artifact; what
// is beyond these numbers is refused and not cut off, as the bundle that
// withdraws a release could be what is left out.
const (
	maxFiles = 100_000
	maxTotal = 1 << 30 // bytes
)

// Files returns the bundles in files and in directories, which are read anew
// each time: a bundle that withdraws a release counts as soon as it is there.
//
// Of a directory, the files are read whose names [IsBundle] knows, and other
// .json and .jsonl files if they look like bundles; directories below are not
// entered. A file holds one bundle, one called .jsonl one on each line. A bare
// DSSE envelope is taken for a bundle signed with a key. Files that are named as
// documents are no bundles: they are found by [verify.DocumentSource].
//
// What cannot be read, be it one file of a directory, is an error.
func Files(paths ...string) verify.Source { return files(paths) }

type files []string

func (f files) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	s, err := Load(ctx, f...)
	if err != nil {
		return nil, err
	}
	return s.Bundles(ctx, subject)
}

// Load reads the same bundles as [Files], but once: use it to verify many
// artifacts against one state of the files.
func Load(ctx context.Context, paths ...string) (verify.Source, error) {
	l := &loaded{paths: paths, about: make(map[string][]int)}
	for _, path := range paths {
		if err := l.path(ctx, path); err != nil {
			return nil, fmt.Errorf("reading bundles: %w", err)
		}
	}
	return l, nil
}

// Once reads the same bundles as [Files] when it is first asked for some, and
// keeps them: one answer about many artifacts rests on one state of the files,
// and a thousand files are not read a thousand times. A source that lives on,
// in a server, must not be this one: it would never see a release withdrawn.
func Once(paths ...string) verify.Source { return &once{paths: paths} }

type once struct {
	paths []string
	mu    sync.Mutex
	kept  verify.Source
}

func (o *once) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.load(ctx); err != nil {
		return nil, err
	}
	return o.kept.Bundles(ctx, subject)
}

// load reads the files if that was not done yet. The lock is held.
func (o *once) load(ctx context.Context) error {
	if o.kept != nil {
		return nil
	}
	s, err := Load(ctx, o.paths...)
	if err != nil {
		return err
	}
	o.kept = s
	return nil
}

// IsBundle reports whether a file's name says that it holds bundles.
func IsBundle(name string) bool {
	for _, end := range []string{".sigstore.json", ".sigstore.jsonl", ".sigstore", ".intoto.jsonl"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// loaded holds bundles by what they say they are about. That is a hint, to keep
// bundles about a thousand artifacts from being looked at a thousand times; it
// can withhold a bundle and so never make a yes.
type loaded struct {
	paths   files
	bundles []attest.Bundle
	about   map[string][]int // digest to places in bundles
	unclear []int            // those that may be about anything
	seen    map[criteria.Digest]bool
	named   []string // algorithms beside sha256 by which statements name files
	files   int
	total   int64

	// lean keeps places instead of bundles; at is the place that is being read.
	lean   bool
	places []place
	at     place
}

func (l *loaded) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	about, unclear := l.about[subject.String()], l.unclear
	out := make([]attest.Bundle, 0, len(about)+len(unclear))
	for len(about)+len(unclear) > 0 {
		next := &about
		if len(about) == 0 || len(unclear) > 0 && unclear[0] < about[0] {
			next = &unclear
		}
		b, err := l.bundle((*next)[0])
		if err != nil {
			return nil, err
		}
		out, *next = append(out, b), (*next)[1:]
	}
	return out, nil
}

func (l *loaded) bundle(i int) (attest.Bundle, error) {
	if l.lean {
		return l.places[i].read()
	}
	return l.bundles[i], nil
}

func (l *loaded) path(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if _, ok := beside.IsDocument(filepath.Base(path)); ok {
			return nil
		}
		return l.file(path, true)
	}
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, ok := beside.IsDocument(e.Name()); ok {
			continue // a bill may be large, and is no bundle
		}
		known := IsBundle(e.Name())
		if !known && !strings.HasSuffix(e.Name(), ".json") && !strings.HasSuffix(e.Name(), ".jsonl") {
			continue
		}
		full := filepath.Join(path, e.Name())
		// Kubernetes mounts files as links, so follow them.
		info, err := os.Stat(full)
		if err != nil {
			return err
		}
		if info.IsDir() {
			continue
		}
		if err := l.file(full, known); err != nil {
			return err
		}
	}
	return nil
}

// file reads the bundles in one file. known says that it is meant to hold some.
func (l *loaded) file(path string, known bool) error {
	// A pipe or a device could be read for ever, or block on opening.
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	if l.files++; l.files > maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	l.at = place{file: path}
	if strings.HasSuffix(path, ".jsonl") {
		err = l.lines(f, known)
	} else {
		err = l.whole(f, known)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (l *loaded) whole(r io.Reader, known bool) error {
	// One byte too many lets the verifier say that it is too large.
	data, err := io.ReadAll(io.LimitReader(r, verify.MaxBundle+1))
	if err != nil {
		return err
	}
	l.at.length, l.at.whole = int64(len(data)), true
	return l.add(data, known)
}

func (l *loaded) lines(r io.Reader, known bool) error {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		line, n, err := readLine(b)
		l.at.length = int64(len(line))
		if len(bytes.TrimSpace(line)) > 0 {
			if err := l.add(line, known); err != nil {
				return err
			}
		}
		l.at.offset += n
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLine returns the next line, or so much of it that it is seen to be too
// long for a bundle, and how long it is.
func readLine(b *bufio.Reader) ([]byte, int64, error) {
	var line []byte
	n := int64(0)
	for {
		part, err := b.ReadSlice('\n')
		n += int64(len(part))
		if room := verify.MaxBundle + 1 - len(line); len(part) > room {
			part = part[:room]
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, n, err
		}
	}
}

func (l *loaded) add(data []byte, known bool) error {
	id := criteria.Digest{}
	if len(data) <= verify.MaxBundle || l.lean {
		// One bundle about a thousand artifacts lies beside each of them; that
		// it is there a thousand times says nothing more. A line's end is not
		// part of the bundle.
		data = bytes.TrimSpace(data)
		id = criteria.DigestOf(data)
		if l.seen[id] {
			return nil
		}
		if l.seen == nil {
			l.seen = make(map[criteria.Digest]bool)
		}
		l.seen[id] = true
	}
	found, looks, payload := data, false, []byte(nil)
	if len(data) <= verify.MaxBundle {
		found, payload, looks = recognize(data)
	}
	if !looks && !known {
		return nil
	}
	if l.total += int64(len(found)); l.total > maxTotal {
		return fmt.Errorf("more than %d bytes of bundles", maxTotal)
	}
	number := l.put(found, id, len(found) != len(data))
	subjects, ok := subjects(payload)
	if !ok {
		l.unclear = append(l.unclear, number)
		return nil
	}
	seen := make(map[string]bool, len(subjects))
	for _, s := range subjects {
		if !seen[s] {
			seen[s] = true
			l.names(s)
			l.about[s] = append(l.about[s], number)
		}
	}
	return nil
}

// put keeps a bundle, or where it lies, and returns its number. bare says that
// an envelope was made a bundle.
func (l *loaded) put(data []byte, id criteria.Digest, bare bool) int {
	if !l.lean {
		l.bundles = append(l.bundles, data)
		return len(l.bundles) - 1
	}
	at := l.at
	at.id, at.bare = id, bare
	l.places = append(l.places, at)
	return len(l.places) - 1
}

// recognize returns data as a bundle, with its payload, if it looks like a
// bundle or a DSSE envelope; and data as it is otherwise.
func recognize(data []byte) (bundle, payload []byte, ok bool) {
	var doc struct {
		MediaType    string         `json:"mediaType"`
		DSSEEnvelope jsontext.Value `json:"dsseEnvelope"`
		PayloadType  string         `json:"payloadType"`
		Payload      string         `json:"payload"`
		Signatures   jsontext.Value `json:"signatures"`
	}
	if strict.JSON(data, &doc) != nil {
		return data, nil, false
	}
	if strings.HasPrefix(doc.MediaType, "application/vnd.dev.sigstore.bundle") {
		var envelope struct {
			Payload string `json:"payload"`
		}
		if json.Unmarshal(doc.DSSEEnvelope, &envelope) != nil {
			return data, nil, true
		}
		return data, decode(envelope.Payload), true
	}
	if doc.MediaType == "" && doc.DSSEEnvelope == nil && doc.PayloadType != "" && len(doc.Signatures) > 0 {
		return wrap(data), decode(doc.Payload), true
	}
	return data, nil, false
}

// wrap makes a bundle of a DSSE envelope, signed by some key.
func wrap(envelope []byte) []byte {
	const before = `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":`
	out := make([]byte, 0, len(before)+len(envelope)+1)
	out = append(out, before...)
	out = append(out, bytes.TrimSpace(envelope)...)
	return append(out, '}')
}

func decode(payload string) []byte {
	data, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		return nil
	}
	return data
}

// subjects returns the digests that a statement says it is about.
func subjects(payload []byte) ([]string, bool) {
	var st struct {
		Subject []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if len(payload) == 0 || json.Unmarshal(payload, &st) != nil || len(st.Subject) == 0 {
		return nil, false
	}
	var out []string
	for _, s := range st.Subject {
		for alg, value := range s.Digest {
			out = append(out, alg+":"+value)
		}
	}
	return out, true
}
