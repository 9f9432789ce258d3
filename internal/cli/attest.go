package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/cli/verification"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

func attestCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "attest", Usage: "sign what a decision found",
		Description: console.Examples(`Replays the decision in the dossier, hashes the artifacts again, and signs
statements about them: the verdict, the findings, each artifact's SBOM and known
vulnerabilities. The bundles and a trust file for consumers are added to the
dossier. Of a release that failed, the verdict says FAILED: publishing it
withdraws an earlier one.`,
			"hallmark attest -f hallmark.yaml --key release.key",
			"hallmark attest --envelope verdict.dsse.json",
			"hallmark attest --keyless --outage queue",
			"hallmark attest --keyless --resume"),
		Flags: append([]cli.Flag{
			fileFlag(), outFlag(),
			envelopeFlag(), bundleFlag(),
			&cli.BoolFlag{Name: "resume", Usage: "complete what waits for a service that did not answer"},
			console.Output("table", "json"),
		}, append(signerFlags(), verification.AccessFlags()...)...),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			f, g, err := load(io, c)
			if err != nil {
				return err
			}
			if err := signable(g.Release); err != nil {
				return err
			}
			dir := c.String("out")
			if c.Bool("resume") && !queued(dir) {
				return console.Misused(fmt.Errorf("nothing waits in %s", filepath.Join(dir, dossier.PendingDir)))
			}
			j, err := dossier.Replay(dir, known())
			if err != nil {
				return replayEnding(dir, err)
			}
			if err := sameRelease(g.Release, j.Release); err != nil {
				return console.Refuse(err, "judge it again with: hallmark evaluate")
			}
			by, err := chooseSigner(io, c, f)
			if err != nil {
				return err
			}
			if who := by.stranger(dir); c.Bool("resume") && who != "" {
				return console.Misused(fmt.Errorf("what waits in %s was signed by %s, and that is not who would sign now", filepath.Join(dir, dossier.PendingDir), who),
					"sign with what signed it, or sign anew with: hallmark attest"+sameFlags(c))
			}
			made, err := attestStage(c.Context, io, f, j, by, dir)
			if err != nil {
				return err
			}
			var verdict []byte
			if !made.queued {
				if verdict, err = envelope(c.Context, c.String("envelope"), made.all, by.key, f.Verifier.ID, j.Decision); err != nil {
					return err
				}
			}
			if err := c.Context.Err(); err != nil {
				return err
			}
			err = dossier.Update(dir, attested, func(staging string) error {
				if err := j.Held(staging); err != nil {
					return err
				}
				if made.queued {
					return writeQueue(staging, made.all, io.Now())
				}
				return writeAttestations(staging, made.all, made.want, by.root)
			})
			if err != nil {
				return fmt.Errorf("writing the dossier: %w", err)
			}
			if made.queued {
				if c.String("output") == "json" {
					if err := io.JSON(map[string]any{"key": by.where, "queued": waitingList(made.all)}); err != nil {
						return err
					}
				}
				return sayQueued(io, c, dir, made.all)
			}
			if err := writeBundle(c.String("bundle"), made.all); err != nil {
				return kept(dir, err)
			}
			if err := writeEnvelope(c.String("envelope"), verdict); err != nil {
				return kept(dir, err)
			}
			return showSigned(io, c, dir, by, made, j.Decision.Passed)
		},
	}
}

// attested are the parts of a dossier that signing makes anew.
var attested = []string{dossier.AttestationsDir, dossier.TrustFile, dossier.TrustedRootFile, dossier.LayoutDir, dossier.PendingDir}

// sameRelease holds what lies in the release folder now against what was
// judged.
func sameRelease(now, judged criteria.Release) error {
	for _, a := range judged.Artifacts {
		for _, b := range now.Artifacts {
			if a.Name == b.Name && !a.Digest.Matches(b.Digest) {
				return fmt.Errorf("artifact %s changed after it was judged: it was %s, it is %s", a.Name, a.Digest, b.Digest)
			}
		}
	}
	x, err := now.Encode()
	if err != nil {
		return err
	}
	y, err := judged.Encode()
	if err != nil {
		return err
	}
	if string(x) != string(y) {
		return fmt.Errorf("the release file describes another release than the dossier's %s %s", judged.Name, judged.Version)
	}
	return nil
}

// Attestation is one line of attest -o json.
type Attestation struct {
	Name          string             `json:"name"`
	PredicateType string             `json:"predicateType"`
	Subjects      []criteria.Subject `json:"subjects"`
	Path          string             `json:"path"`
	Reused        bool               `json:"reused"`
}

func attestations(dir string, all []signed) []Attestation {
	out := make([]Attestation, 0, len(all))
	for _, s := range all {
		out = append(out, Attestation{
			Name: s.statement.Name(), PredicateType: s.statement.PredicateType(), Subjects: s.statement.Subjects(),
			Path: filepath.Join(dir, dossier.AttestationsDir, bundleName(s.statement)), Reused: s.reused,
		})
	}
	return out
}

// SignedBy is who signed, in -o json.
type SignedBy struct {
	Key       string           `json:"key,omitempty"`
	Issuer    string           `json:"issuer,omitempty"`
	Identity  string           `json:"identity,omitempty"`
	Witnesses []verify.Witness `json:"witnesses"`
}

func signersOf(want verify.Expect) []SignedBy {
	out := make([]SignedBy, 0, len(want.Signers))
	for _, s := range want.Signers {
		out = append(out, SignedBy{Key: s.Key, Issuer: s.Issuer, Identity: s.Identity, Witnesses: append([]verify.Witness{}, s.Require...)})
	}
	return out
}

func showSigned(io console.IO, c *cli.Context, dir string, by *signing, made attestation, passed bool) error {
	if c.String("output") == "json" {
		return io.JSON(map[string]any{"key": by.where, "signers": signersOf(made.want), "attestations": attestations(dir, made.all)})
	}
	sayKey(io, by.where)
	by.sayWitnesses(io, made.want.Signers)
	sayAttestations(io, dir, made.all)
	if passed {
		fmt.Fprintf(io.Out, "\nNext: put the artifacts and bundles where consumers look\n  hallmark publish%s\n", sameFlags(c))
	} else {
		fmt.Fprintf(io.Out, "\nNext: if this is to withdraw an earlier release\n  hallmark publish%s --withdraw\n", sameFlags(c))
	}
	return nil
}

func sayKey(io console.IO, where string) {
	path, remark, ok := strings.Cut(where, " (")
	if ok {
		_ = io.Line("", "key", path, "("+remark)
		return
	}
	_ = io.Line("", "key", where)
}

func sayAttestations(io console.IO, dir string, all []signed) {
	for _, a := range attestations(dir, all) {
		verb := "signed"
		if a.Reused {
			verb = "reused"
		}
		_ = io.Line("", verb, a.Name, a.PredicateType)
	}
}
