package admission

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// lookAgain is how long a folder is believed to be as it was. It is far shorter
// than a yes is kept.
const lookAgain = time.Second

// folder is [source.Files] for a server: what lies there is read when it
// changed, and not for each image.
type folder struct {
	dir string
	now func() time.Time

	mu     sync.Mutex
	looked time.Time
	seen   [sha256.Size]byte
	kept   verify.Source
}

var _ verify.DocumentSource = (*folder)(nil)

func newFolder(dir string, now func() time.Time) *folder { return &folder{dir: dir, now: now} }

// Bundles implements [verify.Source].
func (f *folder) Bundles(ctx context.Context, subject criteria.Digest) ([]attest.Bundle, error) {
	s, err := f.current(ctx)
	if err != nil {
		return nil, err
	}
	return s.Bundles(ctx, subject)
}

// Document implements [verify.DocumentSource].
func (f *folder) Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error {
	s, ok := source.Files(f.dir).(verify.DocumentSource)
	if !ok {
		return errors.New("the source of the bundles cannot look for documents")
	}
	return s.Document(ctx, digest, read)
}

func (f *folder) current(ctx context.Context) (verify.Source, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if d := now.Sub(f.looked); f.kept != nil && d >= 0 && d < lookAgain {
		return f.kept, nil
	}
	before, err := stamps(f.dir)
	if err != nil {
		return nil, err
	}
	if f.kept != nil && before == f.seen {
		f.looked = now
		return f.kept, nil
	}
	f.kept = nil
	s, err := source.Load(ctx, f.dir)
	if err != nil {
		return nil, err
	}
	after, err := stamps(f.dir)
	if err != nil {
		return nil, err
	}
	if after == before {
		// What changed while it was read is read again the next time.
		f.kept, f.seen, f.looked = s, before, now
	}
	return s, nil
}

// stamps is a sum of what a folder lists: names, sizes, and when each was
// written.
func stamps(dir string) (sum [sha256.Size]byte, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return sum, fmt.Errorf("reading bundles: %w", err)
	}
	h := sha256.New()
	for _, e := range entries {
		// A link, as Kubernetes mounts files, is what it leads to.
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil {
			return sum, fmt.Errorf("reading bundles: %w", err)
		}
		fmt.Fprintf(h, "%q %d %d %d\n", e.Name(), info.Mode(), info.Size(), info.ModTime().UnixNano())
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
