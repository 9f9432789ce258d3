package criteria_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/criteria"
)

type panicking struct{ report }

func (panicking) Read(io.Reader) (criteria.Facts, error) { panic("index out of range") }

func TestReadEvidence(t *testing.T) {
	tests := criteria.Facts{Tests: &criteria.Tests{Passed: 1}}
	gives := []criteria.Fact{criteria.FactTests}
	with := func(alter func(*criteria.Facts)) criteria.Facts {
		f := tests
		alter(&f)
		return f
	}
	zone := time.FixedZone("", 3600)
	for _, tt := range []struct {
		name     string
		format   criteria.Format
		declared criteria.Declared
		want     criteria.Evidence
	}{
		{"silent", report{name: "f", gives: gives, facts: tests}, criteria.Declared{}, criteria.Evidence{}},
		{
			"declared",
			report{name: "f", gives: gives, facts: tests},
			criteria.Declared{About: about(linux), Time: now.In(zone).Add(time.Millisecond)},
			criteria.Evidence{About: about(linux), Vouched: true, Time: now, TimeVouched: true},
		},
		{"own_subject", report{name: "f", gives: gives, facts: with(func(f *criteria.Facts) { f.Subjects = about(linux) })}, criteria.Declared{}, criteria.Evidence{About: about(linux)}},
		{"own_subject_confirmed", report{name: "f", gives: gives, facts: with(func(f *criteria.Facts) { f.Subjects = about(linux, darwin) })}, criteria.Declared{About: about(linux)}, criteria.Evidence{About: about(linux, darwin)}},
		{
			"own_subject_denied",
			report{name: "f", gives: gives, facts: with(func(f *criteria.Facts) { f.Subjects = about(linux) })},
			criteria.Declared{About: about(darwin)},
			criteria.Evidence{About: about(linux), Problem: "is about " + linux.Digest.Short() + ", not about " + darwin.Digest.Short() + " as the release file says"},
		},
		{
			"own_zero_subject_denied",
			report{name: "f", gives: gives, facts: with(func(f *criteria.Facts) { f.Subjects = []criteria.Digest{{}} })},
			criteria.Declared{About: []criteria.Digest{{}}},
			criteria.Evidence{About: []criteria.Digest{{}}, Problem: "is about , not about  as the release file says"},
		},
		{"own_product", report{name: "f", gives: gives, facts: with(func(f *criteria.Facts) { f.Products = []string{"pkg:a/b"} })}, criteria.Declared{}, criteria.Evidence{Products: []string{"pkg:a/b"}}},
		{
			"own_product_declared_bytes",
			report{name: "f", gives: gives, facts: with(func(f *criteria.Facts) { f.Products = []string{"pkg:a/b"} })},
			criteria.Declared{About: about(linux)},
			criteria.Evidence{About: about(linux), Vouched: true, Products: []string{"pkg:a/b"}},
		},
		{"own_time", report{name: "f", gives: gives, facts: with(func(f *criteria.Facts) { f.Time = now.In(zone) })}, criteria.Declared{Time: now.Add(time.Hour)}, criteria.Evidence{Time: now}},
		{"error", report{name: "f", gives: gives, facts: tests, err: errors.New("is no report")}, criteria.Declared{About: about(linux)}, criteria.Evidence{About: about(linux), Vouched: true, Problem: "is no report"}},
		{"panic", panicking{report{name: "f", gives: gives}}, criteria.Declared{}, criteria.Evidence{Problem: "reading it as f failed inside the reader: index out of range"}},
		{"no_facts", report{name: "f", gives: gives, facts: criteria.Facts{Analysis: &criteria.Scan{}}}, criteria.Declared{}, criteria.Evidence{Problem: "holds nothing that the format is read for"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := criteria.ReadEvidence(tt.format, "name", []byte("bytes"), tt.declared)
			want := tt.want
			want.Name, want.Format, want.Gives, want.Digest, want.Declared = "name", "f", gives, criteria.DigestOf([]byte("bytes")), tt.declared
			if got.Problem != "" && got.Facts.Tests != nil {
				t.Error("unreadable evidence gives facts")
			}
			if got.Problem == "" && got.Facts.Tests == nil {
				t.Error("read evidence gives no facts")
			}
			got.Facts = criteria.Facts{}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b criteria.Digest) bool { return a == b })); diff != "" {
				t.Errorf("ReadEvidence() differs (-want +got):\n%s", diff)
			}
		})
	}
}

// The reader gets all of the bytes that the digest is of.
func TestReadEvidence_digest(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 1<<20)
	var seen []byte
	f := capturing{report{name: "f", gives: []criteria.Fact{criteria.FactTests}, facts: criteria.Facts{Tests: &criteria.Tests{}}}, &seen}
	e := criteria.ReadEvidence(f, "n", data, criteria.Declared{})
	if !e.Digest.Matches(criteria.DigestOf(seen)) || e.Problem != "" {
		t.Errorf("the digest %v is not of the %d bytes read (%s)", e.Digest, len(seen), e.Problem)
	}
}

type capturing struct {
	report
	seen *[]byte
}

func (c capturing) Read(r io.Reader) (f criteria.Facts, err error) {
	*c.seen, err = io.ReadAll(r)
	return c.facts, err
}
