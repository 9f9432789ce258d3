package verify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/hallmark-project/hallmark/criteria"
)

// How a trust file names a trusted root that is no file beside it.
const (
	// PublicGood is Sigstore's public instance, as this program was built with
	// it: it asks no network, and knows no key that came later.
	PublicGood = "public-good"
	// TUF and the address of a repository, as in tuf:https://tuf.example, is the
	// trusted root that The Update Framework keeps there. It is for [WithRoots] to
	// find.
	TUF = "tuf:"
)

// Roots finds the trusted roots that begin with [TUF]. It is asked while a
// verifier is made and never after.
type Roots interface {
	TrustedRoot(name string) ([]byte, error)
}

// maxRoot bounds a trusted root's file; the public one has some 10 kB.
const maxRoot = 4 << 20

// anchor is a trusted root as it was read.
type anchor struct {
	*root.TrustedRoot
	called   string               // for people
	digest   criteria.Digest      // of its bytes
	material root.TrustedMaterial // the same, remembering what it verified
}

// load reads the trusted root called name, which begins in dir if it is a
// relative path.
func (s *Shared) load(dir, name string, roots Roots) (*anchor, error) {
	data, name, err := readTrusted(dir, name, roots)
	if err != nil {
		return nil, err
	}
	id := criteria.DigestOf(data)
	m, err := s.root(data, id)
	if err != nil {
		return nil, fmt.Errorf("reading the trusted root %s: %v", name, err)
	}
	return &anchor{TrustedRoot: m.TrustedRoot, called: name, digest: id, material: m}, nil
}

func readTrusted(dir, name string, roots Roots) ([]byte, string, error) {
	switch {
	case name == PublicGood:
		return publicGood, name, nil
	case strings.HasPrefix(name, TUF) && roots == nil:
		return nil, name, errors.New("nobody here keeps " + name)
	case strings.HasPrefix(name, TUF):
		data, err := roots.TrustedRoot(name)
		if err != nil {
			return nil, name, fmt.Errorf("finding the trusted root of %s: %w", name, err)
		}
		return data, name, nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	data, err := readRoot(name)
	if err != nil {
		return nil, name, fmt.Errorf("reading the trusted root: %w", err)
	}
	return data, name, nil
}

// TrustedRoot returns the bytes of the trusted root that s, one of e's signers,
// names, and holds that they are one.
func (e Expect) TrustedRoot(s Signer, roots Roots) ([]byte, error) {
	data, name, err := readTrusted(e.dir, s.TrustedRoot, roots)
	if err != nil {
		return nil, err
	}
	if _, err := root.NewTrustedRootFromJSON(data); err != nil {
		return nil, fmt.Errorf("reading the trusted root %s: %v", name, err)
	}
	return data, nil
}

// lists says which required witness nobody in the trusted root could be.
func lists(trusted *anchor, require []Witness) error {
	listed := map[Witness]int{
		Log: len(trusted.RekorLogs()), SCT: len(trusted.CTLogs()), Timestamp: len(trusted.TimestampingAuthorities()),
	}
	for _, w := range require {
		if listed[w] == 0 {
			return fmt.Errorf("the trusted root %s lists nobody who could be the required %q", trusted.called, w)
		}
	}
	return nil
}

func readRoot(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRoot+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRoot {
		return nil, fmt.Errorf("%s is too large: more than %d bytes", path, maxRoot)
	}
	return data, nil
}

// required is what a signer's witnesses are, without two ways to write them.
func required(ws []Witness) string {
	sorted := slices.Clone(ws)
	slices.Sort(sorted)
	return fmt.Sprint(sorted)
}
