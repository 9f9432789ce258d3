package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
)

// Limits on what is read back before something is added: a file of bundles
// about one artifact, and a bundle, which no verifier takes if it is larger.
const (
	maxLines  = 256 << 20
	maxBundle = 64 << 20
)

// maxCopies bounds the bytes of one bundle's copies. One about a thousand
// artifacts names them all, and beside each of them it would be several hundred
// megabytes: beyond this it lies there once, and what needs a name of its own is
// linked to it.
const maxCopies = 8 << 20

// Directory publishes into a folder, beside the artifacts for example:
//
//	sha256-<hex>.jsonl         the bundles about an artifact, one on each line
//	<artifact>.sigstore.json   the newest verdict about it, where its name is known
//	sha256-<hex>.sigstore.json a bundle about very many artifacts, by its own digest
//	sha256-<hex>.cdx.json …    a document that a statement refers to, by its own digest
//
// Each file is replaced as a whole. Several that publish into one folder at
// once, in this process or others, take turns and lose nothing.
type Directory struct {
	dir   string
	names map[criteria.Digest][]string
	taken map[string]string // artifacts' names, by what no other file may be called

	// link makes one file's second name.
	link func(oldname, newname string) error

	documents documents

	mu sync.Mutex
	// bundles are those that were published, by the digest of what was given.
	bundles map[criteria.Digest]*line
	// together is true inside [Directory.Together], which writes waiting.
	together bool
	waiting  []entry
}

// line is a bundle as it is written.
type line struct {
	claims
	text   []byte // without an end of line
	shared bool
}

// entry is a bundle and what it is published about.
type entry struct {
	subject criteria.Digest
	*line
}

// NewDirectory returns the publisher into dir, which is made if absent. A verdict
// about one of artifacts is also published under that artifact's name; names
// that [CheckNames] refuses are refused.
func NewDirectory(dir string, artifacts ...criteria.Subject) (*Directory, error) {
	d := &Directory{
		dir: dir, names: make(map[criteria.Digest][]string), taken: make(map[string]string),
		bundles: make(map[criteria.Digest]*line), link: os.Link,
	}
	if err := CheckNames(artifacts); err != nil {
		return nil, fmt.Errorf("publishing into a directory: %w", err)
	}
	for _, a := range artifacts {
		d.names[a.Digest] = append(d.names[a.Digest], a.Name)
		d.taken[folded(a.Name)] = a.Name
	}
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("publishing into a directory: %w", err)
	}
	return d, nil
}

// maxName is how long an artifact's name may be, in bytes, so that its bundle's
// is one for every file system.
var maxName = 255 - len(beside.Bundle(""))

