package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// goCover reads the profile that go test -coverprofile writes: a mode, then one
// block of statements a line (https://pkg.go.dev/cmd/cover). Tests of several
// packages report the same block several times with -coverpkg; it counts once,
// as covered where any of them ran it.
type goCover struct{}

var _ criteria.Format = goCover{}

func (goCover) Name() string           { return "go-cover" }
func (goCover) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactCoverage} }

var goCoverBlock = regexp.MustCompile(`^(.+:[0-9]+\.[0-9]+,[0-9]+\.[0-9]+) ([0-9]{1,9}) ([0-9]+)$`)

func (goCover) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	type block struct {
		statements int64
		covered    bool
	}
	blocks := make(map[string]block)
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	switch string(bytes.TrimSpace(first)) {
	case "mode: set", "mode: count", "mode: atomic":
	default:
		return criteria.Facts{}, errors.New("is not a Go coverage profile: expected the first line to be mode: set, count or atomic")
	}
	for i, line := range bytes.Split(rest, []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			continue
		}
		m := goCoverBlock.FindSubmatch(line)
		if m == nil {
			return criteria.Facts{}, fmt.Errorf("line %d is not a block such as name.go:1.2,3.4 5 6", i+2)
		}
		n, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil {
			return criteria.Facts{}, fmt.Errorf("line %d: %q is not a number of statements", i+2, m[2])
		}
		b, seen := blocks[string(m[1])]
		if seen && b.statements != n {
			return criteria.Facts{}, fmt.Errorf("line %d: the block has %d statements here and %d before: the profiles merged are of different sources", i+2, n, b.statements)
		}
		b.statements = n
		b.covered = b.covered || len(bytes.Trim(m[3], "0")) > 0
		blocks[string(m[1])] = b
	}
	ratio := &criteria.Ratio{}
	for _, b := range blocks {
		ratio.Total += b.statements
		if b.covered {
			ratio.Covered += b.statements
		}
	}
	return criteria.Facts{Tool: criteria.Tool{Name: "go test"}, Coverage: &criteria.Coverage{Statements: ratio}}, nil
}
