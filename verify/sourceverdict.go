package verify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/provenance"
)

// SourceVerdict is what a trust file requires of the source: a verification
// summary about the commit that the artifact was built from
// (https://slsa.dev/spec/v1.2/source-requirements).
type SourceVerdict struct {
	// Verifier is the id of whoever must have judged the source, exactly.
	Verifier string `yaml:"verifier"`
	// Resource is the repository as the summary names it, exactly, such as
	// git+https://github.com/acme/greet: a fork has the same commits.
	Resource string `yaml:"resource"`
	// Level is the SLSA source level that is asked for, 1 to 4.
	Level int `yaml:"level"`
	// MaxAge is how old the summary may be; unlimited must be written down.
	MaxAge MaxAge `yaml:"maxAge"`
	// Signers may sign it, and nothing else; default those of the trust file.
	Signers []Signer `yaml:"signers"`
}

func (s SourceVerdict) clone() *SourceVerdict {
	s.Signers = cloneSigners(s.Signers)
	return &s
}

func (s SourceVerdict) faults(e Expect) []fault {
	var faults []fault
	add := func(key, format string, args ...any) {
		faults = append(faults, fault{[]any{key}, fmt.Sprintf(format, args...)})
	}
	for _, k := range []struct{ key, value, what string }{
		{"verifier", s.Verifier, "the id of whoever judges the source, as it stands in the summaries"},
		{"resource", s.Resource, "the repository as it stands in the summaries, such as git+https://github.com/acme/greet"},
	} {
		switch {
		case k.value == "":
			add(k.key, "%s is missing: %s", k.key, k.what)
		case strings.TrimSpace(k.value) != k.value || strings.ContainsFunc(k.value, func(r rune) bool { return r < ' ' }) || strings.Contains(k.value, "*"):
			add(k.key, "%s is compared exactly, and %q begins or ends with a space, or holds a line break or a star", k.key, k.value)
		}
	}
	if repository, _ := provenance.Repository(s.Resource); e.Provenance != nil && s.Resource != "" && repository != e.Provenance.SourceRepository {
		add("resource", "resource %q is another repository than provenance.sourceRepository, %q", s.Resource, e.Provenance.SourceRepository)
	}
	if s.Level < 1 || s.Level > maxSourceLevel {
		add("level", "level is the SLSA source level that is asked for, 1 to %d", maxSourceLevel)
	}
	switch {
	case s.MaxAge == 0:
		add("maxAge", "maxAge is missing: how old the summary may be, such as 90d; unlimited if it really does not matter")
	case s.MaxAge < 0 && s.MaxAge != Unlimited:
		add("maxAge", "maxAge must be positive")
	}
	return append(faults, signersFaults(s.Signers)...)
}

// JudgedSource is what a verified summary says of a commit.
type JudgedSource struct {
	Commit   criteria.Digest `json:"commit"`
	Verifier string          `json:"verifier"`
	Resource string          `json:"resource"`
	Level    int             `json:"level"`
	Time     time.Time       `json:"time"`
}

// sourceLabel is what a summary's label for a source level begins with.
const sourceLabel = "SLSA_SOURCE_LEVEL_"

// sourceLevel is the highest source level among v's labels.
func (v Verdict) sourceLevel() int {
	highest := 0
	for _, l := range v.Levels {
		number, ok := strings.CutPrefix(l, sourceLabel)
		if n, err := strconv.Atoi(number); ok && err == nil && n <= maxSourceLevel && number == strconv.Itoa(n) {
			highest = max(highest, n)
		}
	}
	return highest
}

