package admission

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/internal/wildcard"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
)

// state is what the trust directory said when it was read. It does not change;
// a request is answered by one state from beginning to end.
type state struct {
	digest   string // of everything that it was read from
	atomic   bool   // the directory is replaced as a whole
	file     *File
	policies []*policy
	exempt   map[string]bool
	allowed  []netip.Prefix
	repos    *repositories
	roots    []rootFile
	shared   *verify.Shared // by all verifiers, of the states before, too
	loaded   time.Time
}

// rootFile is a trusted root, and when it was written.
type rootFile struct {
	trust, path string
	written     time.Time
}

// policy is a [Policy] that is ready to be asked.
type policy struct {
	Policy
	namespaces, images []*regexp.Regexp
	trusts             []*trust
	source             verify.Source // nil where bundles are in the image's registry
	where              string        // what source is, for keys
}

// trust is a trust file that is ready to be asked.
type trust struct {
	name string
	// id changes with all that an answer rests on but bundles and time.
	id       string
	verifier *verify.Verifier
}

// matches reports whether p is about an image. repository is its name as
// patterns are written.
func (p *policy) matches(namespace, repository string, labels map[string]string) bool {
	return matchesAny(p.namespaces, namespace) && matchesAny(p.images, repository) && p.Match.Labels.meets(labels)
}

// concerns reports whether p is about an image in namespace, or in any where
// namespace is empty, for some labels.
func (p *policy) concerns(namespace, repository string) bool {
	return (namespace == "" || matchesAny(p.namespaces, namespace)) && matchesAny(p.images, repository)
}

func matchesAny(patterns []*regexp.Regexp, s string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(s) })
}

// failsOpen reports whether p accepts in namespace what could not be told.
func (p *policy) failsOpen(namespace string) bool { return slices.Contains(p.FailOpen, namespace) }

// contents is what lies in a trust directory, read at one time.
type contents struct {
	file   *File
	trusts map[string]*trustFile
	digest string
	atomic bool
}

type trustFile struct {
	want  verify.Expect
	sum   []byte // of its bytes, and of the trusted roots that it names
	roots []rootFile
}

// errChanging is met where a directory changed while it was read.
var errChanging = errors.New("the trust directory is being changed")

// readContents reads the trust directory. Kubernetes replaces what it mounts by
// turning the link ..data: all is read from where that leads now.
func readContents(dir string) (*contents, error) {
	c := &contents{trusts: make(map[string]*trustFile)}
	real := dir
	if target, err := filepath.EvalSymlinks(filepath.Join(dir, "..data")); err == nil {
		real, c.atomic = target, true
	}
	all := sha256.New()
	data, err := regular.File(filepath.Join(real, FileName), strict.MaxConfig)
	if err != nil {
		return nil, fmt.Errorf("reading the trust directory: %w", err)
	}
	note(all, FileName, data)
	if c.file, err = ParseFile(filepath.Join(dir, FileName), data); err != nil {
		return nil, err
	}
	for _, p := range c.file.Policies {
		for _, name := range p.Trust {
			if c.trusts[name] != nil {
				continue
			}
			path := name
			if !filepath.IsAbs(path) {
				path = filepath.Join(real, name)
			}
			t, err := readTrust(name, path, all)
			if err != nil {
				return nil, fmt.Errorf("policy %s: trust file %s: %w", p.Name, name, err)
			}
			c.trusts[name] = t
		}
	}
	c.digest = hex.EncodeToString(all.Sum(nil))
	return c, nil
}

func readTrust(name, path string, all hash.Hash) (*trustFile, error) {
	data, err := regular.File(path, strict.MaxConfig)
	if err != nil {
		return nil, err
	}
	note(all, name, data)
	own := sha256.New()
	note(own, "", data)
	t := new(trustFile)
	if t.want, err = verify.ParseTrust(path, data); err != nil {
		return nil, err
	}
	for _, root := range rootsOf(reflect.ValueOf(t.want)) {
		if root == verify.PublicGood || strings.HasPrefix(root, verify.TUF) ||
			slices.ContainsFunc(t.roots, func(r rootFile) bool { return r.path == root }) {
			continue
		}
		full := root
		if !filepath.IsAbs(full) {
			full = filepath.Join(filepath.Dir(path), root)
		}
		data, err := regular.File(full, strict.MaxConfig)
		if err != nil {
			return nil, fmt.Errorf("reading the trusted root: %w", err)
		}
		note(all, full, data)
		note(own, root, data)
		r := rootFile{trust: name, path: root}
		if info, err := os.Stat(full); err == nil {
			r.written = info.ModTime()
		}
		t.roots = append(t.roots, r)
	}
	t.sum = own.Sum(nil)
	return t, nil
}

