package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

func replayCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "replay", Usage: "recompute a decision from its dossier", ArgsUsage: "[DIR]",
		Description: console.Examples(`Judges the release in a dossier again, from its evidence and its policy, and
compares the result with the decision in it, byte for byte. Nobody's verdict has
to be believed who publishes the evidence. To hold a dossier against what was
signed, use: hallmark verify --replay. Exit codes: 0 the same, 1 something
differs, 2 usage, 3 could not tell.`,
			"hallmark replay hallmark-out",
			"hallmark replay hallmark-out -o json"),
		Flags: []cli.Flag{allFlag(), console.Output("table", "json", "markdown", "html")},
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return console.Misused(fmt.Errorf("unexpected argument %q", c.Args().Get(1)), "see: hallmark replay --help")
			}
			dir := c.Args().First()
			if dir == "" {
				dir = "hallmark-out"
			}
			j, err := dossier.Replay(dir, known())
			if err != nil {
				return replayEnding(dir, err)
			}
			if err := showDecision(io, c, j.Decision); err != nil {
				return err
			}
			if c.String("output") == "table" {
				fmt.Fprintf(io.Out, "replayed: %s gives the same decision, byte for byte\n", dir)
			}
			return nil
		},
	}
}

// replayEnding is the error that a failed replay of dir ends a command with.
func replayEnding(dir string, err error) error {
	var differs *dossier.DifferenceError
	switch {
	case errors.As(err, &differs):
		return console.Refuse(fmt.Errorf("refused: %s does not replay\n%w", dir, err))
	case errors.Is(err, fs.ErrNotExist):
		if _, stat := os.Stat(filepath.Join(dir, dossier.DecisionFile)); stat != nil {
			return console.Misused(fmt.Errorf("%s is no dossier: there is no %s", dir, filepath.Join(dir, dossier.DecisionFile)), "make one with: hallmark evaluate --out "+quote(dir))
		}
		return console.Unable(err)
	}
	return console.Unable(err)
}

// bind holds a replayed dossier against what was signed about subject: a
// dossier that replays may still be another one than the verdict's.
func bind(j dossier.Judged, r *verify.Result) error {
	decision, err := j.Decision.Encode()
	if err != nil {
		return err
	}
	if r.Findings == nil {
		return console.Unable(errors.New("no signed findings beside the verdict: nothing binds the dossier to it"))
	}
	// Each under its own name: a report that somebody contributed, and that was
	// signed as evidence, could hold the bytes of another decision.
	type named struct {
		word   string
		digest criteria.Digest
	}
	signed := make(map[named]bool)
	for _, c := range r.Findings.Configuration {
		word := c.Name
		if strings.HasPrefix(word, attest.EvidenceResource) {
			word = attest.EvidenceResource
		}
		if !c.Digest.IsZero() {
			signed[named{word, c.Digest}] = true
		}
	}
	var faults []error
	hold := func(what, word string, d criteria.Digest) {
		if !signed[named{word, d}] {
			faults = append(faults, fmt.Errorf("%s %s is not what was signed", what, d))
		}
	}
	release, err := j.Release.Encode()
	if err != nil {
		return err
	}
	hold(dossier.DecisionFile, attest.DecisionResource, criteria.DigestOf(decision))
	hold(dossier.PolicyFile, attest.PolicyResource, j.Decision.Policy.Digest)
	hold(dossier.ReleaseFile, attest.ReleaseResource, criteria.DigestOf(release))
	if !r.Verdict.Policy.Digest.Matches(j.Decision.Policy.Digest) {
		faults = append(faults, fmt.Errorf("the verdict was made by policy %s, the dossier holds %s", r.Verdict.Policy.Digest, j.Decision.Policy.Digest))
	}
	for _, e := range j.Decision.Evidence {
		if !e.Digest.IsZero() {
			hold("evidence "+e.Name, attest.EvidenceResource, e.Digest)
		}
	}
	// The findings may be those of another verdict of the same second.
	if j.Release.Resource != r.Verdict.Resource {
		faults = append(faults, fmt.Errorf("the verdict is about %q, the dossier about %q", r.Verdict.Resource, j.Release.Resource))
	}
	if !j.Decision.Time.Equal(r.Verdict.Time) {
		faults = append(faults, fmt.Errorf("the verdict was made on %s, the dossier's decision on %s", r.Verdict.Time.Format(time.RFC3339), j.Decision.Time.Format(time.RFC3339)))
	}
	if labels := j.Decision.Labels(); !slices.Equal(labels, r.Verdict.Levels) {
		faults = append(faults, fmt.Errorf("the verdict says %s, the replayed decision %s", strings.Join(r.Verdict.Levels, ", "), strings.Join(labels, ", ")))
	}
	if j.Decision.Passed != r.Verdict.Passed {
		faults = append(faults, errors.New("the verdict and the replayed decision disagree"))
	}
	found := false
	for _, a := range j.Release.Artifacts {
		found = found || a.Digest.Matches(r.Subject.Digest)
	}
	if !found {
		faults = append(faults, fmt.Errorf("%s is no artifact of the dossier's release", r.Subject.Digest))
	}
	if len(faults) > 0 {
		return console.Refuse(errors.Join(faults...))
	}
	return nil
}
