package attest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// How a report in each format is attested whole: as the predicate of a type.
// Every other format, among them SBOMs in XML, is attested by reference.
func inline(format string) (predicateType string, ok bool) {
	switch format {
	case "cyclonedx-json":
		return CycloneDXType, true
	case "spdx-json":
		return SPDXType, true
	case "openvex":
		return VEXType, true
	}
	return "", false
}

// report attests the report at place i in the decision's evidence: the SBOM,
// vulnerabilities or VEX document that it is, or nothing where it is something
// else.
func (m *maker) report(i int) error {
	e := m.d.Evidence[i]
	telling := []criteria.Fact{criteria.FactComponents, criteria.FactVulnerabilities, criteria.FactExploitability}
	if e.Problem != "" || !slices.ContainsFunc(telling, func(f criteria.Fact) bool { return slices.Contains(e.Gives, f) }) {
		return nil
	}
	if !slices.ContainsFunc(e.Gives, e.Facts.Has) {
		return fmt.Errorf("the decision holds no facts of it: attest a decision as it was made, not one read from a file")
	}
	judged := m.about(i, m.rests)
	if e.Facts.Components != nil {
		about := judged
		if !e.Vouched {
			about = m.about(i, func(e criteria.Evidence, s criteria.Subject) bool {
				return m.rests(e, s) || slices.ContainsFunc(e.About, s.Digest.Matches)
			})
		}
		return m.whole("sbom", e, about)
	}
	if e.Facts.Vulnerabilities != nil {
		return m.vulnerabilities(e, judged)
	}
	if e.Facts.Exploitability != nil {
		return m.whole("vex", e, judged)
	}
	return nil
}

// about returns the artifacts that evidence i speaks of and that pass keep.
func (m *maker) about(i int, keep func(criteria.Evidence, criteria.Subject) bool) []criteria.Subject {
	var out []criteria.Subject
	for _, s := range m.d.Release.Artifacts {
		// An answer about an artifact may also rest on what is about its source,
		// and that must not be attested about the artifact.
		if m.speaks(i, s) && keep(m.d.Evidence[i], s) {
			out = append(out, s)
		}
	}
	return out
}

// rests reports whether an answer about s rests on e.
func (m *maker) rests(e criteria.Evidence, s criteria.Subject) bool {
	return slices.ContainsFunc(m.d.Judgements, func(j criteria.Judgement) bool {
		return j.Subject.Digest.Matches(s.Digest) && slices.ContainsFunc(j.Evidence, e.Digest.Matches)
	})
}

// whole attests the report itself as the predicate.
func (m *maker) whole(word string, e criteria.Evidence, about []criteria.Subject) error {
	if len(about) == 0 {
		return nil
	}
	predicateType, ok := inline(e.Format)
	if !ok {
		return m.outgoing(word, e, about)
	}
	data, err := m.o.Report(e.Digest)
	if err != nil {
		return fmt.Errorf("reading the report: %w", err)
	}
	if !criteria.DigestOf(data).Matches(e.Digest) {
		return fmt.Errorf("the report is no longer the one that was judged: found %s, expected %s", criteria.DigestOf(data), e.Digest)
	}
	if int64(len(data)) > m.o.MaxInline {
		return m.outgoing(word, e, about)
	}
	text, err := strict.Text(data)
	if err != nil {
		return err
	}
	// What two readers could understand differently is never signed.
	if err := strict.CheckJSON(text); err != nil {
		return err
	}
	return m.add(stem(word, about), predicateType, about, json.RawMessage(text))
}
