package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/advisory"
	"github.com/hallmark-project/hallmark/internal/answer"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/recheck"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/severity"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

// The defaults of a recheck: what counts, and how old the index may be, as in the
// standard profile.
const (
	defaultSeverity = "high"
	defaultIndexAge = "72h"
)

func recheckFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "recheck", Usage: "also match the attested SBOM against today's advisories in `INDEX`"},
		&cli.StringFlag{Name: "severity", Usage: "recheck: what counts from `RATING` on: low, medium, high, critical; default " + defaultSeverity},
		&cli.StringFlag{Name: "waivers", Usage: "recheck: your own exceptions in `FILE`, in the form of a policy's"},
		&cli.StringFlag{Name: "max-index-age", Usage: "recheck: how old the index may be, an `AGE`; default " + defaultIndexAge},
	}
}

// rechecking is what the flags say of a recheck.
type rechecking struct {
	path    string
	index   *advisory.Index
	options recheck.Options
}

// prepareRecheck reads what the flags name, before anything is verified; nil where
// no recheck is asked for.
func prepareRecheck(io console.IO, c *cli.Context) (*rechecking, error) {
	path := c.String("recheck")
	if path == "" {
		for _, name := range []string{"severity", "waivers", "max-index-age"} {
			if c.IsSet(name) {
				return nil, console.Misused(fmt.Errorf("--%s says how to recheck, and --recheck INDEX is missing", name),
					"make an index with: hallmark advisories import FILE... --to INDEX")
			}
		}
		return nil, nil
	}
	if c.String("from-file") != "" {
		return nil, console.Misused(errors.New("--from-file and --recheck do not go together: name the artifacts, or --checksums FILE"))
	}
	r := &rechecking{path: path, options: recheck.Options{Now: io.Now().UTC().Truncate(time.Second)}}
	var err error
	if r.options.Severity, err = severity.Parse(orElse(c.String("severity"), defaultSeverity)); err != nil {
		return nil, console.Misused(fmt.Errorf("--severity %w", err))
	}
	age, err := criteria.ParseAge(orElse(c.String("max-index-age"), defaultIndexAge))
	if err != nil {
		return nil, console.Misused(fmt.Errorf("--max-index-age: %w", err))
	}
	r.options.MaxAge = time.Duration(age)
	if file := c.String("waivers"); file != "" {
		data, err := regular.File(file, strict.MaxConfig)
		if err != nil {
			return nil, console.Misused(err)
		}
		if r.options.Waivers, err = criteria.ParseWaivers(file, data, recheck.Criterion); err != nil {
			return nil, console.Misused(err)
		}
	}
	if r.index, err = openIndex(path); err != nil {
		return nil, err
	}
	return r, nil
}

