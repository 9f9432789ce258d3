package verification

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
)

// recordFor is how long a recorded yes counts at most. Whatever could take a yes
// back, a newer verdict, a key that ends, a root that is replaced, is looked at
// again after it.
const recordFor = 24 * time.Hour

// Limits on a resume file.
const (
	maxResume = 512 << 20 // bytes
	maxRecord = 4096      // bytes of a line
)

// resumeFormat is what the first line of a resume file says that it is.
const resumeFormat = "hallmark-resume/v1"

// conditions are what a yes rests on besides the artifact. A recorded yes is
// worth something only where all of them are the same.
type conditions struct {
	Format string `json:"format"`
	// Expect is the fingerprint of what is expected: trust file, flags, roots.
	Expect criteria.Digest `json:"expect"`
	// Bundles says where bundles are looked for and, of files and layouts, has
	// their digest.
	Bundles string `json:"bundles"`
	// Program is the digest of the program that verified.
	Program criteria.Digest `json:"program"`
}

// differs says which of the conditions is another in b, or nothing.
func (a conditions) differs(b conditions) string {
	switch {
	case a.Format != b.Format:
		return "it is no resume file of this version"
	case a.Expect != b.Expect:
		return "something else is expected now: the trust file, who may sign, or a trusted root"
	case a.Bundles != b.Bundles:
		return "the bundles are others now"
	case a.Program != b.Program:
		return "it was written by another build of this program"
	}
	return ""
}

// record is a yes.
type record struct {
	Digest criteria.Digest `json:"digest"`
	// From is the repository that an image's bundles came from, empty for what
	// the conditions say.
	From string    `json:"from,omitempty"`
	At   time.Time `json:"at"`
	// Until is when it is worth nothing any more.
	Until time.Time `json:"until"`
}

// counts reports whether r is a yes still at now. What claims to be from the
// future, or to last longer than any record does, is none.
func (r record) counts(now time.Time) bool {
	return !r.Digest.IsZero() && !r.At.After(now.Add(verify.Skew)) && r.Until.After(now) && !r.Until.After(r.At.Add(recordFor))
}

// lasts is until when a yes of now about a verdict of that time, which ends at
// end by itself (zero is never), counts: no
// longer than the trust file accepts the verdict, and not beyond the end of any
// key that is trusted now.
func lasts(want verify.Expect, verdict, end, now time.Time) time.Time {
	until := now.Add(recordFor)
	earlier := func(t time.Time) {
		if t.Before(until) {
			until = t
		}
	}
	if !end.IsZero() {
		earlier(end)
	}
	if want.MaxAge != verify.Unlimited {
		earlier(verdict.Add(time.Duration(want.MaxAge)))
	}
	for _, s := range want.Signers {
		if s.NotAfter.After(now) {
			earlier(s.NotAfter)
		}
	}
	return until
}

// recordKey is what a record is found by.
type recordKey struct {
	digest criteria.Digest
	from   string
}

// resume holds what was verified before, and writes down what is verified now.
// It never holds a no or a could-not-tell: those are asked again.
type resume struct {
	known map[recordKey]record

	mu     sync.Mutex
	f      *os.File
	synced time.Time
}

// openResume opens the resume file at path, or begins one. One that was written
// under other conditions is refused, and so is one that others may write: a
// record is believed.
func openResume(path string, own conditions, now time.Time) (*resume, error) {
	own.Format = resumeFormat
	refuse := func(err error) error {
		return console.Misused(fmt.Errorf("resuming from %s: %w", path, err), "to begin anew, remove the file or name another")
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
		if err != nil {
			return nil, console.Unable(fmt.Errorf("beginning the resume file: %w", err))
		}
		return begin(f, own)
	case err != nil:
		return nil, console.Unable(fmt.Errorf("resuming: %w", err))
	case !info.Mode().IsRegular():
		return nil, refuse(errors.New("is no regular file"))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, console.Unable(fmt.Errorf("resuming: %w", err))
	}
	if info.Size() == 0 {
		return begin(f, own)
	}
	r, err := load(f, info, own, now)
	if err != nil {
		f.Close()
		return nil, refuse(err)
	}
	return r, nil
}

