//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// services is where the servers and the peers are: what services.json says. It
// is set once, before any test.
var services servicesFile

type servicesFile struct {
	Issuer struct {
		Actions, Email, Spiffe   string // issuers' URLs
		RequestURL, RequestToken string // what a GitHub Actions runner tells its jobs
	}
	Fulcio, CTLog, Rekor, RekorV1, Timestamp string // URLs
	Registry, RegistryWithout                string // host:port, with and without the referrers API
	Sigstore, SigstoreV1                     deployment
	Stranger                                 stranger
	FulcioChain, TimestampChain              string // PEM files
	CTLogKey, RekorKey, RekorV1Key           string // PEM files
	Programs                                 map[string]string
}

// deployment is a Sigstore deployment as clients are told of it: Fulcio with
// Rekor v2 and the timestamp authority, or Fulcio with Rekor v1.
type deployment struct{ SigningConfig, TrustedRoot string }

// stranger is a Fulcio that no trusted root but its own knows, and whose
// certificates are in no log. It shares Rekor v2 and the timestamp authority.
type stranger struct {
	deployment
	Fulcio, FulcioChain string
}

func readServices(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading HALLMARK_SERVICES: %w", err)
	}
	if err := json.Unmarshal(data, &services); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	for _, s := range []string{
		services.Issuer.Actions, services.Issuer.Email, services.Fulcio, services.Rekor, services.RekorV1, services.Timestamp,
		services.Registry, services.RegistryWithout, services.Sigstore.SigningConfig, services.Sigstore.TrustedRoot,
		services.SigstoreV1.SigningConfig, services.SigstoreV1.TrustedRoot, services.Programs["cosign"],
	} {
		if s == "" {
			return fmt.Errorf("%s does not say where everything is", file)
		}
	}
	return nil
}

// located returns the path of a peer. A test of what was left out on purpose is
// skipped.
func located(t testing.TB, name string) string {
	t.Helper()
	path, ok := services.Programs[name]
	if !ok {
		t.Skipf("%s is not here: it was left out when the servers were built", name)
	}
	return path
}
