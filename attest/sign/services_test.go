package sign_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-project/hallmark/attest/sign"
)

// signingConfig is a configuration with these lists of services.
func signingConfig(ca, oidc, rekor, tsa string) string {
	return fmt.Sprintf(`{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[%s],"oidcUrls":[%s],"rekorTlogUrls":[%s],"tsaUrls":[%s],"rekorTlogConfig":{"selector":"ANY"},"tsaConfig":{"selector":"ANY"}}`, ca, oidc, rekor, tsa)
}

// service is one that is valid from the beginning of a year on.
func service(url string, version, year int) string {
	return fmt.Sprintf(`{"url":%q,"majorApiVersion":%d,"operator":"x","validFor":{"start":"%d-01-01T00:00:00Z"}}`, url, version, year)
}

func TestReadSigningConfig(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	ca, oidc, tsa := service("https://ca.example", 1, 2020), service("https://oidc.example", 1, 2020), service("https://tsa.example/api/v1/timestamp", 1, 2020)
	for _, tt := range []struct {
		name, config string
		want         sign.Services
	}{
		{
			"everything", signingConfig(ca, oidc, service("https://rekor.example", 2, 2020), tsa),
			sign.Services{Authority: "https://ca.example", Issuer: "https://oidc.example", Logs: []sign.LogService{{URL: "https://rekor.example", Version: 2}}, Timestamps: []string{"https://tsa.example/api/v1/timestamp"}},
		},
		{
			"the highest version of a log", signingConfig(ca, "", service("https://one.example", 1, 2025)+","+service("https://two.example", 2, 2020), tsa),
			sign.Services{Authority: "https://ca.example", Logs: []sign.LogService{{URL: "https://two.example", Version: 2}}, Timestamps: []string{"https://tsa.example/api/v1/timestamp"}},
		},
		{
			"the newest that is valid", signingConfig(service("https://old.example", 1, 2020)+","+service("https://new.example", 1, 2025)+","+service("https://next.example", 1, 2027), "", service("https://rekor.example", 1, 2020), ""),
			sign.Services{Authority: "https://new.example", Logs: []sign.LogService{{URL: "https://rekor.example", Version: 1}}},
		},
		{
			"on this machine without TLS", signingConfig(service("http://127.0.0.1:5555", 1, 2020), "", "", service("http://localhost:3004/api/v1/timestamp", 1, 2020)),
			sign.Services{Authority: "http://127.0.0.1:5555", Timestamps: []string{"http://localhost:3004/api/v1/timestamp"}},
		},
	} {
		got, err := sign.ReadSigningConfig([]byte(tt.config), now)
		if err != nil {
			t.Errorf("%s: ReadSigningConfig() = %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: ReadSigningConfig() (-want +got):\n%s", tt.name, diff)
		}
	}

	for name, tt := range map[string]struct{ config, want string }{
		"empty":                  {"", "reading the signing configuration"},
		"another document":       {`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`, "unsupported SigningConfig media type"},
		"no service":             {signingConfig("", "", "", ""), "names no service"},
		"none valid now":         {signingConfig(service("https://ca.example", 1, 2027), "", "", ""), "choosing a certificate authority"},
		"a version nobody knows": {signingConfig(ca, "", service("https://rekor.example", 3, 2020), tsa), "choosing a transparency log"},
		"a token in the clear":   {signingConfig(service("http://ca.example", 1, 2020), "", "", tsa), "without https"},
		"another scheme":         {signingConfig(service("ftp://ca.example", 1, 2020), "", "", tsa), "expected https://HOST"},
		"a password":             {signingConfig(service("https://user:hunter2@ca.example", 1, 2020), "", "", tsa), "expected https://HOST"},
		"a query":                {signingConfig(ca, "", "", service("https://tsa.example/?x=1", 1, 2020)), "expected https://HOST"},
		"no host":                {signingConfig(service("https:///x", 1, 2020), "", "", tsa), "expected https://HOST"},
	} {
		got, err := sign.ReadSigningConfig([]byte(tt.config), now)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: ReadSigningConfig() = %+v, %v, want an error with %q", name, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: ReadSigningConfig() shows a password: %v", name, err)
		}
	}
}

