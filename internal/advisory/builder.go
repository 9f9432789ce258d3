package advisory

import (
	"archive/zip"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/severity"
)

// Limits on what one index is made from. All that osv.dev publishes has about
// half a million records of some gigabytes.
const (
	MaxRecords = 4 << 20
	maxTotal   = 64 << 30 // bytes of all records
	maxFaults  = 20       // unreadable records that are listed
	// maxCompared is how many versions are compared to shorten one list: the longest
	// lists that are published take some tens of thousands.
	maxCompared = 1 << 20
)

// clockSkew is how far ahead of us a record's time may lie.
const clockSkew = 5 * time.Minute

// Builder gathers records and makes an index of them. Its zero value is not
// usable: see [NewBuilder].
type Builder struct {
	now     time.Time
	asOf    time.Time
	total   int64
	records map[string]*kept
	sources []Source
	// whole are the ecosystems of which somebody said, or a source shows, that all
	// records are there.
	whole map[string]bool
}

// kept is what is kept of one record.
type kept struct {
	id                  string
	modified, published time.Time
	withdrawn           bool
	names               []string
	summary             string
	severities          []criteria.Severity
	packages            []keptPackage
	digest              [sha256.Size]byte
}

type keptPackage struct {
	ecosystem, name string
	ranges          []affectedRange
	versions        []string
}

// NewBuilder begins an index that is made now. asOf is when what it is made from
// was downloaded, zero where nobody says.
func NewBuilder(now, asOf time.Time) (*Builder, error) {
	if asOf.After(now.Add(clockSkew)) {
		return nil, fmt.Errorf("records were downloaded on %s, which is in the future", asOf.UTC().Format(time.RFC3339))
	}
	return &Builder{now: now.UTC(), asOf: asOf.UTC().Truncate(time.Second), records: make(map[string]*kept), whole: make(map[string]bool)}, nil
}

// UnclearError says that a source does not show which ecosystems it holds whole.
// Somebody has to say it.
type UnclearError struct {
	Name string
	// Ecosystems are those that its records speak of, the most frequent first.
	Ecosystems []string
}

func (e *UnclearError) Error() string {
	if len(e.Ecosystems) == 0 {
		return e.Name + " holds no record about a package"
	}
	some := e.Ecosystems
	if len(some) > 8 {
		some = some[:8]
	}
	return fmt.Sprintf("%s holds records about %d ecosystems (%s), and none that all are about: it does not show of which it holds every record",
		e.Name, len(e.Ecosystems), strings.Join(some, ", "))
}

// Add reads what lies at path: a zip archive as osv.dev publishes it, a folder of
// records, or one record, in JSON or YAML. whole names the ecosystems of which it
// holds every record; where it is empty they are those that every record is
// about. An index answers for those alone: that a few records of another
// ecosystem are there must not make its other packages clean.
//
// One record that cannot be read refuses all: nobody knows what it would have
// said.
func (b *Builder) Add(ctx context.Context, path string, whole []string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	s := &adding{b: b, source: Source{Name: filepath.Base(path)}, about: make(map[string]int)}
	switch {
	case info.IsDir():
		err = s.folder(ctx, path)
	case strings.HasSuffix(strings.ToLower(path), ".zip"):
		err = s.archive(ctx, path)
	case info.Mode().IsRegular():
		var f *os.File
		if f, err = os.Open(path); err == nil {
			err = s.record(ctx, path, f)
			f.Close()
		}
	default:
		err = fmt.Errorf("%s is neither a file nor a folder", path)
	}
	if err != nil {
		return err
	}
	return s.end(path, whole)
}

// adding is one source while it is read.
type adding struct {
	b      *Builder
	source Source
	about  map[string]int // records by ecosystem
	faults []error
}

// isRecord reports whether a file of this name is a record. Archives and folders
// hold other files, too.
func isRecord(name string) bool {
	return (strings.HasSuffix(name, ".json") || isYAML(name)) && !strings.HasPrefix(filepath.Base(name), ".")
}

func (s *adding) folder(ctx context.Context, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() || !isRecord(path) {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return s.record(ctx, path, f)
	})
}

