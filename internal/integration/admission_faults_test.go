//go:build integration && linux

package integration

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// burdened is a server under load: reviews of images that are good and of images
// that are not, mixed, at a fixed rate.
type burdened struct {
	caller
	good, bad []string
	// lenient lets a good image be denied, because it could not be told.
	lenient bool
}

// ask asks n reviews and fails where one was not answered in time, or was
// answered with what must not be.
func (u burdened) ask(t testing.TB, n, rate int) {
	t.Helper()
	image := func(i int) (string, bool) {
		if i%2 == 0 {
			return u.good[i/2%len(u.good)], true
		}
		return u.bad[i/2%len(u.bad)], false
	}
	bodies := make([][]byte, n)
	for i := range bodies {
		name, _ := image(i)
		bodies[i] = review(t, fmt.Sprintf("r-%d", i), "default", name)
	}
	times, wrong := u.load(n, rate, func(i int) []byte { return bodies[i] }, func(i int, v verdict, err error) string {
		name, good := image(i)
		switch {
		case err != nil:
			return err.Error()
		case !good && v.Allowed:
			return name + " is allowed"
		case good && !v.Allowed && !u.lenient:
			return name + " is denied: " + v.Status.Message
		case !v.Allowed && v.Status.Message == "":
			return name + " is denied without a word"
		}
		return ""
	})
	if len(wrong) > 0 {
		t.Errorf("%d of %d reviews went wrong:\n%s", len(wrong), n, strings.Join(wrong[:min(len(wrong), 5)], "\n"))
	}
	if last := times[len(times)-1]; last > u.deadline {
		t.Errorf("the slowest answer took %v, the deadline is %v", last, u.deadline)
	}
}

// Whatever a registry does, every review is answered in the time that the API
// server waits, nothing is allowed that should not be, and when the registry is
// itself again, so are the answers.
func TestRegistryFailsUnderLoad(t *testing.T) {
	t.Parallel()
	var images []image
	for range 6 {
		images = append(images, pushImage(t, services.Registry))
	}
	r := newImages(t, images...)
	hallmark(t).run(append(keyArgs(t, r.release), "--allow-http-registry")...).exits(0)
	var unsigned []image
	for range 6 {
		unsigned = append(unsigned, pushImage(t, services.Registry))
	}
	trust := read(t, r.consumer(t))
	for name, f := range map[string]fault{
		"hangs": hang, "answers 500": status(http.StatusInternalServerError), "answers 429": busy(1), "breaks off": truncated, "lies": altered,
		"never ends": endless, "shows a page": html, "leads to where it must not": redirect("http://169.254.169.254"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, services.Registry)
			w := newWebhook(t, map[string]string{
				"admission.yaml": fmt.Sprintf("policies:\n  - {name: all, match: {images: ['%s/**']}, trust: [trust.yaml]}\nregistries: {allowedAddresses: [127.0.0.1]}\n", p.host),
				"trust.yaml":     trust,
			}, nil)
			u := burdened{caller: newCaller("https://"+w.address+"/validate", w.cert.roots, 2*time.Second), lenient: true}
			for i := range images {
				u.good, u.bad = append(u.good, images[i].via(p).by(images[i].digest)), append(u.bad, unsigned[i].via(p).by(unsigned[i].digest))
			}
			// Half of them are known, and the others are asked about while it lasts.
			half := u
			half.good, half.bad, half.lenient, half.deadline = u.good[:3], u.bad[:3], false, 10*time.Second
			half.ask(t, 12, 20)
			p.lie(f)
			half.deadline = u.deadline
			var all sync.WaitGroup
			all.Go(func() { u.ask(t, 150, 50) })
			// What is known stays known.
			known := half
			known.bad = []string{"registry.invalid/nobody/nothing@sha256:" + strings.Repeat("0", 64)}
			all.Go(func() { known.ask(t, 150, 50) })
			all.Wait()
			p.honest()
			eventually(t, "what is good is allowed again", func() bool {
				for i, name := range u.good {
					if v, err := u.caller.ask(review(t, fmt.Sprintf("again-%d", i), "default", name)); err != nil || !v.Allowed {
						return false
					}
				}
				return true
			})
			u.lenient = false
			u.ask(t, 60, 50)
		})
	}
}

// The trust directory is replaced a hundred times, in ways that say the same and
// in ways that cannot be read, while reviews are answered: none is lost, none is
// answered by half of a policy.
func TestPoliciesReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	stock := newStock(t, 20)
	w := stock.start(t)
	u := stock.burden(w)
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.ask(t, 1000, 150)
	}()
	for i := range 100 {
		content := stock.admission() + fmt.Sprintf("# the %dth\n", i)
		if i%10 == 9 {
			content = "policies: [\n"
		}
		w.write(t, "admission.yaml", content)
		if i%3 == 0 {
			w.write(t, "key.yaml", stock.files["key.yaml"]+fmt.Sprintf("# the %dth\n", i))
		}
		time.Sleep(60 * time.Millisecond)
	}
	<-done
	w.write(t, "admission.yaml", strings.Replace(stock.admission(), "trust: [key.yaml]", "trust: [keyless.yaml]", 1))
	eventually(t, "the last policies count", func() bool {
		v, err := u.caller.ask(review(t, "last", "default", u.good[0]))
		return err == nil && !v.Allowed
	})
}

