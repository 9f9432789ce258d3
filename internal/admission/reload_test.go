package admission

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/internal/oci"
	"github.com/hallmark-project/hallmark/internal/oci/credentials"
)

// The directory is read again a hundred times, some of them broken, while it is
// asked: every request is answered, by one state or by the other, and what
// neither accepts is never allowed.
func TestReloadsUnderLoad(t *testing.T) {
	w := newWorld(t)
	other := newKey(t)
	mine := w.good("shop/app", "1")
	theirs, digests := w.push("shop/app", "2", 0)
	w.attest("shop/app", other, true, time.Now().Add(-time.Hour), digests...)
	nobodys, _ := w.push("shop/app", "3", 0)
	w.trust("other.yaml", other, "")
	first, second := w.policies(""), strings.Replace(w.policies(""), "trust.yaml", "other.yaml", 1)
	s := w.server()
	ctx, stop := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var answers, yes atomic.Int64
	for n := range 4 {
		wait.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				image := []string{mine, theirs, nobodys}[i%3]
				r := ask(t, s, image)
				answers.Add(1)
				if r.Allowed {
					yes.Add(1)
					if image == nobodys {
						t.Error("what no state accepts was allowed")
					}
				} else if !strings.Contains(r.Status.Message, "untrusted-signer") && !strings.Contains(r.Status.Message, "no-bundle") {
					t.Errorf("denied with %q", r.Status.Message)
				}
			}
		})
	}
	for i := range 100 {
		want := s.state.Load().digest
		switch i % 4 {
		case 0:
			w.config(second)
			want = ""
		case 1:
			w.config("policies: [") // broken
		case 2:
			w.config(first)
			want = ""
		case 3:
			w.config(strings.Replace(first, "trust.yaml", "absent.yaml", 1))
		}
		s.look(ctx)
		s.look(ctx) // a plain folder has to be the same twice
		if got := s.state.Load().digest; want != "" && got != want {
			t.Errorf("a broken state was taken over")
		} else if want == "" && s.state.Load().file.Policies[0].Trust[0] != map[int]string{0: "other.yaml", 2: "trust.yaml"}[i%4] {
			t.Errorf("state %d was not taken over", i)
		}
	}
	stop()
	wait.Wait()
	if answers.Load() < 20 || yes.Load() == 0 {
		t.Errorf("%d answers, %d of them yes: the load was none", answers.Load(), yes.Load())
	}
	if !strings.Contains(w.log.String(), "what was there before stays in force") {
		t.Error("the log does not say that a state cannot be used")
	}
	wantMetric(t, s, `hallmark_admission_stale{what="trust"} 1`)
	wantMetric(t, s, `hallmark_admission_reloads_total{outcome="loaded",what="trust"} 50`)
	w.config(first)
	s.look(context.Background())
	s.look(context.Background())
	wantMetric(t, s, `hallmark_admission_stale{what="trust"} 0`)
}

// Half of a file is not believed: what is not replaced as a whole is taken over
// when it is the same twice.
func TestHalfWrittenPolicies(t *testing.T) {
	w := newWorld(t)
	s := w.server()
	whole := s.state.Load().digest
	w.trust("other.yaml", newKey(t), "")
	two := strings.Replace(w.policies(""), "registries:", "  - name: second\n    trust: [other.yaml]\nregistries:", 1)
	w.config(two)
	s.look(context.Background())
	if s.state.Load().digest != whole {
		t.Error("a state that was seen once was taken over")
	}
	w.config(w.policies("")) // while it was written
	s.look(context.Background())
	w.config(two)
	s.look(context.Background())
	if s.state.Load().digest != whole {
		t.Error("a state that was seen once was taken over")
	}
	s.look(context.Background())
	if n := len(s.state.Load().policies); n != 2 {
		t.Errorf("%d policies are in force, want 2", n)
	}
}

