// Package answer asks a verifier about all that is released together and says
// what it answered, in the words that people read. Whoever verifies asks through
// here, the commands and the cluster: so a yes of one is a yes of the other, and
// a no has the same reasons.
package answer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
	"github.com/hallmark-project/hallmark/verify"
)

// Report is what a verifier answered about several subjects.
type Report struct {
	// Outcome is verified, refused or unknown: the worst of all subjects.
	Outcome  string    `json:"outcome"`
	Subjects []Subject `json:"subjects"`
}

// Subject is the answer about one artifact.
type Subject struct {
	Name   string          `json:"name"`
	Digest criteria.Digest `json:"digest"`
	// Outcome is verified, refused or unknown.
	Outcome string          `json:"outcome"`
	Result  *verify.Result  `json:"result,omitempty"`
	Reasons []verify.Reason `json:"reasons,omitempty"`
	Error   string          `json:"error,omitempty"`

	cause error
}

// The outcomes.
const (
	Verified = "verified"
	Refused  = "refused"
	Unknown  = "unknown"
)

// Verify asks v about every subject; it never stops at the first no.
func Verify(ctx context.Context, v *verify.Verifier, subjects []criteria.Subject) (Report, error) {
	report := Report{Outcome: Verified}
	for _, s := range subjects {
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		answer := Subject{Name: s.Name, Digest: s.Digest}
		result, err := v.Verify(ctx, s.Digest)
		var no *verify.RejectionError
		switch {
		case err == nil:
			answer.Outcome, answer.Result = Verified, result
		case errors.As(err, &no):
			answer.Outcome, answer.Reasons = Refused, no.Reasons
			report.Outcome = Refused
		default:
			answer.Outcome, answer.Error, answer.cause = Unknown, err.Error(), err
			if report.Outcome == Verified {
				report.Outcome = Unknown
			}
		}
		report.Subjects = append(report.Subjects, answer)
	}
	return report, nil
}

// Cause is why it could not be told, nil where it could.
func (s Subject) Cause() error { return s.cause }

// Lines are the reasons of a no, or why it could not be told: each once, though
// each of several bundles may have the same fault.
func (s Subject) Lines() []string {
	if s.Outcome == Unknown {
		return []string{s.Error}
	}
	var lines []string
	said := make(map[string]bool)
	for _, r := range s.Reasons {
		line := fmt.Sprintf("%s: %s", r.Code, r.Message)
		if !said[line] {
			lines = append(lines, line)
		}
		said[line] = true
	}
	return lines
}

// LoadTrust reads a trust file.
func LoadTrust(path string) (verify.Expect, error) {
	data, err := regular.File(path, strict.MaxConfig)
	if err != nil {
		return verify.Expect{}, err
	}
	return verify.ParseTrust(path, data)
}

// Released are the manifests that are released with an image, the image first,
// and by which names: of an index the children that somebody runs.
func Released(name string, image oci.Image) []criteria.Subject {
	digest := func(h string) criteria.Digest {
		d, err := criteria.ParseDigest(h)
		if err != nil {
			return criteria.Digest{} // a registry's reference is checked already
		}
		return d
	}
	out := []criteria.Subject{{Name: name, Digest: digest(image.Digest.String())}}
	seen := make(map[string]bool)
	for _, child := range image.Children {
		if child.Attestation {
			continue
		}
		platform := child.Platform
		if platform == "" || seen[platform] {
			platform = strings.TrimPrefix(child.Digest.String(), "sha256:")[:12]
		}
		seen[platform] = true
		out = append(out, criteria.Subject{Name: fmt.Sprintf("%s (%s)", name, platform), Digest: digest(child.Digest.String())})
	}
	return out
}
