package identity

import (
	"fmt"
	"net/url"
)

// Announce says which identity will be published where, in words for whoever
// has to agree, before it happens. log is the transparency log's address, ""
// where no entry is made; public is true where the certificate comes from the
// public Fulcio, which keeps a public log of its own.
func Announce(t Token, public bool, log string) string {
	who := Escape(t.Identity())
	text := fmt.Sprintf("this signs as %s (issuer %s", who, Escape(t.CertificateIssuer()))
	if !t.Known() || !public {
		text += "; as the token claims, the certificate may name it otherwise"
	}
	text += "); "
	switch {
	case log != "" && public:
		text += fmt.Sprintf("the identity, the time and a digest of each statement go into the public transparency log %s and cannot be removed", place(log))
	case log != "":
		text += fmt.Sprintf("the identity, the time and a digest of each statement go into the transparency log %s and cannot be removed", place(log))
	case public:
		text += fmt.Sprintf("no log entry is made for the signature, but the certificate with %s goes into the public certificate log and cannot be removed", who)
	default:
		text += fmt.Sprintf("no log entry is made; the certificate with %s is seen by those who get the bundle", who)
	}
	return text
}

// place returns an address without user and password.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return Escape(address)
	}
	u.User = nil
	return Escape(u.String())
}
