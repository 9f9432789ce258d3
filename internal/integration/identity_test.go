//go:build integration

package integration

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest/sign/identity"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	sigstore "github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
)

// Every way to an identity token leads to one that Fulcio takes, and what is
// announced beforehand is what the certificate then says.
func TestIdentityTokens(t *testing.T) {
	email := emailToken(t)
	for name, tt := range map[string]struct {
		source           func(t *testing.T) (identity.Source, error)
		identity, issuer string
	}{
		"given": {func(t *testing.T) (identity.Source, error) {
			return choose(t, writeFile(t, "token", email))
		}, emailIdentity, services.Issuer.Email},
		"variable": {func(t *testing.T) (identity.Source, error) {
			return choose(t, "", "SIGSTORE_ID_TOKEN="+email)
		}, emailIdentity, services.Issuer.Email},
		"GitHub Actions": {func(t *testing.T) (identity.Source, error) {
			return choose(t, "", actionsEnvironment()...)
		}, workflowIdentity, services.Issuer.Actions},
		"Buildkite": {func(t *testing.T) (identity.Source, error) {
			t.Setenv("PATH", buildkiteAgent(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
			return choose(t, "", "BUILDKITE=true")
		}, emailIdentity, services.Issuer.Email},
		"Google Cloud": {func(t *testing.T) (identity.Source, error) {
			return choose(t, "", "GCE_METADATA_HOST="+metadataServer(t))
		}, emailIdentity, services.Issuer.Email},
		"SPIFFE": {func(t *testing.T) (identity.Source, error) {
			return choose(t, "", "SPIFFE_ENDPOINT_SOCKET=unix://"+workloadSocket(t))
		}, spiffeIdentity, services.Issuer.Spiffe},
		"browser": {func(t *testing.T) (identity.Source, error) {
			l := login(t, func(string) error { return nil })
			l.Open = func(_ context.Context, page string) error { return visit(t, page) }
			return identity.Browser(l)
		}, emailIdentity, services.Issuer.Email},
		"device": {func(t *testing.T) (identity.Source, error) {
			return identity.Device(login(t, func(page string) error { return visit(t, page) }))
		}, emailIdentity, services.Issuer.Email},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := tt.source(t)
			check(t, err)
			token, err := source.Token(within(t, time.Minute), identity.DefaultAudience)
			check(t, err)
			if token.Identity() != tt.identity || token.CertificateIssuer() != tt.issuer {
				t.Errorf("the token of %s is for %s (issuer %s), want %s (%s)", source.Name(), token.Identity(), token.CertificateIssuer(), tt.identity, tt.issuer)
			}
			got := certified(t, token)
			if got.SubjectAlternativeName != token.Identity() || got.Issuer != token.CertificateIssuer() {
				t.Errorf("the certificate is for %s (issuer %s), announced was %s (%s)", got.SubjectAlternativeName, got.Issuer, token.Identity(), token.CertificateIssuer())
			}
		})
	}
}

// Somebody who says no, on the page of the device flow, signs nothing.
func TestIdentityDenied(t *testing.T) {
	t.Parallel()
	source, err := identity.Device(login(t, func(page string) error { return visit(t, page+"&deny=1") }))
	check(t, err)
	if token, err := source.Token(within(t, time.Minute), identity.DefaultAudience); err == nil || !strings.Contains(err.Error(), "the login was denied") {
		t.Errorf("Token = %v, %v, want it denied", token, err)
	}
}

// hallmark finds the identity of where it runs, and says whose it is before it
// is published.
func TestIdentityAmbient(t *testing.T) {
	t.Parallel()
	email := emailToken(t)
	for name, tt := range map[string]struct {
		env      []string
		identity string
	}{
		"variable":     {[]string{"SIGSTORE_ID_TOKEN=" + email}, emailIdentity},
		"GitLab CI":    {[]string{"GITLAB_CI=true", "CI=true", "SIGSTORE_ID_TOKEN=" + email}, emailIdentity},
		"Buildkite":    {[]string{"BUILDKITE=true", "CI=true", "PATH=" + buildkiteAgent(t) + string(os.PathListSeparator) + os.Getenv("PATH")}, emailIdentity},
		"Google Cloud": {[]string{"GCE_METADATA_HOST=" + metadataServer(t)}, emailIdentity},
		"SPIFFE":       {[]string{"SPIFFE_ENDPOINT_SOCKET=" + workloadSocket(t)}, spiffeIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			hallmark(t).with(tt.env...).run("release", "-f", r.file, "--out", r.out, "--keyless",
				"--signing-config", services.Sigstore.SigningConfig, "--trusted-root", services.Sigstore.TrustedRoot).
				exits(0).says("this signs as "+tt.identity, "cannot be removed").hides(email)
			hallmarkVerify(t).run("-t", r.trust(), "-a", r.attestations(), r.artifacts[0]).exits(0).says(tt.identity)
		})
	}
}

