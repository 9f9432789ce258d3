package advisory

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// An index is a file of sorted blocks with a directory at its end:
//
//	magic, place and length of the directory, SHA-256 of the directory
//	blocks of entries, sorted by key
//	the directory: one JSON document
//
// The directory names the first key, the place and the SHA-256 of every block, so
// the digest of the directory stands for the whole file, and what is looked up is
// checked without reading the rest.

// magic names the form. One that an older reader would misunderstand has another
// number.
const magic = "hallmark-advisories/1\n"

const headerSize = len(magic) + 8 + 8 + sha256.Size

// Limits on an index. A block holds some 32 KiB, or one package with all its
// records if that is more.
const (
	blockSize    = 32 << 10
	maxBlock     = 256 << 20
	maxDirectory = 64 << 20
	maxIndex     = 64 << 30
)

// Directory is what an index says of itself.
type Directory struct {
	// Made is when the index was made.
	Made       time.Time   `json:"made"`
	Sources    []Source    `json:"sources"`
	Ecosystems []Ecosystem `json:"ecosystems"`
	// Withdrawn counts the records that their database took back, and that are
	// left out.
	Withdrawn int `json:"withdrawn"`
	// Releases are all ecosystems with the releases of distributions that entries
	// are of: Debian:12.
	Releases []string `json:"releases"`
	Blocks   []block  `json:"blocks"`
}

// Source is what an index was made from.
type Source struct {
	Name string `json:"name"`
	// Ecosystems are those of which it holds every record.
	Ecosystems []string `json:"ecosystems"`
	Records    int      `json:"records"`
	// Packageless counts the records about no package, such as those that speak
	// only of commits in a repository: nothing is matched against them.
	Packageless int `json:"packageless,omitempty"`
	// Newest is when the newest of its records was modified, zero where no record
	// says; AsOf is when it was downloaded, zero where nobody said.
	Newest time.Time `json:"newest,omitzero"`
	AsOf   time.Time `json:"asOf,omitzero"`
}

// Updated is as of when the source is known to be complete.
func (s Source) Updated() time.Time {
	if s.AsOf.After(s.Newest) {
		return s.AsOf
	}
	return s.Newest
}

// Ecosystem is one ecosystem in an index.
type Ecosystem struct {
	Name    string `json:"name"`
	Records int    `json:"records"`
	// Whole is true where the index holds all its records, as far as its sources
	// say; of another it only knows some vulnerabilities.
	Whole bool `json:"whole"`
	// Updated is as of when, by the oldest of the sources that hold it whole; zero
	// if one of them does not say.
	Updated time.Time `json:"updated,omitzero"`
}

type block struct {
	First  string          `json:"first"`
	Offset int64           `json:"offset"`
	Size   int64           `json:"size"`
	Digest criteria.Digest `json:"digest"`
}

