package verify

import (
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
)

// constraint is one thing that a certificate must say.
type constraint struct {
	key   string // in the trust file
	want  string
	value func(*certificate.Summary) string
}

// constraints are all that c could ask, in the order of the trust file.
func (c Certificate) constraints() []constraint {
	return []constraint{
		{"sourceRepository", c.SourceRepository, func(s *certificate.Summary) string { return s.SourceRepositoryURI }},
		{"sourceRef", c.SourceRef, func(s *certificate.Summary) string { return s.SourceRepositoryRef }},
		{"sourceDigest", c.SourceDigest, func(s *certificate.Summary) string { return s.SourceRepositoryDigest }},
		{"sourceOwner", c.SourceOwner, func(s *certificate.Summary) string { return s.SourceRepositoryOwnerURI }},
		{"sourceRepositoryId", c.SourceRepositoryID, func(s *certificate.Summary) string { return s.SourceRepositoryIdentifier }},
		{"sourceOwnerId", c.SourceOwnerID, func(s *certificate.Summary) string { return s.SourceRepositoryOwnerIdentifier }},
		{"sourceVisibility", c.SourceVisibility, func(s *certificate.Summary) string { return s.SourceRepositoryVisibilityAtSigning }},
		{"workflow", c.Workflow, func(s *certificate.Summary) string { return s.BuildConfigURI }},
		{"builder", c.Builder, func(s *certificate.Summary) string { return s.BuildSignerURI }},
		{"trigger", c.Trigger, func(s *certificate.Summary) string { return s.BuildTrigger }},
		{"runner", c.Runner, func(s *certificate.Summary) string { return s.RunnerEnvironment }},
	}
}

// faults says what is wrong with c, by key.
func (c Certificate) faults() map[string]string {
	faults := make(map[string]string)
	for _, k := range c.constraints() {
		switch {
		case k.want == "":
		case strings.TrimSpace(k.want) != k.want || strings.ContainsFunc(k.want, func(r rune) bool { return r < ' ' }):
			faults[k.key] = "begins or ends with a space or holds a line break"
		case strings.Trim(k.want, "*/") == "":
			faults[k.key] = "stands for anything: leave it out if it does not matter"
		}
	}
	return faults
}

// shared are repositories whose workflows anybody may call: what such a workflow
// signs says nothing of whose source it was, but in the certificate's extensions.
var shared = [...]string{
	"https://github.com/slsa-framework/",
	"https://github.com/docker/github-builder/",
}

// callable reports whether identity is, or a pattern for, a workflow that
// anybody may call.
func callable(identity string) bool {
	plain := strings.ReplaceAll(identity, `\`, "")
	for _, prefix := range shared {
		if strings.HasPrefix(strings.TrimPrefix(plain, "^"), prefix) {
			return true
		}
	}
	return false
}
