package admission

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// Whatever a registry does, each request is answered before its deadline, and
// nothing that is not verified is allowed.
func TestRegistryFaultsUnderLoad(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	var bad []string
	for i := range 5 {
		image, _ := w.push("shop/app", fmt.Sprint("bad", i), 0)
		bad = append(bad, image)
	}
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	faults := map[string]func(rw http.ResponseWriter, r *http.Request, registry http.Handler){
		"hangs": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		},
		"answers 500": func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			rw.WriteHeader(http.StatusInternalServerError)
		},
		"answers 429": func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			rw.Header().Set("Retry-After", "3600")
			rw.WriteHeader(http.StatusTooManyRequests)
		},
		"is cut off": func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			rec := httptest.NewRecorder()
			registry.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				rw.Header()[k] = v
			}
			rw.Header().Set("Content-Length", fmt.Sprint(rec.Body.Len()+10))
			rw.WriteHeader(rec.Code)
			_, _ = rw.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
		},
		"sends something else": func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			rec := httptest.NewRecorder()
			registry.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				rw.Header()[k] = v
			}
			rw.Header().Del("Content-Length")
			rw.WriteHeader(rec.Code)
			_, _ = rw.Write(bytes.ReplaceAll(rec.Body.Bytes(), []byte("sha256:"), []byte("sha256:0")))
		},
		"sends another manifest": func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			if strings.Contains(r.URL.Path, "/manifests/sha256:") {
				r = r.Clone(r.Context())
				r.URL.Path = "/v2/shop/app/manifests/1"
			}
			registry.ServeHTTP(rw, r)
		},
		"has nothing": func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(http.StatusNotFound) },
	}
	for name, fault := range faults {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			w.set(nil)
			s := w.server(func(o *Options) { o.Limits.Verified = 10 * time.Minute })
			mustAllow(t, "before the fault", ask(t, s, good))
			w.set(fault)
			// What is left of the time for the way back is what a busy machine may
			// take of it; without an end of its own, a lookup would take ten seconds.
			const timeout, slack = 2 * time.Second, 2 * time.Second
			var wait sync.WaitGroup
			var allowed, denied atomic.Int64
			for n := range 8 {
				wait.Go(func() {
					for i := range 12 {
						image := bad[(n+i)%len(bad)]
						if (n+i)%3 == 0 {
							image = good
						}
						began := time.Now()
						status, r, text := post(t, s, "/validate?timeout="+timeout.String(), encoded(t, reviewOf(podObject(image))))
						took := time.Since(began)
						switch {
						case status != http.StatusOK:
							t.Errorf("POST = %d %s", status, text)
						case took > timeout+slack:
							t.Errorf("an answer took %s, and the API server waits %s", took, timeout)
						case r.Allowed && image != good:
							t.Errorf("%s was allowed", image)
						case r.Allowed:
							allowed.Add(1)
						default:
							denied.Add(1)
						}
					}
				})
			}
			wait.Wait()
			if denied.Load() < 8*12/2 || allowed.Load()+denied.Load() != 8*12 {
				t.Errorf("%d allowed, %d denied, want all of %d answered", allowed.Load(), denied.Load(), 8*12)
			}
			// What was known before is answered still, while it counts.
			if allowed.Load() == 0 {
				t.Error("what was known was not answered")
			}
			// The registry is back: what was known to be unknown is asked again soon.
			w.set(nil)
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
				w.turn(11 * time.Minute) // nothing of before counts any more
				// A registry that hung is left alone for a moment, by the real clock.
				if r := ask(t, s, bad[0]); !r.Allowed && strings.Contains(r.Status.Message, "no-bundle") {
					break
				} else if r.Allowed || time.Now().After(end) {
					t.Fatalf("after the fault: %+v", r)
				}
			}
			for end := time.Now().Add(20 * time.Second); !ask(t, s, good).Allowed; time.Sleep(100 * time.Millisecond) {
				if w.turn(time.Minute); time.Now().After(end) {
					t.Fatal("after the fault, what is good is denied")
				}
			}
		})
	}
}

