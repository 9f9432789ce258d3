package publish

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
)

// Where a file may not have so many names, or the link is to something else, the
// rest are copies: whoever looks for an artifact's bundle finds it all the same.
func TestCopiesWhereLinksFail(t *testing.T) {
	var artifacts []criteria.Subject
	var about []map[string]any
	for i := range 400 {
		name := fmt.Sprintf("greet_%03d", i)
		d := criteria.DigestOf([]byte(name))
		artifacts = append(artifacts, criteria.Subject{Name: name, Digest: d})
		about = append(about, map[string]any{"name": name, "digest": map[string]string{"sha256": d.Hex()}})
	}
	statement, err := json.Marshal(map[string]any{
		"predicateType": attest.VerdictType, "subject": about,
		"predicate": map[string]string{"verificationResult": "PASSED", "timeVerified": "2026-11-22T12:00:00Z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	bundle := fmt.Appendf(nil, `{"dsseEnvelope":{"payload":%q}}`, base64.StdEncoding.EncodeToString(statement))
	for name, link := range map[string]func(already int) func(string, string) error{
		"too_many_links": func(already int) func(string, string) error {
			return func(from, to string) error {
				if already++; already > 5 {
					return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.EMLINK}
				}
				return os.Link(from, to)
			}
		},
		"other_bytes": func(int) func(string, string) error {
			return func(_, to string) error { return os.WriteFile(to, []byte("{}"), 0o600) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d, err := NewDirectory(dir, artifacts...)
			if err != nil {
				t.Fatal(err)
			}
			d.link = link(0)
			if err := d.Together(context.Background(), func() error {
				for _, a := range artifacts {
					if _, err := d.Publish(context.Background(), a.Digest, bundle); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for _, a := range artifacts {
				data, err := os.ReadFile(filepath.Join(dir, a.Name+".sigstore.json"))
				if err != nil || !bytes.Equal(data, withEnd(bundle)) {
					t.Fatalf("%s.sigstore.json holds %d bytes, %v, want the bundle", a.Name, len(data), err)
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != len(artifacts)+1 {
				t.Errorf("the folder holds %d files, %v, want one for each artifact and the shared one", len(entries), err)
			}
		})
	}
}
