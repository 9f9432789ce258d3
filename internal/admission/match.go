package admission

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/internal/wildcard"
)

// newImagePattern compiles a pattern of REGISTRY/REPOSITORY. It must begin with
// the registry, or be ** alone: a pattern that leaves the registry open by
// accident would take a stranger's word for one's own.
func newImagePattern(s string) (*regexp.Regexp, error) {
	if s == "**" {
		return wildcard.Compile(s), nil
	}
	host, path, ok := strings.Cut(s, "/")
	switch {
	case !ok || path == "" || host != "localhost" && !strings.ContainsAny(host, ".:"):
		return nil, errors.New("names no registry: write REGISTRY/REPOSITORY, as in registry.example/team/** or docker.io/library/*")
	case strings.Contains(s, "@") || strings.Contains(path, ":"):
		return nil, errors.New("has a tag or a digest: patterns are of repositories")
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-/:*[]") != "":
		return nil, errors.New("has characters that no repository has, or capitals")
	case strings.Contains(strings.TrimPrefix(host, "*."), "*"):
		return nil, errors.New("a star in the registry stands for whole names in front, as in *.registry.example")
	case strings.HasPrefix(host, "*.") && strings.Count(host, ".") < 2:
		return nil, errors.New("leaves nearly every registry open")
	}
	return wildcard.Compile(registryName(host) + "/" + path), nil
}

// meets reports whether labels are chosen by s.
func (s Selector) meets(labels map[string]string) bool {
	for k, want := range s.MatchLabels {
		if got, ok := labels[k]; !ok || got != want {
			return false
		}
	}
	for _, r := range s.MatchExpressions {
		got, ok := labels[r.Key]
		met := false
		switch r.Operator {
		case In:
			met = ok && slices.Contains(r.Values, got)
		case NotIn:
			met = !ok || !slices.Contains(r.Values, got)
		case Exists:
			met = ok
		case DoesNotExist:
			met = !ok
		}
		if !met {
			return false
		}
	}
	return true
}