// builtFrom is the commit that the artifact was built from, or why it is not
// known. Who built it says so where provenance is required, and else the
// findings of who judged it; where both do, they must agree.
func builtFrom(met []satisfied, one bool, findings *Findings) (criteria.Digest, string) {
	var commit criteria.Digest
	for _, r := range met {
		if r.Build != nil {
			commit = r.Build.Commit
		}
	}
	if !one {
		return commit, "the provenance names several commits"
	}
	if findings == nil {
		findings = &Findings{}
	}
	for _, r := range findings.Configuration {
		switch {
		case r.Name != attest.SourceResource || r.Digest.Algorithm() != "gitCommit":
		case commit.IsZero():
			commit = r.Digest
		case commit != r.Digest:
			return commit, fmt.Sprintf("it was built from commit %s, and the release that was judged is %s", commit.Hex(), r.Digest.Hex())
		}
	}
	if commit.IsZero() {
		return commit, "no statement that counts says from which commit it was built"
	}
	return commit, ""
}

// sourceVerdict returns the summary about commit that meets what is required,
// or why none does. The error is that it could not be told.
//
// Bundles about a commit lie where those about the artifact do: in the same
// place, or among them, since a registry names nothing by a commit.
func (v *Verifier) sourceVerdict(ctx context.Context, commit criteria.Digest, bundles []attest.Bundle, now time.Time) (*satisfied, *Reason, error) {
	want := v.want.Source
	more, err := v.src.Bundles(ctx, commit)
	if err != nil {
		return nil, nil, fmt.Errorf("looking for bundles about %s: %w", commit, err)
	}
	bundles = append(slices.Clone(bundles), more...)
	if len(bundles) > MaxBundles {
		return nil, nil, fmt.Errorf("looking for bundles about %s: found %d, expected at most %d", commit, len(bundles), MaxBundles)
	}
	no := func(st *verified, format string, args ...any) (*satisfied, *Reason, error) {
		return nil, unmetReason(st, fmt.Sprintf("source, commit %s: ", commit.Hex()[:12])+fmt.Sprintf(format, args...)), nil
	}
	var (
		all     []*candidate
		refused *Reason
	)
	seen := make(map[criteria.Digest]bool, len(bundles))
	for _, b := range bundles {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		id := criteria.DigestOf(b)
		if seen[id] {
			continue
		}
		seen[id] = true
		st, why := v.open(b, id, []criteria.Digest{commit}, now)
		if why == nil {
			if st = v.sourceSigners.only(st); st == nil || st.payload.PredicateType != verdictType {
				continue
			}
			var c *candidate
			c, why = readVerdict(st, want.Verifier, []pattern{newPattern(want.Resource)}, now)
			if why == nil && c.Passed {
				why = st.outlived(c)
			}
			if why == nil {
				all = append(all, c)
				continue
			}
		}
		if why.Code != WrongSubject && (refused == nil || why.Message < refused.Message) {
			refused = why
		}
	}
	if len(all) == 0 {
		message := "no verdict about it was found by " + strconv.Quote(want.Verifier)
		if refused != nil {
			message += "; of another bundle: " + refused.Code + ": " + refused.Message
		}
		return no(nil, "%s", message)
	}
	deciding, _ := newest(all)
	met := &satisfied{Requirement: Requirement{Kind: SourceRequired, PredicateType: verdictType}}
	for _, c := range deciding {
		switch {
		case !c.Passed:
			return no(c.verified, "the newest verdict about it says FAILED")
		case want.MaxAge != Unlimited && now.Sub(c.Time) > time.Duration(want.MaxAge):
			return no(c.verified, "the verdict about it was made on %s, longer ago than %s", stamp(c.Time), want.MaxAge)
		case c.sourceLevel() < want.Level:
			return no(c.verified, "it reached source level %d, expected %d", c.sourceLevel(), want.Level)
		}
		met.add(c.verified)
		met.ends(c.Time, want.MaxAge)
		level := c.sourceLevel()
		if met.Source != nil {
			level = min(level, met.Source.Level)
		}
		met.Source = &JudgedSource{Commit: commit, Verifier: c.Verifier, Resource: c.Resource, Level: level, Time: c.Time}
	}
	return met, nil, nil
}
