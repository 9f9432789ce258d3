//go:build integration

package integration

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// webhook is a hallmark-admission that runs on loopback.
type webhook struct {
	address, metrics string // host:port
	trust            string // its trust directory
	cert             webhookCert
	args             []string
	log              string

	cmd  *exec.Cmd
	done chan error
}

// newWebhook starts hallmark-admission with a trust directory of files. It knows
// loopback's registries, which speak no TLS. Its certificate is for hosts, too.
func newWebhook(t testing.TB, files map[string]string, hosts []string, args ...string) *webhook {
	t.Helper()
	w := &webhook{address: refusing(t), metrics: refusing(t), trust: t.TempDir(), cert: newCertificate(t, hosts...), log: filepath.Join(t.TempDir(), "log")}
	for name, content := range files {
		check(t, os.WriteFile(filepath.Join(w.trust, name), []byte(content), 0o644))
	}
	w.args = append([]string{
		"--listen", w.address, "--metrics-listen", w.metrics, "--tls-cert", w.cert.crt, "--tls-key", w.cert.key, "--trust-dir", w.trust, "--allow-http-registry",
		// Nobody waits here for what a Service needs to hear of it.
		"--reload", "100ms", "--drain-delay", "0s",
	}, args...)
	w.start(t)
	t.Cleanup(func() {
		w.stop(t)
		if t.Failed() {
			t.Logf("hallmark-admission wrote:\n%s", tail(read(t, w.log)))
		}
	})
	return w
}

// start starts the server and waits until it is ready.
func (w *webhook) start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(w.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(t, err)
	defer log.Close()
	w.cmd = exec.Command(filepath.Join(programs, "hallmark-admission"), w.args...)
	// A quarter of what the chart gives it.
	w.cmd.Env = []string{"HOME=" + t.TempDir(), "GOMEMLIMIT=230MiB"}
	w.cmd.Stdout, w.cmd.Stderr = log, log
	check(t, w.cmd.Start())
	w.done = make(chan error, 1)
	go func(c *exec.Cmd, done chan error) { done <- c.Wait() }(w.cmd, w.done)
	client := newCaller("https://"+w.address, w.cert.roots, time.Second).client
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-w.done:
			t.Fatalf("hallmark-admission ended: %v\n%s", err, tail(read(t, w.log)))
		default:
		}
		if a, err := client.Get("https://" + w.address + "/readyz"); err == nil {
			a.Body.Close()
			if a.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("hallmark-admission is not ready\n%s", tail(read(t, w.log)))
}

// stop tells the server to end, as the kubelet does, and waits for it.
func (w *webhook) stop(t testing.TB) {
	t.Helper()
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-w.done:
		if err != nil {
			t.Errorf("hallmark-admission ends with %v after SIGTERM, want 0", err)
		}
	case <-time.After(45 * time.Second):
		t.Error("hallmark-admission has not ended 45 s after SIGTERM")
		_ = w.cmd.Process.Kill()
		<-w.done
	}
	w.cmd = nil
}

// write puts a file of the trust directory in the place of the one before.
func (w *webhook) write(t testing.TB, name, content string) {
	t.Helper()
	swap(t, filepath.Join(w.trust, name), content)
}

// measured is the page of metrics.
func (w *webhook) measured(t testing.TB) string {
	t.Helper()
	a, err := http.Get("http://" + w.metrics + "/metrics")
	check(t, err)
	defer a.Body.Close()
	var page bytes.Buffer
	_, err = page.ReadFrom(a.Body)
	check(t, err)
	return page.String()
}

func tail(s string) string { return s[max(0, len(s)-6000):] }

// guarded is a part of the cluster that a webhook is asked about: the namespaces
// made by namespace.
type guarded struct {
	*cluster
	name string // of the installation
}

