// Package helper runs docker's credential helpers. It stands apart from package
// credentials because it runs other programs, which a consumer's verifier must
// not.
package helper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// patience is how long a helper may take: some ask a person to unlock a store.
const patience = time.Minute

// maxAnswer bounds what a helper may say.
const maxAnswer = 64 << 10

// Ask asks docker-credential-NAME, on PATH, for what it keeps for server
// (https://github.com/docker/docker-credential-helpers/blob/v0.9.8/README.md).
// What the helper writes is in no error: it may hold the secret.
func Ask(ctx context.Context, name, server string) (oci.Credential, error) {
	if name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return oci.Credential{}, fmt.Errorf("the credential helper %q has no name that a program can have", name)
	}
	program := "docker-credential-" + name
	path, err := exec.LookPath(program)
	if err != nil {
		return oci.Credential{}, fmt.Errorf("the credential helper %s cannot be found on PATH", program)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "get")
	// What a helper started may hold its output open after it has ended.
	cmd.WaitDelay = time.Second
	cmd.Stdin = strings.NewReader(server)
	var out limited
	cmd.Stdout = &out
	cmd.Stderr = io.Discard
	err = cmd.Run()
	// Helpers end with 1 where they keep nothing, and say so.
	if err != nil && strings.TrimSpace(out.kept.String()) == "credentials not found in native keychain" {
		return oci.Credential{}, nil
	}
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return oci.Credential{}, fmt.Errorf("the credential helper %s did not answer within %s", program, patience)
	case ctx.Err() != nil:
		return oci.Credential{}, ctx.Err()
	case out.over:
		return oci.Credential{}, fmt.Errorf("the credential helper %s answers with more than %d bytes", program, maxAnswer)
	case err != nil:
		return oci.Credential{}, fmt.Errorf("the credential helper %s has no answer about %s: %w", program, server, err)
	}
	var answer struct {
		Username string `json:"Username"`
		Secret   string `json:"Secret"`
	}
	if strict.JSON(out.kept.Bytes(), &answer) != nil || answer.Secret == "" {
		return oci.Credential{}, fmt.Errorf("the credential helper %s answers with no credential", program)
	}
	return credentials.Exchanged(oci.Credential{Username: answer.Username, Password: answer.Secret}), nil
}

// limited keeps what fits. It is a writer and nothing else: copying into a
// buffer would find a way around the bound.
type limited struct {
	kept bytes.Buffer
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.over || l.kept.Len()+len(p) > maxAnswer {
		l.over = true
		return 0, io.ErrShortWrite // closes the pipe, which ends the helper
	}
	return l.kept.Write(p)
}
