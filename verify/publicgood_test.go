package verify_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/verify"
)

// publicGoodDigest is written down here so that nobody changes whom everyone
// trusts without a reviewer seeing it.
const publicGoodDigest = "sha256:4364d7724c04cc912ce2a6c45ed2610e8d8d1c4dc857fb500292738d4d9c8d2c"

func TestPublicGood(t *testing.T) {
	embedded, err := os.ReadFile("publicgood.trusted_root.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := criteria.DigestOf(embedded).String(); got != publicGoodDigest {
		t.Errorf("the public-good trusted root is %s, expected %s: if the module has a newer one, read what changed in it, then run go generate ./verify", got, publicGoodDigest)
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/sigstore").Output()
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "pkg/tuf/repository/targets/trusted_root.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(embedded, shipped) {
		t.Error("the public-good trusted root is not the one that the module ships: run go generate ./verify")
	}
	trusted, err := root.NewTrustedRootFromJSON(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if len(trusted.FulcioCertificateAuthorities()) == 0 || len(trusted.RekorLogs()) == 0 || len(trusted.CTLogs()) == 0 {
		t.Error("the public-good trusted root lists no certificate authority, no log or no certificate log")
	}
}

// What the npm registry really published, signed in the public instance in
// 2023, verifies with what is built in.
func TestPublicGoodVerifies(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/sigstore-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "pkg/testing/data/bundles/sigstore.js@2.0.0-provenance.sigstore.json"))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := criteria.ParseDigest("sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c")
	if err != nil {
		t.Fatal(err)
	}
	const workflow = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"
	signer := verify.Signer{
		Issuer: "https://token.actions.githubusercontent.com", Identity: workflow, TrustedRoot: verify.PublicGood,
		Certificate: verify.Certificate{SourceRepository: "https://github.com/sigstore/*", SourceRef: "refs/heads/main", Runner: "github-hosted"},
	}
	for _, tt := range []struct {
		name   string
		change func(*verify.Signer)
		want   string // in the reason; empty for yes
	}{
		{"as it was", func(*verify.Signer) {}, ""},
		{"another repository", func(s *verify.Signer) { s.Certificate.SourceRepository = "https://github.com/acme/*" }, `sourceRepository is "https://github.com/sigstore/sigstore-js"`},
		{"a star that would have to stand for a slash", func(s *verify.Signer) { s.Certificate.SourceRepository = "https://github.com/*" }, "sourceRepository is"},
		{"a tag", func(s *verify.Signer) { s.Certificate.SourceRef = "refs/tags/**" }, `sourceRef is "refs/heads/main"`},
		{"another trigger", func(s *verify.Signer) { s.Certificate.Trigger = "workflow_dispatch" }, `trigger is "push"`},
		{"its own runner", func(s *verify.Signer) { s.Certificate.Runner = "self-hosted" }, `runner is "github-hosted"`},
		{"another workflow", func(s *verify.Signer) { s.Identity = workflow + "x" }, "it is signed by"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := signer
			tt.change(&s)
			ring, err := verify.NewKeyring(".", []verify.Signer{s})
			if err != nil {
				t.Fatal(err)
			}
			got, err := ring.Signature(attest.Bundle(data), verify.Artifact{Digest: digest})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Signature = %+v, %v, want a reason with %q", got, err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Signer.Identity != workflow || got.Certificate.Says["sourceRef"] != "refs/heads/main" || len(got.Logs) != 1 || len(got.Times) != 1 {
				t.Errorf("Signature = %+v, want the workflow's, from main, with one log entry and one time", got)
			}
			if want := time.Date(2023, 8, 18, 0, 0, 0, 0, time.UTC); got.Times[0].Time.Before(want.AddDate(0, -3, 0)) || got.Times[0].Time.After(want.AddDate(0, 3, 0)) {
				t.Errorf("signed on %s, want in the summer of 2023", got.Times[0].Time)
			}
			if _, err := ring.Signature(attest.Bundle(data), verify.Artifact{Digest: artifact}); err == nil {
				t.Error("Signature about another artifact = yes")
			}
		})
	}
}
