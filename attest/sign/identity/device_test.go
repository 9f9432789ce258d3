package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// deviceAt is a login by code whose pauses take no time and are kept, and whose
// clock runs with them.
func deviceAt(s *somebody) (device, *[]time.Duration) {
	var pauses []time.Duration
	now := time.Now()
	s.Now = func() time.Time { return now }
	return device{s.Login, func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		now = now.Add(d)
		return ctx.Err()
	}}, &pauses
}

// says answers polls with these, in turn, and then as the issuer does.
func says(codes ...string) func(http.ResponseWriter, url.Values) bool {
	return func(w http.ResponseWriter, form url.Values) bool {
		if len(codes) == 0 {
			return false
		}
		code := codes[0]
		codes = codes[1:]
		switch code {
		case "":
			return false
		case "cut":
			panic(http.ErrAbortHandler)
		case "503":
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case "200":
			// Not as the specification has it, but as some do it.
			say(w, http.StatusOK, map[string]string{"error": "authorization_pending"})
		default:
			say(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": "device code " + form.Get("device_code") + "\x1b"})
		}
		return true
	}
}

func TestDevice(t *testing.T) {
	i := newIssuer(t)
	i.token = says("authorization_pending", "slow_down", "200", "authorization_pending", "slow_down", "503", "cut", "authorization_pending")
	s := somebodyAt(i.url)
	d, pauses := deviceAt(s)
	got, err := d.Token(t.Context(), "sigstore")
	if err != nil || got.Identity() != "alice@example.com" {
		t.Fatalf("Token = %v, %v, want alice's", got, err)
	}
	saw := s.saw()
	for _, want := range []string{i.url + "/activate", "WDJB-MJHT"} {
		if !strings.Contains(saw, want) {
			t.Errorf("the terminal shows %q, want %q in it", saw, want)
		}
	}
	var seconds []float64
	for _, p := range *pauses {
		seconds = append(seconds, p.Seconds())
	}
	// 7 seconds as the issuer asks; 5 more at each slow_down; twice as many when
	// it does not answer, a minute at most.
	if diff := cmp.Diff([]float64{7, 7, 12, 12, 12, 17, 34, 60, 60}, seconds); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
}

func TestDevice_really(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.device = func(w http.ResponseWriter, form url.Values) bool {
		i.codes[deviceSecret] = form
		say(w, http.StatusOK, map[string]any{
			"device_code": deviceSecret, "user_code": "A", "verification_uri": "https://issuer.example/activate",
			"verification_uri_complete": "https://issuer.example/activate?user_code=A", "expires_in": 600, "interval": 1,
		})
		return true
	}
	i.token = says("authorization_pending")
	s := somebodyAt(i.url)
	source, err := Device(s.Login)
	if err != nil {
		t.Fatal(err)
	}
	got, err := source.Token(t.Context(), "sigstore")
	if err != nil || got.Identity() != "alice@example.com" {
		t.Fatalf("Token = %v, %v, want alice's", got, err)
	}
	if saw := s.saw(); !strings.Contains(saw, "https://issuer.example/activate?user_code=A") {
		t.Errorf("the terminal shows %q", saw)
	}
	if again, err := source.Token(t.Context(), "sigstore"); err != nil || again.Raw() != got.Raw() || len(s.shown) != 1 {
		t.Errorf("Token the second time = %v, %v, want the same without asking", again, err)
	}
}

func TestDevice_refused(t *testing.T) {
	begin := func(body map[string]any) func(*issuer) {
		return func(i *issuer) {
			i.device = func(w http.ResponseWriter, form url.Values) bool {
				i.codes[deviceSecret] = form
				all := map[string]any{"device_code": deviceSecret, "user_code": "A", "verification_uri": "https://issuer.example/activate", "expires_in": 600}
				for k, v := range body {
					all[k] = v
				}
				say(w, http.StatusOK, all)
				return true
			}
		}
	}
	for name, test := range map[string]struct {
		alter func(*issuer)
		want  string
	}{
		"denied":                   {func(i *issuer) { i.token = says("authorization_pending", "access_denied") }, `the login was denied: device code (secret)\x1b`},
		"expired":                  {func(i *issuer) { i.token = says("expired_token") }, "the code has expired before anybody logged in"},
		"another error":            {func(i *issuer) { i.token = says("invalid_client") }, "the issuer answered invalid_client"},
		"nobody":                   {func(i *issuer) { i.token = says(slices.Repeat([]string{"authorization_pending"}, 100)...) }, "nobody has logged in for 10m0s: the code has expired"},
		"never answers":            {func(i *issuer) { i.token = says(slices.Repeat([]string{"503"}, 100)...) }, "nobody has logged in for 10m0s"},
		"no endpoint":              {func(i *issuer) { i.metadata = func(m map[string]any) { delete(m, "device_authorization_endpoint") } }, "the issuer has no login by code"},
		"endpoint says no":         {func(i *issuer) { i.device = says("unauthorized_client") }, "the issuer answered unauthorized_client"},
		"endpoint is gone":         {func(i *issuer) { i.device = says("503") }, "answered 503 Service Unavailable"},
		"no code":                  {begin(map[string]any{"user_code": ""}), "lacks one of device_code, user_code"},
		"no end":                   {begin(map[string]any{"expires_in": 0}), "lacks one of"},
		"end before":               {begin(map[string]any{"expires_in": -5}), "lacks one of"},
		"no page":                  {begin(map[string]any{"verification_uri": ""}), "lacks one of"},
		"long code":                {begin(map[string]any{"user_code": strings.Repeat("A", 1000)}), "a code that is too long"},
		"page of another protocol": {begin(map[string]any{"verification_uri": "file:///etc/passwd"}), "the page to log in at names no host"},
		"page in the clear":        {begin(map[string]any{"verification_uri_complete": "http://attacker.example/"}), "the page to log in at is http://attacker.example/, expected https://"},
		"wrong verifier": {func(i *issuer) {
			i.device = func(w http.ResponseWriter, form url.Values) bool { form.Set("code_challenge", "x"); return false }
		}, "the issuer answered invalid_grant: PKCE"},
		"other audience": {func(i *issuer) { i.alter = func(c map[string]any) { c["aud"] = "x" } }, `expected audience "sigstore"`},
		"altered":        {func(i *issuer) { i.sign = altered }, "failed to verify"},
		"endless": {func(i *issuer) {
			i.token = func(w http.ResponseWriter, _ url.Values) bool {
				_, _ = w.Write([]byte(strings.Repeat(" ", 10<<20)))
				return true
			}
		}, "the answer is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			test.alter(i)
			s := somebodyAt(i.url)
			d, _ := deviceAt(s)
			got, err := d.Token(t.Context(), "sigstore")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Token = %v, %v, want an error with %q", got, err, test.want)
			}
			if strings.Contains(err.Error(), "eyJ") || len(err.Error()) > 500 {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

// An issuer names the interval, and it could name anything.
func TestDevice_intervals(t *testing.T) {
	for interval, want := range map[any]time.Duration{
		0: 5 * time.Second, 1e-300: time.Second, 0.1: time.Second, -1: 5 * time.Second, 1: time.Second, 1e300: time.Minute, 86400: time.Minute,
	} {
		i := newIssuer(t)
		i.device = func(w http.ResponseWriter, form url.Values) bool {
			i.codes[deviceSecret] = form
			say(w, http.StatusOK, map[string]any{
				"device_code": deviceSecret, "user_code": "A\x1b[2J", "verification_uri": "https://issuer.example/activate", "expires_in": 1e300, "interval": interval,
			})
			return true
		}
		s := somebodyAt(i.url)
		d, pauses := deviceAt(s)
		if _, err := d.Token(t.Context(), "sigstore"); err != nil {
			t.Fatal(err)
		}
		if (*pauses)[0] != want {
			t.Errorf("an interval of %v makes %s, want %s", interval, (*pauses)[0], want)
		}
		if strings.Contains(s.saw(), "\x1b") {
			t.Errorf("the terminal is given %q", s.saw())
		}
	}
}

func TestDevice_interrupted(t *testing.T) {
	i := newIssuer(t)
	i.token = says(slices.Repeat([]string{"authorization_pending"}, 100)...)
	s := somebodyAt(i.url)
	source, err := Device(s.Login)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	start := time.Now()
	if _, err := source.Token(ctx, "sigstore"); !errors.Is(err, context.Canceled) {
		t.Errorf("Token = %v, want context.Canceled", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %s to be interrupted", d)
	}
}
