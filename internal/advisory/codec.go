package advisory

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
)

// advisory is one record as far as it speaks of one package.
type advisory struct {
	id        string
	names     []string // all other ids, by the closure of aliases
	published time.Time
	summary   string
	// severities are those of the record that rates it highest, under any name.
	severities []criteria.Severity
	ranges     []affectedRange
	// versions are affected beside those in ranges.
	versions []string
}

// entry is what the index holds of one package.
type entry struct {
	key        string
	advisories []advisory
}

// key names a package in one ecosystem. Names hold no control characters.
func key(ecosystem, name string) string { return ecosystem + "\t" + name }

// The encoding of an entry is its key, the length of the rest, and the rest:
// strings and lists with their length before them, numbers as varints.

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func (e *entry) append(b []byte) []byte {
	b = appendString(b, e.key)
	var body []byte
	body = binary.AppendUvarint(body, uint64(len(e.advisories)))
	for i := range e.advisories {
		body = e.advisories[i].append(body)
	}
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

func (a *advisory) append(b []byte) []byte {
	b = appendString(b, a.id)
	b = appendStrings(b, a.names)
	var published int64
	if !a.published.IsZero() {
		published = a.published.Unix()
	}
	b = binary.AppendVarint(b, published)
	b = appendString(b, a.summary)
	b = binary.AppendUvarint(b, uint64(len(a.severities)))
	for _, s := range a.severities {
		b = appendString(b, s.Method)
		b = appendString(b, s.Source)
		b = appendString(b, s.Value)
		if s.Score == nil {
			b = append(b, 0)
		} else {
			b = append(b, 1)
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(*s.Score))
		}
	}
	b = binary.AppendUvarint(b, uint64(len(a.ranges)))
	for _, r := range a.ranges {
		b = append(b, flags(r))
		b = binary.AppendUvarint(b, uint64(len(r.events)))
		for _, e := range r.events {
			b = append(b, e.kind)
			b = appendString(b, e.version)
		}
	}
	return appendStrings(b, a.versions)
}

func flags(r affectedRange) (b byte) {
	for i, set := range []bool{r.semver, r.commits, r.unordered} {
		if set {
			b |= 1 << i
		}
	}
	return b
}

// decoder reads what the functions above wrote. It trusts no length: the first
// that does not fit ends it.
type decoder struct {
	data string
	err  error
}

var errTruncated = fmt.Errorf("%w: a length does not fit", ErrDamaged)

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.data = ""
}

func (d *decoder) uvarint() uint64 {
	// binary.Uvarint takes bytes, and the data is text so that what is kept of it
	// need not be copied.
	var x uint64
	for i := range min(len(d.data), binary.MaxVarintLen64) {
		c := d.data[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		x |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.data = d.data[i+1:]
			return x
		}
	}
	d.fail(errTruncated)
	return 0
}

func (d *decoder) byte() byte {
	if d.data == "" {
		d.fail(errTruncated)
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return b
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.data)) {
		d.fail(errTruncated)
		return ""
	}
	s := d.data[:n]
	d.data = d.data[n:]
	return s
}

// count reads the length of a list, each item of which takes at least one byte.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.data)) {
		d.fail(errTruncated)
		return 0
	}
	return int(n)
}

func (d *decoder) strings() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, min(n, 64))
	for range n {
		if d.err != nil {
			return nil
		}
		out = append(out, d.string())
	}
	return out
}

// skim returns the next entry's key and what the entry holds, undecoded.
func (d *decoder) skim() (key, body string) {
	key = d.string()
	return key, d.string()
}

// decodeEntry decodes what skim returned.
func decodeEntry(key, body string) (*entry, error) {
	d := &decoder{data: body}
	e := &entry{key: key}
	for range d.count() {
		a := d.advisory()
		if d.err != nil {
			break
		}
		e.advisories = append(e.advisories, a)
	}
	if d.err == nil && d.data != "" {
		d.fail(fmt.Errorf("%w: something follows an entry", ErrDamaged))
	}
	if d.err != nil {
		return nil, fmt.Errorf("entry %q: %w", key, d.err)
	}
	return e, nil
}

func (d *decoder) advisory() advisory {
	a := advisory{id: d.string(), names: d.strings()}
	u := d.uvarint()
	if seconds := int64(u>>1) ^ -int64(u&1); seconds != 0 {
		a.published = time.Unix(seconds, 0).UTC()
	}
	a.summary = d.string()
	for range d.count() {
		if d.err != nil {
			return a
		}
		s := criteria.Severity{Method: d.string(), Source: d.string(), Value: d.string()}
		if d.byte() == 1 {
			if len(d.data) < 8 {
				d.fail(errTruncated)
				return a
			}
			score := math.Float64frombits(binary.LittleEndian.Uint64([]byte(d.data[:8])))
			d.data = d.data[8:]
			if !(score >= 0 && score <= 10) {
				d.fail(fmt.Errorf("%w: a score is %v", ErrDamaged, score))
				return a
			}
			s.Score = &score
		}
		a.severities = append(a.severities, s)
	}
	for range d.count() {
		if d.err != nil {
			return a
		}
		f := d.byte()
		r := affectedRange{semver: f&1 != 0, commits: f&2 != 0, unordered: f&4 != 0}
		for range d.count() {
			if d.err != nil {
				return a
			}
			e := event{kind: d.byte(), version: d.string()}
			if e.kind < fixed || e.kind > limit {
				d.fail(fmt.Errorf("%w: an event is of kind %d", ErrDamaged, e.kind))
				return a
			}
			r.events = append(r.events, e)
		}
		a.ranges = append(a.ranges, r)
	}
	a.versions = d.strings()
	return a
}
