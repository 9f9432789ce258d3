package oci

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// MaxReferrers bounds what may refer to one manifest. What is beyond it is
// refused and not cut off: what withdraws a release could be what is left out.
const MaxReferrers = 10_000

// Referrers returns what refers to the manifest called h, whatever kind it is
// of: what the registry lists, and beside it what is listed under the fallback
// tag. A registry that learnt to list referrers may have entries there from
// before.
func (r *Repository) Referrers(ctx context.Context, h v1.Hash) ([]v1.Descriptor, error) {
	listed, _, err := r.listed(ctx, h)
	if err != nil {
		return nil, err
	}
	index, _, err := r.fallbackIndex(ctx, h)
	if err != nil {
		return nil, err
	}
	seen := make(map[v1.Hash]bool, len(listed)+len(index.Manifests))
	var out []v1.Descriptor
	for _, d := range append(listed, index.Manifests...) {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			out = append(out, d)
		}
	}
	if len(out) > MaxReferrers {
		return nil, r.wrong("listing referrers of "+h.String(), "more than %d refer to it", MaxReferrers)
	}
	return out, nil
}

// wrong is an error about what the registry answered.
func (r *Repository) wrong(doing, format string, args ...any) error {
	return r.client.fault(request{doing: doing, method: http.MethodGet}, final(format, args...))
}

// listed asks the registry what refers to h. has is false where the registry
// does not list referrers at all.
//
// Nothing is filtered: a registry may take an artifact's configuration for its
// type, and a filter would then find nothing.
func (r *Repository) listed(ctx context.Context, h v1.Hash) (out []v1.Descriptor, has bool, err error) {
	doing := "listing referrers of " + h.String()
	req := request{
		doing: doing, method: http.MethodGet, path: "referrers/" + h.String(), limit: MaxManifest,
		header: http.Header{"Accept": {string(types.OCIImageIndex)}},
		// "If the registry does not support the referrers API … 404"; older ones
		// answer in other ways.
		accept: []int{http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable},
	}
	// Pages of one entry each are the most that pages can be.
	for page := 0; ; page++ {
		if page > MaxReferrers {
			return nil, false, r.wrong(doing, "the list has more than %d pages", MaxReferrers)
		}
		var next *url.URL
		var index v1.IndexManifest
		err := r.client.do(ctx, req, func(a *answer) error {
			has, next, index = false, nil, v1.IndexManifest{}
			if a.StatusCode != http.StatusOK {
				if page > 0 {
					return r.client.refusal(a)
				}
				return nil
			}
			data, err := readLimited(a, MaxManifest)
			if err != nil {
				return err
			}
			declared, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
			index, err = parseReferrers(data)
			switch {
			case err == nil:
			case declared == string(types.OCIImageIndex) || page > 0:
				return errFinal{err}
			default:
				// A page for people, or something else that answers for every
				// address: the fallback tag is asked, and must give an index.
				return nil
			}
			has = true
			next, err = nextPage(a.Request.URL, a.Header.Values("Link"))
			return err
		})
		if err != nil {
			return nil, false, err
		}
		out = append(out, index.Manifests...)
		if len(out) > MaxReferrers {
			return nil, false, r.wrong(doing, "more than %d refer to it", MaxReferrers)
		}
		if next == nil {
			break
		}
		req.url, req.accept = next, nil
	}
	return out, has, nil
}

// parseReferrers reads a list of referrers.
func parseReferrers(data []byte) (v1.IndexManifest, error) {
	var index v1.IndexManifest
	if err := strict.JSON(data, &index); err != nil {
		return index, fmt.Errorf("its list of referrers: %w", err)
	}
	if index.MediaType != types.OCIImageIndex && index.MediaType != "" {
		return index, fmt.Errorf("its list of referrers is %s, expected %s", describe(string(index.MediaType)), types.OCIImageIndex)
	}
	// An empty list has its key, too; what has not is no list.
	if index.SchemaVersion != 2 || index.Manifests == nil {
		return index, fmt.Errorf("its list of referrers is no image index")
	}
	for _, d := range index.Manifests {
		if _, err := parseHash(d.Digest.String()); err != nil {
			return index, fmt.Errorf("its list of referrers: %w", err)
		}
	}
	return index, nil
}

// nextPage returns where the rest of a list is, nil where this is all (OCI
// distribution 1.1, "Listing Referrers"; RFC 8288). Another host's page is not
// the registry's.
func nextPage(from *url.URL, links []string) (*url.URL, error) {
	for _, link := range links {
		for link = strings.TrimSpace(link); link != ""; {
			if link[0] != '<' {
				return nil, final("its Link header cannot be read: the list may go on")
			}
			address, rest, ok := strings.Cut(link[1:], ">")
			if !ok {
				return nil, final("its Link header cannot be read: the list may go on")
			}
			var parameters string
			parameters, link = untilComma(rest)
			link = strings.TrimLeft(link, ", \t")
			if !isNext(parameters) {
				continue
			}
			to, err := follow(from, from, address)
			if err != nil {
				return nil, err
			}
			if !sameHost(from, to) {
				return nil, final("the rest of its list is at another host, %s", clean(to.Host, 100))
			}
			return to, nil
		}
	}
	return nil, nil
}

// untilComma cuts s at its first comma outside quotes.
func untilComma(s string) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// isNext reports whether a link's parameters say rel=next.
func isNext(parameters string) bool {
	for _, p := range strings.Split(parameters, ";") {
		key, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "rel") {
			continue
		}
		for _, word := range strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(word, "next") {
				return true
			}
		}
	}
	return false
}

// listsReferrers reports whether the registry lists referrers itself. It is
// asked once, about a manifest that is there: of a repository that is not there
// yet, registries that do say that they know nothing.
func (r *Repository) listsReferrers(ctx context.Context, h v1.Hash) (bool, error) {
	r.api.Lock()
	defer r.api.Unlock()
	if !r.api.known {
		_, has, err := r.listed(ctx, h)
		if err != nil {
			return false, err
		}
		r.api.known, r.api.has = true, has
	}
	return r.api.has, nil
}

// fallbackIndex returns the index that the fallback tag of h names, empty where
// there is none. What stands under that tag and is no index could hide one.
func (r *Repository) fallbackIndex(ctx context.Context, h v1.Hash) (v1.IndexManifest, v1.Hash, error) {
	empty := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
	tag := fallbackTag(h)
	m, ok, err := r.tagged(ctx, tag)
	if err != nil || !ok {
		return empty, v1.Hash{}, err
	}
	index, err := parseReferrers(m.Data)
	switch {
	case err != nil:
		return empty, m.Digest, r.wrong("reading tag "+tag, "%w", err)
	case len(index.Manifests) > MaxReferrers:
		return empty, m.Digest, r.wrong("reading tag "+tag, "more than %d entries", MaxReferrers)
	}
	return index, m.Digest, nil
}
