package criteria

import (
	"slices"

	"github.com/package-url/packageurl-go"
)

// word is whose word it is that a report speaks of a subject.
type word uint8

const (
	silent       word = iota // nobody's: it does not
	contradicted             // the pipeline's, against the report's own
	pipelines                // the release file's
	own                      // the report's own
)

// relations answers which evidence speaks of which subject. It is made once for
// a decision: looking for it anew for every question would cost the square of
// the evidence.
type relations struct {
	rel Release
	ev  []Evidence
	// about are the places in ev of what speaks of a digest; products of what
	// names the release by package URL.
	about    map[Digest][]int
	products []int
	subjects map[Digest]*spoken
}

// spoken is what speaks of one subject, by its place in the evidence: itself,
// or through a bill of materials of the subject.
type spoken struct{ direct, throughBill map[int]word }

func relate(rel Release, ev []Evidence) *relations {
	r := &relations{rel: rel, ev: ev, about: make(map[Digest][]int), subjects: make(map[Digest]*spoken)}
	for i, e := range ev {
		for _, d := range e.About {
			if at := r.about[d]; !d.IsZero() && (len(at) == 0 || at[len(at)-1] != i) {
				r.about[d] = append(at, i)
			}
		}
		if slices.ContainsFunc(e.Products, rel.IsProduct) {
			r.products = append(r.products, i)
		}
	}
	// What speaks of a further digest of an artifact speaks of the artifact.
	digests := make(map[string]Digest, len(rel.Artifacts))
	for _, a := range rel.Artifacts {
		digests[a.Name] = a.Digest
	}
	for _, a := range rel.Also {
		if d := digests[a.Name]; d != a.Digest && !d.IsZero() {
			r.about[d] = append(r.about[d], r.about[a.Digest]...)
		}
	}
	return r
}

// Speaking works out what d's reports are about, and returns a function that
// says whether d.Evidence[i] is about s: by its own or the pipeline's word, or
// because it is a scan or VEX of a bill of materials that is about s.
func (d Decision) Speaking() (of func(i int, s Subject) bool) {
	r := relate(d.Release, d.Evidence)
	return func(i int, s Subject) bool { return r.word(i, d.Evidence[i].Gives, s) > contradicted }
}

// word says whose word it is that evidence i, as far as it gives facts, is
// about s.
func (r *relations) word(i int, facts []Fact, s Subject) word {
	if s.Digest.IsZero() {
		return silent
	}
	spoken := r.subjects[s.Digest]
	if spoken == nil {
		spoken = r.speakers(s.Digest)
		r.subjects[s.Digest] = spoken
	}
	w := spoken.direct[i]
	if !slices.ContainsFunc(facts, func(f Fact) bool { return !ofBills[f] }) {
		w = max(w, spoken.throughBill[i])
	}
	if w == pipelines && r.otherVersion(r.ev[i]) {
		return contradicted
	}
	return w
}

// ofBills are the facts that a report on a bill of materials tells of what the
// bill is about. A secrets scan of an SBOM, say, tells nothing of the artifact.
var ofBills = map[Fact]bool{FactVulnerabilities: true, FactExploitability: true}

func (r *relations) speakers(d Digest) *spoken {
	s := &spoken{direct: make(map[int]word), throughBill: make(map[int]word)}
	for _, i := range r.about[d] {
		s.direct[i] = ownOr(r.ev[i])
	}
	for _, i := range r.products {
		// A report that names bytes speaks of those only: an SBOM of one
		// artifact must not become one of all because it names the product
		// too. VEX statements each name their own product, so there the
		// document's are no limit.
		if e := r.ev[i]; len(e.About) == 0 || !slices.ContainsFunc(e.Gives, func(f Fact) bool { return f != FactExploitability }) {
			s.direct[i] = own
		}
	}
	// From each bill to what speaks of the bill, and so on: first along
	// reports' own words only, so that one path that needs no trust is found
	// even if another does.
	for _, least := range []word{own, pipelines} {
		var next []int
		for i, w := range s.direct {
			if w >= least {
				next = append(next, i)
			}
		}
		seen := make(map[int]bool)
		for len(next) > 0 {
			i := next[0]
			next = next[1:]
			bill := r.ev[i]
			if seen[i] || bill.Problem != "" || !gives(bill, []Fact{FactComponents, FactDependencies}) {
				continue
			}
			seen[i] = true
			for _, j := range r.about[bill.Digest] {
				if j == i || r.ev[j].Digest == bill.Digest || ownOr(r.ev[j]) < least {
					continue
				}
				s.throughBill[j] = max(s.throughBill[j], least)
				next = append(next, j)
			}
		}
	}
	return s
}

func ownOr(e Evidence) word {
	if e.Vouched {
		return pipelines
	}
	return own
}

// otherVersion reports whether e names this release's package in other versions
// only: what was made for the last release must not count for this one because
// the release file says so.
func (r *relations) otherVersion(e Evidence) bool {
	if len(e.Products) == 0 || slices.ContainsFunc(e.Products, r.rel.IsProduct) {
		return false
	}
	release, err := packageurl.FromString(r.rel.Resource)
	if err != nil {
		return false
	}
	release.Version = ""
	return slices.ContainsFunc(e.Products, func(p string) bool {
		other, err := packageurl.FromString(p)
		if err != nil {
			return false
		}
		other.Version = ""
		return narrows(other, release)
	})
}

// narrows reports whether whole is the package that part names, in every
// respect that part gives.
func narrows(part, whole packageurl.PackageURL) bool {
	if part.Type != whole.Type || part.Namespace != whole.Namespace || part.Name != whole.Name {
		return false
	}
	if part.Subpath != "" && part.Subpath != whole.Subpath || part.Version != "" && part.Version != whole.Version {
		return false
	}
	have := whole.Qualifiers.Map()
	for k, v := range part.Qualifiers.Map() {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}