// A registry that hangs keeps nobody waiting who asks another.
func TestOneRegistryDoesNotHoldUpAnother(t *testing.T) {
	w, slow := newWorld(t), newWorld(t)
	good := w.good("shop/app", "1")
	w.config(strings.Replace(w.policies(""), "images: [", "images: [\""+slow.host+"/**\", ", 1))
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	slow.set(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	s := w.server(func(o *Options) { o.Limits.Lookups, o.Limits.Registry = 12, 4 })
	var wait sync.WaitGroup
	for i := range 30 {
		wait.Go(func() {
			post(t, s, "/validate?timeout=500ms", encoded(t, reviewOf(podObject(fmt.Sprintf("%s/shop/app%d:1", slow.host, i)))))
		})
	}
	time.Sleep(50 * time.Millisecond)
	began := time.Now()
	mustAllow(t, "another registry", ask(t, s, good))
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Errorf("another registry's image took %s", took)
	}
	wait.Wait()
}

// A lookup that takes too long for one request is done for the next.
func TestLateAnswersAreKept(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		time.Sleep(150 * time.Millisecond)
		registry.ServeHTTP(rw, r)
	})
	s := w.server()
	status, r, _ := post(t, s, "/validate?timeout=200ms", encoded(t, reviewOf(podObject(good))))
	if status != http.StatusOK {
		t.Fatalf("POST = %d", status)
	}
	mustDeny(t, "too slow", r, "could not tell", "try again")
	wantMetric(t, s, `hallmark_admission_decisions_total{mode="enforce",outcome="unknown",policy="shop",reason="timeout"} 1`)
	deadline := time.Now().Add(5 * time.Second)
	for {
		_, r, _ := post(t, s, "/validate?timeout=200ms", encoded(t, reviewOf(podObject(good))))
		if r.Allowed {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the lookup was never done")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Many who ask at once ask the registry once.
func TestOneLookupForMany(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	s := w.server()
	ask(t, s, good)
	alone := len(w.requests())
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		time.Sleep(20 * time.Millisecond)
		registry.ServeHTTP(rw, r)
	})
	s = w.server()
	w.requests()
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() { mustAllow(t, "at once", ask(t, s, good)) })
	}
	wait.Wait()
	if got := len(w.requests()); got > alone {
		t.Errorf("the registry had %d requests for 40 at once, and %d for one", got, alone)
	}
}

// Whatever is remembered, a no never becomes a yes by it, and no image is
// answered with what is known of another.
func TestCacheIsNotPoisoned(t *testing.T) {
	w := newWorld(t)
	type known struct {
		image string
		good  bool
	}
	var all []known
	for i := range 6 {
		all = append(all, known{w.good("shop/app", fmt.Sprint("g", i)), true})
		image, _ := w.push("shop/app", fmt.Sprint("b", i), 0)
		all = append(all, known{image, false})
		// The same bytes in another repository, where nobody attested them, and the
		// digest under a tag that leads to a good one.
		digest := strings.Split(image, "@")[1]
		all = append(all, known{w.host + "/shop/app:g0@" + digest, false}, known{w.host + "/shop/empty@" + strings.Split(all[0].image, "@")[1], false})
	}
	var mode atomic.Int64
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		switch mode.Load() {
		case 1:
			rw.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			rw.WriteHeader(http.StatusNotFound)
		default:
			registry.ServeHTTP(rw, r)
		}
	})
	// A cache so small that it forgets, a clock that jumps, a registry that fails.
	s := w.server(func(o *Options) { o.Limits.Entries = 5 })
	random := rand.New(rand.NewPCG(7, 11))
	yes := 0
	for range 400 {
		mode.Store(random.Int64N(3))
		switch random.IntN(12) {
		case 0:
			w.turn(time.Duration(random.IntN(180)) * time.Second)
		case 1:
			w.turn(-time.Duration(random.IntN(120)) * time.Second)
		}
		k := all[random.IntN(len(all))]
		r := ask(t, s, k.image)
		if r.Allowed && !k.good {
			t.Fatalf("%s was allowed", k.image)
		}
		if r.Allowed {
			yes++
		} else if at := strings.Split(k.image, "@")[1]; !strings.Contains(r.Status.Message, at) {
			t.Errorf("the denial of %s is about another: %s", k.image, r.Status.Message)
		}
	}
	if yes == 0 {
		t.Error("nothing was ever allowed")
	}
	if n := s.asker.verdicts.len(); n > 5 {
		t.Errorf("%d verdicts are kept, want at most 5", n)
	}
}

