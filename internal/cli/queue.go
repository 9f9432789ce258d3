package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/attest/sign/identity"
	"github.com/hallmark-project/hallmark/internal/atomicfile"
	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/urfave/cli/v2"
)

// Waiting is one statement of a release that waits for a service.
type Waiting struct {
	Name          string `json:"name"`
	PredicateType string `json:"predicateType"`
	// State is "complete", "signed" (it lacks what Service should add) or
	// "unsigned".
	State string `json:"state"`
	// Service, URL and Problem say who did not answer; empty where complete.
	Service string `json:"service,omitempty"`
	URL     string `json:"url,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// queueFile lists what waits, for people: nothing reads it back.
const queueFile = "queue.json"

func waitingList(all []signed) []Waiting {
	var out []Waiting
	for _, s := range all {
		w := Waiting{Name: s.statement.Name(), PredicateType: s.statement.PredicateType(), State: "complete"}
		if s.outage != nil {
			w.State, w.Service, w.URL, w.Problem = "signed", s.outage.Service, s.outage.URL, s.outage.Err.Error()
			if s.bundle == nil {
				w.State = "unsigned"
			}
		}
		out = append(out, w)
	}
	return out
}

// writeQueue puts what there is of a release that waits for a service into the
// dossier at dir. None of it lies where consumers or publishers look.
func writeQueue(dir string, all []signed, now time.Time) error {
	into := filepath.Join(dir, dossier.PendingDir)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	for _, s := range all {
		if s.bundle == nil {
			continue
		}
		if err := atomicfile.Write(filepath.Join(into, bundleName(s.statement)), s.bundle, 0o644); err != nil {
			return err
		}
	}
	list, err := json.MarshalIndent(map[string]any{"since": now.UTC().Format(time.RFC3339), "statements": waitingList(all)}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(into, queueFile), append(list, '\n'), 0o644)
}

// waitingIn returns the bundles that wait in the dossier at dir, by file name.
// They are as untrusted as any file: whoever completes one checks it.
func waitingIn(dir string) map[string]attest.Bundle {
	out := make(map[string]attest.Bundle)
	if dir == "" {
		return out
	}
	entries, err := os.ReadDir(filepath.Join(dir, dossier.PendingDir))
	if err != nil {
		return out
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), bundleSuffix) {
			continue
		}
		if data, err := regular.File(filepath.Join(dir, dossier.PendingDir, e.Name()), verify.MaxBundle); err == nil {
			out[e.Name()] = data
		}
	}
	return out
}

// own returns, of bundles that wait, those by whoever would sign now. Anybody
// who can write into a dossier can put one there that somebody else signed;
// completed, it would make that one the signer whom consumers are told of.
func (out *signing) own(waiting map[string]attest.Bundle) map[string]attest.Bundle {
	kept := make(map[string]attest.Bundle)
	for name, b := range waiting {
		s, err := sign.Read(b)
		if err != nil {
			continue
		}
		if out.key != nil && s.Hint == out.key.Fingerprint() || out.key == nil && s.Identity != "" && out.mine(s.Issuer, s.Identity) {
			kept[name] = b
		}
	}
	return kept
}

// stranger returns who signed something that waits in the dossier at dir, where
// it is certain that somebody else would sign now; empty if nobody.
func (out *signing) stranger(dir string) string {
	for _, b := range waitingIn(dir) {
		s, err := sign.Read(b)
		switch {
		case err != nil:
		case s.Identity == "" && (out.key == nil || s.Hint != out.key.Fingerprint()):
			return "another key"
		case s.Identity != "" && out.key != nil,
			s.Identity != "" && (out.identity != "" || out.claimed != nil && out.claimed.Known()) && !out.mine(s.Issuer, s.Identity):
			return fmt.Sprintf("%s (issuer %s)", identity.Escape(s.Identity), identity.Escape(s.Issuer))
		}
	}
	return ""
}

// sameSigner repeats the flags that say what signs, but for a token, which may
// be one.
func sameSigner(c *cli.Context) string {
	var out strings.Builder
	for _, f := range signerFlags() {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		switch _, yes := f.(*cli.BoolFlag); {
		case yes:
			fmt.Fprintf(&out, " --%s", name)
		case name == "identity-token":
			fmt.Fprintf(&out, " --%s TOKEN", name)
		default:
			fmt.Fprintf(&out, " --%s %s", name, quote(fmt.Sprint(c.Value(name))))
		}
	}
	return out.String()
}

// queued reports whether something waits in the dossier at dir.
func queued(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, dossier.PendingDir, queueFile))
	return err == nil
}

// sayQueued says what waits, and how to go on. The release is not out, so the
// command could not tell.
func sayQueued(io console.IO, c *cli.Context, dir string, all []signed) error {
	var outage error
	for _, s := range all {
		state := "signed, and waits"
		switch {
		case s.outage == nil:
			state = "complete, and waits"
		case s.bundle == nil:
			state = "not signed yet"
		}
		if s.outage != nil && outage == nil {
			outage = s.outage
		}
		if c.String("output") != "json" {
			_ = io.Line(console.Yellow, "queued", s.statement.Name(), state)
		}
	}
	return console.Unable(fmt.Errorf("queued: %w\nnothing was published; what there is waits in %s", outage, filepath.Join(dir, dossier.PendingDir)),
		"when it answers, complete it with: hallmark attest --resume"+sameFlags(c)+sameSigner(c), "and then put it out with: hallmark publish"+sameFlags(c))
}
