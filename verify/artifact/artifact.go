// Package artifact says what digests the artifacts of a release have: files,
// whole folders, or what a checksum file lists. It reads each once, in flat
// memory, and verifies nothing but the checksums.
package artifact

import (
	"context"
	"errors"

	"github.com/hallmark-project/hallmark/criteria"
)

// Options are what is optional about [Subjects].
type Options struct {
	// Skip are patterns as in [path.Match] of names that are left out of a
	// folder: bundles that lie beside what they are about. A file that is named
	// itself is never left out.
	Skip []string
}

// Subjects returns each file in paths and each file below each folder in paths
// by its SHA-256 digest, in the order of paths and, within a folder, of names.
// A folder without files, and whatever is no regular file, is refused.
func Subjects(ctx context.Context, o Options, paths ...string) ([]criteria.Subject, error) {
	return nil, errors.New("artifacts are not read yet")
}

// Checksums returns what a checksum file in the format of sha256sum lists,
// after each file was found to have its checksum. Names are relative to the
// file's folder and stay within it.
func Checksums(ctx context.Context, file string) ([]criteria.Subject, error) {
	return nil, errors.New("checksums are not read yet")
}