// A yes ends with what it rests on, however long it would be kept.
func TestYesEnds(t *testing.T) {
	w := newWorld(t)
	image, digests := w.push("shop/app", "1", 0)
	w.attest("shop/app", w.key, true, time.Now().Add(-time.Hour), digests...)
	long := func(o *Options) { o.Limits.Verified = 1000 * time.Hour }
	w.trust("trust.yaml", w.key, "maxAge: 2h\n")
	s := w.server(long)
	mustAllow(t, "young", ask(t, s, image))
	w.turn(50 * time.Minute)
	mustAllow(t, "older", ask(t, s, image))
	w.turn(20 * time.Minute)
	mustDeny(t, "too old", ask(t, s, image), "too-old")

	w.turn(-70 * time.Minute)
	w.trust("trust.yaml", w.key, "")
	data, err := os.ReadFile(filepath.Join(w.dir, "trust.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(30 * time.Minute).UTC().Format(time.RFC3339)
	w.write("trust.yaml", strings.Replace(string(data), "level:", "    notAfter: "+end+"\nlevel:", 1))
	s = w.server(long)
	mustAllow(t, "before the key ends", ask(t, s, image))
	w.turn(31 * time.Minute)
	mustDeny(t, "after the key's end", ask(t, s, image), "untrusted-signer")
	w.turn(-31 * time.Minute)

	// Withdrawn: counts when the yes is not kept any more.
	w.trust("trust.yaml", w.key, "")
	s = w.server(func(o *Options) { o.Limits.Verified = time.Minute })
	mustAllow(t, "before it is withdrawn", ask(t, s, image))
	w.attest("shop/app", w.key, false, time.Now(), digests...)
	w.turn(61 * time.Second)
	mustDeny(t, "withdrawn", ask(t, s, image), "failed")
}

// A yes that will end soon is asked again before it does, and nobody waits.
func TestYesIsRenewed(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	s := w.server(func(o *Options) { o.Limits.Verified = time.Minute })
	mustAllow(t, "first", ask(t, s, good))
	for range 3 {
		w.turn(45 * time.Second)
		w.requests()
		mustAllow(t, "while it is renewed", ask(t, s, good))
		deadline := time.Now().Add(5 * time.Second)
		for len(w.requests()) == 0 || s.asker.pending.Load() > 0 {
			if time.Now().After(deadline) {
				t.Fatal("the yes was not asked again")
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	// While the registry is out of order it is not taken back, and ends when it
	// ends.
	w.set(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		rw.WriteHeader(http.StatusInternalServerError)
	})
	w.turn(45 * time.Second)
	mustAllow(t, "while the registry is out of order", ask(t, s, good))
	for s.asker.pending.Load() > 0 {
		time.Sleep(5 * time.Millisecond)
	}
	mustAllow(t, "still", ask(t, s, good))
	w.turn(20 * time.Second)
	mustDeny(t, "after its end", ask(t, s, good), "could not tell")
}

// Registries at addresses of this machine and its network are not asked, and
// nothing leads there.
func TestAddresses(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	_, port, _ := net.SplitHostPort(w.host)
	hosts := []string{w.host, "localhost:" + port, "[::1]:" + port, "169.254.169.254", "10.0.0.1:5000", "[fd00::1]", "0.0.0.0:" + port, "127.1.2.3:" + port, "[::ffff:127.0.0.1]:" + port}
	yaml := "policies:\n  - name: all\n    trust: [trust.yaml]\n"
	w.config(yaml)
	s := w.server()
	w.requests()
	for _, h := range hosts {
		r := ask(t, s, h+"/shop/app:1")
		mustDeny(t, h, r)
		if !r.Allowed && !strings.Contains(r.Status.Message, "address not allowed") && !strings.Contains(r.Status.Message, "is refused") {
			t.Errorf("%s: denied with %q", h, r.Status.Message)
		}
	}
	if got := w.requests(); len(got) > 0 {
		t.Errorf("the registry at a refused address was asked %v", got)
	}
	w.config(yaml + "registries:\n  allowedAddresses: [127.0.0.0/8]\n")
	mustAllow(t, "an allowed address", ask(t, w.server(), good))
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "127.255.0.1:1": true, "[::ffff:127.0.0.1]:1": true, "128.0.0.1:1": true,
		"[::1]:1": false, "169.254.169.254:80": false, "10.0.0.1:1": false,
	} {
		if got := refuse(netip.MustParseAddrPort(address), []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}) == nil; got != want {
			t.Errorf("%s is allowed: %t, want %t", address, got, want)
		}
	}
	// Taking the permission away counts at once, whatever is remembered.
	w.config(yaml + "registries:\n  allowedAddresses: [127.0.0.0/8]\n")
	s = w.server()
	mustAllow(t, "an allowed address", ask(t, s, good))
	w.config(yaml)
	if err := s.load(); err != nil {
		t.Fatal(err)
	}
	mustDeny(t, "an address that is allowed no more", ask(t, s, good), "address not allowed")
}

// A redirect is followed to where connections are allowed and nowhere else, and
// takes no credential along.
func TestRedirects(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	digest := strings.Split(good, "@")[1]
	var seen []string
	var mu sync.Mutex
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Header.Get("Authorization"))
		mu.Unlock()
		resp, err := http.Get("http://" + w.host + r.URL.Path + "?direct")
		if err != nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		rw.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		_, _ = io.Copy(rw, resp.Body)
	}))
	t.Cleanup(elsewhere.Close)
	to := elsewhere.URL
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		user, password, ok := r.BasicAuth()
		switch {
		case r.URL.RawQuery == "direct":
			registry.ServeHTTP(rw, r)
		case !ok:
			rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			rw.WriteHeader(http.StatusUnauthorized)
		case user != "robot" || password != "secret-of-the-robot":
			rw.WriteHeader(http.StatusForbidden)
		case strings.Contains(r.URL.Path, "/manifests/"+digest):
			http.Redirect(rw, r, to+r.URL.Path, http.StatusTemporaryRedirect)
		default:
			registry.ServeHTTP(rw, r)
		}
	})
	shows := func(o *Options) { o.Credentials = func() oci.Credentials { return robot{} } }
	mustDeny(t, "without credentials", ask(t, w.server(), good), "401 Unauthorized", "asks for credentials, and there are none for it")
	mustAllow(t, "with credentials, sent elsewhere", ask(t, w.server(shows), good))
	mu.Lock()
	if len(seen) == 0 || strings.Join(seen, "") != "" {
		t.Errorf("elsewhere was shown %q", seen)
	}
	mu.Unlock()
	to = "http://169.254.169.254/latest/meta-data"
	mustDeny(t, "sent to a metadata service", ask(t, w.server(shows), good), "could not tell")
	if strings.Contains(w.log.String(), "secret-of-the-robot") {
		t.Error("the log holds a credential")
	}
}

type robot struct{}

func (robot) For(context.Context, string, string) (oci.Credential, error) {
	return oci.Credential{Username: "robot", Password: "secret-of-the-robot"}, nil
}

// The answer is given before the API server stops waiting.
func TestDeadline(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"": 9500 * time.Millisecond, "?timeout=10s": 9500 * time.Millisecond, "?timeout=1s": 800 * time.Millisecond, "?timeout=100ms": 80 * time.Millisecond,
		"?timeout=30s": 29500 * time.Millisecond, "?timeout=1h": 29500 * time.Millisecond,
	} {
		if got, err := deadline(httptest.NewRequest(http.MethodPost, "/validate"+query, nil)); err != nil || got != want {
			t.Errorf("deadline(%q) = %s, %v, want %s", query, got, err, want)
		}
	}
	for _, query := range []string{"?timeout=0s", "?timeout=-1s", "?timeout=10", "?timeout=x"} {
		if got, err := deadline(httptest.NewRequest(http.MethodPost, "/validate"+query, nil)); err == nil {
			t.Errorf("deadline(%q) = %s, want an error", query, got)
		}
	}
}
