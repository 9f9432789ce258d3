package sign_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/attest/sign/identity"
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
)

// noTokens has none.
type noTokens struct{}

func (noTokens) Token(context.Context, string) (identity.Token, error) {
	return identity.Token{}, identity.ErrNone
}
func (noTokens) Name() string { return "nobody" }

// trusted is a trusted root that lists a timestamp authority of our own.
func trusted(t testing.TB) *root.TrustedRoot {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, v.FulcioCertificateAuthorities(), nil, v.TimestampingAuthorities(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Who is out of order is told apart from who says no, and what they said is
// safe to show.
func TestAsk(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2VjcmV0"
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody else was asked") }))
	defer elsewhere.Close()
	for _, tt := range []struct {
		name    string
		answer  http.HandlerFunc
		tries   int32
		refused bool
		want    string
	}{
		{"says no", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no:\x1b[31m "+token+"\n"+strings.Repeat("x", 5000), http.StatusBadRequest)
		}, 1, true, "no:"},
		{"is forbidden", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, 1, true, "403"},
		{"is out of order", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "later", http.StatusServiceUnavailable)
		}, 3, false, "HTTP 503: later"},
		{"is busy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 3, false, "429"},
		{"believes that we have gone", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "context canceled", 499)
		}, 3, false, "HTTP 499: context canceled"},
		{"answers with a page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><title>Sign in</title>") }, 1, false, "does not answer"},
		{"answers with nothing", func(http.ResponseWriter, *http.Request) {}, 1, false, "does not answer"},
		{"never ends", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, 1, false, "does not answer"},
		{"sends elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, 1, false, "redirects elsewhere"},
		{"breaks off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3, false, "does not answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				tt.answer(w, r)
			}))
			defer server.Close()
			s, err := sign.NewKeySigner(generate(t, sign.ECDSAP256), sign.Options{Services: sign.Services{Timestamps: []string{server.URL}}, Trusted: trusted(t)})
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.Sign(t.Context(), verdict(t, 1, criteria.Pass))
			if b != nil || err == nil {
				t.Fatalf("Sign() = %s, %v, want an error", b, err)
			}
			var no *sign.RefusedError
			var out *sign.OutageError
			if errors.As(err, &no) != tt.refused || errors.As(err, &out) == tt.refused {
				t.Errorf("Sign() = %v, want refused %t", err, tt.refused)
			}
			text := err.Error()
			if !strings.Contains(text, tt.want) || !strings.Contains(text, server.URL) {
				t.Errorf("Sign() = %q, want %q and %s in it", text, tt.want, server.URL)
			}
			if strings.Contains(text, "c2VjcmV0") || strings.ContainsAny(text, "\x1b\n") || len(text) > 1000 {
				t.Errorf("Sign() = %q, want one short line without the token or control characters", text)
			}
			if n := tries.Load(); n != tt.tries {
				t.Errorf("it was asked %d times, want %d", n, tt.tries)
			}
		})
	}
}

// An interruption ends it at once, and is no outage.
func TestAskInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		buf := make([]byte, 1024)
		for {
			if _, err := r.Body.Read(buf); err != nil {
				break
			}
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	s, err := sign.NewKeySigner(generate(t, sign.ECDSAP256), sign.Options{Services: sign.Services{Timestamps: []string{server.URL}}, Trusted: trusted(t), Outage: sign.Queue})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Sign(ctx, verdict(t, 1, criteria.Pass))
	var out *sign.OutageError
	if !errors.Is(err, context.Canceled) || errors.As(err, &out) {
		t.Errorf("Sign() = %v, want context.Canceled and no outage", err)
	}
}
