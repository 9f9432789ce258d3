package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
			return console.Misused(fmt.Errorf("%s is no dossier: %w", dir, err), "make one with: hallmark evaluate --out "+dir)
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
	signed := make(map[criteria.Digest]bool)
	for _, c := range r.Findings.Configuration {
		if !c.Digest.IsZero() {
			signed[c.Digest] = true
		}
	}
	var faults []error
	hold := func(what string, d criteria.Digest) {
		if !signed[d] {
			faults = append(faults, fmt.Errorf("%s %s is not what was signed", what, d))
		}
	}
	hold(dossier.DecisionFile, criteria.DigestOf(decision))
	hold(dossier.PolicyFile, j.Decision.Policy.Digest)
	if !r.Verdict.Policy.Digest.Matches(j.Decision.Policy.Digest) {
		faults = append(faults, fmt.Errorf("the verdict was made by policy %s, the dossier holds %s", r.Verdict.Policy.Digest, j.Decision.Policy.Digest))
	}
	for _, e := range j.Decision.Evidence {
		if !e.Digest.IsZero() {
			hold("evidence "+e.Name, e.Digest)
		}
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
