package identity

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGoogle(t *testing.T) {
	raw := jwt(person(map[string]any{"iss": "https://accounts.google.com", "email": "release@project.iam.gserviceaccount.com"}))
	server := httptest.NewServer(metadataServer(raw))
	defer server.Close()
	// The metadata server is asked directly: what a proxy would answer is not
	// the machine's identity.
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	e := environment(t, "GCE_METADATA_HOST", server.Listener.Addr().String())
	s, err := Ambient(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Token(t.Context(), "sigstore")
	if err != nil || got.Raw() != raw || got.Identity() != "release@project.iam.gserviceaccount.com" {
		t.Errorf("Token = %v, %v, want the service account's", got, err)
	}
}

// A machine of Google's is known by what its firmware says.
func TestGoogle_machine(t *testing.T) {
	for product, want := range map[string]bool{"Google Compute Engine\n": true, "Google": true, "Google Chromebook": false, "KVM": false} {
		path := filepath.Join(t.TempDir(), "product_name")
		if err := os.WriteFile(path, []byte(product), 0o600); err != nil {
			t.Fatal(err)
		}
		e := environment(t)
		e.ProductName = path
		if got := e.isGoogle(); got != want {
			t.Errorf("a machine that says %q is Google's: %v, want %v", product, got, want)
		}
	}
}

func TestGoogle_withoutServiceAccount(t *testing.T) {
	server := httptest.NewServer(metadataServer(""))
	defer server.Close()
	e := environment(t, "GCE_METADATA_HOST", server.Listener.Addr().String())
	if s, err := Ambient(t.Context(), e); !errors.Is(err, ErrNone) {
		t.Errorf("Ambient = %v, %v, want ErrNone: there is no identity", s, err)
	}
	s, err := Named("google", e)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Token(t.Context(), "sigstore"); err == nil || !strings.Contains(err.Error(), "404 Not Found: is a service account attached?") {
		t.Errorf("Token = %v, %v, want it to say what is missing", got, err)
	}
}

// Whatever else answers at that address is not believed.
func TestGoogle_anotherServer(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"says nothing of itself": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(jwt(person(nil)))) },
		"is another cloud's": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Other")
			_, _ = w.Write([]byte(jwt(person(nil))))
		},
	} {
		server := httptest.NewServer(h)
		e := environment(t, "GCE_METADATA_HOST", server.Listener.Addr().String())
		if s, err := Ambient(t.Context(), e); err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "is no metadata server of Google's") {
			t.Errorf("a server that %s: %v, %v, want an error", name, s, err)
		}
		server.Close()
	}
}

func TestGoogle_hosts(t *testing.T) {
	for host, want := range map[string]bool{
		"169.254.169.254": true, "169.254.169.254:80": true, "metadata.google.internal": true, "metadata.google.internal.:80": true,
		"[fd20:ce::254]": true, "[fd20:ce::254]:80": true, "127.0.0.1:8080": true, "localhost:1": true, "": true,
		"169.254.170.2": false, "metadata.google.internal.attacker.example": false, "10.0.0.1": false, "attacker.example:80": false,
		"169.254.169.254/x": false, "u@169.254.169.254": false,
	} {
		if _, err := newGoogle(environment(t, "GCE_METADATA_HOST", host)); (err == nil) != want {
			t.Errorf("GCE_METADATA_HOST=%q: %v, want accepted: %v", host, err, want)
		}
	}
}
