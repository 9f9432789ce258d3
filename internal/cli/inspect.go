package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/internal/cli/console"
	"github.com/hallmark-project/hallmark/internal/dossier"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
	"github.com/hallmark-project/hallmark/verify/source"
	"github.com/urfave/cli/v2"
)

func inspectCommand(io console.IO) *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "show what a bundle or a dossier claims, unverified", ArgsUsage: "PATH...",
		Description: console.Examples(`Shows what bundles say: predicate, subjects, how they are signed. Nothing is
verified: what is shown is a claim, for people who look for a mistake. To rely
on it, use hallmark verify. PATH is a bundle, a folder of bundles or a dossier.`,
			"hallmark inspect hallmark-out",
			"hallmark inspect -o json verdict.sigstore.json"),
		Flags: []cli.Flag{console.Output("table", "json")},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return console.Misused(errors.New("nothing to inspect: name a bundle, a folder or a dossier"), "see: hallmark inspect --help")
			}
			var claims []Claim
			for _, path := range c.Args().Slice() {
				found, err := inspect(path)
				if errors.Is(err, os.ErrNotExist) {
					return console.Misused(err)
				}
				if err != nil {
					return console.Unable(fmt.Errorf("inspecting: %w", err), "name a bundle (*.sigstore.json), a folder of bundles, or a dossier such as hallmark-out")
				}
				claims = append(claims, found...)
			}
			if c.String("output") == "json" {
				return io.JSON(map[string]any{"verified": false, "claims": claims})
			}
			fmt.Fprintln(io.Out, "unverified: this is what the files claim")
			for _, cl := range claims {
				fmt.Fprintf(io.Out, "\n%s\n  predicate  %s\n  signed by  %s\n", cl.Path, cl.PredicateType, cl.Signature)
				for _, s := range cl.Subjects {
					fmt.Fprintf(io.Out, "  about      %s\n             %s\n", s.Name, strings.Join(s.digests(), "\n             "))
				}
			}
			return nil
		},
	}
}

// Claim is what one bundle says, unverified.
type Claim struct {
	Path          string          `json:"path"`
	MediaType     string          `json:"mediaType,omitempty"`
	Signature     string          `json:"signature"`
	PredicateType string          `json:"predicateType"`
	Subjects      []ClaimSubject  `json:"subjects"`
	Predicate     json.RawMessage `json:"predicate"`
}

// ClaimSubject is a subject as the statement writes it.
type ClaimSubject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

func (s ClaimSubject) digests() []string {
	var out []string
	for alg, value := range s.Digest {
		out = append(out, alg+":"+value)
	}
	slices.Sort(out)
	return out
}

func inspect(path string) ([]Claim, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return inspectFile(path)
	}
	if _, err := os.Stat(filepath.Join(path, dossier.AttestationsDir)); err == nil {
		path = filepath.Join(path, dossier.AttestationsDir)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var out []Claim
	for _, e := range entries {
		known := source.IsBundle(e.Name())
		if !e.Type().IsRegular() || !known && !strings.HasSuffix(e.Name(), ".jsonl") {
			continue
		}
		found, err := inspectFile(filepath.Join(path, e.Name()))
		if err != nil && !known {
			continue // other tools write JSON lines, too
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no bundle", path)
	}
	return out, nil
}

// inspectFile reads one bundle, or one on each line of a file called .jsonl.
func inspectFile(path string) ([]Claim, error) {
	data, err := regular.File(path, verify.MaxBundle)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".jsonl") {
		c, err := claim(path, data)
		return []Claim{c}, err
	}
	var out []Claim
	for line := range bytes.Lines(data) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		c, err := claim(path, line)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func claim(path string, data []byte) (Claim, error) {
	type envelope struct {
		Payload    string            `json:"payload"`
		Signatures []json.RawMessage `json:"signatures"`
	}
	var b struct {
		MediaType string    `json:"mediaType"`
		Envelope  *envelope `json:"dsseEnvelope"`
		Material  struct {
			PublicKey *struct {
				Hint string `json:"hint"`
			} `json:"publicKey"`
			Certificate *json.RawMessage  `json:"certificate"`
			Log         []json.RawMessage `json:"tlogEntries"`
		} `json:"verificationMaterial"`
		envelope
	}
	if err := strict.JSON(data, &b); err != nil {
		return Claim{}, fmt.Errorf("%s: %w", path, err)
	}
	c := Claim{Path: path, MediaType: b.MediaType, Signature: "a key it does not name"}
	e := b.Envelope
	switch {
	case b.Material.PublicKey != nil && b.Material.PublicKey.Hint != "":
		c.Signature = "key " + b.Material.PublicKey.Hint
	case b.Material.Certificate != nil:
		c.Signature = "a certificate"
	}
	if e == nil {
		e = &b.envelope
	}
	if e.Payload == "" {
		return Claim{}, fmt.Errorf("%s: holds no DSSE envelope", path)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return Claim{}, fmt.Errorf("%s: the payload is not base64: %w", path, err)
	}
	var s struct {
		PredicateType string          `json:"predicateType"`
		Subject       []ClaimSubject  `json:"subject"`
		Predicate     json.RawMessage `json:"predicate"`
	}
	if err := strict.JSON(payload, &s); err != nil {
		return Claim{}, fmt.Errorf("%s: reading the statement: %w", path, err)
	}
	c.PredicateType, c.Subjects, c.Predicate = s.PredicateType, s.Subject, s.Predicate
	return c, nil
}
