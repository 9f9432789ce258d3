package admission

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// newImagePattern compiles a pattern of REGISTRY/REPOSITORY. It must begin with
// the registry, or be ** alone: a pattern that leaves the registry open by
// accident would take a stranger's word for one's own.
func newImagePattern(s string) (*regexp.Regexp, error) {
	if s == "**" {
		return regexp.Compile(`\A.*\z`)
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
	return glob(s)
}

// glob compiles a pattern in which * stands for any characters but a slash and
// ** for any characters.
func glob(s string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`\A`)
	for s != "" {
		switch {
		case strings.HasPrefix(s, "**"):
			b.WriteString(`.*`)
			s = s[2:]
		case s[0] == '*':
			b.WriteString(`[^/]*`)
			s = s[1:]
		default:
			b.WriteString(regexp.QuoteMeta(s[:1]))
			s = s[1:]
		}
	}
	b.WriteString(`\z`)
	return regexp.Compile(b.String())
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