// Write makes the index, at path, whole or not at all.
func (b *Builder) Write(path string) (*Directory, error) {
	if len(b.sources) == 0 {
		return nil, errors.New("an index of nothing would answer nothing")
	}
	entries, n := b.entries()
	f, err := atomicfile.New(path)
	if err != nil {
		return nil, err
	}
	defer f.Discard()
	dir := &Directory{Made: b.now.Truncate(time.Second), Sources: b.sources, Withdrawn: n.withdrawn, Ecosystems: []Ecosystem{}, Releases: []string{}, Blocks: []block{}}
	for name, records := range n.ecosystems {
		dir.Ecosystems = append(dir.Ecosystems, b.ecosystem(name, records))
	}
	slices.SortFunc(dir.Ecosystems, func(a, b Ecosystem) int { return strings.Compare(a.Name, b.Name) })

	// The header is not known before the blocks are: what is written first is what
	// it says of them, so the blocks are made twice and kept once.
	offset := int64(headerSize)
	plan := func(write func([]byte) error) error {
		var buf []byte
		first := ""
		flush := func() error {
			if len(buf) == 0 {
				return nil
			}
			if len(buf) > maxBlock {
				return fmt.Errorf("the records of %q take %d bytes, more than the %d that one block can hold", first, len(buf), maxBlock)
			}
			if write != nil {
				return write(buf)
			}
			dir.Blocks = append(dir.Blocks, block{First: first, Offset: offset, Size: int64(len(buf)), Digest: criteria.DigestOf(buf)})
			offset += int64(len(buf))
			return nil
		}
		for i := range entries {
			if len(buf) >= blockSize {
				if err := flush(); err != nil {
					return err
				}
				buf = buf[:0]
			}
			if len(buf) == 0 {
				first = entries[i].key
			}
			buf = entries[i].append(buf)
			if eco, _, _ := strings.Cut(entries[i].key, "\t"); write == nil && (len(dir.Releases) == 0 || dir.Releases[len(dir.Releases)-1] != eco) {
				dir.Releases = append(dir.Releases, eco)
			}
		}
		return flush()
	}
	if err := plan(nil); err != nil {
		return nil, err
	}
	data, err := json.Marshal(dir)
	if err != nil {
		return nil, err
	}
	if len(data) > maxDirectory {
		return nil, fmt.Errorf("the index's directory takes %d bytes, expected at most %d", len(data), maxDirectory)
	}
	header := []byte(magic)
	header = binary.LittleEndian.AppendUint64(header, uint64(offset))
	header = binary.LittleEndian.AppendUint64(header, uint64(len(data)))
	sum := sha256.Sum256(data)
	if _, err := f.Write(append(header, sum[:]...)); err != nil {
		return nil, err
	}
	if err := plan(func(buf []byte) error { _, err := f.Write(buf); return err }); err != nil {
		return nil, err
	}
	if _, err := f.Write(data); err != nil {
		return nil, err
	}
	return dir, f.Commit(0o644)
}

func (b *Builder) ecosystem(name string, records int) Ecosystem {
	e := Ecosystem{Name: name, Records: records, Whole: b.whole[name]}
	dated := true
	for _, s := range b.sources {
		if !slices.Contains(s.Ecosystems, name) {
			continue
		}
		u := s.Updated()
		dated = dated && !u.IsZero()
		if e.Updated.IsZero() || u.Before(e.Updated) {
			e.Updated = u
		}
	}
	if !dated {
		e.Updated = time.Time{}
	}
	return e
}

// ErrDamaged means that a file is an index and not all of it can be believed: it
// has to be made again.
var ErrDamaged = errors.New("is damaged")

// Index is an open index. It may be used by one goroutine at a time.
type Index struct {
	Directory
	digest criteria.Digest
	file   io.ReaderAt
	close  func() error

	// The block and the entry that were read last: what is looked up comes in the
	// order of keys.
	blockAt int
	block   string
	entry   *entry
}

// Open opens the index at path and checks its directory. The blocks are checked
// when they are read.
func Open(path string) (*Index, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	x, err := open(f, info.Size())
	if err != nil {
		f.Close()
		if errors.Is(err, ErrDamaged) {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return nil, &strict.Error{File: path, Msg: err.Error()}
	}
	x.close = f.Close
	return x, nil
}

// open reads the directory of an index of size bytes.
func open(r io.ReaderAt, size int64) (*Index, error) {
	header := make([]byte, headerSize)
	if size > maxIndex {
		return nil, fmt.Errorf("is too large: more than %d bytes", int64(maxIndex))
	}
	if n, err := r.ReadAt(header, 0); err != nil && (err != io.EOF || n < len(header)) || !bytes.HasPrefix(header, []byte(magic)) {
		if kind, _, ok := strings.Cut(magic, "/"); ok && bytes.HasPrefix(header, []byte(kind+"/")) {
			return nil, errors.New("is an index of advisories in another form than this program reads: make it again")
		}
		return nil, errors.New("is no index of advisories")
	}
	at := binary.LittleEndian.Uint64(header[len(magic):])
	length := binary.LittleEndian.Uint64(header[len(magic)+8:])
	switch {
	case length > maxDirectory:
		return nil, fmt.Errorf("%w: its directory has %d bytes, expected at most %d", ErrDamaged, length, maxDirectory)
	case at > uint64(size) || length > uint64(size)-at || at+length != uint64(size):
		return nil, fmt.Errorf("%w: its directory does not end where it ends", ErrDamaged)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(r, int64(at), int64(length)), data); err != nil {
		return nil, fmt.Errorf("reading its directory: %v", err)
	}
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], header[headerSize-sha256.Size:]) {
		return nil, fmt.Errorf("%w: its directory has another digest than it should", ErrDamaged)
	}
	x := &Index{digest: criteria.DigestOf(data), file: r, blockAt: -1}
	if err := strict.OwnJSON(data, &x.Directory); err != nil {
		return nil, fmt.Errorf("%w: its directory: %v", ErrDamaged, err)
	}
	next, last := int64(headerSize), ""
	for i, b := range x.Blocks {
		if b.Offset != next || b.Size <= 0 || b.Size > maxBlock || b.Size > int64(at)-next || b.Digest.IsZero() || i > 0 && b.First <= last {
			return nil, fmt.Errorf("%w: its directory is wrong about block %d", ErrDamaged, i)
		}
		next, last = next+b.Size, b.First
	}
	if next != int64(at) {
		return nil, fmt.Errorf("%w: something lies between its blocks and its directory", ErrDamaged)
	}
	return x, nil
}

