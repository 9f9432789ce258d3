package trustroot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sigstore/sigstore-go/pkg/tuf"
)

const (
	// fresh is how long what was fetched is used without asking again.
	fresh = 24 * time.Hour
	// again is how long a repository that did not answer is left alone, while what
	// is kept of it has not expired.
	again = 15 * time.Minute
	// short bounds how long a refresh may take where something is kept that will
	// do, long where nothing is.
	short = 5 * time.Second
	long  = 30 * time.Second
)

// Keeper keeps repositories in a folder. Several processes may share it.
type Keeper struct {
	// Dir is the folder. Required.
	Dir string
	// Offline has it ask no network, whatever is kept or not.
	Offline bool
	// Now is the present; nil is the system's clock.
	Now func() time.Time
	// Warn is told, in a sentence, what did not keep an answer from being given;
	// nil is nobody.
	Warn func(string)
}

// UnavailableError says that nothing of a repository can be used now: nothing is
// kept that has not expired, and nothing could be fetched.
type UnavailableError struct {
	Address string
	// Unbegun says that nobody ever gave its first root.json.
	Unbegun bool
	// Offline says that it was not asked.
	Offline bool
	Err     error
}

func (e *UnavailableError) Error() string { return e.Err.Error() }

func (e *UnavailableError) Unwrap() error { return e.Err }

// Hint is what to do about e.
func (e *UnavailableError) Hint() string {
	switch {
	case e.Unbegun:
		return "give its root.json, from a place you trust, once: hallmark trust root --tuf " + e.Address + " --root FILE"
	case e.Offline:
		return "fetch it while there is a network: hallmark trust root --tuf " + e.Address
	}
	return "or use the trusted root in a file: trustedRoot: FILE"
}

// Fetch returns the targets called names of the repository at address. What is
// kept and has not expired is returned at once if it is at most a day old. What
// is older is refreshed first, within a few seconds; if that fails, it is used
// all the same, and only said.
func (k Keeper) Fetch(ctx context.Context, address string, names ...string) ([][]byte, error) {
	return k.fetch(ctx, address, false, names)
}

// Refresh is Fetch that asks the repository however new what is kept is, and
// fails if it does not answer.
func (k Keeper) Refresh(ctx context.Context, address string, names ...string) ([][]byte, error) {
	return k.fetch(ctx, address, true, names)
}

func (k Keeper) fetch(ctx context.Context, address string, must bool, names []string) ([][]byte, error) {
	if k.Dir == "" {
		return nil, errors.New("finding a trusted root: there is no folder to keep it in")
	}
	address, err := Address(address)
	if err != nil {
		return nil, err
	}
	now := k.now()
	held, err := k.held(address)
	if err != nil {
		return nil, err
	}
	files, problem := held.files(now, names)
	problem = errIf(problem, address, held.Refreshed)
	switch {
	case k.Offline && problem != nil:
		return nil, &UnavailableError{Address: address, Offline: true, Err: fmt.Errorf("%w, and the network is not to be used", problem)}
	case k.Offline:
		return files, nil
	case problem == nil && !must && (recent(now, held.Refreshed, fresh) || recent(now, held.Tried, again)):
		return files, nil
	}
	patience := long
	if problem == nil && !must {
		patience = short
	}
	bounded, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no whole answer within %s", patience))
	defer cancel()
	newer, err := refresh(bounded, held, now)
	if err == nil {
		files, err = newer.files(now, names)
	}
	switch {
	case err == nil:
		if err := newer.put(k.Dir, now); err != nil {
			k.warn("what was fetched from %s could not be kept: %v", address, err)
		}
		return files, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case problem != nil || must:
		return nil, &UnavailableError{Address: address, Err: fmt.Errorf("fetching from %s: %w", address, err)}
	}
	held.Tried = now
	if err := held.put(k.Dir, now); err != nil {
		k.warn("that %s did not answer could not be noted: %v", address, err)
	}
	k.warn("%s did not answer, so what it distributed on %s is used: %v", address, held.Refreshed.UTC().Format(time.DateOnly), err)
	return files, nil
}

func errIf(err error, address string, refreshed time.Time) error {
	if err == nil {
		return nil
	}
	return said(err, address, refreshed)
}

// held is what is kept of a repository; of the public one, its first root.json
// is.
func (k Keeper) held(address string) (*kept, error) {
	held, err := read(k.Dir, address)
	switch {
	case err != nil && address != PublicGood:
		return nil, &UnavailableError{Address: address, Unbegun: true, Err: fmt.Errorf("reading what is kept of %s: %w", address, err)}
	case held != nil:
		return held, nil
	case address == PublicGood:
		return begin(address, tuf.DefaultRoot())
	}
	return nil, &UnavailableError{Address: address, Unbegun: true, Err: fmt.Errorf("nobody said by which root.json %s can be trusted", address)}
}

// Begin has the repository at address trusted by root, its root.json. What is
// kept of it stays if it began with the same one; else it is forgotten, and
// replaced says so.
func (k Keeper) Begin(address string, root []byte) (replaced bool, err error) {
	if k.Dir == "" {
		return false, errors.New("keeping a root.json: there is no folder to keep it in")
	}
	if address, err = Address(address); err != nil {
		return false, err
	}
	next, err := begin(address, root)
	if err != nil {
		return false, err
	}
	// What cannot be read is nothing that anybody could go on with.
	old, err := read(k.Dir, address)
	if err == nil && old != nil && old.Begun == next.Begun {
		return false, nil
	}
	if err := next.write(k.Dir); err != nil {
		return false, fmt.Errorf("keeping the root.json of %s: %w", address, err)
	}
	return old != nil || err != nil && !errors.Is(err, os.ErrNotExist), nil
}

// State says what is kept of the repository at address.
func (k Keeper) State(address string) (State, error) {
	address, err := Address(address)
	if err != nil {
		return State{}, err
	}
	held, err := k.held(address)
	if err != nil {
		return State{}, err
	}
	s, err := held.state()
	if err != nil {
		return s, &UnavailableError{Address: address, Err: said(err, address, held.Refreshed)}
	}
	return s, nil
}

func (k Keeper) now() time.Time {
	if k.Now == nil {
		return time.Now()
	}
	return k.Now()
}

func (k Keeper) warn(format string, args ...any) {
	if k.Warn != nil {
		k.Warn(fmt.Sprintf(format, args...))
	}
}

// recent reports whether t is less than span before now. What lies in the
// future, by a clock that was wrong, is not.
func recent(now, t time.Time, span time.Duration) bool {
	return !t.After(now) && now.Sub(t) < span
}
