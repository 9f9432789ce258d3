// Command many writes bundles to be measured with: each is a verdict about
// another digest, signed with a certificate of its own, under authorities on
// P-384 as the public instance has them, with a promise of a certificate log and
// a log entry with promise, proof and checkpoint.
//
//	many FOLDER COUNT...
//
// FOLDER gets trust.yaml and trusted_root.json, and for each COUNT a folder of
// bundles and a list of digests. A bundle's file is called as its digest.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/sigstoretest"
)

// Who signs, for the programs that verify.
const (
	issuer   = "https://token.actions.githubusercontent.com"
	identity = "https://github.com/acme/greet/.github/workflows/release.yml@refs/tags/v1.2.0"
)

const trust = `verifier: https://greet.example/hallmark/v1
resource: pkg:generic/greet@1.2.0
level: standard
maxAge: 90d
signers:
  - issuer: ` + issuer + `
    identity: ` + identity + `
    trustedRoot: trusted_root.json
    require: [log, sct]
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "many:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("expected a folder and how many bundles")
	}
	dir, now := args[0], time.Now()
	s := sigstoretest.New(now)
	s.Fulcio = sigstoretest.NewPublicAuthority("https://fulcio.test", "sigstore-intermediate", now)
	root := s.Root()
	root.Stampers = root.Stampers[:0]
	if err := os.WriteFile(filepath.Join(dir, "trusted_root.json"), root.JSON(), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "trust.yaml"), []byte(trust), 0o600); err != nil {
		return err
	}
	for _, arg := range args[1:] {
		count, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		if err := write(s, filepath.Join(dir, arg), count); err != nil {
			return err
		}
	}
	return nil
}

func write(s *sigstoretest.Sigstore, dir string, count int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var list strings.Builder
	for i := range count {
		subject := criteria.DigestOf(fmt.Append(nil, dir, i))
		statement, err := verdict(subject, s.Now)
		if err != nil {
			return err
		}
		b := s.Sign(sigstoretest.Plan{
			Subject: &sigstoretest.Subject{
				Identity: identity, Issuer: issuer, NotBefore: s.Now.Add(-time.Minute), NotAfter: s.Now.Add(9 * time.Minute),
				Logs: []*sigstoretest.CTLog{s.CT},
			},
			Statement: statement, Entry: sigstoretest.KindDSSE, Promised: s.Now,
		})
		if err := os.WriteFile(filepath.Join(dir, subject.Hex()+".sigstore.json"), sigstoretest.JSON(b), 0o600); err != nil {
			return err
		}
		fmt.Fprintln(&list, subject)
	}
	return os.WriteFile(dir+".txt", []byte(list.String()), 0o600)
}

func verdict(subject criteria.Digest, now time.Time) ([]byte, error) {
	type object = map[string]any
	return json.Marshal(object{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []object{{"name": "greet", "digest": object{"sha256": subject.Hex()}}},
		"predicateType": "https://slsa.dev/verification_summary/v1",
		"predicate": object{
			"verifier":           object{"id": "https://greet.example/hallmark/v1"},
			"timeVerified":       now.UTC().Format(time.RFC3339),
			"resourceUri":        "pkg:generic/greet@1.2.0",
			"policy":             object{"uri": "policy.yaml", "digest": object{"sha256": strings.Repeat("0", 64)}},
			"verificationResult": "PASSED",
			"verifiedLevels":     []string{"HALLMARK_RELEASE_BASIC", "HALLMARK_RELEASE_STANDARD"},
		},
	})
}