// A mounted ConfigMap is replaced by turning a link, and taken over at once.
func TestConfigMap(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	mount := t.TempDir()
	version := func(name, config string) {
		dir := filepath.Join(mount, "..", filepath.Base(mount)+"-"+name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		trust, err := os.ReadFile(filepath.Join(w.dir, "trust.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string][]byte{FileName: []byte(config), "trust.yaml": trust} {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		next := filepath.Join(mount, "..data_tmp")
		if err := os.Symlink(dir, next); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		if err := os.Rename(next, filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("1", w.policies(""))
	for _, file := range []string{FileName, "trust.yaml"} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(mount, file)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	s := w.server(func(o *Options) { o.TrustDir = mount })
	mustAllow(t, "the first version", ask(t, s, good))
	version("2", strings.Replace(w.policies(""), "/shop/**", "/other/**", 1))
	s.look(context.Background())
	mustDeny(t, "the second version", ask(t, s, good), "no policy is about this image here")
	version("3", "")
	s.look(context.Background())
	mustDeny(t, "a version that is empty", ask(t, s, good), "no policy is about this image here")
}

// pki is who vouches for certificates.
type pki struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newPKI(t testing.TB) *pki {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &pki{t: t, key: key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pki) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

// issue returns a certificate for loopback and its key.
func (p *pki) issue(serial int64, end time.Time) (cert, key []byte) {
	p.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "hallmark"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, p.cert, k.Public(), p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		p.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk})
}

// serving is a server on loopback.
type serving struct {
	*Server
	url, metrics string
	stop         context.CancelFunc
	done         chan error
}

func (w *world) serve(p *pki, certDir string, d Drain, change ...func(*Options)) *serving {
	w.t.Helper()
	s := w.server(append([]func(*Options){func(o *Options) {
		o.Certificate, o.Key = filepath.Join(certDir, "tls.crt"), filepath.Join(certDir, "tls.key")
	}}, change...)...)
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			w.t.Fatal(err)
		}
		return l
	}
	l := Listeners{Webhook: listen(), Metrics: listen()}
	ctx, stop := context.WithCancel(context.Background())
	out := &serving{Server: s, url: "https://" + l.Webhook.Addr().String(), metrics: "http://" + l.Metrics.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { out.done <- s.Serve(ctx, l, d) }()
	w.t.Cleanup(stop)
	return out
}

func writeCert(t testing.TB, dir string, cert, key []byte) {
	t.Helper()
	for name, data := range map[string][]byte{"tls.crt": cert, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func client(p *pki, h2 bool, certs ...tls.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(p.cert)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certs}, ForceAttemptHTTP2: h2, MaxIdleConnsPerHost: 16,
	}}
}

// send posts a review as an API server does.
func send(c *http.Client, url string, body []byte) (*http.Response, []byte, error) {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

// The certificate is replaced while requests go on, first in halves.
func TestCertificateIsReplaced(t *testing.T) {
	w := newWorld(t)
	body := encoded(t, reviewOf(podObject(w.good("shop/app", "1"))))
	p, dir := newPKI(t), t.TempDir()
	cert, key := p.issue(2, time.Now().Add(time.Hour))
	writeCert(t, dir, cert, key)
	s := w.serve(p, dir, Drain{Timeout: 5 * time.Second})
	serial := func() int64 {
		resp, data, err := send(client(p, true), s.url+"/validate", body)
		if err != nil {
			t.Fatal(err)
		}
		mustAllow(t, "over TLS", answered(t, data))
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 2 {
		t.Errorf("certificate %d is shown, want 2", n)
	}
	next, nextKey := p.issue(3, time.Now().Add(time.Hour))
	if err := os.WriteFile(filepath.Join(dir, "tls.crt"), next, 0o600); err != nil {
		t.Fatal(err)
	}
	s.look(context.Background())
	if n := serial(); n != 2 {
		t.Errorf("certificate %d is shown without its key, want 2", n)
	}
	wantMetric(t, s.Server, `hallmark_admission_stale{what="certificate"} 1`)
	writeCert(t, dir, next, nextKey)
	s.look(context.Background())
	if n := serial(); n != 3 {
		t.Errorf("certificate %d is shown, want 3", n)
	}
	wantMetric(t, s.Server, `hallmark_admission_stale{what="certificate"} 0`)
	// Ready means that it can answer: not with a certificate that has ended.
	ready := func() int {
		resp, err := http.Get(s.metrics + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := ready(); got != http.StatusOK {
		t.Errorf("/readyz = %d", got)
	}
	w.turn(2 * time.Hour)
	if got := ready(); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz with a certificate that has ended = %d", got)
	}
	if resp, err := http.Get(s.metrics + "/livez"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("/livez = %v, %v", resp, err)
	}
}

// Who shows no certificate of the API server's is not answered.
func TestClientCertificates(t *testing.T) {
	w := newWorld(t)
	body := encoded(t, reviewOf(podObject(w.good("shop/app", "1"))))
	p, clients, dir := newPKI(t), newPKI(t), t.TempDir()
	cert, key := p.issue(2, time.Now().Add(time.Hour))
	writeCert(t, dir, cert, key)
	ca := filepath.Join(dir, "ca.crt")
	if err := os.WriteFile(ca, clients.pem(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.serve(p, dir, Drain{Timeout: 5 * time.Second}, func(o *Options) { o.ClientCA = ca })
	with := func(issuer *pki) tls.Certificate {
		pair, err := tls.X509KeyPair(issuer.issue(7, time.Now().Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	if _, _, err := send(client(p, true), s.url+"/validate", body); err == nil {
		t.Error("who shows no certificate is answered")
	}
	if _, _, err := send(client(p, true, with(p)), s.url+"/validate", body); err == nil {
		t.Error("who shows a stranger's certificate is answered")
	}
	if _, data, err := send(client(p, true, with(clients)), s.url+"/validate", body); err != nil {
		t.Error(err)
	} else {
		mustAllow(t, "with a certificate", answered(t, data))
	}
}

// Told to stop while it is asked, it answers everybody: those who were in the
// middle, and those who come until they have heard.
func TestDrain(t *testing.T) {
	for _, h2 := range []bool{true, false} {
		t.Run(fmt.Sprintf("h2=%t", h2), func(t *testing.T) {
			w := newWorld(t)
			good := w.good("shop/app", "1")
			p, dir := newPKI(t), t.TempDir()
			cert, key := p.issue(2, time.Now().Add(time.Hour))
			writeCert(t, dir, cert, key)
			s := w.serve(p, dir, Drain{Delay: 3 * time.Second, Timeout: 10 * time.Second})
			c := client(p, h2)
			body := encoded(t, reviewOf(podObject(good)))
			var wait sync.WaitGroup
			var answers atomic.Int64
			var heard atomic.Bool
			for range 6 {
				wait.Go(func() {
					for !heard.Load() {
						_, data, err := send(c, s.url+"/validate", body)
						if err != nil {
							t.Errorf("a request was lost: %v", err)
							return
						}
						mustAllow(t, "in a drain", answered(t, data))
						answers.Add(1)
					}
				})
			}
			time.Sleep(100 * time.Millisecond)
			// One that takes long is in the middle when the listener closes.
			slow, _ := w.push("shop/app", "slow", 0)
			w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
				time.Sleep(200 * time.Millisecond)
				registry.ServeHTTP(rw, r)
			})
			s.stop()
			time.Sleep(50 * time.Millisecond)
			resp, err := http.Get(s.metrics + "/readyz")
			if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("/readyz in a drain = %v, %v", resp, err)
			}
			time.Sleep(200 * time.Millisecond)
			wait.Go(func() {
				_, data, err := send(c, s.url+"/validate", encoded(t, reviewOf(podObject(slow))))
				if err != nil {
					t.Errorf("the slow request was lost: %v", err)
					return
				}
				mustDeny(t, "slow", answered(t, data), "no-bundle")
			})
			heard.Store(true)
			wait.Wait()
			select {
			case err := <-s.done:
				if err != nil {
					t.Errorf("Serve = %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it does not stop")
			}
			if answers.Load() < 6 {
				t.Errorf("only %d requests in a drain", answers.Load())
			}
			if _, _, err := send(c, s.url+"/validate", body); err == nil {
				t.Error("it answers after it has stopped")
			}
		})
	}
}

// Credentials that are replaced count without a restart.
func TestCredentialsAreReadAgain(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if _, password, _ := r.BasicAuth(); password != "right" {
			rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(rw, r)
	})
	secret := filepath.Join(t.TempDir(), "config.json")
	config := func(password string) {
		if err := os.WriteFile(secret, fmt.Appendf(nil, `{"auths":{%q:{"username":"robot","password":%q}}}`, w.host, password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config("wrong")
	s := w.server(func(o *Options) {
		o.CredentialFiles = []string{secret}
		o.Credentials = func() (c oci.Credentials) { return credentials.New(credentials.Options{PullSecrets: []string{secret}}) }
	})
	mustDeny(t, "the wrong password", ask(t, s, good), "refuses the credentials that it was shown")
	config("right")
	s.look(context.Background())
	w.turn(time.Minute)
	mustAllow(t, "the right password", ask(t, s, good))
}

// Images that are listed are looked at ahead, and then answered without a
// question.
func TestWarm(t *testing.T) {
	w := newWorld(t)
	good := w.good("shop/app", "1")
	list := filepath.Join(t.TempDir(), "images")
	if err := os.WriteFile(list, []byte("# what runs\n\n"+w.host+"/shop/app:1\n"+w.host+"/other/app:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.server(func(o *Options) { o.Warm = list })
	s.warm(context.Background())
	for end := time.Now().Add(10 * time.Second); !strings.Contains(w.log.String(), "looked ahead\""); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was looked at ahead")
		}
	}
	for _, r := range w.requests() {
		if strings.Contains(r, "/other/") {
			t.Errorf("an image that no policy is about was asked about: %s", r)
		}
	}
	mustAllow(t, "by digest", ask(t, s, good))
	mustAllow(t, "by tag", ask(t, s, w.host+"/shop/app:1"))
	if got := w.requests(); len(got) > 0 {
		t.Errorf("what was looked at ahead was asked again: %v", got)
	}
	if _, err := readList(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("readList of nothing = %v", err)
	}
	if err := os.WriteFile(list, []byte("good/image:1\nUPPER\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readList(list); err == nil || !strings.Contains(err.Error(), ":2:") {
		t.Errorf("readList of what is no image = %v, want the line", err)
	}
}
