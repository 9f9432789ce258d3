//go:build integration

package integration

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The installation without Helm, as its README tells it, with a certificate made
// by openssl: the API server knows the server by it, and goes on doing so while
// the certificate is replaced.
func TestCertificateByOpenSSL(t *testing.T) {
	t.Parallel()
	k, stop, err := startAPIServer(located(t, "kube-apiserver"))
	check(t, err)
	t.Cleanup(stop)
	dir := t.TempDir()
	secret := func() (crt, key string, bundle []byte) {
		made := documents(t, example(t, "kubernetes/certificate.sh").in(dir).run("30").exits(0).stdout)
		if len(made) != 1 || made[0]["kind"] != "Secret" {
			t.Fatalf("certificate.sh prints %v, want one Secret", made)
		}
		k.create(t, "default", map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"generateName": "tls-"}, "type": "kubernetes.io/tls", "data": made[0]["data"]}).is(http.StatusCreated)
		return string(decode(t, at(t, made[0], "data", "tls.crt"))), string(decode(t, at(t, made[0], "data", "tls.key"))), decode(t, read(t, filepath.Join(dir, "ca-bundle.txt")))
	}
	crt, key, bundle := secret()
	w := &webhook{address: refusing(t), metrics: refusing(t), trust: t.TempDir(), log: filepath.Join(t.TempDir(), "log")}
	w.cert = webhookCert{crt: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key"), roots: x509.NewCertPool()}
	w.write(t, "admission.yaml", "policies: [{name: all, trust: [trust.yaml]}]\n")
	r := signedRelease(t)
	w.write(t, "trust.yaml", read(t, r.consumer(t)))
	swap(t, w.cert.crt, crt)
	swap(t, w.cert.key, key)
	// What asks whether it is ready here knows it by an address, and the API server by a name.
	plain := newCertificate(t)
	w.args = []string{"--listen", w.address, "--metrics-listen", w.metrics, "--tls-cert", plain.crt, "--tls-key", plain.key, "--trust-dir", w.trust, "--reload", "100ms", "--drain-delay", "0s"}
	w.cert.roots = plain.roots
	w.start(t)
	t.Cleanup(func() { w.stop(t) })
	swap(t, plain.key, key)
	swap(t, plain.crt, crt)

	_, port, err := net.SplitHostPort(w.address)
	check(t, err)
	manifests := filepath.Join(checkout, "examples", "kubernetes", "manifests")
	k.installs(t, read(t, filepath.Join(manifests, "namespace.yaml")))
	k.installs(t, "{apiVersion: v1, kind: Service, metadata: {name: hallmark-admission, namespace: hallmark-system}, spec: {type: ExternalName, externalName: localhost}}")
	webhook := func(bundle []byte) {
		// The README does it with sed.
		text := strings.ReplaceAll(read(t, filepath.Join(manifests, "webhook.yaml")), "    clientConfig:\n", "    clientConfig:\n      caBundle: "+base64.StdEncoding.EncodeToString(bundle)+"\n")
		if text = strings.ReplaceAll(text, "port: 443", "port: "+port); !strings.Contains(text, "caBundle") || !strings.Contains(text, "port: "+port) {
			t.Fatalf("webhook.yaml has another form:\n%s", text)
		}
		k.installs(t, text)
	}
	webhook(bundle)
	asked := func() bool {
		a := k.create(t, "default", pod("probe", "registry.invalid/nobody/nothing@sha256:"+strings.Repeat("0", 64)), "?dryRun=All")
		return strings.Contains(a.message(), "hallmark: image registry.invalid/nobody/nothing")
	}
	eventually(t, "the API server is answered", asked)

	// Renewed as the script says: first who is known, then what is shown.
	crt, key, bundle = secret()
	if n := strings.Count(string(bundle), "BEGIN CERTIFICATE"); n != 2 {
		t.Fatalf("ca-bundle.txt has %d authorities, want the one before and the new one", n)
	}
	webhook(bundle)
	for range 10 {
		if !asked() {
			t.Fatal("the API server does not know the old certificate any more")
		}
		time.Sleep(100 * time.Millisecond)
	}
	swap(t, plain.key, key)
	swap(t, plain.crt, crt)
	for range 20 {
		if !asked() {
			t.Fatal("the API server does not know the new certificate")
		}
		time.Sleep(100 * time.Millisecond)
	}
	// The API server has kept its connection; whoever makes a new one knows it, too.
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	c, err := tls.Dial("tcp", w.address, &tls.Config{RootCAs: roots, ServerName: "hallmark-admission.hallmark-system.svc"})
	check(t, err)
	defer c.Close()
	if shown := c.ConnectionState().PeerCertificates[0]; !strings.Contains(crt, base64.StdEncoding.EncodeToString(shown.Raw)[:60]) {
		t.Error("the old certificate is shown")
	}
	if page := w.measured(t); !strings.Contains(page, `hallmark_admission_reloads_total{outcome="loaded",what="certificate"} 2`) {
		t.Errorf("the certificate was not replaced twice:\n%s", page)
	}
}
