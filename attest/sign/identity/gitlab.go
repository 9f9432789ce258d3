package identity

import (
	"context"
	"errors"
)

// findGitLab looks for a job of GitLab CI that was given no token. One that was
// is a [variable].
// https://docs.gitlab.com/ci/yaml/signing_examples/
func findGitLab(_ context.Context, e Environment) (Source, error) {
	if e.Env("GITLAB_CI") == "" {
		return nil, nil
	}
	return nil, errors.New("looking for an identity token: this job of GitLab CI has none; give it one in .gitlab-ci.yml: id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}")
}
