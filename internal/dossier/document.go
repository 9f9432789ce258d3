package dossier

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// AddDocument puts d, which is one of the reports in the dossier at dir, beside
// the bundles whose statements refer to it: whoever is given that folder finds
// it there. A large one is a second name of the same file where the file system
// has such.
func AddDocument(dir string, d attest.Document) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	data, err := readIn(root, evidencePath(d.Digest), strict.MaxReport)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("adding document %s: the dossier holds no report %s", d.Name, d.Digest)
	}
	if err != nil {
		return fmt.Errorf("adding document %s: %w", d.Name, err)
	}
	if got := criteria.DigestOf(data); !got.Matches(d.Digest) {
		return fmt.Errorf("adding document %s: the report was altered: it is %s, expected %s", d.Name, got, d.Digest)
	}
	name := filepath.Join(AttestationsDir, beside.Document(d.Digest, d.MediaType))
	if have, err := readIn(root, name, int64(len(data))); err == nil && criteria.DigestOf(have).Matches(d.Digest) {
		return nil
	}
	// Two names for what is small would be a trap for who alters one of them.
	if len(data) >= linked && root.Link(filepath.FromSlash(evidencePath(d.Digest)), name) == nil {
		return nil
	}
	return atomicfile.Write(filepath.Join(dir, name), data, 0o644)
}