func openIndex(path string) (*advisory.Index, error) {
	x, err := advisory.Open(path)
	if errors.Is(err, advisory.ErrDamaged) {
		return nil, console.Unable(err, "make it again with: hallmark advisories import FILE... --to "+quote(path))
	}
	if err != nil {
		return nil, console.Misused(err, "make an index with: hallmark advisories import FILE... --to INDEX")
	}
	return x, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// recheckReport is what verify --recheck writes with -o json: the verification's
// report, whose outcome is the worst of both, and what was found.
type recheckReport struct {
	answer.Report
	Recheck *recheckAnswers `json:"recheck,omitempty"`
}

type recheckAnswers struct {
	Outcome string `json:"outcome"`
	// Severity is the rating from which on a vulnerability counts.
	Severity string       `json:"severity"`
	MaxAge   criteria.Age `json:"maxIndexAge"`
	// Index names the index by its digest, and says what it is.
	Index      string               `json:"index"`
	Digest     criteria.Digest      `json:"digest"`
	Ecosystems []advisory.Ecosystem `json:"ecosystems"`
	Time       time.Time            `json:"time"`
	Subjects   []recheck.Answer     `json:"subjects"`
}

// run rechecks every verified subject of report.
func (r *rechecking) run(ctx context.Context, v *verify.Verifier, report answer.Report) (*recheckAnswers, error) {
	// A bill of ten thousand components is gone through once: half the memory is
	// worth more than a tenth of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(40))
	out := &recheckAnswers{
		Outcome: recheck.Clear, Severity: r.options.Severity.String(), MaxAge: criteria.Age(r.options.MaxAge),
		Index: r.path, Digest: r.index.Digest(), Ecosystems: r.index.Ecosystems, Time: r.options.Now,
	}
	for _, s := range report.Subjects {
		a, err := recheck.Check(ctx, v, s.Result, r.index, r.options)
		if err != nil {
			return nil, fmt.Errorf("rechecking %s: %w", s.Name, err)
		}
		a.Name = s.Name
		out.Outcome = recheck.Worse(out.Outcome, a.Outcome)
		out.Subjects = append(out.Subjects, a)
	}
	return out, nil
}

// ending is the error that the answers end a command with.
func (r *recheckAnswers) ending() error {
	switch r.Outcome {
	case recheck.Clear:
		return nil
	case recheck.Affected:
		return console.Quiet(console.No)
	}
	return console.Quiet(console.CouldNotTell)
}

// maxShown is how many undecided components and notes a table shows of each.
const maxShown = 20

// table writes what is clear to c.Out and what is not to c.Err.
func (r *recheckAnswers) table(c console.IO) {
	for _, a := range r.Subjects {
		w := c.Err
		switch a.Outcome {
		case recheck.Clear:
			w = c.Out
			fmt.Fprintf(w, "%s %s\n  nothing from %s on stands against it today\n", c.Paint(console.Green, "rechecked"), a.Name, r.Severity)
		case recheck.Affected:
			fmt.Fprintf(w, "%s %s\n", c.Paint(console.Red, "affected"), a.Name)
		default:
			fmt.Fprintf(w, "%s %s\n", c.Paint(console.Yellow, "could not recheck"), a.Name)
		}
		r.subject(w, a)
	}
}

func (r *recheckAnswers) subject(w io.Writer, a recheck.Answer) {
	for _, f := range a.Findings {
		state := f.Severity
		if f.Waiver != "" {
			state = "waived by " + f.Waiver + ", " + state
		}
		fmt.Fprintf(w, "  %s: %s\n    %s\n", f.ID, state, f.Package)
		if len(f.FixedIn) > 0 {
			fmt.Fprintf(w, "    fixed in %s\n", strings.Join(f.FixedIn, ", "))
		}
		hanging(w, "    ", listed("also", f.Aliases))
		hanging(w, "    ", f.Summary)
	}
	for _, s := range a.Suppressed {
		hanging(w, "  ", s.String())
	}
	for _, reason := range a.Reasons {
		hanging(w, "  ", reason)
	}
	for i, u := range a.Undecided {
		if i == maxShown {
			fmt.Fprintf(w, "    and %d more: all stand in -o json\n", len(a.Undecided)-i)
			break
		}
		hanging(w, "    ", u.String())
	}
	for _, u := range a.Waivers {
		if u.State != criteria.WaiverApplied {
			hanging(w, "  ", fmt.Sprintf("waiver %s (%s): %s", u.ID, u.Finding, u.State))
		}
	}
	for i, n := range a.Notes {
		if i == maxShown {
			fmt.Fprintf(w, "  and %d more notes: all stand in -o json\n", len(a.Notes)-i)
			break
		}
		hanging(w, "  ", n)
	}
	for _, b := range a.Bills {
		if b.Problem == "" {
			fmt.Fprintf(w, "  sbom      %s, %d components\n            signed by %s\n", b.Name, b.Components, b.Signer)
		}
	}
	fmt.Fprintf(w, "  index     %s, %d packages looked up\n", r.Digest.Short(), a.Packages)
}

func listed(word string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return word + " " + strings.Join(list, ", ")
}

// hanging writes text in lines of at most 80 columns.
func hanging(w io.Writer, indent, text string) {
	if text == "" {
		return
	}
	for i, line := range console.Wrap(text, 80-len(indent)-2) {
		if i > 0 {
			line = "  " + line
		}
		fmt.Fprintln(w, indent+line)
	}
}

// show writes report and what the recheck found, and returns the error that ends
// the command.
func (r *recheckAnswers) show(io console.IO, c *cli.Context, report answer.Report, table func()) error {
	if c.String("output") != "json" {
		table()
		r.table(io)
		return r.ending()
	}
	switch r.Outcome {
	case recheck.Affected:
		report.Outcome = answer.Refused
	case recheck.Unknown:
		report.Outcome = answer.Unknown
	}
	if err := stream(io.Out, recheckReport{report, r}); err != nil {
		return errors.Join(err, r.ending())
	}
	return r.ending()
}

// stream writes v as [console.IO.JSON] does, piece by piece: tens of thousands of
// findings would otherwise lie in memory three times.
func stream(w io.Writer, v any) error {
	e := jsontext.NewEncoder(w, jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false), jsontext.WithIndent("  "))
	return json.MarshalEncode(e, v)
}
