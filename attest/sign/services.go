package sign

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// MaxSigningConfig bounds a signing configuration; the public one has 1 kB.
const MaxSigningConfig = 1 << 20

// MaxTrustedRoot bounds a trusted root; the public one has some 10 kB.
const MaxTrustedRoot = 4 << 20

// Services are the Sigstore services that a signer asks. The zero value asks
// none: nothing leaves the house, and nobody else saw the signature.
type Services struct {
	// Authority is the certificate authority (Fulcio), empty for keys.
	Authority string
	// Issuer is where people get an identity token that Authority takes.
	Issuer string
	// Logs are the transparency logs (Rekor). All of them must answer.
	Logs []LogService
	// Timestamps are the timestamp authorities' addresses, with their path. All
	// of them must answer.
	Timestamps []string
}

// LogService is a transparency log.
type LogService struct {
	URL string
	// Version is the major version of its API, 1 or 2.
	Version uint32
}

// ReadSigningConfig returns the services that a Sigstore signing configuration
// (v0.2) names for time now. Where the configuration leaves the choice to the
// client, one of those it lists is chosen.
func ReadSigningConfig(data []byte, now time.Time) (Services, error) {
	c, err := root.NewSigningConfigFromJSON(data)
	if err != nil {
		return Services{}, fmt.Errorf("reading the signing configuration: %v", err)
	}
	var s Services
	if list := c.FulcioCertificateAuthorityURLs(); len(list) > 0 {
		authority, err := root.SelectService(list, []uint32{1}, now)
		if err != nil {
			return Services{}, fmt.Errorf("choosing a certificate authority: %v", err)
		}
		s.Authority = authority.URL
	}
	if list := c.OIDCProviderURLs(); len(list) > 0 {
		issuer, err := root.SelectService(list, []uint32{1}, now)
		if err != nil {
			return Services{}, fmt.Errorf("choosing an identity provider: %v", err)
		}
		s.Issuer = issuer.URL
	}
	if list := c.RekorLogURLs(); len(list) > 0 {
		logs, err := root.SelectServices(list, c.RekorLogURLsConfig(), []uint32{1, 2}, now)
		if err != nil {
			return Services{}, fmt.Errorf("choosing a transparency log: %v", err)
		}
		for _, l := range logs {
			s.Logs = append(s.Logs, LogService{l.URL, l.MajorAPIVersion})
		}
	}
	if list := c.TimestampAuthorityURLs(); len(list) > 0 {
		authorities, err := root.SelectServices(list, c.TimestampAuthorityURLsConfig(), []uint32{1}, now)
		if err != nil {
			return Services{}, fmt.Errorf("choosing a timestamp authority: %v", err)
		}
		for _, a := range authorities {
			s.Timestamps = append(s.Timestamps, a.URL)
		}
	}
	if s.Authority == "" && len(s.Logs) == 0 && len(s.Timestamps) == 0 {
		return Services{}, errors.New("reading the signing configuration: it names no service")
	}
	return s, s.check()
}

// check refuses addresses that cannot be meant, and an identity token sent for
// everyone on the way to read.
func (s Services) check() error {
	look := func(what, address string, secret bool) error {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("the %s's address is %q, expected https://HOST/…", what, redactURL(address))
		}
		if secret && u.Scheme == "http" && !loopback(u.Hostname()) {
			return fmt.Errorf("the %s's address is %s: an identity token goes there, and without https everyone on the way could use it", what, address)
		}
		return nil
	}
	var errs []error
	if s.Authority != "" {
		errs = append(errs, look("certificate authority", s.Authority, true))
	}
	for _, l := range s.Logs {
		errs = append(errs, look("transparency log", l.URL, false))
		if l.Version != 1 && l.Version != 2 {
			errs = append(errs, fmt.Errorf("the transparency log %s speaks version %d, expected 1 or 2", l.URL, l.Version))
		}
	}
	for _, t := range s.Timestamps {
		errs = append(errs, look("timestamp authority", t, false))
	}
	return errors.Join(errs...)
}

// redactURL leaves out what an address may hold as a secret.
func redactURL(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "…" + address[i:]
	}
	return address
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// GivesTime reports whether somebody among s says when a signature was made.
// Logs of version 2 do not.
func (s Services) GivesTime() bool {
	for _, l := range s.Logs {
		if l.Version == 1 {
			return true
		}
	}
	return len(s.Timestamps) > 0
}

// Public reports whether some service belongs to the public-good instance, in
// whose logs everybody can read.
func (s Services) Public() bool {
	public := func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && (u.Hostname() == "sigstore.dev" || strings.HasSuffix(u.Hostname(), ".sigstore.dev"))
	}
	if public(s.Authority) {
		return true
	}
	for _, l := range s.Logs {
		if public(l.URL) {
			return true
		}
	}
	return false
}

// Private returns s without its logs: no entry is made anywhere.
func (s Services) Private() Services {
	s.Logs = nil
	return s
}
