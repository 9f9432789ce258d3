package criteria

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// Evidence is one report: whose bytes, what it is about, and what it says.
type Evidence struct {
	// Name is what the release file calls it, usually its path.
	Name string `json:"name"`
	// Format is the format that read it, named by the release file and never
	// sniffed: a report must not choose its own reader.
	Format string `json:"format"`
	// Digest is of the report's own bytes.
	Digest Digest `json:"digest"`
	// About are the subjects it speaks of: as the report itself says, or as
	// the pipeline says where the report names none (Vouched).
	About []Digest `json:"about,omitempty"`
	// Products are the package URLs that the report says it is about.
	Products []string `json:"products,omitempty"`
	// Vouched is true where About is the pipeline's word, not the report's.
	Vouched bool `json:"vouched,omitempty"`
	// Signer is the verified identity that signed it; empty if nobody did.
	Signer string `json:"signer,omitempty"`
	// Time is when it was made, zero if nobody says; TimeVouched is true where
	// that is the pipeline's word.
	Time        time.Time `json:"time,omitzero"`
	TimeVouched bool      `json:"timeVouched,omitempty"`
	// DatabaseTimeVouched is true where the age of the scanner's database is
	// the pipeline's word.
	DatabaseTimeVouched bool `json:"databaseTimeVouched,omitempty"`
	// Declared is all that the release file said of it, also where the report
	// itself said otherwise and was believed.
	Declared Declared `json:"declared,omitzero"`
	// Gives are the facts its format gives, known even if it is unreadable.
	Gives []Fact `json:"gives"`
	// Problem is why it could not be read; empty if it could.
	Problem string `json:"problem,omitempty"`

	Facts Facts `json:"-"`
}

// Format is a way to read one kind of report into facts.
type Format interface {
	// Name is the word for it in a release file.
	Name() string
	// Gives lists the facts that Read fills, and no others.
	Gives() []Fact
	// Read reads one report. It takes no file name, opens nothing, and fails
	// on whatever is not a whole and sound report of this format.
	Read(r io.Reader) (Facts, error)
}

// SignedFormat is a format of signed reports, which reads what signatures are
// verified with beside the report.
type SignedFormat interface {
	Format
	// ReadSigned is Read with trust: a Sigstore trusted root or a public key in
	// PEM, or nothing. What cannot be verified with it is not read as if it were.
	// It asks nobody.
	ReadSigned(r io.Reader, trust []byte) (Facts, error)
}

// RegistryFormat is a format of signed reports that a package registry signs for
// as well.
type RegistryFormat interface {
	SignedFormat
	// ReadRegistry is ReadSigned with the registry's keys: what the registry did
	// not sign for, with one of them, is not verified.
	ReadRegistry(r io.Reader, trust, registryKeys []byte) (Facts, error)
}

// Declared is what the release file says of a report beside its path and
// format. It is the pipeline's word, and counts as that.
type Declared struct {
	About []Digest  `json:"about,omitempty"`
	Time  time.Time `json:"time,omitzero"`
	// DatabaseTime is when the scanner's database was last updated, for
	// reports that do not say.
	DatabaseTime time.Time `json:"databaseTime,omitzero"`
	// TrustedRoot is the digest of what the report's signatures are verified
	// with. It counts only if the policy accepts it ([Policy.TrustedRoots]).
	TrustedRoot Digest `json:"trustedRoot,omitzero"`
	// RegistryKeys is the digest of the keys that the package registry's word on
	// the report is verified with. They count as TrustedRoot does.
	RegistryKeys Digest `json:"registryKeys,omitzero"`
}

// ReadEvidence reads data, a report that the release file calls name, in format
// f. A report that cannot be read is evidence all the same: it says that there
// was something to be known, and its Problem says why it is not.
func ReadEvidence(f Format, name string, data []byte, d Declared) Evidence {
	return ReadSignedEvidence(f, name, data, nil, nil, d)
}

