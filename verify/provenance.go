package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/provenance"
)

// maxBuilders bounds the builders of a trust file.
const maxBuilders = 64

// Provenance is what a trust file requires of how an artifact was built: one
// statement of SLSA provenance by a builder that it names, from this source.
type Provenance struct {
	// Level is the SLSA build level that is asked for, 1 to 3. Required.
	Level int `yaml:"level"`
	// Builders are those whose provenance counts. Required.
	Builders []Builder `yaml:"builders"`
	// SourceRepository is where the source lies, exactly, such as
	// https://github.com/acme/greet. Required: a builder builds for anybody.
	SourceRepository string `yaml:"sourceRepository"`
	// Ref is the branch or tag that was built, such as refs/heads/main, exactly or
	// a pattern. Tag is short for refs/tags/ and the tag.
	Ref string `yaml:"ref"`
	Tag string `yaml:"tag"`
	// Commit is the commit that was built, exactly: 40 or 64 digits.
	Commit string `yaml:"commit"`
	// Workflow is the path, in the source, of what says how it was built, exactly
	// or a pattern.
	Workflow string `yaml:"workflow"`
}

func (p Provenance) clone() *Provenance {
	p.Builders = slices.Clone(p.Builders)
	for i, b := range p.Builders {
		p.Builders[i].Signers, p.Builders[i].Require = cloneSigners(b.Signers), slices.Clone(b.Require)
	}
	return &p
}

func (p Provenance) faults() []fault {
	var faults []fault
	add := func(path []any, format string, args ...any) {
		faults = append(faults, fault{path, fmt.Sprintf(format, args...)})
	}
	switch {
	case p.Level == 0:
		add([]any{"level"}, "level is missing: the SLSA build level that is asked for, 1 to %d", maxBuildLevel)
	case p.Level < 0 || p.Level > maxBuildLevel:
		add([]any{"level"}, "a build level is 1 to %d", maxBuildLevel)
	}
	repository, ref := provenance.Repository(p.SourceRepository)
	switch {
	case p.SourceRepository == "":
		add([]any{"sourceRepository"}, "sourceRepository is missing: a builder builds for anybody")
	case repository != p.SourceRepository || ref != "" || !strings.HasPrefix(repository, "https://") || strings.Contains(repository, "*"):
		add([]any{"sourceRepository"}, "sourceRepository is an address such as https://github.com/acme/greet, without git+, .git, a ref or a star")
	}
	if len(p.Builders) == 0 {
		add([]any{"builders"}, "builders is missing: whose provenance counts")
	}
	if len(p.Builders) > maxBuilders {
		add([]any{"builders"}, "%d builders, expected at most %d", len(p.Builders), maxBuilders)
	}
	for i, b := range p.Builders {
		for _, f := range b.faults(p.SourceRepository) {
			add(append([]any{"builders", i}, f.path...), "%s", f.msg)
		}
		if level := b.level(p.SourceRepository); level != 0 && level < p.Level {
			add([]any{"builders", i}, "builder %q reaches level %d, and level %d is asked for", b.ID, level, p.Level)
		}
	}
	if p.Ref != "" && p.Tag != "" {
		add([]any{"tag"}, "there is either a ref or a tag")
	}
	for _, t := range []struct{ key, value string }{{"ref", p.Ref}, {"tag", p.Tag}, {"workflow", p.Workflow}} {
		switch {
		case strings.TrimSpace(t.value) != t.value || strings.ContainsFunc(t.value, func(r rune) bool { return r < ' ' }):
			add([]any{t.key}, "%s begins or ends with a space or holds a line break", t.key)
		case t.value != "" && strings.Trim(t.value, "*/") == "":
			add([]any{t.key}, "%s stands for anything: leave it out if it does not matter", t.key)
		}
	}
	if p.Ref != "" && !strings.HasPrefix(p.Ref, "refs/") {
		add([]any{"ref"}, "ref is a whole ref, such as refs/heads/main or refs/tags/v*")
	}
	if p.Commit != "" {
		if _, err := criteria.ParseDigest("gitCommit:" + p.Commit); err != nil {
			add([]any{"commit"}, "commit is 40 or 64 digits in lower-case hex, without what stands before them elsewhere")
		}
	}
	return faults
}

// Build is what verified provenance says, and what the certificate that signed
// it says of the same.
type Build struct {
	// Builder is its id, Level what the trust file believes that it reaches.
	Builder string `json:"builder"`
	Level   int    `json:"level"`
	Type    string `json:"buildType,omitempty"`
	// Repository, Ref and Commit are the source; the last two empty where neither
	// says.
	Repository string          `json:"sourceRepository"`
	Ref        string          `json:"ref,omitempty"`
	Commit     criteria.Digest `json:"commit,omitzero"`
	Workflow   string          `json:"workflow,omitempty"`
	Invocation string          `json:"invocation,omitempty"`
}

// built is a [Provenance] that is ready to be asked.
type built struct {
	Provenance
	builders      []*trustedBuilder
	ref, workflow pattern
}

type trustedBuilder struct {
	Builder
	id      pattern
	level   int
	known   *known
	signers span
}

// provenanceTypes are the predicate types of provenance.
func provenanceTypes() []string { return []string{provenance.V1, provenance.V02} }

