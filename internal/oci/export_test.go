package oci

import (
	"context"
	"net/url"
)

// PutBytes is putBytes, for tests.
func (r *Repository) PutBytes(ctx context.Context, data []byte) error {
	_, err := r.putBytes(ctx, data)
	return err
}

// Follow is follow, for tests.
func Follow(home, to string) error {
	h, err := url.Parse(home)
	if err != nil {
		return err
	}
	_, err = follow(h, h, to)
	return err
}

// What parses a registry's answers, for tests.
var (
	ParseReferrers = parseReferrers
	NextPage       = nextPage
)

// ParseChallenges returns the schemes that parseChallenges finds.
func ParseChallenges(h string) []string {
	var out []string
	for _, c := range parseChallenges(h) {
		out = append(out, c.scheme)
	}
	return out
}

// Converted is converted, for tests.
func Converted(data []byte, annotations map[string]string) []byte {
	return converted(data, annotations)
}
