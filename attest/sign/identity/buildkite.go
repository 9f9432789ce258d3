package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// buildkiteAgent asks the agent that runs the job:
// https://buildkite.com/docs/agent/v3/cli-oidc.
type buildkiteAgent struct{ environment Environment }

func findBuildkite(_ context.Context, e Environment) (Source, error) {
	if e.Env("BUILDKITE") != "true" && e.Env("BUILDKITE_AGENT_ACCESS_TOKEN") == "" {
		return nil, nil
	}
	return buildkiteAgent{e}, nil
}

func (buildkiteAgent) Name() string { return "Buildkite's agent" }

func (b buildkiteAgent) Token(ctx context.Context, audience string) (Token, error) {
	t, err := b.token(ctx, audience)
	if err != nil {
		return Token{}, getting(b, err)
	}
	return t, nil
}

func (b buildkiteAgent) token(ctx context.Context, audience string) (Token, error) {
	const program = "buildkite-agent"
	path, err := exec.LookPath(program)
	if err != nil {
		return Token{}, errors.New(program + " is not found: expected it on the PATH of the job")
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	// What does not stop writing a token is stopped; complaints may be long.
	out, complaint := capped{full: cancel}, capped{full: func() {}}
	// The agent takes its own token from the environment, where no other user
	// sees it.
	cmd := exec.CommandContext(ctx, path, "oidc", "request-token", "--audience="+audience)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	switch {
	case out.over:
		return Token{}, fmt.Errorf("%s wrote more than %d bytes", program, maxToken)
	case ctx.Err() != nil:
		return Token{}, fmt.Errorf("waiting for %s: %w", program, ctx.Err())
	case err != nil:
		reason := Scrub(complaint.kept.String(), b.environment.Env("BUILDKITE_AGENT_ACCESS_TOKEN"))
		if reason == "" {
			reason = "without a word"
		}
		return Token{}, fmt.Errorf("%s failed (%v): %s", program, err, reason)
	}
	return accept(out.kept.String(), b.environment.Now, audience)
}

// capped keeps the beginning of what is written to it, and says when that is
// all that fits. It embeds no buffer, whose ReadFrom would go around Write.
type capped struct {
	kept bytes.Buffer
	full func()
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	room := maxToken + 1 - c.kept.Len()
	if len(p) > room {
		c.kept.Write(p[:room])
		c.over = true
		c.full()
		return len(p), nil
	}
	return c.kept.Write(p)
}
