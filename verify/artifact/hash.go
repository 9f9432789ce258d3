package artifact

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	stdhash "hash"
	"io"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-project/hallmark/criteria"
)

// bufferSize keeps a worker within the cache and its system calls rare. Memory
// is one buffer for each core, whatever the files' sizes.
const bufferSize = 256 << 10

// job is one file to read.
type job struct {
	name string
	open func() (*os.File, error)
	// want is what a checksum file says, zero where nothing says anything.
	want criteria.Digest
}

// hash reads every job's file once and returns their SHA-256 digests, and those
// by the algorithms in also, in the order of jobs.
func hash(ctx context.Context, jobs []job, also []string) ([]Artifact, error) {
	out := make([]Artifact, len(jobs))
	workers := min(runtime.GOMAXPROCS(0), len(jobs))
	next := make(chan int)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(next)
		for i := range jobs {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		g.Go(func() error {
			buffer := make([]byte, bufferSize)
			for i := range next {
				digest, others, err := jobs[i].read(ctx, buffer, also)
				if err != nil {
					return fmt.Errorf("reading artifact %s: %w", jobs[i].name, err)
				}
				out[i] = Artifact{criteria.Subject{Name: jobs[i].name, Digest: digest}, others}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

func (j job) read(ctx context.Context, buffer []byte, also []string) (digest criteria.Digest, others []criteria.Digest, err error) {
	none := criteria.Digest{}
	f, err := j.open()
	if err != nil {
		return none, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return none, nil, err
	}
	if !info.Mode().IsRegular() {
		return none, nil, fmt.Errorf("is no regular file")
	}
	algorithms := []string{"sha256"}
	for _, a := range append(slices.Clone(also), j.want.Algorithm()) {
		if a != "" && !slices.Contains(algorithms, a) {
			algorithms = append(algorithms, a)
		}
	}
	hashes := make([]stdhash.Hash, len(algorithms))
	for i, a := range algorithms {
		if hashes[i], err = newHash(a); err != nil {
			return none, nil, err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return none, nil, err
		}
		n, err := f.Read(buffer)
		for _, h := range hashes {
			h.Write(buffer[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return none, nil, err
		}
	}
	for i, a := range algorithms {
		d, err := digestOf(a, hashes[i])
		if err != nil {
			return none, nil, err
		}
		if a == j.want.Algorithm() && !d.Matches(j.want) {
			return none, nil, &ChecksumError{Name: j.name, Want: j.want, Found: d}
		}
		if i == 0 {
			digest = d
		} else if slices.Contains(also, a) {
			others = append(others, d)
		}
	}
	return digest, others, nil
}

func newHash(algorithm string) (stdhash.Hash, error) {
	switch algorithm {
	case "sha256":
		return sha256.New(), nil
	case "sha384":
		return sha512.New384(), nil
	case "sha512":
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("cannot be hashed by %q", algorithm)
}

func digestOf(algorithm string, h stdhash.Hash) (criteria.Digest, error) {
	return criteria.ParseDigest(algorithm + ":" + hex.EncodeToString(h.Sum(nil)))
}

// ChecksumError says that a file is not the one that a checksum file lists.
type ChecksumError struct {
	Name        string
	Want, Found criteria.Digest
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("it has %s, expected %s", e.Found, e.Want)
}