// begin makes f, which is empty, a resume file.
func begin(f *os.File, own conditions) (*resume, error) {
	r := &resume{f: f, known: make(map[recordKey]record)}
	err := r.append(own)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Close()
		return nil, console.Unable(fmt.Errorf("beginning the resume file: %w", err))
	}
	return r, nil
}

// load reads f. A last line that was not written to its end is cut off: the run
// that wrote it was interrupted.
func load(f *os.File, before fs.FileInfo, own conditions, now time.Time) (*resume, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !os.SameFile(before, info):
		return nil, errors.New("changed while it was opened")
	case info.Size() > maxResume:
		return nil, fmt.Errorf("has %d bytes, expected at most %d", info.Size(), maxResume)
	}
	if why := writable(info); why != "" {
		return nil, errors.New(why)
	}
	known, good, err := readRecords(io.LimitReader(f, maxResume), own, now)
	if err != nil {
		return nil, err
	}
	if known == nil {
		return nil, errors.New("it is no resume file")
	}
	if err := f.Truncate(good); err != nil {
		return nil, err
	}
	return &resume{f: f, known: known}, nil
}

// readRecords reads the records that count now, and how many bytes hold whole
// lines. It returns no map where not even the first line is whole.
func readRecords(in io.Reader, own conditions, now time.Time) (known map[recordKey]record, good int64, err error) {
	lines := bufio.NewReaderSize(in, maxRecord)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return known, good, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, 0, fmt.Errorf("line %d has more than %d bytes", number, maxRecord)
		}
		if err != nil {
			return nil, 0, err
		}
		good += int64(len(line))
		line = bytes.TrimSuffix(line, []byte("\n"))
		if number == 1 {
			var theirs conditions
			if err := strict.JSON(line, &theirs); err != nil {
				return nil, 0, errors.New("it is no resume file")
			}
			if why := own.differs(theirs); why != "" {
				return nil, 0, errors.New(why)
			}
			known = make(map[recordKey]record)
			continue
		}
		var r record
		if err := strict.JSON(line, &r); err != nil {
			return nil, 0, fmt.Errorf("line %d is no record: %v", number, err)
		}
		if r.Digest.IsZero() {
			return nil, 0, fmt.Errorf("line %d is no record: it has no digest", number)
		}
		if r.counts(now) {
			known[recordKey{r.Digest, r.From}] = r
		}
	}
}

// verified returns the record of a yes about digest that counts at now.
func (r *resume) verified(digest criteria.Digest, from string, now time.Time) (record, bool) {
	if r == nil {
		return record{}, false
	}
	found, ok := r.known[recordKey{digest, from}]
	return found, ok && found.counts(now)
}

// note writes a yes down: in one piece, at the end, so that whatever interrupts
// us leaves whole lines and at most one that is not.
func (r *resume) note(yes record) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.append(yes); err != nil {
		return fmt.Errorf("writing the resume file: %w", err)
	}
	if now := time.Now(); now.Sub(r.synced) > time.Second {
		r.synced = now
		if err := r.f.Sync(); err != nil {
			return fmt.Errorf("writing the resume file: %w", err)
		}
	}
	return nil
}

func (r *resume) append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.f.Write(append(line, '\n'))
	return err
}

func (r *resume) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.f.Sync(), r.f.Close())
}

// program is the digest of the program that runs.
func program() (criteria.Digest, error) {
	path, err := os.Executable()
	if err != nil {
		return criteria.Digest{}, err
	}
	f, err := regular.Open(path)
	if err != nil {
		return criteria.Digest{}, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return criteria.Digest{}, err
	}
	return criteria.ParseDigest("sha256:" + hex.EncodeToString(sum.Sum(nil)))
}
