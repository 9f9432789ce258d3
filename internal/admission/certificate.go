package admission

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hallmark-project/hallmark/internal/regular"
)

// maxPEM bounds a file with certificates or a key.
const maxPEM = 1 << 20

// certificate is what the server shows and whom it believes. It is read again
// when its files change, and the old one serves while the new one cannot.
type certificate struct {
	certFile, keyFile, clientCA string

	seen    []byte // what the files held when they were last looked at
	current atomic.Pointer[presented]
}

type presented struct {
	pair    tls.Certificate
	clients *x509.CertPool
}

// load reads the files and reports whether they changed.
func (c *certificate) load() (changed bool, err error) {
	var all [][]byte
	for _, name := range []string{c.certFile, c.keyFile, c.clientCA} {
		var data []byte
		if name != "" {
			if data, err = regular.File(name, maxPEM); err != nil {
				return true, fmt.Errorf("reading the certificate: %w", err)
			}
		}
		all = append(all, data)
	}
	seen := bytes.Join(all, []byte{0})
	if c.current.Load() != nil && bytes.Equal(seen, c.seen) {
		return false, nil
	}
	next := new(presented)
	// A key in the middle of being replaced fits no certificate.
	if next.pair, err = tls.X509KeyPair(all[0], all[1]); err != nil {
		return true, fmt.Errorf("reading the certificate %s and its key: %w", c.certFile, err)
	}
	if next.pair.Leaf == nil {
		return true, errors.New("reading the certificate: it holds none")
	}
	if c.clientCA != "" {
		next.clients = x509.NewCertPool()
		if !next.clients.AppendCertsFromPEM(all[2]) {
			return true, fmt.Errorf("reading %s: it holds no certificate", c.clientCA)
		}
	}
	c.seen = seen
	c.current.Store(next)
	return true, nil
}

// config is the configuration of TLS for each connection.
func (c *certificate) config() *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := c.current.Load()
		config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: base.NextProtos, Certificates: []tls.Certificate{now.pair}}
		if now.clients != nil {
			config.ClientCAs, config.ClientAuth = now.clients, tls.RequireAndVerifyClientCert
		}
		return config, nil
	}
	return base
}

// valid says why the certificate must not be shown at a time, or nothing.
func (c *certificate) valid(now time.Time) string {
	leaf := c.current.Load().pair.Leaf
	switch {
	case now.Before(leaf.NotBefore):
		return "the serving certificate is good from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " on"
	case now.After(leaf.NotAfter):
		return "the serving certificate was good until " + leaf.NotAfter.UTC().Format(time.RFC3339)
	}
	return ""
}