// Where the identity that was meant is not to be had, nothing is signed with
// another one that lies around.
func TestIdentityNeverFallsThrough(t *testing.T) {
	t.Parallel()
	spiffe := "SPIFFE_ENDPOINT_SOCKET=" + workloadSocket(t)
	for name, tt := range map[string]struct {
		env  []string
		want string
	}{
		"GitHub without permission": {[]string{"GITHUB_ACTIONS=true", "CI=true", spiffe}, "id-token: write"},
		"GitHub says no":            {append(actionsEnvironment(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN=another", spiffe), "answered 401 Unauthorized"},
		"GitLab without id_tokens":  {[]string{"GITLAB_CI=true", "CI=true", spiffe}, "id_tokens"},
		"expired":                   {[]string{"SIGSTORE_ID_TOKEN=" + expiredToken(t), spiffe}, "has expired"},
		"for somebody else":         {[]string{"SIGSTORE_ID_TOKEN=" + foreignToken(t), spiffe}, `expected audience "sigstore"`},
		"nobody in a CI":            {[]string{"CI=true"}, "no identity token is at hand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t)
			hallmark(t).with(tt.env...).run("release", "-f", r.file, "--out", r.out, "--keyless",
				"--signing-config", services.Sigstore.SigningConfig, "--trusted-root", services.Sigstore.TrustedRoot).
				fails().says(tt.want).hides("eyJ", services.Issuer.RequestToken)
			r.unsigned(t)
		})
	}
}

// choose is [identity.Choose] where nobody can be asked.
func choose(t *testing.T, given string, env ...string) (identity.Source, error) {
	t.Helper()
	return identity.Choose(within(t, time.Minute), given, identity.Environment{Env: variables(env...), Now: time.Now, ProductName: os.DevNull}, nil)
}

func variables(env ...string) func(string) string {
	vars := make(map[string]string)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	return func(name string) string { return vars[name] }
}

// shownAddress is an address on a line of its own.
var shownAddress = regexp.MustCompile(`(?m)^  (http\S+)$`)

// login is that of a person who does with the address that is shown what open
// does.
func login(t *testing.T, open func(page string) error) identity.Login {
	return identity.Login{
		Issuer: services.Issuer.Email, Env: variables(), Now: time.Now,
		Show: func(text string) {
			page := shownAddress.FindStringSubmatch(text)
			if page == nil {
				t.Errorf("no address is shown: %s", text)
				return
			}
			if err := open(page[1]); err != nil {
				t.Error(err)
			}
		},
	}
}

// visit opens a page as a browser does, and follows where it leads.
func visit(t *testing.T, page string) error {
	r, err := http.NewRequestWithContext(within(t, time.Minute), http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s answers %s: %s", page, answer.Status, text)
	}
	return nil
}

// certified is what Fulcio certifies of the token's holder.
func certified(t *testing.T, token identity.Token) certificate.Summary {
	t.Helper()
	pair, err := sigstore.NewEphemeralKeypair(nil)
	check(t, err)
	der, err := sigstore.NewFulcio(&sigstore.FulcioOptions{BaseURL: services.Fulcio}).
		GetCertificate(within(t, time.Minute), pair, &sigstore.CertificateProviderOptions{IDToken: token.Raw()})
	check(t, err)
	leaf, err := x509.ParseCertificate(der)
	check(t, err)
	summary, err := certificate.SummarizeCertificate(leaf)
	check(t, err)
	return summary
}

// buildkiteAgent is a folder with a program that gives a person's token, since
// this Fulcio knows no issuer of Buildkite's.
func buildkiteAgent(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "buildkite-agent"), []byte("#!/bin/sh\n[ \"$*\" = 'oidc request-token --audience=sigstore' ] && echo "+emailToken(t)+"\n"), 0o700))
	return dir
}

// metadataServer is the address of one as Google's machines have, whose service
// account has a person's token.
func metadataServer(t *testing.T) string {
	t.Helper()
	email := emailToken(t)
	const account = "/computeMetadata/v1/instance/service-accounts/default/"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		switch {
		case r.Header.Get("Metadata-Flavor") != "Google":
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == account+"email":
			fmt.Fprint(w, emailIdentity)
		case r.URL.Path == account+"identity" && r.URL.Query().Get("audience") == identity.DefaultAudience:
			fmt.Fprint(w, email)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// workloadSocket is where a SPIFFE workload API serves the release job.
func workloadSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	check(t, err)
	s := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(s, workloads{})
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return path
}

type workloads struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
}

func (workloads) FetchJWTSVID(ctx context.Context, r *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	if len(r.Audience) != 1 {
		return nil, errors.New("expected one audience")
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, services.Issuer.Spiffe+"/mint?audience="+url.QueryEscape(r.Audience[0]), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	return &workload.JWTSVIDResponse{Svids: []*workload.JWTSVID{{SpiffeId: spiffeIdentity, Svid: string(text)}}}, nil
}
