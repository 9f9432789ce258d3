package trustroot

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/tuf"

	"github.com/hallmark-project/hallmark/criteria"
)

// PublicGood is the address of the repository of Sigstore's public instance. Its
// first root.json comes with sigstore-go; that of any other repository has to be
// given once.
const PublicGood = tuf.DefaultMirror

// The targets that a repository of Sigstore distributes.
const (
	TrustedRoot   = "trusted_root.json"
	SigningConfig = "signing_config.v0.2.json"
)

// Address returns the one way to write a repository's address, or what is wrong
// with it.
func Address(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is no address of a TUF repository: %v", text, errors.Unwrap(err))
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Hostname() == "":
		return "", fmt.Errorf("%q is no address of a TUF repository: expected https://HOST/PATH", text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", fmt.Errorf("%q is no address of a TUF repository: expected no user, query or fragment", text)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// file is what a repository's file is called in the cache: readable by its
// beginning, and another for each address.
func file(address string) string {
	host := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://"))
	return fmt.Sprintf("%s-%s.json", host[:min(len(host), 60)], criteria.DigestOf([]byte(address)).Hex()[:16])
}
