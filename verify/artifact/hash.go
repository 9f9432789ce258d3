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

// hash reads every job's file once and returns their SHA-256 digests in the
// order of jobs.
func hash(ctx context.Context, jobs []job) ([]criteria.Subject, error) {
	out := make([]criteria.Subject, len(jobs))
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
				digest, err := jobs[i].read(ctx, buffer)
				if err != nil {
					return fmt.Errorf("reading artifact %s: %w", jobs[i].name, err)
				}
				out[i] = criteria.Subject{Name: jobs[i].name, Digest: digest}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

func (j job) read(ctx context.Context, buffer []byte) (criteria.Digest, error) {
	f, err := j.open()
	if err != nil {
		return criteria.Digest{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return criteria.Digest{}, err
	}
	if !info.Mode().IsRegular() {
		return criteria.Digest{}, fmt.Errorf("is no regular file")
	}
	own, other := sha256.New(), stdhash.Hash(nil)
	switch j.want.Algorithm() {
	case "sha384":
		other = sha512.New384()
	case "sha512":
		other = sha512.New()
	}
	for {
		if err := ctx.Err(); err != nil {
			return criteria.Digest{}, err
		}
		n, err := f.Read(buffer)
		own.Write(buffer[:n])
		if other != nil {
			other.Write(buffer[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return criteria.Digest{}, err
		}
	}
	digest, err := digestOf("sha256", own)
	if err != nil || j.want.IsZero() {
		return digest, err
	}
	found := digest
	if other != nil {
		if found, err = digestOf(j.want.Algorithm(), other); err != nil {
			return criteria.Digest{}, err
		}
	}
	if !found.Matches(j.want) {
		return criteria.Digest{}, &ChecksumError{Name: j.name, Want: j.want, Found: found}
	}
	return digest, nil
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