// CheckNames refuses artifacts beside which no bundles can be put under their
// names: a name that is a path, two that are the same where case does not count,
// one that another's files would have.
func CheckNames(artifacts []criteria.Subject) error {
	names := make(map[string]string, len(artifacts))
	for _, a := range artifacts {
		switch n := a.Name; {
		case n == "":
			return fmt.Errorf("artifact %s has no name", a.Digest)
		case n == "." || n == ".." || strings.ContainsAny(n, `/\`) || strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r == 0x7f }) || !filepath.IsLocal(n):
			return fmt.Errorf("artifact %q: expected the plain name of a file", n)
		case len(n) > maxName:
			return fmt.Errorf("artifact %q: a name of %d bytes is too long for a bundle beside it, expected at most %d", n, len(n), maxName)
		case a.Digest.IsZero():
			return fmt.Errorf("artifact %q has no digest", n)
		}
		if other, ok := names[folded(a.Name)]; ok {
			return fmt.Errorf("two artifacts are named %q and %q: their bundles would have one file", other, a.Name)
		}
		names[folded(a.Name)] = a.Name
	}
	for _, a := range artifacts {
		for _, file := range []string{beside.Bundle(a.Name), beside.Lines(a.Digest)} {
			if other, ok := names[folded(file)]; ok {
				return fmt.Errorf("artifact %q has the name of the file with the bundles about artifact %q", other, a.Name)
			}
		}
	}
	return nil
}

// folded is the same for names that are the same on some file systems.
func folded(name string) string { return strings.ToLower(name) }

// Publish implements [attest.Publisher]. The location is the file in which all
// bundles of its kind about subject are found.
func (d *Directory) Publish(ctx context.Context, subject criteria.Digest, b attest.Bundle) (string, error) {
	if subject.IsZero() {
		return "", errors.New("publishing: the bundle has no subject to be found by")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.line(b)
	if err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	e := entry{subject, l}
	if d.together {
		d.waiting = append(d.waiting, e)
		return d.location(e), nil
	}
	if err := d.write(ctx, []entry{e}); err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	return d.location(e), nil
}

// Together calls fill, and writes all that fill publishes when it has returned,
// each file once; or nothing where fill fails. It is made for releases: writing
// one by one takes time by the square of the bundles about one artifact.
func (d *Directory) Together(ctx context.Context, fill func() error) error {
	d.mu.Lock()
	if d.together {
		d.mu.Unlock()
		return errors.New("publishing together: it was begun already")
	}
	d.together = true
	d.mu.Unlock()

	err := fill()

	d.mu.Lock()
	defer d.mu.Unlock()
	entries := d.waiting
	d.together, d.waiting = false, nil
	if err != nil {
		return err
	}
	if err := d.write(ctx, entries); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return nil
}

// AddDocument implements [attest.DocumentPublisher].
func (d *Directory) AddDocument(ctx context.Context, subject criteria.Digest, doc attest.Document, data []byte) (string, error) {
	known, first, err := d.documents.check(subject, doc, data)
	if err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	name := beside.Document(doc.Digest, doc.MediaType)
	path := filepath.Join(d.dir, name)
	if !first {
		return path, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, ok := d.taken[folded(name)]; ok {
		return "", fmt.Errorf("publishing: artifact %q has the name of document %s", other, doc.Name)
	}
	f, err := open(ctx, d.dir)
	if err != nil {
		return "", fmt.Errorf("publishing: %w", err)
	}
	defer f.close()
	// Who altered a file that is named by its content altered what it is.
	have, err := f.read(name, int64(len(data)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errTooLarge) {
		return "", fmt.Errorf("publishing: %w", err)
	}
	if err != nil || !bytes.Equal(have, data) {
		if err := f.put(name, data); err != nil {
			return "", fmt.Errorf("publishing: %w", err)
		}
	}
	d.documents.stored(doc, known)
	return path, nil
}

// line is b as it is written.
func (d *Directory) line(b attest.Bundle) (*line, error) {
	id := criteria.DigestOf(b)
	if l := d.bundles[id]; l != nil {
		return l, nil
	}
	var text bytes.Buffer
	if err := json.Compact(&text, b); err != nil {
		return nil, fmt.Errorf("the bundle is not JSON: %w", err)
	}
	if text.Len() > maxBundle {
		return nil, fmt.Errorf("the bundle has %d bytes, and verifiers take at most %d", text.Len(), maxBundle)
	}
	l := &line{claims: claimed(text.Bytes()), text: text.Bytes()}
	l.shared = l.subjects > 1 && len(l.text)*l.subjects > maxCopies
	d.bundles[id] = l
	return l, nil
}

func (d *Directory) location(e entry) string {
	if e.shared {
		return filepath.Join(d.dir, beside.Shared(criteria.DigestOf(e.text)))
	}
	return filepath.Join(d.dir, beside.Lines(e.subject))
}

// write adds entries to what is in the folder.
//
// Whether it may be done is seen before anything is. Verdicts under artifacts'
// names come last: what was cut off before is completed by doing it again.
func (d *Directory) write(ctx context.Context, entries []entry) error {
	f, err := open(ctx, d.dir)
	if err != nil {
		return err
	}
	defer f.close()

	var subjects []criteria.Digest
	own := make(map[criteria.Digest][]*line)
	var shared []*line
	isShared := make(map[*line]bool)
	var names []string
	verdicts := make(map[string]*line)
	for _, e := range entries {
		switch {
		case !e.shared:
			if own[e.subject] == nil {
				subjects = append(subjects, e.subject)
			}
			own[e.subject] = append(own[e.subject], e.line)
		case !isShared[e.line]:
			isShared[e.line] = true
			shared = append(shared, e.line)
		}
		if !e.verdict {
			continue
		}
		for _, name := range d.names[e.subject] {
			have := verdicts[name]
			if have == nil {
				names = append(names, name)
			}
			if have == nil || !have.outranks(e.claims) {
				verdicts[name] = e.line
			}
		}
	}

	stale := names[:0]
	for _, name := range names {
		ok, err := f.replaceable(beside.Bundle(name), verdicts[name])
		if err != nil {
			return err
		}
		if ok {
			stale = append(stale, name)
		}
	}
	for _, s := range subjects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.add(beside.Lines(s), own[s]); err != nil {
			return err
		}
	}
	for _, l := range shared {
		if err := f.keep(beside.Shared(criteria.DigestOf(l.text)), l.text); err != nil {
			return err
		}
	}
	for _, name := range stale {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := verdicts[name]
		if l.shared && f.link(d.link, beside.Shared(criteria.DigestOf(l.text)), beside.Bundle(name), l.text) == nil {
			continue
		}
		if err := f.put(beside.Bundle(name), withEnd(l.text)); err != nil {
			return err
		}
	}
	return nil
}

// withEnd is text as a file of one line.
func withEnd(text []byte) []byte { return append(bytes.Clone(text), '\n') }

// replaceable reports whether the verdict l belongs into the file called name,
// in the place of what is there. What is no verdict is somebody else's, and is
// never replaced.
func (f *folder) replaceable(name string, l *line) (bool, error) {
	have, err := f.read(name, maxBundle)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil && !errors.Is(err, errTooLarge) {
		return false, err
	}
	have = bytes.TrimSpace(have)
	if bytes.Equal(have, l.text) {
		return false, nil
	}
	there := claimed(have)
	if err != nil || !there.verdict {
		return false, fmt.Errorf("%s holds something else than a verdict, and is kept: move it away, or publish into another folder", filepath.Join(f.dir, name))
	}
	return !there.outranks(l.claims), nil
}

// keep puts text into the file called name if it is not there.
func (f *folder) keep(name string, text []byte) error {
	have, err := f.read(name, int64(len(text))+1)
	if err == nil && bytes.Equal(bytes.TrimSuffix(have, []byte{'\n'}), text) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errTooLarge) {
		return err
	}
	return f.put(name, withEnd(text))
}

// add adds lines to the file called name, but for those that it has.
func (f *folder) add(name string, lines []*line) error {
	have, err := f.read(name, maxLines)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	size := len(have)
	for _, l := range lines {
		if contains(have, l.text) {
			continue
		}
		if len(have) > 0 && have[len(have)-1] != '\n' {
			have = append(have, '\n')
		}
		have = append(append(have, l.text...), '\n')
	}
	switch {
	case len(have) == size:
		return nil
	case len(have) > maxLines:
		return fmt.Errorf("%s would have %d bytes of bundles, expected at most %d: publish into another folder", filepath.Join(f.dir, name), len(have), maxLines)
	}
	return f.put(name, have)
}

// contains reports whether text is a line of data.
func contains(data, text []byte) bool {
	for l := range bytes.Lines(data) {
		if bytes.Equal(bytes.TrimRight(l, "\r\n"), text) {
			return true
		}
	}
	return false
}
