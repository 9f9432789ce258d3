package source

import (
	"context"
	"slices"
	"strings"

	"github.com/hallmark-project/hallmark/verify"
)

// Algorithms are those, beside SHA-256, by which statements in src name files:
// sha384, sha512. Whoever asks src about a file hashes it by them, too. It is
// known of files and folders, which are read whole; what lies in an image layout
// or a registry is attached to a SHA-256 digest, and found by nothing else.
func Algorithms(ctx context.Context, src verify.Source) ([]string, error) {
	if s, ok := src.(interface {
		algorithms(ctx context.Context) ([]string, error)
	}); ok {
		return s.algorithms(ctx)
	}
	return nil, nil
}

func (l *loaded) algorithms(context.Context) ([]string, error) { return l.named, nil }

func (o *once) algorithms(ctx context.Context) ([]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.load(ctx); err != nil {
		return nil, err
	}
	return Algorithms(ctx, o.kept)
}

// names notes by which algorithm subject, as a statement writes it, names a file.
func (l *loaded) names(subject string) {
	algorithm, _, _ := strings.Cut(subject, ":")
	if (algorithm == "sha384" || algorithm == "sha512") && !slices.Contains(l.named, algorithm) {
		l.named = append(l.named, algorithm)
		slices.Sort(l.named)
	}
}