// burden mixes images that are good with some that nobody signed, or that
// somebody else did.
func (s *stocked) burden(w *webhook) burdened {
	u := burdened{caller: newCaller("https://"+w.address+"/validate", w.cert.roots, 5*time.Second)}
	for i := range s.key {
		u.good = append(u.good, "registry.example/key@"+s.key[i], "registry.example/keyless@"+s.keyless[i])
		u.bad = append(u.bad, "registry.example/key@"+s.keyless[i], "registry.example/keyless@"+s.key[i], fmt.Sprintf("registry.example/key@sha256:%064x", i))
	}
	return u
}

// The certificate is replaced while reviews are answered. None is lost, and the
// new one is shown without a restart; one that does not fit its key is not.
func TestCertificateRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	stock := newStock(t, 10)
	w := stock.start(t)
	// All are known to who asks, before the first is shown.
	var next []webhookCert
	for range 5 {
		next = append(next, newCertificate(t))
		w.cert.roots.AppendCertsFromPEM(next[len(next)-1].pem)
	}
	u := stock.burden(w)
	// Each on a connection of its own, so that each sees the certificate.
	u.client.Transport.(*http.Transport).DisableKeepAlives = true
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.ask(t, 600, 60)
	}()
	for _, c := range next {
		swap(t, w.cert.crt, read(t, c.crt))
		time.Sleep(700 * time.Millisecond) // for as long it does not fit the key
		swap(t, w.cert.key, read(t, c.key))
		time.Sleep(1200 * time.Millisecond)
	}
	<-done
	want, err := tls.LoadX509KeyPair(w.cert.crt, w.cert.key)
	check(t, err)
	eventually(t, "the last certificate is shown", func() bool {
		c, err := tls.Dial("tcp", w.address, &tls.Config{RootCAs: w.cert.roots})
		if err != nil {
			return false
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Equal(want.Leaf)
	})
}

// A server that is told to end goes on answering until nobody asks it any more,
// and finishes what it has begun. Whoever asks changes to the next one when the
// first says that it is not ready, as a Service does.
func TestDrainUnderLoad(t *testing.T) {
	t.Parallel()
	stock := newStock(t, 10)
	first, second := stock.start(t, "--drain-delay", "2s"), stock.start(t)
	u := stock.burden(first)
	u.caller = newCaller("https://"+first.address+"/validate", first.cert.roots, 5*time.Second)
	next := stock.burden(second)
	n, rate := 900, 150
	ended := make(chan time.Time, 1)
	go func() {
		time.Sleep(time.Second)
		first.stop(t)
		ended <- time.Now()
	}()
	// What the kubelet and the Service do.
	var mu sync.Mutex
	ready := true
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			a, err := u.client.Get("https://" + first.address + "/readyz")
			ok := err == nil && a.StatusCode == http.StatusOK
			if err == nil {
				a.Body.Close()
			}
			mu.Lock()
			ready = ready && ok
			mu.Unlock()
		}
	}()
	defer close(stop)
	byFirst, bySecond := 0, 0
	began := time.Now()
	var all sync.WaitGroup
	for i := range n {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		mu.Lock()
		c := u.caller
		if ready {
			byFirst++
		} else {
			c = next.caller
			bySecond++
		}
		mu.Unlock()
		good := i%2 == 0
		image := u.good[i%len(u.good)]
		if !good {
			image = u.bad[i%len(u.bad)]
		}
		body := review(t, fmt.Sprintf("r-%d", i), "default", image)
		all.Go(func() {
			if v, err := c.ask(body); err != nil || v.Allowed != good {
				t.Errorf("review %d, %v after the first: %v, %+v", i, time.Since(began), err, v)
			}
		})
	}
	all.Wait()
	if byFirst < rate || bySecond == 0 {
		t.Errorf("%d reviews for the server that ended and %d for the other: nothing was seen", byFirst, bySecond)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the first server has not ended")
	}
}

// Nothing that is asked makes the server keep more than it has room for: many
// different images, large objects, all under a limit that the Go runtime keeps.
func TestMemoryUnderLoad(t *testing.T) {
	t.Parallel()
	stock := newStock(t, 10)
	w := stock.start(t, "--log-level", "error")
	u := stock.burden(w)
	var wrong []string
	for round := range 4 {
		_, failed := u.load(1000, 500, func(i int) []byte {
			return review(t, fmt.Sprintf("r-%d", i), "default", fmt.Sprintf("registry.example/key@sha256:%064x", 1_000_000+round*1000+i))
		}, func(_ int, v verdict, err error) string {
			if err != nil || v.Allowed {
				return fmt.Sprintf("%v %v", v.Allowed, err)
			}
			return ""
		})
		wrong = append(wrong, failed...)
	}
	if len(wrong) > 0 {
		t.Errorf("%d reviews went wrong: %s", len(wrong), wrong[0])
	}
	// As large as the API server takes them.
	padding := strings.Repeat("x", 2<<20)
	large := func(i int) []byte {
		body := review(t, fmt.Sprintf("l-%d", i), "default", u.good[i%len(u.good)])
		return []byte(strings.Replace(string(body), `"generateName":`, `"annotations":{"large":"`+padding+`"},"generateName":`, 1))
	}
	_, wrong = u.load(60, 20, large, func(_ int, v verdict, err error) string {
		if err != nil || !v.Allowed {
			return fmt.Sprintf("%+v %v", v, err)
		}
		return ""
	})
	if len(wrong) > 0 {
		t.Errorf("%d large reviews went wrong: %s", len(wrong), wrong[0])
	}
	if most := mostMemory(t, w.cmd.Process.Pid); most > 230 {
		t.Errorf("the server had %.0f MiB, a quarter of what the chart gives it", most)
	}
	check(t, w.cmd.Process.Signal(syscall.Signal(0))) // it lives
}
