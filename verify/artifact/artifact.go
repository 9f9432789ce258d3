// Package artifact says what digests the artifacts of a release have: files,
// whole folders, or what a checksum file lists. It reads each once, in flat
// memory, and verifies nothing but the checksums.
package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/hallmark-project/hallmark/criteria"
)

// Options are what is optional about [Subjects].
type Options struct {
	// Skip are patterns as in [path.Match] of names that are left out of a
	// folder: bundles that lie beside what they are about. A file that is named
	// itself is never left out.
	Skip []string
	// Also are algorithms, sha384 and sha512, by which files are hashed beside
	// SHA-256, in the same pass.
	Also []string
}

// Artifact is one file by all its digests.
type Artifact struct {
	criteria.Subject
	// Also are its digests by [Options.Also].
	Also []criteria.Digest
}

// Subjects returns each file in paths and each file below each folder in paths
// by its SHA-256 digest, in the order of paths and, within a folder, of names.
// A folder without files is refused, and so is whatever is no regular file: a
// link in a folder could lead anywhere.
func Subjects(ctx context.Context, o Options, paths ...string) ([]criteria.Subject, error) {
	found, err := Find(ctx, o, paths...)
	if err != nil {
		return nil, err
	}
	return subjects(found), nil
}

func subjects(found []Artifact) []criteria.Subject {
	out := make([]criteria.Subject, len(found))
	for i, a := range found {
		out[i] = a.Subject
	}
	return out
}

// Find is [Subjects] with all digests.
func Find(ctx context.Context, o Options, paths ...string) ([]Artifact, error) {
	if len(paths) == 0 {
		return nil, errors.New("finding artifacts: no file or folder was named")
	}
	var jobs []job
	for _, p := range paths {
		found, err := find(o, p)
		if err != nil {
			return nil, fmt.Errorf("finding artifacts: %w", err)
		}
		jobs = append(jobs, found...)
	}
	return hash(ctx, jobs, o.Also)
}

func find(o Options, p string) ([]job, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		return []job{open(p)}, nil
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no regular file and no folder", p)
	}
	var jobs []job
	err = filepath.WalkDir(p, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return nil
		}
		for _, pattern := range o.Skip {
			skip, err := path.Match(pattern, e.Name())
			if err != nil {
				return fmt.Errorf("%q is no pattern", pattern)
			}
			if skip {
				return nil
			}
		}
		if !e.Type().IsRegular() && name != p {
			return fmt.Errorf("%s is no regular file", name)
		}
		jobs = append(jobs, open(name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("folder %s holds no artifacts", p)
	}
	return jobs, nil
}

func open(name string) job {
	return job{name: filepath.ToSlash(name), open: func() (*os.File, error) { return os.Open(name) }}
}
