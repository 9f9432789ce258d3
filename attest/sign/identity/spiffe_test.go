//go:build !windows

package identity

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// agentAPI is a SPIFFE workload API that answers for JWT-SVIDs.
type agentAPI struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	answer func(ctx context.Context, r *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error)
}

func (a agentAPI) FetchJWTSVID(ctx context.Context, r *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	return a.answer(ctx, r)
}

// workloadSocket serves one on a socket and returns its path.
func workloadSocket(t *testing.T, answer func(context.Context, *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveWorkloads(t, l, answer)
	return path
}

func serveWorkloads(t *testing.T, l net.Listener, answer func(context.Context, *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error)) {
	t.Helper()
	s := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(s, agentAPI{answer: answer})
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
}

func svid(audience string, with map[string]any) string {
	c := map[string]any{"iss": "https://spire.house.example", "sub": "spiffe://house.example/release", "aud": []string{audience}, "exp": time.Now().Add(5 * time.Minute).Unix()}
	for k, v := range with {
		c[k] = v
	}
	return jwt(c)
}

func svids(raw ...string) *workload.JWTSVIDResponse {
	r := new(workload.JWTSVIDResponse)
	for _, s := range raw {
		r.Svids = append(r.Svids, &workload.JWTSVID{SpiffeId: "spiffe://house.example/release", Svid: s})
	}
	return r
}

func TestSPIFFE(t *testing.T) {
	answer := func(ctx context.Context, r *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
		// "Clients MUST set the workload.spiffe.io header": it keeps pages in a
		// browser from asking.
		md, _ := metadata.FromIncomingContext(ctx)
		if got := md.Get("workload.spiffe.io"); len(got) != 1 || got[0] != "true" || len(r.Audience) != 1 {
			return nil, status.Error(codes.InvalidArgument, "security header missing")
		}
		return svids(svid(r.Audience[0], nil), svid(r.Audience[0], map[string]any{"sub": "spiffe://house.example/other"})), nil
	}
	path := workloadSocket(t, answer)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveWorkloads(t, tcp, answer)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	for _, address := range []string{path, "unix://" + path, "tcp://" + tcp.Addr().String()} {
		s, err := Ambient(t.Context(), environment(t, "SPIFFE_ENDPOINT_SOCKET", address))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Token(t.Context(), "sigstore")
		if err != nil || got.Identity() != "spiffe://house.example/release" {
			t.Errorf("Token from %s = %v, %v, want the workload's", address, got, err)
		}
	}
}

func TestSPIFFE_refused(t *testing.T) {
	for name, test := range map[string]struct {
		answer *workload.JWTSVIDResponse
		err    error
		want   string
	}{
		"no identity":      {nil, status.Error(codes.PermissionDenied, "no identity issued\x1b[2J"), `it answered PermissionDenied: no identity issued\x1b[2J`},
		"not implemented":  {nil, status.Error(codes.Unimplemented, "unknown service"), "it answered Unimplemented"},
		"nothing":          {svids(), nil, "there were no SVIDs in the response"},
		"not a token":      {svids("<html>"), nil, "unable to parse JWT token"},
		"another audience": {svids(svid("vault", nil)), nil, "expected audience"},
		"expired":          {svids(svid("sigstore", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})), nil, "expired"},
		"no SPIFFE ID":     {svids(svid("sigstore", map[string]any{"sub": "alice@example.com"})), nil, "invalid subject claim"},
		"claims twice":     {svids(jwtOf(`{"iss":"i","iss":"j","sub":"spiffe://house.example/a","aud":"sigstore","exp":1893456000}`)), nil, "twice|duplicate"},
		"ten megabytes":    {svids(strings.Repeat("a", 10<<20)), nil, "ResourceExhausted"},
		"token too large":  {svids(svid("sigstore", map[string]any{"x": strings.Repeat("a", 100<<10)})), nil, "the token is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			path := workloadSocket(t, func(context.Context, *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
				return test.answer, test.err
			})
			s, err := Ambient(t.Context(), environment(t, "SPIFFE_ENDPOINT_SOCKET", path))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Token(t.Context(), "sigstore")
			found := false
			for _, want := range strings.Split(test.want, "|") {
				found = found || err != nil && strings.Contains(err.Error(), want)
			}
			if !found {
				t.Fatalf("Token = %v, %v, want an error with %q", got, err, test.want)
			}
			if strings.Contains(err.Error(), "eyJ") || len(err.Error()) > 500 {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

func TestSPIFFE_nobodyThere(t *testing.T) {
	s, err := Ambient(t.Context(), environment(t, "SPIFFE_ENDPOINT_SOCKET", filepath.Join(t.TempDir(), "none")))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := s.Token(t.Context(), "sigstore"); err == nil || !strings.Contains(err.Error(), "it answered Unavailable") {
		t.Errorf("Token = %v, want an error", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %s to find out", d)
	}
}

func TestSPIFFE_interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := workloadSocket(t, func(ctx context.Context, _ *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	s, err := Ambient(t.Context(), environment(t, "SPIFFE_ENDPOINT_SOCKET", path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(ctx, "sigstore"); !errors.Is(err, context.Canceled) {
		t.Errorf("Token = %v, want context.Canceled", err)
	}
}
