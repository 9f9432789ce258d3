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

// loadRoot reads the trusted root called name, which begins in dir if it is a
// relative path. It returns what to call it, too.
func loadRoot(dir, name string, roots Roots) (*root.TrustedRoot, string, error) {
	var data []byte
	var err error
	switch {
	case name == PublicGood:
		data = publicGood
	case strings.HasPrefix(name, TUF) && roots == nil:
		return nil, name, errors.New("nobody here keeps " + name)
	case strings.HasPrefix(name, TUF):
		if data, err = roots.TrustedRoot(name); err != nil {
			return nil, name, fmt.Errorf("finding the trusted root of %s: %w", name, err)
		}
	default:
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if data, err = readRoot(name); err != nil {
			return nil, name, fmt.Errorf("reading the trusted root: %w", err)
		}
	}
	trusted, err := root.NewTrustedRootFromJSON(data)
	if err != nil {
		return nil, name, fmt.Errorf("reading the trusted root %s: %v", name, err)
	}
	return trusted, name, nil
}

// lists says which required witness nobody in the trusted root could be.
func lists(trusted *root.TrustedRoot, path string, require []Witness) error {
	listed := map[Witness]int{
		Log: len(trusted.RekorLogs()), SCT: len(trusted.CTLogs()), Timestamp: len(trusted.TimestampingAuthorities()),
	}
	for _, w := range require {
		if listed[w] == 0 {
			return fmt.Errorf("the trusted root %s lists nobody who could be the required %q", path, w)
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
