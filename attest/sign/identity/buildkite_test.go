//go:build !windows

package identity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// agent puts a program buildkite-agent on the PATH, which runs script, and
// returns the source of a job that it runs.
func agent(t *testing.T, script string) Source {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "buildkite-agent"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	s, err := Ambient(t.Context(), environment(t, "BUILDKITE", "true", "BUILDKITE_AGENT_ACCESS_TOKEN", "the-agents-own-token"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBuildkite(t *testing.T) {
	raw := jwt(map[string]any{
		"iss": "https://agent.buildkite.com", "sub": "organization:acme:pipeline:app:ref:refs/heads/main:commit:1:step:", "aud": "sigstore",
		"exp": time.Now().Add(5 * time.Minute).Unix(), "organization_slug": "acme", "pipeline_slug": "app",
	})
	log := filepath.Join(t.TempDir(), "args")
	s := agent(t, fmt.Sprintf("printf '%%s|' \"$@\" >%s\necho 'agent: some notice' >&2\necho %s\n", log, raw))
	got, err := s.Token(t.Context(), "sigstore")
	if err != nil || got.Raw() != raw || got.Identity() != "https://buildkite.com/acme/app" {
		t.Errorf("Token = %v, %v, want the agent's", got, err)
	}
	args, err := os.ReadFile(log)
	if want := "oidc|request-token|--audience=sigstore|"; err != nil || string(args) != want {
		t.Errorf("the agent was called with %q, %v, want %q", args, err, want)
	}
}

func TestBuildkite_refused(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"says no":        {"echo 'fatal: OIDC is off, token the-agents-own-token\x1b[2J eyJhbGciOi.x.y' >&2\nexit 3", `buildkite-agent failed (exit status 3): fatal: OIDC is off, token (secret)\x1b[2J (token)`},
		"silent":         {"exit 1", "failed (exit status 1): without a word"},
		"nothing":        {"exit 0", "the token is empty"},
		"HTML":           {"echo '<html>'", "the token is no JWT"},
		"other audience": {"echo " + jwt(person(map[string]any{"aud": "x"})), `expected audience "sigstore"`},
		"endless":        {"while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa || exit 1; done", "wrote more than 65536 bytes"},
		"long complaint": {"i=0; while [ $i -lt 3000 ]; do echo 'a complaint that goes on and on and on' >&2; i=$((i+1)); done; exit 1", "a complaint that goes on"},
		"two tokens":     {"echo " + jwt(person(nil)) + "\necho " + jwt(person(nil)), "it has 5 parts|is encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := agent(t, test.script).Token(t.Context(), "sigstore")
			found := false
			for _, want := range strings.Split(test.want, "|") {
				found = found || err != nil && strings.Contains(err.Error(), want)
			}
			if !found {
				t.Fatalf("Token = %v, want an error with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "the-agents-own-token") || strings.Contains(err.Error(), "eyJ") || len(err.Error()) > 500 {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

func TestBuildkite_interrupted(t *testing.T) {
	s := agent(t, "exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := s.Token(ctx, "sigstore"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Token = %v, want context.DeadlineExceeded", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %s to be interrupted", d)
	}
}

func TestBuildkite_noAgent(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s, err := Ambient(t.Context(), environment(t, "BUILDKITE", "true"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(t.Context(), "sigstore"); err == nil || !strings.Contains(err.Error(), "expected it on the PATH of the job") {
		t.Errorf("Token = %v, want it to say what is missing", err)
	}
}