// rootsOf are the trusted roots that a trust file names, wherever it does: for
// the verdict's signers, for those of what it requires beside, for builders.
func rootsOf(v reflect.Value) []string {
	var out []string
	visit(v, "TrustedRoot", func(v reflect.Value) {
		if v.Kind() == reflect.String && v.String() != "" {
			out = append(out, v.String())
		}
	})
	return out
}

// visit calls f with every field in v that is called name.
func visit(v reflect.Value, name string, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), name, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), name, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.IsExported() && field.Name == name {
				f(v.Field(i))
			} else if field.IsExported() {
				visit(v.Field(i), name, f)
			}
		}
	}
}

// note adds data, called name, to a sum, so that nothing can stand for another.
func note(h hash.Hash, name string, data []byte) {
	fmt.Fprintf(h, "%d %s %d ", len(name), name, len(data))
	h.Write(data)
}

// nowhere is the source of verifiers that are asked through others.
type nowhere struct{}

func (nowhere) Bundles(context.Context, criteria.Digest) ([]attest.Bundle, error) {
	return nil, errors.New("nobody said where its bundles are")
}

// newState makes c ready to be asked. What before has read and opened is taken
// over where it is the same.
func newState(c *contents, before *state, now func() time.Time, repos func(allowed []netip.Prefix) *repositories) (*state, error) {
	s := &state{digest: c.digest, atomic: c.atomic, file: c.file, exempt: make(map[string]bool), loaded: now()}
	for _, n := range c.file.ExemptNamespaces {
		s.exempt[n] = true
	}
	var network []string
	for _, a := range c.file.Registries.AllowedAddresses {
		p, err := parsePrefix(a)
		if err != nil {
			return nil, err
		}
		s.allowed = append(s.allowed, p)
		network = append(network, p.String())
	}
	s.repos = repos(s.allowed)
	slices.Sort(network)
	s.shared = new(verify.Shared)
	if before != nil {
		s.shared = before.shared
	}
	old := make(map[string]*trust)
	sources := make(map[string]verify.Source)
	if before != nil {
		for _, p := range before.policies {
			for _, t := range p.trusts {
				old[t.id] = t
			}
			sources[p.where] = p.source
		}
	}
	for _, configured := range c.file.Policies {
		p := &policy{Policy: configured}
		for _, n := range p.Match.Namespaces {
			p.namespaces = append(p.namespaces, wildcard.Compile(n))
		}
		for _, i := range p.Match.Images {
			compiled, err := newImagePattern(i)
			if err != nil {
				return nil, err
			}
			p.images = append(p.images, compiled)
		}
		switch {
		case p.Bundles.Folder != "":
			p.where = "folder " + p.Bundles.Folder
			p.source = sources[p.where]
			if p.source == nil {
				p.source = newFolder(p.Bundles.Folder, now)
			}
		case p.Bundles.Layout != "":
			p.where = "layout " + p.Bundles.Layout
			p.source = sources[p.where]
			if p.source == nil {
				p.source = source.Layout(p.Bundles.Layout)
			}
		}
		sources[p.where] = p.source
		for _, name := range p.Trust {
			file := c.trusts[name]
			id := sha256.New()
			note(id, p.where, file.sum)
			note(id, "network", []byte(strings.Join(network, " ")))
			t := &trust{name: name, id: string(id.Sum(nil))}
			if same := old[t.id]; same != nil {
				t.verifier = same.verifier
			} else {
				v, err := verify.New(nowhere{}, file.want, verify.WithClock(now), verify.WithoutDocuments(), verify.WithShared(s.shared))
				if err != nil {
					return nil, fmt.Errorf("policy %s: trust file %s: %w", p.Name, name, err)
				}
				t.verifier = v
			}
			p.trusts = append(p.trusts, t)
		}
		s.policies = append(s.policies, p)
	}
	for _, name := range sortedKeys(c.trusts) {
		s.roots = append(s.roots, c.trusts[name].roots...)
	}
	return s, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