func (s *adding) archive(ctx context.Context, path string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("%s: is no zip archive: %v", path, err)
	}
	defer z.Close()
	for _, member := range z.File {
		if !member.Mode().IsRegular() || !isRecord(member.Name) {
			continue
		}
		r, err := member.Open()
		if err != nil {
			return fmt.Errorf("%s: %s: %v", path, member.Name, err)
		}
		err = s.record(ctx, path+"/"+member.Name, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// record reads one record. The error is one after which it makes no sense to go
// on.
func (s *adding) record(ctx context.Context, name string, r io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxRecord+1))
	if err == nil && len(data) > MaxRecord {
		err = fmt.Errorf("has more than %d bytes", MaxRecord)
	}
	var rec *record
	if err != nil {
		err = fmt.Errorf("%s: %v", name, err)
	} else if s.b.total += int64(len(data)); s.b.total > maxTotal {
		return fmt.Errorf("%s: together the records have more than %d bytes", name, int64(maxTotal))
	} else {
		rec, err = parseRecord(name, data)
	}
	if err == nil {
		err = s.keep(name, rec, sha256.Sum256(data))
	}
	if err != nil {
		if s.faults = append(s.faults, err); len(s.faults) >= maxFaults {
			return errors.Join(s.faults...)
		}
	}
	return nil
}

// keep takes over rec unless a newer record of the same id is there.
func (s *adding) keep(name string, rec *record, digest [sha256.Size]byte) error {
	s.source.Records++
	ecosystems := make(map[string]bool)
	for i := range rec.Affected {
		if e := rec.Affected[i].Package.Ecosystem; e != "" {
			ecosystems[base(e)] = true
		}
	}
	for e := range ecosystems {
		s.about[e]++
	}
	if len(ecosystems) == 0 {
		s.source.Packageless++
	}
	if m := rec.Modified; m.After(s.source.Newest) && !m.After(s.b.now.Add(clockSkew)) {
		s.source.Newest = m.UTC()
	}
	if have := s.b.records[rec.ID]; have != nil {
		switch {
		case have.digest == digest || have.modified.After(rec.Modified):
			return nil
		case have.modified.Equal(rec.Modified):
			return fmt.Errorf("%s: another record %s of the same time says something else, and nothing tells which is newer", name, rec.ID)
		}
	} else if len(s.b.records) >= MaxRecords {
		return fmt.Errorf("%s: more than %d records", name, MaxRecords)
	}
	s.b.records[rec.ID] = newKept(rec, digest)
	return nil
}

func newKept(rec *record, digest [sha256.Size]byte) *kept {
	k := &kept{
		id: rec.ID, modified: rec.Modified, published: rec.Published, withdrawn: !rec.Withdrawn.IsZero(),
		digest: digest,
	}
	if k.withdrawn {
		return k
	}
	k.names, k.summary, k.severities = rec.names(), rec.summary(), rec.severities()
	for i := range rec.Affected {
		a := &rec.Affected[i]
		if a.Package.Name == "" {
			continue
		}
		p := keptPackage{ecosystem: keptUnder(a.Package.Ecosystem), name: normal(a.Package.Ecosystem, a.Package.Name)}
		for _, r := range a.Ranges {
			p.ranges = append(p.ranges, newRange(p.ecosystem, r))
		}
		p.versions = p.beside(a.Versions)
		k.packages = append(k.packages, p)
	}
	return k
}

// beside returns those of versions that p's ranges do not hold already: most
// lists only spell out the ranges.
func (p *keptPackage) beside(versions []string) []string {
	events := 0
	for _, r := range p.ranges {
		events += len(r.events)
	}
	if events*len(versions) > maxCompared {
		return versions
	}
	var out []string
	for _, text := range versions {
		held := false
		for _, r := range p.ranges {
			if r.commits {
				continue
			}
			if v, err := r.order(p.ecosystem).parse(text); err == nil {
				if in, _, err := r.holds(v); err == nil && in {
					held = true
					break
				}
			}
		}
		if !held {
			out = append(out, text)
		}
	}
	return out
}

