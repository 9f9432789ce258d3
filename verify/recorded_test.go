package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// What cosign 3.1.3 attested about the quickstart's Linux binary through a
// private Fulcio, and through Rekor v1 1.5.4 or Rekor v2 2.3.0 with a timestamp
// authority: see testdata/README.md.
const (
	recordedIssuer   = "http://127.0.0.1:45401/actions"
	recordedIdentity = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
	recordedVerifier = "https://hallmark-project.dev/greet/release-verifier/v1"
	recordedResource = "pkg:golang/hallmark-project.dev/greet@v1.2.0"
	recordedArtifact = "sha256:b25a7a6080b0aa63ffa429b3d382340e5af44442fffb39d85a4de2414c060d66"
)

type document = map[string]any

// What others wrote verifies, and each thing that can be wrong with it is told
// apart from the others.
func TestRecorded(t *testing.T) {
	material := func(d document) document { return d["verificationMaterial"].(document) }
	first := func(d document, list string) document { return d[list].([]any)[0].(document) }
	span := func(start, end string) document {
		s := document{"start": start}
		if end != "" {
			s["end"] = end
		}
		return s
	}
	const before, ended, later = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
	logs := func(start, end string) func(t *testing.T, root document) {
		return func(_ *testing.T, root document) {
			first(root, "tlogs")["publicKey"].(document)["validFor"] = span(start, end)
		}
	}
	others := func(list, from string) func(t *testing.T, root document) {
		return func(t *testing.T, root document) { root[list] = recorded(t, from, "trusted_root.json")[list] }
	}
	take := func(member string) func(bundle document) {
		return func(bundle document) { delete(material(bundle), member) }
	}
	for _, tt := range []struct {
		name, world string
		root        func(t *testing.T, root document)
		bundle      func(bundle document)
		want        string
	}{
		{name: "v1", world: "rekor-v1"},
		{name: "v2", world: "rekor-v2"},
		{name: "v2, log trusted until later", world: "rekor-v2", root: logs(before, later)},
		{"v2, no log entry", "rekor-v2", nil, take("tlogEntries"), "it has no log entry"},
		{"v1, no log entry", "rekor-v1", nil, take("tlogEntries"), "it has no log entry"},
		{"v2, unknown log", "rekor-v2", others("tlogs", "rekor-v1"), nil, "its log entry is from no log that the trusted root lists"},
		{"v1, unknown log", "rekor-v1", others("tlogs", "rekor-v2"), nil, "its log entry is from no log that the trusted root lists"},
		{"v2, log given up", "rekor-v2", logs(before, ended), nil, "the trusted root trusts its log until 2021-01-01T00:00:00Z"},
		{"v2, log not begun", "rekor-v2", logs(later, ""), nil, "the trusted root trusts its log from 2027-01-01T00:00:00Z on"},
		{"v1, log given up", "rekor-v1", logs(before, ended), nil, "the trusted root trusts that log until 2021-01-01T00:00:00Z"},
		{"v2, no timestamp", "rekor-v2", nil, take("timestampVerificationData"), "nobody says when it was signed"},
		{"v2, timestamp authority given up", "rekor-v2", func(_ *testing.T, root document) {
			first(root, "timestampAuthorities")["validFor"] = span(before, ended)
		}, nil, "its timestamp does not verify: timestamp is after the validity period end"},
		{"v2, authority given up", "rekor-v2", func(_ *testing.T, root document) {
			first(root, "certificateAuthorities")["validFor"] = span(before, ended)
		}, nil, "the trusted root trusts its certificate authority until 2021-01-01T00:00:00Z"},
		{"v1, authority given up", "rekor-v1", func(_ *testing.T, root document) {
			first(root, "certificateAuthorities")["validFor"] = span(before, ended)
		}, nil, "the trusted root trusts its certificate authority until 2021-01-01T00:00:00Z"},
		{"v2, unknown authority", "rekor-v2", func(_ *testing.T, root document) {
			first(root, "certificateAuthorities")["certChain"] = first(root, "timestampAuthorities")["certChain"]
		}, nil, "its certificate is from no certificate authority that the trusted root lists"},
		{"v2, certificate log given up", "rekor-v2", func(_ *testing.T, root document) {
			first(root, "ctlogs")["publicKey"].(document)["validFor"] = span(before, ended)
		}, nil, "its certificate is in no certificate log that the trusted root trusted then"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, bundle := recorded(t, tt.world, "trusted_root.json"), recorded(t, tt.world, "bundle.sigstore.json")
			if tt.root != nil {
				tt.root(t, root)
			}
			if tt.bundle != nil {
				tt.bundle(bundle)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "trusted_root.json"), encode(root), 0o600); err != nil {
				t.Fatal(err)
			}
			want, err := verify.ParseTrust(filepath.Join(dir, "trust.yaml"), []byte("verifier: "+recordedVerifier+"\nresource: "+recordedResource+
				"\nlevel: standard\nmaxAge: unlimited\nsigners:\n"+keyless(recordedIssuer, "identity", recordedIdentity, "trusted_root.json")))
			if err != nil {
				t.Fatal(err)
			}
			v, err := verify.New(found{attest.Bundle(encode(bundle))}, want)
			if err != nil {
				t.Fatal(err)
			}
			subject, err := criteria.ParseDigest(recordedArtifact)
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(context.Background(), subject)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var no *verify.RejectionError
			if !errors.As(err, &no) || len(no.Reasons) != 1 || no.Reasons[0].Code != verify.BadSignature || !strings.Contains(no.Reasons[0].Message, tt.want) {
				t.Errorf("Verify: %v, want %s: %s", err, verify.BadSignature, tt.want)
			}
		})
	}
}

// recorded reads a file of testdata/recorded.
func recorded(t *testing.T, world, name string) document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "recorded", world, name))
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}
