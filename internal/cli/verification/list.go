package verification

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// Limits on a list of what to verify. It is held in memory while it is worked
// through, and nothing else is.
const (
	maxList    = 64 << 20  // bytes
	maxEntries = 1_000_000 // lines that name something
	maxEntry   = 4096      // bytes of such a line
	maxFaults  = 20        // bad lines that are shown
)

// entry is one line of a list.
type entry struct {
	line int
	text string
}

// readList reads the list in file, or from in where file is "-". All of it is
// checked before anything is verified: check is asked about each entry, and an
// error of it is the line's fault. What stands twice is verified once.
func readList(file string, in io.Reader, check func(text string) error) ([]entry, error) {
	var data []byte
	var err error
	name := file
	if file == "-" {
		name = "stdin"
		if data, err = strict.Read(in, maxList); err != nil {
			err = &strict.Error{File: name, Msg: err.Error()}
		}
	} else {
		data, err = regular.File(file, maxList)
	}
	if err != nil {
		return nil, console.Misused(fmt.Errorf("reading the list: %w", err))
	}
	return parseList(name, string(data), check)
}

func parseList(name, data string, check func(text string) error) ([]entry, error) {
	var entries []entry
	var faults strict.Errors
	bad := 0
	seen := make(map[string]bool)
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(data, "\ufeff")) {
		number++
		text := strings.Trim(line, " \t\r\n")
		if text == "" || strings.HasPrefix(text, "#") || seen[text] {
			continue
		}
		fault := malformed(text)
		if fault == nil {
			fault = check(text)
		}
		if fault != nil {
			if bad++; bad <= maxFaults {
				faults = append(faults, &strict.Error{File: name, Line: number, Column: 1, Msg: told(fault)})
			}
			continue
		}
		if len(entries) == maxEntries {
			return nil, console.Misused(&strict.Error{File: name, Line: number, Column: 1, Msg: fmt.Sprintf("more than %d lines", maxEntries)},
				"cut the list into several, or verify parts of it with --shard")
		}
		seen[text] = true
		entries = append(entries, entry{number, text})
	}
	switch {
	case bad > maxFaults:
		faults = append(faults, &strict.Error{File: name, Msg: fmt.Sprintf("%d more lines are no artifact, digest or image", bad-maxFaults)})
		return nil, console.Misused(faults)
	case bad > 0:
		return nil, console.Misused(faults)
	case len(entries) == 0:
		return nil, console.Misused(fmt.Errorf("%s names nothing to verify", name), "write one file, folder, digest or image a line")
	}
	return entries, nil
}

// malformed says what is wrong with a line whatever it names.
func malformed(text string) error {
	switch {
	case len(text) > maxEntry:
		return fmt.Errorf("has %d bytes, expected at most %d", len(text), maxEntry)
	case !utf8.ValidString(text):
		return errors.New("is not UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%q holds a control character", text)
	}
	return nil
}

// told is err with its hints, on one line.
func told(err error) string {
	var own *console.ExitError
	if errors.As(err, &own) && len(own.Hints) > 0 {
		return err.Error() + ": " + strings.Join(own.Hints, "; ")
	}
	return err.Error()
}

// shard is one of several parts of a list. The zero value is all of it.
type shard struct{ index, count int }

// maxShards bounds into how many parts a list is cut.
const maxShards = 100_000

// parseShard reads I/N.
func parseShard(s string) (shard, error) {
	if s == "" {
		return shard{}, nil
	}
	first, second, ok := strings.Cut(s, "/")
	index, err1 := strconv.Atoi(first)
	count, err2 := strconv.Atoi(second)
	if !ok || err1 != nil || err2 != nil || first != strconv.Itoa(index) || second != strconv.Itoa(count) {
		return shard{}, console.Misused(fmt.Errorf("--shard %q: expected I/N, such as 0/4 for the first of four", s))
	}
	switch {
	case count < 1 || count > maxShards:
		return shard{}, console.Misused(fmt.Errorf("--shard %q: expected 1 to %d shards", s, maxShards))
	case index < 0 || index >= count:
		return shard{}, console.Misused(fmt.Errorf("--shard %q: shards are counted from 0, so the last one is %d/%d", s, count-1, count))
	}
	return shard{index, count}, nil
}

// has reports whether the entry belongs to s: the first eight bytes of its
// SHA-256 digest, as a number in network byte order, modulo the number of
// shards. So each entry is in one shard and stays there, whatever else the list
// holds.
func (s shard) has(text string) bool {
	if s.count < 2 {
		return true
	}
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:8])%uint64(s.count) == uint64(s.index)
}

// of returns the entries that belong to s.
func (s shard) of(all []entry) []entry {
	if s.count < 2 {
		return all
	}
	var own []entry
	for _, e := range all {
		if s.has(e.text) {
			own = append(own, e)
		}
	}
	return own
}