// end closes the source: which ecosystems it holds whole.
func (s *adding) end(path string, whole []string) error {
	if len(s.faults) > 0 {
		return errors.Join(s.faults...)
	}
	if s.source.Records == 0 {
		return fmt.Errorf("%s holds no record: expected files that end in .json, .yaml or .yml", path)
	}
	byCount := slices.SortedFunc(maps.Keys(s.about), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.about[b], s.about[a]), cmp.Compare(a, b))
	})
	for _, e := range whole {
		if s.about[e] == 0 {
			return fmt.Errorf("%s holds no record about ecosystem %q: it holds %s", path, e, strings.Join(byCount, ", "))
		}
	}
	if len(whole) == 0 {
		for _, e := range byCount {
			if s.about[e] == s.source.Records {
				whole = append(whole, e)
			}
		}
	}
	if len(whole) == 0 {
		return &UnclearError{path, byCount}
	}
	s.source.Ecosystems = slices.Sorted(slices.Values(whole))
	if !s.b.asOf.IsZero() && s.source.Newest.After(s.b.asOf.Add(clockSkew)) {
		return fmt.Errorf("%s holds a record of %s, so it was not downloaded on %s", path,
			s.source.Newest.Format(time.RFC3339), s.b.asOf.Format(time.RFC3339))
	}
	s.source.AsOf = s.b.asOf
	for _, e := range whole {
		s.b.whole[e] = true
	}
	s.b.sources = append(s.b.sources, s.source)
	return nil
}

// groups are the records that speak of the same vulnerability.
type groups struct {
	parent map[string]string
}

func (g groups) find(id string) string {
	root := id
	for {
		p, ok := g.parent[root]
		if !ok || p == root {
			break
		}
		root = p
	}
	for id != root {
		next, ok := g.parent[id]
		g.parent[id] = root
		if !ok {
			break
		}
		id = next
	}
	return root
}

// entries joins all records under their names and returns them by package, in
// order. What a database took back is left out, with the names it joined.
func (b *Builder) entries() ([]entry, counts) {
	g := groups{parent: make(map[string]string)}
	ids := slices.Sorted(maps.Keys(b.records))
	var n counts
	n.ecosystems = make(map[string]int)
	for _, id := range ids {
		k := b.records[id]
		if k.withdrawn {
			n.withdrawn++
			continue
		}
		for _, name := range append([]string{id}, k.names...) {
			x, y := g.find(canonical(id)), g.find(canonical(name))
			g.parent[max(x, y)], g.parent[min(x, y)] = min(x, y), min(x, y)
		}
	}
	names := make(map[string][]string)
	for name := range g.parent {
		root := g.find(name)
		names[root] = append(names[root], name)
	}
	for _, list := range names {
		slices.Sort(list)
	}
	// Of all records of one vulnerability, what the one says that rates it highest.
	worst := make(map[string][]criteria.Severity)
	for _, id := range ids {
		if k := b.records[id]; !k.withdrawn {
			root := g.find(canonical(id))
			if severity.Of(k.severities) > severity.Of(worst[root]) || worst[root] == nil {
				worst[root] = k.severities
			}
		}
	}
	byKey := make(map[string]*entry)
	for _, id := range ids {
		k := b.records[id]
		if k.withdrawn {
			continue
		}
		root := g.find(canonical(id))
		others := slices.DeleteFunc(slices.Clone(names[root]), func(n string) bool { return n == canonical(id) })
		counted := make(map[string]bool)
		for _, p := range k.packages {
			key := key(p.ecosystem, p.name)
			e := byKey[key]
			if e == nil {
				e = &entry{key: key}
				byKey[key] = e
			}
			e.advisories = append(e.advisories, advisory{
				id: canonical(id), names: others, published: k.published, summary: k.summary, severities: worst[root],
				ranges: p.ranges, versions: p.versions,
			})
			if eco := base(p.ecosystem); !counted[eco] {
				counted[eco] = true
				n.ecosystems[eco]++
			}
		}
	}
	out := make([]entry, 0, len(byKey))
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		out = append(out, *byKey[k])
	}
	return out, n
}

// counts are what an index says of itself.
type counts struct {
	withdrawn  int
	ecosystems map[string]int // records by ecosystem
}

// canonical writes CVE ids as lists of them do.
func canonical(id string) string {
	if len(id) > 4 && strings.EqualFold(id[:4], "CVE-") {
		return strings.ToUpper(id)
	}
	return id
}
