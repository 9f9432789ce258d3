package trustroot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxKept bounds the file in which a repository is kept: its metadata and two
// targets, in base64.
const maxKept = 32 << 20

// kept is a repository as it was last seen. It is one file, whole or not at all:
// metadata of which half is newer than the other half verifies nowhere.
type kept struct {
	Address string `json:"address"`
	// Begun is the digest of the root.json that somebody gave: the anchor.
	Begun criteria.Digest `json:"begun"`
	// Root is the newest root.json, each signed by the one before it.
	Root      []byte `json:"root"`
	Timestamp []byte `json:"timestamp,omitempty"`
	Snapshot  []byte `json:"snapshot,omitempty"`
	Targets   []byte `json:"targets,omitempty"`
	// Files are the targets by name.
	Files map[string][]byte `json:"files,omitempty"`
	// Refreshed is when the repository was last asked and answered, Tried when it
	// was last asked and did not.
	Refreshed time.Time `json:"refreshed,omitzero"`
	Tried     time.Time `json:"tried,omitzero"`
}

// errNothing says that nothing was fetched yet.
var errNothing = errors.New("nothing was fetched from it yet")

// State is what is kept of a repository.
type State struct {
	Address string `json:"address"`
	// Begun is the digest of the root.json that was given for it.
	Begun criteria.Digest `json:"begun"`
	// Version is of the newest root.json.
	Version int64 `json:"version"`
	// Refreshed is when it was last asked and answered; zero if never.
	Refreshed time.Time `json:"refreshed,omitzero"`
	// Expires is when the first of its metadata does: nothing that is kept counts
	// after it.
	Expires time.Time `json:"expires,omitzero"`
	// Files are the digests of the targets by name.
	Files map[string]criteria.Digest `json:"files,omitempty"`
}

// begin is a repository of which nothing is known but its anchor.
func begin(address string, root []byte) (*kept, error) {
	if _, err := trusted(root, time.Time{}); err != nil {
		return nil, fmt.Errorf("reading the root.json of %s: %w", address, err)
	}
	return &kept{Address: address, Begun: criteria.DigestOf(root), Root: root}, nil
}

// trusted reads a root.json. The library reads what anyone may have written; a
// fault in it is an error like another.
func trusted(root []byte, now time.Time) (set *trustedmetadata.TrustedMetadata, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading it failed unexpectedly: %v", p)
		}
	}()
	if set, err = trustedmetadata.New(root); err != nil {
		return nil, err
	}
	set.RefTime = now
	return set, nil
}

// verified is k's metadata if it is whole, signed as the root says, and has not
// expired by now.
func (k *kept) verified(now time.Time) (set *trustedmetadata.TrustedMetadata, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading it failed unexpectedly: %v", p)
		}
	}()
	if k.Timestamp == nil || k.Snapshot == nil || k.Targets == nil {
		return nil, errNothing
	}
	if set, err = trusted(k.Root, now); err != nil {
		return nil, err
	}
	if _, err = set.UpdateTimestamp(k.Timestamp); err != nil {
		return nil, err
	}
	if _, err = set.UpdateSnapshot(k.Snapshot, false); err != nil {
		return nil, err
	}
	if _, err = set.UpdateTargets(k.Targets); err != nil {
		return nil, err
	}
	return set, nil
}

// files returns the named targets as k's metadata vouches for them now.
func (k *kept) files(now time.Time, names []string) ([][]byte, error) {
	set, err := k.verified(now)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, name := range names {
		info, ok := set.Targets[metadata.TARGETS].Signed.Targets[name]
		if !ok || info == nil {
			return nil, fmt.Errorf("it distributes no %s", name)
		}
		data, ok := k.Files[name]
		if !ok {
			return nil, fmt.Errorf("%s was not fetched", name)
		}
		if err := info.VerifyLengthHashes(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, data)
	}
	return out, nil
}

// state says what is kept, as far as it can be read.
func (k *kept) state() (s State, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading it failed unexpectedly: %v", p)
		}
	}()
	set, err := trusted(k.Root, time.Time{})
	if err != nil {
		return State{}, err
	}
	s = State{Address: k.Address, Begun: k.Begun, Version: set.Root.Signed.Version, Refreshed: k.Refreshed}
	if set, err = k.verified(time.Time{}); errors.Is(err, errNothing) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	ends := []time.Time{set.Root.Signed.Expires, set.Timestamp.Signed.Expires, set.Snapshot.Signed.Expires, set.Targets[metadata.TARGETS].Signed.Expires}
	s.Expires = slices.MinFunc(ends, time.Time.Compare).UTC()
	for name, data := range k.Files {
		if s.Files == nil {
			s.Files = make(map[string]criteria.Digest)
		}
		s.Files[name] = criteria.DigestOf(data)
	}
	return s, nil
}

// read returns what dir keeps of the repository at address, nil if it keeps
// nothing.
func read(dir, address string) (*kept, error) {
	data, err := regular.File(filepath.Join(dir, file(address)), maxKept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k kept
	if err := strict.JSON(data, &k); err != nil {
		return nil, err
	}
	if k.Address != address || len(k.Root) == 0 || k.Begun.IsZero() {
		return nil, fmt.Errorf("what is kept is not of %s", address)
	}
	return &k, nil
}

// put writes k unless another process has kept meanwhile what is newer: that is
// not rolled back.
func (k *kept) put(dir string, now time.Time) error {
	other, err := read(dir, k.Address)
	if err == nil && other != nil && other.Begun == k.Begun {
		ours, theirs := k.versions(), other.versions()
		for i := range ours {
			switch {
			case theirs[i] > ours[i]:
				return nil
			case i == 0 && ours[i] > theirs[i]:
				// A new root may have its roles begin anew.
				return k.write(dir)
			}
		}
		// What is of a time that is not yet was written by a clock that was wrong.
		if other.Refreshed.After(k.Refreshed) && !other.Refreshed.After(now) {
			return nil
		}
	}
	return k.write(dir)
}

// versions are those of k's metadata from the root on, zero where there is none
// that counts at any time.
func (k *kept) versions() (v [4]int64) {
	set, err := k.verified(time.Time{})
	if err != nil {
		return v
	}
	return [4]int64{set.Root.Signed.Version, set.Timestamp.Signed.Version, set.Snapshot.Signed.Version, set.Targets[metadata.TARGETS].Signed.Version}
}

// write keeps k in dir, which it makes for its owner alone: whoever can write
// there decides who is trusted.
func (k *kept) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, file(k.Address)), append(data, '\n'), 0o600)
}

// said is err in the words of this package.
func said(err error, address string, refreshed time.Time) error {
	switch {
	case errors.Is(err, errNothing):
		return fmt.Errorf("nothing was fetched from %s yet", address)
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		what := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "final "), "new ")
		return fmt.Errorf("what was fetched from %s on %s counts no more: %s", address, refreshed.UTC().Format(time.DateOnly), strings.TrimPrefix(what, "expired metadata error: "))
	}
	return fmt.Errorf("what was fetched from %s: %w", address, err)
}
