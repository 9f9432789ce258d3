// Package dossier keeps in one folder everything that a decision rests on:
//
//	release.json               what was judged
//	policy.yaml                by what
//	evidence/index.json        which reports, as the release file declared them
//	evidence/<sha256>          their bytes
//	decision.json              what was decided
//	attestations/*.sigstore.json
//	attestations/<sha256>.cdx.json …  what those refer to
//	trust.yaml                 what a consumer needs to check the attestations
//	trusted_root.json          who could be a witness, where trust.yaml asks for any
//	layout/                    the release as an OCI image layout
//	pending/                   what waits for a service that did not answer
//
// A dossier is written whole or not at all, and whoever has one can replay the
// decision: [Replay].
package dossier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/releasefile"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// The names inside a dossier.
const (
	ReleaseFile     = "release.json"
	PolicyFile      = "policy.yaml"
	DecisionFile    = "decision.json"
	EvidenceDir     = "evidence"
	IndexFile       = "evidence/index.json"
	AttestationsDir = "attestations"
	TrustFile       = "trust.yaml"
	LayoutDir       = "layout"
	// TrustedRootFile is the trusted root that the trust file names.
	TrustedRootFile = "trusted_root.json"
	// PendingDir holds what waits for a service that did not answer.
	PendingDir = "pending"
)

// IndexSchema names the form of evidence/index.json.
const IndexSchema = "https://github.com/hallmark-project/hallmark/evidence/v1"

// Index lists the reports of a dossier in the order of the release file.
type Index struct {
	Schema string `json:"schema"`
	// Time and TimeDeclared are the decision's: they are what it was made
	// from, and not to be had from the reports.
	Time         time.Time `json:"time"`
	TimeDeclared bool      `json:"timeDeclared,omitempty"`
	Reports      []Entry   `json:"reports"`
}

// Entry is one report: what the release file declared of it, and its digest.
type Entry struct {
	Name   string `json:"name"`
	Format string `json:"format"`
	// Digest is zero, and Problem says why, where the report could not be had.
	Digest       criteria.Digest   `json:"digest,omitzero"`
	Problem      string            `json:"problem,omitempty"`
	About        []criteria.Digest `json:"about,omitempty"`
	Time         time.Time         `json:"time,omitzero"`
	DatabaseTime time.Time         `json:"databaseTime,omitzero"`
	// TrustedRoot is the digest of what its signatures were verified with, whose
	// bytes lie beside the reports'.
	TrustedRoot criteria.Digest `json:"trustedRoot,omitzero"`
	// RegistryKeys is the digest of the package registry's keys, likewise.
	RegistryKeys criteria.Digest `json:"registryKeys,omitzero"`
}

// declares reports whether the decision's e was declared as x says.
func (x Entry) declares(e criteria.Evidence) bool {
	return x.Name == e.Name && x.Format == e.Format && slices.Equal(x.About, e.Declared.About) &&
		x.Time.Equal(e.Declared.Time) && x.DatabaseTime.Equal(e.Declared.DatabaseTime) && x.TrustedRoot == e.Declared.TrustedRoot &&
		x.RegistryKeys == e.Declared.RegistryKeys &&
		(x.Problem == "" || x.Problem == e.Problem)
}

// Judged is a judgement with all that it rests on, in memory.
type Judged struct {
	Release  criteria.Release
	Policy   []byte
	Reports  []releasefile.Report
	Decision criteria.Decision
	// InlineLimit is the policy's: the size in bytes up to which a report is
	// attested whole.
	InlineLimit int64
}

// Report returns the bytes of the report with that digest.
func (j Judged) Report(d criteria.Digest) ([]byte, error) {
	for _, r := range j.Reports {
		if r.Problem == "" && criteria.DigestOf(r.Data).Matches(d) {
			return r.Data, nil
		}
	}
	return nil, fmt.Errorf("no report %s", d)
}

