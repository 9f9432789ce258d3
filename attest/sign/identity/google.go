package identity

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// metadataHost answers on every machine of Google's:
// https://cloud.google.com/compute/docs/metadata/querying-metadata.
const metadataHost = "169.254.169.254"

// google asks the metadata server for a token of the machine's, or the pod's,
// service account.
type google struct {
	host        string
	environment Environment
}

func findGoogle(ctx context.Context, e Environment) (Source, error) {
	// GCE_METADATA_HOST is set where it lies elsewhere, so somebody means it.
	if e.Env("GCE_METADATA_HOST") == "" && !e.isGoogle() {
		return nil, nil
	}
	s, err := newGoogle(e)
	if err != nil {
		return nil, err
	}
	if there, err := s.(google).account(ctx); err != nil {
		return nil, fmt.Errorf("looking for an identity token: %w", err)
	} else if !there {
		return nil, nil
	}
	return s, nil
}

func newGoogle(e Environment) (Source, error) {
	host := e.Env("GCE_METADATA_HOST")
	if host == "" {
		host = metadataHost
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip, _ := netip.ParseAddr(strings.Trim(name, "[]"))
	switch strings.TrimSuffix(name, ".") {
	case metadataHost, "metadata.google.internal", "metadata":
	default:
		// What is asked there comes without encryption.
		if !loopback(name) && ip != netip.MustParseAddr("fd20:ce::254") {
			return nil, fmt.Errorf("looking for an identity token: GCE_METADATA_HOST is \"%s\", expected the metadata server (%s) or one on this machine", clip(Escape(host)), metadataHost)
		}
	}
	return google{host, e}, nil
}

func (google) Name() string { return "Google Cloud's metadata server" }

func (g google) Token(ctx context.Context, audience string) (Token, error) {
	t, err := g.token(ctx, audience)
	if err != nil {
		return Token{}, getting(g, err)
	}
	return t, nil
}

func (g google) token(ctx context.Context, audience string) (Token, error) {
	// "full" makes the token name its service account's address, by which Fulcio
	// knows it.
	// https://cloud.google.com/compute/docs/instances/verifying-instance-identity
	query := url.Values{"audience": {audience}, "format": {"full"}}
	a, u, err := g.ask(ctx, "identity", query)
	if err != nil {
		return Token{}, err
	}
	switch a.status {
	case http.StatusOK:
		return accept(string(a.body), g.environment.Now, audience)
	case http.StatusNotFound:
		return Token{}, fmt.Errorf("%w: is a service account attached?", a.failed(u))
	}
	return Token{}, a.failed(u)
}

// account reports whether the machine has a service account.
func (g google) account(ctx context.Context) (bool, error) {
	a, u, err := g.ask(ctx, "email", nil)
	if err != nil {
		return false, err
	}
	switch a.status {
	case http.StatusOK:
		return len(a.body) > 0, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, a.failed(u)
}

func (g google) ask(ctx context.Context, what string, query url.Values) (answer, *url.URL, error) {
	u := &url.URL{
		Scheme: "http", Host: g.host,
		Path: "/computeMetadata/v1/instance/service-accounts/default/" + what, RawQuery: query.Encode(),
	}
	a, err := send(ctx, direct(), func() (*http.Request, error) {
		r, err := http.NewRequest(http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Metadata-Flavor", "Google")
		return r, nil
	})
	// "the response should contain the header Metadata-Flavor: Google": what
	// does not is another server at that address.
	if err == nil && a.header.Get("Metadata-Flavor") != "Google" {
		err = errors.New(shownURL(u) + " is no metadata server of Google's: its answer lacks Metadata-Flavor: Google")
	}
	return a, u, err
}