// ReadSignedEvidence is [ReadEvidence] with trust and registryKeys, the bytes
// that d.TrustedRoot and d.RegistryKeys are the digests of.
func ReadSignedEvidence(f Format, name string, data, trust, registryKeys []byte, d Declared) Evidence {
	e := UnreadEvidence(f, name, "", d)
	e.Digest = DigestOf(data)
	facts, err := read(f, data, trust, registryKeys)
	if !declared(trust, d.TrustedRoot) {
		err = fmt.Errorf("was to be verified with the trusted root %s, and something else was given", d.TrustedRoot.Short())
	}
	if !declared(registryKeys, d.RegistryKeys) {
		err = fmt.Errorf("was to be verified with the registry keys %s, and something else was given", d.RegistryKeys.Short())
	}
	if err == nil && !writable(facts.Time) {
		// Of a time that no document can hold, no decision could be written.
		err = fmt.Errorf("says that it was made in the year %d", facts.Time.UTC().Year())
	}
	if err != nil {
		e.Problem = plain(err.Error())
		return e
	}
	if len(facts.Subjects)+len(facts.Products) > 0 {
		// The report's own word comes first: the pipeline cannot make a
		// report about one artifact speak of another.
		if len(d.About) > 0 && len(facts.Subjects) > 0 && disjoint(d.About, facts.Subjects) {
			e.Problem = fmt.Sprintf("is about %s, not about %s as the release file says", list(facts.Subjects), list(d.About))
			e.About, e.Vouched = facts.Subjects, false
			return e
		}
		if len(facts.Subjects) > 0 {
			e.About, e.Vouched = facts.Subjects, false
		}
		e.Products = facts.Products
	}
	if !facts.Time.IsZero() {
		e.Time, e.TimeVouched = facts.Time.UTC().Truncate(time.Second), false
	}
	if v := facts.Vulnerabilities; v != nil && v.Database.Updated.IsZero() && !d.DatabaseTime.IsZero() {
		v.Database.Updated, e.DatabaseTimeVouched = d.DatabaseTime.UTC(), true
	}
	e.Facts = facts
	return e
}

// declared reports whether data is what d is the digest of, or neither is there.
func declared(data []byte, d Digest) bool {
	if len(data) == 0 {
		return d.IsZero()
	}
	return DigestOf(data).Matches(d)
}

// read calls f and turns a panic of a library it uses into an error: a hostile
// report must not end the judgement of the others.
func read(f Format, data, trust, registryKeys []byte) (facts Facts, err error) {
	defer func() {
		if r := recover(); r != nil {
			facts, err = Facts{}, fmt.Errorf("reading it as %s failed inside the reader: %v", f.Name(), r)
		}
	}()
	signed, isSigned := f.(SignedFormat)
	registered, isRegistered := f.(RegistryFormat)
	switch {
	case len(registryKeys) > 0 && !isRegistered:
		err = errors.New("is of a format that no package registry signs, and registry keys are to verify it")
	case len(registryKeys) > 0:
		facts, err = registered.ReadRegistry(bytes.NewReader(data), trust, registryKeys)
	case isSigned:
		facts, err = signed.ReadSigned(bytes.NewReader(data), trust)
	default:
		facts, err = f.Read(bytes.NewReader(data))
	}
	if err != nil {
		return Facts{}, err
	}
	for _, g := range f.Gives() {
		if facts.Has(g) {
			return facts, nil
		}
	}
	return Facts{}, errors.New("holds nothing that the format is read for")
}

func disjoint(a, b []Digest) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Matches(y) {
				return false
			}
		}
	}
	return true
}

func list(ds []Digest) string {
	switch len(ds) {
	case 0:
		return "nothing"
	case 1:
		return ds[0].Short()
	}
	return fmt.Sprintf("%s and %d more", ds[0].Short(), len(ds)-1)
}

// UnreadEvidence is evidence that the release file names and whose bytes could
// not be had at all: problem says why. It stands for a report nobody knows.
func UnreadEvidence(f Format, name, problem string, d Declared) Evidence {
	e := Evidence{
		Name: plain(name), Format: f.Name(), Gives: f.Gives(), Problem: plain(problem),
		About: d.About, Vouched: len(d.About) > 0, Declared: d,
	}
	if !d.Time.IsZero() && writable(d.Time) {
		e.Time, e.TimeVouched = d.Time.UTC().Truncate(time.Second), true
	}
	return e
}

// writable reports whether RFC 3339 can hold t in UTC.
func writable(t time.Time) bool {
	y := t.UTC().Year()
	return 0 <= y && y <= 9999
}