// Judge reads the reports and evaluates the policy. policyName is for messages.
func Judge(rel criteria.Release, policyName string, policy []byte, reports []releasefile.Report, at time.Time, declared bool, c Catalogue) (Judged, error) {
	p, err := criteria.ParsePolicy(policyName, policy, c.Kinds, c.Compile)
	if err != nil {
		return Judged{}, err
	}
	known := releasefile.ByName(c.Formats)
	if err := vouched(policyName, policy, p, known); err != nil {
		return Judged{}, err
	}
	evidence := make([]criteria.Evidence, 0, len(reports))
	for _, r := range reports {
		e, err := r.Read(known)
		if err != nil {
			return Judged{}, err
		}
		evidence = append(evidence, e)
	}
	d := p.Evaluate(rel, evidence, at)
	d.TimeDeclared = declared
	return Judged{Release: rel, Policy: policy, Reports: reports, Decision: d, InlineLimit: p.InlineLimit()}, nil
}

// vouched refuses a policy that takes the pipeline's word for formats that do
// not exist: what was meant would then not count, and nobody would see why.
func vouched(file string, data []byte, p *criteria.Policy, known map[string]criteria.Format) error {
	for _, name := range p.Vouched() {
		if _, ok := known[name]; ok {
			continue
		}
		fault := &strict.Error{File: file, Line: 1, Column: 1, Msg: fmt.Sprintf("vouched: unknown format %q", name)}
		if near := strict.Nearest(name, slices.Sorted(maps.Keys(known))); near != "" {
			fault.Msg += fmt.Sprintf(": did you mean %q?", near)
		}
		if i := bytes.Index(data, []byte(name)); i >= 0 {
			fault.Line, fault.Column = strict.Position(data, int64(i))
		}
		return fault
	}
	return nil
}

// Catalogue is what a judgement is made with.
type Catalogue struct {
	Kinds   []criteria.Kind
	Formats []criteria.Format
	Compile criteria.Compiler
}