// guard installs the chart for w, the Service of which leads to loopback. Other
// tests share the API server, so it is asked about namespaces of this test
// alone; that, and where the Service leads, is all that differs from what people
// install.
func (k *cluster) guard(t testing.TB, name string, w *webhook, options ...string) *guarded {
	t.Helper()
	g := &guarded{k, name}
	system := g.system()
	k.namespace(t, system)
	_, port, err := net.SplitHostPort(w.address)
	check(t, err)
	options = append([]string{
		"--set", "service.port=" + port, "--set", "tls.mode=secret,tls.caBundle=" + base64.StdEncoding.EncodeToString(w.cert.pem), "--set", "webhook.mutate.enabled=true",
	}, options...)
	out := peer(t, "helm").run(append([]string{"template", name, chart, "--namespace", system, "--values", chartValues, "--show-only", "templates/webhooks.yaml", "--show-only", "templates/service.yaml"}, options...)...).exits(0).stdout
	webhooks := 0
	for _, m := range documents(t, out) {
		switch m["kind"] {
		case "Service":
			m["spec"] = map[string]any{"type": "ExternalName", "externalName": "localhost"}
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			selector := at(t, m, "webhooks", 0, "namespaceSelector").(map[string]any)
			selector["matchExpressions"] = append(selector["matchExpressions"].([]any), map[string]any{"key": "guarded-by", "operator": "In", "values": []any{name}})
			webhooks++
			path := k.path(t, m)
			t.Cleanup(func() { k.do(t, http.MethodDelete, path, nil) })
		}
		data, err := yaml.Marshal(m)
		check(t, err)
		for _, a := range k.apply(t, string(data)) {
			a.allowed()
		}
	}
	if webhooks != 2 {
		t.Fatalf("the chart has %d webhooks, want 2", webhooks)
	}
	// The API server takes a moment to take them up.
	probe := g.namespace(t, "probe")
	eventually(t, "the API server asks the webhook", func() bool {
		return g.create(t, probe, pod("probe", "registry.invalid/nobody/nothing@sha256:"+strings.Repeat("0", 64)), "?dryRun=All").code != http.StatusCreated
	})
	return g
}

func (g *guarded) system() string { return "system-" + g.name }

// namespace makes a namespace that the webhook is asked about.
func (g *guarded) namespace(t testing.TB, name string) string {
	t.Helper()
	return g.cluster.namespace(t, name+"-"+g.name, "guarded-by="+g.name)
}

// create creates an object in a namespace, with the query of the request, if
// any.
func (k *cluster) create(t testing.TB, namespace string, object map[string]any, query ...string) reply {
	t.Helper()
	object["metadata"].(map[string]any)["namespace"] = namespace
	path := k.path(t, object)
	return k.do(t, http.MethodPost, path[:strings.LastIndex(path, "/")]+strings.Join(query, ""), object)
}

// pod is a Pod with one container for each of images.
func pod(name string, images ...string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name}, "spec": podSpec(images...)}
}

func podSpec(images ...string) map[string]any {
	var containers []any
	for i, image := range images {
		containers = append(containers, map[string]any{"name": fmt.Sprintf("c%d", i), "image": image})
	}
	return map[string]any{"containers": containers}
}

// makers are objects of every kind that makes Pods, with one image.
func makers(image string) []map[string]any {
	labels := map[string]any{"app": "x"}
	template := func(restart string) map[string]any {
		spec := podSpec(image)
		if restart != "" {
			spec["restartPolicy"] = restart
		}
		return map[string]any{"metadata": map[string]any{"labels": labels}, "spec": spec}
	}
	of := func(version, kind string, spec map[string]any) map[string]any {
		return map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{"name": strings.ToLower(kind)}, "spec": spec}
	}
	selected := func() map[string]any {
		return map[string]any{"selector": map[string]any{"matchLabels": labels}, "template": template("")}
	}
	job := func() map[string]any { return map[string]any{"template": template("Never")} }
	return []map[string]any{
		of("apps/v1", "Deployment", selected()), of("apps/v1", "StatefulSet", selected()), of("apps/v1", "DaemonSet", selected()), of("apps/v1", "ReplicaSet", selected()),
		of("batch/v1", "Job", job()), of("batch/v1", "CronJob", map[string]any{"schedule": "0 0 1 1 *", "jobTemplate": map[string]any{"spec": job()}}),
		of("v1", "ReplicationController", map[string]any{"selector": labels, "template": template("")}),
	}
}
