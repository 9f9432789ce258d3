package criteria

import (
	"fmt"
	"strings"
	"time"
)

// Level is a maturity level; the zero value is none.
type Level uint8

// The maturity levels, each including the ones before it.
const (
	NoLevel Level = iota
	Basic
	Standard
	Advanced
)

// Levels lists the maturity levels from the lowest.
func Levels() []Level { return []Level{Basic, Standard, Advanced} }

func (l Level) String() string {
	switch l {
	case Basic:
		return "basic"
	case Standard:
		return "standard"
	case Advanced:
		return "advanced"
	}
	return "none"
}

// ParseLevel reads the word that [Level.String] writes.
func ParseLevel(s string) (Level, error) {
	for _, l := range Levels() {
		if s == l.String() {
			return l, nil
		}
	}
	return NoLevel, fmt.Errorf("unknown level %q: known are basic, standard, advanced", s)
}

// MarshalText implements [encoding.TextMarshaler].
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *Level) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLevel(string(text))
	return err
}

// Practice is one of the eight best practices that criteria are drawn from.
type Practice uint8

// The eight practices, in the order of their source.
const (
	Roles Practice = iota + 1
	Policies
	Contributors
	SupplyChain
	Guidance
	Playbooks
	Testing
	Releases
)

var practices = [...]string{
	"", "Roles and Responsibilities", "Security Policy", "Know Your Contributors",
	"The Software Supply Chain", "Technical Security Guidance", "Security Playbooks",
	"Security Testing", "Secure Releases and Updates",
}

func (p Practice) String() string {
	if p == 0 || int(p) >= len(practices) {
		return "unknown practice"
	}
	return practices[p]
}

// Scope says what one criterion is asked about.
type Scope uint8

// The scopes: the source commit, or each artifact on its own.
const (
	AboutSource Scope = iota + 1
	AboutArtifacts
)

func (s Scope) String() string {
	switch s {
	case AboutSource:
		return "source"
	case AboutArtifacts:
		return "artifact"
	}
	return "nothing"
}

// Criterion is one question with its parameters. Evaluate is pure: the same
// input gives the same outcome, on any machine, at any time.
type Criterion interface {
	Evaluate(in Input) Outcome
}

// Input is all that a criterion may know. Evidence holds only what is about
// Subject, was read without error, is fresh enough, and gives a fact that the
// kind needs or uses; the engine has dropped the rest.
type Input struct {
	Release  Release
	Subject  Subject
	Evidence []Evidence
	Now      time.Time
}

// Kind is one criterion of the catalogue, before it has parameters.
type Kind struct {
	// Name is words joined by hyphens; it is the criterion's id everywhere.
	Name string
	// Title is the question as a statement, for tables: at most 60 characters.
	Title string
	// Doc says in one sentence what passing means, ending with a period.
	Doc      string
	Practice Practice
	// Level is the lowest profile that asks it.
	Level Level
	// Refs are the same requirement in other catalogues: "SCA-1" (our
	// catalogue's id), "OSPS-QA-02.02", "SSDF PW.4.4".
	Refs  []string
	Scope Scope
	// Needs are the facts without which the answer is unknown: the engine
	// gives that answer itself, once for each fact. Uses are facts that are
	// taken into account when there are any.
	Needs, Uses []Fact
	// FromSource are those of Needs and Uses that are taken from evidence about
	// the release's source commit although the question is about an artifact:
	// what a lockfile says must be in an SBOM. They can only make the answer
	// stricter; a criterion must never pass an artifact because of them.
	FromSource []Fact
	// RatesBuilds is true where a pass says which SLSA build level an artifact
	// has ([Outcome.BuildLevel]). No criterion of a policy's own does.
	RatesBuilds bool
	// MaxAge is how old evidence of each fact may be, where the policy sets
	// nothing else; a fact without an entry does not age. Evidence that ages
	// and has no time is stale.
	MaxAge map[Fact]time.Duration
	// Params are the parameters by profile, as JSON objects; the policy's own
	// are laid over them, key by key. A profile without an entry takes the
	// next lower one's.
	Params map[Level]string
	// New makes the criterion. params is a JSON object; decode it with
	// [DecodeParams], which refuses unknown keys.
	New func(params []byte) (Criterion, error)
}

// params returns the parameters that profile sets.
func (k Kind) params(profile Level) string {
	for l := profile; l > NoLevel; l-- {
		if p, ok := k.Params[l]; ok {
			return p
		}
	}
	return "{}"
}

// Labels that a verdict carries in verifiedLevels. Those that are named after
// criteria and levels must never begin with SLSA_: the specification reserves
// that prefix, and slsa-verifier refuses the whole statement over a label there
// that it does not know. The build level, where one was verified, is SLSA's own.
const (
	labelPrefix      = "HALLMARK_"
	buildLevelPrefix = "SLSA_BUILD_LEVEL_"
)

// maxBuildLevel is the highest level of SLSA's build track
// (https://slsa.dev/spec/v1.2/build-track-basics).
const maxBuildLevel = 3

// Label returns the label of the criterion called name.
func Label(name string) string {
	return labelPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// LevelLabel returns the label of a release that reached l.
func LevelLabel(l Level) string { return labelPrefix + "RELEASE_" + strings.ToUpper(l.String()) }
