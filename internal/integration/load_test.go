//go:build integration

package integration

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// webhookCert is what a webhook shows and what its callers know it by.
type webhookCert struct {
	crt, key string // files
	roots    *x509.CertPool
	pem      []byte
}

// newCertificate is for loopback and for hosts, signed by itself.
func newCertificate(t testing.TB, hosts ...string) webhookCert {
	t.Helper()
	dir := t.TempDir()
	c := webhookCert{crt: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key"), roots: x509.NewCertPool()}
	c.renew(t, hosts...)
	return c
}

// renew puts another certificate in the place of the one before, and has callers
// know both.
func (c *webhookCert) renew(t testing.TB, hosts ...string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "webhook", SerialNumber: serial.String()}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true, IsCA: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: append([]string{"localhost"}, hosts...),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	private, err := x509.MarshalECPrivateKey(key)
	check(t, err)
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	swap(t, c.key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
	swap(t, c.crt, string(crt))
	c.roots.AppendCertsFromPEM(crt)
	c.pem = append(c.pem, crt...)
}

// swap puts a new file in the place of whatever was there, in one step.
func swap(t testing.TB, path, content string) {
	t.Helper()
	check(t, os.WriteFile(path+".new", []byte(content), 0o600))
	check(t, os.Rename(path+".new", path))
}

// review is an AdmissionReview about the creation of a Pod with one container
// for each of images.
func review(t testing.TB, uid, namespace string, images ...string) []byte {
	t.Helper()
	var containers []any
	for i, image := range images {
		containers = append(containers, map[string]any{
			"name": "c" + strconv.Itoa(i), "image": image,
			"resources":                map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "64Mi"}},
			"volumeMounts":             []any{map[string]any{"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}},
			"terminationMessagePath":   "/dev/termination-log",
			"terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent",
		})
	}
	data, err := json.Marshal(map[string]any{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"request": map[string]any{
			"uid": uid, "kind": map[string]any{"group": "", "version": "v1", "kind": "Pod"},
			"resource": map[string]any{"group": "", "version": "v1", "resource": "pods"}, "namespace": namespace, "operation": "CREATE",
			"userInfo": map[string]any{"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []any{"system:serviceaccounts", "system:authenticated"}},
			"object": map[string]any{
				"apiVersion": "v1", "kind": "Pod",
				"metadata": map[string]any{
					"generateName": "web-5d9c7b8f6-", "namespace": namespace, "labels": map[string]any{"app": "web", "pod-template-hash": "5d9c7b8f6"},
					"ownerReferences": []any{map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d9c7b8f6", "uid": "b1a0f6a2-93a5-4a57-9c6b-52ad9cf1b0c1", "controller": true, "blockOwnerDeletion": true}},
				},
				"spec": map[string]any{
					"containers": containers, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "serviceAccountName": "default",
					"securityContext": map[string]any{}, "schedulerName": "default-scheduler", "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority",
					"tolerations": []any{
						map[string]any{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
						map[string]any{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
					},
					"volumes": []any{map[string]any{"name": "kube-api-access", "projected": map[string]any{"defaultMode": 420, "sources": []any{
						map[string]any{"serviceAccountToken": map[string]any{"expirationSeconds": 3607, "path": "token"}},
						map[string]any{"configMap": map[string]any{"name": "kube-root-ca.crt", "items": []any{map[string]any{"key": "ca.crt", "path": "ca.crt"}}}},
					}}}},
				},
				"status": map[string]any{},
			},
			"oldObject": nil, "dryRun": false, "options": map[string]any{"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
		},
	})
	check(t, err)
	return data
}

// verdict is what a webhook answers to one review.
type verdict struct {
	UID      string
	Allowed  bool
	Status   struct{ Message string }
	Warnings []string
	Patch    []byte
}

// caller asks a webhook as the API server does: over one TLS connection after
// another, with a deadline for each request.
type caller struct {
	url      string
	client   *http.Client
	deadline time.Duration
}

func newCaller(url string, roots *x509.CertPool, deadline time.Duration) caller {
	return caller{url, &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 256,
	}}, deadline}
}

// ask posts a review and returns the verdict. An error is a request that nobody
// answered, or that was answered with nonsense.
func (c caller) ask(body []byte) (verdict, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.deadline)
	defer cancel()
	// The API server says how long it waits.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"?timeout="+c.deadline.String(), bytes.NewReader(body))
	if err != nil {
		return verdict{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	a, err := c.client.Do(r)
	if err != nil {
		return verdict{}, err
	}
	defer a.Body.Close()
	data, err := io.ReadAll(io.LimitReader(a.Body, 1<<20))
	if err != nil {
		return verdict{}, err
	}
	if a.StatusCode != http.StatusOK {
		return verdict{}, fmt.Errorf("%s: %.200s", a.Status, data)
	}
	var got struct{ Response verdict }
	if err := json.Unmarshal(data, &got); err != nil {
		return verdict{}, err
	}
	if got.Response.UID == "" || !bytes.Contains(body, []byte(`"uid":"`+got.Response.UID+`"`)) {
		return verdict{}, fmt.Errorf("the answer is to %q, which was not asked", got.Response.UID)
	}
	return got.Response, nil
}

// load asks n reviews at a fixed rate a second, whether or not those before have
// been answered, as a cluster does. Each answer is given to judge, which says
// what is wrong with it, if anything. The times are from when each was due, so
// that a server that stops for a second is not measured as if nobody had waited.
func (c caller) load(n, rate int, body func(i int) []byte, judge func(i int, v verdict, err error) string) (times []time.Duration, wrong []string) {
	times = make([]time.Duration, n)
	faults := make([]string, n)
	var all sync.WaitGroup
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		all.Go(func() {
			v, err := c.ask(body(i))
			times[i] = time.Since(due)
			faults[i] = judge(i, v, err)
		})
	}
	all.Wait()
	for i, f := range faults {
		if f != "" {
			wrong = append(wrong, fmt.Sprintf("review %d, after %v: %s", i, times[i], f))
		}
	}
	slices.Sort(times)
	return times, wrong
}

// quantile of sorted times.
func quantile(times []time.Duration, q float64) time.Duration {
	return times[min(len(times)-1, int(q*float64(len(times))))]
}