// The public-good configuration is what most people use.
func TestPublicSigningConfig(t *testing.T) {
	data, err := os.ReadFile("../../../shared/data/trust/signing_config_rekor_v2.v0.2.json")
	if err != nil {
		t.Skip("the shared data is not here: ", err)
	}
	s, err := sign.ReadSigningConfig(data, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !s.Public() || s.Authority == "" || len(s.Logs) == 0 {
		t.Errorf("ReadSigningConfig() = %+v, want the public authority and a log", s)
	}
	if p := s.Private(); len(p.Logs) != 0 || len(s.Logs) == 0 {
		t.Errorf("Private() = %+v, want no logs, and the services unchanged", p)
	}
}

func FuzzReadSigningConfig(f *testing.F) {
	f.Add([]byte(signingConfig(service("https://ca.example", 1, 2020), "", service("https://rekor.example", 2, 2020), service("https://tsa.example", 1, 2020))))
	f.Add([]byte(signingConfig("", "", "", "")))
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := sign.ReadSigningConfig(data, now)
		if err != nil {
			return
		}
		// No identity token goes where others can read it on its way.
		if strings.HasPrefix(s.Authority, "http://") && !strings.HasPrefix(s.Authority, "http://127.") && !strings.HasPrefix(s.Authority, "http://localhost") && !strings.HasPrefix(s.Authority, "http://[::1]") {
			t.Errorf("ReadSigningConfig(%q) names the authority %s", data, s.Authority)
		}
		if s.Authority == "" && len(s.Logs) == 0 && len(s.Timestamps) == 0 {
			t.Errorf("ReadSigningConfig(%q) = %+v, want some service", data, s)
		}
	})
}

// What cannot be meant is refused before anything is signed.
func TestSignersRefuse(t *testing.T) {
	p256, ed, p384 := generate(t, sign.ECDSAP256), generate(t, sign.Ed25519), generate(t, sign.ECDSAP384)
	log := func(version uint32) sign.Services {
		return sign.Services{Logs: []sign.LogService{{URL: "https://rekor.example", Version: version}}}
	}
	root := trusted(t)
	for name, tt := range map[string]struct {
		key  *sign.Key
		o    sign.Options
		want string
	}{
		"no key":                         {nil, sign.Options{}, "there is none"},
		"services without a root":        {p256, sign.Options{Services: log(2)}, "no trusted root"},
		"a log that nobody knows":        {p256, sign.Options{Services: log(3), Trusted: root}, "speaks version 3"},
		"Ed25519 in a new log":           {ed, sign.Options{Services: log(2), Trusted: root}, "takes no signatures of ed25519 keys"},
		"P-384 in an old log":            {p384, sign.Options{Services: log(1), Trusted: root}, "takes no signatures of ecdsa-p384 keys"},
		"an outage nobody knows":         {p256, sign.Options{Outage: "ignore"}, "unknown way"},
		"a timestamp that nobody gives":  {p256, sign.Options{Services: log(2), Trusted: root, Outage: sign.TimestampOnly}, "no timestamp authority"},
		"an address that is none at all": {p256, sign.Options{Services: sign.Services{Timestamps: []string{"tsa"}}, Trusted: root}, "expected https://HOST"},
	} {
		if s, err := sign.NewKeySigner(tt.key, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: NewKeySigner() = %v, %v, want an error with %q", name, s, err, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		o    sign.Options
		want string
	}{
		"no authority": {sign.Options{}, "no certificate authority"},
		"no token":     {sign.Options{Services: sign.Services{Authority: "https://ca.example"}}, "identity token"},
		"nobody who says when": {
			sign.Options{Services: sign.Services{Authority: "https://ca.example", Logs: log(2).Logs}, Tokens: noTokens{}, Trusted: root}, "add a timestamp authority",
		},
		"no root": {
			sign.Options{Services: sign.Services{Authority: "https://ca.example", Timestamps: []string{"https://tsa.example"}}, Tokens: noTokens{}}, "no trusted root",
		},
	} {
		if s, err := sign.NewKeylessSigner(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: NewKeylessSigner() = %v, %v, want an error with %q", name, s, err, tt.want)
		}
	}
}
