//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// cluster is a real Kubernetes API server, as somebody. It has no controllers
// and no nodes: what is created stays as it was created.
type cluster struct {
	url, token string
	client     *http.Client
}

// apiServer is the one API server of this run. The first test that needs it
// starts it.
var apiServer struct {
	once sync.Once
	up   *cluster
	err  error
	stop func()
}

// newCluster is the API server, as an administrator.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	program := located(t, "kube-apiserver")
	apiServer.once.Do(func() { apiServer.up, apiServer.stop, apiServer.err = startAPIServer(program) })
	check(t, apiServer.err)
	return apiServer.up
}

// stopAPIServer stops it, if a test has started it.
func stopAPIServer() {
	if apiServer.stop != nil {
		apiServer.stop()
	}
}

// startAPIServer starts program in a folder beside our own programs, which goes
// when they go. It ends when its standard input does, and so with this process.
func startAPIServer(program string) (*cluster, func(), error) {
	dir, err := os.MkdirTemp(filepath.Dir(programs), "kubernetes-")
	if err != nil {
		return nil, nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	c := exec.Command(program, dir)
	c.Stderr = log
	held, err := c.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() {
		held.Close()
		_ = c.Wait()
	}
	k, err := connect(dir, out)
	if err != nil {
		stop()
		said, _ := os.ReadFile(log.Name())
		return nil, nil, fmt.Errorf("starting kube-apiserver: %w\n%s", err, said[max(0, len(said)-4000):])
	}
	return k, stop, nil
}

// connect waits until the server answers whose first line comes from out.
func connect(dir string, out io.Reader) (*cluster, error) {
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, err
	}
	certificate, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	k := &cluster{
		url: strings.TrimSpace(line), token: "admin-token",
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	}
	var last error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		answer, err := k.ask(context.Background(), http.MethodGet, "/readyz", "", nil)
		// Without this namespace nothing can be created yet.
		if err == nil && answer.code == http.StatusOK {
			answer, err = k.ask(context.Background(), http.MethodGet, "/api/v1/namespaces/default", "", nil)
		}
		if err == nil && answer.code == http.StatusOK {
			return k, nil
		}
		if last = err; err == nil {
			last = errors.New(answer.text)
		}
	}
	return nil, fmt.Errorf("it does not answer: %w", last)
}

// as is the same API server, as somebody else: a token of its tokens.csv.
func (k *cluster) as(token string) *cluster { c := *k; c.token = token; return &c }

// reply is what the API server said.
type reply struct {
	t        testing.TB
	line     string
	code     int
	text     string
	object   map[string]any
	warnings []string
}

func (k *cluster) ask(ctx context.Context, method, path, contentType string, body []byte) (reply, error) {
	a := reply{line: method + " " + path}
	r, err := http.NewRequestWithContext(ctx, method, k.url+path, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header.Set("Authorization", "Bearer "+k.token)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	got, err := k.client.Do(r)
	if err != nil {
		return a, err
	}
	defer got.Body.Close()
	data, err := io.ReadAll(got.Body)
	if err != nil {
		return a, err
	}
	a.code, a.text, a.warnings = got.StatusCode, string(data), got.Header.Values("Warning")
	_ = json.Unmarshal(data, &a.object) // /readyz answers with a word
	return a, nil
}

// do asks for path with an object as its body, or none.
func (k *cluster) do(t testing.TB, method, path string, object any) reply {
	t.Helper()
	contentType := "application/json"
	if method == http.MethodPatch {
		contentType = "application/merge-patch+json"
	}
	var body []byte
	if object != nil {
		var err error
		body, err = json.Marshal(object)
		check(t, err)
	}
	a, err := k.ask(within(t, time.Minute), method, path, contentType, body)
	check(t, err)
	a.t = t
	return a
}

// code holds the status code.
func (a reply) is(want int) reply {
	a.t.Helper()
	if a.code != want {
		a.t.Fatalf("%s: %d, want %d\n%s", a.line, a.code, want, a.text)
	}
	return a
}

// allowed holds that an object was created or changed.
func (a reply) allowed() reply {
	a.t.Helper()
	if a.code != http.StatusOK && a.code != http.StatusCreated {
		a.t.Fatalf("%s: %d, want it allowed\n%s", a.line, a.code, a.text)
	}
	return a
}

// message is what a person who asked is told.
func (a reply) message() string {
	s, _ := a.object["message"].(string)
	return s
}

// refused holds that a webhook refused, with each of parts in what it said.
func (a reply) refused(parts ...string) reply {
	a.t.Helper()
	if a.code != http.StatusForbidden && a.code != http.StatusInternalServerError || !strings.Contains(a.message(), "admission webhook") && !strings.Contains(a.message(), "failed calling webhook") {
		a.t.Fatalf("%s: %d, want a webhook's refusal\n%s", a.line, a.code, a.text)
	}
	said := strings.Join(strings.Fields(a.message()), " ")
	for _, p := range parts {
		if !strings.Contains(said, strings.Join(strings.Fields(p), " ")) {
			a.t.Fatalf("%s: is refused and does not say %q\n%s", a.line, p, a.message())
		}
	}
	return a
}

// namespace makes a namespace with labels, given as NAME=VALUE.
func (k *cluster) namespace(t testing.TB, name string, labels ...string) string {
	t.Helper()
	all := map[string]string{}
	for _, l := range labels {
		n, v, _ := strings.Cut(l, "=")
		all[n] = v
	}
	k.do(t, http.MethodPost, "/api/v1/namespaces", map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "labels": all},
	}).is(http.StatusCreated)
	return name
}

// apply applies manifests as kubectl apply --server-side does, one after the
// other, and returns what the API server said of each.
func (k *cluster) apply(t testing.TB, manifests string) []reply {
	t.Helper()
	var all []reply
	for _, m := range documents(t, manifests) {
		data, err := json.Marshal(m)
		check(t, err)
		a, err := k.ask(within(t, time.Minute), http.MethodPatch, k.path(t, m)+"?fieldManager=test&force=true&fieldValidation=Strict", "application/apply-patch+yaml", data)
		check(t, err)
		a.t = t
		all = append(all, a)
	}
	if len(all) == 0 {
		t.Fatal("there is nothing to apply")
	}
	return all
}

// path is where an object is.
func (k *cluster) path(t testing.TB, object map[string]any) string {
	t.Helper()
	version, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	meta, _ := object["metadata"].(map[string]any)
	base := "/apis/" + version
	if !strings.Contains(version, "/") {
		base = "/api/" + version
	}
	listed := k.do(t, http.MethodGet, base, nil).is(http.StatusOK)
	var resources struct {
		Resources []struct {
			Name, Kind string
			Namespaced bool
		}
	}
	check(t, json.Unmarshal([]byte(listed.text), &resources))
	for _, r := range resources.Resources {
		if r.Kind != kind || strings.Contains(r.Name, "/") {
			continue
		}
		if !r.Namespaced {
			return fmt.Sprintf("%s/%s/%v", base, r.Name, meta["name"])
		}
		return fmt.Sprintf("%s/namespaces/%v/%s/%v", base, meta["namespace"], r.Name, meta["name"])
	}
	t.Fatalf("the API server has no %s of %s", kind, version)
	return ""
}

// documents are the objects of a file of manifests.
func documents(t testing.TB, manifests string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for d := yaml.NewDecoder(strings.NewReader(manifests)); ; {
		var m map[string]any
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		check(t, err)
		if m != nil {
			all = append(all, m)
		}
	}
}

// eventually waits for what the API server does in its own time.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within a minute: %s", what)
}
