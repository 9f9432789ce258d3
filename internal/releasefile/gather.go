package releasefile

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
	"golang.org/x/sync/errgroup"
)

// Gathered is a release and its evidence as the release folder holds them.
type Gathered struct {
	Release criteria.Release
	// Policy is policy.yaml; PolicyName is its path as the file gives it.
	Policy     []byte
	PolicyName string
	Reports    []Report

	folder string
	paths  map[string]string // artifact name → path in the folder
	images map[string]Image  // artifact name → image
}

// Report is one report's bytes with what the release file says of it.
type Report struct {
	Name   string
	Format string
	Data   []byte
	// Problem is why there are no bytes; empty if there are.
	Problem  string
	Declared criteria.Declared
	// TrustedRoot is what the report's signatures are verified with, empty where
	// the format has none; Declared.TrustedRoot is its digest.
	TrustedRoot []byte
	// RegistryKeys are the keys of the package registry that has to have signed
	// for it, empty where none has; Declared.RegistryKeys is their digest.
	RegistryKeys []byte
}

// maxArtifacts bounds what one pattern may mean by mistake.
const maxArtifacts = 100_000

// Gather hashes the artifacts and reads the policy and the evidence. A report
// that cannot be had is kept with its Problem: its absence must be seen by
// every criterion that would have read it. formats are the names known; resolve
// is asked for the release's images, and may be nil where it has none.
func (f *File) Gather(ctx context.Context, formats []Format, watch Watch, resolve Resolver) (*Gathered, error) {
	folder := f.Folder()
	// Opening a pipe would wait for whoever writes it.
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("opening the release folder: %s is no folder", folder)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("opening the release folder: %w", err)
	}
	defer root.Close()

	g := &Gathered{
		PolicyName: f.Policy, folder: folder, paths: make(map[string]string), images: make(map[string]Image),
		Release: criteria.Release{
			Name: f.Release.Name, Version: f.Release.Version,
			Resource: f.Release.Resource, Repository: f.Release.Repository,
			Source: criteria.Subject{Name: "source", Digest: f.Release.Source},
		},
	}
	if !f.Release.Previous.IsZero() {
		g.Release.Previous = criteria.Subject{Name: "previous", Digest: f.Release.Previous}
	}
	if err := f.artifacts(ctx, root, g, watch); err != nil {
		return nil, err
	}
	if err := f.images(ctx, g, resolve); err != nil {
		return nil, err
	}
	if err := g.Release.Check(); err != nil {
		return nil, &strict.Error{File: f.name, Msg: err.Error()}
	}
	if g.Policy, err = readIn(root, f.Policy, strict.MaxConfig); err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	if err := f.evidence(root, g, formats); err != nil {
		return nil, err
	}
	return g, nil
}

func (f *File) artifacts(ctx context.Context, root *os.Root, g *Gathered, watch Watch) error {
	var paths []string
	seen := make(map[string]bool)
	for i, pattern := range f.Artifacts {
		at := item(f.root, "artifacts", i)
		pattern = inFolder(pattern)
		if !fs.ValidPath(pattern) {
			return f.faultAt(at, "%q is no path inside the release folder", pattern)
		}
		found, err := matches(root, pattern)
		if err != nil {
			return f.faultAt(at, "%q is no pattern: %v", pattern, err)
		}
		all := len(found)
		if found = artifactsOf(pattern, found); len(found) == 0 {
			if all > 0 {
				return f.faultAt(at, "%q matches nothing in %s but bundles and documents beside artifacts: what shall be an artifact all the same is named without * and ?", pattern, g.folder)
			}
			return f.faultAt(at, "no artifact matches %q in %s", pattern, g.folder)
		}
		for _, p := range found {
			if !seen[p] {
				seen[p] = true
				paths = append(paths, p)
			}
		}
		if len(paths) > maxArtifacts {
			return f.faultAt(at, "more than %d artifacts", maxArtifacts)
		}
	}
	for _, p := range paths {
		name := path.Base(p)
		if other, ok := g.paths[name]; ok {
			return f.faultAt(child(f.root, "artifacts"), "two artifacts are named %q: %s and %s", name, other, p)
		}
		g.paths[name] = p
	}
	// A registry names packages by SHA-512, which costs several times SHA-256.
	asked := slices.ContainsFunc(f.Evidence, func(e EvidenceSpec) bool { return e.RegistryKeys != "" })
	digests, err := hashAll(ctx, root, paths, asked, watch)
	if err != nil {
		return err
	}
	for i, p := range paths {
		g.Release.Artifacts = append(g.Release.Artifacts, criteria.Subject{Name: path.Base(p), Digest: digests[i].sha256})
		if asked {
			g.Release.Also = append(g.Release.Also, criteria.Subject{Name: path.Base(p), Digest: digests[i].sha512})
		}
	}
	if f.Checksums != "" {
		return f.checksums(root, g)
	}
	return nil
}