// Close closes the file.
func (x *Index) Close() error {
	if x.close == nil {
		return nil
	}
	return x.close()
}

// Digest is of the whole index: two that are equal answer everything alike.
func (x *Index) Digest() criteria.Digest { return x.digest }

// Ecosystem returns what the index says of the ecosystem called name.
func (x *Index) Ecosystem(name string) (Ecosystem, bool) {
	for _, e := range x.Ecosystems {
		if e.Name == name {
			return e, true
		}
	}
	return Ecosystem{}, false
}

// Check reads every block, so that damage is found before it is met.
func (x *Index) Check() error {
	last := ""
	for i := range x.Blocks {
		data, err := x.read(i)
		if err != nil {
			return err
		}
		d := &decoder{data: data}
		for d.data != "" {
			k, body := d.skim()
			if d.err != nil {
				return fmt.Errorf("block %d: %w", i, d.err)
			}
			if k <= last {
				return fmt.Errorf("block %d %w: its entries are not in order", i, ErrDamaged)
			}
			last = k
			if _, err := decodeEntry(k, body); err != nil {
				return fmt.Errorf("block %d: %w", i, err)
			}
		}
	}
	return nil
}

// read returns block i, checked.
func (x *Index) read(i int) (string, error) {
	if i == x.blockAt {
		return x.block, nil
	}
	b := x.Blocks[i]
	data := make([]byte, b.Size)
	if _, err := io.ReadFull(io.NewSectionReader(x.file, b.Offset, b.Size), data); err != nil {
		return "", fmt.Errorf("reading block %d: %v", i, err)
	}
	if !criteria.DigestOf(data).Matches(b.Digest) {
		return "", fmt.Errorf("block %d %w: it has another digest than it should", i, ErrDamaged)
	}
	x.blockAt, x.block = i, string(data)
	return x.block, nil
}

// find returns what the index holds under key, nil if nothing.
func (x *Index) find(key string) (*entry, error) {
	if x.entry != nil && x.entry.key == key {
		return x.entry, nil
	}
	i := sort.Search(len(x.Blocks), func(i int) bool { return x.Blocks[i].First > key }) - 1
	if i < 0 {
		return nil, nil
	}
	data, err := x.read(i)
	if err != nil {
		return nil, err
	}
	d := &decoder{data: data}
	for d.data != "" {
		k, body := d.skim()
		switch {
		case d.err != nil:
			return nil, fmt.Errorf("block %d: %w", i, d.err)
		case k > key:
			return nil, nil
		case k == key:
			// What is found is kept, and must not keep the whole block.
			x.entry, err = decodeEntry(strings.Clone(k), strings.Clone(body))
			return x.entry, err
		}
	}
	return nil, nil
}