// Write writes release, policy, evidence and decision into dir, which must be
// empty or absent.
func (j Judged) Write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, EvidenceDir), 0o755); err != nil {
		return err
	}
	release, err := j.Release.Encode()
	if err != nil {
		return err
	}
	decision, err := j.Decision.Encode()
	if err != nil {
		return err
	}
	index := Index{Schema: IndexSchema, Time: j.Decision.Time, TimeDeclared: j.Decision.TimeDeclared, Reports: []Entry{}}
	files := map[string][]byte{ReleaseFile: release, PolicyFile: j.Policy, DecisionFile: decision}
	for _, r := range j.Reports {
		e := Entry{
			Name: r.Name, Format: r.Format, Problem: r.Problem,
			About: r.Declared.About, Time: r.Declared.Time, DatabaseTime: r.Declared.DatabaseTime,
			TrustedRoot: r.Declared.TrustedRoot, RegistryKeys: r.Declared.RegistryKeys,
		}
		if len(r.TrustedRoot) > 0 {
			files[evidencePath(e.TrustedRoot)] = r.TrustedRoot
		}
		if len(r.RegistryKeys) > 0 {
			files[evidencePath(e.RegistryKeys)] = r.RegistryKeys
		}
		if r.Problem == "" {
			e.Digest = criteria.DigestOf(r.Data)
			files[evidencePath(e.Digest)] = r.Data
		}
		index.Reports = append(index.Reports, e)
	}
	if files[IndexFile], err = encode(index); err != nil {
		return err
	}
	for name, data := range files {
		if err := atomicfile.Write(filepath.Join(dir, filepath.FromSlash(name)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func evidencePath(d criteria.Digest) string { return path.Join(EvidenceDir, d.Hex()) }

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// Stored is a dossier as a folder holds it: unverified, and not yet replayed.
type Stored struct {
	Release  []byte
	Policy   []byte
	Decision []byte
	Index    Index
	Reports  []releasefile.Report
}

// Read reads the dossier in dir. Bytes that are not what the index says are
// named in the error, all of them.
func Read(dir string) (*Stored, error) {
	// Opening a pipe would wait for whoever writes it.
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("opening the dossier: %s is no folder", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the dossier: %w", err)
	}
	defer root.Close()
	var s Stored
	for name, into := range map[string]*[]byte{ReleaseFile: &s.Release, PolicyFile: &s.Policy, DecisionFile: &s.Decision} {
		if *into, err = readIn(root, name, strict.MaxReport); err != nil {
			return nil, fmt.Errorf("reading the dossier: %w", err)
		}
	}
	index, err := readIn(root, IndexFile, strict.MaxConfig)
	if err != nil {
		return nil, fmt.Errorf("reading the dossier: %w", err)
	}
	altered := func(format string, args ...any) error {
		return &DifferenceError{[]error{fmt.Errorf(IndexFile+" "+format, args...)}}
	}
	if err := strict.OwnJSON(index, &s.Index); err != nil {
		return nil, altered("is no index: %w", err)
	}
	if s.Index.Schema != IndexSchema {
		return nil, altered("is no index of this form: schema is %q, expected %q", s.Index.Schema, IndexSchema)
	}
	if have, err := encode(s.Index); err != nil || !bytes.Equal(have, index) {
		return nil, altered("was altered: it is not written as an index is")
	}
	var faults []error
	named := map[string]bool{"index.json": true}
	for _, e := range s.Index.Reports {
		r := releasefile.Report{
			Name: e.Name, Format: e.Format, Problem: e.Problem,
			Declared: criteria.Declared{About: e.About, Time: e.Time, DatabaseTime: e.DatabaseTime, TrustedRoot: e.TrustedRoot, RegistryKeys: e.RegistryKeys},
		}
		whole := true
		for _, part := range []struct {
			what   string
			digest criteria.Digest
			there  bool
			limit  int64
			into   *[]byte
		}{
			{"evidence " + e.Name, e.Digest, e.Problem == "", strict.MaxReport, &r.Data},
			{"the trusted root of evidence " + e.Name, e.TrustedRoot, !e.TrustedRoot.IsZero(), releasefile.MaxTrustedRoot, &r.TrustedRoot},
			{"the registry keys of evidence " + e.Name, e.RegistryKeys, !e.RegistryKeys.IsZero(), releasefile.MaxTrustedRoot, &r.RegistryKeys},
		} {
			if !part.there {
				continue
			}
			if part.digest.Algorithm() != "sha256" {
				return nil, altered("names no SHA-256 of %s", part.what)
			}
			named[part.digest.Hex()] = true
			data, err := readIn(root, evidencePath(part.digest), part.limit)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s, which %s lists, is gone: %w", part.what, IndexFile, err))
				whole = false
				continue
			}
			if got := criteria.DigestOf(data); !got.Matches(part.digest) {
				faults = append(faults, fmt.Errorf("%s was altered: %s holds %s", part.what, evidencePath(part.digest), got))
				whole = false
				continue
			}
			*part.into = data
		}
		if !whole {
			continue
		}
		s.Reports = append(s.Reports, r)
	}
	entries, err := fs.ReadDir(root.FS(), EvidenceDir)
	if err != nil {
		return nil, fmt.Errorf("reading the dossier: %w", err)
	}
	for _, e := range entries {
		if !named[e.Name()] {
			faults = append(faults, fmt.Errorf("%s is not in %s", path.Join(EvidenceDir, e.Name()), IndexFile))
		}
	}
	if len(faults) > 0 {
		return nil, &DifferenceError{Differences: faults}
	}
	return &s, nil
}

func readIn(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s %w", name, strict.ErrTooLarge)
	}
	return data, err
}

// DifferenceError is a replay's no: what in the dossier is not what the
// decision rests on.
type DifferenceError struct{ Differences []error }

func (e *DifferenceError) Error() string {
	lines := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each difference.
func (e *DifferenceError) Unwrap() []error { return e.Differences }

// Replay judges the dossier in dir again and compares the result with its
// decision, byte for byte. A [*DifferenceError] is a no and names what differs;
// any other error means that it could not tell.
func Replay(dir string, c Catalogue) (Judged, error) {
	s, err := Read(dir)
	if err != nil {
		return Judged{}, err
	}
	return s.Replay(c)
}

// Replay judges s again; see the function of that name.
func (s *Stored) Replay(c Catalogue) (Judged, error) {
	var differences []error
	differ := func(format string, args ...any) { differences = append(differences, fmt.Errorf(format, args...)) }

	claimed, err := criteria.ParseDecision(s.Decision)
	if err != nil {
		return Judged{}, &DifferenceError{[]error{fmt.Errorf("%s is no decision: %w", DecisionFile, err)}}
	}
	rel, err := criteria.ParseRelease(s.Release)
	if err != nil {
		return Judged{}, &DifferenceError{[]error{fmt.Errorf("%s is no release: %w", ReleaseFile, err)}}
	}
	if have, err := rel.Encode(); err != nil || !bytes.Equal(have, s.Release) {
		differ("%s was altered: it is not written as a release is", ReleaseFile)
	}
	if have, err := claimed.Release.Encode(); err != nil || !bytes.Equal(have, s.Release) {
		differ("%s is not the release that %s is about", ReleaseFile, DecisionFile)
	}
	if got := criteria.DigestOf(s.Policy); !got.Matches(claimed.Policy.Digest) {
		differ("%s was altered: it is %s, decided by %s", PolicyFile, got, claimed.Policy.Digest)
	}
	for i := range max(len(s.Index.Reports), len(claimed.Evidence)) {
		switch {
		case i >= len(claimed.Evidence):
			differ("evidence %s is not in the decision", s.Index.Reports[i].Name)
		case i >= len(s.Index.Reports):
			differ("evidence %s of the decision is not in the dossier", claimed.Evidence[i].Name)
		case s.Index.Reports[i].Digest != claimed.Evidence[i].Digest:
			differ("evidence %s is %s, decided on %s", s.Index.Reports[i].Name, s.Index.Reports[i].Digest, claimed.Evidence[i].Digest)
		case !s.Index.Reports[i].declares(claimed.Evidence[i]):
			differ("%s and %s differ on what was declared of evidence %s", IndexFile, DecisionFile, s.Index.Reports[i].Name)
		}
	}
	if !s.Index.Time.Equal(claimed.Time) || s.Index.TimeDeclared != claimed.TimeDeclared {
		differ("%s was made as of %s, declared: %t; %s says %s, declared: %t", DecisionFile,
			claimed.Time.Format(time.RFC3339), claimed.TimeDeclared, IndexFile, s.Index.Time.Format(time.RFC3339), s.Index.TimeDeclared)
	}
	j, err := Judge(rel, PolicyFile, s.Policy, s.Reports, claimed.Time, claimed.TimeDeclared, c)
	if err != nil {
		if len(differences) > 0 {
			return Judged{}, &DifferenceError{append(differences, err)}
		}
		return Judged{}, err
	}
	again, err := j.Decision.Encode()
	if err != nil {
		return Judged{}, err
	}
	if !bytes.Equal(again, s.Decision) {
		differences = append(differences, compare(claimed, j.Decision, s.Decision, again)...)
	}
	if len(differences) > 0 {
		return Judged{}, &DifferenceError{differences}
	}
	return j, nil
}

// compare says where two decisions part, in a person's words where it can.
func compare(claimed, again criteria.Decision, have, want []byte) []error {
	var out []error
	differ := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	if claimed.Passed != again.Passed {
		differ("%s says passed: %t, the evidence says %t", DecisionFile, claimed.Passed, again.Passed)
	}
	if !slices.Equal(claimed.Levels, again.Levels) {
		differ("%s says levels %v, the evidence says %v", DecisionFile, claimed.Levels, again.Levels)
	}
	for i := range min(len(claimed.Judgements), len(again.Judgements)) {
		a, b := claimed.Judgements[i], again.Judgements[i]
		if a.Criterion != b.Criterion || a.Status != b.Status {
			differ("%s says %s about %s: %s, the evidence says %s: %s", DecisionFile, a.Criterion, a.Subject.Name, a.Status, b.Criterion, b.Status)
		}
	}
	if len(claimed.Judgements) != len(again.Judgements) {
		differ("%s holds %d judgements, the policy asks for %d", DecisionFile, len(claimed.Judgements), len(again.Judgements))
	}
	line := 1
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			differ("%s differs from the replayed decision at line %d: %q, replayed %q", DecisionFile, line, lineAt(have, i), lineAt(want, i))
			return out
		}
		if have[i] == '\n' {
			line++
		}
	}
	differ("%s is %d bytes long, the replayed decision %d", DecisionFile, len(have), len(want))
	return out
}

func lineAt(data []byte, i int) string {
	start := bytes.LastIndexByte(data[:i], '\n') + 1
	end := len(data)
	if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
		end = i + n
	}
	text := strings.TrimSpace(string(data[start:end]))
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	return text
}

// ErrNotDossier means that a folder holds something else and must not be
// replaced. The caller should ask for another folder.
var ErrNotDossier = errors.New("holds something that is no dossier")