// matches returns the paths that pattern means. A pattern without wildcards is
// a path: whether it can be opened is seen, and said, where it is.
func matches(root *os.Root, pattern string) ([]string, error) {
	if wild(pattern) {
		return fs.Glob(root.FS(), pattern)
	}
	if _, err := root.Lstat(pattern); err != nil {
		return nil, nil
	}
	return []string{pattern}, nil
}

// maxFaults bounds how many artifacts that cannot be read are listed.
const maxFaults = 20

// Watch is told how many bytes there are to hash, and returns what is told of
// each part that was, by several goroutines at once, and what is called at the
// end. Nil watches nothing.
type Watch func(total int64) (add func(n int64), done func())

func (w Watch) begin(root *os.Root, paths []string) (add func(int64), done func()) {
	if w == nil {
		return func(int64) {}, func() {}
	}
	var total int64
	for _, p := range paths {
		if info, err := root.Stat(p); err == nil {
			total += info.Size()
		}
	}
	return w(total)
}

// digests are those of one file, from one reading.
type digests struct{ sha256, sha512 criteria.Digest }

// hashAll returns the SHA-256 of each path, and the SHA-512 where that is asked
// for, reading several at once; memory
// does not depend on their size. The error names what cannot be read in the
// order of paths, so that two runs say the same.
func hashAll(ctx context.Context, root *os.Root, paths []string, both bool, watch Watch) ([]digests, error) {
	add, done := watch.begin(root, paths)
	defer done()
	out, faults := make([]digests, len(paths)), make([]error, len(paths))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range paths {
		group.Go(func() error {
			d, err := hash(ctx, root, p, both, add)
			if err != nil {
				faults[i] = fmt.Errorf("hashing artifact %s: %w", p, err)
			}
			out[i] = d
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	faults = slices.DeleteFunc(faults, func(err error) bool { return err == nil })
	return out, errors.Join(faults[:min(len(faults), maxFaults)]...)
}

// readSize is what stays in a core's cache between reading and hashing.
const readSize = 128 << 10

var buffers = sync.Pool{New: func() any { return new([readSize]byte) }}

func hash(ctx context.Context, root *os.Root, p string, both bool, add func(int64)) (d digests, err error) {
	file, err := openRegular(root, p)
	if err != nil {
		return d, err
	}
	defer file.Close()
	h, longer := sha256.New(), sha512.New()
	buf := buffers.Get().(*[readSize]byte)
	defer buffers.Put(buf)
	for {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		n, err := file.Read(buf[:])
		h.Write(buf[:n])
		if both {
			longer.Write(buf[:n])
		}
		add(int64(n))
		if err == io.EOF {
			break
		}
		if err != nil {
			return d, err
		}
	}
	if both {
		if d.sha512, err = criteria.ParseDigest("sha512:" + hex.EncodeToString(longer.Sum(nil))); err != nil {
			return d, err
		}
	}
	d.sha256, err = criteria.ParseDigest("sha256:" + hex.EncodeToString(h.Sum(nil)))
	return d, err
}

// openRegular opens a regular file inside root: a pipe or a device would make
// us wait, and has no digest that anybody could check.
func openRegular(root *os.Root, p string) (*os.File, error) {
	info, err := root.Stat(p)
	if err != nil {
		return nil, plainPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", p)
	}
	file, err := root.Open(p)
	if err != nil {
		return nil, plainPath(err)
	}
	// Another file may have taken its place since.
	if info, err = file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("%s is not a regular file", p)
	}
	return file, nil
}

// inFolder is p without the ./ that people write before paths.
func inFolder(p string) string {
	for strings.HasPrefix(p, "./") {
		p = strings.TrimLeft(p[2:], "/")
	}
	return p
}

// plainPath makes an error of [os.Root] say the path and the cause only, and
// the cause in words a release manager can act on.
func plainPath(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	if strings.Contains(pe.Err.Error(), "escapes") {
		return fmt.Errorf("%s leads out of the release folder", pe.Path)
	}
	return fmt.Errorf("%s: %w", pe.Path, pe.Err)
}

func readIn(root *os.Root, p string, limit int64) ([]byte, error) {
	p = inFolder(p)
	if !fs.ValidPath(p) {
		return nil, fmt.Errorf("%q is no path inside the release folder", p)
	}
	file, err := openRegular(root, p)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	var data []byte
	if info.Size() <= limit {
		if data, err = io.ReadAll(io.LimitReader(file, limit+1)); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	if info.Size() > limit || int64(len(data)) > limit {
		return nil, fmt.Errorf("%s %w: more than %d bytes", p, strict.ErrTooLarge, limit)
	}
	return data, nil
}

// checksums holds every artifact against the published list: an artifact that
// the list lacks, or gives another digest, is not what will be published.
func (f *File) checksums(root *os.Root, g *Gathered) error {
	data, err := readIn(root, f.Checksums, strict.MaxConfig)
	if err != nil {
		return fmt.Errorf("reading the checksums: %w", err)
	}
	listed := make(map[string]string)
	for i, line := range strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		sum, name, ok := strings.Cut(line, " ")
		name = strings.TrimPrefix(strings.TrimPrefix(name, " "), "*")
		if !ok || len(sum) != 64 || name == "" {
			return &strict.Error{File: f.Checksums, Line: i + 1, Column: 1, Msg: "expected a SHA-256 in hex and a file name"}
		}
		base, sum := path.Base(name), strings.ToLower(sum)
		if other, ok := listed[base]; ok && other != sum {
			return &strict.Error{File: f.Checksums, Line: i + 1, Column: 1, Msg: fmt.Sprintf("a second SHA-256 for %s", base)}
		}
		listed[base] = sum
	}
	for _, a := range g.Release.Artifacts {
		sum, ok := listed[a.Name]
		switch {
		case !ok:
			return fmt.Errorf("%s does not list artifact %s", f.Checksums, a.Name)
		case sum != a.Digest.Hex():
			return fmt.Errorf("artifact %s is %s, but %s lists sha256:%s", a.Name, a.Digest, f.Checksums, sum)
		}
	}
	return nil
}

// MaxTrustedRoot bounds a trusted root, a public key or a registry's keys in bytes; the public
// instance's has some 10 kB.
const MaxTrustedRoot = 4 << 20

// Format is what is known of a format while evidence is gathered.
type Format struct {
	Name string
	// Signed is true where reports are signed, and TrustedRoot what signatures
	// are verified with where the release file names nothing.
	Signed      bool
	TrustedRoot []byte
	// Registry is true where reports hold what a package registry signed.
	Registry bool
}

func (f *File) evidence(root *os.Root, g *Gathered, formats []Format) error {
	known := make(map[string]Format, len(formats))
	for _, f := range formats {
		known[f.Name] = f
	}
	byPath := make(map[string]criteria.Digest)
	unread := make(map[string]bool)
	for i, spec := range f.Evidence {
		at := item(f.root, "evidence", i)
		format, ok := known[spec.Format]
		if !ok {
			msg := fmt.Sprintf("unknown format %q", spec.Format)
			if near := strict.Nearest(spec.Format, slices.Sorted(maps.Keys(known))); near != "" {
				msg += fmt.Sprintf(": did you mean %q?", near)
			} else {
				msg += ": list them with: hallmark criteria --formats"
			}
			return f.faultAt(at, "%s", msg)
		}
		r := Report{Name: spec.Path, Format: spec.Format}
		data, err := readIn(root, spec.Path, strict.MaxReport)
		if err != nil {
			r.Problem = err.Error()
			unread[inFolder(spec.Path)] = true
		} else {
			r.Data = data
			byPath[inFolder(spec.Path)] = criteria.DigestOf(data)
		}
		r.Declared.Time, r.Declared.DatabaseTime = spec.Time, spec.DatabaseTime
		switch {
		case spec.TrustedRoot != "" && !format.Signed:
			return f.faultAt(at, "reports of format %s are not signed: trustedRoot is for those that are", spec.Format)
		case spec.TrustedRoot != "":
			if r.TrustedRoot, err = readIn(root, spec.TrustedRoot, MaxTrustedRoot); err != nil {
				return f.faultAt(at, "reading the trusted root: %v", err)
			}
		case r.Problem == "":
			r.TrustedRoot = format.TrustedRoot
		}
		if len(r.TrustedRoot) > 0 {
			r.Declared.TrustedRoot = criteria.DigestOf(r.TrustedRoot)
		} else if spec.TrustedRoot != "" {
			return f.faultAt(at, "the trusted root %s is empty", spec.TrustedRoot)
		}
		if spec.RegistryKeys != "" {
			if !format.Registry {
				return f.faultAt(at, "no package registry signs reports of format %s: registryKeys is for those that one does", spec.Format)
			}
			if r.RegistryKeys, err = readIn(root, spec.RegistryKeys, MaxTrustedRoot); err != nil {
				return f.faultAt(at, "reading the registry's keys: %v", err)
			}
			if len(r.RegistryKeys) == 0 {
				return f.faultAt(at, "the registry's keys %s are empty", spec.RegistryKeys)
			}
			r.Declared.RegistryKeys = criteria.DigestOf(r.RegistryKeys)
		}
		g.Reports = append(g.Reports, r)
	}
	for i, spec := range f.Evidence {
		at := item(f.root, "evidence", i)
		for _, word := range spec.About {
			if unread[inFolder(word)] && !g.names(word) {
				// What it is about cannot be known, so it is about who knows
				// what: nothing that reads it can be answered.
				g.Reports[i].Data, g.Reports[i].Declared.About = nil, nil
				g.Reports[i].Problem = fmt.Sprintf("is about %s, which could not be read", word)
				break
			}
			about, err := g.subject(word, byPath)
			if err != nil {
				return f.faultAt(at, "about: %v", err)
			}
			g.Reports[i].Declared.About = append(g.Reports[i].Declared.About, about...)
		}
	}
	return nil
}

// names reports whether word is a subject of the release whatever the reports.
func (g *Gathered) names(word string) bool {
	_, err := g.subject(word, nil)
	return err == nil
}

// subject returns what a word under "about" means.
func (g *Gathered) subject(word string, reports map[string]criteria.Digest) ([]criteria.Digest, error) {
	switch word {
	case "source":
		return []criteria.Digest{g.Release.Source.Digest}, nil
	case "artifacts":
		var all []criteria.Digest
		for _, a := range g.Release.Artifacts {
			all = append(all, a.Digest)
		}
		return all, nil
	}
	known := []string{"source", "artifacts"}
	for _, a := range g.Release.Artifacts {
		if p, ok := g.paths[a.Name]; word == a.Name || ok && inFolder(word) == p {
			return []criteria.Digest{a.Digest}, nil
		}
		known = append(known, a.Name)
	}
	if d, ok := reports[inFolder(word)]; ok {
		return []criteria.Digest{d}, nil
	}
	for p := range reports {
		known = append(known, p)
	}
	if strings.Contains(word, ":") {
		d, err := criteria.ParseDigest(word)
		if err != nil {
			return nil, err
		}
		return []criteria.Digest{d}, nil
	}
	slices.Sort(known)
	if near := strict.Nearest(word, known); near != "" {
		return nil, fmt.Errorf("%q is nothing in this release: did you mean %q?", word, near)
	}
	return nil, fmt.Errorf("%q is nothing in this release: expected source, artifacts, an artifact's name, another report's path, or a digest", word)
}

// Path returns where an artifact that is a file lies.
func (g *Gathered) Path(artifact string) string {
	return filepath.Join(g.folder, filepath.FromSlash(g.paths[artifact]))
}

// ErrChanged means that an artifact is not what was judged. The caller must not
// sign it.
var ErrChanged = errors.New("changed after it was judged")

// Unchanged hashes the artifacts that are files again and says with
// [ErrChanged] which are not what was judged: between judging and signing,
// another process may have written. An image is its digest.
func (g *Gathered) Unchanged(ctx context.Context, watch Watch) error {
	root, err := os.OpenRoot(g.folder)
	if err != nil {
		return fmt.Errorf("opening the release folder: %w", err)
	}
	defer root.Close()
	files := g.Files()
	paths := make([]string, len(files))
	for i, a := range files {
		paths[i] = g.paths[a.Name]
	}
	digests, err := hashAll(ctx, root, paths, false, watch)
	if err != nil {
		return err
	}
	var faults []error
	for i, a := range files {
		if !digests[i].sha256.Matches(a.Digest) {
			faults = append(faults, fmt.Errorf("artifact %s %w: it was %s, it is %s", a.Name, ErrChanged, a.Digest, digests[i].sha256))
		}
	}
	return errors.Join(faults...)
}

// ByName returns the formats by name, for [Judge].
func ByName(formats []criteria.Format) map[string]criteria.Format {
	out := make(map[string]criteria.Format, len(formats))
	for _, f := range formats {
		out[f.Name()] = f
	}
	return out
}

// Read reads r in its format, which must be one of formats.
func (r Report) Read(formats map[string]criteria.Format) (criteria.Evidence, error) {
	f, ok := formats[r.Format]
	if !ok {
		return criteria.Evidence{}, fmt.Errorf("report %s: unknown format %q", r.Name, r.Format)
	}
	if r.Problem != "" {
		return criteria.UnreadEvidence(f, r.Name, r.Problem, r.Declared), nil
	}
	return criteria.ReadSignedEvidence(f, r.Name, r.Data, r.TrustedRoot, r.RegistryKeys, r.Declared), nil
}
