package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// lcov reads the tracefiles of lcov and of the tools that write the same
// (https://manpages.debian.org/unstable/lcov/geninfo.1.en.html, "FILES").
// Several tests may report one file; a line or branch counts once, as covered
// where any of them reached it.
type lcov struct{}

var _ criteria.Format = lcov{}

func (lcov) Name() string           { return "lcov" }
func (lcov) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactCoverage} }

var lcovKey = regexp.MustCompile(`^[A-Z_]{2,12}:`)

// lcovRecord counts one record, to be compared with its own totals.
type lcovRecord struct {
	file                   string
	lines, hit             map[string]bool
	branches, taken        map[string]bool
	saidLines, saidHit     string
	saidBranches, saidTook string
}

func newLCOVRecord(file string) *lcovRecord {
	return &lcovRecord{file: file, lines: map[string]bool{}, hit: map[string]bool{}, branches: map[string]bool{}, taken: map[string]bool{}}
}

func (lcov) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	lines, branches := make(map[string]bool), make(map[string]bool)
	var rec *lcovRecord
	records := 0
	for i, text := range bytes.Split(data, []byte("\n")) {
		line := strings.TrimRight(string(text), "\r")
		at := func(format string, args ...any) (criteria.Facts, error) {
			return criteria.Facts{}, fmt.Errorf("line %d: %w", i+1, fmt.Errorf(format, args...))
		}
		key, value, _ := strings.Cut(line, ":")
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line == "end_of_record":
			if rec == nil {
				return at("a record ends that did not begin")
			}
			if err := rec.check(); err != nil {
				return at("%w", err)
			}
			merge(lines, rec.file, rec.lines, rec.hit)
			merge(branches, rec.file, rec.branches, rec.taken)
			records++
			rec = nil
		case !lcovKey.MatchString(line):
			return at("is not of an lcov tracefile: expected a key such as SF: or DA:")
		case key == "SF":
			if rec != nil {
				return at("a record begins inside another: end_of_record is missing")
			}
			if len(value) > maxPath {
				return at("the file's name has %d bytes, expected at most %d", len(value), maxPath)
			}
			rec = newLCOVRecord(value)
		case key == "TN":
		case rec == nil:
			return at("%s stands outside of a record", key)
		default:
			if err := rec.add(key, value); err != nil {
				return at("%w", err)
			}
		}
	}
	switch {
	case rec != nil:
		return criteria.Facts{}, errors.New("ends in the middle of a record")
	case records == 0:
		return criteria.Facts{}, errors.New("holds no record")
	}
	cov := &criteria.Coverage{Lines: ratioOf(lines)}
	if len(branches) > 0 {
		cov.Branches = ratioOf(branches)
	}
	return criteria.Facts{Coverage: cov}, nil
}

func (r *lcovRecord) add(key, value string) error {
	fields := strings.Split(value, ",")
	switch key {
	case "DA": // line, times run, optionally a checksum
		if len(fields) < 2 || len(fields) > 3 {
			return errors.New("DA takes a line and how often it ran")
		}
		n, err := strconv.ParseFloat(fields[1], 64)
		if _, bad := strconv.ParseUint(fields[0], 10, 32); bad != nil || err != nil || !(n >= 0) {
			return errors.New("DA takes a line and how often it ran")
		}
		r.lines[fields[0]] = true
		if n > 0 {
			r.hit[fields[0]] = true
		}
	case "BRDA": // line, block, branch, times taken or -
		if len(fields) < 4 {
			return errors.New("BRDA takes a line, a block, a branch and how often it was taken")
		}
		last := len(fields) - 1
		id := strings.Join(fields[:last], ",")
		n, err := 0.0, error(nil)
		if fields[last] != "-" {
			n, err = strconv.ParseFloat(fields[last], 64)
		}
		if err != nil || !(n >= 0) {
			return errors.New("BRDA takes a line, a block, a branch and how often it was taken")
		}
		r.branches[id] = true
		if n > 0 {
			r.taken[id] = true
		}
	case "LF":
		r.saidLines = value
	case "LH":
		r.saidHit = value
	case "BRF":
		r.saidBranches = value
	case "BRH":
		r.saidTook = value
	}
	return nil
}

// check compares the record's totals with what is in it.
func (r *lcovRecord) check() error {
	have := criteria.Ratio{Covered: int64(len(r.hit)), Total: int64(len(r.lines))}
	if !saysRatio(r.saidHit, r.saidLines, have) {
		return fmt.Errorf("%s has %s of %s lines covered according to its totals, but %d of %d in it", r.file, r.saidHit, r.saidLines, have.Covered, have.Total)
	}
	have = criteria.Ratio{Covered: int64(len(r.taken)), Total: int64(len(r.branches))}
	if !saysRatio(r.saidTook, r.saidBranches, have) {
		return fmt.Errorf("%s has %s of %s branches covered according to its totals, but %d of %d in it", r.file, r.saidTook, r.saidBranches, have.Covered, have.Total)
	}
	return nil
}

func merge(into map[string]bool, file string, all, covered map[string]bool) {
	for id := range all {
		k := file + "\x00" + id
		into[k] = into[k] || covered[id]
	}
}

func ratioOf(units map[string]bool) *criteria.Ratio {
	r := &criteria.Ratio{Total: int64(len(units))}
	for _, covered := range units {
		if covered {
			r.Covered++
		}
	}
	return r
}