func (v *Verifier) newBuilt(p Provenance, roots Roots) (*built, error) {
	out := &built{Provenance: p, ref: newPattern(p.Ref), workflow: newPattern(p.Workflow)}
	if p.Tag != "" {
		out.ref = newPattern("refs/tags/" + p.Tag)
	}
	for i, b := range p.Builders {
		trusted := &trustedBuilder{Builder: b, id: newPattern(b.ID), level: b.level(p.SourceRepository)}
		signers := b.Signers
		if len(signers) == 0 {
			trusted.known = b.known(p.SourceRepository)
			signers = trusted.known.signers
		}
		var err error
		if trusted.signers, err = v.signers(signers, provenanceTypes(), roots); err != nil {
			return nil, fmt.Errorf("builder %d: %w", i+1, err)
		}
		out.builders = append(out.builders, trusted)
	}
	return out, nil
}

// judge returns which provenance meets p, and whether all of it is of one commit;
// or why none meets it. Provenance says how
// bytes came to be, and another one does not unsay it: that of a builder who is
// not trusted takes nothing away.
func (p *built) judge(statements []*verified) (met *satisfied, one bool, why *Reason) {
	met = &satisfied{Requirement: Requirement{Kind: ProvenanceRequired}}
	var (
		nearest *verified
		lacking string
		reached = -1
		found   int
		builds  []*Build
	)
	for _, st := range statements {
		if !slices.Contains(provenanceTypes(), st.payload.PredicateType) {
			continue
		}
		found++
		build, by, steps, w := p.read(st)
		switch {
		case w == "":
			builds = append(builds, build)
			met.add(by)
			met.PredicateType = cmp.Or(met.PredicateType, st.payload.PredicateType)
		case steps > reached || steps == reached && compareStatements(st, nearest) < 0:
			nearest, lacking, reached = st, w, steps
		}
	}
	switch {
	case len(builds) > 0:
		best, one := builds[0], true
		for _, b := range builds {
			if b.Level > best.Level {
				best = b
			}
			// Two builds of the same bytes are from one commit, or nothing follows
			// from it.
			one = one && b.Commit == builds[0].Commit
		}
		met.Build = best
		return met, one, nil
	case found == 0:
		return nil, false, unmetReason(nil, "provenance is required, and no statement of it was found")
	}
	return nil, false, unmetReason(nearest, fmt.Sprintf("provenance is not met: %s; %s", counted(found, "statement"), lacking))
}

// read returns what st says was built, and by which of p's signers; or why it
// does not count, and how many steps it got.
func (p *built) read(st *verified) (build *Build, by *verified, steps int, why string) {
	no := func(steps int, format string, args ...any) (*Build, *verified, int, string) {
		return nil, nil, steps, fmt.Sprintf(format, args...)
	}
	said, err := provenance.Parse(st.payload.PredicateType, st.payload.Predicate)
	if err != nil {
		return no(0, "it cannot be read: %v", err)
	}
	var builder *trustedBuilder
	reason := fmt.Sprintf("it is of builder %q, which is not trusted", said.BuilderID)
	for _, b := range p.builders {
		if !b.id.match(said.BuilderID) {
			continue
		}
		if by = b.signers.only(st); by == nil {
			reason = fmt.Sprintf("it names builder %q, and %s does not speak for it", said.BuilderID, st.signature.Signer)
			continue
		}
		if b.known != nil {
			if w := b.known.bound(st.signature.Signer.Identity, said.BuilderID); w != "" {
				reason = w
				continue
			}
		}
		if builder == nil || b.level > builder.level {
			builder = b
		}
	}
	if builder == nil {
		return no(1, "%s", reason)
	}
	by = builder.signers.only(st)

	says := make(map[string]string)
	if c := st.signature.Certificate; c != nil {
		says = c.Says
	}
	// one is what the predicate and the certificate say of one thing.
	one := func(what, predicate, certificate string) (string, string) {
		if predicate != "" && certificate != "" && predicate != certificate {
			return "", fmt.Sprintf("it says %s %q, and the certificate that signed it %q", what, predicate, certificate)
		}
		return cmp.Or(predicate, certificate), ""
	}
	certified, _ := provenance.Repository(says["sourceRepository"])
	repository, why := one("source", said.SourceRepository, certified)
	if why != "" {
		return no(2, "%s", why)
	}
	ref, why := one("ref", said.SourceRef, says["sourceRef"])
	if why != "" {
		return no(2, "%s", why)
	}
	commit, why := one("commit", said.SourceDigest, says["sourceDigest"])
	if why != "" {
		return no(2, "%s", why)
	}
	workflow := said.Workflow
	started, _, _ := strings.Cut(strings.TrimPrefix(says["workflow"], certified+"/"), "@")
	switch {
	case workflow == "":
		workflow = started
	// What GitLab calls the entry point is a job and no path.
	case strings.HasPrefix(started, ".github/") && started != workflow:
		return no(2, "it says workflow %q, and the certificate that signed it %q", workflow, started)
	}
	for i, c := range []struct {
		what, got, want string
		pattern         *pattern
	}{
		{"source", repository, p.SourceRepository, nil},
		{"ref", ref, p.ref.text, &p.ref},
		{"commit", commit, p.Commit, nil},
		{"workflow", workflow, p.Workflow, &p.workflow},
	} {
		switch {
		case c.want == "":
		case c.got == "":
			return no(3+i, "it does not say its %s, expected %q", c.what, c.want)
		case c.pattern == nil && c.got != c.want || c.pattern != nil && !c.pattern.match(c.got):
			return no(3+i, "its %s is %q, expected %q", c.what, c.got, c.want)
		}
	}
	build = &Build{
		Builder: said.BuilderID, Level: builder.level, Type: said.BuildType,
		Repository: repository, Ref: ref, Workflow: workflow, Invocation: said.InvocationID,
	}
	if commit != "" {
		if build.Commit, err = criteria.ParseDigest("gitCommit:" + commit); err != nil {
			return no(2, "its commit cannot be read: %v", err)
		}
	}
	return build, by, 8, ""
}
