package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/beside"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/verify"
)

var (
	_ verify.DocumentSource = files(nil)
	_ verify.DocumentSource = (*loaded)(nil)
	_ verify.DocumentSource = (*once)(nil)
	_ verify.DocumentSource = (*layout)(nil)
	_ verify.DocumentSource = registry{}
)

// Document implements [verify.DocumentSource]: in each directory there is a file
// named by the digest, or none. Of paths that are files, those are looked at that
// are named so; where no directory is named, nobody can tell what lies beside
// them.
func (f files) Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error {
	if digest.Algorithm() != "sha256" {
		return fmt.Errorf("documents in files are named by sha256, not by %s", digest.Algorithm())
	}
	var faults []error
	found, folders := false, false
	try := func(path string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, err := regular.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer in.Close()
		found = true
		if err := read(in); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		return nil
	}
	for _, path := range f {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			faults = append(faults, err)
		case info.IsDir():
			folders = true
			for _, name := range beside.Documents(digest) {
				faults = append(faults, try(filepath.Join(path, name)))
			}
		default:
			if d, ok := beside.IsDocument(filepath.Base(path)); ok && d.Matches(digest) {
				faults = append(faults, try(path))
			}
		}
	}
	err := errors.Join(faults...)
	switch {
	case err != nil || found:
		return err
	case !folders:
		return errors.New("no folder was named to look in")
	}
	return verify.ErrNoDocument
}

// Document implements [verify.DocumentSource].
func (l *loaded) Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error {
	return l.paths.Document(ctx, digest, read)
}

// Document implements [verify.DocumentSource].
func (o *once) Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error {
	return files(o.paths).Document(ctx, digest, read)
}

// Document implements [verify.DocumentSource]: a layout holds everything by its
// digest.
func (l *layout) Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, err := blob(digest)
	if err != nil {
		return err
	}
	open, err := oci.Open(l.dir)
	if err != nil {
		return err
	}
	in, err := open.OpenBlob(h)
	if errors.Is(err, fs.ErrNotExist) {
		return verify.ErrNoDocument
	}
	if err != nil {
		return err
	}
	defer in.Close()
	return read(in)
}

// Document implements [verify.DocumentSource]: a repository holds everything by
// its digest.
func (r registry) Document(ctx context.Context, digest criteria.Digest, read func(io.Reader) error) error {
	h, err := blob(digest)
	if err != nil {
		return err
	}
	err = r.repository.ReadBlob(ctx, h, verify.MaxDocument, read)
	if oci.IsMissing(err) {
		return verify.ErrNoDocument
	}
	return err
}

func blob(d criteria.Digest) (v1.Hash, error) {
	if d.Algorithm() != "sha256" {
		return v1.Hash{}, fmt.Errorf("layouts and registries name what they hold by sha256, not by %s", d.Algorithm())
	}
	return v1.Hash{Algorithm: "sha256", Hex: d.Hex()}, nil
}
